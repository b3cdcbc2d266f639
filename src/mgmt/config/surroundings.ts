/** What of the process decides where files lie: its environment, its user. */
import { homedir } from 'node:os';

export interface Surroundings {
  readonly variables: {
    readonly GOSTOR_CONFIG?: string | undefined;
    readonly XDG_STATE_HOME?: string | undefined;
    /** Whatever the configuration names in a `secretEnv`. */
    readonly [name: string]: string | undefined;
  };
  readonly homeDirectory: string;
  readonly isRoot: boolean;
}

export function systemSurroundings(): Surroundings {
  return { variables: process.env, homeDirectory: homedir(), isRoot: process.getuid?.() === 0 };
}

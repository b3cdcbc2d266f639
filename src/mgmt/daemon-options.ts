/** What the command line says to the daemon. It imports nothing, so that --help answers at once. */

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Null where the command line says nothing. */
export interface DaemonOptions {
  readonly configFile: string | null;
  readonly stateDirectory: string | null;
  readonly host: string | null;
  readonly port: number | null;
  /** All sessions of a target come from one host. */
  readonly blocksMultipleHosts: boolean;
  readonly logLevel: LogLevel;
}

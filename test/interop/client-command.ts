/**
 * Command line clients. Their output goes to a file, as some write a line per I/O and a pipe that nobody empties would stop
 * them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { DIES_WITH_ITS_STARTER, type TestFolder } from './daemon-process.ts';

const CLIENT_MS_MAX = 300_000;
/** How setpriv(1) ends when the command does not exist. */
const NOT_FOUND_EXIT = 127;
/** Of the output that stands in the message of a failure. */
const OUTPUT_TAIL_CHARS = 2000;

export interface ClientResult {
  /** Exit code, or the name of the signal. */
  readonly end: number | string;
  /** Standard output and error, in the order of writing; a character for each byte. */
  readonly output: string;
}

export class ClientCommand {
  readonly ended: Promise<ClientResult>;
  private readonly child: ChildProcess;

  /** Starts `command`; it is killed after CLIENT_MS_MAX and with the process of the tests. */
  constructor(folder: TestFolder, command: string, args: readonly string[]) {
    const path = folder.join(`${basename(command)}-${process.hrtime.bigint()}.log`);
    const file = openSync(path, 'wx');
    const [starter, ...words] = [...DIES_WITH_ITS_STARTER, command, ...args] as [string, ...string[]];
    const child = spawn(starter, words, {
      stdio: ['ignore', file, file],
      timeout: CLIENT_MS_MAX,
      killSignal: 'SIGKILL',
    });
    closeSync(file);
    this.child = child;
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === NOT_FOUND_EXIT) reject(new Error(`there is no ${command}; scripts/test.sh installs it`));
        resolve({ end: signal ?? (code as number), output: readFileSync(path, 'latin1') });
      });
    });
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Runs `command` to its end. Rejects when it is not installed. */
export function runClient(folder: TestFolder, command: string, args: readonly string[]): Promise<ClientResult> {
  return new ClientCommand(folder, command, args).ended;
}

/** The output of a `command` that must succeed. */
export async function clientOutput(folder: TestFolder, command: string, args: readonly string[]): Promise<string> {
  return successfulOutput(command, await runClient(folder, command, args));
}

export function successfulOutput(command: string, { end, output }: ClientResult): string {
  if (end !== 0) throw new Error(`${command} ended with ${end}: …${output.slice(-OUTPUT_TAIL_CHARS)}`);
  return output;
}

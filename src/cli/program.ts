/**
 * The command line: which verbs there are and how a run ends. Exit codes: 0 done, 1 the work failed (a configuration fault,
 * an address in use), 2 the command line was not understood. Nothing heavy is loaded before a verb asks for it.
 */
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../mgmt/config/config-error.ts';
import { addDaemonVerb, type RunDaemon, runInThisProcess } from './daemon.ts';
import { addVersionVerb, packageVersion } from './version.ts';

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** What is written to: process.stdout and process.stderr, or a test's own. */
export interface TextOutput {
  write(text: string): unknown;
}

const EXAMPLES = `
Examples:
  $ gotgt-native daemon                               serve a 1 GiB disk on 127.0.0.1:3260
  $ gotgt-native daemon --host 0.0.0.0                the same, for the whole network
  $ gotgt-native daemon --config /etc/gotgt.json      serve what the file says
  $ gotgt-native daemon --help                        all options of the daemon`;

/**
 * Runs one command line to its end and returns the exit code.
 * @param run what the `daemon` verb does with its options
 */
export async function runCommandLine(
  args: readonly string[],
  out: TextOutput,
  err: TextOutput,
  run: RunDaemon = runInThisProcess,
): Promise<number> {
  const program = makeProgram(out, err, run);
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return EXIT_USAGE;
    }
    await program.parseAsync(args, { from: 'user' });
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
    err.write(`${failureText(error)}\n`);
    return EXIT_FAILED;
  }
}

function makeProgram(out: TextOutput, err: TextOutput, run: RunDaemon): Command {
  const program = new Command('gotgt-native')
    .description('iSCSI target for Linux: serves files and block devices as SCSI disks.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(gotgt-native --help lists the verbs and options)')
    .configureOutput({ writeOut: (text) => out.write(text), writeErr: (text) => err.write(text) })
    .exitOverride();
  addDaemonVerb(program, run);
  addVersionVerb(program, (text) => out.write(text));
  return program;
}

/** What an operator can act on is a sentence; anything else is a bug of ours and shows its stack. */
function failureText(error: unknown): string {
  if (error instanceof ConfigError) return error.describe();
  if (!(error instanceof Error)) return `gotgt-native: ${String(error)}`;
  return 'code' in error ? `gotgt-native: ${error.message}` : `gotgt-native: ${error.stack ?? error.message}`;
}

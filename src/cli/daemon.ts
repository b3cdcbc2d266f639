/** The `daemon` verb: reads the options, then loads the daemon and runs it until it is told to stop. */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import { type DaemonOptions, LOG_LEVELS, type LogLevel } from '../mgmt/daemon-options.ts';

const PORT_MAX = 65535;

const DETAILS = `
Without --config the daemon reads $GOSTOR_CONFIG/config.json, else ~/.gotgt/config.json; without any of them
it serves one sparse 1 GiB disk, disk0.img in the state directory, on 127.0.0.1:3260.

--host and --port replace every portal of the configuration by that one (host 127.0.0.1 and port 3260 when only
the other is given); all targets listen there. Port 0 takes a free port; the log says which.

The state directory keeps the identity of every disk. It is $XDG_STATE_HOME/gotgt-native, else
/var/lib/gotgt-native for root, else ~/.local/state/gotgt-native.

SIGTERM or SIGINT ends it in order. SIGHUP reads the configuration again and takes over redirections, media and sizes. GOTGT_NATIVE=off in the environment serves without io_uring and the addon.

Examples:
  $ gotgt-native daemon
  $ gotgt-native daemon --config /etc/gotgt.json --log debug
  $ gotgt-native daemon --host :: --port 3261 --state-dir /srv/gotgt`;

interface ParsedOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly host?: string;
  readonly port?: number;
  readonly blockMultipleHosts?: boolean;
  readonly log: LogLevel;
}

/** Serves until stopped in order; rejects when it cannot start or go on. */
export type RunDaemon = (options: DaemonOptions) => Promise<void>;

export function addDaemonVerb(program: Command, run: RunDaemon): void {
  program
    .command('daemon')
    .description('serve the configured disks until stopped')
    .option('-c, --config <file>', 'configuration, as gotgt writes it (JSON)')
    .option('--state-dir <dir>', 'directory for what is kept over restarts')
    .option('--host <address>', 'listen on this address instead of the configured portals', parseHost)
    .option('--port <number>', 'listen on this port instead of the configured portals', parsePort)
    .option('--block-multiple-hosts', 'refuse logins to a target from a second host while one is logged in')
    .option('--log <level>', `least level that is logged: ${LOG_LEVELS.join(', ')}`, parseLogLevel, 'info')
    .addHelpText('after', DETAILS)
    .allowExcessArguments(false)
    .action((options: ParsedOptions) => run(daemonOptions(options)));
}

/** The composition root brings everything with it; only this verb waits for that. */
export async function runInThisProcess(options: DaemonOptions): Promise<void> {
  const { runDaemon } = await import('../daemon.ts');
  await runDaemon(options);
}

function daemonOptions({ config, stateDir, host, port, blockMultipleHosts, log }: ParsedOptions): DaemonOptions {
  return {
    configFile: config ?? null,
    stateDirectory: stateDir ?? null,
    host: host ?? null,
    port: port ?? null,
    blocksMultipleHosts: blockMultipleHosts ?? false,
    logLevel: log,
  };
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= PORT_MAX) return port;
  throw new InvalidArgumentError(`expected a whole number from 0 to ${PORT_MAX}.`);
}

function parseHost(text: string): string {
  const host = /^\[.*\]$/.test(text) ? text.slice(1, -1) : text;
  if (isIP(host) !== 0) return host;
  throw new InvalidArgumentError('expected an IPv4 or IPv6 address, such as 192.0.2.1, 0.0.0.0 or ::');
}

/** gotgt's own words for its highest levels are taken as well. */
function parseLogLevel(text: string): LogLevel {
  const lower = text.toLowerCase();
  const word = lower === 'panic' || lower === 'fatal' ? 'error' : lower === 'warning' ? 'warn' : lower;
  const level = LOG_LEVELS.find((known) => known === word);
  if (level !== undefined) return level;
  throw new InvalidArgumentError(`expected one of ${LOG_LEVELS.join(', ')}.`);
}

/**
 * The built daemon as a child process, as a user runs it: `node dist/cli/main.js daemon` with a configuration in a folder of
 * its own. What has been asked to stop must end with exit code 0 in STOP_MS_MAX; what is left over dies with the tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../patience.ts';

/** What SIGTERM may take: the time that initiators get for their logouts, and what the stores need to flush on a busy disk. */
const STOP_MS_MAX = 30_000;
/** Runs the command that follows; the kernel kills it with the process that started it, however that ends. */
export const DIES_WITH_ITS_STARTER: readonly string[] = ['setpriv', '--pdeathsig', 'KILL'];
export const TARGET_NAME = 'iqn.2026-11.org.example:interop';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'dist/cli/main.js');

export interface DiskSetup {
  /** "file" or "iouring". */
  readonly scheme: string;
  /** In the folder of the daemon. */
  readonly fileName: string;
  /** As large as the file is, when left out. */
  readonly size?: string;
  readonly blockShift?: number;
  readonly isReadOnly?: boolean;
  readonly isRemovable?: boolean;
  /** Past the page cache. */
  readonly isDirect?: boolean;
}

export interface DaemonSetup {
  /** LUN 0, 1, … of TARGET_NAME. */
  readonly disks: readonly DiskSetup[];
  /** "address:port"; by default a free port of 127.0.0.1. */
  readonly portal?: string;
  /** Further ones, after it in `addresses`. */
  readonly otherPortals?: readonly string[];
  /** The keys of iscsitargets.<name>.negotiation. */
  readonly negotiation?: Readonly<Record<string, unknown>>;
  /** The key isns. */
  readonly isns?: Readonly<Record<string, unknown>>;
  /** Further keys of iscsitargets.<name>, such as auth. */
  readonly targetKeys?: Readonly<Record<string, unknown>>;
  /** Further keys of the whole, such as discoveryAuth. */
  readonly keys?: Readonly<Record<string, unknown>>;
  /** A command and its arguments that run the daemon, such as setpriv(1). */
  readonly wrapper?: readonly string[];
  /** "info" when left out. */
  readonly logLevel?: string;
}

/** One line of the log. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Exit code, or the name of the signal. */
export type ProcessEnd = number | string;

/** What is left of them when the tests end is removed by one listener: Node.js warns of more than ten. */
const foldersLeft = new Set<string>();
process.once('exit', () => {
  for (const path of foldersLeft) rmSync(path, { recursive: true, force: true });
});

/** A temporary folder, until dispose() or the end of the tests, for disks, state and the output of clients. */
export class TestFolder {
  readonly path: string;

  constructor(parentFolder = tmpdir()) {
    this.path = mkdtempSync(join(parentFolder, 'gotgt-interop-'));
    foldersLeft.add(this.path);
  }

  join(name: string): string {
    return join(this.path, name);
  }

  dispose(): void {
    foldersLeft.delete(this.path);
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class DaemonProcess {
  /** "address:port" of every listener. */
  readonly addresses: string[] = [];
  readonly log: LogLine[] = [];
  readonly ended: Promise<ProcessEnd>;
  stderr = '';
  private readonly child: ChildProcess;
  private rest = '';
  private isOver = false;

  private constructor(args: readonly string[], wrapper: readonly string[]) {
    const command = [...DIES_WITH_ITS_STARTER, ...wrapper, process.execPath, BIN, 'daemon', ...args];
    this.child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    const { child } = this;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => this.onOutput(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.isOver = true;
        resolve(signal ?? (code as number));
      });
    });
  }

  /** Starts one that need not come up. */
  static launch(folder: TestFolder, setup: DaemonSetup): DaemonProcess {
    expectFreshBuild();
    const config = folder.join(`config-${setup.portal ?? 'any'}.json`);
    writeFileSync(config, JSON.stringify(configDocument(folder, setup)));
    const args = ['--config', config, '--state-dir', folder.join('state'), '--log', setup.logLevel ?? 'info'];
    return new DaemonProcess(args, setup.wrapper ?? []);
  }

  /** Resolves when it listens; rejects with what it said instead. */
  static async start(folder: TestFolder, setup: DaemonSetup): Promise<DaemonProcess> {
    const daemon = DaemonProcess.launch(folder, setup);
    const portals = 1 + (setup.otherPortals?.length ?? 0);
    const isUp = () => daemon.addresses.length === portals || daemon.isOver;
    await waitUntil('the daemon listens', isUp).catch((late: Error) => {
      throw new Error(`${late.message}; it said: ${daemon.stderr}${daemon.logText()}`);
    });
    if (daemon.isOver) throw new Error(`the daemon ended (${await daemon.ended}): ${daemon.stderr}${daemon.logText()}`);
    return daemon;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Resident memory in KiB, as the kernel counts it. */
  get residentKiB(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  get address(): string {
    return this.addresses[0] as string;
  }

  get portalUrl(): string {
    return `iscsi://${this.address}`;
  }

  url(lun: number): string {
    return `${this.portalUrl}/${TARGET_NAME}/${lun}`;
  }

  /** One for each portal. */
  urls(lun: number): string[] {
    return this.addresses.map((address) => `iscsi://${address}/${TARGET_NAME}/${lun}`);
  }

  /** The lines whose text is `message`. */
  logged(message: string): LogLine[] {
    return this.log.filter(({ msg }) => msg === message);
  }

  /**
   * The same once there are `count` at least: a line may come later than the answer that an initiator got, all the more one
   * from a reactor.
   */
  async loggedSoon(message: string, count = 1): Promise<LogLine[]> {
    await waitUntil(`"${message}" is logged`, () => this.logged(message).length >= count);
    return this.logged(message);
  }

  logText(): string {
    return this.log.map((line) => JSON.stringify(line)).join('\n');
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** SIGTERM. Throws when it does not end in order and in time, or has logged an error. */
  async stop(): Promise<void> {
    const start = performance.now();
    this.signal('SIGTERM');
    const end = await this.ended;
    const ms = Math.round(performance.now() - start);
    if (end !== 0) throw new Error(`the daemon ended with ${end} after SIGTERM: ${this.stderr}${this.logText()}`);
    if (ms > STOP_MS_MAX) throw new Error(`the daemon needed ${ms} ms to stop`);
    if (this.stderr !== '') throw new Error(`the daemon complained: ${this.stderr}`);
    const errors = this.log.filter(({ level }) => level >= LEVEL_ERROR);
    if (errors.length > 0) throw new Error(`the daemon logged an error: ${JSON.stringify(errors[0])}`);
  }

  /** SIGKILL, as the kernel's out-of-memory killer would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  private onOutput(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() as string;
    for (const line of lines) {
      const entry = JSON.parse(line) as LogLine;
      this.log.push(entry);
      const { address } = entry;
      if (entry.msg === 'listening') this.addresses.push(address as string);
    }
  }
}

/** pino's number. */
const LEVEL_ERROR = 50;

function configDocument(folder: TestFolder, setup: DaemonSetup): object {
  const { disks, portal, otherPortals, negotiation, isns, targetKeys, keys } = setup;
  const luns = Object.fromEntries(disks.map((_, lun) => [lun, lun]));
  return {
    storages: disks.map(({ scheme, fileName, size, blockShift, isReadOnly, isRemovable, isDirect }, deviceID) => ({
      deviceID,
      path: `${scheme}:${folder.join(fileName)}`,
      size,
      thinProvisioning: true,
      ...(blockShift === undefined ? {} : { blockShift }),
      readOnly: isReadOnly ?? false,
      removable: isRemovable ?? false,
      direct: isDirect ?? false,
    })),
    iscsiportals: [portal ?? '127.0.0.1:0', ...(otherPortals ?? [])].map((each, id) => ({ id, portal: each })),
    iscsitargets: { [TARGET_NAME]: { luns, ...(negotiation === undefined ? {} : { negotiation }), ...targetKeys } },
    ...(isns === undefined ? {} : { isns }),
    ...keys,
  };
}

/** The tests of src run from src; these run what was built of it, which must not be something older. */
function expectFreshBuild(): void {
  const built = statSync(BIN, { throwIfNoEntry: false });
  if (built === undefined) throw new Error('there is no dist/ yet, which these tests run; run: npm run build');
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  for (const entry of sources) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && statSync(path).mtimeMs > built.mtimeMs) {
      throw new Error(`dist/, which these tests run, is older than ${path}; run: npm run build`);
    }
  }
}

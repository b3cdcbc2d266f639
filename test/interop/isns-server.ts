/**
 * Debian's iSNS server (open-isns) as a child process with a configuration of its own and no authentication, and isnsadm
 * to see what it has.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { waitUntil } from '../patience.ts';
import { clientOutput } from './client-command.ts';
import type { TestFolder } from './daemon-process.ts';

const ISNSD = '/usr/sbin/isnsd';
const ISNSADM = '/usr/sbin/isnsadm';
const WATCHER_NAME = 'iqn.2026-11.org.example:watcher';

export class IsnsServer {
  readonly port: number;
  private readonly folder: TestFolder;
  private child: ChildProcess | null = null;
  private ended: Promise<void> = Promise.resolve();
  private isDisposed = false;

  private constructor(folder: TestFolder, port: number, registrationPeriodS: number) {
    this.folder = folder;
    this.port = port;
    const names = ['Database', 'PIDFile', 'ControlSocket'];
    writeFileSync(
      this.configFile,
      [
        'SourceName = iqn.2026-11.org.example:isns',
        `BindAddress = 127.0.0.1:${port}`,
        `RegistrationPeriod = ${registrationPeriodS}`,
        'DefaultDiscoveryDomain = 1',
        'SLPRegister = 0',
        'Security = 0',
        ...names.map((name) => `${name} = ${folder.join(`isnsd-${name}`)}`),
        '',
      ].join('\n'),
    );
    const client = [`SourceName = ${WATCHER_NAME}`, `ServerAddress = 127.0.0.1:${port}`, 'Security = 0', ''];
    writeFileSync(this.clientConfigFile, client.join('\n'));
  }

  /** On a port that was free; not started yet. */
  static async create(folder: TestFolder, registrationPeriodS: number): Promise<IsnsServer> {
    return new IsnsServer(folder, await freePort(), registrationPeriodS);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it without any memory of an earlier run. */
  async start(): Promise<void> {
    // A test that ran out of time goes on behind the back of its suite.
    if (this.isDisposed) throw new Error('the tests are over');
    await this.stop();
    rmSync(this.folder.join('isnsd-Database'), { recursive: true, force: true });
    const file = openSync(this.folder.join('isnsd.log'), 'a');
    // The kernel ends it with the tests, however these end.
    const args = ['--pdeathsig', 'KILL', ISNSD, '-f', '-c', this.configFile];
    const child = spawn('setpriv', args, { stdio: ['ignore', file, file] });
    closeSync(file);
    const killAtExit = () => child.kill('SIGKILL');
    process.once('exit', killAtExit);
    let failure: string | null = null;
    child.once('error', (error) => {
      failure = error.message;
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        process.off('exit', killAtExit);
        const log = readFileSync(this.folder.join('isnsd.log'), 'utf8');
        failure ??= `isnsd, which scripts/test.sh installs, ended with ${code}: ${log}`;
        resolve();
      });
    });
    this.child = child;
    let isUp = false;
    const probe = setInterval(() => {
      const socket = connect(this.port, '127.0.0.1', () => {
        isUp = true;
        socket.destroy();
      });
      socket.on('error', () => socket.destroy());
    }, 50);
    await waitUntil('isnsd listens', () => isUp || failure !== null).finally(() => clearInterval(probe));
    if (failure !== null) throw new Error(failure);
    // In the default discovery domain, where it sees the others.
    await this.admin('--register', `initiator=${WATCHER_NAME}`);
  }

  async stop(): Promise<void> {
    this.child?.kill('SIGKILL');
    this.child = null;
    await this.ended;
  }

  /** Stops it for good. */
  async dispose(): Promise<void> {
    this.isDisposed = true;
    await this.stop();
  }

  /** The names of targets, sorted. */
  async targets(): Promise<string[]> {
    const names = found(await this.admin('--list', 'nodes'), 'iSCSI name');
    return names.filter((name) => name !== WATCHER_NAME).sort();
  }

  /** "address port" of each portal, sorted. */
  async portals(): Promise<string[]> {
    const output = await this.admin('--list', 'portals');
    const ports = found(output, 'Portal TCP/UDP port');
    return found(output, 'Portal IP address')
      .map((address, i) => `${address} ${ports[i]}`)
      .sort();
  }

  /** "name address port tag" of each way to a target, sorted. */
  async portalGroups(): Promise<string[]> {
    const output = await this.admin('--query', 'pg-name');
    const columns = ['Portal group address', 'Portal group port', 'Portal group tag'].map((key) => found(output, key));
    return found(output, 'Portal group name')
      .map((name, i) => [name, ...columns.map((column) => column[i])].join(' '))
      .sort();
  }

  /** What isnsadm prints. */
  admin(...args: readonly string[]): Promise<string> {
    return clientOutput(this.folder, ISNSADM, ['-c', this.clientConfigFile, ...args]);
  }

  private get configFile(): string {
    return this.folder.join('isnsd.conf');
  }

  private get clientConfigFile(): string {
    return this.folder.join('isnsadm.conf');
  }
}

/** The values behind "key = " in the order of lines, without their quotes. */
function found(output: string, key: string): string[] {
  return [...output.matchAll(/^ {2}[0-9a-f]{4} {2}\S+ *: (.+?) = "?(.*?)"?$/gm)]
    .filter(([, name]) => name === key)
    .map(([, , value]) => value as string);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * A Linux guest as a plain program: user-mode-linux in the root that scripts/uml-root.sh makes, its network carried over
 * ordinary sockets by slirp, for whom 10.0.2.2 is this machine. It shares one folder with the test, where guest.sh is what it
 * runs; linux-guest.sh beside it is what the guests have in common.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../patience.ts';
import type { TestFolder } from './daemon-process.ts';

/** This machine, as the guest sees it. */
export const HOST_ADDRESS = '10.0.2.2';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const GUEST_ROOT = join(ROOT, '.cache/uml/root');
const COMMON_SCRIPT = fileURLToPath(new URL('linux-guest.sh', import.meta.url));
const MEMORY_MIB = 192;
const SHARED_MEMORY = '/dev/shm';

/** Downloads and unpacks the guest's root where that is not done. Throws when it cannot be had. */
export function prepareGuestRoot(): void {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'scripts/uml-root.sh'), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`scripts/uml-root.sh ended with ${status}: ${stdout.slice(-1000)}${stderr}`);
}

export class UmlGuest {
  /** Its console and its kernel's words. */
  output = '';
  readonly ended: Promise<number | string>;
  private readonly child: ChildProcess;
  private readonly killAtExit = () => this.killAll();
  private isOver = false;

  /** @param parameters environment of `script` */
  constructor(folder: TestFolder, script: string, parameters: Readonly<Record<string, string>>) {
    copyFileSync(script, folder.join('guest.sh'));
    copyFileSync(COMMON_SCRIPT, folder.join('linux-guest.sh'));
    const words = Object.entries({ ...parameters, folder: folder.path }).map(([name, value]) => `${name}=${value}`);
    this.child = spawn(
      join(GUEST_ROOT, 'usr/bin/linux.uml'),
      [
        ...['root=/dev/root', 'rootfstype=hostfs', `rootflags=${GUEST_ROOT}`, 'ro', 'init=/init'],
        ...[`mem=${MEMORY_MIB}M`, `uml_dir=${folder.path}/`, 'con=null', 'con0=fd:0,fd:1', 'quiet'],
        ...[`eth0=slirp,,${join(GUEST_ROOT, 'usr/bin/slirp-fullbolt')}`],
        ...words,
      ],
      // A group of its own: the guest's processes are processes of this machine, and so is slirp.
      { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env: { ...process.env, TMPDIR: memoryFolder(folder) } },
    );
    const { child } = this;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text.replaceAll('\r', '');
      });
    }
    child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
      // One that has ended reads no more; `ended` tells.
      if (error.code !== 'EPIPE') throw error;
    });
    process.once('exit', this.killAtExit);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', this.killAtExit);
      child.once('close', (code, signal) => {
        this.isOver = true;
        resolve(signal ?? (code as number));
      });
    });
  }

  get hasEnded(): boolean {
    return this.isOver;
  }

  /** Types a line at its console. */
  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  hasReached(step: string): boolean {
    return this.output.split('\n').includes(`== ${step}`);
  }

  /** Resolves when the guest says "== step". Rejects when it has ended without, or after `msMax`. */
  async reach(step: string, msMax: number): Promise<void> {
    try {
      await waitUntil(`the guest reaches "${step}"`, () => this.isOver || this.hasReached(step), msMax);
      if (!this.hasReached(step)) throw new Error(`the guest ended before "${step}"`);
    } catch (error) {
      throw new Error(`${(error as Error).message}; it said:\n${this.output}`);
    }
  }

  /** What the guest said between two steps. */
  said(from: string, to: string): string {
    const start = this.output.indexOf(`\n== ${from}\n`);
    return this.output.slice(start, this.output.indexOf(`\n== ${to}\n`, start));
  }

  /** Ends what may still run of it. */
  dispose(): void {
    process.off('exit', this.killAtExit);
    this.killAll();
  }

  private killAll(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Where the file lies that is the guest's memory: in a container /dev/shm may be too small for it. */
function memoryFolder(folder: TestFolder): string {
  const shared = statfsSync(SHARED_MEMORY);
  return shared.bavail * shared.bsize > 2 * MEMORY_MIB * 1048576 ? SHARED_MEMORY : folder.path;
}

/**
 * A Linux guest with two NUMA nodes: QEMU without virtualisation, Debian's kernel, and an initial RAM disk that holds what the
 * test gives it. scripts/qemu-root.sh gets QEMU and the kernel.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DIES_WITH_ITS_STARTER, type TestFolder } from './daemon-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, '.cache/qemu');
const QEMU_ROOT = join(CACHE, 'root');
/** What the daemon loads. */
const MODULES = ['pino', 'typebox', 'node-gyp-build'];
const FOLDERS = ['bin', 'dev', 'proc', 'sys', 'tmp'];
/** Of each node. The RAM disk, some 130 MiB, lies in one of them. */
const NODE_MIB = 512;
/** Of 2 MiB; Linux takes half of them from each node. */
const HUGE_PAGES = 32;

/** What the guest starts: mounts what a program expects, runs it, and powers off. */
const INIT = `#!/bin/busybox sh
busybox mount -t proc none /proc
busybox mount -t sysfs none /sys
busybox mount -t devtmpfs none /dev
busybox mount -t tmpfs none /tmp
busybox ip link set lo up
/bin/node /guest.mjs
echo "== ended with $?"
busybox poweroff -f
`;

/** Downloads and unpacks QEMU and the kernel where that is not done. Throws when they cannot be had. */
export function prepareQemu(): void {
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'scripts/qemu-root.sh'), { encoding: 'utf8' });
  if (status !== 0) throw new Error(`scripts/qemu-root.sh ended with ${status}: ${stdout.slice(-1000)}${stderr}`);
}

/** The RAM disk of a guest, while it is put together. */
export class GuestDisk {
  readonly path: string;
  private readonly folder: TestFolder;

  /** With Node.js and busybox. */
  constructor(folder: TestFolder) {
    this.folder = folder;
    this.path = folder.join('initrd');
    for (const name of FOLDERS) mkdirSync(folder.join(`disk/${name}`), { recursive: true });
    this.add(join(QEMU_ROOT, 'bin/busybox'), 'bin/busybox');
    symlinkSync('busybox', folder.join('disk/bin/sh'));
    this.addProgram(process.execPath, 'bin/node');
    writeFileSync(folder.join('disk/init'), INIT);
    chmodSync(folder.join('disk/init'), 0o755);
  }

  add(file: string, to: string): void {
    const path = this.folder.join(`disk/${to}`);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(realpathSync(file), path);
  }

  /** With the libraries that it is linked to, which lie where they do here. */
  addProgram(file: string, to: string): void {
    this.add(file, to);
    const { stdout } = spawnSync('ldd', [file], { encoding: 'utf8' });
    for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g))
      this.add(library as string, (library as string).slice(1));
  }

  /** What the daemon needs besides Node.js, as it was built here. */
  addDaemon(): void {
    for (const name of ['dist', 'build/Release/gotgt_native.node', 'package.json']) {
      this.addFolder(join(ROOT, name), name);
    }
    for (const name of withDependencies(MODULES)) {
      this.addFolder(join(ROOT, 'node_modules', name), `node_modules/${name}`);
    }
  }

  addFolder(folder: string, to: string): void {
    const path = this.folder.join(`disk/${to}`);
    mkdirSync(dirname(path), { recursive: true });
    run('cp', ['-rL', folder, path], this.folder.path);
  }

  /** Writes the RAM disk. */
  pack(): void {
    const command = `find . | ${join(QEMU_ROOT, 'bin/busybox')} cpio -o -H newc >${this.path}`;
    run('sh', ['-c', command], this.folder.join('disk'));
  }
}

/** What a guest has beside the usual. */
export interface GuestDevices {
  /** An image that is an NVMe disk there. */
  readonly nvme?: string;
  /** Words for its kernel. */
  readonly kernelWords?: readonly string[];
}

/** Boots a guest; resolves with what it said once it has powered off. It is killed after `msMax`. */
export function runGuest(disk: GuestDisk, msMax: number, devices: GuestDevices = {}): Promise<string> {
  const child = startQemu(disk, devices);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text.replaceAll('\r', '');
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), msMax);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      resolve(output);
    });
  });
}

function startQemu(disk: GuestDisk, { nvme, kernelWords = [] }: GuestDevices): ChildProcess {
  const node = (id: number) => [
    ...['-object', `memory-backend-ram,size=${NODE_MIB}M,id=memory${id}`],
    ...['-numa', `node,nodeid=${id},cpus=${id},memdev=memory${id}`],
  ];
  const args = [
    ...['-L', join(QEMU_ROOT, 'usr/share/qemu'), '-L', join(QEMU_ROOT, 'usr/share/seabios')],
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', `${2 * NODE_MIB}M`],
    ...node(0),
    ...node(1),
    ...['-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', join(CACHE, 'vmlinuz'), '-initrd', disk.path],
    ...['-append', ['console=ttyS0 quiet panic=-1', `hugepages=${HUGE_PAGES}`, ...kernelWords].join(' ')],
    ...(nvme === undefined ? [] : ['-drive', `file=${nvme},format=raw,if=none,id=nvme`]),
    ...(nvme === undefined ? [] : ['-device', 'nvme,drive=nvme,serial=gotgt']),
  ];
  const [program, ...first] = [...DIES_WITH_ITS_STARTER, join(QEMU_ROOT, 'usr/bin/qemu-system-x86_64')];
  const env = { ...process.env, LD_LIBRARY_PATH: join(QEMU_ROOT, 'usr/lib/x86_64-linux-gnu') };
  return spawn(program as string, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
}

function withDependencies(names: readonly string[]): Set<string> {
  const all = new Set(names);
  for (const name of all) {
    const manifest = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
    const { dependencies = {} } = JSON.parse(manifest) as { dependencies?: Record<string, string> };
    for (const dependency of Object.keys(dependencies)) all.add(dependency);
  }
  return all;
}

/** The path of a program here. Throws when there is none. */
export function installed(program: string, debianPackage: string): string {
  const path = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
  if (path === '') throw new Error(`there is no ${program}; on Debian: apt-get install ${debianPackage}`);
  return path;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`);
}

/**
 * A machine with two NUMA nodes: the reactor of a storage runs on the CPUs of its node, and its memory lies there, as the
 * kernel of a guest says (move_pages, /proc). The addon and the daemon are those that were built here.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeNative } from '../native/native-suite.ts';
import { TestFolder } from './daemon-process.ts';
import { GuestDisk, prepareQemu, runGuest } from './qemu-guest.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const GUEST = fileURLToPath(new URL('numa-guest.mjs', import.meta.url));
const BOOT_MS_MAX = 300_000;
/** With its download. */
const PREPARE_MS_MAX = 180_000;
/** What the daemon loads. */
const MODULES = ['pino', 'typebox', 'node-gyp-build'];

interface Result {
  readonly topology: readonly object[];
  readonly status: readonly {
    readonly reactor: number;
    readonly numaNode: number | null;
    readonly memoryNode: number | null;
  }[];
  readonly threads: readonly { readonly name: string; readonly cpus: string }[];
  readonly arenas: readonly object[];
  readonly hugeArenas: readonly object[];
  readonly isDrained: boolean;
}

function withDependencies(names: readonly string[]): Set<string> {
  const all = new Set(names);
  for (const name of all) {
    const { dependencies = {} } = JSON.parse(readFileSync(`${ROOT}node_modules/${name}/package.json`, 'utf8'));
    for (const dependency of Object.keys(dependencies)) all.add(dependency);
  }
  return all;
}

function installed(program: string): string {
  const path = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
  if (path === '') throw new Error(`there is no ${program}; on Debian: apt-get install libiscsi-bin`);
  return path;
}

function suite(): void {
  const folder = new TestFolder();
  let output = '';
  let result: Result;

  beforeAll(async () => {
    prepareQemu();
    const disk = new GuestDisk(folder);
    disk.addProgram(installed('iscsi-inq'), 'bin/iscsi-inq');
    disk.add(GUEST, 'guest.mjs');
    for (const name of ['dist', 'build/Release/gotgt_native.node', 'package.json'])
      disk.addFolder(`${ROOT}${name}`, name);
    for (const name of withDependencies(MODULES)) disk.addFolder(`${ROOT}node_modules/${name}`, `node_modules/${name}`);
    disk.pack();
    output = await runGuest(disk, BOOT_MS_MAX);
    const line = /^== (\{.*)$/m.exec(output)?.[1];
    if (line === undefined) throw new Error(`the guest gave no result; it said:\n${output.slice(-4000)}`);
    result = JSON.parse(line);
  }, PREPARE_MS_MAX + BOOT_MS_MAX);

  afterAll(() => folder.dispose());

  it('has two nodes of a CPU each', () => {
    expect(result.topology).toEqual([
      { node: 0, cpus: [0] },
      { node: 1, cpus: [1] },
    ]);
  });

  it('binds an arena to the node that is asked for, every page of it, huge or not', () => {
    const expected = (hasHugePages: boolean) =>
      [0, 1].map((node) => ({ numaNode: node, hasHugePages, fault: null, nodes: [node] }));
    expect(result.arenas).toEqual(expected(false));
    expect(result.hugeArenas).toEqual(expected(true));
  });

  it('serves each storage by a reactor on its node, whose memory is there', () => {
    const placed = result.status.map(({ reactor, numaNode, memoryNode }) => ({ reactor, numaNode, memoryNode }));
    expect(placed.slice(1)).toEqual([
      { reactor: 1, numaNode: 0, memoryNode: 0 },
      { reactor: 2, numaNode: 1, memoryNode: 1 },
    ]);
    expect(result.isDrained).toBe(true);
  });

  it('runs one thread on the CPUs of each node, and the main thread on any', () => {
    const bound = result.threads.map(({ cpus }) => cpus);
    expect(bound.filter((cpus) => cpus === '0')).toHaveLength(1);
    expect(bound.filter((cpus) => cpus === '1')).toHaveLength(1);
    expect(result.threads[0]?.cpus).toBe('0-1');
  });
}

// Debian's kernel for this processor, and QEMU's for it.
if (process.arch === 'x64') describeNative('a machine with two NUMA nodes', suite);

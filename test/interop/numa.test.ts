/**
 * A machine with two NUMA nodes: the reactor of a storage runs on the CPUs of its node, and its memory lies there, as the
 * kernel of a guest says (move_pages, /proc). The addon and the daemon are those that were built here.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeNative } from '../native/native-suite.ts';
import { TestFolder } from './daemon-process.ts';
import { GuestDisk, installed, prepareQemu, runGuest } from './qemu-guest.ts';

const GUEST = fileURLToPath(new URL('numa-guest.mjs', import.meta.url));
const BOOT_MS_MAX = 300_000;
/** With its download. */
const PREPARE_MS_MAX = 180_000;

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

function suite(): void {
  const folder = new TestFolder();
  let output = '';
  let result: Result;

  beforeAll(async () => {
    prepareQemu();
    const disk = new GuestDisk(folder);
    disk.addProgram(installed('iscsi-inq', 'libiscsi-bin'), 'bin/iscsi-inq');
    disk.add(GUEST, 'guest.mjs');
    disk.addDaemon();
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

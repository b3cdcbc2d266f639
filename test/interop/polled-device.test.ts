/**
 * A disk that can be polled (NVMe with queues for it, in a guest) under io_uring with interrupts, polled, and with a submission
 * thread. The guest's kernel is Debian 12's, which holds a file that io_uring knew for a while: the disk is opened again at once.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeNative } from '../native/native-suite.ts';
import { TestFolder } from './daemon-process.ts';
import { GuestDisk, installed, prepareQemu, runGuest } from './qemu-guest.ts';

const GUEST = fileURLToPath(new URL('polled-device-guest.mjs', import.meta.url));
/** Where qemu-img looks for what speaks iSCSI. */
const QEMU_MODULES = '/usr/lib/x86_64-linux-gnu/qemu';
const DISK_BYTES = 16 * 2 ** 20;
const BOOT_MS_MAX = 300_000;
/** With its download. */
const PREPARE_MS_MAX = 180_000;

interface Run {
  readonly isDrained: boolean;
  /** Setup flags of the ring and of the polled one. */
  readonly flags: readonly (readonly string[] | null)[];
  readonly interrupts: number;
  readonly isOnDisk: boolean;
  readonly isBack: boolean;
}

interface Result {
  readonly isPolled: number;
  /** "opened", or why not. */
  readonly reopened: { readonly device: string; readonly file: string };
  readonly runs: Readonly<Record<'interrupts' | 'polled' | 'thread', Run>>;
}

function suite(): void {
  const folder = new TestFolder();
  let output = '';
  let result: Result;

  beforeAll(async () => {
    prepareQemu();
    const disk = new GuestDisk(folder);
    disk.addProgram(installed('qemu-img', 'qemu-utils'), 'usr/bin/qemu-img');
    disk.addProgram(join(QEMU_MODULES, 'block-iscsi.so'), join(QEMU_MODULES, 'block-iscsi.so').slice(1));
    disk.add(GUEST, 'guest.mjs');
    disk.addDaemon();
    disk.pack();
    const nvme = folder.join('nvme.img');
    writeFileSync(nvme, Buffer.alloc(DISK_BYTES));
    output = await runGuest(disk, BOOT_MS_MAX, { nvme, kernelWords: ['nvme.poll_queues=1'] });
    const line = /^== (\{.*)$/m.exec(output)?.[1];
    if (line === undefined) throw new Error(`the guest gave no result; it said:\n${output.slice(-4000)}`);
    result = JSON.parse(line);
  }, PREPARE_MS_MAX + BOOT_MS_MAX);

  afterAll(() => folder.dispose());

  it.each(['interrupts', 'polled', 'thread'] as const)('%s: what is written lies on the disk and comes back', (way) => {
    expect(result.runs[way]).toMatchObject({ isOnDisk: true, isBack: true, isDrained: true });
  });

  it('completions are polled for when that was asked for, and raise next to no interrupts', () => {
    const { interrupts, polled } = result.runs;
    expect([result.isPolled, interrupts.flags[1]]).toEqual([1, null]);
    expect(polled.flags[1]).toContain('IOPOLL');
    expect(output).toContain('"io_uring, O_DIRECT, polled"');
    expect(output).not.toContain('not polled');
    expect(interrupts.interrupts).toBeGreaterThan(16);
    expect(polled.interrupts).toBeLessThan(interrupts.interrupts / 4);
  });

  it('a store that was closed is opened again while its ring goes on, though the kernel holds its file', () => {
    expect(result.reopened).toEqual({ device: 'opened', file: 'opened' });
  });

  it('a submission thread is there when it was asked for', () => {
    expect(result.runs.interrupts.flags[0]).not.toContain('SQPOLL');
    expect(result.runs.thread.flags[0]).toContain('SQPOLL');
    expect(output).not.toContain('not as configured');
  });
}

// Debian's kernel for this processor, and QEMU's for it.
if (process.arch === 'x64') describeNative('a disk that can be polled', suite);

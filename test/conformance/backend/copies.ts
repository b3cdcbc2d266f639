/**
 * Contract: a store that copies from another of its kind brings just those bytes, whatever is in the page cache or on the medium
 * at that moment; else it says that it cannot, or did not, and whoever asked copies through memory.
 */
import { expect, it } from 'vitest';
import type { Backend, StoreCopyRange } from '../../../src/backend/backend.ts';
import { openBackend } from '../../../src/backend/registry.ts';
import type { Slot } from '../../../src/util/slot-pool.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';
import type { Submitter } from './rig.ts';

const PIECE = 262144;

export function describeCopies(bench: Bench): void {
  it('copies what was written last from one store to another, and nothing beside it', async () => {
    const [source, destination] = await pairOf(bench);
    const slot = bench.rig.takeSlot(PIECE);
    for (let round = 1; round <= 3; round++) {
      await fill(source.store, slot, 2 * MIB, round);
      await fill(destination.store, slot, MIB, 0xee);
      await fill(destination.store, slot, MIB + PIECE, 0xee);
      await destination.store.flush();
      const range = { sourceOffsetBytes: 2 * MIB + 4096, offsetBytes: MIB + 8192, lengthBytes: 65536, mayPunch: false };
      if (!(await copy(destination.backend, source.backend, range))) return cannot(bench);
      const bytes = await contentOf(destination.store, slot, MIB);
      expect(bytes.subarray(0, 8192).every((byte) => byte === 0xee)).toBe(true);
      expect(bytes.subarray(8192, 8192 + 65536).every((byte) => byte === round)).toBe(true);
      expect(bytes.subarray(8192 + 65536).every((byte) => byte === 0xee)).toBe(true);
    }
  });

  it('copies within a store', async () => {
    const [{ backend, store }] = await pairOf(bench);
    const slot = bench.rig.takeSlot(PIECE);
    await fill(store, slot, 0, 0x11);
    await fill(store, slot, PIECE, 0x22);
    const range = { sourceOffsetBytes: PIECE - 4096, offsetBytes: 5 * MIB, lengthBytes: 8192, mayPunch: true };
    if (!(await copy(backend, backend, range))) return cannot(bench);
    const bytes = await contentOf(store, slot, 5 * MIB);
    expect([bytes[0], bytes[4095], bytes[4096], bytes[8191], bytes[8192]]).toEqual([0x11, 0x11, 0x22, 0x22, 0]);
  });

  it.each([true, false])('holes read as zeros, may they be holes: %s', async (mayPunch) => {
    const [source, destination] = await pairOf(bench);
    const slot = bench.rig.takeSlot(PIECE);
    await fill(source.store, slot, MIB, 0x33);
    for (let at = 0; at < 3 * MIB; at += PIECE) await fill(destination.store, slot, at, 0xee);
    const range = { sourceOffsetBytes: 0, offsetBytes: 0, lengthBytes: 3 * MIB, mayPunch };
    if (!(await copy(destination.backend, source.backend, range))) return cannot(bench);
    for (let at = 0; at < 3 * MIB; at += PIECE) {
      const expected = at === MIB ? 0x33 : 0;
      expect((await contentOf(destination.store, slot, at)).every((byte) => byte === expected)).toBe(true);
    }
    if (mayPunch) expect(await allocatedBytes(destination.backend)).toBe(PIECE);
  });

  it('a copy ends before its stores are closed', async () => {
    const [source, destination] = await pairOf(bench);
    const order: string[] = [];
    const range = { sourceOffsetBytes: 0, offsetBytes: 0, lengthBytes: 8 * MIB, mayPunch: false };
    const hasBegun = destination.backend.copyFrom?.(source.backend, range, () => order.push('copied'));
    await Promise.all([bench.close(source.backend), bench.close(destination.backend)]).then(() => order.push('closed'));
    expect(order).toEqual(hasBegun === true ? ['copied', 'closed'] : ['closed']);
  });

  it('what it cannot do it does not begin', async () => {
    const [source, destination] = await pairOf(bench);
    const beyond = {
      sourceOffsetBytes: 0,
      offsetBytes: source.backend.sizeBytes - 4096,
      lengthBytes: 8192,
      mayPunch: false,
    };
    expect(destination.backend.copyFrom?.(source.backend, beyond, never) ?? false).toBe(false);
    const other = await openBackend(bench.rig.spec('null', { sizeBytes: MIB }), bench.rig.context);
    const range = { sourceOffsetBytes: 0, offsetBytes: 0, lengthBytes: 4096, mayPunch: false };
    expect(destination.backend.copyFrom?.(other, range, never) ?? false).toBe(false);
    await other.close();
  });
}

interface Opened {
  readonly backend: Backend;
  readonly store: Submitter;
}

async function pairOf(bench: Bench): Promise<readonly [Opened, Opened]> {
  const source = await bench.backend({ path: `${bench.path}-source` });
  const destination = await bench.backend({ path: `${bench.path}-destination` });
  return [
    { backend: source, store: bench.submitter(source) },
    { backend: destination, store: bench.submitter(destination) },
  ];
}

function copy(destination: Backend, source: Backend, range: StoreCopyRange): Promise<boolean> {
  return new Promise((resolve) => {
    if (destination.copyFrom?.(source, range, resolve) !== true) resolve(false);
  });
}

/** Only without the addon. */
function cannot(bench: Bench): void {
  expect(bench.rig.native).toBeNull();
}

async function fill(store: Submitter, slot: Slot, offsetBytes: number, byte: number): Promise<void> {
  bytesOf(slot, PIECE).fill(byte);
  await store.write(offsetBytes, PIECE, slot);
}

async function contentOf(store: Submitter, slot: Slot, offsetBytes: number): Promise<Buffer> {
  await store.read(offsetBytes, PIECE, slot);
  return Buffer.from(bytesOf(slot, PIECE));
}

function allocatedBytes(backend: Backend): Promise<number> {
  return new Promise((resolve) => {
    backend.allocation(0, 3 * MIB, 100, (extents) => {
      const allocated = extents?.filter(({ isAllocated }) => isAllocated) ?? [];
      resolve(allocated.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0));
    });
  });
}

function never(): void {
  expect.unreachable('nothing was begun');
}

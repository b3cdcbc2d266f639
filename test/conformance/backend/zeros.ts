/** Contract: unmapped and zeroed ranges read as zeros, and their space is given back or kept as asked. */
import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Backend, IO_OK } from '../../../src/backend/backend.ts';
import type { StorageSpec } from '../../../src/backend/storage-spec.ts';
import type { Slot } from '../../../src/util/slot-pool.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';
import type { Submitter } from './rig.ts';

export function describeZeros(bench: Bench): void {
  /** A store whose first 8 MiB are 0xee. */
  async function filled(
    changes: Partial<StorageSpec> = {},
  ): Promise<{ store: Submitter; slot: Slot; backend: Backend }> {
    const backend = await bench.backend(changes);
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(262144);
    bytesOf(slot, 262144).fill(0xee);
    for (let at = 0; at < 8 * MIB; at += 262144) await store.write(at, 262144, slot);
    await store.flush();
    return { store, slot, backend };
  }

  /** The bytes [from, to) are zeros, the 4 KiB on each side are not. */
  async function expectZeros(store: Submitter, slot: Slot, from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += 262144) {
      const lengthBytes = Math.min(262144, to - at);
      await store.read(at, lengthBytes, slot);
      expect(bytesOf(slot, lengthBytes).every((byte) => byte === 0)).toBe(true);
    }
    for (const at of [from - 4096, to]) {
      await store.read(at, 4096, slot);
      expect(bytesOf(slot, 4096).every((byte) => byte === 0xee)).toBe(true);
    }
  }

  const allocatedBytes = (): number => statSync(bench.path).blocks * 512;

  it('an unmapped range reads as zeros and its space is given back', async () => {
    const { store, slot, backend } = await filled();
    expect(backend.capabilities.canUnmap).toBe(true);
    expect(backend.capabilities.unmapGranularityBytes).toBeGreaterThan(0);
    const before = allocatedBytes();
    expect((await store.unmap(MIB, 4 * MIB)).status).toBe(IO_OK);
    expect(before - allocatedBytes()).toBeGreaterThanOrEqual(4 * MIB);
    await expectZeros(store, slot, MIB, 5 * MIB);
  });

  it('a range that is no whole number of units reads as zeros to the byte', async () => {
    const { store, slot } = await filled();
    expect((await store.unmap(MIB + 512, 1024)).status).toBe(IO_OK);
    await store.read(MIB, 4096, slot);
    expect(bytesOf(slot, 4096).equals(Buffer.alloc(4096, 0xee).fill(0, 512, 1536))).toBe(true);
    expect((await store.writeZeroes(MIB + 3072, 512, false)).status).toBe(IO_OK);
    await store.read(MIB, 4096, slot);
    expect(bytesOf(slot, 4096).equals(Buffer.alloc(4096, 0xee).fill(0, 512, 1536).fill(0, 3072, 3584))).toBe(true);
    expect((await store.unmap(2 * MIB - 4096, 8192)).status).toBe(IO_OK);
    await expectZeros(store, slot, 2 * MIB - 4096, 2 * MIB + 4096);
  });

  it('a write after an unmap has ended is not undone by it', async () => {
    const { store, slot } = await filled();
    for (let round = 0; round < 20; round++) {
      expect((await store.unmap(MIB, 262144)).status).toBe(IO_OK);
      bytesOf(slot, 262144).fill(round + 1);
      expect((await store.write(MIB, 262144, slot)).status).toBe(IO_OK);
      bytesOf(slot, 262144).fill(0);
      await store.read(MIB, 262144, slot);
      expect(bytesOf(slot, 262144).every((byte) => byte === round + 1)).toBe(true);
    }
  });

  it.each([65536, MIB, 4 * MIB])('writing %d bytes of zeros keeps the space', async (lengthBytes) => {
    const { store, slot } = await filled();
    const before = allocatedBytes();
    expect((await store.writeZeroes(MIB, lengthBytes, false)).status).toBe(IO_OK);
    expect(allocatedBytes()).toBeGreaterThanOrEqual(before);
    bytesOf(slot, 262144).fill(0xff);
    await expectZeros(store, slot, MIB, MIB + lengthBytes);
  });

  it('zeros that may unmap give the space back', async () => {
    const { store, slot } = await filled();
    const before = allocatedBytes();
    expect((await store.writeZeroes(MIB, 4 * MIB, true)).status).toBe(IO_OK);
    expect(before - allocatedBytes()).toBeGreaterThanOrEqual(4 * MIB);
    await expectZeros(store, slot, MIB, 5 * MIB);
  });

  it('a thick store says that it cannot unmap, makes zeros all the same and keeps the space', async () => {
    const { store, slot, backend } = await filled({ isThin: false });
    expect(backend.capabilities.canUnmap).toBe(false);
    const before = allocatedBytes();
    expect((await store.unmap(MIB, 2 * MIB)).status).toBe(IO_OK);
    expect((await store.writeZeroes(3 * MIB, 2 * MIB, true)).status).toBe(IO_OK);
    await store.flush();
    expect(allocatedBytes()).toBeGreaterThanOrEqual(before);
    await expectZeros(store, slot, MIB, 5 * MIB);
  });
}

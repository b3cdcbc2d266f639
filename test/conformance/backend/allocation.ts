/** Contract: a store tells what of it is allocated, or says that it cannot. */
import { expect, it } from 'vitest';
import type { AllocationExtent, Backend } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';

export function describeAllocation(bench: Bench): void {
  const [data, hole] = [true, false].map(
    (isAllocated) =>
      (from: number, to: number): AllocationExtent => ({ offsetBytes: from, lengthBytes: to - from, isAllocated }),
  ) as [ExtentOf, ExtentOf];

  it('tells data from holes in order and without gaps, cut at the range and at the count; else says it cannot', async () => {
    const backend = await bench.backend();
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(262144);
    bytesOf(slot, 262144).fill(1);
    await store.write(MIB, 262144, slot);
    await store.write(4 * MIB, 262144, slot);
    await store.flush();
    if (bench.rig.native === null) {
      expect(await allocationOf(backend, 0, 8 * MIB, 10)).toBeNull();
      return;
    }
    const q = 262144;
    const all = [hole(0, MIB), data(MIB, MIB + q), hole(MIB + q, 4 * MIB), data(4 * MIB, 4 * MIB + q)];
    expect(await allocationOf(backend, 0, 64 * MIB, 10)).toEqual([...all, hole(4 * MIB + q, 64 * MIB)]);
    expect(await allocationOf(backend, 0, 64 * MIB, 2)).toEqual(all.slice(0, 2));
    const middle = MIB + 8192;
    expect(await allocationOf(backend, middle, 4096, 10)).toEqual([data(middle, middle + 4096)]);
    expect(await allocationOf(backend, 2 * MIB, 4096, 10)).toEqual([hole(2 * MIB, 2 * MIB + 4096)]);
    await store.unmap(MIB, q);
    expect(await allocationOf(backend, 0, 2 * MIB, 10)).toEqual([hole(0, 2 * MIB)]);
  });
}

function allocationOf(
  backend: Backend,
  offsetBytes: number,
  lengthBytes: number,
  countMax: number,
): Promise<readonly AllocationExtent[] | null> {
  return new Promise((resolve) => backend.allocation(offsetBytes, lengthBytes, countMax, resolve));
}

type ExtentOf = (from: number, to: number) => AllocationExtent;

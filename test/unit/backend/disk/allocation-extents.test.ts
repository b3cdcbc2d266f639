import { describe, expect, it } from 'vitest';
import type { AllocationExtent } from '../../../../src/backend/backend.ts';
import { readAllocationExtents } from '../../../../src/backend/disk/allocation-extents.ts';
import type { ExtentSeek } from '../../../../src/backend/disk/disk-tools.ts';

const ENXIO = 6;
const EINVAL = 22;

/** lseek(2) over a file of `sizeBytes` that has data in the given ranges. */
function seekOver(sizeBytes: number, data: readonly (readonly [from: number, to: number])[]): ExtentSeek {
  const rangeAt = (offset: number) => data.find(([from, to]) => from <= offset && offset < to);
  return {
    async data(_fd, offset) {
      if (rangeAt(offset) !== undefined) return offset;
      return data.find(([from]) => from > offset)?.[0] ?? -ENXIO;
    },
    async hole(_fd, offset) {
      if (offset >= sizeBytes) return -ENXIO;
      return rangeAt(offset)?.[1] ?? offset;
    },
  };
}

function extents(list: readonly AllocationExtent[]): string {
  return list.map((e) => `${e.offsetBytes}+${e.lengthBytes}${e.isAllocated ? 'data' : 'hole'}`).join(' ');
}

describe('allocation extents', () => {
  const seek = seekOver(1000, [
    [100, 200],
    [900, 1000],
  ]);

  it.each([
    [0, 1000, 10, '0+100hole 100+100data 200+700hole 900+100data'],
    [0, 1000, 3, '0+100hole 100+100data 200+700hole'],
    [150, 100, 10, '150+50data 200+50hole'],
    [120, 30, 10, '120+30data'],
    [300, 100, 1, '300+100hole'],
    [950, 50, 10, '950+50data'],
  ])('of %d + %d, at most %d', async (offset, length, countMax, expected) => {
    expect(extents(await readAllocationExtents(3, seek, offset, length, countMax))).toBe(expected);
  });

  it('no data up to the end is one hole', async () => {
    expect(extents(await readAllocationExtents(3, seekOver(1000, []), 0, 1000, 5))).toBe('0+1000hole');
  });

  it('a hole that is punched between the two questions still moves on', async () => {
    const racing: ExtentSeek = { data: async (_fd, offset) => offset, hole: async (_fd, offset) => offset };
    expect(extents(await readAllocationExtents(3, racing, 0, 1000, 5))).toBe('0+1000data');
  });

  it('a store that cannot tell rejects', async () => {
    const unable: ExtentSeek = { data: async () => -EINVAL, hole: async () => -EINVAL };
    await expect(readAllocationExtents(3, unable, 0, 1000, 5)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });
});

import { describe, expect, it } from 'vitest';
import type { AllocationExtent } from '../../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness, uint32 } from '../device-harness.ts';

const KIB = 1024;

function getLbaStatus(lba: number, allocationLength: number): number[] {
  return [
    0x9e,
    0x12,
    ...uint32(Math.floor(lba / 2 ** 32)),
    ...uint32(lba % 2 ** 32),
    ...uint32(allocationLength),
    0,
    0,
  ];
}

/** "lba+blocks=status" of each descriptor. */
function descriptors(data: Buffer): string[] {
  const list: string[] = [];
  for (let at = 8; at + 16 <= data.length; at += 16) {
    list.push(`${data.readBigUInt64BE(at)}+${data.readUInt32BE(at + 8)}=${data[at + 12]}`);
  }
  return list;
}

/** A store whose data lies in the given ranges of bytes. */
function dataAt(...ranges: readonly (readonly [from: number, to: number])[]) {
  return (offsetBytes: number, lengthBytes: number): AllocationExtent[] => {
    const endBytes = offsetBytes + lengthBytes;
    const extents: AllocationExtent[] = [];
    let at = offsetBytes;
    const add = (to: number, isAllocated: boolean) => {
      if (to > at) extents.push({ offsetBytes: at, lengthBytes: to - at, isAllocated });
      at = Math.max(at, to);
    };
    for (const [from, to] of ranges) {
      add(Math.min(from, endBytes), false);
      add(Math.min(to, endBytes), true);
    }
    add(endBytes, false);
    return extents;
  };
}

describe('GET LBA STATUS(16)', () => {
  it('tells mapped blocks from deallocated ones, from the starting LBA to the end of the medium', () => {
    const harness = new Harness();
    harness.backend.extents = dataAt([4 * KIB, 8 * KIB], [64 * KIB, 128 * KIB]);
    const all = harness.run(getLbaStatus(0, 4096), { dataIn: 4096 });
    expect(all.outcome).toBe('status 0');
    expect(descriptors(all.data)).toEqual(['0+8=1', '8+8=0', '16+112=1', '128+128=0', `256+${BLOCK_COUNT - 256}=1`]);
    expect(all.data.readUInt32BE(0)).toBe(all.data.length - 4);
    expect(descriptors(harness.run(getLbaStatus(10, 4096), { dataIn: 4096 }).data)[0]).toBe('10+6=0');
    expect(harness.isQuiet).toBe(true);
  });

  it('a block with any data in it is mapped', () => {
    const harness = new Harness();
    harness.backend.extents = dataAt([700, 701], [1300, 1400], [1500, 1600]);
    const client = harness.run(getLbaStatus(0, 4096), { dataIn: 4096 });
    expect(descriptors(client.data)).toEqual(['0+1=1', '1+3=0', `4+${BLOCK_COUNT - 4}=1`]);
  });

  it('a store that cannot tell has everything mapped', () => {
    const harness = new Harness();
    harness.backend.allocation = (_offset, _length, _max, onExtents) => {
      harness.backend.questions.push(() => onExtents(null));
    };
    const client = harness.run(getLbaStatus(5, 24), { dataIn: 24 });
    expect(descriptors(client.data)).toEqual([`5+${BLOCK_COUNT - 5}=0`]);
  });

  it('a unit that is not thin provisioned has everything mapped, and the store is not asked', () => {
    const harness = new Harness({ unit: { isThin: false } });
    harness.backend.extents = () => {
      throw new Error('asked');
    };
    expect(descriptors(harness.run(getLbaStatus(0, 24), { dataIn: 24 }).data)).toEqual([`0+${BLOCK_COUNT}=0`]);
  });

  it('more blocks than a descriptor can count take several', () => {
    const blockCount = 2 ** 32 + 10;
    const harness = new Harness({ sizeBytes: blockCount * BLOCK_BYTES, storedBytes: 0 });
    const client = harness.run(getLbaStatus(0, 100), { dataIn: 100 });
    expect(descriptors(client.data)).toEqual(['0+4294967295=0', '4294967295+11=0']);
  });

  it('at most 256 descriptors come, however long the allocation length', () => {
    const harness = new Harness();
    harness.backend.extents = dataAt(
      ...Array.from({ length: 300 }, (_, i) => [i * 2 * BLOCK_BYTES, (i * 2 + 1) * BLOCK_BYTES] as const),
    );
    const client = harness.run(getLbaStatus(0, 0xffffffff), { dataIn: 65536 });
    expect(descriptors(client.data)).toHaveLength(256);
    expect(client.data.readUInt32BE(0)).toBe(4 + 256 * 16);
  });

  it('the allocation length cuts the answer, and zero is no error', () => {
    const harness = new Harness();
    expect(harness.run(getLbaStatus(0, 0)).outcome).toBe('status 0');
    const short = harness.run(getLbaStatus(0, 12), { dataIn: 4096 });
    expect(short.data).toHaveLength(12);
    expect(short.data.readUInt32BE(0)).toBe(20);
  });

  it('the last block exists, the next one is out of range', () => {
    const harness = new Harness();
    expect(descriptors(harness.run(getLbaStatus(BLOCK_COUNT - 1, 24), { dataIn: 24 }).data)).toEqual([
      `${BLOCK_COUNT - 1}+1=0`,
    ]);
    expect(harness.run(getLbaStatus(BLOCK_COUNT, 24), { dataIn: 24 }).outcome).toBe('5/21/0');
    expect(harness.run(getLbaStatus(2 ** 64 - 2048, 24), { dataIn: 24 }).outcome).toBe('5/21/0');
  });

  it('reserved bits are refused', () => {
    const harness = new Harness();
    const cdb = getLbaStatus(0, 24);
    cdb[14] = 1;
    expect(harness.run(cdb, { dataIn: 24 }).outcome).toBe('5/24/0');
  });

  it('an abort waits for the answer of the store', () => {
    const harness = new Harness();
    const client = harness.start(getLbaStatus(0, 24), { dataIn: 24 });
    harness.device.abort(client.command);
    expect(client.outcome).toBe('running');
    harness.settle();
    expect(client.outcome).toBe('aborted');
    expect(harness.isQuiet).toBe(true);
  });
});

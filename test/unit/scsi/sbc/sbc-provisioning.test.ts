import { describe, expect, it } from 'vitest';
import {
  IO_HARDWARE_ERROR,
  IO_NO_SPACE,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_ZEROES,
} from '../../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, cdb16, Harness, pattern, uint32 } from '../device-harness.ts';

function unmapCdb(listLength: number, anchor = 0): number[] {
  return [0x42, anchor, 0, 0, 0, 0, 0, listLength >>> 8, listLength & 0xff, 0];
}

function unmapList(descriptors: readonly (readonly [number, number])[], dataLength = descriptors.length * 16): Buffer {
  const list = Buffer.alloc(8 + descriptors.length * 16);
  list.writeUInt16BE(list.length - 2, 0);
  list.writeUInt16BE(dataLength, 2);
  descriptors.forEach(([lba, blocks], index) => {
    list.writeBigUInt64BE(BigInt(lba), 8 + index * 16);
    list.writeUInt32BE(blocks, 16 + index * 16);
  });
  return list;
}

function unmap(harness: Harness, descriptors: readonly (readonly [number, number])[]) {
  const list = unmapList(descriptors);
  return harness.run(unmapCdb(list.length), { dataOut: list });
}

function filled(options = {}): Harness {
  const harness = new Harness(options);
  harness.backend.bytes.fill(0xaa);
  return harness;
}

describe('UNMAP', () => {
  it('unmaps every descriptor', () => {
    const harness = filled();
    const client = unmap(harness, [
      [0, 1],
      [10, 0],
      [20, 5],
      [BLOCK_COUNT - 1, 1],
    ]);
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.log.map((io) => [io.op, io.offsetBytes, io.lengthBytes])).toEqual([
      [IO_UNMAP, 0, 512],
      [IO_UNMAP, 20 * 512, 5 * 512],
      [IO_UNMAP, (BLOCK_COUNT - 1) * 512, 512],
    ]);
    expect(harness.isQuiet).toBe(true);
  });

  it('unmaps descriptors that follow one another on the disk as one range', () => {
    const harness = filled();
    const client = unmap(harness, [
      [8, 1],
      [9, 3],
      [12, 0],
      [12, 4],
      [17, 1],
      [16, 1],
      [0, 0],
      [17, 2],
    ]);
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.log.map((io) => [io.op, io.offsetBytes, io.lengthBytes])).toEqual([
      [IO_UNMAP, 8 * 512, 8 * 512],
      [IO_UNMAP, 17 * 512, 512],
      [IO_UNMAP, 16 * 512, 512],
      [IO_UNMAP, 17 * 512, 2 * 512],
    ]);
    expect(harness.isQuiet).toBe(true);
  });

  it('takes as many descriptors as it says, two ios at a time', () => {
    const harness = filled();
    const descriptors = Array.from({ length: 256 }, (_, i) => [i * 2, 1] as const);
    const list = unmapList(descriptors);
    const client = harness.start(unmapCdb(list.length), { dataOut: list });
    while (!client.isDone) {
      expect(harness.backend.pending.length).toBeLessThanOrEqual(2);
      harness.backend.complete(harness.backend.pending.length - 1);
    }
    expect(client.outcome).toBe('status 0');
    for (let i = 0; i < 512; i++) expect(harness.backend.bytes[i * 512]).toBe(i % 2 === 0 ? 0 : 0xaa);
    expect(unmap(harness, [...descriptors, [600, 1]]).outcome).toBe('5/26/0');
    expect(harness.isQuiet).toBe(true);
  });

  it('of nothing is good: no list, no descriptors, no blocks, no blocks behind the end', () => {
    const harness = filled();
    expect(harness.run(unmapCdb(0)).outcome).toBe('status 0');
    expect(unmap(harness, []).outcome).toBe('status 0');
    expect(unmap(harness, [[3, 0]]).outcome).toBe('status 0');
    expect(unmap(harness, [[BLOCK_COUNT, 0]]).outcome).toBe('status 0');
    expect(harness.backend.log).toHaveLength(0);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([
    [BLOCK_COUNT, 1],
    [BLOCK_COUNT - 1, 2],
    [2 ** 53, 1],
  ])('of blocks from %d on, %d of them, is out of range, and nothing before it was unmapped', (lba, blocks) => {
    const harness = filled();
    const good = [0, 1] as const;
    expect(unmap(harness, [good, [lba, blocks]]).outcome).toBe('5/21/0');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('checks the lengths of the list', () => {
    const harness = filled();
    const list = unmapList([[0, 1]]);
    for (const short of [1, 7]) {
      expect(harness.run(unmapCdb(short), { dataOut: list.subarray(0, short) }).outcome).toBe('5/1a/0');
    }
    expect(harness.run(unmapCdb(24), { dataOut: list.subarray(0, 20) }).outcome).toBe('5/1a/0');
    const tooLong = unmapList([[0, 1]], 32);
    expect(harness.run(unmapCdb(24), { dataOut: tooLong }).outcome).toBe('5/1a/0');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('ignores an incomplete last descriptor', () => {
    const harness = filled();
    const list = Buffer.concat([unmapList([[0, 1]], 24), Buffer.alloc(8, 0xff)]);
    expect(harness.run(unmapCdb(list.length), { dataOut: list }).outcome).toBe('status 0');
    expect(harness.backend.log).toHaveLength(1);
  });

  it('refuses more blocks than MAXIMUM UNMAP LBA COUNT and points at the descriptor', () => {
    const harness = new Harness({ sizeBytes: 2 ** 40, storedBytes: 512 });
    const client = unmap(harness, [
      [0, 1048576],
      [2 ** 21, 1],
    ]);
    expect(client.outcome).toBe('5/26/0');
    expect(client.command.senseFieldPointer).toBe(8 + 16 + 8);
  });

  it('ANCHOR is an invalid field', () => {
    expect(new Harness().run(unmapCdb(0, 1)).outcome).toBe('5/24/0');
  });

  it('does not exist on a unit without provisioning, is refused on a write protected one', () => {
    expect(unmap(new Harness({ unit: { isThin: false } }), [[0, 1]]).outcome).toBe('5/20/0');
    expect(unmap(new Harness({ unit: { isReadOnly: true } }), [[0, 1]]).outcome).toBe('7/27/0');
  });

  it('passes the failure of the store on', () => {
    const harness = filled();
    harness.backend.fault = () => IO_HARDWARE_ERROR;
    expect(
      unmap(harness, [
        [0, 1],
        [5, 1],
        [9, 1],
      ]).outcome,
    ).toBe('4/44/0');
    expect(harness.isQuiet).toBe(true);
  });
});

const SAMES = [
  { name: 'WRITE SAME(10)', cdb: (lba: number, n: number, flags = 0) => cdb10(0x41, lba, n, flags) },
  { name: 'WRITE SAME(16)', cdb: (lba: number, n: number, flags = 0) => cdb16(0x93, lba, n, flags) },
];
const UNMAP_FLAG = 0x08;
const ANCHOR = 0x10;
const NDOB = 0x01;
const ZEROES = Buffer.alloc(BLOCK_BYTES);

describe.each(SAMES)('$name', ({ cdb }) => {
  it.each([1, 2, 7, 8, 255, 600, 1500])('writes the block %d times', (blocks) => {
    const harness = filled();
    const block = pattern(1, 3);
    const client = harness.run(cdb(11, blocks), { dataOut: block });
    expect(client.outcome).toBe('status 0');
    const { bytes } = harness.backend;
    for (let i = 0; i < blocks; i++) {
      expect(bytes.subarray((11 + i) * 512, (12 + i) * 512).equals(block)).toBe(true);
    }
    expect(bytes[11 * 512 - 1]).toBe(0xaa);
    expect(bytes[(11 + blocks) * 512]).toBe(0xaa);
    expect(harness.isQuiet).toBe(true);
  });

  it('makes do with the block’s own slot when no other can be had', () => {
    const harness = new Harness({ slotClasses: [{ capacityBytes: 4096, count: 4 }] });
    const client = harness.run(cdb(0, 20), { dataOut: pattern(1, 3) });
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.log.map(({ lengthBytes }) => lengthBytes)).toEqual([4096, 4096, 2048]);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([0, UNMAP_FLAG])('of zeros is one range without data (flags %d)', (flags) => {
    const harness = filled();
    expect(harness.run(cdb(5, 1000, flags), { dataOut: ZEROES }).outcome).toBe('status 0');
    expect(harness.backend.log).toEqual([
      { op: IO_WRITE_ZEROES, offsetBytes: 2560, lengthBytes: 512000, isFua: false, mayUnmap: flags !== 0 },
    ]);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([0, 1, 255, 510, 511])('a block that is zero but for byte %d is a pattern', (byte) => {
    const harness = filled();
    const block = Buffer.alloc(512);
    block[byte] = 1;
    harness.run(cdb(0, 2, UNMAP_FLAG), { dataOut: block });
    expect(harness.backend.log[0]!.op).toBe(IO_WRITE);
    expect(harness.backend.bytes.subarray(0, 1024).equals(Buffer.concat([block, block]))).toBe(true);
  });

  it('checks range, number of blocks and length in this order', () => {
    const harness = new Harness({ sizeBytes: 2 ** 40, storedBytes: 512 });
    expect(harness.run(cdb(2 ** 31, 0), { dataOut: ZEROES }).outcome).toBe('5/21/0');
    expect(harness.run(cdb(0, 0), { dataOut: ZEROES }).outcome).toBe('5/24/0');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('ANCHOR and WRPROTECT are invalid fields, UNMAP is one without provisioning', () => {
    const harness = new Harness();
    expect(harness.run(cdb(0, 1, ANCHOR), { dataOut: ZEROES }).outcome).toBe('5/24/0');
    expect(harness.run(cdb(0, 1, ANCHOR | UNMAP_FLAG), { dataOut: ZEROES }).outcome).toBe('5/24/0');
    expect(harness.run(cdb(0, 1, 0x20), { dataOut: ZEROES }).outcome).toBe('5/24/0');
    const thick = new Harness({ unit: { isThin: false } });
    expect(thick.run(cdb(0, 1, UNMAP_FLAG), { dataOut: ZEROES }).outcome).toBe('5/24/0');
    expect(thick.run(cdb(0, 1), { dataOut: ZEROES }).outcome).toBe('status 0');
  });

  it.each([0, 256, 1024])('a data-out buffer of %d bytes is not a block', (bytes) => {
    const harness = new Harness();
    expect(harness.run(cdb(0, 1, UNMAP_FLAG), { dataOut: Buffer.alloc(bytes) }).outcome).toBe('5/e/3');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('passes the failure of the store on', () => {
    const harness = new Harness();
    harness.backend.fault = () => IO_NO_SPACE;
    expect(harness.run(cdb(0, 1500), { dataOut: pattern(1) }).outcome).toBe('7/27/7');
    expect(harness.isQuiet).toBe(true);
  });
});

describe('WRITE SAME(16) alone', () => {
  it('with NDOB writes zeros and takes no data', () => {
    const harness = filled();
    const client = harness.run(cdb16(0x93, 1, 2, NDOB));
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.bytes.subarray(512, 1536).equals(Buffer.alloc(1024))).toBe(true);
    expect(client.command.presentedOutBytes).toBe(0);
  });

  it('stops at MAXIMUM WRITE SAME LENGTH', () => {
    const harness = new Harness({ sizeBytes: 2 ** 40, storedBytes: 512 });
    const client = harness.run([0x93, NDOB, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(65537), 0, 0]);
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer & 0xffff).toBe(10);
  });

  it('NDOB is reserved in WRITE SAME(10)', () => {
    expect(new Harness().run(cdb10(0x41, 0, 1, NDOB)).outcome).toBe('5/24/0');
  });
});

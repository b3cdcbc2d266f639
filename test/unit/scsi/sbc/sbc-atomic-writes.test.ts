/** ORWRITE and WRITE ATOMIC: writes that no other command sees half done. */
import { describe, expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb16, Harness, pattern } from '../device-harness.ts';

const SEGMENT_BLOCKS = SEGMENT_BYTES_MAX / BLOCK_BYTES;

function or(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte | b[index]!));
}

describe('ORWRITE(16)', () => {
  it.each([1, 129, SEGMENT_BLOCKS, SEGMENT_BLOCKS * 2 + 3])('combines %d blocks with what is there', (blocks) => {
    const harness = new Harness();
    pattern(blocks, 1).copy(harness.backend.bytes, 5 * BLOCK_BYTES);
    const client = harness.run(cdb16(0x8b, 5, blocks), { dataOut: pattern(blocks, 2) });
    expect(client.outcome).toBe('status 0');
    const stored = harness.backend.bytes.subarray(5 * BLOCK_BYTES, (5 + blocks) * BLOCK_BYTES);
    expect(stored.equals(or(pattern(blocks, 1), pattern(blocks, 2)))).toBe(true);
    expect(client.command.presentedOutBytes).toBe(blocks * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it('zero blocks do nothing; the range ends with the medium and with MAXIMUM TRANSFER LENGTH', () => {
    const harness = new Harness({ sizeBytes: 2 ** 32, storedBytes: 0 });
    expect(harness.run(cdb16(0x8b, 0, 0)).outcome).toBe('status 0');
    expect(harness.run(cdb16(0x8b, 2 ** 23, 0)).outcome).toBe('5/21/0');
    expect(harness.run(cdb16(0x8b, 2 ** 23 - 1, 2)).outcome).toBe('5/21/0');
    const long = harness.run(cdb16(0x8b, 0, 65537));
    expect(long.outcome).toBe('5/24/0');
    expect(harness.backend.log).toEqual([]);
  });

  it('a smaller data-out buffer of whole blocks is combined as far as it goes', () => {
    const harness = new Harness();
    const client = harness.run(cdb16(0x8b, 0, 4), { dataOut: pattern(2) });
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.bytes.subarray(0, 1024).equals(pattern(2))).toBe(true);
    expect(harness.backend.bytes.subarray(1024, 2048).every((byte) => byte === 0)).toBe(true);
    expect(client.command.presentedOutBytes).toBe(2048);
  });

  it('FUA makes the write stable; ORPROTECT and reserved bits are refused', () => {
    const harness = new Harness();
    harness.run(cdb16(0x8b, 0, 1, 0x18), { dataOut: pattern(1) });
    expect(harness.backend.log.map(({ op, isFua }) => [op, isFua])).toEqual([
      [IO_READ, false],
      [IO_WRITE, true],
    ]);
    expect(harness.run(cdb16(0x8b, 0, 1, 0x20), { dataOut: pattern(1) }).outcome).toBe('5/24/0');
    expect(harness.run(cdb16(0x8b, 0, 1, 0x01), { dataOut: pattern(1) }).outcome).toBe('5/24/0');
  });

  it('two at once on one block are both in it', () => {
    const harness = new Harness();
    const first = harness.start(cdb16(0x8b, 3, 1), { dataOut: Buffer.alloc(512, 0x0f) });
    const second = harness.start(cdb16(0x8b, 3, 1), { dataOut: Buffer.alloc(512, 0xf0) });
    harness.settle();
    expect([first.outcome, second.outcome]).toEqual(['status 0', 'status 0']);
    expect(harness.backend.bytes.subarray(3 * 512, 4 * 512).every((byte) => byte === 0xff)).toBe(true);
  });

  it('a block that cannot be read is not written', () => {
    const harness = new Harness();
    harness.backend.fault = (io) => (io.op === IO_READ ? IO_MEDIUM_ERROR : 0);
    expect(harness.run(cdb16(0x8b, 3, 1), { dataOut: pattern(1) }).outcome).toBe('3/11/0');
    expect(harness.backend.log.some(({ op }) => op === IO_WRITE)).toBe(false);
    expect(harness.isQuiet).toBe(true);
  });
});

function writeAtomic(lba: number, blocks: number, boundary = 0, flags = 0): number[] {
  const cdb = cdb16(0x9c, lba, 0, flags);
  cdb[10] = boundary >>> 8;
  cdb[11] = boundary & 0xff;
  cdb[12] = blocks >>> 8;
  cdb[13] = blocks & 0xff;
  return cdb;
}

describe('WRITE ATOMIC(16)', () => {
  it('writes up to one physical block, which is what Block Limits says, in one piece', () => {
    const harness = new Harness();
    const limits = harness.run([0x12, 1, 0xb0, 0, 255, 0], { dataIn: 255 }).data;
    expect([44, 48, 52, 56, 60].map((at) => limits.readUInt32BE(at))).toEqual([8, 8, 0, 0, 0]);
    for (const blocks of [1, 5, 8]) {
      const client = harness.run(writeAtomic(16, blocks), { dataOut: pattern(blocks, blocks) });
      expect(client.outcome).toBe('status 0');
      expect(harness.backend.bytes.subarray(16 * 512, (16 + blocks) * 512).equals(pattern(blocks, blocks))).toBe(true);
    }
    expect(harness.backend.log.map(({ op, lengthBytes }) => [op, lengthBytes])).toEqual([
      [IO_WRITE, 512],
      [IO_WRITE, 2560],
      [IO_WRITE, 4096],
    ]);
  });

  it('more blocks, another alignment and a boundary are refused, each at its field', () => {
    const harness = new Harness();
    for (const [cdb, byte] of [
      [writeAtomic(0, 9), 12],
      [writeAtomic(1, 1), 2],
      [writeAtomic(0, 8, 1), 10],
      [writeAtomic(0, 8, 0xffff), 10],
    ] as const) {
      const client = harness.run(cdb, { dataOut: pattern(9) });
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer & 0xffff).toBe(byte);
    }
    expect(harness.backend.log).toEqual([]);
  });

  it('half of the data is not written', () => {
    const harness = new Harness();
    expect(harness.run(writeAtomic(0, 8), { dataOut: pattern(7) }).outcome).toBe('5/e/3');
    expect(harness.backend.log).toEqual([]);
  });

  it('zero blocks do nothing, and the range ends with the medium', () => {
    const harness = new Harness();
    expect(harness.run(writeAtomic(3, 0)).outcome).toBe('status 0');
    expect(harness.run(writeAtomic(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
    expect(harness.run(writeAtomic(BLOCK_COUNT - 8, 8), { dataOut: pattern(8) }).outcome).toBe('status 0');
    expect(harness.run(writeAtomic(BLOCK_COUNT - 8, 0xffff), { dataOut: pattern(8) }).outcome).toBe('5/21/0');
  });

  it('no read sees half of it', () => {
    const harness = new Harness();
    const write = harness.start(writeAtomic(0, 8), { dataOut: pattern(8) });
    const read = harness.start([0x28, 0, 0, 0, 0, 4, 0, 0, 1, 0], { dataIn: 512 });
    expect(harness.backend.pending).toHaveLength(1);
    harness.settle();
    expect(write.outcome).toBe('status 0');
    expect(read.data.equals(pattern(8).subarray(2048, 2560))).toBe(true);
  });
});

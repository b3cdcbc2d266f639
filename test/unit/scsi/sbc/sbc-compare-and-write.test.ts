import { describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness, nexusOf, pattern, uint32 } from '../device-harness.ts';

function caw(lba: number, blocks: number, flags = 0): number[] {
  const high = Math.floor(lba / 2 ** 32);
  return [0x89, flags, ...uint32(high), ...uint32(lba % 2 ** 32), 0, 0, 0, blocks, 0, 0];
}

const old = (blocks: number) => pattern(blocks, 1);
const fresh = (blocks: number) => pattern(blocks, 2);
const both = (blocks: number) => Buffer.concat([old(blocks), fresh(blocks)]);

function stored(harness: Harness, lba: number, blocks: number): Buffer {
  return harness.backend.bytes.subarray(lba * BLOCK_BYTES, (lba + blocks) * BLOCK_BYTES);
}

/** A store that has old(blocks) at `lba`. */
function withOld(lba: number, blocks: number): Harness {
  const harness = new Harness();
  old(blocks).copy(harness.backend.bytes, lba * BLOCK_BYTES);
  return harness;
}

describe('COMPARE AND WRITE', () => {
  it.each([1, 2, 100, 128, 255])('writes %d blocks when all compare', (blocks) => {
    const harness = withOld(7, blocks);
    const client = harness.run(caw(7, blocks), { dataOut: both(blocks) });
    expect(client.outcome).toBe('status 0');
    expect(stored(harness, 7, blocks).equals(fresh(blocks))).toBe(true);
    expect(client.command.presentedOutBytes).toBe(2 * blocks * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([0, 511, 512, 65535, 65536, 130559])(
    'byte %d of 255 blocks that differs stops it, and INFORMATION names it',
    (at) => {
      const harness = withOld(0, 255);
      harness.backend.bytes[at]! ^= 0x80;
      const before = Buffer.from(harness.backend.bytes);
      const client = harness.run(caw(0, 255), { dataOut: both(255) });
      expect(client.outcome).toBe('e/1d/0');
      expect(client.command.senseInformation).toBe(at);
      expect(harness.backend.bytes.equals(before)).toBe(true);
      expect(harness.isQuiet).toBe(true);
    },
  );

  it('zero blocks compare nothing and write nothing', () => {
    const harness = new Harness();
    expect(harness.run(caw(0, 0)).outcome).toBe('status 0');
    expect(harness.run(caw(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
    expect(harness.backend.log).toEqual([]);
  });

  it('the write is stable with FUA, and DPO changes nothing', () => {
    const harness = withOld(0, 1);
    harness.run(caw(0, 1, 0x18), { dataOut: both(1) });
    expect(harness.backend.log.map(({ op, isFua }) => [op, isFua])).toEqual([
      [IO_READ, false],
      [IO_WRITE, true],
    ]);
  });

  it('the range ends with the medium', () => {
    const harness = withOld(BLOCK_COUNT - 2, 2);
    expect(harness.run(caw(BLOCK_COUNT - 1, 2), { dataOut: both(2) }).outcome).toBe('5/21/0');
    expect(harness.run(caw(2 ** 64 - 2048, 1), { dataOut: both(1) }).outcome).toBe('5/21/0');
    expect(harness.run(caw(BLOCK_COUNT - 2, 2), { dataOut: both(2) }).outcome).toBe('status 0');
  });

  it('more blocks than Block Limits says are refused', () => {
    const harness = new Harness({ unit: { blockShift: 12 } });
    const limits = harness.run([0x12, 1, 0xb0, 0, 255, 0], { dataIn: 255 }).data;
    expect(limits[5]).toBe(32);
    const good = harness.run(caw(0, 32), { dataOut: Buffer.alloc(64 * 4096) });
    expect(good.outcome).toBe('status 0');
    const client = harness.run(caw(0, 33), { dataOut: Buffer.alloc(66 * 4096) });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x4f << 16) | 13);
    expect(new Harness().run([0x12, 1, 0xb0, 0, 255, 0], { dataIn: 255 }).data[5]).toBe(255);
  });

  it.each([0, 1, 3, 5])('data for %d half pairs where two blocks of each are due is refused', (halves) => {
    const harness = withOld(0, 2);
    const client = harness.run(caw(0, 2), { dataOut: Buffer.alloc(halves * BLOCK_BYTES) });
    expect(client.outcome).toBe('5/24/0');
    expect(harness.backend.log).toEqual([]);
  });

  it('reserved bits and WRPROTECT are refused', () => {
    const harness = withOld(0, 1);
    for (const [byte, bits] of [
      [1, 0x20],
      [1, 0x01],
      [10, 0x80],
      [11, 1],
      [12, 1],
      [15, 1],
    ] as const) {
      const cdb = caw(0, 1);
      cdb[byte]! |= bits;
      expect(harness.run(cdb, { dataOut: both(1) }).outcome).toBe('5/24/0');
    }
  });

  it('a write protected unit refuses it', () => {
    const harness = new Harness({ unit: { isReadOnly: true } });
    expect(harness.run(caw(0, 1), { dataOut: both(1) }).outcome).toBe('7/27/0');
  });

  it('a read or write that fails is reported, and a failed read writes nothing', () => {
    const harness = withOld(4, 1);
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(caw(4, 1), { dataOut: both(1) }).outcome).toBe('3/11/0');
    harness.backend.fault = (io) => (io.op === IO_WRITE ? IO_HARDWARE_ERROR : 0);
    const client = harness.run(caw(4, 1), { dataOut: both(1) });
    expect(client.outcome).toBe('4/44/0');
    expect(client.command.senseInformation).toBe(4);
    expect(harness.isQuiet).toBe(true);
  });

  it('of two on the same block from two nexuses one wins', () => {
    const harness = withOld(9, 1);
    const other = nexusOf('b');
    harness.device.openNexus(other);
    harness.clearAttention(other);
    const first = harness.start(caw(9, 1), { dataOut: both(1) });
    const second = harness.start(caw(9, 1), { dataOut: both(1), nexus: other });
    expect(harness.backend.pending).toHaveLength(1);
    harness.settle();
    expect(first.outcome).toBe('status 0');
    expect(second.outcome).toBe('e/1d/0');
    expect(harness.isQuiet).toBe(true);
  });

  it('a write cannot come between comparison and write', () => {
    const harness = withOld(9, 1);
    const first = harness.start(caw(9, 1), { dataOut: both(1) });
    const write = harness.start([0x2a, 0, 0, 0, 0, 8, 0, 0, 4, 0], { dataOut: pattern(4, 3) });
    harness.backend.complete(); // the read of the comparison
    expect(harness.backend.pending.map((io) => io.offsetBytes)).toEqual([9 * BLOCK_BYTES]);
    expect(write.isDone).toBe(false);
    harness.settle();
    expect([first.outcome, write.outcome]).toEqual(['status 0', 'status 0']);
    expect(stored(harness, 8, 4).equals(pattern(4, 3))).toBe(true);
  });

  it('an abort while it compares gives everything back, and the next in line goes on', () => {
    const harness = withOld(9, 1);
    const first = harness.start(caw(9, 1), { dataOut: both(1) });
    const second = harness.start(caw(9, 1), { dataOut: both(1) });
    harness.device.abort(first.command);
    expect(first.isDone).toBe(false);
    harness.settle();
    expect(first.outcome).toBe('aborted');
    expect(second.outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });
});

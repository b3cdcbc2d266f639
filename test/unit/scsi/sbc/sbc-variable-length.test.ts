/** The commands with 32-byte CDBs do what their 16-byte forms do; here is what only they can get wrong. */
import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_READ, IO_WRITE, IO_WRITE_ZEROES } from '../../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness, pattern, uint32 } from '../device-harness.ts';

const READ = 0x0009;
const VERIFY = 0x000a;
const WRITE = 0x000b;
const WRITE_AND_VERIFY = 0x000c;
const WRITE_SAME = 0x000d;

function cdb32(action: number, lba: number, blocks: number, flags = 0): number[] {
  const head = [0x7f, 0, 0, 0, 0, 0, 0, 24, action >>> 8, action & 0xff, flags, 0];
  return [
    ...head,
    ...uint32(Math.floor(lba / 2 ** 32)),
    ...uint32(lba % 2 ** 32),
    ...uint32(0),
    ...uint32(0),
    ...uint32(blocks),
  ];
}

describe('32-byte CDBs', () => {
  it('WRITE(32) writes and READ(32) reads, with LBA and length where they stand', () => {
    const harness = new Harness();
    const write = harness.run(cdb32(WRITE, 1000, 3), { dataOut: pattern(3) });
    expect(write.outcome).toBe('status 0');
    expect(harness.backend.bytes.subarray(1000 * BLOCK_BYTES, 1003 * BLOCK_BYTES).equals(pattern(3))).toBe(true);
    const read = harness.run(cdb32(READ, 1000, 3), { dataIn: 3 * BLOCK_BYTES });
    expect(read.data.equals(pattern(3))).toBe(true);
  });

  it('FUA stands in byte 10', () => {
    const harness = new Harness();
    harness.run(cdb32(WRITE, 0, 1, 0x08), { dataOut: pattern(1) });
    harness.run(cdb32(READ, 0, 1, 0x08), { dataIn: 512 });
    expect(harness.backend.log.map(({ op, isFua }) => [op, isFua])).toEqual([
      [IO_WRITE, true],
      [IO_FLUSH, false],
      [IO_READ, false],
    ]);
  });

  it('VERIFY(32) and WRITE AND VERIFY(32) find BYTCHK in byte 10', () => {
    const harness = new Harness();
    harness.run(cdb32(WRITE_AND_VERIFY, 8, 2, 0x02), { dataOut: pattern(2) });
    expect(harness.run(cdb32(VERIFY, 8, 2)).outcome).toBe('status 0');
    expect(harness.run(cdb32(VERIFY, 8, 2, 0x02), { dataOut: pattern(2) }).outcome).toBe('status 0');
    expect(harness.run(cdb32(VERIFY, 8, 2, 0x02), { dataOut: pattern(2, 9) }).outcome).toBe('e/1d/0');
    const reserved = harness.run(cdb32(VERIFY, 8, 2, 0x04), { dataOut: pattern(2) });
    expect(reserved.outcome).toBe('5/24/0');
    expect(reserved.command.senseFieldPointer).toBe((0x4a << 16) | 10);
    expect(harness.run(cdb32(WRITE_AND_VERIFY, 8, 2, 0x06), { dataOut: pattern(2) }).command.senseFieldPointer).toBe(
      (0x4a << 16) | 10,
    );
  });

  it('WRITE SAME(32) spreads a block, or zeros without data, and unmaps', () => {
    const harness = new Harness();
    harness.run(cdb32(WRITE_SAME, 4, 6), { dataOut: pattern(1) });
    expect(harness.backend.bytes.subarray(9 * 512, 10 * 512).equals(pattern(1))).toBe(true);
    expect(harness.run(cdb32(WRITE_SAME, 4, 6, 0x09)).outcome).toBe('status 0');
    expect(harness.backend.log.at(-1)).toMatchObject({ op: IO_WRITE_ZEROES, mayUnmap: true, lengthBytes: 6 * 512 });
    const anchor = harness.run(cdb32(WRITE_SAME, 4, 6, 0x10), { dataOut: pattern(1) });
    expect(anchor.outcome).toBe('5/24/0');
    expect(anchor.command.senseFieldPointer).toBe((0x4c << 16) | 10);
    expect(harness.run(cdb32(WRITE_SAME, 4, 0), { dataOut: pattern(1) }).command.senseFieldPointer & 0xffff).toBe(28);
  });

  it.each([READ, VERIFY, WRITE, WRITE_AND_VERIFY, WRITE_SAME])('service action %d ends with the medium', (action) => {
    const harness = new Harness();
    expect(harness.run(cdb32(action, BLOCK_COUNT, 1), { dataIn: 512 }).outcome).toBe('5/21/0');
    expect(harness.run(cdb32(action, BLOCK_COUNT - 1, 2), { dataIn: 512 }).outcome).toBe('5/21/0');
    expect(harness.run(cdb32(action, 2 ** 64 - 2048, 1), { dataIn: 512 }).outcome).toBe('5/21/0');
    expect(harness.run(cdb32(action, 0, 1, 0x20), { dataIn: 512 }).outcome).toBe('5/24/0');
  });

  it('without protection the expected tags are ignored', () => {
    const harness = new Harness();
    const cdb = cdb32(READ, 0, 1);
    cdb.fill(0xff, 20, 28);
    expect(harness.run(cdb, { dataIn: 512 }).outcome).toBe('status 0');
  });
});

import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_MEDIUM_ERROR, IO_OK, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, cdb12, cdb16, Harness, pattern } from '../device-harness.ts';

const BYTCHK = { none: 0x00, compare: 0x02, reserved: 0x04, oneBlock: 0x06 };
const SEGMENT_BLOCKS = SEGMENT_BYTES_MAX / BLOCK_BYTES;

function filled(options = {}): Harness {
  const harness = new Harness(options);
  pattern(BLOCK_COUNT).copy(harness.backend.bytes);
  return harness;
}

const VERIFIES = [
  { name: 'VERIFY(10)', cdb: (lba: number, n: number, flags: number) => cdb10(0x2f, lba, n, flags) },
  { name: 'VERIFY(12)', cdb: (lba: number, n: number, flags: number) => cdb12(0xaf, lba, n, flags) },
  { name: 'VERIFY(16)', cdb: (lba: number, n: number, flags: number) => cdb16(0x8f, lba, n, flags) },
];

describe.each(VERIFIES)('$name', ({ cdb }) => {
  it('without comparison flushes and reads the whole range, and takes no data', () => {
    const harness = filled();
    const client = harness.run(cdb(1, 700, BYTCHK.none), { dataOut: pattern(700, 9), answersDataOut: false });
    expect(client.outcome).toBe('status 0');
    expect(client.requests).toHaveLength(0);
    expect(client.command.presentedOutBytes).toBe(0);
    const reads = harness.backend.log.filter(({ op }) => op === IO_READ);
    expect(harness.backend.log[0]!.op).toBe(IO_FLUSH);
    expect(reads.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBe(700 * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it('compares byte by byte, over more than a segment', () => {
    const harness = filled();
    const blocks = SEGMENT_BLOCKS + 5;
    const data = pattern(BLOCK_COUNT).subarray(2 * BLOCK_BYTES, (2 + blocks) * BLOCK_BYTES);
    const client = harness.run(cdb(2, blocks, BYTCHK.compare), { dataOut: data });
    expect(client.outcome).toBe('status 0');
    expect(client.command.presentedOutBytes).toBe(blocks * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([0, 511, 512, 65535, 65536, SEGMENT_BYTES_MAX, (SEGMENT_BLOCKS + 5) * BLOCK_BYTES - 1])(
    'finds a difference in byte %d',
    (byte) => {
      const harness = filled();
      const blocks = SEGMENT_BLOCKS + 5;
      const data = Buffer.from(pattern(blocks));
      data[byte] = data[byte]! ^ 0x58;
      const client = harness.run(cdb(0, blocks, BYTCHK.compare), { dataOut: data });
      expect(client.outcome).toBe('e/1d/0');
      expect(client.command.senseInformation).toBe(byte);
      expect(harness.isQuiet).toBe(true);
    },
  );

  it('compares one block with all when BYTCHK is 11b', () => {
    const harness = new Harness();
    harness.backend.bytes.fill(0x61, 0, 300 * BLOCK_BYTES);
    const block = Buffer.alloc(BLOCK_BYTES, 0x61);
    const good = harness.run(cdb(0, 300, BYTCHK.oneBlock), { dataOut: block });
    expect(good.outcome).toBe('status 0');
    expect(good.command.presentedOutBytes).toBe(BLOCK_BYTES);
    harness.backend.bytes[299 * BLOCK_BYTES + 17] = 0;
    const bad = harness.run(cdb(0, 300, BYTCHK.oneBlock), { dataOut: block });
    expect(bad.outcome).toBe('e/1d/0');
    expect(bad.command.senseInformation).toBe(17);
    expect(harness.isQuiet).toBe(true);
  });

  it('BYTCHK 10b and VRPROTECT are invalid fields', () => {
    const harness = new Harness();
    const reserved = harness.run(cdb(0, 1, BYTCHK.reserved), { dataOut: pattern(1) });
    expect(reserved.outcome).toBe('5/24/0');
    expect(reserved.command.senseFieldPointer).toBe((0x4a << 16) | 1);
    expect(harness.run(cdb(0, 1, 0x20)).outcome).toBe('5/24/0');
  });

  it('checks the range, also of no blocks', () => {
    const harness = new Harness();
    expect(harness.run(cdb(0, 0, BYTCHK.compare)).outcome).toBe('status 0');
    expect(harness.run(cdb(BLOCK_COUNT, 0, BYTCHK.compare)).outcome).toBe('5/21/0');
    expect(harness.run(cdb(BLOCK_COUNT - 1, 2, BYTCHK.none)).outcome).toBe('5/21/0');
  });

  it('does not say GOOD of blocks that came with no data to compare', () => {
    const harness = filled();
    const client = harness.run(cdb(0, 2, BYTCHK.compare), { dataOut: pattern(1) });
    expect(client.outcome).toBe('5/e/3');
  });

  it('a medium that cannot be read is an unrecovered read error', () => {
    const harness = filled();
    harness.backend.fault = (io) => (io.op === IO_READ ? IO_MEDIUM_ERROR : IO_OK);
    const client = harness.run(cdb(40, 1, BYTCHK.none));
    expect(client.outcome).toBe('3/11/0');
    expect(client.command.senseInformation).toBe(40);
    expect(harness.isQuiet).toBe(true);
  });
});

const WRITE_AND_VERIFIES = [
  { name: 'WRITE AND VERIFY(10)', cdb: (lba: number, n: number, flags: number) => cdb10(0x2e, lba, n, flags) },
  { name: 'WRITE AND VERIFY(12)', cdb: (lba: number, n: number, flags: number) => cdb12(0xae, lba, n, flags) },
  { name: 'WRITE AND VERIFY(16)', cdb: (lba: number, n: number, flags: number) => cdb16(0x8e, lba, n, flags) },
];

describe.each(WRITE_AND_VERIFIES)('$name', ({ cdb }) => {
  it.each([BYTCHK.none, BYTCHK.compare])('writes to the medium and reads back (BYTCHK %d)', (flags) => {
    const harness = new Harness();
    const blocks = SEGMENT_BLOCKS + 3;
    const data = pattern(blocks, 7);
    const client = harness.run(cdb(5, blocks, flags), { dataOut: data });
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.bytes.subarray(5 * BLOCK_BYTES, (5 + blocks) * BLOCK_BYTES).equals(data)).toBe(true);
    const writes = harness.backend.log.filter(({ op }) => op === IO_WRITE);
    expect(writes.every(({ isFua }) => isFua)).toBe(true);
    const readBytes = harness.backend.log.reduce((sum, io) => sum + (io.op === IO_READ ? io.lengthBytes : 0), 0);
    expect(readBytes).toBe(blocks * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it('notices a medium that does not keep what it was given', () => {
    const harness = new Harness();
    const client = harness.start(cdb(0, 1, BYTCHK.compare), { dataOut: pattern(1, 3) });
    harness.backend.complete();
    harness.backend.bytes[100] = harness.backend.bytes[100]! ^ 1;
    harness.settle();
    expect(client.outcome).toBe('e/1d/0');
    expect(client.command.senseInformation).toBe(100);
  });

  it('writes the whole blocks of a shorter buffer, and none is good', () => {
    const harness = new Harness();
    const short = harness.run(cdb(0, 2, 0), { dataOut: pattern(1) });
    expect(short.outcome).toBe('status 0');
    expect(short.command.presentedOutBytes).toBe(1024);
    expect(harness.backend.log.filter(({ op }) => op === IO_WRITE)).toHaveLength(1);
    expect(harness.run(cdb(0, 1, 0)).outcome).toBe('status 0');
  });

  it('WRPROTECT and the upper BYTCHK values are invalid fields, the range is checked', () => {
    const harness = new Harness();
    for (const flags of [0x20, BYTCHK.reserved, BYTCHK.oneBlock]) {
      expect(harness.run(cdb(0, 1, flags), { dataOut: pattern(1) }).outcome).toBe('5/24/0');
    }
    expect(harness.run(cdb(BLOCK_COUNT, 0, 0)).outcome).toBe('5/21/0');
    expect(harness.backend.log).toHaveLength(0);
  });
});

describe('the compare buffer', () => {
  it('serves many verifications in turn and survives the abort of its user and of one in line', () => {
    const harness = filled();
    const data = pattern(BLOCK_COUNT).subarray(0, 300 * BLOCK_BYTES);
    const clients = [1, 2, 3, 4].map(() => harness.start(cdb10(0x2f, 0, 300, BYTCHK.compare), { dataOut: data }));
    for (let flushes = 0; flushes < 4; flushes++) harness.backend.complete();
    expect(harness.backend.pending).toHaveLength(1);
    harness.device.abort(clients[0]!.command);
    harness.device.abort(clients[2]!.command);
    expect(clients.map(({ outcome }) => outcome)).toEqual(['running', 'running', 'aborted', 'running']);
    harness.settle();
    expect(clients.map(({ outcome }) => outcome)).toEqual(['aborted', 'status 0', 'aborted', 'status 0']);
    expect(harness.isQuiet).toBe(true);
  });
});

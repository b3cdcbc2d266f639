import { describe, expect, it } from 'vitest';
import {
  IO_FLUSH,
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_OK,
  IO_READ,
  IO_WRITE,
  IO_WRITE_PROTECTED,
} from '../../../../src/backend/backend.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, cdb12, cdb16, Harness, pattern } from '../device-harness.ts';

const SEGMENT_BLOCKS = SEGMENT_BYTES_MAX / BLOCK_BYTES;

function filled(options = {}): Harness {
  const harness = new Harness(options);
  pattern(BLOCK_COUNT).copy(harness.backend.bytes);
  return harness;
}

const READS = [
  { name: 'READ(6)', cdb: (lba: number, n: number) => [0x08, lba >>> 16, (lba >>> 8) & 0xff, lba & 0xff, n & 0xff, 0] },
  { name: 'READ(10)', cdb: (lba: number, n: number) => cdb10(0x28, lba, n) },
  { name: 'READ(12)', cdb: (lba: number, n: number) => cdb12(0xa8, lba, n) },
  { name: 'READ(16)', cdb: (lba: number, n: number) => cdb16(0x88, lba, n) },
];
const WRITES = [
  {
    name: 'WRITE(6)',
    cdb: (lba: number, n: number) => [0x0a, lba >>> 16, (lba >>> 8) & 0xff, lba & 0xff, n & 0xff, 0],
  },
  { name: 'WRITE(10)', cdb: (lba: number, n: number) => cdb10(0x2a, lba, n) },
  { name: 'WRITE(12)', cdb: (lba: number, n: number) => cdb12(0xaa, lba, n) },
  { name: 'WRITE(16)', cdb: (lba: number, n: number) => cdb16(0x8a, lba, n) },
];

describe.each(READS)('$name', ({ name, cdb }) => {
  it('brings the blocks it names', () => {
    const harness = filled();
    const client = harness.run(cdb(3, 5), { dataIn: 5 * BLOCK_BYTES });
    expect(client.outcome).toBe('status 0');
    expect(client.data.equals(pattern(BLOCK_COUNT).subarray(3 * BLOCK_BYTES, 8 * BLOCK_BYTES))).toBe(true);
    expect(client.command.presentedInBytes).toBe(5 * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it('reaches the last block and not one further', () => {
    const harness = filled();
    expect(harness.run(cdb(BLOCK_COUNT - 1, 1), { dataIn: BLOCK_BYTES }).outcome).toBe('status 0');
    expect(harness.run(cdb(BLOCK_COUNT - 1, 2), { dataIn: 2 * BLOCK_BYTES }).outcome).toBe('5/21/0');
    expect(harness.run(cdb(BLOCK_COUNT, 1), { dataIn: BLOCK_BYTES }).outcome).toBe('5/21/0');
    expect(harness.backend.log).toHaveLength(1);
  });

  if (name === 'READ(6)') {
    it('means 256 blocks by a transfer length of zero', () => {
      const client = filled().run(cdb(0, 0), { dataIn: 256 * BLOCK_BYTES });
      expect(client.data.equals(pattern(256))).toBe(true);
    });
  } else {
    it('with a length of zero is good within the unit, out of range behind it', () => {
      const harness = filled();
      expect(harness.run(cdb(0, 0)).outcome).toBe('status 0');
      expect(harness.run(cdb(BLOCK_COUNT - 1, 0)).outcome).toBe('status 0');
      expect(harness.run(cdb(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
      expect(harness.run(cdb(0xffffffff, 0)).outcome).toBe('5/21/0');
      expect(harness.backend.log).toHaveLength(0);
    });
  }
});

describe.each(WRITES)('$name', ({ name, cdb }) => {
  it('changes the blocks it names and no others', () => {
    const harness = filled();
    const data = pattern(5, 99);
    const client = harness.run(cdb(3, 5), { dataOut: data });
    expect(client.outcome).toBe('status 0');
    const expected = pattern(BLOCK_COUNT);
    data.copy(expected, 3 * BLOCK_BYTES);
    expect(harness.backend.bytes.equals(expected)).toBe(true);
    expect(client.command.presentedOutBytes).toBe(5 * BLOCK_BYTES);
    expect(harness.isQuiet).toBe(true);
  });

  it('out of range asks for no data and writes nothing', () => {
    const harness = filled();
    const client = harness.run(cdb(BLOCK_COUNT - 1, 2), { dataOut: pattern(2), answersDataOut: false });
    expect(client.outcome).toBe('5/21/0');
    expect(client.requests).toHaveLength(0);
    expect(harness.backend.log).toHaveLength(0);
  });

  if (name === 'WRITE(6)') {
    it('means 256 blocks by a transfer length of zero', () => {
      const harness = new Harness();
      harness.run(cdb(0, 0), { dataOut: pattern(256, 5) });
      expect(harness.backend.bytes.subarray(0, 256 * BLOCK_BYTES).equals(pattern(256, 5))).toBe(true);
    });
  } else {
    it('with a length of zero is good within the unit, out of range behind it', () => {
      const harness = new Harness();
      expect(harness.run(cdb(0, 0)).outcome).toBe('status 0');
      expect(harness.run(cdb(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
    });
  }
});

describe('64-bit LBAs', () => {
  it.each([2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64 - 2 ** 11])('%d is out of range, with and without blocks', (lba) => {
    const harness = new Harness();
    expect(harness.run(cdb16(0x88, lba, 1), { dataIn: BLOCK_BYTES }).outcome).toBe('5/21/0');
    expect(harness.run(cdb16(0x88, lba, 0)).outcome).toBe('5/21/0');
    expect(harness.run(cdb16(0x8a, lba, 1), { dataOut: pattern(1) }).outcome).toBe('5/21/0');
  });

  it('address a unit above 2 TiB', () => {
    const harness = new Harness({ sizeBytes: 2 ** 45, storedBytes: 4096 });
    harness.start(cdb16(0x88, 2 ** 36 - 1, 1), { dataIn: BLOCK_BYTES });
    expect(harness.backend.log[0]).toMatchObject({ op: IO_READ, offsetBytes: 2 ** 45 - 512, lengthBytes: 512 });
    expect(harness.start(cdb16(0x88, 2 ** 36, 1), { dataIn: BLOCK_BYTES }).outcome).toBe('5/21/0');
  });
});

describe('long transfers', () => {
  it('MAXIMUM TRANSFER LENGTH is the limit, and the field is pointed at', () => {
    const harness = new Harness({ sizeBytes: 2 ** 40, storedBytes: 4096 });
    const client = harness.run(cdb16(0x88, 0, 65537), { dataIn: 65537 * BLOCK_BYTES });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x4f << 16) | 10);
    harness.start(cdb16(0x88, 0, 65536), { dataIn: 65536 * BLOCK_BYTES });
    expect(harness.backend.log).toHaveLength(2);
  });

  it('READ goes in segments, two under way, and stays in order when the store does not', () => {
    const harness = filled();
    const blocks = 5 * SEGMENT_BLOCKS + 3;
    const client = harness.start(cdb10(0x28, 7, blocks), { dataIn: blocks * BLOCK_BYTES });
    let turn = 0;
    while (!client.isDone) {
      harness.tick();
      expect(harness.backend.pending.length).toBeLessThanOrEqual(2);
      harness.backend.complete(turn++ % 2 === 0 ? harness.backend.pending.length - 1 : 0);
    }
    expect(client.outcome).toBe('status 0');
    expect(client.pieces.map((piece) => piece.length)).toEqual([...Array(5).fill(SEGMENT_BYTES_MAX), 3 * BLOCK_BYTES]);
    const expected = pattern(BLOCK_COUNT).subarray(7 * BLOCK_BYTES, (7 + blocks) * BLOCK_BYTES);
    expect(client.data.equals(expected)).toBe(true);
    expect(harness.isQuiet).toBe(true);
  });

  it('WRITE goes in segments, two under way, however the store orders them', () => {
    const harness = new Harness();
    const blocks = 5 * SEGMENT_BLOCKS + 3;
    const data = pattern(blocks, 4);
    const client = harness.start(cdb10(0x2a, 7, blocks), { dataOut: data });
    while (!client.isDone) {
      expect(harness.backend.pending.length).toBeLessThanOrEqual(2);
      harness.backend.complete(harness.backend.pending.length - 1);
    }
    expect(client.outcome).toBe('status 0');
    expect(harness.backend.bytes.subarray(7 * BLOCK_BYTES, (7 + blocks) * BLOCK_BYTES).equals(data)).toBe(true);
    expect(harness.isQuiet).toBe(true);
  });

  it('READ waits for a slot when the pool is empty, and goes on when one comes back', () => {
    const harness = filled();
    const taken = [];
    for (
      let slot = harness.pool.take(4096, harness.holder);
      slot !== null;
      slot = harness.pool.take(4096, harness.holder)
    ) {
      taken.push(slot);
    }
    const client = harness.run(cdb10(0x28, 0, 1), { dataIn: BLOCK_BYTES });
    expect(client.outcome).toBe('running');
    for (const slot of taken) slot.release();
    harness.settle();
    expect(client.outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });
});

describe('data buffers of another size than the CDB says', () => {
  it('READ into a shorter buffer sends what fits and presents what was asked for', () => {
    const harness = filled();
    const client = harness.run(cdb10(0x28, 0, 2), { dataIn: 700 });
    expect(client.outcome).toBe('status 0');
    expect(client.data.equals(pattern(2).subarray(0, 700))).toBe(true);
    expect(client.command.presentedInBytes).toBe(1024);
    expect(harness.backend.log[0]!.lengthBytes).toBe(1024);
  });

  it('READ without a buffer reads nothing and is good', () => {
    const harness = filled();
    const client = harness.run(cdb10(0x28, 0, 1), { dataOut: pattern(1) });
    expect(client.outcome).toBe('status 0');
    expect(client.command.presentedInBytes).toBe(512);
    expect(harness.backend.log).toHaveLength(0);
  });

  it('WRITE from a shorter buffer writes the blocks it holds', () => {
    const harness = new Harness();
    const client = harness.run(cdb10(0x2a, 0, 3), { dataOut: pattern(3).subarray(0, 1024) });
    expect(client.outcome).toBe('status 0');
    expect(client.command.presentedOutBytes).toBe(3 * BLOCK_BYTES);
    expect(harness.backend.log).toEqual([
      { op: IO_WRITE, offsetBytes: 0, lengthBytes: 1024, isFua: false, mayUnmap: false },
    ]);
    expect(harness.backend.bytes.subarray(0, 1536).equals(Buffer.concat([pattern(2), Buffer.alloc(512)]))).toBe(true);
  });

  it.each([
    [0, 'status 0'],
    [200, '5/e/3'],
    [513, '5/e/3'],
    [1535, '5/e/3'],
  ])('WRITE of three blocks from a buffer of %d bytes writes nothing, with %s', (bytes, outcome) => {
    const harness = new Harness();
    const client = harness.run(cdb10(0x2a, 0, 3), { dataOut: Buffer.alloc(bytes, 1) });
    expect(client.outcome).toBe(outcome);
    expect(client.command.presentedOutBytes).toBe(3 * 512);
    expect(harness.backend.log).toHaveLength(0);
    expect(harness.isQuiet).toBe(true);
  });

  it('WRITE from a longer buffer writes what the CDB says', () => {
    const harness = filled();
    const client = harness.run(cdb10(0x2a, 0, 1), { dataOut: Buffer.alloc(1024, 'b') });
    expect(client.command.presentedOutBytes).toBe(512);
    expect(harness.backend.bytes.subarray(512, 1024).equals(pattern(2).subarray(512))).toBe(true);
    expect(harness.backend.bytes[511]).toBe(0x62);
  });
});

describe('FUA and DPO', () => {
  it('FUA on a WRITE goes with the io, DPO changes nothing', () => {
    const harness = new Harness();
    harness.run(cdb10(0x2a, 0, 1, 0x18), { dataOut: pattern(1) });
    harness.run(cdb10(0x2a, 0, 1, 0x10), { dataOut: pattern(1) });
    expect(harness.backend.log.map((io) => io.isFua)).toEqual([true, false]);
  });

  it('FUA on a READ empties a volatile cache first', () => {
    const harness = filled();
    const client = harness.run(cdb10(0x28, 4, 2, 0x08), { dataIn: 1024 });
    expect(client.data.length).toBe(1024);
    expect(harness.backend.log.map((io) => [io.op, io.offsetBytes])).toEqual([
      [IO_FLUSH, 2048],
      [IO_READ, 2048],
    ]);
  });

  it('FUA on a READ of a write-through store is a plain read', () => {
    const harness = filled({ capabilities: { isWriteThrough: true } });
    harness.run(cdb10(0x28, 4, 2, 0x08), { dataIn: 1024 });
    expect(harness.backend.log.map((io) => io.op)).toEqual([IO_READ]);
  });

  it.each([0x20, 0x80, 0xe0])('protection information (%d) is an invalid field', (flags) => {
    const harness = new Harness();
    const client = harness.run(cdb10(0x28, 0, 1, flags), { dataIn: 512 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer & 0xffff).toBe(1);
    expect(harness.run(cdb10(0x2a, 0, 1, flags), { dataOut: pattern(1) }).outcome).toBe('5/24/0');
  });
});

describe('a store that fails', () => {
  it.each([
    [IO_MEDIUM_ERROR, '3/11/0', '3/c/0'],
    [IO_HARDWARE_ERROR, '4/44/0', '4/44/0'],
    [IO_NO_SPACE, '7/27/7', '7/27/7'],
    [IO_WRITE_PROTECTED, '7/27/0', '7/27/0'],
  ] as const)('status %d becomes sense data with the block', (status, readOutcome, writeOutcome) => {
    const harness = new Harness();
    harness.backend.fault = () => status;
    const read = harness.run(cdb10(0x28, 9, 2), { dataIn: 1024 });
    expect(read.outcome).toBe(readOutcome);
    expect(read.command.senseInformation).toBe(9);
    expect(read.data.length).toBe(0);
    const write = harness.run(cdb10(0x2a, 9, 2), { dataOut: pattern(2) });
    expect(write.outcome).toBe(writeOutcome);
    expect(harness.isQuiet).toBe(true);
  });

  it('in the second segment of a READ ends it after the first, when nothing is in the store any more', () => {
    const harness = filled();
    harness.backend.fault = (io) => (io.offsetBytes === SEGMENT_BYTES_MAX ? IO_MEDIUM_ERROR : IO_OK);
    const blocks = 4 * SEGMENT_BLOCKS;
    const client = harness.run(cdb10(0x28, 0, blocks), { dataIn: blocks * BLOCK_BYTES });
    expect(client.outcome).toBe('3/11/0');
    expect(client.command.senseInformation).toBe(SEGMENT_BLOCKS);
    expect(client.data.length).toBe(SEGMENT_BYTES_MAX);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([
    { name: 'second before first', order: [1, 0] },
    { name: 'first before second', order: [0, 0] },
  ])('in two segments of a WRITE, $name, tells of the lower one', ({ order }) => {
    const harness = new Harness();
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    const blocks = 2 * SEGMENT_BLOCKS;
    const client = harness.start(cdb10(0x2a, 0, blocks), { dataOut: pattern(blocks) });
    expect(harness.backend.pending).toHaveLength(2);
    for (const index of order) harness.backend.complete(index);
    expect(client.outcome).toBe('3/c/0');
    expect(client.command.senseInformation).toBe(0);
    expect(harness.isQuiet).toBe(true);
  });

  it('in the first segment of a WRITE waits for the Data-Out that was asked for', () => {
    const harness = new Harness();
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    const blocks = 3 * SEGMENT_BLOCKS;
    const client = harness.start(cdb10(0x2a, 0, blocks), { dataOut: pattern(blocks), answersDataOut: false });
    expect(client.requests).toHaveLength(2);
    client.answer();
    harness.settle();
    expect(client.outcome).toBe('running');
    client.answer();
    expect(client.outcome).toBe('3/c/0');
    expect(client.requests).toHaveLength(0);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('a write protected unit', () => {
  it.each([{ unit: { isReadOnly: true } }, { capabilities: { isReadOnly: true } }])(
    'refuses WRITE and reads',
    (options) => {
      const harness = filled(options);
      const client = harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1), answersDataOut: false });
      expect(client.outcome).toBe('7/27/0');
      expect(client.requests).toHaveLength(0);
      expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('status 0');
    },
  );
});

describe('blocks of 4096 bytes', () => {
  it('are what LBA and length count', () => {
    const harness = filled({ unit: { blockShift: 12 } });
    const client = harness.run(cdb10(0x28, 1, 2), { dataIn: 8192 });
    expect(client.data.equals(pattern(BLOCK_COUNT).subarray(4096, 12288))).toBe(true);
    expect(harness.run(cdb10(0x28, BLOCK_COUNT / 8, 1), { dataIn: 4096 }).outcome).toBe('5/21/0');
  });

  it('a rest of the store that is no whole block does not exist', () => {
    const harness = new Harness({ sizeBytes: 4096 * 3 + 512, unit: { blockShift: 12 } });
    expect(harness.unit.blockCount).toBe(3);
    expect(harness.run(cdb10(0x28, 3, 1), { dataIn: 4096 }).outcome).toBe('5/21/0');
  });
});

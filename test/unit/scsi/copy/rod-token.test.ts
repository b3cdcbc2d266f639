/** Copies by token, as Windows does them: POPULATE TOKEN, RECEIVE ROD TOKEN INFORMATION, WRITE USING TOKEN. */
import { describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_NO_SPACE, IO_OK, IO_WRITE } from '../../../../src/backend/backend.ts';
import { TOKENS_PER_UNIT_MAX } from '../../../../src/scsi/copy/copy-limits.ts';
import { TargetDevice } from '../../../../src/scsi/target-device.ts';
import { ABORT_TASK, LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, cdb16, nexusOf, uint32, unitOn } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';
import { blocks, GOOD, Pair } from './copy-pair.ts';

type Range = readonly [lba: number, count: number];

interface Wishes {
  readonly id?: number;
  readonly flags?: number;
  readonly timeout?: number;
  readonly type?: number;
  readonly lun?: number;
  readonly offset?: number;
  readonly change?: (list: Buffer) => void;
  readonly nexus?: ReturnType<typeof nexusOf>;
}

const ZERO_TOKEN = Buffer.concat([Buffer.from([0xff, 0xff, 0, 1, 0, 0, 0x01, 0xf8]), Buffer.alloc(504)]);
const WUT_HEADER = 536;

function withRanges(header: Buffer, lengthByte: number, ranges: readonly Range[]): Buffer {
  const list = Buffer.alloc(header.length + 16 * ranges.length);
  header.copy(list);
  list.writeUInt16BE(list.length - 2, 0);
  list.writeUInt16BE(16 * ranges.length, lengthByte);
  ranges.forEach(([lba, count], index) => {
    list.writeBigUInt64BE(BigInt(lba), header.length + 16 * index);
    list.writeUInt32BE(count, header.length + 16 * index + 8);
  });
  return list;
}

function populateList(ranges: readonly Range[], { flags = 0, timeout = 0, type = 0 }: Wishes = {}): Buffer {
  const header = Buffer.alloc(16);
  header[2] = flags;
  header.writeUInt32BE(timeout, 4);
  header.writeUInt32BE(type, 8);
  return withRanges(header, 14, ranges);
}

function writeList(token: Buffer, ranges: readonly Range[], { flags = 0, offset = 0 }: Wishes = {}): Buffer {
  const header = Buffer.alloc(WUT_HEADER);
  header[2] = flags;
  header.writeBigUInt64BE(BigInt(offset), 8);
  token.copy(header, 16);
  return withRanges(header, 534, ranges);
}

function tokenCdb(action: number, id: number, lengthBytes: number): number[] {
  return [0x83, action, 0, 0, 0, 0, ...uint32(id), ...uint32(lengthBytes), 0, 0];
}

class TokenPair extends Pair {
  populate(ranges: readonly Range[], wishes: Wishes = {}) {
    const dataOut = populateList(ranges, wishes);
    wishes.change?.(dataOut);
    return this.run(tokenCdb(0x10, wishes.id ?? 7, dataOut.length), { dataOut, ...placeOf(wishes) });
  }

  startWrite(token: Buffer, ranges: readonly Range[], wishes: Wishes = {}) {
    const dataOut = writeList(token, ranges, wishes);
    wishes.change?.(dataOut);
    return this.start(tokenCdb(0x11, wishes.id ?? 8, dataOut.length), { dataOut, lun: 1, ...placeOf(wishes) });
  }

  write(token: Buffer, ranges: readonly Range[], wishes: Wishes = {}) {
    const client = this.startWrite(token, ranges, wishes);
    this.settle();
    return client;
  }

  information(id = 8, lun = 1, dataIn = 1024) {
    return this.run([0x84, 7, ...uint32(id), 0, 0, 0, 0, ...uint32(dataIn), 0, 0], { dataIn, lun });
  }

  /** The token for `ranges` of LUN 0. */
  token(ranges: readonly Range[], wishes: Wishes = {}): Buffer {
    expect(this.populate(ranges, wishes).outcome).toBe(GOOD);
    const { data } = this.information(wishes.id ?? 7, wishes.lun ?? 0);
    return Buffer.from(data.subarray(38));
  }
}

function placeOf({ lun, nexus }: Wishes) {
  return { ...(lun === undefined ? {} : { lun }), ...(nexus === undefined ? {} : { nexus }) };
}

describe('POPULATE TOKEN', () => {
  it('makes a token that RECEIVE ROD TOKEN INFORMATION brings to the byte', () => {
    const pair = new TokenPair();
    expect(pair.populate([[5, 3]]).outcome).toBe(GOOD);
    const { data } = pair.information(7, 0);
    expect(data).toHaveLength(32 + 4 + 2 + 512);
    expect([...data.subarray(0, 32)]).toEqual([
      ...uint32(data.length - 4),
      ...[0x10, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf1],
      ...[0, 0, 0, 0, 0, 0, 0, 3],
      ...[0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    expect([...data.subarray(32, 38)]).toEqual([0, 0, 2, 2, 0, 0]);
    const token = data.subarray(38);
    expect([...token.subarray(0, 8)]).toEqual([0x00, 0x80, 0x00, 0x01, 0, 0, 0x01, 0xf8]);
    expect([...token.subarray(16, 24)]).toEqual([0xe4, 0, 0, 0, 1, 3, 0, 8]);
    expect([...token.subarray(45, 48)]).toEqual([0, 2, 0]);
    expect(token.readBigUInt64BE(56)).toBe(BigInt(3 * BLOCK_BYTES));
    expect(token.readUInt32BE(96)).toBe(BLOCK_BYTES);
    expect(token[129]! & 0x3f).toBe(0x28);
    expect(pair.information(7, 0).outcome).toBe('5/24/0');
    expect(pair.backend.log).toEqual([]);
  });

  it('no two tokens are the same, not even of the same blocks', () => {
    const pair = new TokenPair();
    const tokens = Array.from({ length: 20 }, () => pair.token([[0, 1]]).toString('hex'));
    expect(new Set(tokens).size).toBe(20);
  });

  it('a status that did not fit is kept', () => {
    const pair = new TokenPair();
    pair.populate([[0, 1]]);
    expect(pair.information(7, 0, 100).data).toHaveLength(100);
    expect(pair.information(7, 0).data).toHaveLength(550);
  });

  it.each<[string, string, readonly Range[], Wishes]>([
    ['a block beyond the end', '5/21/0', [[BLOCK_COUNT, 1]], {}],
    ['an LBA of all ones', '5/21/0', [[Number.MAX_SAFE_INTEGER, 1]], {}],
    ['blocks over the end', '5/21/0', [[BLOCK_COUNT - 1, 2]], {}],
    [
      'a block twice',
      '5/26/0',
      [
        [0, 10],
        [20, 5],
        [9, 1],
      ],
      {},
    ],
    ['no block at all', '5/26/0', [[0, 0]], {}],
    ['too many ranges', '5/26/8', Array.from({ length: 65 }, (_, lba): Range => [lba, 1]), {}],
    ['a time that is too long', '5/26/0', [[0, 1]], { timeout: 601 }],
    ['another type', '5/26/0', [[0, 1]], { flags: 2, type: 0x00010000 }],
    ['no ranges', '5/26/0', [], {}],
    ['a data length that is short', '5/26/0', [[0, 1]], { change: (list) => list.writeUInt16BE(29, 0) }],
    ['ranges longer than the data', '5/26/0', [[0, 1]], { change: (list) => list.writeUInt16BE(32, 14) }],
    [
      'a list shorter than it says',
      '5/1a/0',
      [[0, 1]],
      {
        change: (list) => {
          list.writeUInt16BE(46, 0);
          list.writeUInt16BE(32, 14);
        },
      },
    ],
  ])('%s is %s', (_, outcome, ranges, wishes) => {
    const pair = new TokenPair();
    expect(pair.populate(ranges, wishes).outcome).toBe(outcome);
    expect(pair.information(7, 0).outcome).toBe('5/24/0');
  });

  it.each([0x00800001, 0x00800000, 0x0080ffff])('makes what was asked for as type %s', (type) => {
    expect(new TokenPair().token([[0, 1]], { flags: 2, type }).readUInt32BE(0)).toBe(0x00800001);
  });

  it('a list that is cut anywhere is refused, and none is no error', () => {
    const pair = new TokenPair();
    const list = populateList([
      [0, 1],
      [2, 1],
    ]);
    for (let length = 1; length < list.length; length++) {
      const client = pair.run(tokenCdb(0x10, 1, length), { dataOut: list.subarray(0, length) });
      expect(client.outcome).toBe('5/1a/0');
    }
    expect(pair.run(tokenCdb(0x10, 1, list.length), { dataOut: list.subarray(0, 20) }).outcome).toBe('5/1a/0');
    expect(pair.run(tokenCdb(0x10, 1, 0xffffffff), { dataOut: list }).outcome).toBe('5/1a/0');
    expect(pair.run(tokenCdb(0x10, 1, 0)).outcome).toBe(GOOD);
    expect(pair.unit.rods).toBe(null);
  });

  it('waits for an earlier write to its blocks, which belongs to the data then', () => {
    const pair = new TokenPair();
    const write = pair.start(cdb10(0x2a, 5, 1), { dataOut: Buffer.alloc(BLOCK_BYTES, 0x5a) });
    const list = populateList([[5, 1]]);
    const client = pair.start(tokenCdb(0x10, 7, list.length), { dataOut: list });
    expect([write.outcome, client.outcome]).toEqual(['running', 'running']);
    pair.settle();
    expect([write.outcome, client.outcome]).toEqual([GOOD, GOOD]);
    expect(pair.write(Buffer.from(pair.information(7, 0).data.subarray(38)), [[0, 1]]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 0, 1).every((byte) => byte === 0x5a)).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });

  it('a reservation against reads is one against it', () => {
    const pair = new TokenPair();
    const b = nexusOf('b');
    pair.device.openNexus(b);
    pair.clearAttention(b);
    expect(pair.run([0x16, 0, 0, 0, 0, 0], { nexus: b }).outcome).toBe(GOOD);
    expect(pair.populate([[0, 1]]).outcome).toBe('status 18');
  });

  it('the oldest of too many tokens gives way', () => {
    const pair = new TokenPair();
    const first = pair.token([[0, 1]]);
    for (let i = 1; i < TOKENS_PER_UNIT_MAX; i++) pair.token([[0, 1]]);
    expect(pair.write(first, [[0, 1]]).outcome).toBe(GOOD);
    pair.token([[0, 1]]);
    expect(pair.write(first, [[0, 1]]).outcome).toBe('5/23/4');
    expect(pair.unit.rods?.tokens).toHaveLength(TOKENS_PER_UNIT_MAX);
  });
});

describe('WRITE USING TOKEN', () => {
  it.each([1, 511, 512, 513, 4097])('writes %d blocks that the token stands for, and nothing beside them', (count) => {
    const pair = new TokenPair();
    const token = pair.token([[7, count]]);
    expect(pair.write(token, [[100, count]]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 100, count).equals(blocks(pair.backend, 7, count))).toBe(true);
    expect(blocks(pair.otherBackend, 0, 100).every((byte) => byte === 0)).toBe(true);
    expect(blocks(pair.otherBackend, 100 + count, 10).every((byte) => byte === 0)).toBe(true);
    const { data } = pair.information();
    expect([data[4], data[5], data[15], Number(data.readBigUInt64BE(16))]).toEqual([0x11, 0x01, 0xf1, count]);
    expect(data.readUInt32BE(32)).toBe(0);
    expect(pair.isQuiet).toBe(true);
  });

  it('lays ranges side by side, from an offset on', () => {
    const pair = new TokenPair();
    const token = pair.token([
      [10, 3],
      [100, 0],
      [50, 4],
      [30, 5],
    ]);
    const data = Buffer.concat([blocks(pair.backend, 10, 3), blocks(pair.backend, 50, 4), blocks(pair.backend, 30, 5)]);
    expect(
      pair.write(
        token,
        [
          [1, 1],
          [200, 6],
          [8, 2],
        ],
        { offset: 2 },
      ).outcome,
    ).toBe(GOOD);
    const written = [
      blocks(pair.otherBackend, 1, 1),
      blocks(pair.otherBackend, 200, 6),
      blocks(pair.otherBackend, 8, 2),
    ];
    expect(Buffer.concat(written).equals(data.subarray(2 * BLOCK_BYTES, 11 * BLOCK_BYTES))).toBe(true);
  });

  it('a token serves again and again', () => {
    const pair = new TokenPair();
    const token = pair.token([[10, 2]]);
    for (let to = 0; to < 10; to += 2) expect(pair.write(token, [[to, 2]]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 8, 2).equals(blocks(pair.backend, 10, 2))).toBe(true);
  });

  it('the zero token writes zeros, as many as are wanted', () => {
    const pair = new TokenPair();
    pair.otherBackend.bytes.fill(0x77);
    expect(
      pair.write(ZERO_TOKEN, [
        [3, 700],
        [2000, 1],
      ]).outcome,
    ).toBe(GOOD);
    expect(blocks(pair.otherBackend, 3, 700).every((byte) => byte === 0)).toBe(true);
    expect(blocks(pair.otherBackend, 2000, 1).every((byte) => byte === 0)).toBe(true);
    for (const lba of [2, 703, 1999, 2001]) expect(pair.otherBackend.bytes[lba * BLOCK_BYTES]).toBe(0x77);
    expect(pair.information().data.readBigUInt64BE(16)).toBe(701n);
    expect(pair.otherBackend.log.some(({ op }) => op === IO_WRITE)).toBe(false);
  });

  it('counts the offset in blocks of the source, and takes whole blocks of both', () => {
    const pair = new TokenPair({ blockShift: 12 });
    const token = pair.token([[0, 40]]);
    expect(pair.write(token, [[3, 2]], { offset: 8 }).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 3, 2, 4096).equals(blocks(pair.backend, 8, 16))).toBe(true);
    const odd = pair.token([
      [0, 7],
      [20, 9],
    ]);
    expect(pair.write(odd, [[3, 2]]).outcome).toBe('5/26/0');
  });

  it.each<[string, string, (token: Buffer) => void]>([
    ['of another type', '5/23/1', (token) => token.writeUInt32BE(0x00010000, 0)],
    ['of another length', '5/23/a', (token) => token.writeUInt16BE(0x1f7, 6)],
    ['whose random part differs in a bit', '5/23/4', (token) => token.writeUInt8(token[511]! ^ 1, 511)],
    ['that differs elsewhere', '5/23/5', (token) => token.writeUInt8(token[60]! ^ 1, 60)],
  ])('a token %s is %s', (_, outcome, change) => {
    const pair = new TokenPair();
    const token = pair.token([[0, 1]]);
    change(token);
    expect(pair.write(token, [[0, 1]]).outcome).toBe(outcome);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it.each<[string, string, readonly Range[], Wishes]>([
    ['more than the token has', '5/26/0', [[0, 3]], { offset: 0 }],
    ['an offset beyond it', '5/26/0', [[0, 1]], { offset: 2 }],
    ['an offset of all ones', '5/26/0', [[0, 1]], { change: (list) => list.fill(0xff, 8, 16) }],
    ['a block beyond the end', '5/21/0', [[BLOCK_COUNT, 1]], {}],
    [
      'a block twice',
      '5/26/0',
      [
        [0, 1],
        [0, 1],
      ],
      {},
    ],
    ['no ranges', '5/26/0', [], {}],
  ])('%s is %s', (_, outcome, ranges, wishes) => {
    const pair = new TokenPair();
    expect(pair.write(pair.token([[0, 2]]), ranges, wishes).outcome).toBe(outcome);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('a list that is cut anywhere is refused', () => {
    const pair = new TokenPair();
    const list = writeList(pair.token([[0, 1]]), [[0, 1]]);
    for (let length = 1; length < list.length; length++) {
      const client = pair.run(tokenCdb(0x11, 1, length), { dataOut: list.subarray(0, length), lun: 1 });
      expect(client.outcome).toBe('5/1a/0');
    }
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('to a unit that may only be read, or is reserved, it is refused at once', () => {
    const readOnly = new TokenPair({ isReadOnly: true });
    expect(readOnly.write(readOnly.token([[0, 1]]), [[0, 1]]).outcome).toBe('7/27/0');
    const pair = new TokenPair();
    const token = pair.token([[0, 1]]);
    const b = nexusOf('b');
    pair.device.openNexus(b);
    pair.clearAttention(b, 1);
    pair.run([0x16, 0, 0, 0, 0, 0], { nexus: b, lun: 1 });
    expect(pair.write(token, [[0, 1]]).outcome).toBe('status 18');
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('what goes wrong is told as of a WRITE, with the blocks that are done', () => {
    for (const [fault, outcome] of [
      [IO_NO_SPACE, '7/27/7'],
      [IO_HARDWARE_ERROR, '4/44/0'],
    ] as const) {
      const pair = new TokenPair();
      const token = pair.token([[0, 2000]]);
      pair.otherBackend.fault = (io) => (io.offsetBytes >= SEGMENT_BYTES_MAX ? fault : IO_OK);
      expect(pair.write(token, [[0, 2000]]).outcome).toBe(outcome);
      const { data } = pair.information();
      expect([data[5], Number(data.readBigUInt64BE(16)), data[12], data[13], data[14]]).toEqual([2, 512, 2, 28, 18]);
      expect(data[32 + 2]! & 0x0f).toBe(Number.parseInt(outcome[0]!, 16));
      expect(pair.isQuiet).toBe(true);
    }
  });

  it('is aborted between two pieces', () => {
    const pair = new TokenPair();
    const client = pair.startWrite(pair.token([[0, 2000]]), [[0, 2000]]);
    pair.backend.complete();
    const management = pair.manage(ABORT_TASK, { target: client });
    pair.settle();
    expect([client.outcome, management.doneCount]).toEqual(['aborted', 1]);
    expect(pair.otherBackend.log).toHaveLength(1);
    expect(pair.isQuiet).toBe(true);
  });

  it('in the background it goes on after its command, and its end is told', () => {
    const pair = new TokenPair();
    const client = pair.startWrite(pair.token([[0, 2000]]), [[0, 2000]], { flags: 1 });
    expect(client.outcome).toBe(GOOD);
    pair.backend.complete();
    pair.otherBackend.complete();
    const running = pair.start([0x84, 7, ...uint32(8), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], { dataIn: 256, lun: 1 });
    expect([running.data[5], Number(running.data.readBigUInt64BE(16))]).toEqual([0x12, 512]);
    expect(pair.startWrite(ZERO_TOKEN, [[0, 1]]).outcome).toBe('5/0/16');
    pair.settle();
    const { data } = pair.information();
    expect([data[5], Number(data.readBigUInt64BE(16))]).toEqual([1, 2000]);
    expect(blocks(pair.otherBackend, 0, 2000).equals(blocks(pair.backend, 0, 2000))).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });
});

describe('a token ends', () => {
  it.each<[string, number[], Buffer]>([
    ['WRITE(10)', cdb10(0x2a, 5, 1), Buffer.alloc(BLOCK_BYTES)],
    ['WRITE SAME(16) without data', cdb16(0x93, 5, 1, 1), Buffer.alloc(0)],
    ['UNMAP', [0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], unmapList(5, 1)],
    ['COMPARE AND WRITE', [...cdb16(0x89, 5, 0).slice(0, 13), 1, 0, 0], Buffer.alloc(2 * BLOCK_BYTES)],
  ])('with a %s to its blocks, and with none beside them', (_, cdb, dataOut) => {
    const pair = new TokenPair();
    pair.backend.bytes.fill(0, 5 * BLOCK_BYTES, 6 * BLOCK_BYTES);
    const token = pair.token([[5, 1]]);
    const beside = pair.token([
      [4, 1],
      [6, 1],
    ]);
    expect(pair.run(cdb, { dataOut }).outcome).toBe(GOOD);
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/6');
    expect(pair.write(beside, [[0, 2]]).outcome).toBe(GOOD);
  });

  it('a write while it is being used ends the copy, and nothing new is taken for old', () => {
    const pair = new TokenPair();
    const before = blocks(pair.backend, 0, 2000);
    const client = pair.startWrite(pair.token([[0, 2000]]), [[0, 2000]]);
    pair.backend.complete();
    pair.otherBackend.complete();
    const write = pair.start(cdb10(0x2a, 600, 1), { dataOut: Buffer.alloc(BLOCK_BYTES, 0xaa) });
    pair.backend.complete(1); // the write, before the read of the second piece
    pair.settle();
    expect([write.outcome, client.outcome]).toEqual([GOOD, '5/23/6']);
    expect(blocks(pair.otherBackend, 0, 512).equals(before.subarray(0, 512 * BLOCK_BYTES))).toBe(true);
    expect(blocks(pair.otherBackend, 512, 2000 - 512).every((byte) => byte === 0)).toBe(true);
    expect(Number(pair.information().data.readBigUInt64BE(16))).toBe(512);
  });

  it('when it is written over by its own copy, which then is done as far as it says', () => {
    const pair = new TokenPair();
    const before = blocks(pair.backend, 0, 2000);
    const client = pair.write(pair.token([[0, 2000]]), [[100, 2000]], { lun: 0 });
    expect(client.outcome).toBe('5/23/6');
    expect(Number(pair.information(8, 0).data.readBigUInt64BE(16))).toBe(512);
    expect(blocks(pair.backend, 100, 512).equals(before.subarray(0, 512 * BLOCK_BYTES))).toBe(true);
    expect(blocks(pair.backend, 612, 1388).equals(before.subarray(612 * BLOCK_BYTES))).toBe(true);
  });

  it('when the disk is cut within its blocks, also when they come back; what lies before stays', () => {
    const pair = new TokenPair();
    const cut = pair.token([[BLOCK_COUNT - 8, 8]]);
    const before = pair.token([[0, 8]]);
    pair.unit.resize((BLOCK_COUNT - 4) * BLOCK_BYTES);
    pair.unit.resize(BLOCK_COUNT * BLOCK_BYTES);
    pair.clearAttention(pair.nexus);
    expect(pair.write(cut, [[0, 8]]).outcome).toBe('5/23/6');
    expect(blocks(pair.otherBackend, 0, 8).every((byte) => byte === 0)).toBe(true);
    expect(pair.write(before, [[0, 8]]).outcome).toBe(GOOD);
  });

  it('when its time is over, which begins anew with each use', () => {
    const pair = new TokenPair();
    const token = pair.token([[0, 1]], { timeout: 10 });
    pair.nowMs += 10_000;
    expect(pair.write(token, [[0, 1]]).outcome).toBe(GOOD);
    pair.nowMs += 10_000;
    expect(pair.write(token, [[0, 1]]).outcome).toBe(GOOD);
    pair.nowMs += 10_001;
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/7');
    pair.token([[0, 1]]);
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/4');
  });

  it('with DEL_TKN, once the copy is done', () => {
    const pair = new TokenPair();
    const token = pair.token([[0, 600]]);
    expect(pair.write(token, [[0, 600]], { flags: 2 }).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 0, 600).equals(blocks(pair.backend, 0, 600))).toBe(true);
    expect(pair.write(token, [[0, 600]]).outcome).toBe('5/23/9');
  });

  it('when its unit is reset, and with it what was held and what runs', () => {
    const pair = new TokenPair();
    const token = pair.token([[0, 2000]]);
    pair.startWrite(token, [[0, 2000]], { flags: 1 });
    pair.manage(LOGICAL_UNIT_RESET, { lun: 1 });
    pair.settle();
    expect(pair.otherBackend.log.length).toBeLessThan(2);
    pair.clearAttention(pair.nexus, 1);
    expect(pair.information().outcome).toBe('5/24/0');
    expect(pair.write(token, [[0, 1]]).outcome).toBe(GOOD);
    pair.manage(LOGICAL_UNIT_RESET, { lun: 0 });
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/6');
    expect(pair.isQuiet).toBe(true);
  });
});

describe('whom a token serves', () => {
  it('an initiator of another target device, who could not reach the unit itself', () => {
    const pair = new TokenPair();
    const token = pair.token([[10, 1000]]);
    const device = new TargetDevice(pair.context);
    const backend = new MemoryBackend(BLOCK_BYTES * BLOCK_COUNT);
    device.addLogicalUnit(0, unitOn(backend, { uuid: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeee02' }));
    const b = nexusOf('b');
    device.openNexus(b);
    const there = Object.assign(Object.create(pair), { device, backend }) as TokenPair;
    there.clearAttention(b, 0);
    const client = there.startWrite(token, [[0, 1000]], { lun: 0, nexus: b });
    for (const store of [pair.backend, backend, pair.backend, backend]) store.complete();
    expect(client.outcome).toBe(GOOD);
    expect(blocks(backend, 0, 1000).equals(blocks(pair.backend, 10, 1000))).toBe(true);
    expect([...pair.unit.initiatorPortNames()]).toEqual([pair.nexus.initiatorPortName]);
  });

  it('nobody once its unit is no longer exported', () => {
    const pair = new TokenPair();
    const token = pair.token([[0, 1]]);
    pair.device.removeLogicalUnit(0);
    expect(pair.write(token, [[0, 1]]).outcome).toBe('6/3f/e');
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/4');
  });

  it('nobody, also when its unit comes back, is reset or is changed meanwhile', () => {
    const pair = new TokenPair();
    const token = pair.token([[0, 1]]);
    pair.device.removeLogicalUnit(0);
    expect(pair.unit.rods).toBe(null); // nothing is kept for what nobody can have any more
    pair.device.addLogicalUnit(0, pair.unit);
    pair.clearAttention(pair.nexus, 0);
    pair.clearAttention(pair.nexus, 1);
    expect(pair.write(token, [[0, 1]]).outcome).toBe('5/23/4');
    expect(pair.write(pair.token([[0, 1]]), [[0, 1]]).outcome).toBe(GOOD);
  });

  it('nobody in the midst of a copy, which ends with what is done by then', () => {
    const pair = new TokenPair();
    const client = pair.startWrite(pair.token([[0, 2000]]), [[0, 2000]]);
    pair.backend.complete();
    pair.otherBackend.complete();
    pair.device.removeLogicalUnit(0);
    pair.settle();
    expect(client.outcome).toBe('5/23/6');
    expect(blocks(pair.otherBackend, 1100, 900).every((byte) => byte === 0)).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });

  it('as before, when another target or another LUN of its unit is removed', () => {
    const pair = new TokenPair();
    const device = new TargetDevice(pair.context);
    device.addLogicalUnit(0, pair.unit);
    pair.device.addLogicalUnit(5, pair.unit);
    pair.clearAttention(pair.nexus, 1);
    const token = pair.token([[0, 1]]);
    device.removeLogicalUnit(0);
    pair.device.removeLogicalUnit(5);
    pair.clearAttention(pair.nexus, 1);
    expect(pair.write(token, [[0, 1]]).outcome).toBe(GOOD);
  });
});

it('REPORT ALL ROD TOKENS tells of the valid ones, without what makes them usable', () => {
  const pair = new TokenPair();
  const report = () => pair.run([0x84, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0], { dataIn: 1024 }).data;
  expect([...report()]).toEqual([0, 0, 0, 4, 0, 0, 0, 0]);
  const tokens = [pair.token([[0, 1]]), pair.token([[5, 1]])];
  expect(
    report().equals(
      Buffer.concat([Buffer.from([0, 0, 0, 196, 0, 0, 0, 0]), ...tokens.map((token) => token.subarray(0, 96))]),
    ),
  ).toBe(true);
  pair.run(cdb10(0x2a, 5, 1), { dataOut: Buffer.alloc(BLOCK_BYTES) });
  expect(report()).toHaveLength(8 + 96);
});

function unmapList(lba: number, count: number): Buffer {
  const list = Buffer.alloc(24);
  list.writeUInt16BE(22, 0);
  list.writeUInt16BE(16, 2);
  list.writeBigUInt64BE(BigInt(lba), 8);
  list.writeUInt32BE(count, 16);
  return list;
}

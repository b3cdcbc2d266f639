/** Copies by token as Windows does them, over a session: the lists go out and the token comes back whole, however PDUs are cut. */
import { describe, expect, it } from 'vitest';
import type { TaskOptions } from '../../../../initiator/initiator-task.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const GOOD = 0;
const INVALID_FIELD_IN_CDB = 0x052400;
const PARAMETER_LIST_LENGTH_ERROR = 0x051a00;
const TOKEN_REVOKED = 0x052306;
const BLOCKS = 1500;
const BLOCK_BYTES = 512;

function start(settings: Partial<InitiatorSettings> = {}) {
  const target = new SimulatedTarget();
  const session = target.logIn(settings);
  const run = (cdb: readonly number[], options: TaskOptions = {}, user = session) => {
    const task = user.execute(Buffer.from(cdb), options);
    target.time.settle();
    return task;
  };
  run(Array.from(TEST_UNIT_READY));
  pattern(BLOCKS * BLOCK_BYTES).copy(target.backend.bytes);
  return { target, run };
}

function listOf(headerBytes: number, lba: number, count: number): Buffer {
  const list = Buffer.alloc(headerBytes + 16);
  list.writeUInt16BE(list.length - 2, 0);
  list.writeUInt16BE(16, headerBytes - 2);
  list.writeUInt32BE(lba, headerBytes + 4);
  list.writeUInt32BE(count, headerBytes + 8);
  return list;
}

function writeList(token: Buffer, lba: number, count: number): Buffer {
  const list = listOf(536, lba, count);
  token.copy(list, 16);
  return list;
}

const populate = (bytes: number) => [0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, bytes >>> 8, bytes & 0xff, 0, 0];
const write = (bytes: number) => [0x83, 0x11, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, bytes >>> 8, bytes & 0xff, 0, 0];
const information = (id: number, bytes: number) => [
  0x84,
  7,
  0,
  0,
  0,
  id,
  0,
  0,
  0,
  0,
  0,
  0,
  bytes >>> 8,
  bytes & 0xff,
  0,
  0,
];

type Run = ReturnType<typeof start>['run'];

function tokenFor(run: Run, lba: number, count: number): Buffer {
  expect(run(populate(32), { dataOut: listOf(16, lba, count) }).status).toBe(GOOD);
  const answer = run(information(1, 1024), { dataIn: 1024 });
  expect([answer.status, answer.isUnderflow, answer.residual]).toEqual([GOOD, true, 1024 - 550]);
  return Buffer.from(answer.dataIn.subarray(38, 550));
}

describe.each([
  { name: 'unsolicited', settings: {} },
  { name: 'by R2T', settings: { initialR2T: true, immediateData: false } },
  { name: 'in small PDUs with digests', settings: { maxRecvDataSegmentLength: 512, hasDataDigest: true } },
])('a copy by token, its lists $name', ({ settings }) => {
  it('brings the data that the token stands for, and says how much', () => {
    const { target, run } = start(settings);
    const token = tokenFor(run, 3, BLOCKS - 3);
    const list = writeList(token, 2000, BLOCKS - 3);
    expect(run(write(list.length), { dataOut: list }).status).toBe(GOOD);
    const { bytes } = target.backend;
    const copied = bytes.subarray(2000 * BLOCK_BYTES, (2000 + BLOCKS - 3) * BLOCK_BYTES);
    expect(copied.equals(bytes.subarray(3 * BLOCK_BYTES, BLOCKS * BLOCK_BYTES))).toBe(true);
    const { dataIn } = run(information(2, 36), { dataIn: 36 });
    expect([dataIn[5], Number(dataIn.readBigUInt64BE(16))]).toEqual([1, BLOCKS - 3]);
  });
});

it('a token serves the session that it is shown by, its status only the one that asked for it', () => {
  const { target, run } = start();
  const other = target.logIn({ initiatorName: 'iqn.2001-04.com.example:other' });
  run(Array.from(TEST_UNIT_READY), {}, other);
  const token = tokenFor(run, 0, 4);
  expect(run(populate(32), { dataOut: listOf(16, 0, 4) }).status).toBe(GOOD);
  expect(run(information(1, 1024), { dataIn: 1024 }, other).senseCode).toBe(INVALID_FIELD_IN_CDB);
  const list = writeList(token, 100, 4);
  expect(run(write(list.length), { dataOut: list }, other).status).toBe(GOOD);
  const change = run([0x2a, 0, 0, 0, 0, 1, 0, 0, 1, 0], { dataOut: Buffer.alloc(BLOCK_BYTES) }, other);
  expect(change.status).toBe(GOOD);
  expect(run(write(list.length), { dataOut: list }).senseCode).toBe(TOKEN_REVOKED);
});

it('a list of which less is sent than the CDB says is refused, and more is a residual', () => {
  const { run } = start();
  const list = listOf(16, 0, 4);
  const short = run(populate(32), { dataOut: list.subarray(0, 20) });
  expect([short.senseCode, short.isOverflow, short.residual]).toEqual([PARAMETER_LIST_LENGTH_ERROR, true, 12]);
  const long = run(populate(32), { dataOut: Buffer.concat([list, Buffer.alloc(100)]) });
  expect([long.status, long.isUnderflow, long.residual]).toEqual([GOOD, true, 100]);
});

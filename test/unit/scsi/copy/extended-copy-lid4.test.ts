/** EXTENDED COPY(LID4), in the foreground and in the background, what tells of it, and COPY OPERATION ABORT. */
import { describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_OK } from '../../../../src/backend/backend.ts';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import type { Harness } from '../device-harness.ts';
import { BLOCK_BYTES, nexusOf, uint32 } from '../device-harness.ts';
import type { Segment } from './copy-pair.ts';
import { blocks, GOOD, Pair, segmentBytes, xcopy } from './copy-pair.ts';

interface List {
  readonly id?: number;
  readonly usage?: number;
  readonly isImmediate?: boolean;
  readonly change?: (list: Buffer) => void;
}

function lid4(pair: Pair, segments: readonly Segment[], { id = 0x12345678, usage = 0, ...rest }: List = {}): Buffer {
  const header = Buffer.alloc(48);
  header[0] = 1;
  header[1] = usage << 3;
  header.writeUInt16BE(32, 2);
  header[15] = rest.isImmediate === true ? 1 : 0;
  header[16] = 0xff;
  header.writeUInt32BE(id, 20);
  header.writeUInt16BE(32 * pair.cscds.length, 42);
  header.writeUInt16BE(28 * segments.length, 44);
  const list = Buffer.concat([header, ...pair.cscds, ...segments.map(segmentBytes)]);
  rest.change?.(list);
  return list;
}

function command(list: Buffer): [number[], { dataOut: Buffer }] {
  const [cdb, options] = xcopy(list);
  cdb[1] = 1;
  return [cdb, options];
}

function copy(pair: Pair, segments: readonly Segment[], list: List = {}) {
  return pair.run(...command(lid4(pair, segments, list)));
}

function startCopy(pair: Pair, segments: readonly Segment[], list: List = {}) {
  return pair.start(...command(lid4(pair, segments, list)));
}

function status(harness: Harness, id = 0x12345678, nexus = harness.nexus) {
  return harness.start([0x84, 5, ...uint32(id), 0, 0, 0, 0, 0, 0, 0, 255, 0, 0], { dataIn: 255, nexus });
}

function abort(harness: Harness, id = 0x12345678) {
  return harness.start([0x83, 0x1c, ...uint32(id), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

describe('EXTENDED COPY(LID4)', () => {
  it('copies, and RECEIVE COPY STATUS(LID4) tells of it to the byte', () => {
    const pair = new Pair();
    expect(copy(pair, [{ blocks: 600, from: 1, to: 9 }, { blocks: 1 }]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 9, 600).equals(blocks(pair.backend, 1, 600))).toBe(true);
    expect([...status(pair).data]).toEqual([
      ...[0, 0, 0, 28, 1, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, ...uint32(601 * BLOCK_BYTES), 0, 2, 0, 0, 0, 0, 0, 0],
    ]);
    expect(status(pair).outcome).toBe('5/24/0');
  });

  it.each<[string, string, (list: Buffer) => void, number]>([
    ['another list format', '5/26/0', (list) => list.writeUInt8(0, 0), 0],
    ['a reserved usage of the list identifier', '5/26/0', (list) => list.writeUInt8(8, 1), 1],
    ['another header length', '5/26/0', (list) => list.writeUInt16BE(31, 2), 2],
    ['sense data with GOOD', '5/26/0', (list) => list.writeUInt8(2, 15), 15],
    ['another header descriptor', '5/26/0', (list) => list.writeUInt8(0xe4, 16), 16],
    ['an identifier that is not used', '5/26/0', (list) => list.writeUInt8(0x18, 1), 20],
    ['inline data', '5/26/b', (list) => list.writeUInt16BE(1, 46), 46],
    ['an unknown segment', '5/26/9', (list) => list.writeUInt8(0x0b, 112), 112],
  ])('%s is %s', (_, outcome, change, byte) => {
    const pair = new Pair();
    const client = copy(pair, [{}], { change });
    expect(client.outcome).toBe(outcome);
    expect(client.command.senseFieldPointer & 0xffff).toBe(byte);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('in the background without an identifier it is refused, as nobody could ask for its end', () => {
    expect(copy(new Pair(), [{}], { id: 0, usage: 3, isImmediate: true }).outcome).toBe('5/26/0');
    expect(copy(new Pair(), [{}], { id: 0, usage: 3 }).outcome).toBe(GOOD);
  });

  it('a list that is cut anywhere is PARAMETER LIST LENGTH ERROR', () => {
    const pair = new Pair();
    const list = lid4(pair, [{}]);
    for (let length = 1; length < list.length; length++) {
      expect(pair.run(...command(list.subarray(0, length))).outcome).toBe('5/1a/0');
    }
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('in the background its command ends first, and the copy goes on', () => {
    const pair = new Pair();
    expect(startCopy(pair, [{ blocks: 2000 }], { isImmediate: true }).outcome).toBe(GOOD);
    expect(status(pair).data[5]).toBe(0x12);
    expect(startCopy(pair, [{}]).outcome).toBe('5/0/16');
    pair.settle();
    expect(status(pair).data[5]).toBe(1);
    expect(blocks(pair.otherBackend, 0, 2000).equals(blocks(pair.backend, 0, 2000))).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });

  it('more copies at once than a nexus may have are refused', () => {
    const pair = new Pair();
    const start = (id: number) => startCopy(pair, [{ to: id }], { id, isImmediate: true }).outcome;
    for (let id = 0; id < 255; id++) expect(start(id)).toBe(GOOD);
    expect(start(255)).toBe('5/55/3');
    pair.settle();
    expect(start(255)).toBe(GOOD);
    pair.settle();
    expect(pair.isQuiet).toBe(true);
  });

  it.each<[string, (pair: Pair) => void]>([
    ['its nexus is lost', (pair) => pair.device.closeNexus(pair.nexus)],
    ['its unit is reset', (pair) => pair.manage(LOGICAL_UNIT_RESET)],
    ['the reactor ends', (pair) => pair.context.stopBackground()],
  ])('in the background it ends when %s', (_, happen) => {
    const pair = new Pair();
    startCopy(pair, [{ blocks: 4000 }], { isImmediate: true });
    pair.backend.complete();
    pair.otherBackend.complete();
    happen(pair);
    pair.settle();
    expect(pair.otherBackend.log).toHaveLength(1);
    expect(pair.context.backgroundCopies.size).toBe(0);
    expect(pair.isQuiet).toBe(true);
  });
});

it('at the end of the reactor no copy in the background waits for blocks that another has alone', () => {
  const pair = new Pair();
  const dataOut = Buffer.alloc(2 * BLOCK_BYTES);
  pair.start([0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], { dataOut });
  startCopy(pair, [{ blocks: 4 }], { isImmediate: true });
  expect(pair.context.backgroundCopies.size).toBe(1);
  pair.context.stopBackground();
  expect(pair.context.backgroundCopies.size).toBe(0);
  pair.settle();
  expect(pair.otherBackend.log).toEqual([]);
  expect(pair.isQuiet).toBe(true);
});

describe('COPY OPERATION ABORT', () => {
  it.each([true, false])('ends a copy, in the background: %s, and itself when that is at rest', (isImmediate) => {
    const pair = new Pair();
    const client = startCopy(pair, [{ blocks: 4000 }], { isImmediate });
    pair.backend.complete();
    const aborting = abort(pair);
    expect(aborting.outcome).toBe('running');
    pair.settle();
    expect(aborting.outcome).toBe(GOOD);
    expect(client.outcome).toBe(isImmediate ? GOOD : 'a/0/0');
    expect(pair.otherBackend.log).toHaveLength(1);
    const { data } = status(pair);
    expect([data[5], Number(data.readBigUInt64BE(16))]).toEqual([0x60, 512 * BLOCK_BYTES]);
    expect(pair.isQuiet).toBe(true);
  });

  it('of what does not run, or is of another nexus, is refused', () => {
    const pair = new Pair();
    expect(abort(pair).outcome).toBe('5/24/0');
    copy(pair, [{}]);
    expect(abort(pair).outcome).toBe('5/24/0');
    const b = nexusOf('b');
    pair.device.openNexus(b);
    pair.clearAttention(b);
    startCopy(pair, [{}], { isImmediate: true });
    expect(pair.start([0x83, 0x1c, ...uint32(0x12345678), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], { nexus: b }).outcome).toBe(
      '5/24/0',
    );
    expect(status(pair, 0x12345678, b).outcome).toBe('5/24/0');
    pair.settle();
  });
});

describe('a copy that failed', () => {
  function failed(): Pair {
    const pair = new Pair();
    pair.otherBackend.fault = (io) => (io.offsetBytes >= SEGMENT_BYTES_MAX ? IO_HARDWARE_ERROR : IO_OK);
    expect(copy(pair, [{ blocks: 2000 }], { id: 5 }).outcome).toBe('a/d/1');
    return pair;
  }

  it('is told of with its sense data by RECEIVE COPY STATUS(LID4)', () => {
    const { data } = status(failed(), 5);
    expect(data).toHaveLength(60);
    expect([data.readUInt32BE(0), data[4], data[5], data[12], data[13], data[14]]).toEqual([56, 1, 2, 2, 28, 18]);
    expect([data[32], data[34], data.readUInt32BE(35), data[44], data[45]]).toEqual([0xf0, 0x0a, 1488, 0x0d, 0x01]);
  });

  it('is told of by RECEIVE COPY FAILURE DETAILS, which has nothing to tell of others', () => {
    const pair = failed();
    const details = (id: number) => pair.run([0x84, 4, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0], { dataIn: 255 });
    const { data } = details(5);
    expect(data).toHaveLength(78);
    expect([data.readUInt32BE(0), data[56], data.readUInt16BE(58), data[62], data[72], data[73]]).toEqual([
      74, 2, 18, 0x0a, 0x0d, 0x01,
    ]);
    expect(details(5).outcome).toBe('5/24/0');
    copy(pair, [{}], { id: 6 });
    expect(details(6).outcome).toBe('5/24/0');
    expect(status(pair, 6).data[5]).toBe(1);
  });
});

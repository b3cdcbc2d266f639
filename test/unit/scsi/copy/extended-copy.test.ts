/** EXTENDED COPY(LID1) from and to the units of one target device, and the commands that ask about it. */
import { describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_OK, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { TASK_ORDERED } from '../../../../src/scsi/command/command.ts';
import { COPY_BUFFERS_MAX } from '../../../../src/scsi/copy/run/copy-buffers.ts';
import { ABORT_TASK } from '../../../../src/scsi/task/task-management.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import type { Harness } from '../device-harness.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, nexusOf, uint32 } from '../device-harness.ts';
import type { Segment } from './copy-pair.ts';
import { blocks, GOOD, Pair, parameters, xcopy } from './copy-pair.ts';

function status(harness: Harness, id = 1, nexus = harness.nexus) {
  return harness.run([0x84, 0, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0], { dataIn: 255, nexus });
}

describe('EXTENDED COPY', () => {
  it.each([1, 511, 512, 513, 2048, 4097])('copies %d blocks to another unit, and nothing beside them', (count) => {
    const pair = new Pair();
    expect(pair.copy([{ blocks: count, from: 7, to: 100 }]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 100, count).equals(blocks(pair.backend, 7, count))).toBe(true);
    expect(blocks(pair.otherBackend, 0, 100).every((byte) => byte === 0)).toBe(true);
    expect(blocks(pair.otherBackend, 100 + count, 10).every((byte) => byte === 0)).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });

  it.each([3, 10])('finds a unit by its designator of type %d', (type) => {
    const pair = new Pair();
    expect(pair.copy([{}], {}, [pair.cscd(0, type), pair.cscd(1, type)]).outcome).toBe(GOOD);
    expect(blocks(pair.otherBackend, 0, 1).equals(blocks(pair.backend, 0, 1))).toBe(true);
  });

  it('does its segments in order', () => {
    const pair = new Pair();
    const back = { source: 1, destination: 0, from: 5, to: 99 };
    expect(pair.copy([{ from: 3, to: 5 }, { blocks: 0 }, back]).outcome).toBe(GOOD);
    expect(blocks(pair.backend, 99, 1).equals(blocks(pair.backend, 3, 1))).toBe(true);
  });

  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 700],
    [700, 0],
    [0, 512],
    [0, 2047],
    [0, 2048],
  ])('from %d to %d of the same unit is as of the data before it', (from, to) => {
    const pair = new Pair();
    const before = blocks(pair.backend, from, 2048);
    expect(pair.copy([{ destination: 0, blocks: 2048, from, to }]).outcome).toBe(GOOD);
    expect(blocks(pair.backend, to, 2048).equals(before)).toBe(true);
  });

  it('between units of other block sizes counts in the blocks that DC names', () => {
    const pair = new Pair({ blockShift: 12 });
    expect(pair.copy([{ blocks: 16, from: 8, to: 3 }]).outcome).toBe(GOOD);
    expect(pair.copy([{ blocks: 2, from: 8, to: 7, flags: 2 }], { id: 2 }).outcome).toBe(GOOD);
    for (const lba of [3, 7]) {
      expect(blocks(pair.otherBackend, lba, 2, 4096).equals(blocks(pair.backend, 8, 16))).toBe(true);
    }
    expect(pair.copy([{ blocks: 15 }]).outcome).toBe('a/26/a');
  });

  it('no parameter list and no segments copy nothing', () => {
    const pair = new Pair();
    expect(pair.run(...xcopy(Buffer.alloc(0))).outcome).toBe(GOOD);
    expect(pair.copy([]).outcome).toBe(GOOD);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('ordered tasks and copies from both sides do not wait for each other', () => {
    const pair = new Pair();
    const list = (segment: Segment, id: number) => parameters([segment], pair.cscds, { id });
    const there = xcopy(list({ blocks: 600 }, 1));
    const back = xcopy(list({ source: 1, destination: 0, blocks: 600, from: 1000, to: 1000 }, 2));
    const clients = [
      pair.start(there[0], { ...there[1], attribute: TASK_ORDERED }),
      pair.start(back[0], { ...back[1], attribute: TASK_ORDERED, lun: 1 }),
    ];
    pair.settle();
    expect(clients.map(({ outcome }) => outcome)).toEqual([GOOD, GOOD]);
  });

  it('many copies at once wait for few buffers, and all end', () => {
    const pair = new Pair();
    const clients = Array.from({ length: 40 }, (_, id) => pair.startCopy([{ blocks: 1200, from: 1, to: id }], { id }));
    expect(pair.backend.pending).toHaveLength(COPY_BUFFERS_MAX);
    pair.settle();
    expect(clients.every(({ outcome }) => outcome === GOOD)).toBe(true);
    expect(pair.isQuiet).toBe(true);
  });

  it('leaves the unit attention conditions of its ends pending', () => {
    const pair = new Pair();
    pair.device.logicalUnit(1)?.establishAttention(0x062a01, null);
    expect(pair.copy([{}]).outcome).toBe(GOOD);
    expect(pair.run([0x00], { lun: 1 }).outcome).toBe('6/2a/1');
  });
});

describe('a copy that cannot be', () => {
  it.each<[string, string, Segment, number]>([
    ['a source that is no descriptor', 'a/8/4', { source: 2 }, 84],
    ['a destination that is no descriptor', 'a/8/4', { destination: 0xffff }, 86],
    ['a source beyond the end', 'a/0/0', { from: BLOCK_COUNT }, 92],
    ['a destination beyond the end', 'a/0/0', { blocks: 2, to: BLOCK_COUNT - 1 }, 100],
    ['an LBA of all ones', 'a/0/0', { to: 2 ** 53 }, 100],
    ['another segment descriptor', '5/26/9', { type: 3 }, 80],
    ['another descriptor length', '5/26/0', { length: 0x14 }, 82],
    ['a reserved flag', '5/26/0', { flags: 4 }, 81],
  ])('%s is %s, and no segment before it is done', (_, outcome, segment, byte) => {
    const pair = new Pair();
    const client = pair.copy([segment]);
    expect(client.outcome).toBe(outcome);
    expect(client.command.senseFieldPointer & 0xffff).toBe(byte);
    expect(pair.copy([{}, segment]).outcome).toBe(outcome);
    expect([...pair.backend.log, ...pair.otherBackend.log]).toEqual([]);
  });

  it.each<[string, string, (cscd: Buffer) => void]>([
    ['an unknown designator', 'a/d/2', (cscd) => cscd.fill(0x77, 8, 16)],
    ['a designator that is shorter', 'a/d/2', (cscd) => cscd.writeUInt8(7, 7)],
    ['a designator longer than its field', '5/26/0', (cscd) => cscd.writeUInt8(21, 7)],
    ['a target port as association', 'a/d/2', (cscd) => cscd.writeUInt8(0x13, 5)],
    ['a tape', 'a/d/3', (cscd) => cscd.writeUInt8(1, 1)],
    ['another descriptor type', '5/26/7', (cscd) => cscd.writeUInt8(0xe0, 0)],
    ['another block length', '5/26/0', (cscd) => cscd.writeUIntBE(4096, 29, 3)],
  ])('%s in a CSCD descriptor is %s', (_, outcome, change) => {
    const pair = new Pair();
    const wrong = pair.cscd(1);
    change(wrong);
    expect(pair.copy([{}], {}, [pair.cscd(0), wrong]).outcome).toBe(outcome);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('a unit of another target device is not reached', () => {
    const pair = new Pair();
    const gone = pair.cscd(1);
    pair.device.removeLogicalUnit(1);
    pair.run([0x00]);
    expect(pair.copy([{}], {}, [pair.cscd(0), gone]).outcome).toBe('a/d/2');
  });

  it('limits are those of the operating parameters', () => {
    const pair = new Pair();
    const cdb = [0x84, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    const limits = pair.run(cdb, { dataIn: 256 }).data;
    expect(limits.readUInt32BE(0)).toBe(limits.length - 4);
    expect([...limits.subarray(43)]).toEqual([3, 0x02, 0x0a, 0xe4]);
    const cscds = limits.readUInt16BE(8);
    const segments = limits.readUInt16BE(10);
    const copy = (segmentCount: number, cscdCount: number) => {
      const list = { id: 9, usage: 2 };
      return pair.copy(new Array(segmentCount).fill({}), list, [
        pair.cscd(0),
        ...new Array<Buffer>(cscdCount - 1).fill(pair.cscd(1)),
      ]).outcome;
    };
    expect(copy(segments, cscds)).toBe(GOOD);
    expect(copy(segments + 1, 2)).toBe('5/26/8');
    expect(copy(1, cscds + 1)).toBe('5/26/6');
    expect(copy(2 * segments, cscds + 1)).toBe('5/1a/0');
    expect(pair.copy([{}], { inline: 1 }).outcome).toBe('5/26/b');
  });

  it('a list that is cut anywhere is PARAMETER LIST LENGTH ERROR', () => {
    const pair = new Pair();
    const list = parameters([{}], pair.cscds);
    for (let length = 1; length < list.length; length++) {
      expect(pair.run(...xcopy(list.subarray(0, length))).outcome).toBe('5/1a/0');
    }
    expect(pair.run(...xcopy(list.subarray(0, 50), list.length)).outcome).toBe('5/1a/0');
    expect(pair.run(...xcopy(list, 0xffffffff)).outcome).toBe('5/1a/0');
    expect(pair.otherBackend.log).toEqual([]);
  });
});

describe('a destination that refuses', () => {
  const third = 'a/d/1';

  it('is named: a unit that may only be read', () => {
    const pair = new Pair({ isReadOnly: true });
    const client = pair.copy([{ blocks: 3 }]);
    expect(client.outcome).toBe(third);
    expect(client.command.senseFieldPointer & 0xffff).toBe(86);
    expect(client.command.senseInformation).toBe(3);
    expect(pair.otherBackend.log).toEqual([]);
    expect(pair.isQuiet).toBe(true);
  });

  it('a reservation of another nexus holds against the copy', () => {
    const pair = new Pair();
    const b = nexusOf('b');
    pair.device.openNexus(b);
    pair.clearAttention(b, 1);
    expect(pair.run([0x16, 0, 0, 0, 0, 0], { nexus: b, lun: 1 }).outcome).toBe(GOOD);
    expect(pair.copy([{}]).outcome).toBe(third);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it.each([IO_READ, IO_WRITE])('an io %d that fails ends it with the blocks that are missing', (op) => {
    const pair = new Pair();
    const failing = op === IO_READ ? pair.backend : pair.otherBackend;
    failing.fault = (io) => (io.offsetBytes >= SEGMENT_BYTES_MAX ? IO_HARDWARE_ERROR : IO_OK);
    const client = pair.copy([{ blocks: 2000 }]);
    expect(client.outcome).toBe(third);
    expect(client.command.senseInformation).toBe(2000 - 512);
    expect(client.command.senseFieldPointer & 0xffff).toBe(op === IO_READ ? 84 : 86);
    expect([...status(pair).data.subarray(4)]).toEqual([2, 0, 0, 0, 0, 4, 0, 0]);
    expect(pair.isQuiet).toBe(true);
  });

  it('a unit that is removed meanwhile gets nothing any more', () => {
    const pair = new Pair();
    const client = pair.startCopy([{ blocks: 2000 }]);
    pair.backend.complete();
    pair.device.removeLogicalUnit(1);
    pair.settle();
    expect(client.outcome).toBe('a/d/2');
    expect(pair.otherBackend.log).toHaveLength(1);
    expect(pair.isQuiet).toBe(true);
  });
});

describe('a copy under way', () => {
  it('is aborted between two pieces, wherever it stands', () => {
    for (let done = 0; done < 6; done++) {
      const pair = new Pair();
      const client = pair.startCopy([{ blocks: 2000 }]);
      for (let i = 0; i < done; i++) (i % 2 === 0 ? pair.backend : pair.otherBackend).complete();
      const management = pair.manage(ABORT_TASK, { target: client });
      expect(client.isDone).toBe(false);
      pair.settle();
      expect([client.outcome, management.doneCount]).toEqual(['aborted', 1]);
      expect(pair.backend.log.length + pair.otherBackend.log.length).toBe(done + 1);
      expect(pair.isQuiet).toBe(true);
    }
  });

  it('waits while another command has the blocks alone, then copies what that one wrote', () => {
    const pair = new Pair();
    const old = blocks(pair.backend, 0, 1);
    const fresh = Buffer.alloc(BLOCK_BYTES, 0x5a);
    const cdb = [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0];
    const atomic = pair.start(cdb, { dataOut: Buffer.concat([old, fresh]) });
    const client = pair.startCopy([{ blocks: 4 }]);
    pair.settle();
    expect([atomic.outcome, client.outcome]).toEqual([GOOD, GOOD]);
    expect(blocks(pair.otherBackend, 0, 1).equals(fresh)).toBe(true);
  });

  it('does not hold up other commands of its units', () => {
    const pair = new Pair();
    const client = pair.startCopy([{ blocks: 8 }]);
    const read = pair.start(cdb10(0x28, 0, 1), { dataIn: BLOCK_BYTES });
    pair.backend.complete(1);
    expect([read.outcome, client.outcome]).toEqual([GOOD, 'running']);
    pair.settle();
    expect(client.outcome).toBe(GOOD);
  });
});

describe('RECEIVE COPY STATUS', () => {
  it('tells of a copy that runs, and once of one that ended', () => {
    const pair = new Pair();
    expect(status(pair).outcome).toBe('5/24/0');
    const client = pair.startCopy([{}, { blocks: 1000, from: 1, to: 1 }]);
    pair.backend.complete();
    pair.otherBackend.complete();
    const running = pair.start([0x84, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0], { dataIn: 255 });
    expect([...running.data]).toEqual([0, 0, 0, 8, 0, 0, 1, 0, 0, 0, 2, 0]);
    pair.settle();
    expect(client.outcome).toBe(GOOD);
    expect([...status(pair).data]).toEqual([0, 0, 0, 8, 1, 0, 2, 0, ...uint32(1001 * BLOCK_BYTES)]);
    expect(status(pair).outcome).toBe('5/24/0');
  });

  it.each([2, 3])('nothing is kept with LIST ID USAGE %d', (usage) => {
    const pair = new Pair();
    const id = usage === 3 ? 0 : 5;
    expect(pair.copy([{}], { id, usage }).outcome).toBe(GOOD);
    expect(status(pair, id).outcome).toBe('5/24/0');
  });

  it('an identifier is one copy, and the nexus its own', () => {
    const pair = new Pair();
    const first = pair.startCopy([{}]);
    expect(pair.startCopy([{}]).outcome).toBe('5/0/16');
    expect(pair.startCopy([{}], { id: 1, usage: 3 }).outcome).toBe('5/26/0');
    expect(pair.startCopy([{}], { id: 2, usage: 1 }).outcome).toBe('5/26/0');
    pair.settle();
    expect(first.outcome).toBe(GOOD);
    const b = nexusOf('b');
    pair.device.openNexus(b);
    pair.clearAttention(b);
    expect(status(pair, 1, b).outcome).toBe('5/24/0');
    expect(status(pair).outcome).toBe(GOOD);
  });
});

it('the Third-party Copy VPD page names the commands and limits', () => {
  const page = new Pair().run([0x12, 1, 0x8f, 4, 0, 0], { dataIn: 1024 }).data;
  expect(page.readUInt16BE(2)).toBe(page.length - 4);
  const types: number[] = [];
  for (let at = 4; at < page.length; at += 4 + page.readUInt16BE(at + 2)) types.push(page.readUInt16BE(at));
  expect(types).toEqual([0x0000, 0x0001, 0x0004, 0x0008, 0x000c, 0x0106, 0x0108, 0x8001]);
  expect([...page.subarray(44, 60)]).toEqual([15, 0x83, 5, 0, 1, 0x10, 0x11, 0x1c, 0x84, 6, 0, 3, 4, 5, 7, 8]);
  expect([page.readUInt16BE(14), page.readUInt32BE(16), page.readUInt32BE(20)]).toEqual([64, 600, 60]);
  expect(page.readBigUInt64BE(24)).toBe(BigInt(2 ** 28 / BLOCK_BYTES));
  expect(page.readBigUInt64BE(32)).toBe(BigInt(2 ** 26 / BLOCK_BYTES));
});

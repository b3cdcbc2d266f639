/** A disk that becomes larger or smaller while initiators use it. */
import { describe, expect, it } from 'vitest';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, cdb16, Harness, nexusOf, pattern } from '../device-harness.ts';

const CAPACITY_CHANGED = '6/2a/9';
const TEST_UNIT_READY = [0x00];

/** What READ CAPACITY(16) says, in blocks. */
function capacity(harness: Harness): number {
  const { data } = harness.run([0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0], { dataIn: 32 });
  return Number(data.readBigUInt64BE()) + 1;
}

function resize(harness: Harness, blocks: number): void {
  harness.unit.resize(blocks * BLOCK_BYTES);
}

/** As resize, with the unit attention of the one nexus taken. */
function resizeQuietly(harness: Harness, blocks: number): void {
  resize(harness, blocks);
  expect(harness.run(TEST_UNIT_READY).outcome).toBe(CAPACITY_CHANGED);
}

describe('a disk that has grown', () => {
  it('tells every nexus once, and all commands know its new end at once', () => {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.clearAttention(other);
    resize(harness, BLOCK_COUNT * 2);
    for (const nexus of [harness.nexus, other]) {
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe(CAPACITY_CHANGED);
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe('status 0');
    }
    expect(capacity(harness)).toBe(BLOCK_COUNT * 2);
    const last = BLOCK_COUNT * 2 - 1;
    const dataOut = pattern(1, 3);
    expect(harness.run(cdb16(0x8a, last, 1), { dataOut }).outcome).toBe('status 0');
    expect(harness.run(cdb10(0x28, last, 1), { dataIn: 512 }).data.equals(dataOut)).toBe(true);
    expect(harness.run(cdb10(0x28, last, 2), { dataIn: 1024 }).outcome).toBe('5/21/0');
    expect(harness.run([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], { dataIn: 8 }).data.readUInt32BE()).toBe(last);
    const mode = harness.run([0x1a, 0, 0x08, 0, 255, 0], { dataIn: 255 }).data;
    expect(mode.readUInt32BE(4)).toBe(BLOCK_COUNT * 2);
    const status = harness.run([0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0], { dataIn: 255 }).data;
    expect(status.readUInt32BE(16)).toBe(BLOCK_COUNT * 2);
    expect(harness.run(cdb16(0x93, last - 7, 8, 0x08), { dataOut: Buffer.alloc(512) }).outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });

  it('and again before anybody asked is still one unit attention', () => {
    const harness = new Harness();
    resize(harness, BLOCK_COUNT + 8);
    resizeQuietly(harness, BLOCK_COUNT + 16);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(capacity(harness)).toBe(BLOCK_COUNT + 16);
  });

  it('leaves commands that have begun as they were, and takes those that wait for their turn to the new end', () => {
    const harness = new Harness();
    const read = harness.start(cdb10(0x28, BLOCK_COUNT - 8, 8), { dataIn: 4096 });
    const compare = harness.start(
      cdb16(0x89, BLOCK_COUNT - 1, 0).map((byte, at) => (at === 13 ? 1 : byte)),
      {
        dataOut: Buffer.alloc(1024),
      },
    );
    resize(harness, BLOCK_COUNT * 2);
    harness.settle();
    expect([read.outcome, compare.outcome]).toEqual(['status 0', 'status 0']);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('a threshold that is a part of the size', () => {
  const MIB = 2 ** 20;
  const start = () => {
    const thresholds = { availableBytes: 0, usedPercent: 50 };
    return new Harness({ sizeBytes: 100 * MIB, capabilities: { canTellSpace: true }, unit: { thresholds } });
  };

  it('changes with the size, and that is told', () => {
    const harness = start();
    expect(harness.unit.modes.usedThresholdCount).toBe(50);
    harness.unit.resize(200 * MIB);
    expect(harness.unit.modes.usedThresholdCount).toBe(100);
    const told = [1, 2, 3].map(() => harness.run(TEST_UNIT_READY).outcome);
    expect(told).toEqual([CAPACITY_CHANGED, '6/2a/1', 'status 0']);
  });

  it('stays where somebody has put it', () => {
    const harness = start();
    harness.unit.setModes({ ...harness.unit.modes, usedThresholdCount: 70 });
    harness.unit.resize(200 * MIB);
    expect(harness.unit.modes.usedThresholdCount).toBe(70);
  });
});

describe('a disk that has become smaller', () => {
  const SMALL = BLOCK_COUNT / 2;

  it('refuses what lies behind its end, whichever command asks', () => {
    const harness = new Harness();
    resizeQuietly(harness, SMALL);
    expect(capacity(harness)).toBe(SMALL);
    expect(harness.run(cdb10(0x28, SMALL - 1, 1), { dataIn: 512 }).outcome).toBe('status 0');
    for (const cdb of [
      cdb10(0x28, SMALL, 1),
      cdb10(0x28, SMALL - 1, 2),
      cdb10(0x2a, SMALL, 1),
      cdb16(0x93, SMALL, 1),
      cdb10(0x2f, SMALL, 1),
      cdb10(0x35, SMALL, 1),
      [0x9e, 0x12, 0, 0, 0, 0, 0, 0, SMALL >>> 8, 0, 0, 0, 0, 255, 0, 0],
    ]) {
      expect(harness.run(cdb, { dataIn: 1024, dataOut: Buffer.alloc(512) }).outcome).toBe('5/21/0');
    }
    expect(harness.isQuiet).toBe(true);
  });

  it('a long command that was at work ends at the new end, without an io behind it', () => {
    const harness = new Harness();
    const writesBefore = 1;
    const blocks = BLOCK_COUNT;
    const write = harness.start(cdb10(0x2a, 0, blocks), { dataOut: pattern(blocks) });
    harness.backend.complete();
    resize(harness, 8);
    harness.settle();
    expect(write.outcome).toBe('5/21/0');
    expect(harness.backend.log.length).toBeGreaterThan(writesBefore);
    expect(harness.isQuiet).toBe(true);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe(CAPACITY_CHANGED);
  });

  it('a command that waited for its blocks finds out', () => {
    const harness = new Harness();
    const compareAndWrite = [0x89, 0, 0, 0, 0, 0, 0, 0, SMALL >>> 8, SMALL & 0xff, 0, 0, 0, 1, 0, 0];
    const first = harness.start(compareAndWrite, { dataOut: Buffer.alloc(1024) });
    const read = harness.start(cdb10(0x28, SMALL, 1), { dataIn: 512 });
    expect(read.outcome).toBe('running');
    resize(harness, SMALL);
    harness.settle();
    expect([first.isDone, read.outcome]).toEqual([true, '5/21/0']);
    expect(harness.isQuiet).toBe(true);
  });

  it('has all its blocks again when it grows back', () => {
    const harness = new Harness();
    resizeQuietly(harness, SMALL);
    resizeQuietly(harness, BLOCK_COUNT);
    expect(harness.run(cdb10(0x28, BLOCK_COUNT - 1, 1), { dataIn: 512 }).outcome).toBe('status 0');
  });
});

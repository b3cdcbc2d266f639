/**
 * An atomic write that was done in part and could not be undone at once: the disk heals by itself when the store or the journal
 * works again, and only where what lies there is of before or of the write.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { BackendIo, IoStatus } from '../../../../src/backend/backend.ts';
import { IO_FLUSH, IO_MEDIUM_ERROR, IO_NO_SPACE, IO_OK, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { MEND_RETRY_MS } from '../../../../src/scsi/sbc/atomic/atomic-writes.ts';
import { SlotHolder } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, BLOCK_COUNT, type Client, cdb10, cdb16, Harness, pattern } from '../device-harness.ts';
import { MemoryJournal, recordIn } from './memory-journal.ts';

const GOOD = 'status 0';
const NOT_ACCESSIBLE = '2/4/3';
const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
/** The last of the disk: some of it can be cut off. */
const BLOCKS = 1024;
const LBA = BLOCK_COUNT - BLOCKS;
const CUT_BLOCKS = 100;
const CUT_BYTES = (BLOCK_COUNT - CUT_BLOCKS) * BLOCK_BYTES;
const BEFORE = pattern(BLOCKS, 1);
const AFTER = pattern(BLOCKS, 2);

let journal: MemoryJournal;
let harness: Harness;
/** What waits for its time. */
let timers: (() => void)[];

beforeEach(() => {
  journal = new MemoryJournal();
  harness = new Harness({ unit: { atomicJournal: journal } });
  timers = [];
  harness.context.delay = (ms, work) => {
    expect(ms).toBe(MEND_RETRY_MS);
    timers.push(work);
  };
  BEFORE.copy(harness.backend.bytes, LBA * BLOCK_BYTES);
});

function settle(): void {
  do harness.settle();
  while (journal.complete());
}

function start(lba: number, dataOut: Buffer): Client {
  const cdb = cdb16(0x9c, lba, 0);
  cdb.splice(10, 4, 0, 0, (dataOut.length / BLOCK_BYTES) >>> 8, (dataOut.length / BLOCK_BYTES) & 0xff);
  return harness.start(cdb, { dataOut });
}

function writeAtomic(): string {
  const client = start(LBA, AFTER);
  settle();
  return client.outcome;
}

/** The time of all that waits has come. */
function later(): void {
  for (const work of timers.splice(0)) work();
  settle();
}

function outcomes(count: number): string[] {
  return Array.from({ length: count }, () => harness.run(TEST_UNIT_READY).outcome);
}

/** Whether the first `blocks` of the write are as before. */
function isAsBefore(blocks = BLOCKS): boolean {
  const at = LBA * BLOCK_BYTES;
  return harness.backend.bytes.subarray(at, at + blocks * BLOCK_BYTES).equals(BEFORE.subarray(0, blocks * BLOCK_BYTES));
}

/** From the second piece of the write on, every io of which `isFailing` is true ends with `status`. */
function failOnceWritten(status: IoStatus, isFailing: (io: BackendIo) => boolean): void {
  let writes = 0;
  harness.backend.fault = (io) => {
    if (io.op === IO_WRITE) writes += 1;
    return writes > 1 && isFailing(io) ? status : IO_OK;
  };
}

function isNothingKept(): boolean {
  return recordIn(journal.bytes.afterPowerLoss({ seed: 0, below: () => 0, fill: () => undefined })) === null;
}

/** A store that was cut answers so before anybody has measured it. */
const isCutOff = ({ op, offsetBytes, lengthBytes }: BackendIo) =>
  op !== IO_FLUSH && offsetBytes + lengthBytes > CUT_BYTES;

describe('an atomic write that is undone', () => {
  it.each([
    ['read', IO_READ],
    ['written', IO_WRITE],
  ])('goes on with what is left when the disk is made smaller while it is %s', (_, op) => {
    let isWritten = false;
    let isUndoing = false;
    harness.backend.fault = (io) => {
      if (isUndoing && io.op === op && harness.unit.sizeBytes > CUT_BYTES) harness.unit.resize(CUT_BYTES);
      if (io.op === IO_WRITE) isWritten = true;
      if (io.op !== IO_FLUSH || !isWritten || isUndoing) return IO_OK;
      isUndoing = true;
      return IO_NO_SPACE;
    };
    expect(writeAtomic()).toBe('7/27/7');
    expect([harness.unit.sizeBytes, isAsBefore(BLOCKS - CUT_BLOCKS)]).toEqual([CUT_BYTES, true]);
    expect(outcomes(2)).toEqual(['6/2a/9', GOOD]);
    expect([journal.log, journal.complaints, timers]).toEqual([['keep', 'clear'], [], []]);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('an atomic write that could not be undone', () => {
  it('is undone when the cut of the store has been noticed', () => {
    failOnceWritten(IO_MEDIUM_ERROR, isCutOff);
    expect(writeAtomic()).toMatch(/^3\//);
    expect(outcomes(1)).toEqual([NOT_ACCESSIBLE]);
    later();
    expect(outcomes(1)).toEqual([NOT_ACCESSIBLE]);
    harness.unit.resize(CUT_BYTES);
    later();
    expect(outcomes(3)).toEqual(['6/2a/9', '6/28/0', GOOD]);
    expect([isAsBefore(BLOCKS - CUT_BLOCKS), isNothingKept(), timers]).toEqual([true, true, []]);
    expect([journal.complaints.length, journal.news.length]).toEqual([1, 1]);
    harness.backend.fault = () => IO_OK;
    expect(harness.run(cdb10(0x2a, LBA, 1), { dataOut: pattern(1, 3) }).outcome).toBe(GOOD);
    expect(harness.isQuiet).toBe(true);
  });

  it('is undone once the store takes writes again, and until then tried again and again, and told once', () => {
    failOnceWritten(IO_NO_SPACE, ({ op }) => op === IO_WRITE);
    expect(writeAtomic()).toBe('7/27/7');
    for (let tries = 0; tries < 3; tries++) later();
    expect([outcomes(1), isAsBefore(), isNothingKept(), timers.length]).toEqual([[NOT_ACCESSIBLE], false, false, 1]);
    harness.backend.fault = () => IO_OK;
    later();
    expect([outcomes(2), isAsBefore(), isNothingKept()]).toEqual([['6/28/0', GOOD], true, true]);
    expect([journal.complaints.length, journal.news.length, timers]).toEqual([1, 1, []]);
    expect(writeAtomic()).toBe(GOOD);
  });

  it('is not undone as long as it cannot be made durable', () => {
    failOnceWritten(IO_MEDIUM_ERROR, ({ op }) => op === IO_FLUSH);
    expect(writeAtomic()).toMatch(/^3\//);
    later();
    later();
    expect([outcomes(1), isNothingKept(), timers.length]).toEqual([[NOT_ACCESSIBLE], false, 1]);
  });

  it('is left alone when something else lies there', () => {
    failOnceWritten(IO_NO_SPACE, ({ op }) => op === IO_WRITE);
    writeAtomic();
    harness.backend.fault = () => IO_OK;
    pattern(1, 9).copy(harness.backend.bytes, (LBA + 5) * BLOCK_BYTES);
    harness.backend.log.length = 0;
    later();
    expect(harness.backend.log.some(({ op }) => op === IO_WRITE)).toBe(false);
    expect([outcomes(1), isNothingKept(), journal.complaints.length, timers]).toEqual([[NOT_ACCESSIBLE], false, 2, []]);
  });

  it('that waits behind it is refused, and done when it is mended', () => {
    failOnceWritten(IO_NO_SPACE, ({ op }) => op === IO_WRITE);
    const first = start(LBA, AFTER);
    Object.assign(harness, { holder: new SlotHolder() });
    const behind = start(0, pattern(16));
    settle();
    expect([first.outcome, behind.outcome]).toEqual(['7/27/7', NOT_ACCESSIBLE]);
    harness.backend.fault = () => IO_OK;
    later();
    outcomes(1);
    Object.assign(harness, { holder: new SlotHolder() });
    const again = start(0, pattern(16));
    settle();
    expect(again.outcome).toBe(GOOD);
  });

  it('is left for the next start when the reactor ends', () => {
    failOnceWritten(IO_NO_SPACE, ({ op }) => op === IO_WRITE);
    writeAtomic();
    harness.backend.fault = () => IO_OK;
    harness.backend.log.length = 0;
    harness.context.stopBackground();
    later();
    expect([harness.backend.log, isNothingKept()]).toEqual([[], false]);
  });

  it('at a start is undone later', () => {
    AFTER.copy(harness.backend.bytes, LBA * BLOCK_BYTES, 0, 7 * BLOCK_BYTES);
    harness.backend.fault = ({ op }) => (op === IO_WRITE ? IO_MEDIUM_ERROR : IO_OK);
    const record = { medium: '', offsetBytes: LBA * BLOCK_BYTES, before: BEFORE, after: AFTER };
    harness.unit.atomicWrites.recover(harness.context, record, () => undefined);
    settle();
    expect(outcomes(1)).toEqual([NOT_ACCESSIBLE]);
    harness.backend.fault = () => IO_OK;
    later();
    expect([outcomes(2), isAsBefore(), journal.log]).toEqual([['6/28/0', GOOD], true, ['clear']]);
  });
});

describe('a journal that could not be cleared', () => {
  it('is cleared later, and the write that is whole stays', () => {
    journal.succeeds = (what) => what === 'keep';
    expect(writeAtomic()).toBe('4/44/0');
    later();
    expect([outcomes(1), timers.length]).toEqual([[NOT_ACCESSIBLE], 1]);
    journal.succeeds = () => true;
    harness.backend.log.length = 0;
    later();
    expect([outcomes(2), isNothingKept(), timers]).toEqual([['6/28/0', GOOD], true, []]);
    expect(harness.backend.log.filter(({ op }) => op === IO_WRITE)).toEqual([]);
    expect(harness.backend.bytes.subarray(LBA * BLOCK_BYTES).equals(AFTER)).toBe(true);
    expect([journal.complaints.length, journal.news.length]).toEqual([1, 1]);
  });
});

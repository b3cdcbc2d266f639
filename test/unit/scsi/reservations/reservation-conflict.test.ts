/**
 * Which commands a reservation lets through (SPC-4 table 65, SBC-3 table 13), asked of every command in the table: the
 * expectation stands here by name, so a command that is added must be added here, too.
 */
import { describe, expect, it } from 'vitest';
import { NO_SERVICE_ACTION } from '../../../../src/scsi/command/command-entry.ts';
import { createCommandTable } from '../../../../src/scsi/command/command-table.ts';
import { BLOCK_BYTES, Harness } from '../device-harness.ts';
import { CONFLICT, connect, GOOD, portNexus, RESERVE, registerAs, reserveOut, TYPES, WE } from './reserve-client.ts';

/** Allowed under every type. */
const ALWAYS =
  /^(INQUIRY|REPORT LUNS|REQUEST SENSE|TEST UNIT READY|READ CAPACITY.*|LOG SENSE|REPORT TARGET PORT GROUPS)$/;
const ALWAYS_TOO =
  /^(PERSISTENT RESERVE IN.*|REPORT TIMESTAMP|REPORT IDENTIFYING.*|RECEIVE (COPY|ROD).*|COPY OPERATION ABORT|REPORT ALL ROD TOKENS|REPORT REFERRALS|READ TOC.*|GET CONFIGURATION|READ DISC INFORMATION|GET EVENT STATUS NOTIFICATION)$/;
/** Allowed under Write Exclusive types. */
const READS =
  /^(READ\(.*|READ \d.*|VERIFY.*|PRE-FETCH.*|READ DEFECT DATA.*|GET LBA STATUS.*|READ LONG.*|MODE SENSE.*|READ BUFFER.*|RECEIVE DIAGNOSTIC.*|POPULATE TOKEN|REPORT SUPPORTED.*)$/;
/** The command or its service action decides. */
const DECIDED = /^(PERSISTENT RESERVE OUT.*|RESERVE\(.*|RELEASE\(.*|START STOP UNIT|PREVENT ALLOW MEDIUM REMOVAL)$/;

const a = portNexus('a');
const b = portNexus('b');
const c = portNexus('c');

/** a holds a reservation of `type`, b is registered, c is not. */
function reserved(type: number): Harness {
  const harness = new Harness({ unit: { isRemovable: true } });
  connect(harness, a, b, c);
  registerAs(harness, a, 1);
  registerAs(harness, b, 2);
  reserveOut(harness, a, RESERVE, { key: 1, type });
  return harness;
}

/** A CDB of the command that would do nothing bad: all zeros. */
function cdbOf(entry: ReturnType<typeof createCommandTable>['entries'][number]): number[] {
  const cdb = [...new Array<number>(entry.cdbBytes).fill(0)];
  cdb[0] = entry.operationCode;
  if (entry.operationCode === 0x7f) {
    cdb[7] = entry.cdbBytes - 8;
    cdb[8] = entry.serviceAction >>> 8;
    cdb[9] = entry.serviceAction & 0xff;
  } else if (entry.serviceAction !== NO_SERVICE_ACTION) cdb[1] = entry.serviceAction;
  return cdb;
}

function isConflicting(harness: Harness, nexus: typeof a, cdb: number[]): boolean {
  const { outcome } = harness.run(cdb, { nexus, dataIn: 0 });
  return outcome === CONFLICT;
}

const entries = createCommandTable().entries.filter(({ name }) => !DECIDED.test(name));

describe.each(TYPES)('under a reservation of type %d', (type) => {
  const isWriteExclusive = [1, 5, 7].includes(type);
  const isForRegistrants = type >= 5;

  it.each(entries.map((entry) => [entry.name, entry] as const))('%s', (name, entry) => {
    const harness = reserved(type);
    const cdb = cdbOf(entry);
    const isAlways = ALWAYS.test(name) || ALWAYS_TOO.test(name);
    const isAllowed = isAlways || (isWriteExclusive && READS.test(name));
    expect(isConflicting(harness, a, cdb)).toBe(false);
    expect(isConflicting(harness, b, cdb)).toBe(!isAllowed && !isForRegistrants);
    expect(isConflicting(harness, c, cdb)).toBe(!isAllowed);
  });

  it('START STOP UNIT is allowed to start alone', () => {
    const harness = reserved(type);
    const startStop = (flags: number) => isConflicting(harness, c, [0x1b, 0, 0, 0, flags, 0]);
    expect([0x00, 0x01, 0x02, 0x03, 0x10, 0x11, 0x31].map(startStop)).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(isConflicting(harness, a, [0x1b, 0, 0, 0, 0, 0])).toBe(false);
    expect(isConflicting(harness, b, [0x1b, 0, 0, 0, 0, 0])).toBe(!isForRegistrants);
  });

  it('PREVENT ALLOW MEDIUM REMOVAL is allowed to allow', () => {
    const harness = reserved(type);
    const prevent = (nexus: typeof a, value: number) => isConflicting(harness, nexus, [0x1e, 0, 0, 0, value, 0]);
    expect([0, 1, 2, 3].map((value) => prevent(c, value))).toEqual([false, true, true, true]);
    expect([prevent(a, 1), prevent(b, 1)]).toEqual([false, !isForRegistrants]);
  });
});

describe('the check', () => {
  it('stands behind unit attentions and before the medium', () => {
    const harness = reserved(WE);
    const write = [0x2a, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0];
    const dataOut = Buffer.alloc(BLOCK_BYTES);
    const late = portNexus('late');
    expect(harness.run(write, { nexus: late, dataOut }).outcome).toBe('6/29/0');
    expect(harness.run(write, { nexus: late, dataOut }).outcome).toBe(CONFLICT);
    expect(harness.run(write, { nexus: a, dataOut }).outcome).toBe('5/21/0');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('is made when a command begins: one that has begun ends as it would', () => {
    const harness = new Harness();
    connect(harness, a, c);
    registerAs(harness, a, 1);
    const write = [0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    const dataOut = Buffer.alloc(BLOCK_BYTES, 0x5a);
    const begun = harness.start(write, { nexus: c, dataOut });
    const ordered = harness.start(write, { nexus: c, dataOut, attribute: 1 });
    harness.run([0x00], { nexus: a, attribute: 2 });
    expect(begun.isDone).toBe(true); // run() has let the store answer
    expect(ordered.outcome).toBe(GOOD);
    const again = harness.start(write, { nexus: c, dataOut });
    const waiting = harness.start(write, { nexus: c, dataOut, attribute: 1 });
    harness.start([0x5f, RESERVE, WE, 0, 0, 0, 0, 0, 24, 0], {
      nexus: a,
      attribute: 2,
      dataOut: Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])], 24),
    });
    harness.settle();
    expect([again.outcome, waiting.outcome]).toEqual([GOOD, CONFLICT]);
  });

  it('a well-known logical unit has no reservations', () => {
    const harness = reserved(3);
    expect(harness.run([0x00], { nexus: c, lunHigh: 0xc1010000 }).outcome).toBe(GOOD);
  });
});

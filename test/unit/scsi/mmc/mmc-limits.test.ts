/**
 * What a CD-ROM drive does with commands that are wrong or not wanted: every command with each byte of its CDB at its limits and
 * with buffers of every size, and commands of those whom a reservation keeps out.
 */
import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_READ } from '../../../../src/backend/backend.ts';
import type { CommandEntry } from '../../../../src/scsi/command/command-entry.ts';
import { createCommandTable } from '../../../../src/scsi/command/command-table.ts';
import { createDriveCommandTable } from '../../../../src/scsi/mmc/mmc-command-table.ts';
import { cdb10, cdb12, type Harness, nexusOf } from '../device-harness.ts';
import { CONFLICT, EA, GOOD, REGISTER, RESERVE, reserveOut, WE } from '../reservations/reserve-client.ts';
import { DISC_BLOCKS, DVD_BLOCKS, driveWith, eject, eventStatus, readCdOf } from './drive-harness.ts';

const OF_DISKS = new Set(createCommandTable().entries);
/** What a drive alone has, and what on a drive is not quite as on a disk. */
const ENTRIES = createDriveCommandTable().entries.filter(
  (entry) => !OF_DISKS.has(entry) || [0x12, 0x1b, 0x1e, 0x25, 0x28].includes(entry.operationCode),
);
const LIMITS = [0x00, 0x01, 0x7f, 0x80, 0xff];
const DATA_BYTES = [0, 1, 2047, 262_144];

/** The CDB of `entry` with nothing in it but what tells it apart. */
function emptyCdb({ cdbBytes, operationCode, serviceAction }: CommandEntry): number[] {
  const cdb = Array<number>(cdbBytes).fill(0);
  cdb[0] = operationCode;
  if (serviceAction >= 0) cdb[1] = serviceAction;
  return cdb;
}

/** Each CDB byte at its limits; the rest is zero, or all that the usage mask allows. */
function* variants(entry: CommandEntry): Iterable<number[]> {
  const empty = emptyCdb(entry);
  const full = empty.map((value, at) => (at === 0 ? value : value | (entry.usage[at] as number)));
  for (const base of [empty, full]) {
    for (let at = 1; at < base.length; at++) {
      for (const value of LIMITS) yield base.map((byte, index) => (index === at ? value : byte));
    }
  }
}

describe.each([
  { disc: 'CD', blocks: DISC_BLOCKS, isPresent: true },
  { disc: 'DVD', blocks: DVD_BLOCKS, isPresent: true },
  { disc: 'no disc', blocks: DISC_BLOCKS, isPresent: false },
])('with $disc', ({ blocks, isPresent }) => {
  const isStored = (io: { offsetBytes: number; lengthBytes: number }, harness: Harness) =>
    io.offsetBytes + io.lengthBytes <= harness.backend.bytes.length;

  it.each(ENTRIES.map((entry) => ({ name: entry.name, entry })))(
    '$name ends as it must, whatever it says',
    ({ entry }) => {
      const harness = driveWith(blocks);
      harness.backend.fault = (io) => (isStored(io, harness) ? 0 : 1); // a DVD is not kept whole
      for (const cdb of variants(entry)) {
        for (const bytes of DATA_BYTES) {
          if (!isPresent) eject(harness);
          const dataOut = entry.direction === 2 ? Buffer.alloc(bytes) : Buffer.alloc(0);
          const client = harness.run(cdb, { dataIn: entry.direction === 1 ? bytes : 0, dataOut });
          expect(client.isDone).toBe(true);
          expect(client.data.length).toBeLessThanOrEqual(bytes);
          harness.run([0x1e, 0, 0, 0, 0, 0]);
          harness.run([0x1e, 0, 0, 0, 2, 0]);
          harness.run([0x1b, 0, 0, 0, 3, 0]);
          harness.clearAttention(harness.nexus);
        }
      }
      expect(harness.backend.log.every(({ op }) => op === IO_READ || op === IO_FLUSH)).toBe(true);
      expect(harness.isQuiet).toBe(true);
    },
  );
});

describe('a reservation of another nexus', () => {
  const READS = [
    cdb10(0x28, 0, 1),
    cdb12(0xa8, 0, 1),
    readCdOf(0, 1),
    [0x43, 0, 0, 0, 0, 0, 0, 0, 0xff, 0],
    [0x51, 0, 0, 0, 0, 0, 0, 0, 0xff, 0],
    [0x52, 1, 0, 0, 0, 1, 0, 0, 0xff, 0],
    [0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 0xff, 0],
  ];
  const ALWAYS = [
    [0x46, 0, 0, 0, 0, 0, 0, 0, 0xff, 0],
    eventStatus(0x10),
    [0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0],
    cdb10(0x25, 0, 0),
    [0x12, 0, 0, 0, 0xff, 0],
    [0x1e, 0, 0, 0, 0, 0],
  ];
  const NEVER = [
    [0x1e, 0, 0, 0, 1, 0],
    [0x1b, 0, 0, 0, 2, 0],
    [0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ];

  it.each([
    { name: 'Write Exclusive', type: WE, ofReads: GOOD },
    { name: 'Exclusive Access', type: EA, ofReads: CONFLICT },
  ])('$name', ({ type, ofReads }) => {
    const harness = driveWith();
    const holder = nexusOf('holder');
    harness.clearAttention(holder);
    expect(reserveOut(harness, holder, REGISTER, { saKey: 7 }).outcome).toBe(GOOD);
    expect(reserveOut(harness, holder, RESERVE, { key: 7, type }).outcome).toBe(GOOD);
    const outcomes = (cdbs: readonly (readonly number[])[]) =>
      new Set(cdbs.map((cdb) => harness.run(cdb, { dataIn: 4096 }).outcome));
    expect(outcomes(READS)).toEqual(new Set([ofReads]));
    expect(outcomes(ALWAYS)).toEqual(new Set([GOOD]));
    expect(outcomes(NEVER)).toEqual(new Set([CONFLICT]));
  });
});

/**
 * An initiator that may only read is a guest: nothing it does changes the unit for those who write. Asked of every command in the
 * tables of disks and of drives; the expectation stands here by name, so a command that is added must be added here, too.
 */
import { describe, expect, it } from 'vitest';
import type { CommandEntry } from '../../../../src/scsi/command/command-entry.ts';
import { createCommandTable } from '../../../../src/scsi/command/command-table.ts';
import { createDriveCommandTable } from '../../../../src/scsi/mmc/mmc-command-table.ts';
import { Nexus } from '../../../../src/scsi/nexus.ts';
import { emptyCdb } from '../bad-input/unit-kinds.ts';
import { cdb10, Harness, pattern, portOf } from '../device-harness.ts';
import { driveWith } from '../mmc/drive-harness.ts';
import {
  APTPL,
  CONFLICT,
  connect,
  EA,
  GOOD,
  PREEMPT,
  portNexus,
  REGISTER,
  REGISTER_AND_IGNORE,
  RELEASE,
  RESERVE,
  readKeys,
  readReservation,
  registerAs,
  reserveOut,
  WE,
} from './reserve-client.ts';

const WRITE_PROTECTED = '7/27/0';

/** What readers may send: it changes nothing, or only what is their own. */
const FREE =
  /^(TEST UNIT READY|REQUEST SENSE|INQUIRY|REPORT .*|READ.*|RECEIVE .*|MODE SENSE.*|LOG SENSE|PERSISTENT RESERVE IN.*)$/;
const FREE_TOO =
  /^(VERIFY.*|PRE-FETCH.*|GET .*|SYNCHRONIZE CACHE.*|SEND DIAGNOSTIC|POPULATE TOKEN|COPY OPERATION ABORT|MECHANISM STATUS)$/;
/** What one bit of the CDB decides. */
const BY_BIT = /^(START STOP UNIT|PREVENT ALLOW MEDIUM REMOVAL)$/;

const READER = new Nexus('iqn.2000-01.test:reader,i,0x00023d000009', portOf(1), true);
const WRITER = portNexus('writer');

/** A removable disk that both know. */
function shared(): Harness {
  const harness = new Harness({ unit: { isRemovable: true } });
  connect(harness, WRITER, READER);
  return harness;
}

function isRefused(harness: Harness, entry: CommandEntry): boolean {
  return harness.run(emptyCdb(entry), { nexus: READER, dataOut: Buffer.alloc(64) }).outcome === WRITE_PROTECTED;
}

describe('an initiator that may only read', () => {
  const disk = createCommandTable().entries.map((entry) => ['a disk', entry.name, entry] as const);
  const drive = createDriveCommandTable().entries.map((entry) => ['a drive', entry.name, entry] as const);

  it.each([...disk, ...drive].filter(([, name]) => !BY_BIT.test(name)))('on %s: %s', (kind, name, entry) => {
    const harness = kind === 'a disk' ? shared() : driveWith();
    if (kind !== 'a disk') connect(harness, READER);
    expect(isRefused(harness, entry)).toBe(!FREE.test(name) && !FREE_TOO.test(name));
  });

  it.each(Array.from({ length: 256 }, (_, flags) => flags))('starts the unit, and nothing else, with %d', (flags) => {
    const harness = shared();
    const isStart = (flags & 0xf0) === 0 && (flags & 0x01) !== 0;
    const { outcome } = harness.run([0x1b, 0, 0, 0, flags, 0], { nexus: READER });
    // A reserved bit is wrong whoever sets it.
    if ((flags & 0x08) !== 0) expect(outcome).toBe('5/24/0');
    else expect(outcome).toBe(isStart ? GOOD : WRITE_PROTECTED);
    expect([harness.unit.isMediumPresent, harness.unit.isStopped, harness.unit.lowPowerCondition]).toEqual([
      ...[true, false, 0],
    ]);
  });

  it('does not eject what a writer uses, nor hold what a writer ejects', () => {
    const harness = shared();
    const prevent = (value: number) => harness.run([0x1e, 0, 0, 0, value, 0], { nexus: READER }).outcome;
    expect([prevent(1), prevent(0)]).toEqual([WRITE_PROTECTED, GOOD]);
    expect(harness.unit.isRemovalPrevented).toBe(false);
    expect(harness.run([0x1b, 0, 0, 0, 2, 0], { nexus: WRITER }).outcome).toBe(GOOD);
    expect(harness.run([0x1b, 0, 0, 0, 3, 0], { nexus: WRITER }).outcome).toBe(GOOD);
  });

  it('does not register, reserve, preempt or release, and sees who does', () => {
    const harness = shared();
    const out = (action: number, list = {}) => reserveOut(harness, READER, action, list).outcome;
    expect(out(REGISTER, { saKey: 9 })).toBe(WRITE_PROTECTED);
    expect(out(REGISTER_AND_IGNORE, { saKey: 9, flags: APTPL })).toBe(WRITE_PROTECTED);
    expect(readKeys(harness, WRITER)).toEqual({ generation: 0, keys: [] });
    registerAs(harness, WRITER, 1);
    reserveOut(harness, WRITER, RESERVE, { key: 1, type: WE });
    expect(out(PREEMPT, { key: 0, saKey: 1, type: WE })).toBe(WRITE_PROTECTED);
    expect(out(RELEASE, { key: 1, type: WE })).toBe(WRITE_PROTECTED);
    expect(readKeys(harness, READER)).toEqual({ generation: 1, keys: [1] });
    expect(readReservation(harness, READER)).toEqual({ key: 1, scope: 0, type: WE });
    expect(harness.run(cdb10(0x28, 0, 1), { nexus: READER, dataIn: 512 }).outcome).toBe(GOOD);
  });

  it.each([
    ['RESERVE(6)', [0x16, 0, 0, 0, 0, 0]],
    ['RESERVE(10)', [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('does not lock out writers by %s', (_, cdb) => {
    const harness = shared();
    expect(harness.run(cdb, { nexus: READER }).outcome).toBe(WRITE_PROTECTED);
    const dataOut = pattern(1, 7);
    expect(harness.run(cdb10(0x2a, 0, 1), { nexus: WRITER, dataOut }).outcome).toBe(GOOD);
    expect(harness.run(cdb, { nexus: WRITER }).outcome).toBe(GOOD);
    expect(harness.run(cdb, { nexus: READER }).outcome).toBe(WRITE_PROTECTED);
  });

  it('does not change mode parameters, whatever the list holds', () => {
    const harness = shared();
    const list = harness.run([0x1a, 0x08, 0x0a, 0, 16, 0], { nexus: READER, dataIn: 16 }).data;
    list.fill(0, 0, 4);
    list[6] = list[6]! | 0x04; // D_SENSE
    for (const dataOut of [list, list.subarray(0, 3), Buffer.alloc(0)]) {
      const { outcome } = harness.run([0x15, 0x10, 0, 0, dataOut.length, 0], { nexus: READER, dataOut });
      expect(outcome).toBe(WRITE_PROTECTED);
    }
    expect(harness.unit.modes.isDescriptorSense).toBe(false);
    const { outcome } = harness.run([0x15, 0x10, 0, 0, list.length, 0], { nexus: WRITER, dataOut: list });
    expect(outcome).toBe(GOOD);
  });

  it('hears of a unit attention and of a reservation first', () => {
    const harness = new Harness({ keepsAttention: true });
    connect(harness, WRITER);
    expect(harness.run([0x16, 0, 0, 0, 0, 0], { nexus: READER }).outcome).toBe('6/29/0');
    registerAs(harness, WRITER, 1);
    reserveOut(harness, WRITER, RESERVE, { key: 1, type: EA });
    expect(harness.run([0x15, 0x10, 0, 0, 0, 0], { nexus: READER }).outcome).toBe(CONFLICT);
  });
});

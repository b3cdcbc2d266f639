/** RESERVE and RELEASE of SPC-2, and where they meet persistent reservations (SPC-4 5.13.3, SPC-2 5.5.1). */
import { beforeEach, describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET, TARGET_RESET } from '../../../../src/scsi/task/task-management.ts';
import { Harness } from '../device-harness.ts';
import { CONFLICT, connect, GOOD, portNexus, RESERVE, registerAs, reserveOut, TYPES } from './reserve-client.ts';

const a = portNexus('a');
const b = portNexus('b');
const c = portNexus('c');
const READ = [0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0];
let harness: Harness;
const run = (nexus: typeof a, cdb: number[]) => harness.run(cdb, { nexus, dataIn: 255 }).outcome;

beforeEach(() => {
  harness = new Harness({ unit: { isRemovable: true } });
  connect(harness, a, b, c);
});

describe.each([
  { name: '(6)', reserve: [0x16, 0, 0, 0, 0, 0], release: [0x17, 0, 0, 0, 0, 0] },
  { name: '(10)', reserve: [0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0], release: [0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
])('RESERVE$name and RELEASE$name', ({ reserve, release }) => {
  it('reserve for one nexus, again if it likes, until it releases', () => {
    expect([run(a, reserve), run(a, reserve), run(b, reserve)]).toEqual([GOOD, GOOD, CONFLICT]);
    expect([run(a, READ), run(a, WRITE), run(b, READ), run(b, WRITE)]).toEqual([GOOD, GOOD, CONFLICT, CONFLICT]);
    expect([run(b, release), run(b, READ)]).toEqual([GOOD, CONFLICT]);
    expect([run(a, release), run(b, WRITE), run(b, reserve)]).toEqual([GOOD, GOOD, GOOD]);
  });

  it('leave to others what SPC-2 table 10 leaves them', () => {
    run(a, reserve);
    const outcomes = (cdbs: number[][]) => cdbs.map((cdb) => run(b, cdb));
    const allowed = [
      [0x12, 0, 0, 0, 36, 0],
      [0x03, 0, 0, 0, 18, 0],
      [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0],
      [0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0x1b, 0, 0, 0, 1, 0],
      [0x1e, 0, 0, 0, 0, 0],
    ];
    expect(outcomes(allowed)).toEqual(allowed.map(() => GOOD));
    const conflicting = [
      [0x00, 0, 0, 0, 0, 0],
      [0x1a, 0, 8, 0, 255, 0],
      [0x1b, 0, 0, 0, 0, 0],
      [0x1e, 0, 0, 0, 1, 0],
      [0x1d, 0, 0, 0, 0, 0],
      [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    expect(outcomes(conflicting)).toEqual(conflicting.map(() => CONFLICT));
  });

  it('end with the nexus, and with a reset', () => {
    run(a, reserve);
    harness.device.closeNexus(b);
    connect(harness, portNexus('b'));
    expect(run(c, READ)).toBe(CONFLICT);
    harness.device.closeNexus(a);
    expect(run(c, READ)).toBe(GOOD);
    for (const reset of [LOGICAL_UNIT_RESET, TARGET_RESET] as const) {
      run(c, reserve);
      harness.manage(reset, { nexus: c });
      harness.run([0x00], { nexus: b });
      harness.run([0x00], { nexus: c });
      connect(harness, b);
      expect(run(b, READ)).toBe(GOOD);
    }
  });

  it('and persistent reservations exclude each other, whoever asks', () => {
    run(a, reserve);
    for (const nexus of [a, b]) {
      expect(run(nexus, [0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0])).toBe(CONFLICT);
      expect(reserveOut(harness, nexus, 6, { saKey: 1 }).outcome).toBe(CONFLICT);
    }
    run(a, release);
    registerAs(harness, a, 1);
    for (const nexus of [a, b]) expect([run(nexus, reserve), run(nexus, release)]).toEqual([CONFLICT, CONFLICT]);
    registerAs(harness, a, 0);
    expect(run(b, reserve)).toBe(GOOD);
  });

  it.each(TYPES)('are good and do nothing for who holds type %d, or shares it', (type) => {
    registerAs(harness, a, 1);
    registerAs(harness, b, 2);
    reserveOut(harness, a, RESERVE, { key: 1, type });
    const shared = type >= 5 ? GOOD : CONFLICT;
    for (const cdb of [reserve, release]) {
      expect([run(a, cdb), run(b, cdb), run(c, cdb)]).toEqual([GOOD, shared, CONFLICT]);
    }
    expect(harness.unit.reservations.isLegacyReserved).toBe(false);
    expect(harness.unit.reservations.state.reservation?.type).toBe(type);
  });

  it('third parties and extents are invalid fields', () => {
    for (const flags of [0x01, 0x02, 0x10, 0x1e]) {
      expect(run(a, reserve.with(1, flags))).toBe('5/24/0');
      expect(run(a, release.with(1, flags))).toBe('5/24/0');
    }
  });
});

/** PERSISTENT RESERVE IN (SPC-4 6.15): bytes, truncation, and what is said of the unit's abilities. */
import { describe, expect, it } from 'vitest';
import { Harness } from '../device-harness.ts';
import {
  CONFLICT,
  connect,
  EA_AR,
  portNexus,
  RESERVE,
  readFullStatus,
  registerAs,
  reserveIn,
  reserveOut,
  WE_RO,
} from './reserve-client.ts';

const a = portNexus('a');
const b = portNexus('b', 2);

function reserved(type: number): Harness {
  const harness = new Harness();
  connect(harness, a, b);
  registerAs(harness, a, 0x0102030405);
  registerAs(harness, b, 7);
  reserveOut(harness, a, RESERVE, { key: 0x0102030405, type });
  return harness;
}

describe('PERSISTENT RESERVE IN', () => {
  it('READ KEYS and READ RESERVATION to the byte', () => {
    const harness = reserved(WE_RO);
    expect(reserveIn(harness, b, 0).toString('hex')).toBe(
      '00000002' + '00000010' + '0000000102030405' + '0000000000000007',
    );
    expect(reserveIn(harness, b, 1).toString('hex')).toBe(
      '00000002' + '00000010' + '0000000102030405' + '00000000' + '00' + '05' + '0000',
    );
  });

  it('READ RESERVATION of all registrants has no key', () => {
    expect(reserveIn(reserved(EA_AR), b, 1).toString('hex', 8)).toBe('0000000000000000' + '00000000' + '00080000');
  });

  it('READ RESERVATION and READ KEYS of nothing are a header', () => {
    const harness = new Harness();
    for (const action of [0, 1, 3]) expect(reserveIn(harness, harness.nexus, action)).toEqual(Buffer.alloc(8));
  });

  it('READ FULL STATUS to the byte', () => {
    const data = reserveIn(reserved(WE_RO), b, 3);
    const name = Buffer.from('iqn.2000-01.test:a,i,0x00023d000001'.padEnd(36, '\0')).toString('hex');
    const first = ['0000000102030405', '00000000', '01', '05', '00000000', '0001', '00000028', '45000024', name].join(
      '',
    );
    expect(data.toString('hex', 0, 8 + first.length / 2)).toBe(`0000000200000080${first}`);
    expect(data.length).toBe(8 + 128);
  });

  it('READ FULL STATUS names every registered nexus as holder of an all registrants type', () => {
    const status = readFullStatus(reserved(EA_AR), b);
    expect(status.map(({ isHolder, scopeType, relativePort }) => [isHolder, scopeType, relativePort])).toEqual([
      [true, 8, 1],
      [true, 8, 2],
    ]);
  });

  it('a registration on a target port that is gone has no relative port', () => {
    const saved = reserved(WE_RO).unit.reservations.state;
    const harness = new Harness({ unit: { savedReservations: { ...saved, isAptpl: false } } });
    expect(readFullStatus(harness, harness.nexus).map(({ relativePort }) => relativePort)).toEqual([1, 0]);
  });

  it('REPORT CAPABILITIES says what is there, and APTPL when there is a store', () => {
    const harness = new Harness();
    expect(reserveIn(harness, harness.nexus, 2).toString('hex')).toBe('00089cc0ea010000');
    const kept = new Harness({ unit: { reservationStore: { save: (_state, onSaved) => onSaved(true) } } });
    expect(reserveIn(kept, kept.nexus, 2).toString('hex')).toBe('00089dc0ea010000');
    registerAs(kept, kept.nexus, 1, 0x01);
    expect(reserveIn(kept, kept.nexus, 2).toString('hex')).toBe('00089dc1ea010000');
    registerAs(kept, kept.nexus, 1, 0x00);
    expect(reserveIn(kept, kept.nexus, 2).toString('hex')).toBe('00089dc0ea010000');
  });

  it('cut to the allocation length tells the whole length', () => {
    const harness = reserved(WE_RO);
    for (const action of [0, 1, 2, 3]) {
      const whole = reserveIn(harness, b, action);
      for (const length of [0, 1, 7, 8, 9, whole.length - 1, whole.length]) {
        const data = reserveIn(harness, b, action, length);
        expect(data.equals(whole.subarray(0, length))).toBe(true);
      }
    }
  });

  it('is allowed under every reservation, not under a RESERVE', () => {
    for (const type of [1, 3, 5, 6, 7, 8]) {
      const harness = reserved(type);
      const stranger = portNexus('stranger');
      connect(harness, stranger);
      for (const action of [0, 1, 2, 3]) reserveIn(harness, stranger, action);
    }
    const harness = new Harness();
    harness.run([0x16, 0, 0, 0, 0, 0]);
    expect(harness.run([0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0], { dataIn: 8 }).outcome).toBe(CONFLICT);
  });

  it('reserved bits and unknown service actions are invalid fields', () => {
    const harness = new Harness();
    for (let action = 4; action < 32; action++) {
      const client = harness.run([0x5e, action, 0, 0, 0, 0, 0, 0, 8, 0], { dataIn: 8 });
      expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4c << 16) | 1]);
    }
    for (const byte of [2, 3, 4, 5, 6, 9]) {
      const cdb = [0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0];
      cdb[byte] = 1;
      expect(harness.run(cdb, { dataIn: 8 }).outcome).toBe('5/24/0');
    }
    expect(harness.run([0x5e, 0x20, 0, 0, 0, 0, 0, 0, 8, 0], { dataIn: 8 }).outcome).toBe('5/24/0');
  });
});

/** RESERVE, RELEASE, CLEAR, PREEMPT and REPLACE LOST RESERVATION (SPC-4 5.13.9 to 5.13.11). */
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_RESERVATIONS } from '../../../../src/scsi/reservations/machine/reservation-state.ts';
import { Harness } from '../device-harness.ts';
import {
  ALL_TG_PT,
  CLEAR,
  CONFLICT,
  connect,
  EA,
  EA_AR,
  EA_RO,
  GOOD,
  PREEMPT,
  portNexus,
  RELEASE,
  REPLACE_LOST,
  RESERVE,
  readKeys,
  readReservation,
  registerAs,
  reserveOut,
  SPEC_I_PT,
  TYPES,
  takeAttentions,
  WE,
  WE_AR,
  WE_RO,
} from './reserve-client.ts';

const a = portNexus('a');
const b = portNexus('b');
const c = portNexus('c');
const d = portNexus('d');
let harness: Harness;

const out = (nexus: typeof a, action: number, list: Parameters<typeof reserveOut>[3] = {}) =>
  reserveOut(harness, nexus, action, list);
const attentions = () => [a, b, c].map((nexus) => takeAttentions(harness, nexus).join());
const reservation = () => readReservation(harness, d);
const keys = () => readKeys(harness, d).keys;
const generation = () => readKeys(harness, d).generation;
const SCOPE_POINTER = (0x4f << 16) | 2;
const TYPE_POINTER = (0x4b << 16) | 2;

/** a, b and c are registered with 1, 2 and 3; d looks on. */
beforeEach(() => {
  harness = new Harness();
  connect(harness, a, b, c, d);
  registerAs(harness, a, 1);
  registerAs(harness, b, 2);
  registerAs(harness, c, 3);
});

describe('RESERVE', () => {
  it.each(TYPES)('establishes type %d, once, and again for its holders alone', (type) => {
    expect(out(a, RESERVE, { key: 1, type }).outcome).toBe(GOOD);
    expect(reservation()).toEqual({ key: type >= WE_AR ? 0 : 1, scope: 0, type });
    expect(out(a, RESERVE, { key: 1, type }).outcome).toBe(GOOD);
    expect(out(b, RESERVE, { key: 2, type }).outcome).toBe(type >= WE_AR ? GOOD : CONFLICT);
    for (const other of TYPES.filter((candidate) => candidate !== type)) {
      expect(out(a, RESERVE, { key: 1, type: other }).outcome).toBe(CONFLICT);
    }
    expect([generation(), attentions()]).toEqual([3, ['', '', '']]);
  });

  it('is for the registered with their key', () => {
    expect(out(d, RESERVE, { key: 0, type: WE }).outcome).toBe(CONFLICT);
    expect(out(d, RESERVE, { key: 1, type: WE }).outcome).toBe(CONFLICT);
    expect(out(a, RESERVE, { key: 2, type: WE }).outcome).toBe(CONFLICT);
    expect(out(a, RESERVE, { key: 0, type: WE }).outcome).toBe(CONFLICT);
    expect(reservation()).toBe(null);
  });

  it('refuses types and scopes that are none, after the key', () => {
    for (const type of [0, 2, 4, 9, 10, 11, 12, 13, 14, 15]) {
      const { outcome, command } = out(a, RESERVE, { key: 1, type });
      expect([outcome, command.senseFieldPointer]).toEqual(['5/24/0', TYPE_POINTER]);
    }
    for (let scope = 1; scope < 16; scope++) {
      const { outcome, command } = out(a, RESERVE, { key: 1, type: WE, scope });
      expect([outcome, command.senseFieldPointer]).toEqual(['5/24/0', SCOPE_POINTER]);
    }
    expect(out(a, RESERVE, { key: 9, type: 0, scope: 1 }).outcome).toBe(CONFLICT);
  });

  it('does not look at the service action key, ALL_TG_PT and APTPL', () => {
    expect(out(a, RESERVE, { key: 1, saKey: 77, type: WE, flags: ALL_TG_PT | 1 }).outcome).toBe(GOOD);
    expect(harness.unit.reservations.state.isAptpl).toBe(false);
  });
});

describe('RELEASE', () => {
  it.each(TYPES)('of type %d by its holder tells the registered when they were concerned', (type) => {
    out(a, RESERVE, { key: 1, type });
    expect(out(a, RELEASE, { key: 1, type }).outcome).toBe(GOOD);
    expect(reservation()).toBe(null);
    const told = type >= WE_RO ? '2a/4' : '';
    expect([keys(), generation(), attentions()]).toEqual([[1, 2, 3], 3, ['', told, told]]);
  });

  it.each(TYPES)('of type %d with another type or scope is an invalid release', (type) => {
    out(a, RESERVE, { key: 1, type });
    for (let wrong = 0; wrong < 16; wrong++) {
      if (wrong !== type) expect(out(a, RELEASE, { key: 1, type: wrong }).outcome).toBe('5/26/4');
    }
    expect(out(a, RELEASE, { key: 1, type, scope: 1 }).outcome).toBe('5/26/4');
    expect(reservation()?.type).toBe(type);
  });

  it('by another registered nexus, or of nothing, is good and changes nothing', () => {
    expect(out(a, RELEASE, { key: 1, type: WE }).outcome).toBe(GOOD);
    out(a, RESERVE, { key: 1, type: WE_RO });
    expect(out(b, RELEASE, { key: 2, type: WE_RO }).outcome).toBe(GOOD);
    expect(out(b, RELEASE, { key: 2, type: 0 }).outcome).toBe(GOOD);
    expect(reservation()).toEqual({ key: 1, scope: 0, type: WE_RO });
  });

  it('conflicts without the key', () => {
    out(a, RESERVE, { key: 1, type: WE });
    expect(out(a, RELEASE, { key: 2, type: WE }).outcome).toBe(CONFLICT);
    expect(out(d, RELEASE, { key: 1, type: WE }).outcome).toBe(CONFLICT);
    expect(reservation()?.key).toBe(1);
  });

  it('of all registrants is anyone of theirs', () => {
    out(a, RESERVE, { key: 1, type: EA_AR });
    expect(out(c, RELEASE, { key: 3, type: EA_AR }).outcome).toBe(GOOD);
    expect([reservation(), attentions()]).toEqual([null, ['2a/4', '2a/4', '']]);
  });
});

describe('CLEAR', () => {
  it('removes everything and tells everyone who was registered', () => {
    out(a, RESERVE, { key: 1, type: EA });
    expect(out(b, CLEAR, { key: 2, type: 15, scope: 15 }).outcome).toBe(GOOD);
    expect([reservation(), keys(), generation()]).toEqual([null, [], 4]);
    expect(attentions()).toEqual(['2a/3', '', '2a/3']);
    expect(takeAttentions(harness, d)).toEqual([]);
  });

  it('conflicts without the key', () => {
    expect(out(d, CLEAR, { key: 0 }).outcome).toBe(CONFLICT);
    expect(out(a, CLEAR, { key: 2 }).outcome).toBe(CONFLICT);
    expect(keys()).toEqual([1, 2, 3]);
  });
});

describe('PREEMPT of a reservation', () => {
  it.each([WE, EA, WE_RO, EA_RO])('of type %d by the key of its holder', (type) => {
    registerAs(harness, c, 1);
    out(a, RESERVE, { key: 1, type });
    expect(out(b, PREEMPT, { key: 2, saKey: 1, type }).outcome).toBe(GOOD);
    expect([reservation(), keys(), generation()]).toEqual([{ key: 2, scope: 0, type }, [2], 5]);
    expect(attentions()).toEqual(['2a/5', '', '2a/5']);
  });

  it('with another type tells those who stay registered', () => {
    out(a, RESERVE, { key: 1, type: WE });
    out(b, PREEMPT, { key: 2, saKey: 1, type: EA_AR });
    expect(reservation()).toEqual({ key: 0, scope: 0, type: EA_AR });
    expect(attentions()).toEqual(['2a/5', '', '2a/4']);
  });

  it('by its holder changes the type and keeps the registration', () => {
    out(a, RESERVE, { key: 1, type: WE });
    expect(out(a, PREEMPT, { key: 1, saKey: 1, type: EA_RO }).outcome).toBe(GOOD);
    expect([reservation(), keys()]).toEqual([{ key: 1, scope: 0, type: EA_RO }, [1, 2, 3]]);
    expect(attentions()).toEqual(['', '2a/4', '2a/4']);
  });

  it.each([WE_AR, EA_AR])('of type %d by key zero removes all others', (type) => {
    out(a, RESERVE, { key: 1, type });
    expect(out(b, PREEMPT, { key: 2, saKey: 0, type: WE }).outcome).toBe(GOOD);
    expect([reservation(), keys()]).toEqual([{ key: 2, scope: 0, type: WE }, [2]]);
    expect(attentions()).toEqual(['2a/5', '', '2a/5']);
  });

  it('refuses types and scopes that are none', () => {
    out(a, RESERVE, { key: 1, type: WE });
    for (const type of [0, 2, 4, 9, 15]) expect(out(b, PREEMPT, { key: 2, saKey: 1, type }).outcome).toBe('5/24/0');
    const { command } = out(b, PREEMPT, { key: 2, saKey: 1, type: WE, scope: 2 });
    expect(command.senseFieldPointer).toBe(SCOPE_POINTER);
    expect([reservation()?.key, keys()]).toEqual([1, [1, 2, 3]]);
  });

  it('by key zero is refused but for all registrants', () => {
    out(a, RESERVE, { key: 1, type: EA_RO });
    const { outcome, command } = out(b, PREEMPT, { key: 2, saKey: 0, type: EA_RO });
    expect([outcome, command.senseFieldPointer]).toEqual(['5/26/0', 8]);
  });
});

describe('PREEMPT of registrations', () => {
  it('takes all of one key, and does not look at SCOPE and TYPE', () => {
    registerAs(harness, c, 1);
    expect(out(b, PREEMPT, { key: 2, saKey: 1, type: 15, scope: 15 }).outcome).toBe(GOOD);
    expect([reservation(), keys(), generation()]).toEqual([null, [2], 5]);
    expect(attentions()).toEqual(['2a/5', '', '2a/5']);
  });

  it.each(TYPES)('leaves a reservation of type %d to those who hold it', (type) => {
    out(a, RESERVE, { key: 1, type });
    expect(out(b, PREEMPT, { key: 2, saKey: 3, type: 0 }).outcome).toBe(GOOD);
    expect([reservation()?.type, keys(), attentions()]).toEqual([type, [1, 2], ['', '', '2a/5']]);
  });

  it('of its own key removes its own as well, without telling it', () => {
    registerAs(harness, c, 2);
    out(a, RESERVE, { key: 1, type: WE });
    expect(out(b, PREEMPT, { key: 2, saKey: 2 }).outcome).toBe(GOOD);
    expect([keys(), attentions()]).toEqual([[1], ['', '', '2a/5']]);
  });

  it('of the last of all registrants releases', () => {
    registerAs(harness, b, 1);
    registerAs(harness, c, 1);
    out(a, RESERVE, { key: 1, type: WE_AR });
    expect(out(a, PREEMPT, { key: 1, saKey: 1 }).outcome).toBe(GOOD);
    expect([reservation(), keys(), attentions()]).toEqual([null, [], ['', '2a/5', '2a/5']]);
  });

  it('conflicts when nobody has the key, or without its own', () => {
    expect(out(a, PREEMPT, { key: 1, saKey: 9, type: WE }).outcome).toBe(CONFLICT);
    expect(out(a, PREEMPT, { key: 1, saKey: 0, type: WE }).outcome).toBe(CONFLICT);
    expect(out(a, PREEMPT, { key: 2, saKey: 2, type: WE }).outcome).toBe(CONFLICT);
    expect(out(d, PREEMPT, { key: 0, saKey: 1, type: WE }).outcome).toBe(CONFLICT);
    expect([keys(), generation()]).toEqual([[1, 2, 3], 3]);
  });
});

describe('REPLACE LOST RESERVATION', () => {
  it('without a loss is an invalid release, or a conflict for who is not registered', () => {
    expect(out(a, REPLACE_LOST, { key: 0, saKey: 9, type: WE }).outcome).toBe('5/26/4');
    expect(out(d, REPLACE_LOST, { key: 0, saKey: 9, type: WE }).outcome).toBe(CONFLICT);
  });

  describe('after a loss', () => {
    const LOST = '7/44/1';
    beforeEach(() => {
      harness = new Harness({ unit: { savedReservations: { ...NO_RESERVATIONS, isLost: true } } });
      connect(harness, a, b);
    });

    it('opens the unit again, for the new reservation', () => {
      expect(out(a, REPLACE_LOST, { saKey: 5, type: EA }).outcome).toBe(GOOD);
      expect(readReservation(harness, b)).toEqual({ key: 5, scope: 0, type: EA });
      expect(readKeys(harness, b)).toEqual({ generation: 0, keys: [5] });
      expect(harness.run([0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0], { nexus: b }).outcome).toBe(CONFLICT);
      expect(out(a, REPLACE_LOST, { saKey: 5, type: EA }).outcome).toBe('5/26/4');
    });

    it('is the one way to open it', () => {
      for (const action of [0, 1, 2, 3, 4, 5, 6, 7]) {
        expect(out(a, action, { saKey: 5, type: EA, ids: Buffer.alloc(0) }).outcome).toBe(LOST);
      }
      for (const action of [0, 1, 2, 3]) {
        const cdb = [0x5e, action, 0, 0, 0, 0, 0, 0, 8, 0];
        expect(harness.run(cdb, { nexus: a, dataIn: 8 }).outcome).toBe(LOST);
      }
      for (const cdb of [[0x00], [0x16], [0x08, 0, 0, 0, 1], [0x0a, 0, 0, 0, 1], [0x1b], [0x1a, 0, 8, 0, 4]]) {
        expect(harness.run([...cdb, ...new Array<number>(6 - cdb.length).fill(0)], { nexus: a }).outcome).toBe(LOST);
      }
      for (const cdb of [
        [0x12, 0, 0, 0, 5],
        [0x03, 0, 0, 0, 18],
        [0x1b, 0, 0, 0, 1],
      ]) {
        expect(harness.run([...cdb, 0], { nexus: a, dataIn: 18 }).outcome).toBe(GOOD);
      }
    });

    it('refuses lists that are wrong', () => {
      const refused = (list: Parameters<typeof reserveOut>[3], outcome: string, pointer: number) => {
        const client = out(a, REPLACE_LOST, { saKey: 5, type: EA, ...list });
        expect([client.outcome, client.command.senseFieldPointer]).toEqual([outcome, pointer]);
      };
      refused({ key: 5 }, '5/26/0', 0);
      refused({ saKey: 0 }, '5/26/0', 8);
      refused({ flags: SPEC_I_PT }, '5/26/0', (0x0b << 16) | 20);
      refused({ flags: ALL_TG_PT }, '5/26/0', (0x0a << 16) | 20);
      refused({ flags: 1 }, '5/26/0', (0x08 << 16) | 20);
      refused({ type: 2 }, '5/24/0', TYPE_POINTER);
      refused({ scope: 1 }, '5/24/0', SCOPE_POINTER);
      expect(harness.unit.reservations.state.isLost).toBe(true);
    });
  });
});

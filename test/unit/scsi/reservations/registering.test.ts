/** REGISTER, REGISTER AND IGNORE EXISTING KEY and REGISTER AND MOVE (SPC-4 tables 67 to 70). */
import { beforeEach, describe, expect, it } from 'vitest';
import { REGISTRATIONS_PER_LOGICAL_UNIT_MAX } from '../../../../src/scsi/reservations/machine/reservation-state.ts';
import { PARAMETER_LIST_BYTES_MAX } from '../../../../src/scsi/reservations/reserve-out-list.ts';
import { Harness, portOf } from '../device-harness.ts';
import {
  ALL_TG_PT,
  APTPL,
  CONFLICT,
  connect,
  EA_AR,
  GOOD,
  portNexus,
  REGISTER,
  REGISTER_AND_IGNORE,
  REGISTER_AND_MOVE,
  RESERVE,
  readFullStatus,
  readKeys,
  readReservation,
  registerAs,
  reserveOut,
  reserveOutList,
  SPEC_I_PT,
  TYPES,
  takeAttentions,
  transportId,
  UNREG,
  WE,
  WE_RO,
} from './reserve-client.ts';

const KEY = 0x1234;
const BIG_KEY = 2 ** 52 + 2 ** 32 + 5;
const a = portNexus('a');
const a2 = portNexus('a', 2);
const b = portNexus('b');
const c = portNexus('c');
let harness: Harness;

const out = (nexus: typeof a, action: number, list: Parameters<typeof reserveOut>[3] = {}) =>
  reserveOut(harness, nexus, action, list);
const status = () =>
  readFullStatus(harness, c).map(({ initiator, relativePort, key }) => `${initiator.slice(17)} ${relativePort} ${key}`);
const PORT_A = 'a,i,0x00023d000001';
const PORT_B = 'b,i,0x00023d000001';

beforeEach(() => {
  harness = new Harness();
  connect(harness, a, a2, b, c);
});

describe('REGISTER', () => {
  it('registers, changes and removes the key of the nexus it comes by', () => {
    expect(out(a, REGISTER, { saKey: BIG_KEY }).outcome).toBe(GOOD);
    expect(readKeys(harness, b)).toEqual({ generation: 1, keys: [BIG_KEY] });
    expect(out(a, REGISTER, { key: BIG_KEY, saKey: KEY }).outcome).toBe(GOOD);
    expect(readKeys(harness, b)).toEqual({ generation: 2, keys: [KEY] });
    expect(out(a, REGISTER, { key: KEY, saKey: KEY }).outcome).toBe(GOOD);
    expect(out(a, REGISTER, { key: KEY, saKey: 0 }).outcome).toBe(GOOD);
    expect(readKeys(harness, b)).toEqual({ generation: 4, keys: [] });
  });

  it('conflicts with a wrong key and changes nothing', () => {
    expect(out(a, REGISTER, { key: 1, saKey: 2 }).outcome).toBe(CONFLICT);
    registerAs(harness, a, KEY);
    expect(out(a, REGISTER, { key: 0, saKey: 2 }).outcome).toBe(CONFLICT);
    expect(out(a, REGISTER, { key: KEY + 1, saKey: 0 }).outcome).toBe(CONFLICT);
    expect(out(a, REGISTER, { key: KEY + 2 ** 32, saKey: 0 }).outcome).toBe(CONFLICT);
    expect(readKeys(harness, b)).toEqual({ generation: 1, keys: [KEY] });
  });

  it('of zero for a nexus that is not registered does nothing', () => {
    expect(out(a, REGISTER).outcome).toBe(GOOD);
    expect(out(a, REGISTER_AND_IGNORE, { key: 99 }).outcome).toBe(GOOD);
    expect(readKeys(harness, b)).toEqual({ generation: 0, keys: [] });
  });

  it('does not look at SCOPE and TYPE', () => {
    for (const type of [0, 2, 4, 9, 15]) {
      expect(out(a, REGISTER_AND_IGNORE, { saKey: KEY, type, scope: 15 }).outcome).toBe(GOOD);
    }
  });

  it('keeps a key for each nexus, the same or not', () => {
    registerAs(harness, a, KEY);
    registerAs(harness, b, KEY);
    registerAs(harness, a2, 7);
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_B} 1 ${KEY}`, `${PORT_A} 2 7`]);
    out(b, REGISTER, { key: KEY, saKey: 8 });
    expect(readKeys(harness, b).keys).toEqual([KEY, 8, 7]);
  });

  it('refuses APTPL without a store', () => {
    const { command, outcome } = out(a, REGISTER, { saKey: KEY, flags: APTPL });
    expect([outcome, command.senseFieldPointer]).toEqual(['5/26/0', (0x08 << 16) | 20]);
    expect(out(a, REGISTER_AND_IGNORE, { saKey: KEY, flags: APTPL }).outcome).toBe('5/26/0');
    expect(readKeys(harness, a).keys).toEqual([]);
  });

  it('is remembered when the session ends and another of the same port begins', () => {
    registerAs(harness, a, KEY);
    out(a, RESERVE, { key: KEY, type: WE });
    harness.device.closeNexus(a);
    const again = portNexus('a');
    connect(harness, again);
    expect(out(again, REGISTER, { key: 0, saKey: 1 }).outcome).toBe(CONFLICT);
    expect(out(again, RESERVE, { key: KEY, type: WE }).outcome).toBe(GOOD);
    expect(harness.run([0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0], { nexus: again }).outcome).toBe(GOOD);
    const stranger = portNexus('a', 1, '00023d000002');
    connect(harness, stranger);
    expect(harness.run([0x2a, 0, 0, 0, 0, 0, 0, 0, 0, 0], { nexus: stranger }).outcome).toBe(CONFLICT);
  });
});

describe('REGISTER with ALL_TG_PT', () => {
  it('is for every target port, each with a registration of its own', () => {
    out(a, REGISTER, { saKey: KEY, flags: ALL_TG_PT });
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_A} 2 ${KEY}`]);
    expect(readFullStatus(harness, a).some(({ isAllTgPt }) => isAllTgPt)).toBe(false);
    out(a2, REGISTER, { key: KEY, saKey: 9 });
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_A} 2 9`]);
  });

  it('conflicts when it would on any port, and changes none', () => {
    registerAs(harness, a2, 9);
    expect(out(a, REGISTER, { saKey: KEY, flags: ALL_TG_PT }).outcome).toBe(CONFLICT);
    expect(status()).toEqual([`${PORT_A} 2 9`]);
    expect(out(a, REGISTER_AND_IGNORE, { saKey: KEY, flags: ALL_TG_PT }).outcome).toBe(GOOD);
    expect(readKeys(harness, a).keys).toEqual([KEY, KEY]);
  });

  it('unregisters on every port', () => {
    registerAs(harness, a, KEY, ALL_TG_PT);
    expect(out(a, REGISTER, { key: KEY, flags: ALL_TG_PT }).outcome).toBe(GOOD);
    expect(readKeys(harness, a).keys).toEqual([]);
    registerAs(harness, a, KEY);
    expect(out(a, REGISTER, { key: KEY, flags: ALL_TG_PT }).outcome).toBe(GOOD);
    registerAs(harness, a, KEY);
    registerAs(harness, a2, 9);
    expect(out(a, REGISTER, { key: KEY, flags: ALL_TG_PT }).outcome).toBe(CONFLICT);
    expect(out(a, REGISTER_AND_IGNORE, { flags: ALL_TG_PT }).outcome).toBe(GOOD);
    expect(readKeys(harness, a).keys).toEqual([]);
  });

  it('knows ports of which no session has come yet', () => {
    harness.device.addTargetPort(portOf(7));
    registerAs(harness, a, KEY, ALL_TG_PT);
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_A} 2 ${KEY}`, `${PORT_A} 7 ${KEY}`]);
  });
});

describe('REGISTER with SPEC_I_PT', () => {
  const specified = (...names: string[]) => Buffer.concat(names.map(transportId));

  it('registers the ports that are named, known or not', () => {
    const ids = specified(b.initiatorPortName, 'iqn.2000-01.test:z,i,0xABC');
    expect(out(a, REGISTER, { saKey: KEY, flags: SPEC_I_PT, ids }).outcome).toBe(GOOD);
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_B} 1 ${KEY}`, `z,i,0x000000000abc 1 ${KEY}`]);
    expect(readKeys(harness, a).generation).toBe(1);
  });

  it('registers all known ports of a device that is named', () => {
    connect(harness, portNexus('b', 1, '00023d000009'));
    const ids = specified('iqn.2000-01.test:b');
    expect(out(a, REGISTER, { saKey: KEY, flags: SPEC_I_PT, ids }).outcome).toBe(GOOD);
    expect(status()).toEqual([`${PORT_A} 1 ${KEY}`, `${PORT_B} 1 ${KEY}`, `b,i,0x00023d000009 1 ${KEY}`]);
  });

  it('and ALL_TG_PT registers each port on every target port', () => {
    const ids = specified(b.initiatorPortName);
    expect(out(a, REGISTER, { saKey: KEY, flags: SPEC_I_PT | ALL_TG_PT, ids }).outcome).toBe(GOOD);
    expect(readFullStatus(harness, a)).toHaveLength(4);
  });

  it('registers nobody when one cannot be: registered, unknown, or no iSCSI name', () => {
    registerAs(harness, b, 5);
    const first = specified(c.initiatorPortName);
    const at = 28 + first.length;
    for (const bad of [
      transportId(b.initiatorPortName),
      transportId('iqn.2000-01.test:b'),
      transportId('iqn.2000-01.test:unknown'),
      transportId('no name'),
      Buffer.from([0x06, ...new Array<number>(23).fill(0)]),
    ]) {
      const { outcome, command } = out(a, REGISTER, { saKey: KEY, flags: SPEC_I_PT, ids: Buffer.concat([first, bad]) });
      expect([outcome, command.senseFieldPointer]).toEqual(['5/26/0', at]);
    }
    expect(readKeys(harness, a)).toEqual({ generation: 1, keys: [5] });
  });

  it('is for REGISTER of a nexus that is not registered, and no other', () => {
    const pointer = (0x0b << 16) | 20;
    const wrong = (nexus: typeof a, action: number, list: Parameters<typeof reserveOut>[3]) => {
      const { outcome, command } = out(nexus, action, {
        ...list,
        flags: SPEC_I_PT,
        ids: specified(c.initiatorPortName),
      });
      expect([action, outcome, command.senseFieldPointer]).toEqual([action, '5/26/0', pointer]);
    };
    wrong(b, REGISTER_AND_IGNORE, { saKey: KEY });
    registerAs(harness, a, KEY);
    wrong(a, REGISTER, { key: KEY, saKey: 1 });
    wrong(a, REGISTER, { key: KEY, saKey: 0 });
    for (const action of [1, 2, 3, 4, 5]) wrong(a, action, { key: KEY, saKey: KEY, type: WE });
    // The key is looked at first, and zero for the unregistered does nothing whatever else it says.
    expect(out(a, REGISTER, { key: 1, saKey: 1, flags: SPEC_I_PT, ids: Buffer.alloc(0) }).outcome).toBe(CONFLICT);
    expect(out(b, REGISTER, { flags: SPEC_I_PT, ids: specified('bad') }).outcome).toBe(GOOD);
  });

  it('counts bytes: a list that lies about its length is a length error', () => {
    const ids = specified(b.initiatorPortName);
    const base = { saKey: KEY, flags: SPEC_I_PT };
    const lengths = [ids.length + 1, ids.length + 4, 0xffffffff, ids.length - 4, 23, 4];
    for (const idsLength of lengths) expect(out(a, REGISTER, { ...base, ids, idsLength }).outcome).toBe('5/1a/0');
    expect(out(a, REGISTER, base).outcome).toBe('5/1a/0'); // 24 bytes: no length field
    expect(out(a, REGISTER, { ...base, ids: Buffer.alloc(0) }).outcome).toBe(GOOD); // nobody else
    expect(readKeys(harness, a).keys).toEqual([KEY]);
  });
});

describe('registrations', () => {
  it('have a limit, and one too many registers nobody', () => {
    for (let n = 0; n < REGISTRATIONS_PER_LOGICAL_UNIT_MAX - 1; n++) {
      const nexus = portNexus(`n${n}`);
      connect(harness, nexus);
      registerAs(harness, nexus, n + 1);
    }
    const ids = Buffer.concat(['x', 'y'].map((name) => transportId(portNexus(name).initiatorPortName)));
    expect(out(a, REGISTER, { saKey: KEY, flags: SPEC_I_PT, ids }).outcome).toBe('5/55/4');
    expect(readKeys(harness, a).keys).toHaveLength(REGISTRATIONS_PER_LOGICAL_UNIT_MAX - 1);
    registerAs(harness, a, KEY);
    expect(out(b, REGISTER, { saKey: KEY }).outcome).toBe('5/55/4');
    expect(out(b, REGISTER_AND_IGNORE, { saKey: KEY }).outcome).toBe('5/55/4');
    expect(out(a, REGISTER, { key: KEY, saKey: 2 }).outcome).toBe(GOOD); // a change takes no more room
    out(a, RESERVE, { key: 2, type: WE });
    const move = { key: 2, saKey: 3, ids: transportId(portNexus('x').initiatorPortName) };
    expect(out(a, REGISTER_AND_MOVE, move).outcome).toBe('5/55/4');
  });
});

describe('unregistering', () => {
  const registerAll = () => {
    registerAs(harness, a, 1);
    registerAs(harness, b, 2);
    registerAs(harness, c, 3);
  };
  const attentions = () => [a, b, c].map((nexus) => takeAttentions(harness, nexus));

  it.each(TYPES)('the holder of a reservation of type %d', (type) => {
    registerAll();
    out(a, RESERVE, { key: 1, type });
    expect(out(a, REGISTER, { key: 1 }).outcome).toBe(GOOD);
    const isAllRegistrants = type >= 7;
    const isRegistrantsOnly = type === 5 || type === 6;
    expect(readReservation(harness, a)).toEqual(isAllRegistrants ? { key: 0, scope: 0, type } : null);
    expect(attentions()).toEqual(isRegistrantsOnly ? [[], ['2a/4'], ['2a/4']] : [[], [], []]);
  });

  it.each(TYPES)('another nexus leaves a reservation of type %d', (type) => {
    registerAll();
    out(a, RESERVE, { key: 1, type });
    out(b, REGISTER, { key: 2 });
    expect(readReservation(harness, b)?.type).toBe(type);
    expect(attentions()).toEqual([[], [], []]);
  });

  it('the last of all registrants releases', () => {
    registerAll();
    out(a, RESERVE, { key: 1, type: EA_AR });
    out(a, REGISTER, { key: 1 });
    out(b, REGISTER, { key: 2 });
    expect(readReservation(harness, a)?.type).toBe(EA_AR);
    out(c, REGISTER, { key: 3 });
    expect(readReservation(harness, a)).toBe(null);
    expect(attentions()).toEqual([[], [], []]);
  });
});

describe('REGISTER AND MOVE', () => {
  const ids = transportId(b.initiatorPortName);
  const move = { key: 1, saKey: 2, ids };

  it.each([WE, 3, WE_RO, 6])('moves a reservation of type %d and registers who gets it', (type) => {
    registerAs(harness, a, 1);
    out(a, RESERVE, { key: 1, type });
    expect(out(a, REGISTER_AND_MOVE, { ...move, relativePort: 2, type: 15, scope: 15 }).outcome).toBe(GOOD);
    expect(readReservation(harness, a)).toEqual({ key: 2, scope: 0, type });
    expect(status()).toEqual([`${PORT_A} 1 1`, `${PORT_B} 2 2`]);
    expect(readFullStatus(harness, a).map(({ isHolder, scopeType }) => [isHolder, scopeType])).toEqual([
      [false, 0],
      [true, type],
    ]);
    expect(readKeys(harness, a).generation).toBe(2);
    expect([a, b, c].flatMap((nexus) => takeAttentions(harness, nexus))).toEqual([]);
  });

  it('with UNREG leaves its own nexus unregistered', () => {
    registerAs(harness, a, 1);
    registerAs(harness, b, 9);
    out(a, RESERVE, { key: 1, type: WE_RO });
    expect(out(a, REGISTER_AND_MOVE, { ...move, flags: UNREG }).outcome).toBe(GOOD);
    expect(status()).toEqual([`${PORT_B} 1 2`]);
    expect(readReservation(harness, a)).toEqual({ key: 2, scope: 0, type: WE_RO });
    expect(takeAttentions(harness, b)).toEqual([]);
  });

  it('conflicts: not registered, wrong key, not the holder, all registrants', () => {
    registerAs(harness, b, 9);
    expect(out(a, REGISTER_AND_MOVE, move).outcome).toBe(CONFLICT);
    registerAs(harness, a, 1);
    expect(out(a, REGISTER_AND_MOVE, { ...move, key: 3 }).outcome).toBe(CONFLICT);
    out(b, RESERVE, { key: 9, type: WE });
    expect(out(a, REGISTER_AND_MOVE, move).outcome).toBe(CONFLICT);
    out(b, REGISTER, { key: 9 });
    out(a, RESERVE, { key: 1, type: EA_AR });
    expect(out(a, REGISTER_AND_MOVE, move).outcome).toBe(CONFLICT);
    expect(readKeys(harness, a).keys).toEqual([1]);
  });

  it('is refused: nothing to move, no key, no such port, itself, a device, no iSCSI name, two names', () => {
    registerAs(harness, a, 1);
    const none = out(a, REGISTER_AND_MOVE, move);
    expect([none.outcome, none.command.senseFieldPointer]).toEqual(['5/24/0', (0x4c << 16) | 1]);
    out(a, RESERVE, { key: 1, type: WE });
    const refused = (list: Parameters<typeof reserveOut>[3], pointer: number) => {
      const { outcome, command } = out(a, REGISTER_AND_MOVE, { ...move, ...list });
      expect([outcome, command.senseFieldPointer]).toEqual(['5/26/0', pointer]);
    };
    refused({ saKey: 0 }, 8);
    refused({ flags: APTPL }, (0x08 << 16) | 17);
    for (const relativePort of [0, 3, 0xffff]) refused({ relativePort }, 18);
    refused({ ids: transportId(a.initiatorPortName) }, 24);
    refused({ ids: transportId(a.initiatorPortName), relativePort: 2 }, 24);
    refused({ ids: transportId('iqn.2000-01.test:b') }, 24);
    refused({ ids: transportId('what,i,0x1') }, 24);
    refused({ ids: Buffer.concat([ids, ids]) }, 24);
    expect(readReservation(harness, a)).toEqual({ key: 1, scope: 0, type: WE });
  });

  it('counts bytes', () => {
    registerAs(harness, a, 1);
    out(a, RESERVE, { key: 1, type: WE });
    for (const idsLength of [0, 20, ids.length - 4, ids.length + 1, 0xffffffff]) {
      expect(out(a, REGISTER_AND_MOVE, { ...move, idsLength }).outcome).toBe('5/1a/0');
    }
    expect(out(a, REGISTER_AND_MOVE, { key: 1, saKey: 2 }).outcome).toBe('5/1a/0');
    expect(readReservation(harness, a)?.key).toBe(1);
  });
});

describe('the parameter list length', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 8])(
    'of service action %d is 24, and what is too short or long is an error',
    (action) => {
      const list = reserveOutList(action, { key: 0, saKey: KEY, type: WE });
      for (const listLength of [0, 1, 23]) expect(out(a, action, { list, listLength }).outcome).toBe('5/1a/0');
      for (const length of [25, 28, 64]) {
        expect(out(a, action, { list: Buffer.concat([list], length) }).outcome).toBe('5/1a/0');
      }
      for (const listLength of [24 + 1, PARAMETER_LIST_BYTES_MAX + 1, 0xffffffff]) {
        expect(out(a, action, { list, listLength }).outcome).toBe('5/1a/0'); // more than the data-out buffer has
      }
      expect(readKeys(harness, a)).toEqual({ generation: 0, keys: [] });
    },
  );

  it('shorter than what was sent leaves a residual', () => {
    const list = Buffer.concat([reserveOutList(REGISTER, { saKey: KEY })], 40);
    const client = out(a, REGISTER, { list, listLength: 24 });
    expect([client.outcome, client.command.presentedOutBytes]).toEqual([GOOD, 24]);
  });

  it('unknown service actions are invalid fields of the CDB', () => {
    for (let action = 9; action < 32; action++) expect(out(a, action).outcome).toBe('5/24/0');
  });
});

/**
 * Asymmetric logical unit access (SPC-4 5.16.2): what REPORT TARGET PORT GROUPS says, what SET TARGET PORT GROUPS does, and
 * what each state lets through. Two target ports lead to one unit, initiator a by the first, b by the second.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_SERVICE_ACTION } from '../../../../src/scsi/command/command-entry.ts';
import { Nexus } from '../../../../src/scsi/nexus.ts';
import type { AccessState, TargetPort } from '../../../../src/scsi/port/target-port.ts';
import {
  ACCESS_STATUS_ALTERED_BY_COMMAND,
  STATE_ACTIVE_NON_OPTIMIZED,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_TRANSITIONING,
  STATE_UNAVAILABLE,
} from '../../../../src/scsi/port/target-port.ts';
import type { SavedPorts, TargetPortStore } from '../../../../src/scsi/port/target-ports.ts';
import { TargetPorts } from '../../../../src/scsi/port/target-ports.ts';
import type { Client } from '../device-harness.ts';
import { cdb10, Harness, pattern, uint32 } from '../device-harness.ts';
import { reserveOut, takeAttentions } from '../reservations/reserve-client.ts';

const GOOD = 'status 0';
const NAME = 'iqn.2000-01.test:disk,t,0x000';
const CHANGED = '2a/6';

/** A store that answers when the test says. */
class HeldStore implements TargetPortStore {
  saved: SavedPorts | null = null;
  private pending: ((isSaved: boolean) => void) | null = null;
  private content: SavedPorts | null = null;

  save(ports: SavedPorts, onSaved: (isSaved: boolean) => void): void {
    if (this.pending !== null) throw new Error('one saving after the other');
    this.content = ports;
    this.pending = onSaved;
  }

  answer(isSaved: boolean): void {
    const { pending } = this;
    if (pending === null) throw new Error('nothing is being saved');
    this.pending = null;
    if (isSaved) this.saved = this.content;
    pending(isSaved);
  }

  get isSaving(): boolean {
    return this.pending !== null;
  }
}

let harness: Harness;
let ports: TargetPorts;
let first: TargetPort;
let second: TargetPort;
let a: Nexus;
let b: Nexus;

function connect(made: TargetPorts): void {
  ports = made;
  first = ports.add(`${NAME}1`, 1);
  second = ports.add(`${NAME}2`, 2);
  a = new Nexus('iqn.2000-01.test:a,i,0x000000000001', first);
  b = new Nexus('iqn.2000-01.test:b,i,0x000000000002', second);
  harness = new Harness({ unit: { isRemovable: true }, nexus: a });
  harness.device.openNexus(b);
  harness.clearAttention(b);
}

function report(nexus: Nexus, format = 0, allocationLength = 1024): Buffer {
  const client = harness.run([0xa3, (format << 5) | 0x0a, 0, 0, 0, 0, ...uint32(allocationLength), 0, 0], {
    nexus,
    dataIn: allocationLength,
  });
  expect(client.outcome).toBe(GOOD);
  return client.data;
}

/** "group state status" of each group; "!" marks the preferred. */
function groups(nexus: Nexus): string[] {
  const data = report(nexus);
  expect(data.readUInt32BE(0)).toBe(data.length - 4);
  const found = [];
  for (let at = 4; at < data.length; at += 12) {
    expect([data[at + 1], data[at + 7]]).toEqual([0x8f, 1]);
    expect(data.readUInt16BE(at + 10)).toBe(data.readUInt16BE(at + 2));
    found.push(
      `${data.readUInt16BE(at + 2)}${data[at]! & 0x80 ? '!' : ''} ${(data[at]! & 0x7f).toString(16)} ${data[at + 5]}`,
    );
  }
  return found;
}

/** Starts SET TARGET PORT GROUPS with [group, state] descriptors. */
function startSet(nexus: Nexus, descriptors: readonly (readonly [number, number])[], lengthBytes?: number): Client {
  const list = Buffer.alloc(4 + descriptors.length * 4);
  descriptors.forEach(([group, state], i) => {
    list[4 + i * 4] = state;
    list.writeUInt16BE(group, 6 + i * 4);
  });
  const cdb = [0xa4, 0x0a, 0, 0, 0, 0, ...uint32(lengthBytes ?? list.length), 0, 0];
  return harness.start(cdb, { nexus, dataOut: list });
}

function set(nexus: Nexus, ...descriptors: readonly (readonly [number, number])[]): string {
  const client = startSet(nexus, descriptors);
  harness.settle();
  return client.outcome;
}

function into(port: TargetPort, state: AccessState): void {
  port.setAccess({ state, statusCode: ACCESS_STATUS_ALTERED_BY_COMMAND });
}

beforeEach(() => connect(new TargetPorts()));

describe('REPORT TARGET PORT GROUPS', () => {
  it('has one group for each target port, to the byte', () => {
    expect(report(a).subarray(4).toString('hex')).toBe('008f00010000000100000001008f00020000000100000002');
    expect(report(b).equals(report(a))).toBe(true);
  });

  it('has an extended header when asked', () => {
    const data = report(a, 1);
    expect(data.subarray(0, 8).toString('hex')).toBe('0000001c10000000');
    expect(data.subarray(8).equals(report(a).subarray(4))).toBe(true);
  });

  it('has PREF', () => {
    second.isPreferred = true;
    expect(groups(a)).toEqual(['1 0 0', '2! 0 0']);
  });

  it.each([2, 3, 7])('has no parameter data format %d', (format) => {
    const client = harness.run([0xa3, (format << 5) | 0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], { nexus: a, dataIn: 256 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe(0x4f0001);
  });

  it.each([0, 1, 4, 27, 28, 29])('cuts to an allocation length of %d', (allocationLength) => {
    const data = report(a, 0, allocationLength);
    expect(data.length).toBe(Math.min(allocationLength, 28));
    if (allocationLength >= 4) expect(data.readUInt32BE(0)).toBe(24);
  });

  it('says no more than the data-in buffer holds', () => {
    const client = harness.run([0xa3, 0x0a, 0, 0, 0, 0, ...uint32(1024), 0, 0], { nexus: a, dataIn: 6 });
    expect([client.data.length, client.command.presentedInBytes]).toEqual([6, 28]);
  });

  it('agrees with page 83h and with page 88h', () => {
    const identification = harness.run([0x12, 1, 0x83, 4, 0, 0], { nexus: b, dataIn: 1024 }).data.toString('hex');
    expect(identification).toContain('5194000400000002'); // relative target port
    expect(identification).toContain('5195000400000002'); // target port group
    const { data } = harness.run([0x12, 1, 0x88, 4, 0, 0], { nexus: b, dataIn: 1024 });
    expect(data.readUInt16BE(2)).toBe(data.length - 4);
    const found = [];
    for (let at = 4; at < data.length; at += 12 + data.readUInt16BE(at + 10)) {
      expect([data.readUInt16BE(at + 6), data.readUInt32BE(at + 12)]).toEqual([0, 0x53980000 | data[at + 15]!]);
      expect(data[at + 15]! + 4).toBe(data.readUInt16BE(at + 10));
      found.push([data.readUInt16BE(at + 2), data.toString('utf8', at + 16, data.indexOf(0, at + 16))]);
    }
    expect(found).toEqual([
      [1, `${NAME}1`],
      [2, `${NAME}2`],
    ]);
  });

  it('is announced in standard INQUIRY data: TPGS 11b, MULTIP', () => {
    const { data } = harness.run([0x12, 0, 0, 0, 96, 0], { nexus: a, dataIn: 96 });
    expect([data[5]! & 0x30, data[6]! & 0x10]).toEqual([0x30, 0x10]);
  });
});

describe('SET TARGET PORT GROUPS', () => {
  it('changes what it names, and tells every other nexus', () => {
    expect(set(a, [2, STATE_STANDBY])).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
    expect(takeAttentions(harness, a)).toEqual([]);
    expect(takeAttentions(harness, b)).toEqual([CHANGED]);
  });

  it('changes several groups in one go', () => {
    expect(set(b, [1, STATE_ACTIVE_NON_OPTIMIZED], [2, STATE_UNAVAILABLE])).toBe(GOOD);
    expect(takeAttentions(harness, a)).toEqual([CHANGED]);
    expect(groups(a)).toEqual(['1 1 1', '2 3 1']);
  });

  it('opens the port that it came by again', () => {
    into(second, STATE_UNAVAILABLE);
    expect(set(b, [2, STATE_ACTIVE_OPTIMIZED])).toBe(GOOD);
    expect(harness.run([0x00], { nexus: b }).outcome).toBe(GOOD);
  });

  it('that changes nothing tells nobody', () => {
    expect(set(a, [1, STATE_ACTIVE_OPTIMIZED], [2, STATE_ACTIVE_OPTIMIZED])).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
    expect(takeAttentions(harness, b)).toEqual([]);
  });

  it('without a list, and with an empty one, changes nothing', () => {
    expect(harness.run([0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], { nexus: a }).outcome).toBe(GOOD);
    expect(set(a)).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
  });

  it.each([1, 3, 5, 7, 4101, 4104, 0x7fffffff, 0xffffffff])('has no parameter list length %d', (lengthBytes) => {
    const client = startSet(a, [[2, STATE_STANDBY]], lengthBytes);
    harness.settle();
    expect([client.outcome, client.command.senseFieldPointer & 0xffff]).toEqual(['5/24/0', 6]);
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
  });

  it('with less data than the CDB says is a PARAMETER LIST LENGTH ERROR', () => {
    const client = startSet(a, [[2, STATE_STANDBY]], 12);
    harness.settle();
    expect(client.outcome).toBe('5/1a/0');
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
  });

  it('with more data than the CDB says does what the CDB says', () => {
    const client = startSet(
      a,
      [
        [2, STATE_STANDBY],
        [1, STATE_STANDBY],
      ],
      8,
    );
    harness.settle();
    expect([client.outcome, client.command.presentedOutBytes]).toEqual([GOOD, 8]);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
  });

  it.each([0x4, 0x5, 0xd, 0xe, 0xf])('has no state %d to set, and then changes nothing at all', (state) => {
    const client = startSet(a, [
      [1, STATE_STANDBY],
      [2, state],
    ]);
    harness.settle();
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/26/0', 0x0b0008]);
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
  });

  it.each([0, 3, 0xffff])('has no group %d', (group) => {
    const client = startSet(a, [[group, STATE_STANDBY]]);
    harness.settle();
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/26/0', 6]);
  });

  it('does not take a group twice', () => {
    expect(set(a, [2, STATE_STANDBY], [2, STATE_STANDBY])).toBe('5/26/0');
  });

  it('reserved bits of the list do not count', () => {
    expect(set(a, [2, 0xf0 | STATE_STANDBY])).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
  });

  it('conflicts with a reservation of another nexus; REPORT TARGET PORT GROUPS never does', () => {
    reserveOut(harness, b, 6, { saKey: 1 });
    expect(reserveOut(harness, b, 1, { key: 1, type: 3 }).outcome).toBe(GOOD);
    expect(set(a, [2, STATE_STANDBY])).toBe('status 18');
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
    expect(set(b, [2, STATE_ACTIVE_NON_OPTIMIZED])).toBe(GOOD);
  });

  it('is refused to who may only read, as a write is', () => {
    const reader = new Nexus('iqn.2000-01.test:c,i,0x000000000003', first, true);
    harness.device.openNexus(reader);
    harness.clearAttention(reader);
    expect(set(reader, [2, STATE_STANDBY])).toBe('7/27/0');
    expect(groups(reader)).toEqual(['1 0 0', '2 0 0']);
    expect([takeAttentions(harness, a), takeAttentions(harness, b)]).toEqual([[], []]);
  });

  it('is not there when the configuration alone decides', () => {
    connect(new TargetPorts(false));
    expect(set(a, [2, STATE_STANDBY])).toBe('5/24/0');
    const { data } = harness.run([0x12, 0, 0, 0, 96, 0], { nexus: a, dataIn: 96 });
    expect(data[5]! & 0x30).toBe(0x10);
    expect(harness.run([0xa3, 0x0c, 2, 0xa4, 0, 0x0a, 0, 0, 0, 64, 0, 0], { nexus: a, dataIn: 64 }).data[1]).toBe(1);
  });
});

describe('a change that has to be saved', () => {
  let store: HeldStore;

  beforeEach(() => {
    store = new HeldStore();
    connect(new TargetPorts(true, store));
  });

  it('is transitioning until it is saved, then good', () => {
    const client = startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    expect([client.outcome, store.isSaving]).toEqual(['running', true]);
    expect(groups(a)).toEqual(['1 0 0', '2 f 0']);
    expect(harness.run([0x00], { nexus: b }).outcome).toBe('2/4/a');
    expect(harness.run([0x00], { nexus: a }).outcome).toBe(GOOD);
    store.answer(true);
    expect(client.outcome).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
    expect(takeAttentions(harness, b)).toEqual([CHANGED]);
    expect(harness.isQuiet).toBe(true);
  });

  it('that cannot be saved leaves all as it was and says so', () => {
    const client = startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    store.answer(false);
    expect(client.outcome).toBe('4/67/a');
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
    expect(takeAttentions(harness, b)).toEqual([]);
    expect(store.saved).toBeNull();
  });

  it('holds off another one', () => {
    const client = startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    expect(set(a, [1, STATE_STANDBY])).toBe('2/4/a');
    store.answer(true);
    expect(client.outcome).toBe(GOOD);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
  });

  it('happens even when its command is aborted meanwhile', () => {
    const client = startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    harness.device.abort(client.command);
    expect(client.outcome).toBe('running');
    store.answer(true);
    expect(client.outcome).toBe('aborted');
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
  });

  it('is there again after a restart, unless the operator has changed his mind', () => {
    startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    store.answer(true);
    connect(new TargetPorts(true, store, store.saved));
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
    const other = new TargetPorts(true, store, store.saved);
    const wanted = { state: STATE_ACTIVE_NON_OPTIMIZED, isPreferred: false } as const;
    expect(other.add(`${NAME}2`, 2, wanted).access.state).toBe(STATE_ACTIVE_NON_OPTIMIZED);
  });

  it('is forgotten for good when another configuration was there in between', () => {
    startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    store.answer(true);
    const start = (state: AccessState, outcomes: boolean[]): TargetPort => {
      const made = new TargetPorts(true, store, store.saved);
      made.add(`${NAME}1`, 1);
      const port = made.add(`${NAME}2`, 2, { state, isPreferred: false });
      made.forgetOtherConfiguration((isKept) => outcomes.push(isKept));
      return port;
    };
    const outcomes: boolean[] = [];
    start(STATE_ACTIVE_OPTIMIZED, outcomes);
    expect([outcomes, store.isSaving]).toEqual([[true], false]);
    start(STATE_UNAVAILABLE, outcomes);
    expect(outcomes).toEqual([true]);
    store.answer(false);
    expect(outcomes).toEqual([true, false]);
    start(STATE_UNAVAILABLE, outcomes);
    store.answer(true);
    expect(outcomes).toEqual([true, false, true]);
    const port = start(STATE_ACTIVE_OPTIMIZED, outcomes);
    expect(port.access.state).toBe(STATE_ACTIVE_OPTIMIZED);
    store.answer(true);
  });

  it('of a port that is gone is forgotten for good', () => {
    startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    store.answer(true);
    const without = new TargetPorts(true, store, store.saved);
    without.add(`${NAME}1`, 1);
    without.forgetOtherConfiguration(() => undefined);
    store.answer(true);
    expect([...(store.saved?.keys() ?? [])]).toEqual([`${NAME}1`]);
  });

  it('by the configuration tells every nexus, and is implicit', () => {
    ports.configure(new Map([[`${NAME}2`, { state: STATE_STANDBY, isPreferred: true }]]));
    expect(groups(a)).toEqual(['1 0 0', '2! f 0']);
    store.answer(true);
    expect([takeAttentions(harness, a), takeAttentions(harness, b)]).toEqual([[CHANGED], [CHANGED]]);
    expect(groups(a)).toEqual(['1 0 0', '2! 2 2']);
  });

  it('by the configuration waits for its turn', () => {
    startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    ports.configure(new Map([[`${NAME}1`, { state: STATE_ACTIVE_NON_OPTIMIZED, isPreferred: false }]]));
    store.answer(true);
    store.answer(true);
    takeAttentions(harness, a);
    expect(groups(a)).toEqual(['1 1 2', '2 2 1']);
  });

  it('by a configuration that says what it said before is none', () => {
    startSet(a, [[2, STATE_STANDBY]]);
    harness.tick();
    store.answer(true);
    ports.configure(new Map([[`${NAME}2`, { state: STATE_ACTIVE_OPTIMIZED, isPreferred: false }]]));
    expect(store.isSaving).toBe(false);
    expect(groups(a)).toEqual(['1 0 0', '2 2 1']);
  });

  it('by the configuration that cannot be saved is told as failed, and is tried again', () => {
    const wanted = new Map([[`${NAME}2`, { state: STATE_STANDBY, isPreferred: false } as const]]);
    ports.configure(wanted);
    store.answer(false);
    expect([takeAttentions(harness, a), takeAttentions(harness, b)]).toEqual([['2a/7'], ['2a/7']]);
    expect(groups(a)).toEqual(['1 0 0', '2 0 0']);
    ports.configure(wanted);
    store.answer(true);
    takeAttentions(harness, a);
    expect(groups(a)).toEqual(['1 0 0', '2 2 2']);
  });
});

/** SPC-4 5.16.2.4.4, 5.16.2.4.5, 5.16.2.5, and what else we let through in standby. */
const ALWAYS = ['INQUIRY', 'REPORT LUNS', 'REPORT TARGET PORT GROUPS', 'REQUEST SENSE', 'READ BUFFER', 'WRITE BUFFER'];
const UNLESS_TRANSITIONING = [...ALWAYS, 'SET TARGET PORT GROUPS'];
const IN_STANDBY = [
  ...UNLESS_TRANSITIONING,
  ...['LOG SE', 'MODE SE', 'RECEIVE DIAGNOSTIC RESULTS', 'SEND DIAGNOSTIC', 'PERSISTENT RESERVE'],
  ...['READ CAPACITY', 'REPORT SUPPORTED', 'REPORT TIMESTAMP', 'SET TIMESTAMP'],
];

describe('a target port that is not active', () => {
  it.each([
    ['standby', STATE_STANDBY, IN_STANDBY, '2/4/b'],
    ['unavailable', STATE_UNAVAILABLE, UNLESS_TRANSITIONING, '2/4/c'],
    ['transitioning', STATE_TRANSITIONING, ALWAYS, '2/4/a'],
  ] as const)('%s lets through what the standard lists and nothing else', (_name, state, allowed, sense) => {
    into(first, state);
    const { entries } = harness.context.table;
    expect(entries.length).toBeGreaterThan(60);
    for (const entry of entries) {
      const cdb = Array.from({ length: Math.max(16, entry.cdbBytes) }, () => 0);
      cdb[0] = entry.operationCode;
      if (entry.operationCode === 0x7f) cdb.splice(7, 3, entry.cdbBytes - 8, 0, entry.serviceAction);
      else if (entry.serviceAction !== NO_SERVICE_ACTION) cdb[1] = entry.serviceAction;
      const { outcome } = harness.run(cdb, { nexus: a, cdbBytes: entry.cdbBytes });
      const isAllowed = allowed.some((name) => entry.name.startsWith(name));
      expect(`${entry.name}: ${outcome === sense}`).toBe(`${entry.name}: ${!isAllowed}`);
    }
  });

  it('does not close the other one, nor does active/non-optimized close its own', () => {
    into(first, STATE_UNAVAILABLE);
    into(second, STATE_ACTIVE_NON_OPTIMIZED);
    const dataOut = pattern(1);
    expect(harness.run(cdb10(0x2a, 3, 1), { nexus: b, dataOut }).outcome).toBe(GOOD);
    expect(harness.run(cdb10(0x28, 3, 1), { nexus: b, dataIn: 512 }).data.equals(dataOut)).toBe(true);
    expect(harness.run(cdb10(0x2a, 3, 1), { nexus: a, dataOut: pattern(1, 9) }).outcome).toBe('2/4/c');
    expect(harness.run(cdb10(0x28, 3, 1), { nexus: b, dataIn: 512 }).data.equals(dataOut)).toBe(true);
  });

  it('a unit attention comes first', () => {
    into(first, STATE_STANDBY);
    harness.unit.establishAttention(0x062a01, null);
    expect(harness.run([0x00], { nexus: a }).outcome).toBe('6/2a/1');
    expect(harness.run([0x00], { nexus: a }).outcome).toBe('2/4/b');
  });

  it('REQUEST SENSE tells the state', () => {
    for (const [state, ascq] of [
      [STATE_STANDBY, 0x0b],
      [STATE_UNAVAILABLE, 0x0c],
      [STATE_TRANSITIONING, 0x0a],
    ] as const) {
      into(first, state);
      const { data } = harness.run([0x03, 0, 0, 0, 18, 0], { nexus: a, dataIn: 18 });
      expect([data[2], data[12], data[13]]).toEqual([2, 4, ascq]);
    }
  });

  it('unavailable shows in the peripheral qualifier', () => {
    const qualifier = () => harness.run([0x12, 0, 0, 0, 96, 0], { nexus: a, dataIn: 96 }).data[0];
    expect(qualifier()).toBe(0);
    into(first, STATE_UNAVAILABLE);
    expect(qualifier()).toBe(0x20);
    into(first, STATE_STANDBY);
    expect(qualifier()).toBe(0);
  });

  it('a command that has begun goes on', () => {
    const begun = harness.start(cdb10(0x28, 0, 1), { nexus: a, dataIn: 512 });
    into(first, STATE_UNAVAILABLE);
    harness.settle();
    expect(begun.outcome).toBe(GOOD);
  });
});

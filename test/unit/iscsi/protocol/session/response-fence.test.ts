/**
 * The Response Fence (RFC 7143 4.2.2.3): over several connections a fenced response leaves after all before it have arrived, and
 * nothing overtakes it. Connection 1 is the slow one, where what was sent long ago is still on its way.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  NO_TAG,
  OP_NOP_OUT,
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_RESPONSE_COMPLETE,
  TMF_RESPONSE_REJECTED,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
} from '../../../../../src/iscsi/codec/constants.ts';
import { writeNopOut } from '../../../../../src/iscsi/codec/encode-initiator.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorConnection } from '../../../../initiator/initiator-connection.ts';
import type { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { OutgoingPdu } from '../../../../initiator/outgoing-pdu.ts';
import { LIMITS, SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';
import type { SimulatedWire } from '../../../../sim/simulated-wire.ts';

const GOOD = 0;
const CHECK_CONDITION = 2;
const TASK_ABORTED = 0x40;
/** Longer than everything else takes together. */
const SLOW_MS = 1000;
/** More than a silent connection may take. */
const PATIENCE_MS = 10_001;
const PERSISTENT_RESERVE_OUT = 0x5f;
const REGISTER = 0x00;
const RESERVE = 0x01;
const PREEMPT_AND_ABORT = 0x05;
const KEY = 7;
const CLOSE_CONNECTION = 1;

let target: SimulatedTarget;
let session: InitiatorSession;
let first: InitiatorConnection;
let second: InitiatorConnection;
let secondWire: SimulatedWire;
let delayMs = 0;
/** What has come, in its order. */
let arrived: string[];

beforeEach(() => {
  delayMs = 0;
  arrived = [];
  target = new SimulatedTarget({ offers: { MaxConnections: 3 } });
  session = target.logIn({ maxConnections: 3 });
  [second, secondWire] = target.connect(session, { delayMs: () => delayMs }, { cid: 1 });
  second.logIn();
  target.time.settle();
  [first] = session.connections as [InitiatorConnection];
  session.pingCount = 0;
});

function read(name: string, connection: InitiatorConnection) {
  const task = session.execute(read10(0, 1), { connection, dataIn: 512 });
  task.onDone = () => arrived.push(task.status === -1 ? `${name} ends` : name);
  return task;
}

function manage(fn: number, connection = first) {
  const request = session.manage(fn, { connection });
  request.onAnswer = () => arrived.push('response');
  return request;
}

/** The second connection says nothing more of its own accord. */
function silence(): void {
  second.tamper = (pdu) => ((pdu.view.getUint8(0) & 0x3f) === OP_NOP_OUT ? [] : [pdu]);
}

/** A unit attention for the session. */
function disturb(): void {
  const other = target.logIn({ isidLow: 99 });
  other.manage(TMF_LOGICAL_UNIT_RESET);
  target.time.settle();
}

function reserveOut(serviceAction: number, type: number, key: number, actionKey: number): void {
  const cdb = Buffer.alloc(16);
  cdb.set([PERSISTENT_RESERVE_OUT, serviceAction, type]);
  cdb[8] = 24;
  const dataOut = Buffer.alloc(24);
  dataOut.writeBigUInt64BE(BigInt(key), 0);
  dataOut.writeBigUInt64BE(BigInt(actionKey), 8);
  const task = session.execute(cdb, { connection: first, dataOut });
  task.onDone = () => arrived.push('response');
  target.time.settle();
  expect(task.status).toBe(GOOD);
}

describe('a fenced response', () => {
  it.each([
    ['ABORT TASK SET', TMF_ABORT_TASK_SET],
    ['CLEAR TASK SET', TMF_CLEAR_TASK_SET],
    ['LOGICAL UNIT RESET', TMF_LOGICAL_UNIT_RESET],
    ['TARGET WARM RESET', TMF_TARGET_WARM_RESET],
    ['TARGET COLD RESET', TMF_TARGET_COLD_RESET],
  ])('of %s comes after what had left by another connection', (_name, fn) => {
    read('read', second);
    target.time.advance(0);
    delayMs = SLOW_MS;
    target.time.settle();
    manage(fn);
    target.time.settle();
    expect(arrived).toEqual(['read', 'response']);
  });

  it('does not wait over one connection, and asks nothing', () => {
    secondWire.cut();
    target.time.settle();
    session.pingCount = 0;
    manage(TMF_LOGICAL_UNIT_RESET);
    target.time.settle();
    expect(arrived).toEqual(['response']);
    expect(session.pingCount).toBe(0);
  });

  it('of a unit attention comes before all that follows', () => {
    disturb();
    delayMs = SLOW_MS;
    const attention = read('attention', second);
    target.time.advance(SLOW_MS);
    read('read', first);
    target.time.settle();
    expect(attention.status).toBe(CHECK_CONDITION);
    expect(arrived).toEqual(['attention', 'read']);
  });

  it('of PREEMPT AND ABORT comes after what had left by another connection', () => {
    reserveOut(REGISTER, 0, 0, KEY);
    reserveOut(RESERVE, 1, KEY, 0);
    expect(session.pingCount).toBe(0);
    arrived = [];
    const task = read('read', second);
    target.time.advance(0);
    delayMs = SLOW_MS;
    reserveOut(PREEMPT_AND_ABORT, 1, KEY, KEY);
    expect(task.status).toBe(GOOD);
    expect(arrived).toEqual(['read', 'response']);
    expect(session.pingCount).toBe(3);
  });

  it('leaves before another one that waits behind it', () => {
    delayMs = SLOW_MS;
    const reset = manage(TMF_LOGICAL_UNIT_RESET);
    const clear = manage(TMF_CLEAR_TASK_SET);
    target.time.settle();
    expect([reset.response, clear.response]).toEqual([TMF_RESPONSE_COMPLETE, TMF_RESPONSE_COMPLETE]);
    expect(session.pingCount).toBe(6);
  });
});

describe('while a fence is up', () => {
  beforeEach(() => {
    silence();
    manage(TMF_LOGICAL_UNIT_RESET);
    target.time.settle();
  });

  it('nothing is answered, by no connection', () => {
    read('read', first);
    session.execute(TEST_UNIT_READY, { connection: second });
    target.time.settle();
    expect(arrived).toEqual([]);
    expect(session.tasks.size).toBe(2);
  });

  it('a connection that says nothing is taken for dead, and the others go on', () => {
    read('read', first);
    read('lost', second);
    target.time.settle();
    target.time.advance(PATIENCE_MS);
    target.time.settle();
    expect(secondWire.closeCause).toBe('keepalive-timeout');
    expect(arrived).toEqual(['lost ends', 'response', 'read']);
  });

  it('a connection that is lost is waited for no longer', () => {
    secondWire.cut();
    target.time.settle();
    expect(arrived).toEqual(['response']);
    expect(target.time.timerCount).toBe(0);
  });

  it('answers to what was not asked are none', () => {
    const bogus = new OutgoingPdu();
    writeNopOut(bogus.view, 0, true, 0, 0, NO_TAG, 0x12345678, session.cmdSN, 0, 0);
    second.tamper = null;
    second.send(bogus);
    target.time.settle();
    target.time.advance(PATIENCE_MS);
    target.time.settle();
    expect(secondWire.closeCause).toBe('keepalive-timeout');
    expect(arrived).toEqual(['response']);
  });

  it('pings of the initiator are answered', () => {
    const ping = session.ping(Buffer.alloc(0), { connection: first });
    target.time.settle();
    expect(ping.isAnswered).toBe(true);
  });

  it('a command that waits with its data can be aborted', () => {
    const task = session.execute(read10(0, 1), { connection: first, dataIn: 512 });
    target.time.settle();
    const abort = session.manage(TMF_ABORT_TASK, { task, connection: first });
    secondWire.cut();
    target.time.settle();
    expect(abort.response).toBe(TMF_RESPONSE_COMPLETE);
    expect(task.status).toBe(-1);
    expect(target.heldSlots).toBe(0);
  });

  it('a logout of the session ends it, and leaves nothing', () => {
    session.execute(read10(0, 1), { connection: first, dataIn: 512 });
    session.execute(write10(0, 1), { connection: second, dataOut: Buffer.alloc(512) });
    target.time.settle();
    const logout = session.logOut(0);
    target.time.settle();
    expect(logout.response).toBe(0);
    expect(target.leftover).toBeNull();
  });

  it('the end of its own connection ends it, and the other goes on', () => {
    const task = session.execute(read10(0, 1), { connection: second, dataIn: 512 });
    target.time.settle();
    expect(task.isDone).toBe(false);
    second.tamper = null;
    target.wires[0]?.cut();
    target.time.settle();
    expect(task.status).toBe(CHECK_CONDITION); // the reset's unit attention, with a fence of its own
  });

  it('more task management functions than are kept are refused at once', () => {
    const requests = Array.from({ length: 20 }, () => manage(TMF_ABORT_TASK_SET));
    target.time.settle();
    const answers = requests.map(({ response }) => response);
    expect(answers.filter((response) => response === TMF_RESPONSE_REJECTED)).toHaveLength(5);
    secondWire.cut();
    target.time.settle();
    expect(requests.every(({ isAnswered }) => isAnswered)).toBe(true);
  });
});

describe('while another fence is up', () => {
  beforeEach(() => {
    silence();
    manage(TMF_CLEAR_TASK_SET);
    target.time.settle();
  });

  it('data is asked for and stored, though nothing is said of it', () => {
    const dataOut = Buffer.alloc(1024 * 512, 7);
    const task = session.execute(write10(0, 1024), { connection: first, dataOut });
    target.time.settle();
    expect(task.isDone).toBe(false);
    expect(target.backend.bytes.subarray(0, dataOut.length).equals(dataOut)).toBe(true);
    expect(target.heldSlots).toBe(0);
    secondWire.cut();
    target.time.settle();
    expect(task.status).toBe(GOOD);
  });

  it('a connection that takes the place of the silent one ends it', () => {
    const [third] = target.connect(session, {}, { cid: 1 });
    third.logIn();
    target.time.settle();
    const task = read('read', third);
    target.time.settle();
    expect(secondWire.closeCause).toBe('reinstated');
    expect(task.status).toBe(GOOD);
    expect(arrived).toEqual(['response', 'read']);
  });

  it('a connection that joins says nothing before it is over', () => {
    const [third] = target.connect(session, {}, { cid: 2 });
    third.logIn();
    target.time.settle();
    const task = read('read', third);
    target.time.settle();
    expect([third.isOpen, task.isDone]).toEqual([true, false]);
    secondWire.cut();
    target.time.settle();
    expect(arrived).toEqual(['response', 'read']);
  });

  it('a logout of the silent connection, by another, ends it', () => {
    read('lost', second);
    target.time.settle();
    const logout = session.logOut(CLOSE_CONNECTION, 1, { connection: first });
    target.time.settle();
    expect(logout.response).toBe(0);
    expect(arrived).toEqual(['lost ends', 'response']);
    expect(target.time.timerCount).toBe(0);
  });

  it('a connection that floods commands and gives no answer is closed, and keeps no more than its window', () => {
    const flood = (): void => {
      if (!second.isOpen) return;
      session.execute(read10(0, 1), { connection: second, dataIn: 512 });
      session.manage(TMF_ABORT_TASK_SET, { connection: second });
      target.time.schedule(100, flood);
    };
    flood();
    target.time.advance(29_000);
    expect(second.isOpen).toBe(true);
    expect(target.device.taskCount).toBe(0);
    expect(target.heldSlots).toBeLessThanOrEqual(LIMITS.commandWindow);
    target.time.advance(2000);
    expect(secondWire.closeCause).toBe('keepalive-timeout');
    expect(arrived).toEqual(['response']);
  });
});

describe('a connection with much to say', () => {
  const BATCH_MS = 5000;

  it('is waited for while what it says arrives', () => {
    secondWire.isStalled = true;
    for (let lba = 0; lba < 3; lba++) {
      read('read', second);
      target.time.settle();
    }
    delayMs = BATCH_MS;
    manage(TMF_LOGICAL_UNIT_RESET);
    secondWire.resume();
    target.time.settle();
    expect(secondWire.closeCause).toBeNull();
    expect(arrived).toEqual(['read', 'read', 'read', 'response']);
  });

  it('is waited for while nothing that it is sent is read', () => {
    secondWire.isStalled = true;
    const pings = Array.from({ length: 12 }, () => session.ping(Buffer.alloc(60_000), { connection: second }));
    target.time.settle();
    expect(secondWire.isPaused).toBe(true);
    delayMs = BATCH_MS;
    manage(TMF_LOGICAL_UNIT_RESET);
    secondWire.resume();
    target.time.settle();
    expect(secondWire.closeCause).toBeNull();
    expect(pings.every(({ isAnswered }) => isAnswered)).toBe(true);
    expect(arrived).toEqual(['response']);
  });
});

it('a command that another nexus has aborted asks for no more data while a fence holds its status', () => {
  const other = target.logIn({ isidLow: 99 });
  session = target.logIn({ isidLow: 98, maxConnections: 2, maxOutstandingR2T: 1 });
  [second, secondWire] = target.connect(session, {}, { cid: 1 });
  second.logIn();
  target.time.settle();
  [first] = session.connections as [InitiatorConnection];
  const write = session.execute(write10(0, 1024), {
    connection: first,
    dataOut: Buffer.alloc(1024 * 512),
    holdsR2ts: true,
  });
  target.time.settle();
  // Control mode page with TAS, which is a unit attention for the session.
  const list = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 0, 0x10, 0, 0x40, 0, 0, 0, 0, 0, 0]);
  const cdb = Buffer.alloc(16);
  cdb.set([0x15, 0x10, 0, 0, list.length]);
  other.execute(cdb, { dataOut: list });
  silence();
  session.execute(TEST_UNIT_READY, { connection: first });
  target.time.settle();
  other.manage(TMF_CLEAR_TASK_SET);
  target.time.settle();
  write.answerR2t();
  target.time.settle();
  expect(write.r2ts).toHaveLength(0);
  expect(write.isDone).toBe(false);
  expect(target.heldSlots).toBe(0);
  secondWire.cut();
  target.time.settle();
  expect(write.status).toBe(TASK_ABORTED);
});

it('a fence that follows one whose connection is lost does not wait for that connection', () => {
  disturb();
  silence();
  read('attention', second);
  target.time.settle();
  manage(TMF_LOGICAL_UNIT_RESET);
  target.time.settle();
  secondWire.cut();
  target.time.settle();
  expect(arrived).toEqual(['attention ends', 'response']);
  expect(target.time.timerCount).toBe(0);
});

describe('TARGET COLD RESET', () => {
  it('closes the sessions of others when its connection is lost while a fence holds its response', () => {
    const other = target.logIn({ isidLow: 99 });
    silence();
    manage(TMF_TARGET_COLD_RESET);
    target.time.settle();
    target.wires[0]?.cut();
    target.time.settle();
    expect(other.isOpen).toBe(false);
    expect(session.isOpen).toBe(false);
  });

  it('closes the sessions of others when its connection is lost while tasks end', () => {
    const other = target.logIn({ isidLow: 99 });
    target.backend.isHolding = true;
    read('read', first);
    target.time.settle();
    manage(TMF_TARGET_COLD_RESET);
    target.time.settle();
    target.wires[0]?.cut();
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(other.isOpen).toBe(false);
    expect(session.isOpen).toBe(false);
  });
});

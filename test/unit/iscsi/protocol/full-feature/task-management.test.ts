/** Task management functions as an initiator sees their effect (RFC 7143 4.2.3.3, 11.5, 11.6; SAM-5 7). */
import { describe, expect, it } from 'vitest';
import {
  NO_TAG,
  OP_DATA_OUT,
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_QUERY_TASK,
  TMF_RESPONSE_COMPLETE,
  TMF_RESPONSE_NO_LUN,
  TMF_RESPONSE_NO_TASK,
  TMF_RESPONSE_NOT_SUPPORTED,
  TMF_RESPONSE_REASSIGN_NOT_SUPPORTED,
  TMF_RESPONSE_REJECTED,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
  TMF_TASK_REASSIGN,
} from '../../../../../src/iscsi/codec/constants.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import type { TaskOptions } from '../../../../initiator/initiator-task.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const COMMANDS_CLEARED = 0x062f00;
const RESET_OCCURRED = 0x062903;
const SETS = [TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET, TMF_LOGICAL_UNIT_RESET];
/** The fault of a command that wants to write where no block is. */
const BEYOND_THE_END = 0x7fffffff;

function start() {
  const target = new SimulatedTarget();
  const session = target.logIn();
  const settle = () => target.time.settle();
  const other = target.logIn({ isidLow: 2 });
  const expectHealthy = () => {
    target.backend.release();
    settle();
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect([0, 2]).toContain(task.status);
    for (const each of [session, other]) each.logOut();
    settle();
    expect(target.leftover).toBeNull();
  };
  return { target, session, other, settle, expectHealthy };
}

function read(session: InitiatorSession, options: Partial<TaskOptions> = {}) {
  return session.execute(read10(0, 8), { dataIn: 4096, ...options });
}

/** Padded as in the BHS. */
function cdb6(...bytes: number[]): Buffer {
  return Buffer.concat([Buffer.from(bytes), Buffer.alloc(10)]);
}

/** A WRITE whose data does not come by itself. */
function waitingWrite(session: InitiatorSession) {
  const options = { immediateBytes: 0, unsolicitedBytes: 0, holdsR2ts: true };
  return session.execute(write10(0, 8), { dataOut: pattern(4096), ...options });
}

/** A WRITE without the unsolicited data that it promises. */
function brokenWrite(session: InitiatorSession, lba: number) {
  session.connection.tamper = (pdu) => (pdu.opcode === OP_DATA_OUT ? [] : [pdu]);
  const task = session.execute(write10(lba, 8), { dataOut: pattern(4096), immediateBytes: 512 });
  session.connection.tamper = null;
  return task;
}

describe('ABORT TASK', () => {
  it.each([true, false])('of a command in the store is answered when the store is (immediate: %s)', (isImmediate) => {
    const { target, session, settle, expectHealthy } = start();
    target.backend.isHolding = true;
    const task = read(session);
    const request = session.manage(TMF_ABORT_TASK, { task, isImmediate });
    settle();
    expect([request.isAnswered, task.isDone]).toEqual([false, false]);
    target.backend.release();
    settle();
    expect([request.response, task.isDone, task.status]).toEqual([TMF_RESPONSE_COMPLETE, true, -1]);
    expectHealthy();
  });

  it('of a command that waits for data is answered at once, and its late Data-Out is forgotten', () => {
    const { session, settle, target, expectHealthy } = start();
    const task = waitingWrite(session);
    settle();
    const request = session.manage(TMF_ABORT_TASK, { task });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    task.answerR2t();
    settle();
    expect(session.rejects).toEqual([]);
    expect(target.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expectHealthy();
  });

  it('of a command that waits for unsolicited data', () => {
    const { session, settle, expectHealthy } = start();
    const task = brokenWrite(session, 0);
    settle();
    const request = session.manage(TMF_ABORT_TASK, { task });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expectHealthy();
  });

  it('of a command held for an earlier number: its own number counts as used', () => {
    const { session, settle, target, expectHealthy } = start();
    const { cmdSN } = session;
    const held = session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN: cmdSN + 1 });
    settle();
    const request = session.manage(TMF_ABORT_TASK, { task: held, cmdSN: cmdSN + 2 });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    session.execute(TEST_UNIT_READY);
    session.ping(Buffer.alloc(0), { isImmediate: true });
    settle();
    expect(session.expCmdSN).toBe(cmdSN + 2);
    expect(target.backend.bytes.every((byte) => byte === 0)).toBe(true);
    session.cmdSN = cmdSN + 2;
    expectHealthy();
  });

  it('of a command that never came, but whose number is missing, uses the number up', () => {
    const { session, settle, expectHealthy } = start();
    const { cmdSN } = session;
    const after = session.execute(TEST_UNIT_READY, { cmdSN: cmdSN + 1 });
    const options = { referencedTaskTag: 0x7777, refCmdSN: cmdSN, cmdSN: cmdSN + 2 };
    const request = session.manage(TMF_ABORT_TASK, options);
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expect(after.status).toBe(0);
    const late = session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN });
    settle();
    expect(late.isDone).toBe(false); // its number is used: ignored
    session.cmdSN = cmdSN + 2;
    expectHealthy();
  });

  it.each([
    ['is used already', -2],
    ['is not older than the request', 0],
    ['is above the window', 1000],
  ])('of a command that never came and whose number %s finds no task', (_name, distance) => {
    const { session, settle, expectHealthy } = start();
    const refCmdSN = session.cmdSN + distance;
    const request = session.manage(TMF_ABORT_TASK, { referencedTaskTag: 0x7777, refCmdSN });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_NO_TASK);
    expectHealthy();
  });
});

describe.each([
  ['ABORT TASK SET', TMF_ABORT_TASK_SET, null],
  ['CLEAR TASK SET', TMF_CLEAR_TASK_SET, COMMANDS_CLEARED],
  ['LOGICAL UNIT RESET', TMF_LOGICAL_UNIT_RESET, RESET_OCCURRED],
  ['TARGET WARM RESET', TMF_TARGET_WARM_RESET, RESET_OCCURRED],
])('%s', (_name, fn, attention) => {
  it('ends commands wherever they stand, and is answered when the last has ended', () => {
    const { target, session, settle, expectHealthy } = start();
    target.backend.isHolding = true;
    const tasks = [read(session), waitingWrite(session), read(session, { attribute: 2 }), waitingWrite(session)];
    tasks.push(session.execute(TEST_UNIT_READY)); // dormant behind the ORDERED one
    settle();
    const request = session.manage(fn);
    settle();
    expect(request.isAnswered).toBe(false);
    target.backend.release();
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expect(tasks.map(({ isDone, status }) => [isDone, status])).toEqual(tasks.map(() => [true, -1]));
    expectHealthy();
  });

  it(`${attention === null ? 'leaves' : 'ends'} the commands of other sessions`, () => {
    const { target, session, other, settle, expectHealthy } = start();
    target.backend.isHolding = true;
    const foreign = read(other);
    settle();
    session.manage(fn);
    settle();
    target.backend.release();
    settle();
    expect(foreign.isDone).toBe(attention === null);
    const next = other.execute(TEST_UNIT_READY);
    settle();
    expect(next.senseCode).toBe(attention ?? -1);
    expectHealthy();
  });

  it('ends a command whose failure waits for the rest of its data', () => {
    const { session, settle, expectHealthy } = start();
    const task = brokenWrite(session, BEYOND_THE_END);
    settle();
    expect(task.isDone).toBe(false);
    const request = session.manage(fn);
    settle();
    expect([request.response, task.status]).toEqual([TMF_RESPONSE_COMPLETE, -1]);
    expectHealthy();
  });
});

describe('functions for a whole task set', () => {
  it.each(SETS)('%i that comes before an older command waits for it, and ends it with those held behind it', (fn) => {
    const { session, settle, target, expectHealthy } = start();
    target.backend.isHolding = true;
    const { cmdSN } = session;
    const held = session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN: cmdSN + 1 });
    const request = session.manage(fn, { cmdSN: cmdSN + 2 });
    const younger = session.execute(TEST_UNIT_READY, { cmdSN: cmdSN + 2 });
    settle();
    expect(request.isAnswered).toBe(false);
    const missing = session.execute(write10(8, 1), { dataOut: pattern(512), cmdSN });
    settle();
    target.backend.release();
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expect([held, missing].map(({ isDone, status }) => [isDone, status])).toEqual([
      [true, -1],
      [true, -1],
    ]);
    expect(younger.status).not.toBe(-1);
    session.cmdSN = cmdSN + 3;
    expectHealthy();
  });

  it('TARGET WARM RESET that comes before an older command does without it', () => {
    const { session, settle, target, expectHealthy } = start();
    const { cmdSN } = session;
    const held = session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN: cmdSN + 1 });
    const request = session.manage(TMF_TARGET_WARM_RESET, { cmdSN: cmdSN + 2 });
    settle();
    expect([request.response, held.isDone, held.status]).toEqual([TMF_RESPONSE_COMPLETE, true, -1]);
    const late = session.execute(write10(8, 1), { dataOut: pattern(512), cmdSN });
    settle();
    expect(late.isDone).toBe(false); // its number is used
    expect(target.backend.bytes.subarray(8 * 512, 9 * 512).every((byte) => byte === 0)).toBe(true);
    session.cmdSN = cmdSN + 2;
    expectHealthy();
  });

  it.each(SETS)('%i with a number beyond the window is rejected', (fn) => {
    const { session, settle } = start();
    const request = session.manage(fn, { cmdSN: session.maxCmdSN + 2 });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_REJECTED);
  });

  it.each(SETS)('%i names a unit that there is', (fn) => {
    const { session, settle } = start();
    const request = session.manage(fn, { lunHigh: 0x00050000 });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_NO_LUN);
  });

  it('TARGET COLD RESET closes every session of the target', () => {
    const { session, other, settle, target } = start();
    const request = session.manage(TMF_TARGET_COLD_RESET);
    settle();
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expect([session.isOpen, other.isOpen]).toEqual([false, false]);
    expect(target.leftover).toBeNull();
  });

  it('outlive the connection that asked without leaving anything', () => {
    const { session, settle, target, other } = start();
    target.backend.isHolding = true;
    read(session);
    session.manage(TMF_LOGICAL_UNIT_RESET);
    settle();
    target.wires[0]!.cut();
    settle();
    target.backend.release();
    settle();
    other.logOut();
    settle();
    expect(target.leftover).toBeNull();
  });
});

describe('what is not offered', () => {
  it.each([
    [TMF_TASK_REASSIGN, TMF_RESPONSE_REASSIGN_NOT_SUPPORTED],
    [TMF_QUERY_TASK, TMF_RESPONSE_NOT_SUPPORTED],
    [0, TMF_RESPONSE_NOT_SUPPORTED],
    [0x7f, TMF_RESPONSE_NOT_SUPPORTED],
  ])('function %i is answered with %i', (fn, response) => {
    const { session, settle } = start();
    const request = session.manage(fn, { referencedTaskTag: NO_TAG });
    settle();
    expect(request.response).toBe(response);
  });

  it('more than 16 functions that wait are answered with "function rejected"', () => {
    const { session, settle, target, expectHealthy } = start();
    target.backend.isHolding = true;
    const task = read(session);
    const requests = Array.from({ length: 17 }, () => session.manage(TMF_ABORT_TASK, { task }));
    settle();
    expect(requests[16]!.response).toBe(TMF_RESPONSE_REJECTED);
    target.backend.release();
    settle();
    expect(requests.slice(0, 16).every(({ response }) => response === TMF_RESPONSE_COMPLETE)).toBe(true);
    expectHealthy();
  });
});

describe('CLEAR ACA', () => {
  const ACA = 4; // 11.3.1
  const SIMPLE = 1;
  const NACA = 0x04;
  const BUSY = 0x08;
  const ACA_ACTIVE = 0x30;

  it('lets commands through again, which ACA ACTIVE has ended but for one with the ACA attribute', () => {
    const { session, other, settle, expectHealthy } = start();
    const run = (by: InitiatorSession, attribute: number, cdb: Buffer = TEST_UNIT_READY) => {
      const task = by.execute(cdb, { attribute });
      settle();
      return task.status;
    };
    for (const each of [session, other]) run(each, SIMPLE); // unit attention
    expect(run(session, SIMPLE, cdb6(0, 1, 0, 0, 0, NACA))).toBe(0x02);
    expect([run(session, SIMPLE), run(session, ACA), run(other, SIMPLE), run(other, ACA)]).toEqual([
      ACA_ACTIVE,
      0,
      BUSY,
      ACA_ACTIVE,
    ]);
    const foreign = other.manage(TMF_CLEAR_ACA);
    settle();
    expect([foreign.response, run(session, SIMPLE)]).toEqual([TMF_RESPONSE_COMPLETE, ACA_ACTIVE]);
    const request = session.manage(TMF_CLEAR_ACA);
    settle();
    expect([request.response, run(session, SIMPLE), run(other, SIMPLE)]).toEqual([TMF_RESPONSE_COMPLETE, 0, 0]);
    expectHealthy();
  });

  it('names a unit that there is', () => {
    const { session, settle } = start();
    const request = session.manage(TMF_CLEAR_ACA, { lunHigh: 0x00050000 });
    settle();
    expect(request.response).toBe(TMF_RESPONSE_NO_LUN);
  });

  it('is not needed once the session is gone', () => {
    const { target, session, other, settle } = start();
    for (const each of [session, other]) each.execute(TEST_UNIT_READY);
    settle();
    const blocked = other.execute(TEST_UNIT_READY);
    session.execute(cdb6(0, 1, 0, 0, 0, NACA));
    settle();
    session.logOut();
    settle();
    const next = other.execute(TEST_UNIT_READY);
    settle();
    expect([blocked.isDone, next.status]).toEqual([true, 0]);
    other.logOut();
    settle();
    expect(target.leftover).toBeNull();
  });
});

it('CLEAR TASK SET with the TAS bit ends the commands of other sessions with TASK ABORTED', () => {
  const { target, session, other, settle, expectHealthy } = start();
  for (const each of [session, other]) each.execute(TEST_UNIT_READY);
  settle();
  const list = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 0, 0x10, 0, 0x40, 0, 0, 0, 0, 0, 0]);
  const select = session.execute(cdb6(0x15, 0x10, 0, 0, list.length, 0), { dataOut: list });
  settle();
  other.execute(TEST_UNIT_READY); // MODE PARAMETERS CHANGED
  settle();
  target.backend.isHolding = true;
  const tasks = [read(session), read(other), waitingWrite(other)];
  settle();
  session.manage(TMF_CLEAR_TASK_SET);
  settle();
  target.backend.release();
  settle();
  expect([select.status, ...tasks.slice(0, 2).map(({ status }) => status)]).toEqual([0, -1, 0x40]);
  // The R2T that it has is the initiator's to answer; only then does the target speak of that command (4.2.3.3).
  expect(tasks[2]!.isDone).toBe(false);
  const request = other.manage(TMF_ABORT_TASK_SET);
  settle();
  expect([request.response, tasks[2]!.isDone]).toEqual([TMF_RESPONSE_COMPLETE, true]);
  expectHealthy();
});

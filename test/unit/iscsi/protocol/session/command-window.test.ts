/** CmdSN and the command window as they are on the wire (RFC 7143 4.2.2.1). */
import { describe, expect, it } from 'vitest';
import {
  REJECT_TASK_IN_PROGRESS,
  REJECT_TOO_MANY_IMMEDIATE_COMMANDS,
} from '../../../../../src/iscsi/codec/constants.ts';
import { serialAdd } from '../../../../../src/util/serial32.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

function start(cmdSN = 1, commandWindow = 8) {
  const target = new SimulatedTarget({ limits: { commandWindow } });
  const session = target.logIn({ cmdSN });
  return { target, session, settle: () => target.time.settle() };
}

describe.each([1, 0xfffffff8, 0x7ffffffc])('with CmdSN beginning at %i', (first) => {
  it('commands go on over the wrap of the counter', () => {
    const { session, settle } = start(first);
    for (let i = 0; i < 40; i++) {
      const task = session.execute(read10(i, 1), { dataIn: 512 });
      settle();
      expect(task.status).toBe(0);
    }
    expect(session.cmdSN).toBe(serialAdd(first, 41));
    expect(session.expCmdSN).toBe(session.cmdSN);
  });

  it('a command below the window or above it is ignored without an answer', () => {
    const { session, settle, target } = start(first);
    const { cmdSN, maxCmdSN } = session;
    const ignored = [
      session.execute(TEST_UNIT_READY, { cmdSN: serialAdd(cmdSN, -1) }),
      session.execute(TEST_UNIT_READY, { cmdSN: serialAdd(cmdSN, -100) }),
      session.execute(TEST_UNIT_READY, { cmdSN: serialAdd(maxCmdSN, 1) }),
      session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN: serialAdd(maxCmdSN, 1000) }),
      session.execute(write10(0, 64), { dataOut: pattern(32768), immediateBytes: 512, cmdSN: serialAdd(cmdSN, -1) }),
    ];
    const nop = session.ping(Buffer.alloc(0), { cmdSN: serialAdd(maxCmdSN, 1) });
    settle();
    expect(ignored.map(({ isDone }) => isDone)).toEqual([false, false, false, false, false]);
    expect(nop.isAnswered).toBe(false);
    expect(session.rejects).toEqual([]);
    expect(target.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(target.heldSlots).toBe(0);
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect(task.status).toBe(0);
  });

  it('commands that come early wait for the missing number, then run in order', () => {
    const { session, settle, target } = start(first);
    const { cmdSN } = session;
    const write = (at: number) => {
      const dataOut = pattern(512, at);
      return session.execute(write10(0, 1), { dataOut, cmdSN: serialAdd(cmdSN, at), attribute: 2 });
    };
    const tasks = [7, 3, 1, 5, 2, 6, 4].map(write);
    settle();
    expect(tasks.every(({ isDone }) => !isDone)).toBe(true);
    expect(session.expCmdSN).toBe(cmdSN);
    const gap = write(0);
    settle();
    expect([gap, ...tasks].map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    // The last in order of CmdSN, not of arrival.
    expect(target.backend.bytes.subarray(0, 512).equals(pattern(512, 7))).toBe(true);
    expect(session.expCmdSN).toBe(serialAdd(cmdSN, 8));
  });
});

describe('the window', () => {
  it('closes while the store holds as many commands as it has places, and opens as they end', () => {
    const { session, settle, target } = start(1, 4);
    target.backend.isHolding = true;
    const tasks = Array.from({ length: 12 }, (_, i) => session.execute(read10(i, 1), { dataIn: 512 }));
    settle();
    expect(tasks.filter(({ isSent }) => isSent).length).toBe(4);
    // Nothing of the target's was under way that could have said so: an immediate NOP does.
    session.ping(Buffer.alloc(0), { isImmediate: true });
    settle();
    expect(session.maxCmdSN).toBe(serialAdd(session.expCmdSN, -1));
    for (let ended = 1; ended <= 12; ended++) {
      target.backend.releaseOne();
      settle();
      expect(tasks.filter(({ isDone }) => isDone).length).toBe(ended);
      expect(tasks.filter(({ isSent }) => isSent).length).toBe(Math.min(12, 4 + ended));
    }
  });

  it('is not filled by NOPs: they are answered while the store holds everything', () => {
    const { session, settle, target } = start(1, 4);
    target.backend.isHolding = true;
    for (let i = 0; i < 3; i++) session.execute(read10(i, 1), { dataIn: 512 });
    const data = pattern(3000);
    for (let i = 0; i < 20; i++) {
      const ping = session.ping(data, { isImmediate: i % 2 === 0 });
      settle();
      expect(ping.answer?.data.equals(data)).toBe(true);
    }
  });

  it('with two commands of one number takes the first', () => {
    const { session, settle } = start();
    const { cmdSN } = session;
    const first = session.execute(TEST_UNIT_READY, { cmdSN: cmdSN + 1 });
    const second = session.execute(write10(0, 1), { dataOut: pattern(512), cmdSN: cmdSN + 1 });
    settle();
    session.execute(TEST_UNIT_READY);
    settle();
    expect([first.status, second.isDone]).toEqual([0, false]);
  });
});

describe('Initiator Task Tags', () => {
  it('in use are rejected, whether the first command runs or waits for its turn', () => {
    const { session, settle, target } = start();
    target.backend.isHolding = true;
    const task = session.execute(read10(0, 1), { dataIn: 512 });
    const again = session.execute(read10(1, 1), { dataIn: 512, initiatorTaskTag: task.initiatorTaskTag });
    settle();
    expect(again.rejectReason).toBe(REJECT_TASK_IN_PROGRESS);
    const early = session.execute(TEST_UNIT_READY, { cmdSN: session.cmdSN + 3 });
    const other = session.execute(TEST_UNIT_READY, { initiatorTaskTag: early.initiatorTaskTag });
    settle();
    expect(other.rejectReason).toBe(REJECT_TASK_IN_PROGRESS);
  });

  it('are free again with the response', () => {
    const { session, settle } = start();
    for (let i = 0; i < 50; i++) {
      const task = session.execute(read10(0, 1), { dataIn: 512, initiatorTaskTag: 0xfffffffe });
      settle();
      expect(task.status).toBe(0);
    }
  });
});

describe('immediate commands', () => {
  it('do not take a number and run although earlier numbers are missing', () => {
    const { session, settle } = start();
    const early = session.execute(TEST_UNIT_READY, { cmdSN: session.cmdSN + 1 });
    const task = session.execute(read10(0, 1), { dataIn: 512, isImmediate: true });
    settle();
    expect([task.status, early.isDone]).toEqual([0, false]);
    expect(session.expCmdSN).toBe(session.cmdSN);
  });

  it('beyond 16 at a time are rejected, and are taken again when some have ended', () => {
    const { session, settle, target } = start();
    target.backend.isHolding = true;
    const read = () => session.execute(read10(0, 1), { dataIn: 512, isImmediate: true });
    const tasks = Array.from({ length: 16 }, read);
    const refused = read();
    settle();
    expect(refused.rejectReason).toBe(REJECT_TOO_MANY_IMMEDIATE_COMMANDS);
    target.backend.releaseOne();
    settle();
    const taken = read();
    target.backend.release();
    settle();
    expect([...tasks, taken].every(({ status }) => status === 0)).toBe(true);
  });
});

/**
 * Nothing grows at a peer's wish: commands wait for slots or are sent back with TASK SET FULL, a peer that does not read
 * is not read from, and a slot that is being received into belongs to nobody else.
 */
import { describe, expect, it } from 'vitest';
import { TMF_LOGICAL_UNIT_RESET } from '../../../../../src/iscsi/codec/constants.ts';
import { SEGMENT_BYTES_MAX, type SlotClass } from '../../../../../src/util/slot-pool.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';

const TASK_SET_FULL = 0x28;
const SOLICITED = { immediateBytes: 0, unsolicitedBytes: 0 };
const FEW_SLOTS: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 4 },
  { capacityBytes: 65536, count: 3 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 4 },
];

describe('without slots', () => {
  it('unsolicited data is answered with TASK SET FULL, and taken again when slots are back', () => {
    const target = new SimulatedTarget({ slotClasses: FEW_SLOTS });
    const session = target.logIn();
    target.backend.isHolding = true;
    const writes = Array.from({ length: 12 }, (_, i) =>
      session.execute(write10(i * 8, 8), { dataOut: pattern(4096, i) }),
    );
    target.time.settle();
    const refused = writes.filter(({ status }) => status === TASK_SET_FULL);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ isUnderflow, residual }) => isUnderflow && residual === 4096)).toBe(true);
    target.backend.release();
    target.time.settle();
    const again = session.execute(write10(0, 8), { dataOut: pattern(4096, 77) });
    target.time.settle();
    expect(writes.every(({ status }) => status === 0 || status === TASK_SET_FULL)).toBe(true);
    expect(again.status).toBe(0);
    session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('unsolicited Data-Out of a refused command is read to its end before the status', () => {
    const target = new SimulatedTarget({ slotClasses: FEW_SLOTS });
    const session = target.logIn();
    target.backend.isHolding = true;
    const options = { immediateBytes: 0, segmentBytes: 512 };
    const writes = Array.from({ length: 12 }, () =>
      session.execute(write10(0, 8), { dataOut: pattern(4096), ...options }),
    );
    target.time.settle();
    expect(writes.some(({ status }) => status === TASK_SET_FULL)).toBe(true);
    expect(session.rejects).toEqual([]);
    target.backend.release();
    target.time.settle();
    session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('solicited data and READs wait, and all of them end', () => {
    const target = new SimulatedTarget({ slotClasses: FEW_SLOTS });
    const session = target.logIn({ initialR2T: true, immediateData: false });
    const tasks = Array.from({ length: 16 }, (_, i) =>
      i % 2 === 0
        ? session.execute(write10(i * 300, 300), { dataOut: pattern(300 * 512, i) })
        : session.execute(read10(i * 300, 600), { dataIn: 600 * 512 }),
    );
    target.time.settle();
    expect(tasks.every(({ status }) => status === 0)).toBe(true);
    session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('held by one session another one still gets on', () => {
    const target = new SimulatedTarget({ slotClasses: FEW_SLOTS });
    const greedy = target.logIn();
    const modest = target.logIn({ isidLow: 2 });
    target.wires[0]!.isStalled = true;
    for (let i = 0; i < 16; i++) greedy.execute(read10(0, 512), { dataIn: 262_144 });
    target.time.settle();
    const task = modest.execute(read10(0, 512), { dataIn: 262_144 });
    target.time.settle();
    expect(task.status).toBe(0);
  });
});

describe('a peer that does not read', () => {
  it('is not read from once its answers pile up, and goes on when it reads again', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    const [wire] = target.wires;
    wire!.isStalled = true;
    const pings = Array.from({ length: 1000 }, () => session.ping(pattern(8192), { isImmediate: true }));
    target.time.settle();
    expect(wire!.isPaused).toBe(true);
    expect(wire!.heldBytes).toBeLessThan(512 * 1024);
    wire!.resume();
    target.time.settle();
    expect(wire!.isPaused).toBe(false);
    expect(pings.every(({ isAnswered }) => isAnswered)).toBe(true);
  });

  it('and then is gone leaves nothing', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    const [wire] = target.wires;
    wire!.isStalled = true;
    for (let i = 0; i < 16; i++) session.execute(read10(i, 512), { dataIn: 262_144 });
    for (let i = 0; i < 100; i++) session.ping(pattern(8192), { isImmediate: true });
    target.time.settle();
    wire!.cut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });
});

describe('a slot that a data segment is being received into', () => {
  it('stays out of use until all of it is there, although its command was aborted', () => {
    const target = new SimulatedTarget({ slotClasses: FEW_SLOTS });
    const session = target.logIn();
    const other = target.logIn({ isidLow: 2 });
    const { connection } = session;
    let rest: Buffer = Buffer.alloc(0);
    connection.tamper = (pdu) => {
      const bytes = pdu.encode(false, false);
      if (pdu.data.length === 0) return [pdu];
      rest = bytes.subarray(30_000);
      connection.sendBytes(bytes.subarray(0, 30_000));
      return [];
    };
    const task = session.execute(write10(0, 128), { dataOut: pattern(65536), ...SOLICITED });
    target.time.settle();
    other.manage(TMF_LOGICAL_UNIT_RESET);
    target.time.settle();
    expect(target.heldSlots).toBe(1);
    connection.sendBytes(rest);
    connection.tamper = null;
    target.time.settle();
    expect(target.heldSlots).toBe(0);
    expect(task.isDone).toBe(false); // another session's reset says nothing
    expect(target.backend.bytes.every((byte) => byte === 0)).toBe(true);
    for (const each of [session, other]) each.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });
});

describe('a connection that closes', () => {
  it('says nothing more, whatever the store still answers', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    target.backend.isHolding = true;
    session.execute(read10(0, 8), { dataIn: 4096 });
    target.time.settle();
    const [wire] = target.wires;
    wire!.isStalled = true; // what was said before cannot leave
    session.ping(Buffer.alloc(0), { isImmediate: true });
    target.time.settle();
    // A data segment that is too long: the target closes, while a READ of the session is in the store.
    session.ping(pattern(300_000), { isImmediate: true });
    target.time.settle();
    expect([wire!.closeCause, wire!.isClosed]).toEqual(['protocol-error', false]);
    target.backend.release();
    target.time.settle();
    wire!.cut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });
});

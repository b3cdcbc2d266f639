/**
 * Slots are short because peers keep them: by not reading their answers, or by not sending what they were asked for. Each has less
 * than a half of what was left, and all together leave nothing.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { SEGMENT_BYTES_MAX, type SlotClass } from '../../../../../src/util/slot-pool.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';
import type { SimulatedWire } from '../../../../sim/simulated-wire.ts';

const SLOTS: readonly SlotClass[] = [{ capacityBytes: SEGMENT_BYTES_MAX, count: 8 }];
const BLOCKS = SEGMENT_BYTES_MAX / 512;
/** What a peer gets once it is hurried, and a moment. */
const SILENCE_MS = 8001;
const DEPTH = 4;
const LOOK_MS = 1000;
const LOOKS_MAX = 30;

let target: SimulatedTarget;
let healthy: InitiatorSession;

beforeEach(() => {
  target = new SimulatedTarget({ slotClasses: SLOTS });
  healthy = target.logIn({ isidLow: 100 });
});

/** Every one of them keeps what it can get. */
function enter(keep: (session: InitiatorSession, wire: SimulatedWire) => void): SimulatedWire[] {
  const wires: SimulatedWire[] = [];
  for (let i = 1; i <= SLOTS[0]!.count; i++) {
    const session = target.logIn({ isidLow: i });
    const wire = target.wires.at(-1) as SimulatedWire;
    wires.push(wire);
    keep(session, wire);
    target.time.advance(0);
  }
  return wires;
}

function readsNothing(session: InitiatorSession, wire: SimulatedWire): void {
  wire.isStalled = true;
  for (let i = 0; i < DEPTH; i++) session.execute(read10(0, BLOCKS), { dataIn: SEGMENT_BYTES_MAX });
}

function sendsNothing(session: InitiatorSession): void {
  const dataOut = Buffer.alloc(SEGMENT_BYTES_MAX);
  const options = { dataOut, holdsR2ts: true, immediateBytes: 0, unsolicitedBytes: 0 };
  for (let i = 0; i < DEPTH; i++) session.execute(write10(0, BLOCKS), options);
}

function read() {
  const task = healthy.execute(read10(0, BLOCKS), { dataIn: SEGMENT_BYTES_MAX });
  target.time.advance(0);
  return task;
}

describe.each([
  ['read nothing', readsNothing],
  ['send nothing', sendsNothing],
])('peers that %s', (_name, keep) => {
  it('are closed when others go without, who then get what they wait for', () => {
    const wires = enter(keep);
    const task = read();
    expect(task.isDone).toBe(false);
    expect(target.pool.takeStarvation()).toBe(true);
    // Those who waited longer take what the first leave.
    for (let look = 0; look < LOOKS_MAX && !task.isDone; look++) {
      target.registry.hurry();
      target.time.advance(LOOK_MS);
    }
    const closed = wires.filter(({ closeCause }) => closeCause === 'keepalive-timeout');
    expect(closed.length).toBeGreaterThan(0);
    expect(task.status).toBe(0);
    expect(healthy.isOpen).toBe(true);
  });

  it('are left alone while nobody goes without', () => {
    const [wire] = enter((session, each) => {
      if (session.settings.isidLow === 1) keep(session, each);
    });
    target.time.advance(SILENCE_MS);
    expect(target.pool.takeStarvation()).toBe(false);
    expect(wire?.closeCause).toBeNull();
  });
});

describe('when slots are short', () => {
  it('who keeps none is left alone, however silent', () => {
    target.registry.hurry();
    target.time.advance(2 * SILENCE_MS);
    expect(healthy.isOpen).toBe(true);
    expect(target.time.timerCount).toBe(0);
  });

  it('who was silent and keeps none any more is left alone', () => {
    const [wire] = enter(readsNothing) as [SimulatedWire];
    read();
    target.registry.hurry();
    target.time.advance(SILENCE_MS - 1000);
    wire.resume();
    target.time.advance(3 * SILENCE_MS);
    expect(wire.closeCause).toBeNull();
  });
});

/** A connection that ends takes everything of its session with it, wherever its commands stand (RFC 7143 7.5, ERL 0). */
import { describe, expect, it } from 'vitest';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const SIMPLE = 1;
const ORDERED = 2;
const HEAD_OF_QUEUE = 3;

interface State {
  readonly name: string;
  readonly arrange: (session: InitiatorSession, target: SimulatedTarget) => void;
}

function holdingWrite(session: InitiatorSession, attribute: number, initiatorTaskTag = session.nextTag()): void {
  const options = { immediateBytes: 0, unsolicitedBytes: 0, holdsR2ts: true, initiatorTaskTag };
  session.execute(write10(0, 16), { dataOut: pattern(8192), attribute, ...options });
}

const STATES: readonly State[] = [
  { name: 'with nothing going on', arrange: () => undefined },
  {
    name: 'with a READ in the store',
    arrange: (session, target) => {
      target.backend.isHolding = true;
      session.execute(read10(0, 1200), { dataIn: 1200 * 512 });
    },
  },
  {
    name: 'with a WRITE in the store',
    arrange: (session, target) => {
      target.backend.isHolding = true;
      session.execute(write10(0, 1200), { dataOut: pattern(1200 * 512) });
    },
  },
  { name: 'with a WRITE that waits for its R2T to be answered', arrange: (session) => holdingWrite(session, SIMPLE) },
  {
    name: 'with a WRITE that waits for unsolicited data',
    arrange: (session) => {
      session.execute(write10(0, 16), { dataOut: pattern(8192), immediateBytes: 512, unsolicitedBytes: 8192 });
      session.connection.tamper = () => [];
    },
  },
  {
    name: 'in the middle of immediate data',
    arrange: (session) => {
      const { connection } = session;
      connection.tamper = (pdu) => {
        connection.sendBytes(pdu.encode(false, false).subarray(0, 5000));
        return [];
      };
      session.execute(write10(0, 16), { dataOut: pattern(8192) });
    },
  },
  {
    name: 'in the middle of a large Data-Out that is received directly',
    arrange: (session, target) => {
      const dataOut = pattern(65536);
      const options = { dataOut, immediateBytes: 0, unsolicitedBytes: 0, holdsR2ts: true };
      const task = session.execute(write10(0, 128), options);
      target.time.settle();
      session.connection.tamper = (pdu) => {
        session.connection.sendBytes(pdu.encode(false, false).subarray(0, 30000));
        return [];
      };
      task.answerR2t();
    },
  },
  {
    name: 'with commands held for an earlier CmdSN',
    arrange: (session) => {
      session.execute(write10(0, 16), { dataOut: pattern(8192), cmdSN: session.cmdSN + 2 });
      session.execute(TEST_UNIT_READY, { cmdSN: session.cmdSN + 1 });
    },
  },
  {
    name: 'with dormant commands behind an ORDERED one that waits for data',
    arrange: (session) => {
      holdingWrite(session, ORDERED);
      for (let i = 0; i < 8; i++) session.execute(TEST_UNIT_READY);
      session.execute(read10(0, 1), { dataIn: 512, attribute: ORDERED });
    },
  },
  {
    name: 'with dormant commands behind a HEAD OF QUEUE one that waits for data',
    arrange: (session) => {
      holdingWrite(session, HEAD_OF_QUEUE);
      for (let i = 0; i < 8; i++) session.execute(TEST_UNIT_READY);
    },
  },
  {
    name: 'with a task management function that waits for the store',
    arrange: (session, target) => {
      target.backend.isHolding = true;
      const task = session.execute(read10(0, 1), { dataIn: 512 });
      session.manage(1, { task });
    },
  },
  {
    name: 'in the middle of a header',
    arrange: (session) => {
      session.connection.sendBytes(Buffer.alloc(47));
    },
  },
];

describe.each(STATES)('a connection that is lost $name', ({ arrange }) => {
  it('leaves no task, no timer and no slot', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    arrange(session, target);
    target.time.settle();
    target.wires[0]!.cut();
    target.time.settle();
    if (target.backend.isHolding && target.backend.held.length > 0) {
      expect(target.registry.sessionCount).toBe(1); // it stays until the store has answered
    }
    target.backend.release();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('that the target closes leaves nothing either', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    arrange(session, target);
    target.time.settle();
    target.registry.closeAll('shutdown');
    target.time.enter(() => undefined);
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });
});

// Where the commands stand in the task table decides the order in which they are found.
it.each([SIMPLE, ORDERED, HEAD_OF_QUEUE])(
  'commands behind one of attribute %i end once, whatever the tags',
  (attribute) => {
    for (let tag = 1000; tag < 1040; tag++) {
      const target = new SimulatedTarget();
      const session = target.logIn();
      holdingWrite(session, attribute, tag);
      for (let i = 0; i < 8; i++) session.execute(TEST_UNIT_READY, { attribute: 1 + (i % 3) });
      target.time.settle();
      target.wires[0]!.cut();
      target.time.settle();
      expect(target.leftover).toBeNull();
    }
  },
);

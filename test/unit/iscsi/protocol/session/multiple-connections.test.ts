/**
 * Several connections per session (RFC 7143 4.2.2.1, 4.4, 6.3.6): one CmdSN order over all of them, responses where the
 * command came from, and what becomes of the session when one of them ends.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  LOGIN_SESSION_DOES_NOT_EXIST,
  LOGIN_SUCCESS,
  LOGIN_TOO_MANY_CONNECTIONS,
  TMF_ABORT_TASK,
  TMF_RESPONSE_NO_TASK,
} from '../../../../../src/iscsi/codec/constants.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorConnection } from '../../../../initiator/initiator-connection.ts';
import { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';
import type { SimulatedWire } from '../../../../sim/simulated-wire.ts';

const CLOSE_CONNECTION = 1;

let target: SimulatedTarget;
let session: InitiatorSession;

beforeEach(() => {
  target = new SimulatedTarget({ offers: { MaxConnections: 3 } });
  session = target.logIn({ maxConnections: 3 });
});

function join(cid: number, of = session): [InitiatorConnection, SimulatedWire] {
  const [connection, wire] = target.connect(of, {}, { cid });
  connection.logIn();
  target.time.settle();
  return [connection, wire];
}

describe('a session of several connections', () => {
  it('takes as many as were negotiated and refuses one more with 0x0206', () => {
    expect(join(1)[0].isOpen).toBe(true);
    expect(join(2)[0].isOpen).toBe(true);
    expect(join(3)[0].loginStatus).toBe(LOGIN_TOO_MANY_CONNECTIONS);
    expect(target.registry.sessionCount).toBe(1);
  });

  it('refuses a connection for a TSIH that nobody has, or that is another initiator’s, with 0x020a', () => {
    const stranger = new InitiatorSession({ isidLow: 9 });
    stranger.tsih = session.tsih + 1;
    expect(join(0, stranger)[0].loginStatus).toBe(LOGIN_SESSION_DOES_NOT_EXIST);
    stranger.tsih = session.tsih;
    expect(join(0, stranger)[0].loginStatus).toBe(LOGIN_SESSION_DOES_NOT_EXIST);
    expect(session.isOpen).toBe(true);
  });

  it('refuses a connection when the last one is gone and its commands are not out of the store', () => {
    target.backend.isHolding = true;
    session.execute(write10(0, 1), { dataOut: Buffer.alloc(512, 1) });
    target.time.settle();
    target.wires[0]?.cut();
    target.time.settle();
    expect(join(1)[0].loginStatus).toBe(LOGIN_SESSION_DOES_NOT_EXIST);
    target.backend.release();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('tells a connection its command window from the first login response on', () => {
    target.backend.isHolding = true;
    for (let lba = 0; lba < 4; lba++) session.execute(read10(lba, 1), { dataIn: 512 });
    target.time.settle();
    const [connection] = target.connect(session, {}, { cid: 1, hasSecurityStage: true });
    connection.log = [];
    connection.logIn();
    target.time.settle();
    const windows = connection.log.map(({ bhs }) => [bhs.expCmdSN, bhs.maxCmdSN]);
    const { expCmdSN, maxCmdSN } = session;
    expect(windows).toEqual([
      [expCmdSN, maxCmdSN],
      [expCmdSN, maxCmdSN],
    ]);
    target.backend.release();
    target.time.settle();
  });

  it('starts commands in CmdSN order over all connections, and answers each where it came from', () => {
    const [second] = join(1);
    const { cmdSN } = session;
    const late = session.execute(read10(1, 1), { connection: second, dataIn: 512, cmdSN: cmdSN + 1 });
    target.time.settle();
    expect(late.isDone).toBe(false);
    const early = session.execute(read10(0, 1), {
      connection: session.connections[0] as InitiatorConnection,
      dataIn: 512,
    });
    target.time.settle();
    // The initiator demands that every answer comes by the connection of its command.
    expect([early.status, late.status]).toEqual([0, 0]);
  });

  it('goes on when one connection is lost, whose commands end without a trace', () => {
    const [second, wire] = join(1);
    target.backend.isHolding = true;
    const lost = session.execute(write10(0, 1), { connection: second, dataOut: Buffer.alloc(512, 1) });
    const kept = session.execute(read10(8, 1), { dataIn: 512 });
    target.time.settle();
    wire.cut();
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(lost.status).toBe(-1);
    expect(kept.status).toBe(0);
    expect(target.registry.sessionCount).toBe(1);
    expect(target.heldSlots).toBe(0);
  });

  it('tells that the window is open again when commands of a lost connection have held it closed', () => {
    target = new SimulatedTarget({ offers: { MaxConnections: 3 }, limits: { commandWindow: 1 } });
    session = target.logIn({ maxConnections: 3 });
    loseWithWriteInStore();
    const task = session.execute(read10(0, 1), { dataIn: 512 });
    target.time.settle();
    expect(task.isSent).toBe(false);
    target.backend.release();
    target.time.settle();
    expect(task.status).toBe(0);
  });

  it('goes on when one connection logs out with reason 1, by itself or by another', () => {
    join(1);
    join(2);
    const other = session.logOut(CLOSE_CONNECTION, 2);
    target.time.settle();
    expect(other.response).toBe(0);
    const own = session.logOut(CLOSE_CONNECTION, 0);
    target.time.settle();
    expect(own.response).toBe(0);
    expect(session.connections.map(({ isOpen }) => isOpen)).toEqual([false, true, false]);
    const task = session.execute(read10(0, 1), { dataIn: 512 });
    target.time.settle();
    expect(task.status).toBe(0);
  });

  it('ends with its last connection and leaves nothing', () => {
    const [, wire] = join(1);
    wire.cut();
    target.wires[0]?.cut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('aborts a task only by the connection that it came by', () => {
    const [second] = join(1);
    target.backend.isHolding = true;
    const task = session.execute(read10(0, 1), { connection: second, dataIn: 512 });
    target.time.settle();
    const abort = session.manage(TMF_ABORT_TASK, {
      task,
      referencedTaskTag: task.initiatorTaskTag,
      refCmdSN: task.cmdSN,
    });
    target.time.settle();
    expect(abort.response).toBe(TMF_RESPONSE_NO_TASK);
    target.backend.release();
    target.time.settle();
    expect(task.status).toBe(0);
  });

  it('aborts no task of another connection that waits for its turn', () => {
    const [second] = join(1);
    const { cmdSN } = session;
    const early = session.execute(read10(1, 1), { connection: second, dataIn: 512, cmdSN: cmdSN + 1 });
    target.time.settle();
    const abort = session.manage(TMF_ABORT_TASK, {
      referencedTaskTag: early.initiatorTaskTag,
      refCmdSN: cmdSN + 1,
      cmdSN: cmdSN + 2,
    });
    target.time.settle();
    expect(abort.response).toBe(TMF_RESPONSE_NO_TASK);
    session.execute(read10(0, 1), { dataIn: 512 });
    target.time.settle();
    expect(early.status).toBe(0);
  });

  it('closes a connection that is gone already once its commands are out of the store', () => {
    loseWithWriteInStore();
    const logout = session.logOut(CLOSE_CONNECTION, 1);
    target.time.settle();
    expect(logout.isAnswered).toBe(false);
    target.backend.release();
    target.time.settle();
    expect(logout.response).toBe(0);
  });
});

/** Connection 1 is lost and the target knows, but one of its commands is still in the store. */
function loseWithWriteInStore(): void {
  const [second, wire] = join(1);
  target.backend.isHolding = true;
  session.execute(write10(0, 1), { connection: second, dataOut: Buffer.alloc(512, 1) });
  target.time.settle();
  wire.cut();
  target.time.settle();
}

describe('connection reinstatement', () => {
  it('waits for the commands of a connection that is gone already', () => {
    loseWithWriteInStore();
    const [again] = join(1);
    expect(again.state).toBe('login');
    target.backend.release();
    target.time.settle();
    expect(again.isOpen).toBe(true);
  });

  it('leaves one connection when two logins wait for the same CID', () => {
    loseWithWriteInStore();
    const [first] = join(1);
    const [second] = join(1);
    target.backend.release();
    target.time.settle();
    expect([first.isOpen, second.isOpen]).toEqual([false, true]);
    expect(target.registry.sessionCount).toBe(1);
  });

  it('that waits keeps its place among the connections that were negotiated', () => {
    loseWithWriteInStore();
    const [waiting] = join(1);
    expect(join(2)[0].isOpen).toBe(true);
    expect(join(3)[0].loginStatus).toBe(LOGIN_TOO_MANY_CONNECTIONS);
    target.backend.release();
    target.time.settle();
    expect(waiting.isOpen).toBe(true);
  });

  it('that waits is refused when another session takes the place of its own', () => {
    loseWithWriteInStore();
    const [waiting] = join(1);
    const next = new InitiatorSession({ maxConnections: 3 });
    const [leading] = target.connect(next);
    leading.logIn();
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(waiting.loginStatus).toBe(LOGIN_SESSION_DOES_NOT_EXIST);
    expect(next.isOpen).toBe(true);
    expect(target.registry.sessionCount).toBe(1);
  });

  it('takes the place of a connection with the same CID once its commands are out of the store', () => {
    join(1);
    target.backend.isHolding = true;
    session.execute(write10(0, 1), {
      connection: session.connections[1] as InitiatorConnection,
      dataOut: Buffer.alloc(512, 1),
    });
    target.time.settle();
    const [again] = target.connect(session, {}, { cid: 1 });
    again.logIn();
    target.time.settle();
    expect(again.state).toBe('login');
    target.backend.release();
    target.time.settle();
    expect(again.loginStatus).toBe(LOGIN_SUCCESS);
    expect(again.isOpen).toBe(true);
    expect(session.connections[1]?.isOpen).toBe(false);
  });

  it('keeps a session of one connection alive while that one is replaced', () => {
    const [again] = join(0);
    expect(again.isOpen).toBe(true);
    expect(target.registry.sessionCount).toBe(1);
    const task = session.execute(read10(0, 1), { dataIn: 512 });
    target.time.settle();
    expect(task.status).toBe(0);
  });

  it('ends the session when the initiator goes away before the login is over', () => {
    target.backend.isHolding = true;
    session.execute(write10(0, 1), { dataOut: Buffer.alloc(512, 1) });
    target.time.settle();
    const [again, wire] = target.connect(session, {}, { cid: 0 });
    again.logIn();
    target.time.settle();
    wire.cut();
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });
});

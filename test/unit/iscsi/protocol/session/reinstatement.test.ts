/** A second login with the names and ISID of a session takes its place (RFC 7143 6.3.5), not before its I/O has ended. */
import { describe, expect, it } from 'vitest';
import { LOGIN_SERVICE_UNAVAILABLE } from '../../../../../src/iscsi/codec/constants.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';

function again(target: SimulatedTarget) {
  const session = new InitiatorSession();
  const [connection, wire] = target.connect(session);
  connection.logIn();
  target.time.settle();
  return { session, connection, wire };
}

describe('session reinstatement', () => {
  it('closes the old connection and answers at once when nothing is going on', () => {
    const target = new SimulatedTarget();
    const old = target.logIn();
    const { session } = again(target);
    expect(old.isOpen).toBe(false);
    expect(target.wires[0]!.closeCause).toBe('reinstated');
    expect(session.isOpen).toBe(true);
    expect(session.tsih).not.toBe(old.tsih);
    expect(target.registry.sessionCount).toBe(1);
  });

  it('waits for a WRITE of the old session that is in the store, so that it cannot land on a newer one', () => {
    const target = new SimulatedTarget();
    const old = target.logIn();
    target.backend.isHolding = true;
    old.execute(write10(0, 8), { dataOut: pattern(4096, 1) });
    target.time.settle();
    const { session, connection } = again(target);
    expect([connection.state, connection.loginStatus]).toEqual(['login', -1]);
    target.backend.release();
    target.time.settle();
    expect(session.isOpen).toBe(true);
    session.execute(Buffer.alloc(16)); // takes the unit attention
    session.execute(write10(0, 8), { dataOut: pattern(4096, 2) });
    target.time.settle();
    expect(target.backend.bytes.subarray(0, 4096).equals(pattern(4096, 2))).toBe(true);
    session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('leaves one session when two logins wait for the same one to drain', () => {
    const target = new SimulatedTarget();
    const old = target.logIn();
    target.backend.isHolding = true;
    old.execute(read10(0, 8), { dataIn: 4096 });
    target.time.settle();
    const first = again(target);
    const second = again(target);
    expect([first.connection.state, second.connection.state]).toEqual(['login', 'login']);
    target.backend.release();
    target.time.settle();
    expect(second.session.isOpen).toBe(true);
    expect(first.session.isOpen).toBe(false);
    expect(target.registry.sessionCount).toBe(1);
    second.session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('by an initiator that gives up while it waits leaves nothing', () => {
    const target = new SimulatedTarget();
    const old = target.logIn();
    target.backend.isHolding = true;
    old.execute(read10(0, 8), { dataIn: 4096 });
    target.time.settle();
    const { wire } = again(target);
    wire.cut();
    target.time.settle();
    target.backend.release();
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('that waits when the daemon is told to stop is refused', () => {
    const target = new SimulatedTarget();
    const old = target.logIn();
    target.backend.isHolding = true;
    old.execute(read10(0, 8), { dataIn: 4096 });
    target.time.settle();
    const { connection } = again(target);
    target.registry.shutDown(2);
    target.backend.release();
    target.time.settle();
    expect([connection.state, connection.loginStatus]).toEqual(['closed', LOGIN_SERVICE_UNAVAILABLE]);
    target.registry.closeAll('shutdown');
    target.time.enter(() => undefined);
    target.time.settle();
    expect(target.leftover).toBeNull();
  });

  it('does not touch a session of another ISID or another initiator', () => {
    const target = new SimulatedTarget();
    const a = target.logIn();
    const b = target.logIn({ isidLow: 2 });
    const c = target.logIn({ initiatorName: 'iqn.2001-04.com.example:other' });
    expect([a, b, c].map(({ isOpen }) => isOpen)).toEqual([true, true, true]);
    expect(target.registry.sessionCount).toBe(3);
  });
});

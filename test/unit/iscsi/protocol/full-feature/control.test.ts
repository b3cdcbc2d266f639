/** NOP, text, logout and what is not understood, in full feature phase (RFC 7143 11.9 to 11.19, appendix C). */
import { describe, expect, it } from 'vitest';
import {
  LOGOUT_CLOSE_CONNECTION,
  LOGOUT_CLOSE_SESSION,
  LOGOUT_REMOVE_FOR_RECOVERY,
  NO_TAG,
  REJECT_COMMAND_NOT_SUPPORTED,
  REJECT_DATA_DIGEST_ERROR,
  REJECT_INVALID_PDU_FIELD,
  REJECT_LONG_OPERATION,
  REJECT_PROTOCOL_ERROR,
  REJECT_SNACK,
} from '../../../../../src/iscsi/codec/constants.ts';
import { writeNopOut, writeSnackRequest, writeTextRequest } from '../../../../../src/iscsi/codec/encode-initiator.ts';
import { encodeText } from '../../../../../src/iscsi/codec/text.ts';
import { read10, write10 } from '../../../../initiator/cdb.ts';
import type { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { OutgoingPdu } from '../../../../initiator/outgoing-pdu.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, type SimulatedTargetOptions, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const DISK = 'iqn.2001-04.com.example:disk';

function start(settings: Partial<InitiatorSettings> = {}, options: SimulatedTargetOptions = {}) {
  const target = new SimulatedTarget(options);
  const session = target.logIn(settings);
  const settle = () => target.time.settle();
  const reasons = () => session.rejects.map(({ bhs }) => bhs.rejectReason);
  return { target, session, settle, reasons };
}

function ask(session: InitiatorSession, value: string, segmentBytes?: number) {
  return session.text(encodeText([{ key: 'SendTargets', value }]), segmentBytes);
}

describe('NOP-Out', () => {
  it.each([0, 1, 2, 3, 4, 1023, 1024, 1025, 8192])('with %i bytes comes back with the same', (bytes) => {
    for (const hasDigests of [false, true]) {
      const { session, settle } = start({ hasHeaderDigest: hasDigests, hasDataDigest: hasDigests });
      const data = pattern(bytes);
      const pings = [session.ping(data), session.ping(data, { isImmediate: true })];
      settle();
      for (const { answer } of pings) expect(answer?.data.equals(data)).toBe(true);
    }
  });

  it.each([
    { bytes: 8192, isKept: true },
    { bytes: 8193, isKept: false },
  ])('with $bytes bytes that waits for its turn is kept: $isKept', ({ bytes, isKept }) => {
    const { session, settle, reasons } = start();
    const { cmdSN } = session;
    const early = session.ping(pattern(bytes), { cmdSN: cmdSN + 1 });
    settle();
    expect(reasons()).toEqual([]);
    const gap = session.ping(pattern(4), { cmdSN });
    settle();
    expect(gap.isAnswered).toBe(true);
    expect(early.isAnswered).toBe(isKept);
    expect(reasons()).toEqual(isKept ? [] : [REJECT_LONG_OPERATION]);
  });

  it('is answered with no more than the initiator takes', () => {
    const { session, settle } = start({ maxRecvDataSegmentLength: 512 });
    const ping = session.ping(pattern(2000));
    settle();
    expect(ping.answer?.data.equals(pattern(2000).subarray(0, 512))).toBe(true);
  });

  it('that is numbered although it wants no answer uses its number', () => {
    const { session, settle } = start();
    session.number({}, (cmdSN) => {
      const pdu = new OutgoingPdu();
      writeNopOut(pdu.view, 0, false, 0, 0, NO_TAG, NO_TAG, cmdSN, 0, 0);
      session.connection.send(pdu);
    });
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect(task.status).toBe(0);
  });

  it('with a wrong data digest is rejected, and its number stays open', () => {
    const { session, settle, reasons } = start({ hasHeaderDigest: true, hasDataDigest: true });
    session.connection.tamper = (pdu) => {
      pdu.hasBadDataDigest = true;
      return [pdu];
    };
    session.ping(pattern(100));
    settle();
    expect(reasons()).toEqual([REJECT_DATA_DIGEST_ERROR]);
    expect(session.expCmdSN).toBe(session.cmdSN - 1);
  });
});

describe('a silent initiator', () => {
  it('is asked whether it is there, stays when it answers, and is closed when it does not', () => {
    const { session, settle, target } = start({}, { limits: { keepaliveMs: 1000 } });
    target.time.advance(1000); // it was heard within this period
    target.time.advance(1000);
    settle();
    expect(session.pingCount).toBe(1);
    for (let i = 0; i < 5; i++) {
      target.time.advance(2000);
      settle();
    }
    expect(session.isOpen).toBe(true);
    session.answersPings = false;
    target.time.advance(3000);
    settle();
    expect(session.isOpen).toBe(false);
    expect(target.wires[0]!.closeCause).toBe('keepalive-timeout');
    expect(target.leftover).toBeNull();
  });

  it('that has not finished its login in time is closed; one that has is not', () => {
    const target = new SimulatedTarget({ limits: { loginTimeoutMs: 500 } });
    const session = target.logIn();
    const [connection, wire] = target.connect(session);
    connection.sendBytes(Buffer.alloc(20));
    target.time.advance(499);
    expect(wire.isClosed).toBe(false);
    target.time.advance(1);
    target.time.settle();
    expect(wire.closeCause).toBe('login-timeout');
    target.time.advance(100_000);
    expect(session.isOpen).toBe(true);
  });
});

describe('SendTargets', () => {
  const others = ['iqn.2001-04.com.example:b', 'iqn.2001-04.com.example:c'];
  const names = (pairs: readonly { key: string; value: string }[]) =>
    pairs.filter(({ key }) => key === 'TargetName').map(({ value }) => value);

  it('All in a discovery session names every target with its addresses', () => {
    const { session, settle, target } = start({ targetName: null }, { otherTargets: others });
    const text = ask(session, 'All');
    settle();
    expect(names(text.pairs)).toEqual([DISK, ...others]);
    expect(text.pairs[1]).toEqual({ key: 'TargetAddress', value: '192.0.2.1:3260,1' });
    session.logOut();
    settle();
    expect(target.leftover).toBeNull();
  });

  it('with a name names that target alone; of one that is not there, nothing', () => {
    const { session, settle } = start({ targetName: null }, { otherTargets: others });
    const known = ask(session, others[1] as string);
    settle();
    const unknown = ask(session, 'iqn.2001-04.com.example:none');
    settle();
    expect(names(known.pairs)).toEqual([others[1]]);
    expect([unknown.isDone, unknown.pairs]).toEqual([true, []]);
  });

  it.each(['', 'All'])('=%s in a normal session names its own target', (value) => {
    const { session, settle } = start({}, { otherTargets: others });
    const own = ask(session, value);
    settle();
    expect(names(own.pairs)).toEqual([DISK]);
  });

  it.each(['Alle', 'A', 'all', 'iqn', '*'])('=%s is rejected, in a normal session and for discovery', (value) => {
    for (const targetName of [DISK, null]) {
      const { session, settle, reasons } = start({ targetName }, { otherTargets: others });
      ask(session, value);
      settle();
      expect(reasons()).toEqual([REJECT_INVALID_PDU_FIELD]);
      const text = ask(session, 'All');
      settle();
      expect(names(text.pairs)).toContain(DISK);
    }
  });

  it('without a value is rejected for discovery, which has no target of its own', () => {
    const { session, settle, reasons } = start({ targetName: null });
    ask(session, '');
    settle();
    expect(reasons()).toEqual([REJECT_INVALID_PDU_FIELD]);
  });

  it('is answered in as many PDUs as the initiator’s MaxRecvDataSegmentLength asks for', () => {
    const otherTargets = Array.from({ length: 60 }, (_, i) => `iqn.2001-04.com.example:target-number-${i}`);
    const { session, settle } = start({ targetName: null, maxRecvDataSegmentLength: 512 }, { otherTargets });
    const text = ask(session, 'All');
    settle();
    expect(names(text.pairs).length).toBe(61);
    expect(text.responseCount).toBeGreaterThan(8);
  });

  it('may itself come in many PDUs', () => {
    const { session, settle } = start({ targetName: null });
    const text = ask(session, 'All', 3);
    settle();
    expect(names(text.pairs)).toEqual([DISK]);
    expect(text.responseCount).toBe(6);
  });
});

describe('text', () => {
  it('that is malformed is a protocol error, and the next one is understood', () => {
    const { session, settle, reasons } = start({ targetName: null });
    session.text(Buffer.from('no pair at all'));
    settle();
    expect(reasons()).toEqual([REJECT_PROTOCOL_ERROR]);
    const text = ask(session, 'All');
    settle();
    expect(text.isDone).toBe(true);
  });

  it.each([
    [['SendTargetsPlease', 'sENDtARGETS'], true],
    [['X-com.example.Probe'], false],
    [['SendTargetsPlease', 'X-com.example.Probe'], false],
    [['SendTargetsPlease', 'MaxRecvDataSegmentLength'], false],
  ])('of the keys %s is rejected as not understood: %s', (keys, isRejected) => {
    const { session, settle, reasons } = start();
    const text = session.text(encodeText(keys.map((key) => ({ key, value: '1024' }))));
    settle();
    expect(reasons()).toEqual(isRejected ? [REJECT_INVALID_PDU_FIELD] : []);
    const unknown = keys.filter((key) => key !== 'MaxRecvDataSegmentLength');
    expect(text.pairs).toEqual(isRejected ? [] : unknown.map((key) => ({ key, value: 'NotUnderstood' })));
  });

  it.each(['SendTargets', 'MaxRecvDataSegmentLength', 'X-com.example.Probe'])(
    'with %s twice is a protocol error, which changes nothing',
    (key) => {
      const { session, settle, reasons } = start({ maxRecvDataSegmentLength: 4096 });
      const twice = ['1024', '2048'].map((value) => ({ key, value }));
      session.text(encodeText([...twice, { key: 'MaxRecvDataSegmentLength', value: '512' }]));
      settle();
      expect(reasons()).toEqual([REJECT_PROTOCOL_ERROR]);
      const read = session.execute(read10(0, 8), { dataIn: 4096 });
      settle();
      expect(read.dataInCount).toBe(1);
    },
  );

  it('that never ends is rejected at 64 KiB', () => {
    const { session, settle, reasons } = start({ targetName: null });
    session.text(Buffer.alloc(70_000, 0x61));
    settle();
    expect(reasons()).toEqual([REJECT_PROTOCOL_ERROR]);
    expect(session.isOpen).toBe(true);
  });

  it('with a Target Transfer Tag of no exchange is rejected', () => {
    const { session, settle, reasons } = start({ targetName: null });
    session.number({}, (cmdSN) => {
      const pdu = new OutgoingPdu();
      writeTextRequest(pdu.view, 0, false, true, false, 0, 0, 77, 0x1234, cmdSN, 0, 0);
      session.connection.send(pdu);
    });
    settle();
    expect(reasons()).toEqual([REJECT_INVALID_PDU_FIELD]);
  });

  it('may declare another MaxRecvDataSegmentLength, which holds for Data-In from then on', () => {
    const { session, settle } = start({ maxRecvDataSegmentLength: 4096 });
    const { connection } = session;
    session.text(encodeText([{ key: 'MaxRecvDataSegmentLength', value: '1024' }]));
    settle();
    connection.log = [];
    const task = session.execute(read10(0, 8), { dataIn: 4096 });
    settle();
    expect(task.status).toBe(0);
    expect(connection.log.map(({ data }) => data.length)).toEqual([1024, 1024, 1024, 1024]);
  });
});

describe('logout', () => {
  it.each([
    ['the session', LOGOUT_CLOSE_SESSION],
    ['the connection', LOGOUT_CLOSE_CONNECTION],
  ])('that closes %s is answered when nothing of it can reach the store any more', (_name, reason) => {
    const { session, settle, target } = start();
    target.backend.isHolding = true;
    const read = session.execute(read10(0, 8), { dataIn: 4096 });
    const write = session.execute(write10(0, 8), { dataOut: pattern(4096) });
    const options = { immediateBytes: 0, unsolicitedBytes: 0, holdsR2ts: true };
    session.execute(write10(0, 8), { dataOut: pattern(4096), ...options });
    settle();
    const logout = session.logOut(reason);
    settle();
    expect(logout.isAnswered).toBe(false);
    target.backend.release();
    settle();
    expect(logout.response).toBe(0);
    expect([read.status, write.status]).toEqual([-1, -1]);
    expect(session.isOpen).toBe(false);
    expect(target.leftover).toBeNull();
  });

  it.each([
    ['the session', LOGOUT_CLOSE_SESSION],
    ['the only connection', LOGOUT_CLOSE_CONNECTION],
  ])('that closes %s gives up what the nexus holds before it is answered', (_name, reason) => {
    const { session, settle, target } = start();
    const losses: boolean[] = [];
    const closeNexus = target.device.closeNexus.bind(target.device);
    const logout = session.logOut(reason);
    target.device.closeNexus = (nexus) => {
      losses.push(logout.isAnswered);
      closeNexus(nexus);
    };
    settle();
    expect([losses, logout.response, session.isOpen]).toEqual([[false], 0, false]);
    expect(target.leftover).toBeNull();
  });

  it('of a connection that there is not, or for recovery, is answered and nothing is closed', () => {
    const { session, settle } = start();
    const absent = session.logOut(LOGOUT_CLOSE_CONNECTION, 77);
    const recovery = session.logOut(LOGOUT_REMOVE_FOR_RECOVERY);
    settle();
    expect([absent.response, recovery.response]).toEqual([1, 2]);
    expect(session.isOpen).toBe(true);
  });

  it('is asked for when the target stops, and the connection closed when it does not come', () => {
    const { session, settle, target } = start();
    target.time.enter(() => target.registry.shutDown(2));
    settle();
    expect(session.asyncMessages.map(({ bhs }) => [bhs.asyncEvent, bhs.parameter3])).toEqual([[1, 2]]);
    target.time.advance(2000);
    settle();
    expect(session.isOpen).toBe(false);
    expect(target.leftover).toBeNull();
  });
});

describe('what is not understood', () => {
  it('a SCSI Command with the reserved Initiator Task Tag is rejected, and its number is used', () => {
    const { session, settle, reasons } = start();
    session.execute(read10(0, 1), { initiatorTaskTag: NO_TAG, dataIn: 512 });
    const next = session.execute(read10(0, 1), { dataIn: 512 });
    settle();
    expect(reasons()).toEqual([REJECT_INVALID_PDU_FIELD]);
    expect(next.status).toBe(0);
  });

  it('a SNACK is rejected', () => {
    const { session, settle, reasons } = start();
    const pdu = new OutgoingPdu();
    writeSnackRequest(pdu.view, 0, 1, 0, 0, NO_TAG, NO_TAG, 0, 0, 0);
    session.connection.send(pdu);
    settle();
    expect(reasons()).toEqual([REJECT_SNACK]);
  });

  it.each([0x07, 0x1c, 0x3e])('opcode %i is rejected', (opcode) => {
    const { session, settle, reasons } = start();
    const pdu = new OutgoingPdu();
    pdu.header[0] = opcode | 0x40;
    pdu.data = pattern(50);
    pdu.fitLengths();
    session.connection.send(pdu);
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect(reasons()).toEqual([REJECT_COMMAND_NOT_SUPPORTED]);
    expect(task.status).toBe(0);
  });

  it('a SCSI Command in a discovery session is rejected and the connection closed', () => {
    const { session, settle, reasons, target } = start({ targetName: null });
    session.execute(TEST_UNIT_READY);
    settle();
    expect(reasons()).toEqual([REJECT_PROTOCOL_ERROR]);
    expect(session.isOpen).toBe(false);
    expect(target.leftover).toBeNull();
  });
});

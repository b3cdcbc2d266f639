/**
 * Logins that succeed (RFC 7143 6.3, 11.12, 11.13): stages, texts over several requests, answers over several responses.
 * Requests go in as the bytes an initiator writes; only the directory, the port to the node, is a fake.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BHS_BYTES, Bhs } from '../../../../../src/iscsi/codec/bhs.ts';
import type { LoginReply } from '../../../../../src/iscsi/protocol/login/login.ts';
import { OFFERS_DEFAULT } from '../../../../../src/iscsi/protocol/login/parameters.ts';
import { seededRandom } from '../../../../random.ts';
import { expectRefused, INITIATOR, Login, NAMES, TARGET, TSIH, textOf } from './login-initiator.ts';

const { seed } = seededRandom();

describe('a login in one request', () => {
  const login = new Login();
  login.node.alias = 'the disk';
  const reply = login.send(
    `${NAMES}InitiatorAlias=host|SessionType=Normal|HeaderDigest=CRC32C|InitialR2T=No|MaxRecvDataSegmentLength=65536|`,
  );

  it('enters full feature phase', () => {
    expect(reply).toMatchObject({
      status: 0,
      isTransit: true,
      isContinued: false,
      csg: 1,
      nsg: 3,
      isidHigh: 0x00023d00,
      isidLow: 1,
      tsih: TSIH,
      initiatorTaskTag: 42,
      isFinal: true,
      isFatal: false,
    });
  });

  it('answers with portal group, alias, results and our own declaration', () => {
    expect(textOf(reply)).toBe(
      'TargetPortalGroupTag=7|TargetAlias=the disk|HeaderDigest=CRC32C|InitialR2T=No|MaxRecvDataSegmentLength=262144|',
    );
  });

  it('asks the node for the target, then for admission with all that was negotiated', () => {
    expect(login.node.asked).toEqual([[TARGET, INITIATOR]]);
    expect(login.node.admissions).toMatchObject([
      {
        initiatorName: INITIATOR,
        initiatorAlias: 'host',
        isidHigh: 0x00023d00,
        isidLow: 1,
        tsih: 0,
        cid: 1,
        cmdSN: 5,
        expStatSN: 9,
        session: { sessionType: 'Normal', initialR2T: false, immediateData: true },
        connection: {
          hasHeaderDigest: true,
          hasDataDigest: false,
          maxRecvDataSegmentLength: 262144,
          peerMaxRecvDataSegmentLength: 65536,
        },
      },
    ]);
    expect(login.machine.admitted).toEqual({ isAdmitted: true, tsih: TSIH, session: { of: TARGET } });
    expect(login.machine.connectionParameters).toEqual(login.node.admissions[0]?.connection);
  });

  it('is over: a further Login Request is refused', () => {
    expectRefused(login.send(''), 0x0200);
  });
});

describe('a login through all stages', () => {
  it('goes from security to operational to full feature', () => {
    const login = new Login();
    const security = login.send(`${NAMES}SessionType=Normal|AuthMethod=CHAP,None|`, { csg: 0, nsg: 1 });
    expect(security).toMatchObject({ status: 0, isTransit: true, csg: 0, nsg: 1, tsih: 0, isFinal: false });
    expect(textOf(security)).toBe('TargetPortalGroupTag=7|AuthMethod=None|');
    const first = login.send('MaxBurstLength=65536|', { isTransit: false });
    expect(first).toMatchObject({ status: 0, isTransit: false, csg: 1, nsg: 0, tsih: 0, isFinal: false });
    expect(textOf(first)).toBe('MaxBurstLength=65536|MaxRecvDataSegmentLength=262144|');
    expect(login.node.admissions).toEqual([]);
    const last = login.send('ImmediateData=No|');
    expect(last).toMatchObject({ status: 0, isTransit: true, csg: 1, nsg: 3, tsih: TSIH, isFinal: true });
    expect(textOf(last)).toBe('ImmediateData=No|');
    expect(login.node.admissions[0]?.session).toMatchObject({ maxBurstLength: 65536, immediateData: false });
  });

  it('goes from security straight to full feature, with the defaults', () => {
    const login = new Login();
    const reply = login.send(`${NAMES}AuthMethod=None|`, { csg: 0, nsg: 3 });
    expect(reply).toMatchObject({ status: 0, isTransit: true, csg: 0, nsg: 3, tsih: TSIH, isFinal: true });
    expect(login.node.admissions[0]?.connection.maxRecvDataSegmentLength).toBe(8192);
  });

  it('may leave the security stage without naming AuthMethod', () => {
    expect(textOf(new Login().send(NAMES, { csg: 0, nsg: 1 }))).toBe('TargetPortalGroupTag=7|');
  });

  it('stays in a stage as long as the initiator does', () => {
    const login = new Login();
    login.send(NAMES, { csg: 0, nsg: 0, isTransit: false });
    expect(login.send('', { csg: 0, isTransit: false })).toMatchObject({ status: 0, isTransit: false, csg: 0 });
    expect(login.send('', { csg: 0, nsg: 1 })).toMatchObject({ status: 0, isTransit: true, nsg: 1 });
    expect(login.send('', { csg: 1, isTransit: false })).toMatchObject({ status: 0, isTransit: false, csg: 1 });
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
  });

  it('ignores NSG without T', () => {
    expect(new Login().send(NAMES, { csg: 0, nsg: 2, isTransit: false })).toMatchObject({ status: 0, nsg: 0 });
  });

  it('keeps the CmdSN of the first request', () => {
    const login = new Login();
    login.send(NAMES, { isTransit: false, cmdSN: 0xffffffff });
    login.send('', { cmdSN: 77 });
    expect(login.node.admissions[0]?.cmdSN).toBe(0xffffffff);
  });
});

describe('a discovery session', () => {
  it('needs no target, and has no portal group', () => {
    const login = new Login();
    const reply = login.send(`InitiatorName=${INITIATOR}|SessionType=Discovery|MaxConnections=1|`);
    expect(reply).toMatchObject({ status: 0, isFinal: true });
    expect(textOf(reply)).toBe('MaxConnections=Irrelevant|MaxRecvDataSegmentLength=262144|');
    expect(login.node.asked).toEqual([[null, INITIATOR]]);
    expect(login.node.admissions[0]?.session.sessionType).toBe('Discovery');
  });
});

describe('a text over several requests', () => {
  const text = `${NAMES}HeaderDigest=CRC32C|`;

  it('is joined, cut anywhere, and each piece is answered by an empty response', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const login = new Login();
      const piece = login.send(text.slice(0, cut), { isContinued: true, isTransit: false });
      expect(piece).toMatchObject({ status: 0, isTransit: false, isContinued: false, csg: 1, isFinal: false });
      expect(piece.text.length).toBe(0);
      const reply = login.send(text.slice(cut));
      expect(reply).toMatchObject({ status: 0, isFinal: true });
      expect(textOf(reply)).toBe('TargetPortalGroupTag=7|HeaderDigest=CRC32C|MaxRecvDataSegmentLength=262144|');
    }
  });

  it('is joined byte by byte', () => {
    const login = new Login();
    for (const byte of text) login.send(byte, { isContinued: true, isTransit: false });
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
  });

  it('keeps to one stage', () => {
    const login = new Login();
    login.send('InitiatorName=', { isContinued: true, isTransit: false, csg: 0, nsg: 0 });
    expectRefused(login.send(`${INITIATOR}|`, { csg: 1 }), 0x0200);
  });

  it('is refused above 65536 bytes', () => {
    const login = new Login();
    const piece = 'A'.repeat(8192);
    for (let i = 0; i < 8; i++) {
      expect(login.send(piece, { isContinued: true, isTransit: false }).status).toBe(0);
    }
    expectRefused(login.send('A', { isContinued: true, isTransit: false }), 0x0200);
  });

  it('is refused when its pieces are endless and empty', () => {
    const login = new Login();
    let count = 0;
    while (login.send('', { isContinued: true, isTransit: false }).status === 0 && count < 100000) count += 1;
    expect(count).toBeGreaterThan(64);
    expect(count).toBeLessThan(1000);
  });
});

describe('an answer longer than a response', () => {
  /** Enough unknown keys that the answers pass 8192 bytes, in requests of at most 8192. */
  function begin(): { login: Login; first: LoginReply; expected: string } {
    const login = new Login();
    const keys = Array.from({ length: 600 }, (_, index) => `X-key${index}`);
    const text = NAMES + keys.map((key) => `${key}=1|`).join('');
    let at = 0;
    for (; text.length - at > 8192; at += 8192) {
      login.send(text.slice(at, at + 8192), { isContinued: true, isTransit: false });
    }
    const answers = keys.map((key) => `${key}=NotUnderstood|`).join('');
    const expected = `TargetPortalGroupTag=7|${answers}MaxRecvDataSegmentLength=262144|`;
    return { login, first: login.send(text.slice(at)), expected };
  }

  it('goes out in pieces with the C bit, and the stage is left with the last', () => {
    const { login, first, expected } = begin();
    expect(first).toMatchObject({ status: 0, isTransit: false, isContinued: true, isFinal: false });
    expect(first.text.length).toBe(8192);
    let reply = first;
    let text = textOf(first);
    while (reply.isContinued) {
      reply = login.send('');
      text += textOf(reply);
    }
    expect(text).toBe(expected);
    expect(reply).toMatchObject({ status: 0, isTransit: true, isFinal: true, tsih: TSIH });
    expect(login.node.admissions.length).toBe(1);
  });

  it('does not leave the stage when the request for the last piece does not ask to', () => {
    const { login, first } = begin();
    let reply = first;
    while (reply.isContinued) reply = login.send('', { isTransit: false });
    expect(reply).toMatchObject({ status: 0, isTransit: false, isFinal: false });
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
  });

  it('is not to be interrupted by a text', () => {
    expectRefused(begin().login.send('X-a=1|'), 0x0200);
    expectRefused(begin().login.send('', { isContinued: true, isTransit: false }), 0x0200);
  });
});

describe('an offer below the default that the initiator is silent about', () => {
  it('is proposed once, and the stage is left with the answer', () => {
    const login = new Login();
    login.node.offers = { ...OFFERS_DEFAULT, ImmediateData: false };
    const reply = login.send(NAMES);
    expect(reply).toMatchObject({ status: 0, isTransit: false, isFinal: false });
    expect(textOf(reply)).toBe('TargetPortalGroupTag=7|MaxRecvDataSegmentLength=262144|ImmediateData=No|');
    expect(login.send('ImmediateData=No|')).toMatchObject({ status: 0, isFinal: true, text: new Uint8Array(0) });
    expect(login.node.admissions[0]?.session.immediateData).toBe(false);
  });

  it('is given up when the initiator passes it over', () => {
    const login = new Login();
    login.node.offers = { ...OFFERS_DEFAULT, ImmediateData: false };
    login.send(NAMES);
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
    expect(login.node.admissions[0]?.session.immediateData).toBe(true);
  });
});

describe('whatever an initiator sends', () => {
  it('each request gets one reply, nothing throws, and nobody enters without admission', () => {
    const anyHeader = fc.uint8Array({ minLength: BHS_BYTES, maxLength: BHS_BYTES });
    const text = fc.oneof(
      fc.constantFrom(NAMES, '', `${NAMES}SessionType=Discovery|`, 'HeaderDigest=CRC32C|', 'AuthMethod=None|', 'X=1|'),
      fc.string({ maxLength: 40 }),
    );
    const fields = fc.record({
      isTransit: fc.boolean(),
      isContinued: fc.boolean(),
      csg: fc.integer({ min: 0, max: 3 }),
      nsg: fc.integer({ min: 0, max: 3 }),
      cid: fc.constantFrom(1, 1, 1, 2),
      tsih: fc.constantFrom(0, 0, 1),
    });
    const property = fc.property(fc.array(fc.tuple(text, fields), { maxLength: 6 }), anyHeader, (all, bytes) => {
      const login = new Login();
      let isOver = false;
      for (const [data, requestFields] of all) {
        const reply = login.send(data, requestFields);
        expect(isOver && !reply.isFatal).toBe(false);
        if (reply.isFinal) expect(login.node.admissions.length).toBe(1);
        isOver ||= reply.isFatal || reply.isFinal;
      }
      const header = new Bhs();
      header.decode(bytes, new DataView(bytes.buffer, bytes.byteOffset), 0);
      header.dataSegmentBytes = 0;
      expect(login.machine.receive(header, bytes, BHS_BYTES)).not.toBeNull();
    });
    fc.assert(property, { seed, numRuns: 500 });
  });
});

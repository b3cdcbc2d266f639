/**
 * The login phase (RFC 7143 6.3, 11.12, 11.13): whole logins and every refusal. Requests go in as the bytes an initiator
 * writes; only the directory, the port to the node, is a fake.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BHS_BYTES, Bhs } from '../../../../src/iscsi/codec/bhs.ts';
import { writeLoginRequest } from '../../../../src/iscsi/codec/encode-initiator.ts';
import type { TextPair } from '../../../../src/iscsi/codec/text.ts';
import { type AuthenticationStep, type Authenticator, NoneAuthenticator } from '../../../../src/iscsi/protocol/auth.ts';
import { LoginMachine, type LoginReply } from '../../../../src/iscsi/protocol/login.ts';
import {
  type LoginAdmission,
  type LoginAdmitted,
  type LoginDirectory,
  type LoginRefusal,
  type LoginTarget,
  refuseLogin,
} from '../../../../src/iscsi/protocol/login-directory.ts';
import { type NegotiationOffers, OFFERS_DEFAULT } from '../../../../src/iscsi/protocol/parameters.ts';
import { seededRandom } from '../../../random.ts';
import { textBytes } from '../../../vectors/iscsi/texts.ts';

const { seed } = seededRandom();

const INITIATOR = 'iqn.2001-04.com.example:host';
const TARGET = 'iqn.2001-04.com.example:disk';
const NAMES = `InitiatorName=${INITIATOR}|TargetName=${TARGET}|`;
const TSIH = 0x1234;

interface Session {
  readonly of: string;
}
type Outcome = LoginAdmitted<Session> | LoginRefusal;

/** A node with one target; says yes unless told otherwise. */
class Node implements LoginDirectory<LoginTarget, Session> {
  readonly admissions: LoginAdmission<LoginTarget, Session>[] = [];
  readonly asked: (readonly [string | null, string])[] = [];
  offers: NegotiationOffers = OFFERS_DEFAULT;
  alias: string | null = null;
  outcome: Outcome | null = { isAdmitted: true, tsih: TSIH, session: { of: TARGET } };
  refusal: LoginRefusal | null = null;
  newAuthenticator: () => Authenticator = () => new NoneAuthenticator();

  findTarget(targetName: string | null, initiatorName: string): LoginTarget | LoginRefusal {
    this.asked.push([targetName, initiatorName]);
    if (this.refusal !== null) return this.refusal;
    if (targetName !== null && targetName !== TARGET) return refuseLogin(0x0203);
    return { alias: this.alias, portalGroupTag: 7, offers: this.offers, newAuthenticator: this.newAuthenticator };
  }

  admit(admission: LoginAdmission<LoginTarget, Session>): Outcome | null {
    this.admissions.push(admission);
    return this.outcome;
  }
}

interface Request {
  readonly text?: string;
  readonly isTransit?: boolean;
  readonly isContinued?: boolean;
  readonly csg?: number;
  readonly nsg?: number;
  readonly versionMin?: number;
  readonly isidHigh?: number;
  readonly isidLow?: number;
  readonly tsih?: number;
  readonly cid?: number;
  readonly cmdSN?: number;
}

/** One connection that logs in. */
class Login {
  readonly node = new Node();
  readonly outcomes: Outcome[] = [];
  readonly machine = new LoginMachine<LoginTarget, Session>(this.node, {
    onAdmission: (outcome) => this.outcomes.push(outcome),
  });

  /** Sends one request; a T bit unless the fields say otherwise. */
  send(text: string, fields: Request = {}): LoginReply {
    const reply = this.sendBytes(textBytes(text), fields);
    expect(reply).not.toBeNull();
    return reply as LoginReply;
  }

  sendBytes(data: Uint8Array, fields: Request): LoginReply | null {
    const { isTransit = true, isContinued = false, csg = 1, nsg = 3, versionMin = 0, isidHigh = 0x00023d00 } = fields;
    const { isidLow = 0x0001, tsih = 0, cid = 1, cmdSN = 5 } = fields;
    const bytes = new Uint8Array(BHS_BYTES + data.length).fill(0x5a);
    const view = new DataView(bytes.buffer);
    const length = data.length;
    // writeLoginRequest clears NSG without T; a hostile initiator need not, so it is put back here.
    writeLoginRequest(
      view,
      0,
      isTransit,
      isContinued,
      csg,
      nsg,
      versionMin,
      versionMin,
      isidHigh,
      isidLow,
      tsih,
      42,
      cid,
      cmdSN,
      9,
      length,
    );
    bytes[1]! |= nsg;
    bytes.set(data, BHS_BYTES);
    const header = new Bhs();
    header.decode(bytes, view, 0);
    return this.machine.receive(header, bytes, BHS_BYTES);
  }
}

function textOf(reply: LoginReply): string {
  return new TextDecoder().decode(reply.text).replaceAll('\0', '|');
}

function expectRefused(reply: LoginReply | null, status: number): void {
  expect(reply).toMatchObject({ status, isFatal: true, isFinal: false, isTransit: false, isContinued: false, nsg: 0 });
}

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

describe('names', () => {
  it('are compared in their normal form', () => {
    const login = new Login();
    login.send(NAMES.replace('example:disk', 'EXAMPLE:Disk'));
    expect(login.node.asked).toEqual([[TARGET, INITIATOR]]);
  });

  it.each([
    ['no InitiatorName', `TargetName=${TARGET}|`, 0x0207],
    ['no TargetName', `InitiatorName=${INITIATOR}|`, 0x0207],
    ['no TargetName in a session said to be normal', `InitiatorName=${INITIATOR}|SessionType=Normal|`, 0x0207],
    ['nothing', '', 0x0207],
    ['no InitiatorName in a discovery session', 'SessionType=Discovery|', 0x0207],
    ['an InitiatorName that is none', `InitiatorName=host|TargetName=${TARGET}|`, 0x0200],
    ['an empty InitiatorName', `InitiatorName=|TargetName=${TARGET}|`, 0x0200],
    ['a TargetName that is none', `InitiatorName=${INITIATOR}|TargetName=disk|`, 0x0203],
    ['a target nobody knows', `InitiatorName=${INITIATOR}|TargetName=${TARGET}2|`, 0x0203],
    ['a session type nobody knows', `${NAMES}SessionType=Boot|`, 0x0209],
  ])('with %s are refused', (_, text, status) => {
    for (const [csg, nsg] of [
      [0, 1],
      [1, 3],
    ] as const) {
      expectRefused(new Login().send(text, { csg, nsg }), status);
    }
  });

  it('must stand in the first text', () => {
    const login = new Login();
    expectRefused(login.send(`InitiatorName=${INITIATOR}|`, { isTransit: false }), 0x0207);
  });
});

describe('a request is refused', () => {
  const wrong: readonly (readonly [string, Request, number])[] = [
    ['with a version above ours', { versionMin: 1 }, 0x0205],
    ['in full feature phase', { csg: 3, nsg: 3 }, 0x0200],
    ['in the reserved stage', { csg: 2, nsg: 3 }, 0x0200],
    ['going nowhere, from security', { csg: 0, nsg: 0 }, 0x0200],
    ['going nowhere, from operational', { csg: 1, nsg: 1 }, 0x0200],
    ['going back', { csg: 1, nsg: 0 }, 0x0200],
    ['going to the reserved stage', { csg: 0, nsg: 2 }, 0x0200],
    ['going to the reserved stage from operational', { csg: 1, nsg: 2 }, 0x0200],
    ['with both C and T', { isContinued: true }, 0x0200],
  ];

  it.each(wrong)('%s', (_, fields, status) => {
    const login = new Login();
    expectRefused(login.send(NAMES, fields), status);
    expect(login.node.admissions).toEqual([]);
  });

  const changed: readonly (readonly [string, Request])[] = [
    ['a different ISID', { isidHigh: 0x00023d01 }],
    ['a different end of the ISID', { isidLow: 2 }],
    ['a different TSIH', { tsih: 1 }],
    ['a different CID', { cid: 2 }],
    ['an earlier stage', { csg: 0, nsg: 1 }],
  ];

  it.each(changed)('that goes on with %s', (_, fields) => {
    const login = new Login();
    expect(login.send(NAMES, { isTransit: false }).status).toBe(0);
    expectRefused(login.send('', fields), 0x0200);
  });

  it('that goes on in a later stage without having moved there', () => {
    const login = new Login();
    login.send(NAMES, { csg: 0, nsg: 0, isTransit: false });
    expectRefused(login.send('', { csg: 1 }), 0x0200);
  });

  it.each([
    ['no closing zero byte', 'MaxBurstLength=512'],
    ['no "="', 'MaxBurstLength|'],
    ['no key', '=512|'],
    ['one key twice', 'MaxBurstLength=512|MaxBurstLength=512|'],
    ['an unknown key twice', 'X-a=1|X-a=1|'],
  ])('whose text has %s', (_, text) => {
    expectRefused(new Login().send(`${NAMES}${text}`), 0x0200);
  });

  it('that negotiates a key anew', () => {
    const login = new Login();
    login.send(`${NAMES}MaxBurstLength=512|`, { isTransit: false });
    expectRefused(login.send('MaxBurstLength=512|'), 0x0200);
  });

  it('that names itself anew', () => {
    const login = new Login();
    login.send(NAMES, { csg: 0, nsg: 1 });
    expectRefused(login.send(`InitiatorName=${INITIATOR}|`), 0x0200);
  });

  it('with more than 8192 bytes of data', () => {
    const login = new Login();
    expectRefused(login.sendBytes(new Uint8Array(8193), {}), 0x0200);
  });

  it('after a refusal', () => {
    const login = new Login();
    login.send('');
    expectRefused(login.send(NAMES), 0x0200);
    expect(login.node.asked).toEqual([]);
  });

  it('when the connection says so', () => {
    const login = new Login();
    login.send(NAMES, { isTransit: false });
    expectRefused(login.machine.refuse(0x020b), 0x020b);
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

describe('the security stage', () => {
  it('refuses an initiator that does not take None', () => {
    expectRefused(new Login().send(`${NAMES}AuthMethod=CHAP|`, { csg: 0, nsg: 1 }), 0x0201);
    expectRefused(new Login().send(`${NAMES}AuthMethod=|`, { csg: 0, nsg: 1 }), 0x0201);
  });

  it('refuses AuthMethod a second time', () => {
    const login = new Login();
    login.send(`${NAMES}AuthMethod=None|`, { csg: 0, nsg: 0, isTransit: false });
    expectRefused(login.send('AuthMethod=None|', { csg: 0, nsg: 1 }), 0x0200);
  });

  it('does not understand the keys of methods that were not chosen', () => {
    const reply = new Login().send(`${NAMES}AuthMethod=None|CHAP_A=5|`, { csg: 0, nsg: 1 });
    expect(textOf(reply)).toBe('TargetPortalGroupTag=7|AuthMethod=None|CHAP_A=NotUnderstood|');
  });

  it('refuses AuthMethod in the operational stage by value', () => {
    expect(textOf(new Login().send(`${NAMES}AuthMethod=None|`))).toContain('AuthMethod=Reject|');
  });

  it('refuses the digests by value, for the operational stage to settle', () => {
    const login = new Login();
    expect(textOf(login.send(`${NAMES}DataDigest=CRC32C|`, { csg: 0, nsg: 3 }))).toContain('DataDigest=Reject|');
    expect(login.machine.connectionParameters.hasDataDigest).toBe(false);
  });

  /** A method of two steps, as CHAP is. */
  class TwoSteps implements Authenticator {
    isComplete = false;
    authenticate(pairs: readonly TextPair[]): AuthenticationStep {
      const value = pairs.find(({ key }) => key === 'CHAP_R')?.value ?? null;
      if (value === null) return { status: 0, answers: [{ key: 'CHAP_C', value: '0x01' }] };
      this.isComplete = value === 'right';
      return { status: this.isComplete ? 0 : 0x0201, answers: [] };
    }
  }

  function guarded(): Login {
    const login = new Login();
    login.node.newAuthenticator = () => new TwoSteps();
    return login;
  }

  it('is not left before the authenticator is content, whatever T says', () => {
    const login = guarded();
    const challenge = login.send(`${NAMES}AuthMethod=CHAP|`, { csg: 0, nsg: 3 });
    expect(challenge).toMatchObject({ status: 0, isTransit: false, isFinal: false });
    expect(textOf(challenge)).toBe('TargetPortalGroupTag=7|CHAP_C=0x01|');
    expect(login.node.admissions).toEqual([]);
    expect(login.send('CHAP_R=right|', { csg: 0, nsg: 1 })).toMatchObject({ status: 0, isTransit: true, nsg: 1 });
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
  });

  it('ends the login when the authenticator says no', () => {
    const login = guarded();
    login.send(`${NAMES}AuthMethod=CHAP|`, { csg: 0, nsg: 1 });
    expectRefused(login.send('CHAP_R=wrong|', { csg: 0, nsg: 1 }), 0x0201);
    expect(login.node.admissions).toEqual([]);
  });

  it('may not be skipped when the authenticator wants it', () => {
    const login = guarded();
    expectRefused(login.send(NAMES), 0x0201);
    expect(login.node.admissions).toEqual([]);
  });
});

describe('the node', () => {
  it.each([0x0202, 0x0203, 0x0204, 0x0301])('may refuse the target with status %i', (status) => {
    const login = new Login();
    login.node.refusal = refuseLogin(status);
    expectRefused(login.send(NAMES, { csg: 0, nsg: 1 }), status);
  });

  it('may say that a target has moved, and where to', () => {
    const login = new Login();
    login.node.refusal = { isAdmitted: false, status: 0x0101, targetAddress: '192.0.2.7:3260,1' };
    const reply = login.send(NAMES);
    expectRefused(reply, 0x0101);
    expect(textOf(reply)).toBe('TargetAddress=192.0.2.7:3260,1|');
  });

  it.each([0x0206, 0x0208, 0x020a, 0x0302])('may refuse admission with status %i', (status) => {
    const login = new Login();
    login.node.outcome = refuseLogin(status);
    const reply = login.send(NAMES, { tsih: 3 });
    expectRefused(reply, status);
    expect(reply).toMatchObject({ tsih: 3, text: new Uint8Array(0) });
    expect(login.machine.admitted).toBeNull();
  });

  it('is told of a session to join, whose own keys are then not negotiated', () => {
    const login = new Login();
    const reply = login.send(`${NAMES}MaxBurstLength=512|HeaderDigest=CRC32C|`, { tsih: 3, cid: 2 });
    expect(textOf(reply)).toBe(
      'TargetPortalGroupTag=7|MaxBurstLength=Reject|HeaderDigest=CRC32C|MaxRecvDataSegmentLength=262144|',
    );
    expect(login.node.admissions[0]).toMatchObject({ tsih: 3, cid: 2, connection: { hasHeaderDigest: true } });
  });

  it('may take its time to admit', () => {
    const login = new Login();
    login.node.outcome = null;
    expect(login.sendBytes(textBytes(`${NAMES}InitialR2T=Yes|`), {})).toBeNull();
    expect(login.machine.admitted).toBeNull();
    const reply = login.machine.onAdmission({ isAdmitted: true, tsih: 9, session: { of: TARGET } });
    expect(reply).toMatchObject({ status: 0, isTransit: true, isFinal: true, tsih: 9, initiatorTaskTag: 42 });
    expect(textOf(reply as LoginReply)).toBe('TargetPortalGroupTag=7|InitialR2T=Yes|MaxRecvDataSegmentLength=262144|');
    expect(login.machine.admitted).toMatchObject({ tsih: 9 });
  });

  it('may take its time to refuse', () => {
    const login = new Login();
    login.node.outcome = null;
    login.sendBytes(textBytes(NAMES), {});
    expectRefused(login.machine.onAdmission(refuseLogin(0x0302)), 0x0302);
  });

  it('is waited for: a request in the meantime ends the login, and the answer finds nobody', () => {
    const login = new Login();
    login.node.outcome = null;
    login.sendBytes(textBytes(NAMES), {});
    expectRefused(login.send(''), 0x0200);
    expect(login.machine.onAdmission({ isAdmitted: true, tsih: 9, session: { of: TARGET } })).toBeNull();
    expect(login.machine.admitted).toBeNull();
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

/** Logins that are refused (RFC 7143 11.13.5): by the machine, by the authenticator, by the node. */
import { describe, expect, it } from 'vitest';
import type { TextPair } from '../../../../../src/iscsi/codec/text.ts';
import type { AuthenticationStep, Authenticator } from '../../../../../src/iscsi/protocol/login/auth.ts';
import type { LoginReply } from '../../../../../src/iscsi/protocol/login/login.ts';
import { refuseLogin } from '../../../../../src/iscsi/protocol/login/login-directory.ts';
import type { IncomingPdu } from '../../../../initiator/incoming-pdu.ts';
import { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';
import { textBytes } from '../../../../vectors/iscsi/texts.ts';
import { expectRefused, INITIATOR, Login, NAMES, type Request, TARGET, textOf } from './login-initiator.ts';

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

  it('not for saying its names again as they were, which libiscsi does after AuthMethod=None', () => {
    const login = new Login();
    login.send(`${NAMES}SessionType=Normal|AuthMethod=CHAP,None|`, { csg: 0, nsg: 1 });
    const reply = login.send(`${NAMES}SessionType=Normal|InitialR2T=Yes|`);
    expect(reply).toMatchObject({ status: 0, isFinal: true });
    expect(textOf(reply)).toBe('InitialR2T=Yes|MaxRecvDataSegmentLength=262144|');
  });

  it.each([`TargetName=${TARGET}2`, 'SessionType=Discovery'])('that changes its mind: %s', (pair) => {
    const login = new Login();
    login.send(`${NAMES}SessionType=Normal|`, { csg: 0, nsg: 1 });
    expectRefused(login.send(`${pair}|`), 0x0200);
  });

  it('that gives itself another name', () => {
    const login = new Login();
    login.send(NAMES, { csg: 0, nsg: 1 });
    expectRefused(login.send(`InitiatorName=${INITIATOR}2|`), 0x0200);
  });

  it('with more than 8192 bytes of data', () => {
    const login = new Login();
    expectRefused(login.sendBytes(new Uint8Array(8193), {}), 0x0200);
  });

  it('with more than 8192 bytes of data, as an answer to that request', () => {
    const target = new SimulatedTarget();
    const [connection] = target.connect(new InitiatorSession());
    const answers: IncomingPdu[] = [];
    connection.log = answers;
    connection.tamper = (pdu) => {
      pdu.data = Buffer.alloc(8193);
      pdu.fitLengths();
      return [pdu];
    };
    connection.logIn();
    target.time.settle();
    expect(connection.loginStatus).toBe(0x0200);
    expect(answers.map(({ bhs }) => bhs.initiatorTaskTag)).toEqual([connection.session.loginTag]);
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
    readonly userName = null;
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

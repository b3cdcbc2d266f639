/** Where a login is sent or refused for reasons of the target's: redirection (RFC 7143 11.13.5) and quotas of sessions. */
import { describe, expect, it } from 'vitest';
import {
  ASYNC_LOGOUT_REQUEST,
  ASYNC_SCSI_EVENT,
  LOGIN_AUTHORIZATION_FAILURE,
  LOGIN_OUT_OF_RESOURCES,
  LOGIN_SUCCESS,
  LOGIN_TARGET_MOVED_PERMANENTLY,
  LOGIN_TARGET_MOVED_TEMPORARILY,
} from '../../../../../src/iscsi/codec/constants.ts';
import { quotaStatus } from '../../../../../src/iscsi/protocol/session/session-quota.ts';
import type { InitiatorConnection } from '../../../../initiator/initiator-connection.ts';
import { InitiatorSession } from '../../../../initiator/initiator-session.ts';
import { type InitiatorSettings, SETTINGS_DEFAULT } from '../../../../initiator/settings.ts';
import { LIMITS, SimulatedTarget } from '../../../../sim/simulated-target.ts';

const TARGET_NAME = SETTINGS_DEFAULT.targetName as string;

function tryLogin(target: SimulatedTarget, settings: Partial<InitiatorSettings> = {}): InitiatorConnection {
  const [connection] = target.connect(new InitiatorSession(settings));
  connection.logIn();
  target.time.settle();
  return connection;
}

describe('redirection', () => {
  it('refuses a login with the portal to go to, temporarily or for good', () => {
    const target = new SimulatedTarget();
    target.registry.redirect(TARGET_NAME, { address: '192.0.2.7:3260', isPermanent: false });
    let heard = '';
    const trace = (direction: string, bytes: Buffer) => {
      if (direction === '<') heard += bytes.toString('latin1');
    };
    const [connection] = target.connect(new InitiatorSession(), { trace });
    connection.logIn();
    target.time.settle();
    expect(connection.loginStatus).toBe(LOGIN_TARGET_MOVED_TEMPORARILY);
    expect(heard).toContain('TargetAddress=192.0.2.7:3260\0');
    target.registry.redirect(TARGET_NAME, { address: '[2001:db8::7]:3260', isPermanent: true });
    expect(tryLogin(target).loginStatus).toBe(LOGIN_TARGET_MOVED_PERMANENTLY);
    target.registry.redirect(TARGET_NAME, null);
    expect(tryLogin(target).loginStatus).toBe(LOGIN_SUCCESS);
  });

  it('asks those who are logged in to log out, and closes who does not', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    const elsewhere = { address: '192.0.2.7:3260', isPermanent: false };
    target.time.enter(() => target.registry.redirect(TARGET_NAME, elsewhere));
    target.time.settle();
    expect(session.asyncMessages.map(({ bhs }) => bhs.asyncEvent)).toEqual([ASYNC_LOGOUT_REQUEST]);
    expect(session.isOpen).toBe(true);
    target.time.advance(3000);
    expect(session.isOpen).toBe(false);
    expect(target.leftover).toBeNull();
  });
});

describe('a changed LUN inventory', () => {
  it('is told by an Async Message with sense data, once for each session', () => {
    const target = new SimulatedTarget();
    const session = target.logIn();
    target.time.enter(() => target.registry.reportLunsChanged(TARGET_NAME));
    target.time.settle();
    expect(session.asyncMessages).toHaveLength(1);
    const [message] = session.asyncMessages;
    expect(message?.bhs.asyncEvent).toBe(ASYNC_SCSI_EVENT);
    const data = Buffer.from(message?.data ?? []);
    expect(data.readUInt16BE(0)).toBe(18);
    expect([data[2], data[4], data[14], data[15]]).toEqual([0x70, 0x06, 0x3f, 0x0e]);
  });
});

describe('quotas of sessions', () => {
  it('refuse one session more than a target takes, and none that replaces another', () => {
    const sessions = { perTargetMax: 2, perInitiatorMax: 2, isOneHost: false };
    const target = new SimulatedTarget({ limits: { ...LIMITS, sessions } });
    expect(tryLogin(target, { isidLow: 1 }).loginStatus).toBe(LOGIN_SUCCESS);
    expect(tryLogin(target, { isidLow: 2 }).loginStatus).toBe(LOGIN_SUCCESS);
    expect(tryLogin(target, { isidLow: 3 }).loginStatus).toBe(LOGIN_OUT_OF_RESOURCES);
    expect(tryLogin(target, { isidLow: 2 }).loginStatus).toBe(LOGIN_SUCCESS);
    expect(tryLogin(target, { targetName: null }).loginStatus).toBe(LOGIN_SUCCESS);
  });

  const identity = {
    initiatorName: 'iqn.2001-04.com.example:a',
    isid: '00023d000001',
    tsih: 0,
    targetName: TARGET_NAME,
    targetPortalGroupTag: 1,
    remoteHost: '192.0.2.1',
  };
  const other = { ...identity, initiatorName: 'iqn.2001-04.com.example:b', tsih: 7, remoteHost: '192.0.2.2' };

  it('count an initiator’s sessions by themselves', () => {
    const quota = { perTargetMax: 100, perInitiatorMax: 1, isOneHost: false };
    expect(quotaStatus(quota, identity, [other])).toBe(LOGIN_SUCCESS);
    expect(quotaStatus(quota, identity, [{ ...identity, tsih: 8 }])).toBe(LOGIN_OUT_OF_RESOURCES);
  });

  it('with one host only refuse another address as long as the first is logged in to that target', () => {
    const quota = { perTargetMax: 100, perInitiatorMax: 100, isOneHost: true };
    expect(quotaStatus(quota, identity, [])).toBe(LOGIN_SUCCESS);
    expect(quotaStatus(quota, identity, [other])).toBe(LOGIN_AUTHORIZATION_FAILURE);
    expect(quotaStatus(quota, identity, [{ ...other, remoteHost: identity.remoteHost }])).toBe(LOGIN_SUCCESS);
    expect(quotaStatus(quota, identity, [{ ...other, targetName: 'iqn.2001-04.com.example:else' }])).toBe(
      LOGIN_SUCCESS,
    );
  });
});

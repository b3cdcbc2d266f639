/** Refused logins: all are counted, and the log hears of each source once a minute. */
import { describe, expect, it } from 'vitest';
import {
  LoginRefusals,
  REFUSAL_QUIET_MS,
  REFUSAL_SOURCES_MAX,
  type RefusedLogin,
} from '../../../../../src/iscsi/protocol/login/login-refusals.ts';
import { Login, NAMES, TARGET } from './login-initiator.ts';

type Line = Readonly<Record<string, string | number | boolean>>;

class Log {
  nowMs = 1000;
  readonly info: Line[] = [];
  readonly debug: Line[] = [];
  readonly refusals = new LoginRefusals(
    { nowMs: () => this.nowMs },
    {
      note: (level, event, fields) => {
        expect(event).toBe('login refused');
        (level === 'info' ? this.info : this.debug).push(fields);
      },
    },
  );

  refuse(remoteAddress: string, changes: Partial<RefusedLogin> = {}): void {
    const nothing = { initiatorName: null, targetName: null, reason: null };
    this.refusals.note({ status: 0x0201, remoteAddress, ...nothing, ...changes });
  }
}

describe('a refused login', () => {
  it('is told with what is known of it', () => {
    const log = new Log();
    log.refuse('192.0.2.7:1', { initiatorName: 'iqn.i', targetName: 'iqn.t', reason: 'why' });
    expect(log.info).toEqual([
      {
        remote: '192.0.2.7:1',
        status: '0x0201',
        meaning: 'authentication failure',
        reason: 'why',
        initiator: 'iqn.i',
        target: 'iqn.t',
      },
    ]);
  });

  it('is told once per address and minute, whatever its port, and then how many more there were', () => {
    const log = new Log();
    for (let port = 1; port <= 5; port++) log.refuse(`192.0.2.7:${port}`);
    log.refuse('192.0.2.8:1');
    log.refuse('[2001:db8::1]:1');
    const told = [{ remote: '192.0.2.7:1' }, { remote: '192.0.2.8:1' }, { remote: '[2001:db8::1]:1' }];
    expect(log.info).toMatchObject(told);
    expect(log.info.length).toBe(3);
    expect(log.debug.length).toBe(4);
    log.nowMs += REFUSAL_QUIET_MS - 1;
    log.refuse('192.0.2.7:6');
    expect(log.info.length).toBe(3);
    log.nowMs += 1;
    log.refuse('192.0.2.7:7');
    expect(log.info.at(-1)).toMatchObject({ remote: '192.0.2.7:7', moreInTheLastMinute: 5 });
    log.refuse('192.0.2.8:2');
    expect(log.info.at(-1)).not.toHaveProperty('moreInTheLastMinute');
  });

  it('is counted by status, told or not', () => {
    const log = new Log();
    for (let i = 0; i < 3; i++) log.refuse('192.0.2.7:1');
    log.refuse('192.0.2.7:1', { status: 0x0202 });
    expect([...log.refusals.counts]).toEqual([
      [0x0201, 3],
      [0x0202, 1],
    ]);
  });

  it('of more sources than are remembered is counted only, until a minute is over', () => {
    const log = new Log();
    for (let i = 0; i < REFUSAL_SOURCES_MAX + 10; i++) log.refuse(`10.0.${i >>> 8}.${i & 255}:1`);
    expect(log.info.length).toBe(REFUSAL_SOURCES_MAX);
    expect(log.refusals.counts.get(0x0201)).toBe(REFUSAL_SOURCES_MAX + 10);
    log.nowMs += REFUSAL_QUIET_MS;
    log.refuse('10.9.9.9:1');
    expect(log.info.length).toBe(REFUSAL_SOURCES_MAX + 1);
  });
});

describe('the login machine', () => {
  it('knows names and reason of what it refused', () => {
    const login = new Login();
    login.send(`${NAMES}AuthMethod=CHAP|`, { csg: 0, nsg: 1 });
    expect(login.machine.targetName).toBe(TARGET);
    expect(login.machine.refusalReason).toContain('AuthMethod=None');
  });
});

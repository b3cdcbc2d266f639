/** Which rule of a target decides for whom. */
import { describe, expect, it } from 'vitest';
import {
  type AccessConditions,
  AccessList,
  type AccessRule,
  type Asker,
  askerOf,
} from '../../../../../src/iscsi/protocol/access/access-list.ts';
import { AddressRange } from '../../../../../src/iscsi/protocol/access/address-range.ts';
import { InitiatorPattern } from '../../../../../src/iscsi/protocol/access/initiator-pattern.ts';
import type { ScsiTargetDevice } from '../../../../../src/scsi/target-device.ts';

const HOST = 'iqn.2001-04.com.example:host';
const ANYONE: AccessConditions = { initiator: null, address: null, user: null };

function rule(conditions: Partial<AccessConditions>, isReadOnly = false): AccessRule {
  return { ...ANYONE, ...conditions, grant: { device: {} as ScsiTargetDevice, isReadOnly } };
}

const named = (text: string) => ({ initiator: InitiatorPattern.parse(text) as InitiatorPattern });
const from = (text: string) => ({ address: AddressRange.parse(text) as AddressRange });

function asker(changes: { name?: string; remote?: string; user?: string | null } = {}): Asker {
  const { name = HOST, remote = '192.0.2.7:40000', user = null } = changes;
  return askerOf(name, remote, user);
}

describe('an access list', () => {
  it('without a rule lets nobody in', () => {
    const list = new AccessList([]);
    expect(list.find(asker())).toBeNull();
    expect(list.mayEnter(asker())).toBe(false);
  });

  it('a rule without conditions lets everyone in', () => {
    const open = rule({});
    expect(new AccessList([open]).find(asker())).toBe(open.grant);
    expect(new AccessList([open]).find(asker({ remote: 'no address' }))).toBe(open.grant);
  });

  it('the first rule that fits decides', () => {
    const rules = [rule({ ...named('*:other') }), rule({ ...named('*:host') }, true), rule({})];
    expect(new AccessList(rules).find(asker())).toBe(rules[1]?.grant);
    expect(new AccessList(rules).find(asker({ name: `${HOST}2` }))).toBe(rules[2]?.grant);
  });

  it('all conditions of a rule must be right', () => {
    const list = new AccessList([rule({ ...named('*:host'), ...from('192.0.2.0/24'), user: 'alice' })]);
    expect(list.find(asker({ user: 'alice' }))).not.toBeNull();
    expect(list.find(asker({ user: 'alice', remote: '[::ffff:192.0.2.9]:1' }))).not.toBeNull();
    expect(list.find(asker({ user: 'Alice' }))).toBeNull();
    expect(list.find(asker())).toBeNull();
    expect(list.find(asker({ user: 'alice', remote: '192.0.3.1:1' }))).toBeNull();
    expect(list.find(asker({ user: 'alice', remote: 'no address' }))).toBeNull();
    expect(list.find(asker({ user: 'alice', name: `${HOST}2` }))).toBeNull();
  });

  it('who has proved nothing yet may enter where a user is all that is missing', () => {
    const list = new AccessList([rule({ ...named('*:host'), user: 'alice' })]);
    expect(list.mayEnter(asker())).toBe(true);
    expect(list.mayEnter(asker({ user: 'alice' }))).toBe(true);
    expect(list.mayEnter(asker({ user: 'bob' }))).toBe(false);
    expect(list.mayEnter(asker({ name: `${HOST}2` }))).toBe(false);
  });
});

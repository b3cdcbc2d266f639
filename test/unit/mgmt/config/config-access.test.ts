/** access and discoveryFilter: what rules mean, and what is no rule. */
import { describe, expect, it } from 'vitest';
import { type Asker, askerOf } from '../../../../src/iscsi/protocol/access/access-list.ts';
import { resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import { ConfigError } from '../../../../src/mgmt/config/config-error.ts';
import type { AccessRuleConfig, Configuration } from '../../../../src/mgmt/config/configuration.ts';
import { Authentications, everyLun, guardTarget } from '../../../../src/mgmt/target-guard.ts';
import type { ScsiTargetDevice } from '../../../../src/scsi/target-device.ts';

const TARGET = 'iqn.2026-11.org.example:a';
const ACCESS = `iscsitargets["${TARGET}"].access`;
const HOST = 'iqn.2001-04.com.example:host';

function read(access: unknown, rest: object = {}): Configuration {
  const target = { luns: { '0': 1, '2': 2, '3': 9 }, access, ...rest };
  const content = {
    storages: [
      { deviceID: 1, path: 'null:' },
      { deviceID: 2, path: 'null:' },
      { deviceID: 3, path: 'null:' },
      { deviceID: 9, path: 'null:', online: false },
    ],
    iscsiportals: [{ id: 0, portal: '127.0.0.1' }],
    iscsitargets: { [TARGET]: target },
  };
  return resolveConfig(parseConfigDocument('test.json', JSON.stringify(content)), '/nowhere');
}

function rulesOf(access: unknown, rest: object = {}): readonly AccessRuleConfig[] {
  return read(access, rest).targets[0]?.access as readonly AccessRuleConfig[];
}

function lunsOf(access: unknown): (readonly [number, number])[] {
  const [rule] = rulesOf(access);
  return (rule as AccessRuleConfig).luns.map(({ lun, storage }) => [lun, storage.deviceID] as const);
}

function faultOf(access: unknown, rest: object = {}): ConfigError {
  try {
    read(access, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

describe('access', () => {
  it('left out lets everyone in, and nothing is filtered', () => {
    const { targets, discovery } = read(undefined);
    expect(targets[0]?.access).toBeNull();
    expect(discovery.isFiltered).toBe(false);
  });

  it('without a rule lets nobody in, and says so', () => {
    const { targets, warnings, discovery } = read([]);
    expect(targets[0]?.access).toEqual([]);
    expect(warnings.some((line) => line.includes('nobody may log in'))).toBe(true);
    expect(discovery.isFiltered).toBe(true);
  });

  it('a rule that says nothing fits everyone and gives what the target has', () => {
    expect(rulesOf([{}])).toMatchObject([{ initiator: null, address: null, user: null, isReadOnly: false }]);
    expect(lunsOf([{}])).toEqual([
      [0, 1],
      [2, 2],
    ]);
  });

  it('reads names, addresses and users', () => {
    const auth = { users: [{ user: 'alice', secret: 'a secret of alice' }] };
    const access = [{ initiator: 'IQN.2001-04.com.example:*', address: '192.0.2.0/24', user: 'alice', readOnly: true }];
    const [rule] = rulesOf(access, { auth });
    expect(rule?.initiator?.matches(HOST)).toBe(true);
    expect(rule?.initiator?.matches('iqn.2001-04.com.elsewhere:host')).toBe(false);
    const { address } = askerOf(HOST, '192.0.2.7:1', null);
    expect(rule?.address?.contains(address as Uint8Array)).toBe(true);
    expect(rule).toMatchObject({ user: 'alice', isReadOnly: true });
  });

  it('a list of LUNs shows those of the target under their numbers, whatever their order', () => {
    expect(lunsOf([{ luns: [2] }])).toEqual([[2, 2]]);
    expect(lunsOf([{ luns: [2, 0] }])).toEqual([
      [0, 1],
      [2, 2],
    ]);
    expect(lunsOf([{ luns: [] }])).toEqual([]);
    expect(lunsOf([{ luns: [3] }]), 'its storage is not online').toEqual([]);
  });

  it('a map of LUNs is its own, with any storage', () => {
    expect(lunsOf([{ luns: { '7': 3, '1': 1 } }])).toEqual([
      [1, 1],
      [7, 3],
    ]);
    expect(lunsOf([{ luns: {} }])).toEqual([]);
  });

  it('says of a rule that it never decides', () => {
    const { warnings } = read([{ luns: [0] }, { initiator: HOST }]);
    expect(warnings.filter((line) => line.includes('access[1] never decides')).length).toBe(1);
    expect(read([{ initiator: HOST }, {}]).warnings.some((line) => line.includes('never decides'))).toBe(false);
  });

  it.each<[string, unknown, string, string]>([
    ['an object', { initiator: HOST }, '', 'a list of at most'],
    ['a rule that is text', [HOST], '[0]', 'an object with initiator'],
    ['a name that is none', [{ initiator: 'host' }], '[0].initiator', 'an iSCSI name such as'],
    ['an empty name', [{ initiator: '' }], '[0].initiator', 'an iSCSI name such as'],
    ['a regular expression', [{ initiator: 'iqn\\..*(a|b)' }], '[0].initiator', 'an iSCSI name such as'],
    ['a list of names', [{ initiator: [HOST] }], '[0].initiator', 'an iSCSI name such as'],
    ['a host name', [{ address: 'host.example' }], '[0].address', 'an IPv4 or IPv6 address'],
    ['an address with a port', [{ address: '192.0.2.7:3260' }], '[0].address', 'an IPv4 or IPv6 address'],
    ['a network with host bits', [{ address: '192.0.2.7/24' }], '[0].address', 'bits beyond its first 24'],
    ['a long prefix', [{ address: '192.0.2.0/33' }], '[0].address', 'from 0 to 32'],
    ['a user without CHAP', [{ user: 'alice' }], '[0].user', 'does not demand CHAP'],
    ['a LUN the target does not have', [{ luns: [0, 1] }], '[0].luns[1]', 'a LUN that the target has'],
    ['a LUN that is text', [{ luns: ['0'] }], '[0].luns[0]', 'a LUN that the target has'],
    ['LUNs as a number', [{ luns: 0 }], '[0].luns', 'such as [0, 2]'],
    ['LUNs with text', [{ luns: { '0': 'disk' } }], '[0].luns', 'such as [0, 2]'],
    ['a LUN with an unknown storage', [{ luns: { '0': 77 } }], '[0].luns["0"]', 'no storage has this deviceID'],
    ['a LUN that is none', [{ luns: { x: 1 } }], '[0].luns.x', 'a LUN from 0 to 16383'],
    ['one storage twice', [{ luns: { '0': 1, '1': 1 } }], '[0].luns["1"]', 'LUN 0 of the target already'],
    ['readOnly as text', [{ readOnly: 'yes' }], '[0].readOnly', 'true or false'],
  ])('is not %s', (_, access, key, words) => {
    const fault = faultOf(access);
    expect(fault.key).toBe(`${ACCESS}${key}`);
    expect(fault.message).toContain(words);
  });

  it('names no user that the target does not have', () => {
    const auth = { users: [{ user: 'alice', secret: 'a secret of alice' }] };
    const fault = faultOf([{ user: 'Alice' }], { auth });
    expect(fault.key).toBe(`${ACCESS}[0].user`);
    expect(fault.describe()).toContain('no user of this name');
    expect(faultOf([{ user: 'alice' }], { auth: { method: 'none', ...auth } }).message).toContain(
      'does not demand CHAP',
    );
  });
});

describe('discoveryFilter', () => {
  const config = (isFiltered: boolean, access: unknown) => ({
    ...{ discoveryFilter: isFiltered, iscsiportals: [{ id: 0, portal: '127.0.0.1' }] },
    iscsitargets: { [TARGET]: { access } },
  });

  it('is what it says, whatever rules there are', () => {
    for (const isFiltered of [true, false]) {
      for (const access of [undefined, [{}]]) {
        const document = parseConfigDocument('test.json', JSON.stringify(config(isFiltered, access)));
        expect(resolveConfig(document, '/nowhere').discovery.isFiltered).toBe(isFiltered);
      }
    }
  });
});

describe('the guard of a target', () => {
  it('makes one device for each LUN map, and names every storage that somebody sees', () => {
    const [target] = read([{ initiator: HOST }, { luns: [0] }, { luns: { '0': 1 } }, { luns: { '0': 3 } }]).targets;
    if (target === undefined) throw new Error('no target');
    const made: string[] = [];
    const { device, guard } = guardTarget(target, new Authentications(), (luns) => {
      made.push(luns.map(({ lun, storage }) => `${lun}=${storage.deviceID}`).join());
      return {} as ScsiTargetDevice;
    });
    expect(made).toEqual(['0=1,2=2', '0=1', '0=3']);
    expect(new Set(everyLun(target).map(({ storage }) => storage.deviceID))).toEqual(new Set([1, 2, 3]));
    const give = (asker: Asker) => guard.access?.find(asker)?.device;
    expect(give(askerOf(HOST, '192.0.2.7:1', null))).toBe(device);
    expect(give(askerOf(`${HOST}2`, '192.0.2.7:1', null))).not.toBe(device);
  });
});

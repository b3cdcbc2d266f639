/** The key `alua` of a target: which access state each of its portal groups is to be in. */
import { describe, expect, it } from 'vitest';
import { configurationOf, resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import { ConfigError } from '../../../../src/mgmt/config/config-error.ts';
import type { Configuration } from '../../../../src/mgmt/config/configuration.ts';
import {
  STATE_ACTIVE_NON_OPTIMIZED,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_UNAVAILABLE,
} from '../../../../src/scsi/port/target-port.ts';

const KEY = 'iscsitargets["iqn.2026-11.org.example:a"].alua';
const GROUPS = `${KEY}.groups`;

function textOf(alua: unknown, tpgts: object | null = { '0': [4], '7': [5] }): string {
  return JSON.stringify({
    iscsiportals: [
      { id: 4, portal: '127.0.0.1:1' },
      { id: 5, portal: '127.0.0.1:2' },
    ],
    iscsitargets: { 'iqn.2026-11.org.example:a': { tpgts, alua } },
  });
}

function read(...args: Parameters<typeof textOf>): Configuration {
  return resolveConfig(parseConfigDocument('test.json', textOf(...args)), '/state');
}

function accesses({ targets }: Configuration): unknown {
  return targets[0]?.portalGroups.map(({ tag, access }) => [tag, access.state, access.isPreferred]);
}

function faultOf(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

describe('alua', () => {
  it.each([undefined, {}, { groups: {} }, { groups: { '7': {} } }])(
    'as %j leaves every group active, and to the initiators',
    (alua) => {
      const configuration = read(alua);
      expect(accesses(configuration)).toEqual([
        [0, STATE_ACTIVE_OPTIMIZED, false],
        [7, STATE_ACTIVE_OPTIMIZED, false],
      ]);
      expect(configuration.targets[0]?.isAccessExplicit).toBe(true);
      expect(configuration.warnings).toEqual([]);
    },
  );

  it.each([
    ['active/optimized', STATE_ACTIVE_OPTIMIZED],
    ['active/non-optimized', STATE_ACTIVE_NON_OPTIMIZED],
    ['standby', STATE_STANDBY],
    ['unavailable', STATE_UNAVAILABLE],
  ])('%s is a state', (state, expected) => {
    const configuration = read({ explicit: false, groups: { '7': { state }, '0': { preferred: true } } });
    expect(accesses(configuration)).toEqual([
      [0, STATE_ACTIVE_OPTIMIZED, true],
      [7, expected, false],
    ]);
    expect(configuration.targets[0]?.isAccessExplicit).toBe(false);
  });

  it('knows the group of a target without tpgts as 1', () => {
    const configuration = read({ groups: { '1': { state: 'active/non-optimized' } } }, null);
    expect(accesses(configuration)).toEqual([[1, STATE_ACTIVE_NON_OPTIMIZED, false]]);
  });

  it('holds for the one portal of the command line, too', () => {
    const file = { path: 'test.json', text: textOf({ groups: { '0': { state: 'standby' } } }) };
    const source = { stateDirectory: '/state', file, host: '127.0.0.1', port: 3, blocksMultipleHosts: false };
    expect(accesses(configurationOf(source))).toEqual([[0, STATE_STANDBY, false]]);
  });

  it('without an active group is warned of', () => {
    const { warnings } = read({ groups: { '0': { state: 'standby' }, '7': { state: 'unavailable' } } });
    expect(warnings).toEqual([expect.stringContaining('has no active group')]);
  });

  it.each([
    ['a tag that tpgts has not', { groups: { '1': {} } }, `${GROUPS}["1"]`, '1', 'it has 0, 7'],
    ['tag 07', { groups: { '07': {} } }, `${GROUPS}["07"]`, '07', 'from 0 to 65535'],
    ['tag 65536', { groups: { '65536': {} } }, `${GROUPS}["65536"]`, '65536', 'from 0 to 65535'],
    ['tag "x"', { groups: { x: {} } }, `${GROUPS}.x`, 'x', 'from 0 to 65535'],
    ['a state nobody knows', { groups: { '7': { state: 'offline' } } }, `${GROUPS}["7"].state`, 'offline', '"standby"'],
    [
      'a state nobody can want',
      { groups: { '7': { state: 'transitioning' } } },
      `${GROUPS}["7"].state`,
      'transitioning',
      'one of "active/optimized", "active/non-optimized", "standby", "unavailable"',
    ],
    ['a state as a number', { groups: { '7': { state: 2 } } }, `${GROUPS}["7"].state`, 2, 'one of "active'],
    ['a group that is its state', { groups: { '7': 'standby' } }, `${GROUPS}["7"]`, 'standby', 'an object with state'],
    ['a list of groups', { groups: [{ state: 'standby' }] }, GROUPS, [{ state: 'standby' }], '{"state": "standby"}'],
    [
      'preferred as text',
      { groups: { '7': { preferred: 'yes' } } },
      `${GROUPS}["7"].preferred`,
      'yes',
      'true or false',
    ],
    ['explicit as a number', { explicit: 1 }, `${KEY}.explicit`, 1, 'true or false'],
    ['alua as a state', 'standby', KEY, 'standby', 'an object with explicit and groups'],
  ])('%s is a fault', (_name, alua, key, value, message) => {
    expect(faultOf(() => read(alua))).toMatchObject({ key, value, message: expect.stringContaining(message) });
  });

  it('with the same tag twice is a fault', () => {
    const text = textOf({ groups: { '7': {} } }).replace('{"7":{}}', '{"7":{},"7":{"state":"standby"}}');
    expect(faultOf(() => parseConfigDocument('test.json', text)).message).toContain('stands twice');
  });

  it('with the same key in two spellings is a fault', () => {
    const text = textOf({ groups: { '7': {} } }).replace('"7":{}', '"7":{"state":"standby","State":"standby"}');
    expect(faultOf(() => parseConfigDocument('test.json', text)).message).toContain('a second time');
  });
});

/** The key `isns`. */
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import type { IsnsConfig } from '../../../../src/mgmt/config/configuration.ts';

function read(isns: unknown): IsnsConfig | null {
  const content = { iscsitargets: {}, ...(isns === undefined ? {} : { isns }) };
  return resolveConfig(parseConfigDocument('test.json', JSON.stringify(content)), '/state').isns;
}

describe('isns', () => {
  it('is nothing unless given', () => {
    expect(read(undefined)).toBeNull();
  });

  it.each([
    ['192.0.2.1', { host: '192.0.2.1', port: 3205 }],
    ['192.0.2.1:3206', { host: '192.0.2.1', port: 3206 }],
    ['isns.example.org', { host: 'isns.example.org', port: 3205 }],
    ['[2001:db8::1]', { host: '2001:db8::1', port: 3205 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 3205 }],
  ])('the server %s is %j', (server, address) => {
    expect(read({ server })).toEqual({ server: address, entity: null, registrationPeriodS: 300 });
  });

  it.each(['', ':3205', '192.0.2.1:0', '192.0.2.1:65536', 'no host', 'isns://192.0.2.1'])(
    'the server %j is a fault',
    (server) => {
      expect(() => read({ server })).toThrow('expected a host such as');
    },
  );

  it('takes a name and a period', () => {
    const isns = { server: 'a', entity: 'storage-1.example.org', registrationPeriodSeconds: 60 };
    expect(read(isns)).toMatchObject({ entity: 'storage-1.example.org', registrationPeriodS: 60 });
    expect(read({ server: 'a', entity: 'ü'.repeat(127) })?.entity).toHaveLength(127);
  });

  it.each([
    [{}, 'missing: expected a host'],
    [{ server: 'a', entity: '' }, 'expected 1 to 255 bytes'],
    [{ server: 'a', entity: 'ü'.repeat(128) }, 'expected 1 to 255 bytes'],
    [{ server: 'a', entity: 'iSNS:0001' }, 'do not begin with "isns:"'],
    [{ server: 'a', registrationPeriodSeconds: 9 }, 'from 10 to 86400'],
    ['a', 'expected an object with the server'],
  ])('%j is a fault', (isns, fault) => {
    expect(() => read(isns)).toThrow(fault);
  });
});

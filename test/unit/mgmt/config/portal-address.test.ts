import { describe, expect, it } from 'vitest';
import {
  formatPortalAddress,
  parsePortalAddress,
  portalAddressesClash,
} from '../../../../src/mgmt/config/portal-address.ts';

function address(text: string) {
  const parsed = parsePortalAddress(text);
  if (parsed === null) throw new Error(`${text} was not understood`);
  return parsed;
}

describe('portal addresses', () => {
  it.each([
    ['127.0.0.1:3260', '127.0.0.1', 3260],
    ['192.0.2.1', '192.0.2.1', 3260],
    ['0.0.0.0', '0.0.0.0', 3260],
    [':3261', '', 3261],
    ['[::1]:3260', '::1', 3260],
    ['[2001:DB8:0:0::1]:1', '2001:db8::1', 1],
    ['[::]', '::', 3260],
    ['::1', '::1', 3260],
    ['[fe80::1%eth0]:3260', 'fe80::1%eth0', 3260],
    ['storage-1.example.org:860', 'storage-1.example.org', 860],
    ['LocalHost', 'localhost', 3260],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['127.0.0.1:65535', '127.0.0.1', 65535],
  ])('%s is host %j port %i', (text, host, port) => {
    expect(parsePortalAddress(text)).toEqual({ host, port });
  });

  it.each([
    '',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:x',
    '127.0.0.1:',
    '127.0.0.256:3260',
    '127.0.0:3260',
    '3260',
    '[::1:3260',
    '[127.0.0.1]:3260',
    '[::1]3260',
    '2001:db8::1::2',
    'host name:3260',
    '-a:3260',
    'iscsi://127.0.0.1',
  ])('%j is no address', (text) => {
    expect(parsePortalAddress(text)).toBeNull();
  });

  it('writes what it reads', () => {
    expect(formatPortalAddress(address('[::1]:3260'))).toBe('[::1]:3260');
    expect(formatPortalAddress(address('192.0.2.1'))).toBe('192.0.2.1:3260');
  });

  it.each([
    ['127.0.0.1', '127.0.0.1:3260', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['127.0.0.1', ':3260', true],
    ['[::]', '[::1]', true],
    ['[0:0::1]', '[::1]', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', '127.0.0.1:3261', false],
    ['0.0.0.0', '[::1]', false],
    ['127.0.0.1:0', '127.0.0.1:0', false],
  ])('%s and %s at a time: clash %j', (a, b, clash) => {
    expect(portalAddressesClash(address(a), address(b))).toBe(clash);
    expect(portalAddressesClash(address(b), address(a))).toBe(clash);
  });
});

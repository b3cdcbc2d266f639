/** Addresses and CIDR ranges of access rules, and the border between IPv4 and IPv6. */
import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressRange } from '../../../../../src/iscsi/protocol/access/address-range.ts';
import { parseIpAddress } from '../../../../../src/iscsi/protocol/access/ip-address.ts';
import { seededRandom } from '../../../../random.ts';

function range(text: string): AddressRange {
  const parsed = AddressRange.parse(text);
  if (typeof parsed === 'string') throw new Error(`${text}: ${parsed}`);
  return parsed;
}

function isIn(text: string, address: string): boolean {
  return range(text).contains(parseIpAddress(address) as Uint8Array);
}

describe('a range', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['192.0.2.0/24', '192.0.2.255'],
    ['192.0.2.128/25', '192.0.2.128'],
    ['10.0.0.0/8', '10.255.255.255'],
    ['0.0.0.0/0', '203.0.113.9'],
    ['0.0.0.0/0', '::ffff:203.0.113.9'],
    ['192.0.2.0/24', '::ffff:192.0.2.9'],
    ['::ffff:192.0.2.0/120', '192.0.2.9'],
    ['::ffff:0:0/96', '192.0.2.9'],
    ['2001:db8::/32', '2001:db8:ffff::1'],
    ['2001:db8::7', '2001:DB8:0::0:7'],
    ['::1/128', '::1'],
    ['::/0', '::1'],
    ['fe80::/10', 'fe80::1%eth0'],
    ['8000::/1', 'ffff::'],
  ])('%s holds %s', (text, address) => {
    expect(isIn(text, address)).toBe(true);
  });

  it.each([
    ['192.0.2.7', '192.0.2.8'],
    ['192.0.2.0/24', '192.0.3.0'],
    ['192.0.2.128/25', '192.0.2.127'],
    ['192.0.2.0/31', '192.0.2.2'],
    ['0.0.0.0/0', '::1'],
    ['0.0.0.0/0', '::c000:207'],
    ['::/0', '192.0.2.7'],
    ['::/0', '::ffff:192.0.2.7'],
    ['2001:db8::/32', '2001:db9::'],
    ['::1', '::'],
    ['8000::/1', '7fff::'],
    ['10.0.0.0/8', 'a00::'],
  ])('%s does not hold %s', (text, address) => {
    expect(isIn(text, address)).toBe(false);
  });

  it.each([
    ['', 'such as'],
    ['host.example', 'such as'],
    ['192.0.2', 'such as'],
    ['192.0.2.0/24/24', 'such as'],
    ['[::1]', 'such as'],
    ['fe80::1%eth0', 'such as'],
    ['192.0.2.*', 'such as'],
    ['192.0.2.0/', 'prefix length from 0 to 32'],
    ['192.0.2.0/33', 'prefix length from 0 to 32'],
    ['192.0.2.0/-1', 'prefix length from 0 to 32'],
    ['192.0.2.0/024', 'prefix length from 0 to 32'],
    ['192.0.2.0/255.255.255.0', 'prefix length from 0 to 32'],
    ['2001:db8::/129', 'prefix length from 0 to 128'],
    ['192.0.2.7/24', 'bits beyond its first 24'],
    ['1.0.0.0/0', 'bits beyond its first 0'],
    ['2001:db8::1/64', 'bits beyond its first 64'],
  ])('"%s" is refused: %s', (text, words) => {
    expect(AddressRange.parse(text)).toContain(words);
  });

  it('holds what node:net puts into the same subnet, for random ones', () => {
    const { seed, below } = seededRandom();
    for (let i = 0; i < 2000; i++) {
      const isSix = below(2) === 0;
      const bytes = Array.from({ length: isSix ? 16 : 4 }, () => below(256));
      const prefix = below(bytes.length * 8 + 1);
      const near = bytes.slice();
      const flipped = below(bytes.length * 8);
      near[flipped >>> 3] = (near[flipped >>> 3] as number) ^ (0x80 >>> (flipped & 7));
      const network = bytes.map((byte, at) => byte & mask(prefix - at * 8));
      const list = new BlockList();
      list.addSubnet(written(network), prefix, isSix ? 'ipv6' : 'ipv4');
      const text = `${written(network)}/${prefix}`;
      const expected = list.check(written(near), isSix ? 'ipv6' : 'ipv4');
      expect(isIn(text, written(near)), `${text} ${written(near)} (SEED=${seed})`).toBe(expected);
      expect(isIn(text, written(bytes)), `${text} ${written(bytes)} (SEED=${seed})`).toBe(true);
    }
  });
});

/** The byte with its first `bits` bits set. */
function mask(bits: number): number {
  return bits <= 0 ? 0 : bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
}

function written(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return groups.join(':');
}

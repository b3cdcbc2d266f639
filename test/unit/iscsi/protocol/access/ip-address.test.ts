/** IP addresses as text: what is one, what is none, and that node:net agrees on both. */
import { isIP, SocketAddress } from 'node:net';
import { describe, expect, it } from 'vitest';
import { hostOf, isIpv4, parseIpAddress } from '../../../../../src/iscsi/protocol/access/ip-address.ts';
import { seededRandom } from '../../../../random.ts';

function hex(text: string): string | null {
  const address = parseIpAddress(text);
  return address === null ? null : Buffer.from(address).toString('hex');
}

describe('an address', () => {
  it.each([
    ['192.0.2.7', '00000000000000000000ffffc0000207'],
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['255.255.255.255', '00000000000000000000ffffffffffff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['2001:db8::7', '20010db8000000000000000000000007'],
    ['2001:DB8:0:0:0:0:0:7', '20010db8000000000000000000000007'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['::ffff:192.0.2.7', '00000000000000000000ffffc0000207'],
    ['::ffff:c000:207', '00000000000000000000ffffc0000207'],
    ['64:ff9b::192.0.2.7', '0064ff9b0000000000000000c0000207'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001'],
  ])('%s is %s', (text, expected) => {
    expect(hex(text)).toBe(expected);
  });

  it.each([
    ...['', ' ', 'localhost', '1', '1.2.3', '1.2.3.4.5', '256.0.0.1', '1.2.3.04', '1.2.3.-4', '1.2.3.4 ', '0x1.2.3.4'],
    ...['1..2.3', '.1.2.3.4', '1e1.2.3.4', ':', ':::', '1', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '::1::', '1:::2'],
    ...['12345::', '::g', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1.2.3.4::', '::1.2.3', '::1.2.3.4:5', '[::1]'],
    ...[':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:', '1:2:3:4:5:6:7:1.2.3.4', '١.٢.٣.٤'],
  ])('is not "%s"', (text) => {
    expect(parseIpAddress(text)).toBeNull();
  });

  it('is what node:net takes for one, for random texts near one', () => {
    const { seed, below } = seededRandom();
    const pieces = ['0', '1', '255', '256', 'ffff', 'FfFf', '12345', ':', '::', '.', '.', ':', 'g', '01', '1.2.3.4'];
    for (let i = 0; i < 20000; i++) {
      let text = '';
      for (let left = 1 + below(14); left > 0; left--) text += pieces[below(pieces.length)];
      expect(parseIpAddress(text) !== null, `${text} (SEED=${seed})`).toBe(isIP(text) !== 0);
    }
  });

  it('has the same bytes however it is written', () => {
    const { seed, below } = seededRandom();
    for (let i = 0; i < 500; i++) {
      const groups = Array.from({ length: 8 }, () => (below(2) === 0 ? 0 : below(0x10000)).toString(16));
      const text = groups.join(':');
      const short = new SocketAddress({ address: text, family: 'ipv6' }).address;
      expect(hex(short), `${text} (SEED=${seed})`).toBe(groups.map((group) => group.padStart(4, '0')).join(''));
    }
  });

  it('is IPv4 as a quad and mapped, and in no other form', () => {
    const isFour = (text: string) => isIpv4(parseIpAddress(text) as Uint8Array);
    expect(['192.0.2.7', '::ffff:192.0.2.7', '::ffff:0:0'].map(isFour)).toEqual([true, true, true]);
    expect(['::', '::1', '::192.0.2.7', '64:ff9b::192.0.2.7', '1::ffff:1.2.3.4'].map(isFour)).toEqual(
      new Array(5).fill(false),
    );
  });
});

describe('the host of a peer', () => {
  it.each([
    ['192.0.2.7:3260', '192.0.2.7'],
    ['[2001:db8::7]:3260', '2001:db8::7'],
    ['[::ffff:192.0.2.7]:1', '::ffff:192.0.2.7'],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0'],
    ['somewhere', 'somewhere'],
  ])('of %s is %s', (remote, host) => {
    expect(hostOf(remote)).toBe(host);
  });
});

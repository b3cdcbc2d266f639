/**
 * A source address, or a range of them in CIDR notation (RFC 4632 3.1, RFC 4291 2.3). IPv4 ranges hold IPv4 peers, however
 * the socket tells of them; an IPv6 range holds no IPv4 peer, so "::/0" is every IPv6 address and no more.
 */
import { IP_ADDRESS_BYTES, type IpAddress, isIpv4, MAPPED_PREFIX_BITS, parseIpAddress } from './ip-address.ts';

export class AddressRange {
  private readonly network: IpAddress;
  private readonly prefixBits: number;
  private readonly isIpv4: boolean;

  private constructor(network: IpAddress, prefixBits: number) {
    this.network = network;
    this.prefixBits = prefixBits;
    this.isIpv4 = prefixBits >= MAPPED_PREFIX_BITS && isIpv4(network);
  }

  /** The range, or what is wrong with `text`. */
  static parse(text: string): AddressRange | string {
    const [host, prefix, ...rest] = text.split('/') as [string, string | undefined, ...string[]];
    const network = host.includes('%') ? null : parseIpAddress(host);
    if (network === null || rest.length > 0) return ADDRESS_EXPECTED;
    const offsetBits = host.includes(':') ? 0 : MAPPED_PREFIX_BITS;
    const bitsMax = IP_ADDRESS_BYTES * 8 - offsetBits;
    const bits = prefix === undefined ? bitsMax : parsePrefix(prefix);
    if (bits === null || bits > bitsMax) return `expected a prefix length from 0 to ${bitsMax} after "/"`;
    if (hasBitsFrom(network, offsetBits + bits)) {
      return `the address has bits beyond its first ${bits}; write the network with zeros there, or a longer prefix`;
    }
    return new AddressRange(network, offsetBits + bits);
  }

  contains(address: IpAddress): boolean {
    if (isIpv4(address) !== this.isIpv4) return false;
    const wholeBytes = this.prefixBits >>> 3;
    for (let i = 0; i < wholeBytes; i++) if (address[i] !== this.network[i]) return false;
    const bits = this.prefixBits & 7;
    return bits === 0 || (address[wholeBytes]! ^ this.network[wholeBytes]!) >>> (8 - bits) === 0;
  }
}

export const ADDRESS_EXPECTED =
  'an IPv4 or IPv6 address or a range of them, such as "192.0.2.7", "192.0.2.0/24" or "2001:db8::/32"';

function parsePrefix(text: string): number | null {
  return /^(0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : null;
}

/** Whether any bit from `bit` on is set. */
function hasBitsFrom(address: IpAddress, bit: number): boolean {
  for (let i = bit; i < IP_ADDRESS_BYTES * 8; i++) {
    if ((address[i >>> 3]! & (0x80 >>> (i & 7))) !== 0) return true;
  }
  return false;
}

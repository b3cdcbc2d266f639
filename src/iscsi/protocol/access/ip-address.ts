/**
 * IP addresses as 16 bytes, IPv4 in its IPv4-mapped form (RFC 4291 2.5.5.2): a socket that listens on :: tells of an IPv4
 * peer so, and it is the same peer. Read by hand, digit by digit, so that no expression can be led astray.
 */

/** 16 bytes; IPv4 as ::ffff:a.b.c.d. */
export type IpAddress = Uint8Array;

export const IP_ADDRESS_BYTES = 16;
/** Bits before the IPv4 address in its mapped form. */
export const MAPPED_PREFIX_BITS = 96;

/** Null when `text` is neither dotted IPv4 nor IPv6 (RFC 4291 2.2, without brackets); a zone (%eth0) is left out. */
export function parseIpAddress(text: string): IpAddress | null {
  if (!text.includes(':')) {
    const quad = parseQuad(text);
    return quad === null ? null : mapped(quad);
  }
  const zone = text.indexOf('%');
  return parseIpv6(zone < 0 ? text : text.slice(0, zone));
}

/** Whether the address is IPv4, mapped or not. */
export function isIpv4(address: IpAddress): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

/** The host of "address:port" with IPv6 in brackets; what has no port is a host as it stands. */
export function hostOf(remoteAddress: string): string {
  const colon = remoteAddress.lastIndexOf(':');
  const host = colon < 0 ? remoteAddress : remoteAddress.slice(0, colon);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function mapped(quad: readonly number[]): IpAddress {
  const address = new Uint8Array(IP_ADDRESS_BYTES);
  address.fill(0xff, 10, 12);
  address.set(quad, 12);
  return address;
}

/** Four decimal numbers of 0 to 255 without leading zeros, which some read as octal. */
function parseQuad(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  const quad: number[] = [];
  for (const part of parts) {
    const number = digits(part, 3, 10);
    if (number === null || number > 255 || (part.length > 1 && part.startsWith('0'))) return null;
    quad.push(number);
  }
  return quad;
}

function parseIpv6(text: string): IpAddress | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1] as string, true);
  if (head === null || tail === null) return null;
  const missing = IP_ADDRESS_BYTES - head.length - tail.length;
  // "::" stands for one group of zeros at least.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return null;
  const address = new Uint8Array(IP_ADDRESS_BYTES);
  address.set(head);
  address.set(tail, IP_ADDRESS_BYTES - tail.length);
  return address;
}

/** Groups of 16 bits between colons as bytes; the last may be a dotted quad where `isEnd`. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (isEnd && i === groups.length - 1 && group.includes('.')) {
      const quad = parseQuad(group);
      if (quad === null) return null;
      bytes.push(...quad);
      continue;
    }
    const number = digits(group, 4, 16);
    if (number === null) return null;
    bytes.push(number >>> 8, number & 0xff);
  }
  return bytes.length <= IP_ADDRESS_BYTES ? bytes : null;
}

/** One to `countMax` digits of `base` as a number, or null. */
function digits(text: string, countMax: number, base: 10 | 16): number | null {
  if (text.length === 0 || text.length > countMax) return null;
  let number = 0;
  for (const character of text) {
    const digit = DIGITS.indexOf(character.toLowerCase());
    if (digit < 0 || digit >= base) return null;
    number = number * base + digit;
  }
  return number;
}

const DIGITS = '0123456789abcdef';

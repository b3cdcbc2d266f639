/** IP addresses as iSNS carries them (RFC 4171 6.3.1): sixteen bytes, IPv4 as an IPv4-mapped IPv6 address. */

export const ISNS_ADDRESS_BYTES = 16;
const MAPPED_PREFIX_BYTES = 12;
const GROUPS = 8;

/** Null when `text` is no address, or one with a zone, which means nothing on another machine. */
export function isnsAddressBytes(text: string): Uint8Array | null {
  const mapped = ipv4Bytes(text);
  if (mapped === null) return ipv6Bytes(text);
  const bytes = new Uint8Array(ISNS_ADDRESS_BYTES);
  bytes.fill(0xff, MAPPED_PREFIX_BYTES - 2, MAPPED_PREFIX_BYTES);
  bytes.set(mapped, MAPPED_PREFIX_BYTES);
  return bytes;
}

function ipv4Bytes(text: string): number[] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const bytes = match.slice(1).map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** RFC 4291 2.2, all three forms. */
function ipv6Bytes(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = groupsOf(halves[1] ?? '', true);
  if (head === null || tail === null) return null;
  const missing = GROUPS - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const bytes = new Uint8Array(ISNS_ADDRESS_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, group] of head.entries()) view.setUint16(2 * i, group);
  for (const [i, group] of tail.entries()) view.setUint16(2 * (GROUPS - tail.length + i), group);
  return bytes;
}

/** @param isEnd the last of them may be two in dotted decimal */
function groupsOf(text: string, isEnd: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const dotted = isEnd && i === parts.length - 1 ? ipv4Bytes(part) : null;
    if (dotted !== null) {
      const [a, b, c, d] = dotted as [number, number, number, number];
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

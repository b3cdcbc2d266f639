/** Portal addresses as gotgt (and Go's net.Listen) writes them: host:port, [v6]:port, :port, or a host alone. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { PORT_DEFAULT } from './schema/schema.ts';

export interface PortalAddress {
  /** An IPv4 or IPv6 address in its usual spelling, a host name, or empty: every address, IPv6 and IPv4. */
  readonly host: string;
  /** 0 to 65535; 0 is any free port. */
  readonly port: number;
}

const BRACKETED = /^\[([^\]]*)\](?::([0-9]+))?$/;
const HOST_AND_PORT = /^([^:]*)(?::([0-9]+))?$/;
// RFC 1123 2.1; a name that ends in a number is a mistyped address.
const HOST_NAME =
  /^(?=.{1,253}$)(?!(?:.*\.)?[0-9]+$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/** Null when `text` is no address. */
export function parsePortalAddress(text: string, portDefault = PORT_DEFAULT): PortalAddress | null {
  if (text === '') return null;
  if (isIPv6(text)) return checked(text, undefined, portDefault);
  const bracketed = BRACKETED.exec(text);
  if (bracketed !== null) {
    const host = bracketed[1] as string;
    return isIPv6(host) ? checked(host, bracketed[2], portDefault) : null;
  }
  const match = HOST_AND_PORT.exec(text);
  return match === null ? null : checked(match[1] as string, match[2], portDefault);
}

/** As it is written in a log or after iscsi://. */
export function formatPortalAddress({ host, port }: PortalAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether both cannot be listened on at a time. */
export function portalAddressesClash(a: PortalAddress, b: PortalAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host);
}

function covers(wildcard: string, host: string): boolean {
  if (wildcard === '') return true;
  if (wildcard === '0.0.0.0') return isIPv4(host);
  return wildcard === '::' && isIPv6(host);
}

function checked(host: string, portDigits: string | undefined, portDefault: number): PortalAddress | null {
  const port = portDigits === undefined ? portDefault : Number(portDigits);
  if (port > 65535) return null;
  if (host === '' || isIPv4(host)) return { host, port };
  if (isIPv6(host)) return { host: canonicalIPv6(host), port };
  return HOST_NAME.test(host) ? { host: host.toLowerCase(), port } : null;
}

function canonicalIPv6(host: string): string {
  const [address, zone] = host.split('%') as [string, string | undefined];
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

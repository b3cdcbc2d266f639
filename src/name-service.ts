/**
 * Tells an iSNS server (RFC 4171) what is served and where: the targets of the reactor, through the addresses that its
 * portals are bound to. A portal on every address is registered with each address of the machine, and follows them.
 */
import { createHash } from 'node:crypto';
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Portal } from './iscsi/protocol/session/target-node.ts';
import { isnsAddressBytes } from './isns/ip-address.ts';
import { type IsnsPortal, PORTALS_MAX, type Registration } from './isns/registration.ts';
import { type IsnsNote, TcpIsnsClient } from './isns/tcp-client.ts';
import type { IsnsConfig } from './mgmt/config/configuration.ts';

/** How often the machine's addresses are looked at: Node does not tell when they change. */
const ADDRESSES_CHECK_MS = 30_000;
/** 32 bits tell the daemons of one machine apart. */
const MARK_DIGITS = 8;

/** What of a target is told. */
export interface ServedTarget {
  readonly name: string;
  readonly alias: string | null;
  readonly portalGroups: readonly { readonly tag: number; readonly portals: readonly Portal[] }[];
}

/** Where a portal listens: numeric addresses, 0.0.0.0 and :: among them. */
export type BoundAddresses = ReadonlyMap<Portal, readonly IsnsPortal[]>;

export class NameService {
  private readonly client: TcpIsnsClient;
  private readonly targets: () => readonly ServedTarget[];
  private readonly bound: BoundAddresses;
  private readonly note: IsnsNote;
  private readonly timer: NodeJS.Timeout;
  /** How many portals were left out when that was last told. */
  private toldLeftOut = 0;

  /**
   * Starts to register.
   * @param entityDefault used where the configuration names no entity
   * @param targets what is served at the time of the call
   */
  constructor(
    config: IsnsConfig,
    entityDefault: string,
    targets: () => readonly ServedTarget[],
    bound: BoundAddresses,
    note: IsnsNote,
  ) {
    this.targets = targets;
    this.bound = bound;
    this.note = note;
    const { server, entity, registrationPeriodS } = config;
    this.client = new TcpIsnsClient(server, { entity: entity ?? entityDefault, registrationPeriodS }, note);
    this.timer = setInterval(() => this.refresh(), ADDRESSES_CHECK_MS);
    this.timer.unref();
    this.refresh();
  }

  /** Registers what is served now; to be called when targets, portals or addresses have changed. */
  refresh(): void {
    const { registration, leftOut } = registrationOf(this.targets(), this.bound, machineAddresses(networkInterfaces()));
    if (leftOut.length !== this.toldLeftOut) {
      this.toldLeftOut = leftOut.length;
      this.note('warn', 'iSNS: some addresses are not registered', {
        count: leftOut.length,
        first: leftOut[0] ?? null,
      });
    }
    this.client.update(registration);
  }

  /** Takes the registration back if the server answers within a second, and ends. */
  stop(): Promise<void> {
    clearInterval(this.timer);
    return this.client.stop();
  }
}

/** The machine's name and a mark of the state directory: stays over restarts, and differs for two daemons side by side. */
export function entityOf(stateDirectory: string): string {
  const mark = createHash('sha256').update(stateDirectory).digest('hex').slice(0, MARK_DIGITS);
  return `${hostname().toLowerCase()}:gotgt-native:${mark}`;
}

/** What others can reach the machine by; without any such address, loopback. Sorted, so that equal sets are equal. */
export function machineAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const all = Object.values(interfaces).flatMap((infos) => infos ?? []);
  const global = all.filter(({ address, internal }) => !internal && !isLinkLocal(address));
  const chosen = global.length > 0 ? global : all.filter(({ internal }) => internal);
  return [...new Set(chosen.map(({ address }) => address))].sort();
}

/** @returns besides, the addresses that iSNS cannot carry (with a zone) or that are beyond PORTALS_MAX */
export function registrationOf(
  targets: readonly ServedTarget[],
  bound: BoundAddresses,
  machine: readonly string[],
): { registration: Registration; leftOut: string[] } {
  const portals = new Map<string, IsnsPortal>();
  const leftOut = new Set<string>();
  const reachable = (portal: Portal): IsnsPortal[] => {
    const kept: IsnsPortal[] = [];
    for (const { address, port } of (bound.get(portal) ?? []).flatMap((place) => everyAddress(place, machine))) {
      const key = `${address} ${port}`;
      const isKept = portals.has(key) || (portals.size < PORTALS_MAX && isnsAddressBytes(address) !== null);
      if (isKept) kept.push({ address, port });
      else leftOut.add(address);
      if (isKept && !portals.has(key)) portals.set(key, { address, port });
    }
    return kept;
  };
  const nodes = targets.map(({ name, alias, portalGroups }) => ({
    name,
    alias,
    portalGroups: portalGroups.map((group) => ({ tag: group.tag, portals: group.portals.flatMap(reachable) })),
  }));
  return { registration: { portals: [...portals.values()], nodes }, leftOut: [...leftOut] };
}

function everyAddress(place: IsnsPortal, machine: readonly string[]): IsnsPortal[] {
  const { address, port } = place;
  if (address !== '0.0.0.0' && address !== '::') return [place];
  const isV6 = address === '::';
  return machine.filter((candidate) => candidate.includes(':') === isV6).map((found) => ({ address: found, port }));
}

/** fe80::/10 and 169.254.0.0/16. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address) || address.startsWith('169.254.');
}

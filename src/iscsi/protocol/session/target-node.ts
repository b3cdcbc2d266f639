/**
 * A target node (RFC 7143 4.2.5, 4.4): its name, its portal groups, what it offers in negotiations, and the SCSI target
 * device behind it.
 */

import { type ConfiguredAccess, TargetPorts } from '../../../scsi/port/target-ports.ts';
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import type { LogicalUnit } from '../../../scsi/unit/logical-unit.ts';
import type { AccessGrant, AccessList, Asker } from '../access/access-list.ts';
import { type Authentication, type Authenticator, NO_AUTHENTICATION } from '../login/auth.ts';
import type { LoginTarget } from '../login/login-directory.ts';
import type { NegotiationOffers } from '../login/parameters.ts';

/** A network portal (RFC 7143 4.4.4): where the daemon listens. */
export interface Portal {
  /** As SendTargets tells it: an address (IPv6 in brackets) or a name. */
  readonly host: string;
  /** The port that is listened on, known once it is. */
  port: number;
  /** Bound to every address: initiators are told the one that they came by. */
  readonly isWildcard: boolean;
}

export interface PortalGroup {
  /** 0 to 65535. */
  readonly tag: number;
  readonly portals: readonly Portal[];
  /** The asymmetric access state that its target port is to be in; active/optimized when left out. */
  readonly access?: ConfiguredAccess;
}

/** Who may log in to a target. */
export interface TargetGuard {
  readonly authentication: Authentication;
  /** Null: everyone who is authentic, with every logical unit. */
  readonly access: AccessList | null;
}

export const OPEN_TARGET: TargetGuard = { authentication: NO_AUTHENTICATION, access: null };

export class TargetNode {
  /** Normal form. */
  readonly name: string;
  readonly alias: string | null;
  readonly offers: NegotiationOffers;
  readonly portalGroups: readonly PortalGroup[];
  /** Every logical unit of the target. */
  readonly device: ScsiTargetDevice;
  readonly guard: TargetGuard;
  /** One for each portal group, made when the target is added to a registry. */
  readonly ports: TargetPorts;

  constructor(
    name: string,
    alias: string | null,
    offers: NegotiationOffers,
    portalGroups: readonly PortalGroup[],
    device: ScsiTargetDevice,
    guard: TargetGuard = OPEN_TARGET,
    ports = new TargetPorts(),
  ) {
    this.name = name;
    this.alias = alias;
    this.offers = offers;
    this.portalGroups = portalGroups;
    this.device = device;
    this.guard = guard;
    this.ports = ports;
  }

  /** Every login is sent there; null: they are taken here. */
  redirection: Redirection | null = null;

  /** RFC 7143 4.4.6, SPC-4 7.6.6.5: the name of the target port that a portal group is. */
  portName(portalGroupTag: number): string {
    return `${this.name},t,0x${portalGroupTag.toString(16).padStart(4, '0')}`;
  }

  /** Every device that some initiator is given, one for each LUN map. */
  get devices(): Set<ScsiTargetDevice> {
    const devices = this.guard.access?.devices ?? new Set();
    return devices.add(this.device);
  }

  /** What `asker`, whose authentication is over, is given of the target; null: it may not enter. */
  grant(asker: Asker): AccessGrant | null {
    const { access } = this.guard;
    return access === null ? { device: this.device, isReadOnly: false } : access.find(asker);
  }

  /** False when `asker` may not enter, whatever it would prove. */
  mayEnter(asker: Asker): boolean {
    const { access } = this.guard;
    return access === null || access.mayEnter(asker);
  }

  /** Whether `asker` could come to `unit` by a login here. */
  leadsTo(unit: LogicalUnit, asker: Asker): boolean {
    const { access } = this.guard;
    if (access === null) return this.device.exports(unit);
    return access.possibleGrants(asker).some(({ device }) => device.exports(unit));
  }

  /** The group that `portal` is part of, or null when the target cannot be reached by it. */
  groupOf(portal: Portal): PortalGroup | null {
    return this.portalGroups.find((group) => group.portals.includes(portal)) ?? null;
  }

  /**
   * TargetAddress values (13.8): "address:port,tag".
   * @param localHost the address that the asking initiator came by, told in place of a wildcard
   */
  addresses(localHost: string): string[] {
    const addresses: string[] = [];
    for (const { tag, portals } of this.portalGroups) {
      for (const { host, port, isWildcard } of portals) {
        addresses.push(`${isWildcard ? localHost : host}:${port},${tag}`);
      }
    }
    return addresses;
  }
}

/** Where a target is to be reached instead (RFC 7143 11.13.5, statuses 0x0101 and 0x0102). */
export interface Redirection {
  /** "host:port", IPv6 in brackets (13.8). */
  readonly address: string;
  readonly isPermanent: boolean;
}

/** A target as it is seen through one of its portals. */
export class PortalTarget implements LoginTarget {
  readonly node: TargetNode;
  readonly portalGroupTag: number;

  constructor(node: TargetNode, portalGroupTag: number) {
    this.node = node;
    this.portalGroupTag = portalGroupTag;
  }

  get alias(): string | null {
    return this.node.alias;
  }

  get offers(): NegotiationOffers {
    return this.node.offers;
  }

  newAuthenticator(): Authenticator {
    return this.node.guard.authentication.newAuthenticator();
  }
}

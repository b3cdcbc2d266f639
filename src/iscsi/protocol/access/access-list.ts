/**
 * Who may log in to a target, and what of it they see: a list of rules, of which the first that fits decides. When none
 * fits, the login is refused (RFC 7143 11.13.5, 0x0202).
 */
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import type { AddressRange } from './address-range.ts';
import type { InitiatorPattern } from './initiator-pattern.ts';
import { hostOf, type IpAddress, parseIpAddress } from './ip-address.ts';

/** What an initiator has to be; null asks nothing. */
export interface AccessConditions {
  readonly initiator: InitiatorPattern | null;
  readonly address: AddressRange | null;
  /** The CHAP name. */
  readonly user: string | null;
}

/** What is given to whom a rule fits. */
export interface AccessGrant {
  /** The target's logical units as this initiator sees them; initiators with the same LUN map share it. */
  readonly device: ScsiTargetDevice;
  /** Writes are refused as on a write-protected medium. */
  readonly isReadOnly: boolean;
}

export interface AccessRule extends AccessConditions {
  readonly grant: AccessGrant;
}

/** Who asks. */
export interface Asker {
  /** Normal form. */
  readonly initiatorName: string;
  /** Null where there is no IP address; then no rule with an address fits. */
  readonly address: IpAddress | null;
  /** The CHAP name that was proved; null: none was, or not yet. */
  readonly user: string | null;
}

/** @param remoteAddress "address:port", IPv6 in brackets */
export function askerOf(initiatorName: string, remoteAddress: string, user: string | null): Asker {
  return { initiatorName, address: parseIpAddress(hostOf(remoteAddress)), user };
}

export class AccessList {
  private readonly rules: readonly AccessRule[];

  constructor(rules: readonly AccessRule[]) {
    this.rules = rules;
  }

  /** Every device that some rule gives. */
  get devices(): Set<ScsiTargetDevice> {
    return new Set(this.rules.map(({ grant }) => grant.device));
  }

  /** What `asker` is given, or null: it may not enter. */
  find(asker: Asker): AccessGrant | null {
    const rule = this.rules.find((candidate) => fits(candidate, asker) && isUser(candidate, asker));
    return rule === undefined ? null : rule.grant;
  }

  /** What `asker` could be given: one grant or none, but while it has to prove yet who it is, one for each user as well. */
  possibleGrants(asker: Asker): AccessGrant[] {
    const found: AccessGrant[] = [];
    for (const rule of this.rules) {
      if (!fits(rule, asker) || (asker.user !== null && !isUser(rule, asker))) continue;
      found.push(rule.grant);
      if (asker.user !== null || rule.user === null) break;
    }
    return found;
  }

  /** Whether `asker` may enter, or could once it proves to be the right user; it has to prove nothing yet. */
  mayEnter(asker: Asker): boolean {
    return this.rules.some((rule) => fits(rule, asker) && (asker.user === null || isUser(rule, asker)));
  }
}

function fits({ initiator, address }: AccessConditions, asker: Asker): boolean {
  if (initiator !== null && !initiator.matches(asker.initiatorName)) return false;
  return address === null || (asker.address !== null && address.contains(asker.address));
}

function isUser({ user }: AccessConditions, asker: Asker): boolean {
  return user === null || user === asker.user;
}

/** From a target's configuration to its guard: how initiators authenticate, and what each rule gives them. */
import { AccessList, type AccessRule } from '../iscsi/protocol/access/access-list.ts';
import { type Authentication, NO_AUTHENTICATION } from '../iscsi/protocol/login/auth.ts';
import type { ChapPolicy } from '../iscsi/protocol/login/chap.ts';
import { ChapAuthentication } from '../iscsi/protocol/login/chap-authenticator.ts';
import { ChapChallenges, type OutstandingChallenges } from '../iscsi/protocol/login/chap-challenges.ts';
import type { TargetGuard } from '../iscsi/protocol/session/target-node.ts';
import type { ScsiTargetDevice } from '../scsi/target-device.ts';
import { NodeChapCrypto } from './chap-crypto.ts';
import type { LunConfig, TargetConfig } from './config/configuration.ts';

/** Makes the authentications of one reactor; they know each other's challenges. */
export class Authentications {
  private readonly crypto = new NodeChapCrypto();
  private readonly challenges: OutstandingChallenges;

  /** @param challenges shared by everything in this process that authenticates */
  constructor(challenges: OutstandingChallenges = new ChapChallenges()) {
    this.challenges = challenges;
  }

  /** @param policy null: everyone may enter */
  make(policy: ChapPolicy | null): Authentication {
    return policy === null ? NO_AUTHENTICATION : new ChapAuthentication(policy, this.crypto, this.challenges);
  }
}

/** What the daemon makes of the same list of LUNs only once. */
export interface GuardedTarget {
  /** With every logical unit of the target. */
  readonly device: ScsiTargetDevice;
  readonly guard: TargetGuard;
}

/**
 * Makes one device for each LUN map that the target shows to somebody: initiators with the same map share it, and those
 * with different ones share the logical units.
 */
export function guardTarget(
  target: TargetConfig,
  authentications: Authentications,
  makeDevice: (luns: readonly LunConfig[]) => ScsiTargetDevice,
): GuardedTarget {
  const device = makeDevice(target.luns);
  const devices = new Map([[mapKey(target.luns), device]]);
  const deviceFor = (luns: readonly LunConfig[]): ScsiTargetDevice => {
    const key = mapKey(luns);
    const known = devices.get(key) ?? makeDevice(luns);
    devices.set(key, known);
    return known;
  };
  const rules = target.access?.map(
    ({ initiator, address, user, luns, isReadOnly }): AccessRule => ({
      initiator,
      address,
      user,
      grant: { device: deviceFor(luns), isReadOnly },
    }),
  );
  const access = rules === undefined ? null : new AccessList(rules);
  return { device, guard: { authentication: authentications.make(target.auth), access } };
}

/** Every LUN that the target shows to somebody; some storages more than once. */
export function everyLun({ luns, access }: TargetConfig): LunConfig[] {
  return [...luns, ...(access ?? []).flatMap((rule) => rule.luns)];
}

function mapKey(luns: readonly LunConfig[]): string {
  return luns.map(({ lun, storage }) => `${lun}=${storage.deviceID}`).join(' ');
}

/** How many sessions a target takes, and from whom; asked once for each new session. */
import { LOGIN_AUTHORIZATION_FAILURE, LOGIN_OUT_OF_RESOURCES, LOGIN_SUCCESS } from '../../codec/constants.ts';
import type { SessionIdentity } from './session.ts';

export interface SessionQuota {
  /** Sessions of one target, 1 to 16384. */
  readonly perTargetMax: number;
  /** Sessions of one initiator with one target, 1 to 16384. */
  readonly perInitiatorMax: number;
  /** All sessions of a target come from one host's address (gotgt's --block-multiple-hosts). */
  readonly isOneHost: boolean;
}

/**
 * Whether one more session fits.
 * @param others identities of the sessions there are, without the one that the new session replaces
 * @returns LOGIN_SUCCESS, or the status to refuse the login with (RFC 7143 11.13.5)
 */
export function quotaStatus(quota: SessionQuota, identity: SessionIdentity, others: Iterable<SessionIdentity>): number {
  let targetCount = 0;
  let initiatorCount = 0;
  for (const { targetName, initiatorName, remoteHost } of others) {
    if (targetName !== identity.targetName) continue;
    targetCount += 1;
    if (initiatorName === identity.initiatorName) initiatorCount += 1;
    if (quota.isOneHost && remoteHost !== identity.remoteHost) return LOGIN_AUTHORIZATION_FAILURE;
  }
  const isFull = targetCount >= quota.perTargetMax || initiatorCount >= quota.perInitiatorMax;
  return isFull ? LOGIN_OUT_OF_RESOURCES : LOGIN_SUCCESS;
}

/**
 * Logins that were refused: counted by status, and told to the operator once per source and minute, so that an initiator
 * that tries again and again does not fill the log.
 */
import type { Clock } from '../../../util/clock.ts';
import {
  LOGIN_AUTHENTICATION_FAILURE,
  LOGIN_AUTHORIZATION_FAILURE,
  LOGIN_CANNOT_INCLUDE_IN_SESSION,
  LOGIN_INITIATOR_ERROR,
  LOGIN_INVALID_DURING_LOGIN,
  LOGIN_MISSING_PARAMETER,
  LOGIN_OUT_OF_RESOURCES,
  LOGIN_SERVICE_UNAVAILABLE,
  LOGIN_SESSION_DOES_NOT_EXIST,
  LOGIN_SESSION_TYPE_NOT_SUPPORTED,
  LOGIN_TARGET_NOT_FOUND,
  LOGIN_TARGET_REMOVED,
  LOGIN_TOO_MANY_CONNECTIONS,
  LOGIN_UNSUPPORTED_VERSION,
} from '../../codec/constants.ts';
import { hostOf } from '../access/ip-address.ts';
import type { ProtocolObserver } from '../connection/services.ts';

/** A source is named in the log at most so often. */
export const REFUSAL_QUIET_MS = 60000;
/** Sources that are remembered at one time, and so the lines of one minute; further ones are counted only. */
export const REFUSAL_SOURCES_MAX = 1024;

export interface RefusedLogin {
  readonly status: number;
  /** "address:port". */
  readonly remoteAddress: string;
  /** Normal forms; null where the login did not get so far. */
  readonly initiatorName: string | null;
  readonly targetName: string | null;
  /** What the status does not say, or null. */
  readonly reason: string | null;
}

interface Source {
  readonly quietUntilMs: number;
  /** Refusals since it was named. */
  unnamedCount: number;
}

export class LoginRefusals {
  /** By status (Status-Class << 8 | Status-Detail). */
  readonly counts = new Map<number, number>();
  private readonly clock: Clock;
  private readonly observer: ProtocolObserver;
  /** By host, in the order in which their quiet time ends. */
  private readonly sources = new Map<string, Source>();

  constructor(clock: Clock, observer: ProtocolObserver) {
    this.clock = clock;
    this.observer = observer;
  }

  note(refused: RefusedLogin): void {
    this.counts.set(refused.status, (this.counts.get(refused.status) ?? 0) + 1);
    const source = hostOf(refused.remoteAddress);
    const nowMs = this.clock.nowMs();
    const known = this.sources.get(source);
    if (known !== undefined && nowMs < known.quietUntilMs) {
      known.unnamedCount += 1;
      return this.tell('debug', refused, 0);
    }
    this.sources.delete(source);
    this.forgetOld(nowMs);
    if (this.sources.size >= REFUSAL_SOURCES_MAX) return this.tell('debug', refused, 0);
    this.sources.set(source, { quietUntilMs: nowMs + REFUSAL_QUIET_MS, unnamedCount: 0 });
    this.tell('info', refused, known === undefined ? 0 : known.unnamedCount);
  }

  private forgetOld(nowMs: number): void {
    for (const [source, { quietUntilMs }] of this.sources) {
      if (nowMs < quietUntilMs) return;
      this.sources.delete(source);
    }
  }

  private tell(level: 'debug' | 'info', refused: RefusedLogin, unnamedCount: number): void {
    const { status, remoteAddress, initiatorName, targetName, reason } = refused;
    this.observer.note(level, 'login refused', {
      remote: remoteAddress,
      status: `0x${status.toString(16).padStart(4, '0')}`,
      meaning: MEANINGS[status] ?? 'other',
      ...(reason === null ? {} : { reason }),
      ...(initiatorName === null ? {} : { initiator: initiatorName }),
      ...(targetName === null ? {} : { target: targetName }),
      ...(unnamedCount === 0 ? {} : { moreInTheLastMinute: unnamedCount }),
    });
  }
}

const MEANINGS: Readonly<Record<number, string>> = {
  [LOGIN_INITIATOR_ERROR]: 'initiator error',
  [LOGIN_AUTHENTICATION_FAILURE]: 'authentication failure',
  [LOGIN_AUTHORIZATION_FAILURE]: 'authorization failure',
  [LOGIN_TARGET_NOT_FOUND]: 'target not found',
  [LOGIN_TARGET_REMOVED]: 'target removed',
  [LOGIN_UNSUPPORTED_VERSION]: 'unsupported version',
  [LOGIN_TOO_MANY_CONNECTIONS]: 'too many connections',
  [LOGIN_MISSING_PARAMETER]: 'missing parameter',
  [LOGIN_CANNOT_INCLUDE_IN_SESSION]: 'cannot include in session',
  [LOGIN_SESSION_TYPE_NOT_SUPPORTED]: 'session type not supported',
  [LOGIN_SESSION_DOES_NOT_EXIST]: 'session does not exist',
  [LOGIN_INVALID_DURING_LOGIN]: 'invalid request during login',
  [LOGIN_SERVICE_UNAVAILABLE]: 'service unavailable',
  [LOGIN_OUT_OF_RESOURCES]: 'out of resources',
};

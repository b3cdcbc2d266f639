/**
 * The port between a login and the node it logs in to (RFC 7143 6.3): who is there, and who may enter. The login machine
 * asks for the target as soon as the names are known, and for admission when nothing else stands between the initiator and
 * full feature phase.
 */
import type { Authenticator } from './auth.ts';
import type { RefusedLogin } from './login-refusals.ts';
import type { ConnectionParameters, NegotiationOffers, SessionParameters } from './parameters.ts';

/** What a login needs to know of a target; for a discovery session, of the node as a whole. */
export interface LoginTarget {
  /** TargetAlias, or null. */
  readonly alias: string | null;
  /** 0 to 65535; not sent in a discovery session. */
  readonly portalGroupTag: number;
  readonly offers: NegotiationOffers;
  newAuthenticator(initiatorName: string): Authenticator;
}

/** Everything that a session or a further connection of one is made from. */
export interface LoginAdmission<T extends LoginTarget, S> {
  /** Normal form (normalizeIscsiName). */
  readonly initiatorName: string;
  readonly initiatorAlias: string | null;
  /** "address:port" of the initiator's end, IPv6 in brackets. */
  readonly remoteAddress: string;
  /** The CHAP name that the initiator has proved, or null. */
  readonly userName: string | null;
  /** The target that findTarget gave. */
  readonly target: T;
  /** The ISID's first four bytes, and its last two. */
  readonly isidHigh: number;
  readonly isidLow: number;
  /** 0: a new session, which takes the place of one with the same names and ISID (6.3.5). Else the session to join. */
  readonly tsih: number;
  readonly cid: number;
  /** CmdSN and ExpStatSN of the first Login Request (11.12.7, 11.12.8). */
  readonly cmdSN: number;
  readonly expStatSN: number;
  /** What was negotiated; for a connection that joins a session, the session's own parameters hold instead. */
  readonly session: SessionParameters;
  readonly connection: ConnectionParameters;
  readonly waiter: AdmissionWaiter<S>;
}

export interface LoginAdmitted<S> {
  readonly isAdmitted: true;
  /** Not 0. */
  readonly tsih: number;
  readonly session: S;
}

export interface LoginRefusal {
  readonly isAdmitted: false;
  /** Status-Class << 8 | Status-Detail, not LOGIN_SUCCESS. */
  readonly status: number;
  /** Where a target has moved, for the two redirections (11.13.5), else null. */
  readonly targetAddress: string | null;
}

/** The target is another reactor's, which does the login from its first byte on. */
export interface LoginElsewhere {
  readonly reactor: number;
}

export interface AdmissionWaiter<S> {
  /** Called once, later than admit() returned null. */
  onAdmission(outcome: LoginAdmitted<S> | LoginRefusal): void;
}

/** @typeParam T what the node keeps of a target  @typeParam S what it makes of an admitted login */
export interface LoginDirectory<T extends LoginTarget, S> {
  /**
   * @param targetName normal form; null for a discovery session
   * @param remoteAddress "address:port" of the initiator's end, IPv6 in brackets
   */
  findTarget(
    targetName: string | null,
    initiatorName: string,
    remoteAddress: string,
  ): T | LoginRefusal | LoginElsewhere;
  /** The session that a login with this TSIH, not 0, is about to join; null when there is none of this ISID. */
  findSession(tsih: number, isidHigh: number, isidLow: number): S | null;
  /** Null: the answer comes later by admission.waiter, for instance when the session it replaces has drained. */
  admit(admission: LoginAdmission<T, S>): LoginAdmitted<S> | LoginRefusal | null;
  /** A login has ended without success, whoever refused it. */
  onRefused(refused: RefusedLogin): void;
}

/** Who takes a connection to another reactor; a reactor that is alone has none. */
export interface ConnectionMover {
  /** The login is done here: what came so far need not be kept any more. */
  stay(): void;
  /**
   * Nothing more is read or said here; what was received goes along.
   * @param answeredCount Login Requests that were answered here, all of them to ask for the rest of the first text
   */
  moveTo(reactor: number, answeredCount: number): void;
}

/** A refusal without redirection. */
export function refuseLogin(status: number): LoginRefusal {
  return { isAdmitted: false, status, targetAddress: null };
}

/**
 * The targets and sessions of one reactor: who can be found, who is logged in, and what becomes of a second login with the
 * same names (RFC 7143 6.3.5, session reinstatement).
 */
import { Nexus, type PortView } from '../../../scsi/nexus.ts';
import type { TargetPort } from '../../../scsi/port/target-port.ts';
import { type ConfiguredAccess, TargetPorts } from '../../../scsi/port/target-ports.ts';
import {
  LOGIN_AUTHORIZATION_FAILURE,
  LOGIN_CANNOT_INCLUDE_IN_SESSION,
  LOGIN_OUT_OF_RESOURCES,
  LOGIN_SERVICE_UNAVAILABLE,
  LOGIN_SESSION_DOES_NOT_EXIST,
  LOGIN_SUCCESS,
  LOGIN_TARGET_MOVED_PERMANENTLY,
  LOGIN_TARGET_MOVED_TEMPORARILY,
  LOGIN_TARGET_NOT_FOUND,
  LOGIN_TOO_MANY_CONNECTIONS,
} from '../../codec/constants.ts';
import { type AccessGrant, type Asker, askerOf } from '../access/access-list.ts';
import { hostOf } from '../access/ip-address.ts';
import type { ProtocolServices } from '../connection/services.ts';
import type { CloseCause } from '../connection/sink.ts';
import { type Authentication, type Authenticator, NO_AUTHENTICATION } from '../login/auth.ts';
import {
  type LoginAdmission,
  type LoginAdmitted,
  type LoginDirectory,
  type LoginElsewhere,
  type LoginRefusal,
  type LoginTarget,
  refuseLogin,
} from '../login/login-directory.ts';
import { LoginRefusals, type RefusedLogin } from '../login/login-refusals.ts';
import type { NegotiationOffers } from '../login/parameters.ts';
import { CommandWindow } from './command-window.ts';
import { Session, type SessionHome, type SessionIdentity } from './session.ts';
import { quotaStatus } from './session-quota.ts';
import { type Portal, PortalTarget, type Redirection, type TargetNode } from './target-node.ts';

/** Sessions of one reactor; TSIH has 16 bits and 0 is taken. */
const SESSIONS_MAX = 16384;
const TSIH_MAX = 0xffff;
/** What the registries of one process share out among themselves. */
export interface RegistryShare {
  /** The TSIHs given here are tsihFirst, tsihFirst + tsihStep and so on: no two registries give the same. */
  readonly tsihFirst: number;
  readonly tsihStep: number;
  /** Where refused logins are counted and told; null: here. */
  readonly onRefused: ((refused: RefusedLogin) => void) | null;
}

export const WHOLE_SHARE: RegistryShare = { tsihFirst: 1, tsihStep: 1, onRefused: null };

/** How long an initiator may take to follow a redirection before its connection is closed. */
const REDIRECTION_GRACE_S = 3;

/** What a discovery session logs in to: the node as a whole. */
class DiscoveryNode implements LoginTarget {
  readonly alias = null;
  readonly portalGroupTag = 0;
  readonly offers: NegotiationOffers;
  authentication: Authentication = NO_AUTHENTICATION;
  /** SendTargets tells of a target only those who may log in to it. */
  isFiltered = false;

  constructor(offers: NegotiationOffers) {
    this.offers = offers;
  }

  newAuthenticator(): Authenticator {
    return this.authentication.newAuthenticator();
  }
}

/** What a session is given; a discovery session has no device. */
type SessionGrant = AccessGrant | typeof DISCOVERY_GRANT;
const DISCOVERY_GRANT = { device: null, isReadOnly: false } as const;

type AnyTarget = PortalTarget | DiscoveryNode;
type AnyAdmission = LoginAdmission<AnyTarget, Session>;
type Outcome = LoginAdmitted<Session> | LoginRefusal;

export class TargetRegistry implements SessionHome {
  readonly refusals: LoginRefusals;
  private readonly services: ProtocolServices;
  private readonly discovery: DiscoveryNode;
  private readonly share: RegistryShare;
  private readonly targets = new Map<string, TargetNode>();
  private readonly byPorts = new Map<TargetPorts, TargetNode>();
  /** By name, the reactor of each target that is served by another. */
  private readonly elsewhere = new Map<string, LoginElsewhere>();
  private readonly byTsih = new Map<number, Session>();
  /** The session that a new login with the same names and ISID would take the place of. */
  private readonly byPort = new Map<string, Session>();
  private lastTsih: number;
  private lastRelativePort = 0;
  private readonly relativePorts = new Map<string, number>();
  private isShuttingDown = false;
  private readonly idleWaiters: (() => void)[] = [];

  /** @param discoveryOffers what is offered in discovery sessions */
  constructor(services: ProtocolServices, discoveryOffers: NegotiationOffers, share: RegistryShare = WHOLE_SHARE) {
    this.services = services;
    this.share = share;
    this.lastTsih = share.tsihFirst - share.tsihStep;
    this.refusals = new LoginRefusals(services.clock, services.observer);
    this.discovery = new DiscoveryNode(discoveryOffers);
  }

  /** Who may open a discovery session, and whether it is told of nothing but what it may log in to. */
  guardDiscovery(authentication: Authentication, isFiltered: boolean): void {
    this.discovery.authentication = authentication;
    this.discovery.isFiltered = isFiltered;
  }

  /**
   * The target's name must be new.
   * @param reactor the one that serves it, when that is another: it is known here by name and addresses alone
   */
  addTarget(target: TargetNode, reactor: number | null = null): void {
    this.targets.set(target.name, target);
    this.byPorts.set(target.ports, target);
    if (reactor !== null) this.elsewhere.set(target.name, { reactor });
    // Numbered in the order of the configuration, not of the logins: initiators know ports by these numbers.
    for (const { tag, access } of target.portalGroups) {
      const name = target.portName(tag);
      const port = target.ports.add(name, this.relativePort(name), access);
      for (const device of target.devices) device.addTargetPort(port);
    }
  }

  get targetNames(): string[] {
    return [...this.targets.keys()];
  }

  target(name: string): TargetNode | null {
    return this.targets.get(name) ?? null;
  }

  isVisible(target: TargetNode, asker: Asker): boolean {
    return !this.discovery.isFiltered || target.mayEnter(asker);
  }

  get sessionCount(): number {
    return this.byTsih.size;
  }

  /** The directory as it is seen by those who connect to `portal`. */
  directory(portal: Portal): LoginDirectory<AnyTarget, Session> {
    return {
      findTarget: (targetName, initiatorName, remoteAddress) =>
        this.findTarget(targetName, askerOf(initiatorName, remoteAddress, null), portal),
      findSession: (tsih, isidHigh, isidLow) => this.findSession(tsih, isidOf(isidHigh, isidLow)),
      admit: (admission) => this.admit(admission),
      onRefused: (refused) =>
        this.share.onRefused === null ? this.refusals.note(refused) : this.share.onRefused(refused),
    };
  }

  /** No login succeeds from here on; every initiator is asked to log out within `graceS` seconds (11.9, event 1). */
  shutDown(graceS: number): void {
    this.isShuttingDown = true;
    for (const session of this.byTsih.values()) session.requestLogout(graceS);
  }

  /** Sends new logins to another portal, and asks those who are here to log in anew; null takes logins here again. */
  redirect(targetName: string, redirection: Redirection | null): void {
    const target = this.targets.get(targetName);
    if (target === undefined || isSameRedirection(target.redirection, redirection)) return;
    target.redirection = redirection;
    if (redirection === null) return;
    for (const session of this.sessionsOf(target)) session.requestLogout(REDIRECTION_GRACE_S);
  }

  /** Brings target ports into the asymmetric access states that the operator wants now, by portal group tag. */
  configureAccess(targetName: string, wanted: ReadonlyMap<number, ConfiguredAccess>): void {
    const target = this.targets.get(targetName);
    if (target === undefined) return;
    target.ports.configure(new Map([...wanted].map(([tag, access]) => [target.portName(tag), access])));
  }

  /** Tells every initiator of the target to look for logical units anew. */
  reportLunsChanged(targetName: string): void {
    const target = this.targets.get(targetName);
    if (target === undefined) return;
    for (const session of this.sessionsOf(target)) session.reportLunsChanged();
  }

  /** Slots are short: peers that keep some and do not move are closed. */
  hurry(): void {
    for (const session of this.byTsih.values()) session.hurry();
  }

  /** Closes what is left. */
  closeAll(cause: CloseCause): void {
    for (const session of [...this.byTsih.values()]) session.close(cause);
  }

  /** Calls `waiter` when the last session has ended and nothing of it is in a store any more; at once when none is left. */
  whenIdle(waiter: () => void): void {
    if (this.byTsih.size === 0) waiter();
    else this.idleWaiters.push(waiter);
  }

  onSessionEnded(session: Session): void {
    const { tsih } = session.identity;
    this.byTsih.delete(tsih);
    const key = portKey(session.identity);
    if (this.byPort.get(key) === session) this.byPort.delete(key);
    if (this.byTsih.size > 0) return;
    for (const waiter of this.idleWaiters.splice(0)) waiter();
  }

  /** A session with another LUN map of the same target is on another device, and goes on. */
  onTargetReset(session: Session): void {
    for (const other of [...this.byTsih.values()]) {
      if (other.device === session.device) other.close('target-reset');
    }
  }

  private findTarget(
    targetName: string | null,
    asker: Asker,
    portal: Portal,
  ): AnyTarget | LoginRefusal | LoginElsewhere {
    if (this.isShuttingDown) return refuseLogin(LOGIN_SERVICE_UNAVAILABLE);
    if (targetName === null) return this.discovery;
    const elsewhere = this.elsewhere.get(targetName);
    if (elsewhere !== undefined) return elsewhere;
    const node = this.targets.get(targetName);
    const group = node?.groupOf(portal) ?? null;
    // A target that cannot be reached by this portal is as good as none (11.13.5: not found).
    if (node === undefined || group === null) return refuseLogin(LOGIN_TARGET_NOT_FOUND);
    // Before anything is proved, so that nobody tries secrets from where no rule lets him in.
    if (!node.mayEnter(asker)) return refuseLogin(LOGIN_AUTHORIZATION_FAILURE);
    if (node.redirection !== null) return movedTo(node.redirection);
    return new PortalTarget(node, group.tag);
  }

  private findSession(tsih: number, isid: string): Session | null {
    const session = this.byTsih.get(tsih);
    return session !== undefined && session.identity.isid === isid ? session : null;
  }

  private admit(admission: AnyAdmission): Outcome | null {
    if (this.isShuttingDown) return refuseLogin(LOGIN_SERVICE_UNAVAILABLE);
    const grant = grantOf(admission);
    if (grant === null) return refuseLogin(LOGIN_AUTHORIZATION_FAILURE);
    if (admission.tsih !== 0) return this.join(admission, grant);
    const identity = identify(admission, 0);
    const replaced = this.byPort.get(portKey(identity));
    const status = grant.device === null ? LOGIN_SUCCESS : this.quotaStatus(identity, replaced);
    if (status !== LOGIN_SUCCESS) return refuseLogin(status);
    if (replaced === undefined) return this.open(admission, grant);
    return this.replace(admission, grant, replaced);
  }

  /**
   * The old session's commands must be out of the stores before the new one's may go in, or an old WRITE could land on top
   * of a newer one.
   */
  private replace(admission: AnyAdmission, grant: SessionGrant, replaced: Session): Outcome | null {
    replaced.close('reinstated');
    return answerWhen(
      admission,
      (ready) => replaced.endTasks(ready),
      () => this.takePlace(admission, grant, replaced),
    );
  }

  private takePlace(admission: AnyAdmission, grant: SessionGrant, replaced: Session): Outcome | null {
    if (this.isShuttingDown) return refuseLogin(LOGIN_SERVICE_UNAVAILABLE);
    const present = this.byPort.get(portKey(replaced.identity));
    // Another login that waited for the same session was first, and is older than this one.
    if (present !== undefined && present !== replaced) return this.replace(admission, grant, present);
    return this.open(admission, grant);
  }

  /** A further connection of a session (6.3.6), or one that takes the place of a dead one with the same CID. */
  private join(admission: AnyAdmission, grant: SessionGrant): Outcome | null {
    const { tsih, cid } = admission;
    const session = this.byTsih.get(tsih);
    if (session === undefined || portKey(session.identity) !== portKey(identify(admission, tsih))) {
      return refuseLogin(LOGIN_SESSION_DOES_NOT_EXIST);
    }
    if (session.device === null) return refuseLogin(LOGIN_CANNOT_INCLUDE_IN_SESSION);
    // It proves to be another user, or comes from another network, and would be given something else.
    if (session.device !== grant.device || session.nexus.isReadOnly !== grant.isReadOnly) {
      return refuseLogin(LOGIN_CANNOT_INCLUDE_IN_SESSION);
    }
    if (session.isClosing) return refuseLogin(LOGIN_SESSION_DOES_NOT_EXIST);
    const { maxConnections } = session.parameters;
    if (session.placesTakenBesides(cid) >= maxConnections) return refuseLogin(LOGIN_TOO_MANY_CONNECTIONS);
    return answerWhen(
      admission,
      (ready) => session.beginJoin(cid, ready),
      () => joined(session, cid),
    );
  }

  private open(admission: AnyAdmission, grant: SessionGrant): Outcome {
    const tsih = this.freeTsih();
    if (tsih === 0) return refuseLogin(LOGIN_OUT_OF_RESOURCES);
    const identity = identify(admission, tsih);
    const { commandWindow } = this.services.limits;
    const window = new CommandWindow(admission.cmdSN, commandWindow);
    const { device, isReadOnly } = grant;
    const portName = `${identity.initiatorName},i,0x${identity.isid}`;
    const nexus = new Nexus(portName, portOf(admission), isReadOnly, this.viewOf(admission));
    const session = new Session(this, identity, window, commandWindow, admission.session, device, nexus);
    this.byTsih.set(tsih, session);
    if (device !== null) this.byPort.set(portKey(identity), session);
    return { isAdmitted: true, tsih, session };
  }

  /** An initiator hears of no target that it may not enter, nor of one where it would not find the disk. */
  private viewOf({ initiatorName, remoteAddress, userName }: AnyAdmission): PortView {
    const asker = askerOf(initiatorName, remoteAddress, userName);
    return (port, unit) => this.byPorts.get(port.siblings)?.leadsTo(unit, asker) === true;
  }

  private quotaStatus(identity: SessionIdentity, replaced: Session | undefined): number {
    const others: SessionIdentity[] = [];
    for (const session of this.byTsih.values()) if (session !== replaced) others.push(session.identity);
    return quotaStatus(this.services.limits.sessions, identity, others);
  }

  private sessionsOf(target: TargetNode): Session[] {
    return [...this.byTsih.values()].filter(({ identity }) => identity.targetName === target.name);
  }

  private freeTsih(): number {
    const { tsihFirst, tsihStep } = this.share;
    // A number is always free: no more than half of the share's numbers are ever in use.
    if (this.byTsih.size >= Math.min(SESSIONS_MAX, Math.floor(TSIH_MAX / tsihStep / 2))) return 0;
    do this.lastTsih = this.lastTsih + tsihStep > TSIH_MAX ? tsihFirst : this.lastTsih + tsihStep;
    while (this.byTsih.has(this.lastTsih));
    return this.lastTsih;
  }

  /** A number of its own for each portal group of each target (SPC-4 relative target port identifier). */
  private relativePort(targetPort: string): number {
    const known = this.relativePorts.get(targetPort);
    if (known !== undefined) return known;
    this.lastRelativePort += 1;
    this.relativePorts.set(targetPort, this.lastRelativePort);
    return this.lastRelativePort;
  }
}

/** The target port that a session is on; a discovery session has one without a name, and no device behind it. */
function portOf({ target }: AnyAdmission): TargetPort {
  const port =
    target instanceof PortalTarget ? target.node.ports.find(target.node.portName(target.portalGroupTag)) : null;
  return port ?? new TargetPorts().add('', 0);
}

function isSameRedirection(a: Redirection | null, b: Redirection | null): boolean {
  return a?.address === b?.address && a?.isPermanent === b?.isPermanent;
}

function movedTo({ address, isPermanent }: Redirection): LoginRefusal {
  const status = isPermanent ? LOGIN_TARGET_MOVED_PERMANENTLY : LOGIN_TARGET_MOVED_TEMPORARILY;
  return { isAdmitted: false, status, targetAddress: address };
}

/**
 * The outcome at once when `wait` has nothing to wait for, else null and later by the admission's waiter; an outcome that is
 * null itself has somebody else call the waiter.
 */
function answerWhen(
  admission: AnyAdmission,
  wait: (ready: () => void) => void,
  outcome: () => Outcome | null,
): Outcome | null {
  let atOnce: Outcome | null = null;
  let isLater = false;
  wait(() => {
    const answer = outcome();
    if (!isLater) atOnce = answer;
    else if (answer !== null) admission.waiter.onAdmission(answer);
  });
  isLater = true;
  return atOnce;
}

/** What has waited for its place in `session`, which may be closed meanwhile. */
function joined(session: Session, cid: number): Outcome {
  if (!session.isClosing) return { isAdmitted: true, tsih: session.identity.tsih, session };
  session.cancelJoin(cid);
  return refuseLogin(LOGIN_SESSION_DOES_NOT_EXIST);
}

/** Null: the initiator may not enter. */
function grantOf({ target, initiatorName, remoteAddress, userName }: AnyAdmission): SessionGrant | null {
  if (!(target instanceof PortalTarget)) return DISCOVERY_GRANT;
  return target.node.grant(askerOf(initiatorName, remoteAddress, userName));
}

function isidOf(isidHigh: number, isidLow: number): string {
  return isidHigh.toString(16).padStart(8, '0') + isidLow.toString(16).padStart(4, '0');
}

function identify(admission: AnyAdmission, tsih: number): SessionIdentity {
  const { initiatorName, target, isidHigh, isidLow } = admission;
  return {
    initiatorName,
    isid: isidOf(isidHigh, isidLow),
    tsih,
    targetName: target instanceof PortalTarget ? target.node.name : '',
    targetPortalGroupTag: target.portalGroupTag,
    remoteHost: hostOf(admission.remoteAddress),
  };
}

/** Names an initiator port together with a target port; no name contains a space. */
function portKey({ initiatorName, isid, targetName, targetPortalGroupTag }: SessionIdentity): string {
  return `${initiatorName} ${isid} ${targetName} ${targetPortalGroupTag}`;
}

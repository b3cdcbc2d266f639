/** The login phase of one connection (RFC 7143 6.2): carries Login PDUs to the login machine and its replies back. */
import { serialAdd } from '../../../util/serial32.ts';
import {
  LOGIN_DATA_SEGMENT_BYTES_MAX,
  LOGIN_INITIATOR_ERROR,
  LOGIN_INVALID_DURING_LOGIN,
  OP_LOGIN_REQUEST,
} from '../../codec/constants.ts';
import { askerOf } from '../access/access-list.ts';
import type { Phase, PhaseHost } from '../connection/phase.ts';
import { TIMER_LOGIN, type TimerKind } from '../connection/sink.ts';
import { ControlRequests } from '../full-feature/control-requests.ts';
import { Discovery } from '../full-feature/discovery.ts';
import { FullFeature } from '../full-feature/full-feature.ts';
import { SessionText, type TargetList } from '../full-feature/session-text.ts';
import { CommandWindow } from '../session/command-window.ts';
import type { Session } from '../session/session.ts';
import { LoginMachine, type LoginReply } from './login.ts';
import type {
  AdmissionWaiter,
  ConnectionMover,
  LoginAdmitted,
  LoginDirectory,
  LoginRefusal,
  LoginTarget,
} from './login-directory.ts';

/** The StatSN of a connection's first response; RFC 7143 11.12.8 leaves it to the target. */
const INITIAL_STAT_SN = 1;

export class LoginPhase<T extends LoginTarget> implements Phase, AdmissionWaiter<Session> {
  private readonly host: PhaseHost;
  private readonly directory: LoginDirectory<T, Session>;
  private readonly targets: TargetList;
  private readonly machine: LoginMachine<T, Session>;
  private data: Buffer = NO_DATA;
  private cid = 0;
  private hasBegun = false;
  private isClosed = false;
  private answeredCount = 0;
  /** Login Requests that another reactor has answered: they come again, and are not answered again. */
  private repeatedCount: number;
  private mover: ConnectionMover | null;

  /**
   * @param mover null: every login is done here
   * @param repeatedCount what moveTo() was given where the connection comes from
   */
  constructor(
    host: PhaseHost,
    directory: LoginDirectory<T, Session>,
    targets: TargetList,
    mover: ConnectionMover | null = null,
    repeatedCount = 0,
  ) {
    this.host = host;
    this.directory = directory;
    this.targets = targets;
    this.mover = mover;
    this.repeatedCount = repeatedCount;
    this.machine = new LoginMachine(directory, this, host.remoteAddress);
    host.armTimer(TIMER_LOGIN, host.services.limits.loginTimeoutMs);
  }

  onHeader(_bytes: Uint8Array, _view: DataView, _offset: number, _ahsBytes: number, dataBytes: number): void {
    const { bhs, writer, framer } = this.host;
    if (bhs.opcode !== OP_LOGIN_REQUEST) return this.refuse(LOGIN_INVALID_DURING_LOGIN);
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.cid = bhs.cid;
      writer.window = this.window();
      writer.statSN = INITIAL_STAT_SN;
    }
    if (dataBytes > LOGIN_DATA_SEGMENT_BYTES_MAX) return this.onPdu(); // refused by its header; nobody has room for its data
    this.data = dataBytes === 0 ? NO_DATA : Buffer.allocUnsafe(dataBytes);
    if (dataBytes > 0) framer.receiveInto(this.data, 0);
  }

  onPdu(): void {
    const { machine, mover } = this;
    const reply = machine.receive(this.host.bhs, this.data, 0);
    if (reply !== null) this.send(reply);
    if (mover !== null) this.settle(mover);
  }

  onTimer(kind: TimerKind): void {
    if (kind === TIMER_LOGIN) this.host.close('login-timeout');
  }

  onClosed(): void {
    this.isClosed = true;
  }

  onAdmission(outcome: LoginAdmitted<Session> | LoginRefusal): void {
    const reply = this.isClosed ? null : this.machine.onAdmission(outcome);
    if (reply !== null) this.send(reply);
    // The initiator gave up while its former session drained.
    else if (outcome.isAdmitted) outcome.session.cancelJoin(this.cid);
  }

  /** What responses tell before the login is admitted: of the session that a further connection joins, its own window. */
  private window(): CommandWindow {
    const { bhs, services } = this.host;
    const { tsih, isidHigh, isidLow, cmdSN } = bhs;
    const session = tsih === 0 ? null : this.directory.findSession(tsih, isidHigh, isidLow);
    return session === null ? new CommandWindow(cmdSN, services.limits.commandWindow) : session.window;
  }

  /** Once the first text is complete, it is known which reactor the login belongs to. */
  private settle(mover: ConnectionMover): void {
    const { otherReactor, isIdentified } = this.machine;
    if (otherReactor !== null) {
      this.host.framer.stop();
      mover.moveTo(otherReactor, this.answeredCount);
    } else if (isIdentified) mover.stay();
    else return;
    this.mover = null;
  }

  private refuse(status: number): void {
    this.send(this.machine.refuse(status));
  }

  private send(reply: LoginReply): void {
    const { writer } = this.host;
    if (this.repeatedCount > 0) {
      this.repeatedCount -= 1;
      writer.statSN = serialAdd(writer.statSN, 1);
      return;
    }
    this.answeredCount += 1;
    const { admitted } = this.machine;
    if (admitted !== null) writer.window = admitted.session.window;
    const { isTransit, isContinued, csg, nsg, isidHigh, isidLow, tsih, initiatorTaskTag, status } = reply;
    const text = Buffer.from(reply.text);
    writer.loginResponse(isTransit, isContinued, csg, nsg, isidHigh, isidLow, tsih, initiatorTaskTag, status, text);
    if (reply.isFatal) {
      this.noteRefusal(status);
      this.host.close('login-refused');
    }
    if (reply.isFinal && admitted !== null) this.enterFullFeature(admitted.session);
  }

  private enterFullFeature(session: Session): void {
    const { host, machine } = this;
    host.armTimer(TIMER_LOGIN, 0);
    const parameters = machine.connectionParameters;
    host.framer.hasHeaderDigest = parameters.hasHeaderDigest;
    host.framer.hasDataDigest = parameters.hasDataDigest;
    host.writer.hasHeaderDigest = parameters.hasHeaderDigest;
    host.writer.hasDataDigest = parameters.hasDataDigest;
    const localHost = host.localAddress.slice(0, host.localAddress.lastIndexOf(':'));
    const asker = askerOf(session.identity.initiatorName, host.remoteAddress, machine.userName);
    const text = new SessionText(session, machine.negotiation, this.targets, localHost, asker);
    const control = new ControlRequests(host, session, this.cid, text);
    const { device } = session;
    if (device === null) host.enter(new Discovery(host, parameters, control));
    else host.enter(new FullFeature(host, session, device, parameters, control, text));
    this.noteLogin(session);
  }

  private noteRefusal(status: number): void {
    const { machine, host } = this;
    const { remoteAddress: remote } = host;
    const { initiatorName, targetName, refusalReason: reason } = machine;
    // 11.13.5: class 1 sends the initiator elsewhere, which is no refusal.
    if (status < LOGIN_INITIATOR_ERROR) return host.services.observer.note('debug', 'login redirected', { remote });
    this.directory.onRefused({ status, remoteAddress: remote, initiatorName, targetName, reason });
  }

  private noteLogin(session: Session): void {
    const { initiatorName, targetName, tsih } = session.identity;
    const { observer } = this.host.services;
    const { userName } = this.machine;
    const user = userName === null ? {} : { user: userName };
    const fields = { initiator: initiatorName, remote: this.host.remoteAddress, tsih, ...user };
    if (session.device === null) observer.note('debug', 'discovery session', fields);
    else observer.note('info', 'session opened', { ...fields, target: targetName });
  }
}

const NO_DATA = Buffer.alloc(0);

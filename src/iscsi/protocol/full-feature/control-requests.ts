/**
 * What an initiator asks of a connection in full feature phase besides SCSI commands: NOP-Out (RFC 7143 11.18), text (11.10),
 * task management (11.5), logout (11.14). All of it is rare, so these records are allocated, one PDU at a time.
 */
import { encodeFixedSense, FIXED_SENSE_BYTES, SENSE_REPORTED_LUNS_DATA_HAS_CHANGED } from '../../../scsi/sense.ts';
import { BHS_BYTES, type Bhs } from '../../codec/bhs.ts';
import {
  ASYNC_LOGOUT_REQUEST,
  ASYNC_SCSI_EVENT,
  LOGOUT_CLOSE_CONNECTION,
  LOGOUT_CLOSE_SESSION,
  LOGOUT_RESPONSE_CID_NOT_FOUND,
  LOGOUT_RESPONSE_CLOSED,
  LOGOUT_RESPONSE_RECOVERY_NOT_SUPPORTED,
  NO_TAG,
  OP_LOGOUT_REQUEST,
  OP_NOP_OUT,
  OP_SNACK_REQUEST,
  OP_TASK_MANAGEMENT_REQUEST,
  OP_TEXT_REQUEST,
  REJECT_COMMAND_NOT_SUPPORTED,
  REJECT_DATA_DIGEST_ERROR,
  REJECT_LONG_OPERATION,
  REJECT_PROTOCOL_ERROR,
  REJECT_SNACK,
  TMF_RESPONSE_REJECTED,
} from '../../codec/constants.ts';
import { TEXT_BYTES_MAX } from '../../codec/text.ts';
import type { PhaseHost } from '../connection/phase.ts';
import {
  type CloseCause,
  TIMER_FENCE,
  TIMER_KEEPALIVE,
  TIMER_LOGOUT,
  TIMER_SILENCE,
  type TimerKind,
} from '../connection/sink.ts';
import { CMDSN_AHEAD, CMDSN_NEXT, CMDSN_OUTSIDE } from '../session/command-window.ts';
import { DeferredRequest, SkippedRequest } from '../session/ordered-request.ts';
import type { Session, SessionMember } from '../session/session.ts';
import type { TaskHome } from '../session/task.ts';
import { PeerWatch } from './peer-watch.ts';
import { type TaskRequestFields, TaskRequests } from './task-requests.ts';
import { TextExchange, type TextHandler } from './text-exchange.ts';

/** How long a peer that was asked to log out may take before its connection is closed (11.9, Parameter3 is in seconds). */
const LOGOUT_GRACE_MS = 3000;

/**
 * Data of a request that has to wait for its turn in CmdSN order; a window full of such requests keeps 1 MiB. One with more
 * is rejected as out of resources (11.17.1, reason 0x0a), and may be sent again.
 */
const EARLY_DATA_BYTES_MAX = 8192;

export class ControlRequests implements SessionMember {
  readonly cid: number;
  taskHome: TaskHome | null = null;
  private readonly host: PhaseHost;
  private readonly bhs: Bhs;
  private readonly session: Session;
  private readonly text: TextExchange;
  private readonly textHandler: TextHandler;
  private readonly tasks: TaskRequests | null;
  private readonly watch: PeerWatch;
  private header: Uint8Array = new Uint8Array(0);
  private data: Buffer = NO_DATA;
  private isIgnored = false;
  private isTooMuch = false;
  private isLoggedOut = false;
  /** A NOP-In of ours that is not answered yet. */
  private isPinging = false;

  constructor(host: PhaseHost, session: Session, cid: number, textHandler: TextHandler) {
    this.host = host;
    this.bhs = host.bhs;
    this.session = session;
    this.cid = cid;
    this.textHandler = textHandler;
    this.text = new TextExchange(host.writer, textHandler);
    this.tasks = session.device === null ? null : new TaskRequests(session, this, session.device, host.writer);
    this.watch = new PeerWatch(host, () => this.keepsSlots);
    session.addMember(this);
    host.armTimer(TIMER_KEEPALIVE, host.services.limits.keepaliveMs);
  }

  /** Where the rest of the PDU goes is decided; onPdu() carries it out. */
  onHeader(bytes: Uint8Array, offset: number, dataBytes: number): void {
    const { bhs } = this;
    this.header = bytes.slice(offset, offset + BHS_BYTES);
    this.data = NO_DATA;
    const isInOrder = !bhs.isImmediate && this.isNumbered();
    const order = isInOrder ? this.session.window.order(bhs.cmdSN) : CMDSN_NEXT;
    this.isIgnored = order === CMDSN_OUTSIDE;
    this.isTooMuch = order === CMDSN_AHEAD && dataBytes > EARLY_DATA_BYTES_MAX;
    if (dataBytes === 0 || this.isIgnored || this.isTooMuch) return;
    if (bhs.opcode === OP_TEXT_REQUEST && dataBytes > TEXT_BYTES_MAX) return;
    if (bhs.opcode !== OP_TEXT_REQUEST && bhs.opcode !== OP_NOP_OUT) return;
    this.data = Buffer.allocUnsafe(dataBytes);
    this.host.framer.receiveInto(this.data, 0);
  }

  onPdu(isIntact: boolean): void {
    if (this.isIgnored || this.isLoggedOut) return;
    const { header } = this;
    if (!isIntact) return this.host.writer.reject(REJECT_DATA_DIGEST_ERROR, header);
    if (this.isTooMuch) return this.inOrder(() => this.host.writer.reject(REJECT_LONG_OPERATION, header));
    switch (this.bhs.opcode) {
      case OP_NOP_OUT:
        return this.onNopOut();
      case OP_TEXT_REQUEST:
        return this.onText();
      case OP_TASK_MANAGEMENT_REQUEST:
        return this.onTaskManagement();
      case OP_LOGOUT_REQUEST:
        return this.onLogout();
      case OP_SNACK_REQUEST:
        // Not numbered; ErrorRecoveryLevel 0 keeps nothing to send again (11.16).
        return this.host.writer.reject(REJECT_SNACK, header);
      default:
        // Whether an unknown opcode uses a CmdSN cannot be known; the initiator learns that it is not understood.
        return this.host.writer.reject(REJECT_COMMAND_NOT_SUPPORTED, header);
    }
  }

  onTimer(kind: TimerKind): void {
    if (kind === TIMER_LOGOUT) return this.host.close('logout');
    if (kind === TIMER_FENCE) return this.host.close('keepalive-timeout');
    if (kind === TIMER_SILENCE) return this.watch.onSilence();
    if (kind !== TIMER_KEEPALIVE) return;
    if (this.host.takeHasHeard()) this.isPinging = false;
    else if (this.isPinging) return this.host.close('keepalive-timeout');
    else this.ping();
    this.host.armTimer(TIMER_KEEPALIVE, this.host.services.limits.keepaliveMs);
  }

  onClosed(): void {
    if (this.tasks !== null) this.tasks.close();
    this.session.removeMember(this);
  }

  close(cause: CloseCause): void {
    this.host.close(cause);
  }

  requestLogout(timeoutS: number): void {
    this.host.writer.asyncMessage(ASYNC_LOGOUT_REQUEST, 0, 0, timeoutS, null);
    this.host.armTimer(TIMER_LOGOUT, Math.min(timeoutS * 1000, LOGOUT_GRACE_MS));
  }

  reportLunsChanged(): void {
    const data = Buffer.alloc(2 + FIXED_SENSE_BYTES);
    data.writeUInt16BE(FIXED_SENSE_BYTES);
    encodeFixedSense(SENSE_REPORTED_LUNS_DATA_HAS_CHANGED, data, 2);
    this.host.writer.asyncMessage(ASYNC_SCSI_EVENT, 0, 0, 0, data);
  }

  tellWindow(): void {
    this.host.writer.nopIn(0, 0, NO_TAG, NO_TAG, null);
  }

  askForAnswer(targetTransferTag: number): void {
    this.watch.ask(targetTransferTag);
  }

  hurry(): void {
    this.watch.hurry();
  }

  /** Answers have not left, or data has not come that was asked for. */
  private get keepsSlots(): boolean {
    return this.host.writer.output.unsentCount > 0 || this.session.hasOpenBurst(this);
  }

  private isNumbered(): boolean {
    return NUMBERED.has(this.bhs.opcode);
  }

  private inOrder(run: () => void): void {
    if (this.bhs.isImmediate) run();
    else this.session.take(new DeferredRequest(this.bhs.cmdSN, run));
  }

  private onNopOut(): void {
    const { initiatorTaskTag, targetTransferTag, lunHigh, lunLow } = this.bhs;
    if (initiatorTaskTag === NO_TAG) {
      // The answer to a ping of ours: that it came is all it says. It has to be immediate (11.18); a number is used anyway.
      if (!this.bhs.isImmediate) this.session.take(new SkippedRequest(this.bhs.cmdSN));
      this.watch.onAnswer(targetTransferTag);
      return this.session.fence.onAnswer(this, targetTransferTag);
    }
    const data = this.data.subarray(0, Math.min(this.data.length, this.textHandler.peerSegmentBytes));
    this.inOrder(() => this.host.writer.nopIn(lunHigh, lunLow, initiatorTaskTag, NO_TAG, data));
  }

  private ping(): void {
    this.isPinging = true;
    this.host.writer.nopIn(0, 0, NO_TAG, this.session.nextTargetTransferTag(), null);
  }

  private onText(): void {
    const { header, data } = this;
    const { lunHigh, lunLow, initiatorTaskTag, targetTransferTag, isFinal, isContinued, dataSegmentBytes } = this.bhs;
    this.inOrder(() => {
      if (dataSegmentBytes > TEXT_BYTES_MAX) return this.host.writer.reject(REJECT_PROTOCOL_ERROR, header);
      const fields = { lunHigh, lunLow, initiatorTaskTag, targetTransferTag, isFinal, isContinued };
      const reason = this.text.take(fields, data);
      if (reason !== 0) this.host.writer.reject(reason, header);
    });
  }

  private onTaskManagement(): void {
    const { tasks, bhs, header } = this;
    if (tasks === null) return this.inOrder(() => this.host.writer.reject(REJECT_PROTOCOL_ERROR, header));
    const fields: TaskRequestFields = {
      function: bhs.taskManagementFunction,
      lunHigh: bhs.lunHigh,
      lunLow: bhs.lunLow,
      initiatorTaskTag: bhs.initiatorTaskTag,
      referencedTaskTag: bhs.referencedTaskTag,
      cmdSN: bhs.cmdSN,
      refCmdSN: bhs.refCmdSN,
    };
    if (fields.initiatorTaskTag === NO_TAG) {
      return this.inOrder(() => this.host.writer.taskManagementResponse(NO_TAG, TMF_RESPONSE_REJECTED));
    }
    this.inOrder(() => tasks.start(fields));
  }

  private onLogout(): void {
    const { initiatorTaskTag, logoutReason } = this.bhs;
    const cid = this.bhs.word20 >>> 16;
    this.inOrder(() => this.logout(initiatorTaskTag, logoutReason, cid));
  }

  private logout(initiatorTaskTag: number, reason: number, cid: number): void {
    const { writer } = this.host;
    if (reason === LOGOUT_CLOSE_SESSION) {
      this.host.framer.stop(); // the initiator sends nothing after this (11.14)
      return this.session.endTasks(() => {
        this.session.loseNexus();
        this.finishLogout(initiatorTaskTag, () => this.session.close('logout'));
      });
    }
    if (reason !== LOGOUT_CLOSE_CONNECTION) {
      return writer.logoutResponse(initiatorTaskTag, LOGOUT_RESPONSE_RECOVERY_NOT_SUPPORTED, 0, 0);
    }
    if (!this.session.knows(cid)) return writer.logoutResponse(initiatorTaskTag, LOGOUT_RESPONSE_CID_NOT_FOUND, 0, 0);
    if (cid === this.cid) {
      this.host.framer.stop();
      return this.session.endTasksOf(this, () => {
        if (this.session.isAlone(this)) this.session.loseNexus();
        this.finishLogout(initiatorTaskTag, () => this.host.close('logout'));
      });
    }
    this.session.vacate(cid, 'logout', () => writer.logoutResponse(initiatorTaskTag, LOGOUT_RESPONSE_CLOSED, 0, 0));
  }

  private finishLogout(initiatorTaskTag: number, close: () => void): void {
    if (this.isLoggedOut) return;
    this.isLoggedOut = true;
    const { defaultTime2Wait } = this.session.parameters;
    this.host.writer.logoutResponse(initiatorTaskTag, LOGOUT_RESPONSE_CLOSED, defaultTime2Wait, 0);
    close();
  }
}

/** Control requests that carry a CmdSN (11.5, 11.10, 11.14, 11.18). */
const NUMBERED: ReadonlySet<number> = new Set([
  OP_NOP_OUT,
  OP_TEXT_REQUEST,
  OP_TASK_MANAGEMENT_REQUEST,
  OP_LOGOUT_REQUEST,
]);
const NO_DATA = Buffer.alloc(0);

/**
 * An initiator's session (RFC 7143 4.4): numbers its requests, keeps to the target's command window, and hands every PDU
 * to the request that it answers. Requests go out on the first connection that is open; a session may have several.
 */
import {
  LOGOUT_CLOSE_CONNECTION,
  LOGOUT_RESPONSE_CLOSED,
  NO_TAG,
  OP_ASYNC_MESSAGE,
  OP_DATA_IN,
  OP_LOGOUT_RESPONSE,
  OP_NOP_IN,
  OP_R2T,
  OP_REJECT,
  OP_SCSI_COMMAND,
  OP_SCSI_RESPONSE,
  OP_TASK_MANAGEMENT_RESPONSE,
  OP_TEXT_RESPONSE,
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
} from '../../src/iscsi/codec/constants.ts';
import { writeLogoutRequest, writeNopOut, writeTaskManagementRequest } from '../../src/iscsi/codec/encode-initiator.ts';
import { serialAdd, serialLess, serialLessOrEqual } from '../../src/util/serial32.ts';
import type { IncomingPdu } from './incoming-pdu.ts';
import { InitiatorConnection, type Wire } from './initiator-connection.ts';
import { InitiatorTask, type TaskOptions } from './initiator-task.ts';
import { SECURITY_NONE, type SecurityScript } from './login-script.ts';
import { OutgoingPdu } from './outgoing-pdu.ts';
import { type InitiatorSettings, type Negotiated, SETTINGS_DEFAULT } from './settings.ts';
import { TextRequest } from './text-request.ts';
import { demand } from './violation.ts';

/** A request that is answered by one PDU: NOP, task management, logout. */
export class SimpleRequest {
  readonly initiatorTaskTag: number;
  answer: IncomingPdu | null = null;
  onAnswer: (() => void) | null = null;
  /** What the answer means to the session; before onAnswer. */
  onEffect: (() => void) | null = null;

  constructor(initiatorTaskTag: number) {
    this.initiatorTaskTag = initiatorTaskTag;
  }

  get isAnswered(): boolean {
    return this.answer !== null;
  }

  /** The response byte of the answer, -1 before it. */
  get response(): number {
    return this.answer === null ? -1 : this.answer.bhs.response;
  }

  onPdu(pdu: IncomingPdu): void {
    demand(this.answer === null, 'a request is answered once');
    this.answer = pdu;
    this.onEffect?.();
    this.onAnswer?.();
  }
}

export interface NumberingOptions {
  /** Which connection the request goes by; the first that is open when left out. */
  readonly connection?: InitiatorConnection;
  readonly isImmediate?: boolean;
  /** A CmdSN of the test's choice, not counted. */
  readonly cmdSN?: number;
}

/** A numbered request and the connection that it goes by. */
interface Waiting {
  readonly connection: InitiatorConnection;
  readonly send: (cmdSN: number) => void;
}

/** A tag that no request of a session gets. */
const NO_SUCH_TASK = 0x7fffffff;

export interface ManageOptions extends NumberingOptions {
  readonly lunHigh?: number;
  readonly lunLow?: number;
  readonly task?: InitiatorTask;
  readonly referencedTaskTag?: number;
  readonly refCmdSN?: number;
}

export class InitiatorSession {
  readonly settings: InitiatorSettings;
  readonly connections: InitiatorConnection[] = [];
  /** Of the login and of tasks that have not ended. */
  readonly tasks = new Map<number, InitiatorTask>();
  readonly rejects: IncomingPdu[] = [];
  readonly asyncMessages: IncomingPdu[] = [];
  /** NOP-Ins of the target that were not answers. */
  pingCount = 0;
  answersPings = true;
  /** Its wires lose PDUs: what looks like a fault of the target ends the connection, not the test. */
  hasLossyWires = false;
  tsih = 0;
  /** The next CmdSN. */
  cmdSN: number;
  expCmdSN: number;
  maxCmdSN: number;
  terms: Negotiated | null = null;
  onLogin: ((connection: InitiatorConnection) => void) | null = null;
  onLoss: ((connection: InitiatorConnection) => void) | null = null;
  onRejected: ((connection: InitiatorConnection) => void) | null = null;
  private readonly simple = new Map<number, SimpleRequest>();
  private readonly texts = new Map<number, TextRequest>();
  /** What waits for the command window to open. */
  private readonly waiting: Waiting[] = [];
  /** Numbered requests that the target has not acknowledged, by CmdSN. */
  private readonly unacknowledged = new Map<number, Waiting>();
  private lastTag = 0;

  constructor(settings: Partial<InitiatorSettings> = {}) {
    this.settings = { ...SETTINGS_DEFAULT, ...settings };
    this.cmdSN = this.settings.cmdSN;
    this.expCmdSN = this.cmdSN;
    this.maxCmdSN = this.cmdSN;
  }

  /** All requests of one login carry one tag (11.12.6). */
  get loginTag(): number {
    return 0x10000000;
  }

  get connection(): InitiatorConnection {
    const open = this.connections.find(({ isOpen }) => isOpen);
    if (open === undefined) throw new Error('no connection is open');
    return open;
  }

  get isOpen(): boolean {
    return this.connections.some(({ isOpen }) => isOpen);
  }

  get isWindowOpen(): boolean {
    return serialLessOrEqual(this.cmdSN, this.maxCmdSN);
  }

  /** Adds a connection over `wire`; logIn() on it is the caller's. */
  connect(wire: Wire, overrides: Partial<InitiatorSettings> = {}, security: SecurityScript = SECURITY_NONE()) {
    const settings = { ...this.settings, isLeading: this.tsih === 0, ...overrides };
    const connection = new InitiatorConnection(this, wire, settings, security);
    this.connections.push(connection);
    return connection;
  }

  /** Sends a SCSI command as soon as the window allows. */
  execute(cdb: Buffer, options: TaskOptions = {}): InitiatorTask {
    const { connection = this.connection } = options;
    demand(this.terms !== null, 'commands follow login');
    const tag = options.initiatorTaskTag ?? this.nextTag();
    const task = new InitiatorTask(connection, this.terms, tag, cdb, options);
    this.tasks.set(tag, task);
    this.number({ ...options, connection }, (cmdSN) => {
      if (!task.isDone) task.send(cmdSN);
    });
    return task;
  }

  /** Takes a task for ended that the target no longer knows. */
  forget(task: InitiatorTask): void {
    if (this.tasks.get(task.initiatorTaskTag) === task) this.tasks.delete(task.initiatorTaskTag);
    task.abandon();
  }

  ping(data: Buffer = Buffer.alloc(0), options: NumberingOptions = {}): SimpleRequest {
    return this.ask(options, (pdu, tag, cmdSN, expStatSN) => {
      pdu.data = data;
      writeNopOut(pdu.view, 0, options.isImmediate ?? false, 0, 0, tag, NO_TAG, cmdSN, expStatSN, data.length);
    });
  }

  manage(fn: number, options: ManageOptions = {}): SimpleRequest {
    const {
      connection = this.connection,
      isImmediate = true,
      task,
      lunHigh = task?.options.lunHigh ?? 0,
      lunLow = 0,
    } = options;
    const referenced = options.referencedTaskTag ?? task?.initiatorTaskTag ?? NO_TAG;
    const refCmdSN = options.refCmdSN ?? task?.cmdSN ?? 0;
    const numbering = { ...options, connection, isImmediate };
    let isOlder = (_task: InitiatorTask): boolean => true;
    const request = this.ask(numbering, (pdu, tag, cmdSN, expStatSN) => {
      const sent = new Set([...this.tasks.values()].filter(({ isSent }) => isSent));
      isOlder = (each) => {
        if (each.options.isImmediate !== true) return serialLess(each.cmdSN, cmdSN);
        return sent.has(each) && each.connection === connection; // another connection may deliver it later
      };
      const { view } = pdu;
      writeTaskManagementRequest(
        view,
        0,
        isImmediate,
        fn,
        lunHigh,
        lunLow,
        tag,
        referenced,
        cmdSN,
        expStatSN,
        refCmdSN,
        0,
      );
    });
    request.onEffect = () => {
      if (request.response === 0) this.abandonTasks(fn, referenced, lunHigh, isOlder);
    };
    return request;
  }

  text(text: Uint8Array, segmentBytes = 8192, options: NumberingOptions = {}): TextRequest {
    const { connection } = this;
    const request = new TextRequest(connection, this.nextTag(), text, segmentBytes, (send) => {
      this.number(options, send);
    });
    this.texts.set(request.initiatorTaskTag, request);
    request.begin(options.isImmediate ?? false);
    return request;
  }

  logOut(reason = 0, cid = this.settings.cid, options: NumberingOptions = {}): SimpleRequest {
    const { connection = this.connection } = options;
    const request = this.ask({ ...options, connection }, (pdu, tag, cmdSN, expStatSN) => {
      writeLogoutRequest(pdu.view, 0, options.isImmediate ?? false, reason, tag, cid, cmdSN, expStatSN);
    });
    // What is still on its way by a connection that another has logged out is nobody's any more (11.15.1).
    request.onEffect = () => {
      if (reason !== LOGOUT_CLOSE_CONNECTION || request.response !== LOGOUT_RESPONSE_CLOSED) return;
      for (const each of this.connections) if (each !== connection && each.settings.cid === cid) each.close();
    };
    return request;
  }

  /** Calls `send` with a CmdSN in its turn. */
  number(options: NumberingOptions, send: (cmdSN: number) => void): void {
    if (options.cmdSN !== undefined) return send(options.cmdSN);
    if (options.isImmediate === true) return send(this.cmdSN);
    this.waiting.push({ connection: options.connection ?? this.connection, send });
    this.sendWaiting();
  }

  /**
   * Has the target count as received what was lost with a connection, so that it goes on with what came after it (RFC 7143
   * 11.6.1 b: ABORT TASK with a RefCmdSN that has not arrived).
   */
  plug(connection: InitiatorConnection): void {
    for (const [refCmdSN, request] of [...this.unacknowledged]) {
      if (request.connection.isOpen) continue;
      this.manage(TMF_ABORT_TASK, { connection, refCmdSN, referencedTaskTag: NO_SUCH_TASK });
    }
  }

  nextTag(): number {
    this.lastTag += 1;
    return this.lastTag;
  }

  // From connections.

  onWindow(expCmdSN: number, maxCmdSN: number): void {
    if (serialLess(this.expCmdSN, expCmdSN)) this.expCmdSN = expCmdSN;
    if (serialLess(this.maxCmdSN, maxCmdSN)) this.maxCmdSN = maxCmdSN;
    for (const cmdSN of this.unacknowledged.keys()) {
      if (serialLess(cmdSN, this.expCmdSN)) this.unacknowledged.delete(cmdSN);
    }
    this.sendWaiting();
  }

  onLoggedIn(connection: InitiatorConnection, terms: Negotiated, tsih: number): void {
    this.tsih = tsih;
    this.terms ??= terms;
    this.onLogin?.(connection);
  }

  onConnectionClosed(connection: InitiatorConnection): void {
    for (const task of [...this.tasks.values()]) {
      if (task.connection !== connection) continue;
      this.tasks.delete(task.initiatorTaskTag);
      task.abandon();
    }
    this.onLoss?.(connection);
  }

  onPdu(connection: InitiatorConnection, pdu: IncomingPdu): void {
    const { initiatorTaskTag } = pdu.bhs;
    switch (pdu.opcode) {
      case OP_SCSI_RESPONSE:
      case OP_DATA_IN:
      case OP_R2T:
        return this.onTaskPdu(connection, pdu);
      case OP_NOP_IN:
        if (initiatorTaskTag === NO_TAG) return this.onPing(connection, pdu);
        return this.onSimple(pdu);
      case OP_TASK_MANAGEMENT_RESPONSE:
      case OP_LOGOUT_RESPONSE:
        return this.onSimple(pdu);
      case OP_TEXT_RESPONSE:
        return this.onText(pdu);
      case OP_REJECT:
        return this.onReject(connection, pdu);
      case OP_ASYNC_MESSAGE:
        this.asyncMessages.push(pdu);
        return;
      default:
        demand(false, `opcode ${pdu.opcode} does not come from a target now`);
    }
  }

  private ask(
    options: NumberingOptions,
    write: (pdu: OutgoingPdu, tag: number, cmdSN: number, expStatSN: number) => void,
  ): SimpleRequest {
    const { connection = this.connection } = options;
    const request = new SimpleRequest(this.nextTag());
    this.simple.set(request.initiatorTaskTag, request);
    this.number({ ...options, connection }, (cmdSN) => {
      const pdu = new OutgoingPdu();
      write(pdu, request.initiatorTaskTag, cmdSN, connection.expStatSN ?? 0);
      connection.send(pdu);
    });
    return request;
  }

  private sendWaiting(): void {
    while (this.waiting.length > 0 && this.isWindowOpen && this.isOpen) {
      const request = this.waiting.shift()!;
      if (!request.connection.isOpen) continue; // its number is free for the next one
      const { cmdSN } = this;
      this.cmdSN = serialAdd(cmdSN, 1);
      this.unacknowledged.set(cmdSN, request);
      request.send(cmdSN);
    }
  }

  private onTaskPdu(connection: InitiatorConnection, pdu: IncomingPdu): void {
    const task = this.tasks.get(pdu.bhs.initiatorTaskTag);
    demand(task !== undefined, `opcode ${pdu.opcode} for tag ${pdu.bhs.initiatorTaskTag}, which is no task's`);
    demand(task.connection === connection, '4.2.1: a task is answered by the connection of its command');
    if (pdu.opcode === OP_R2T) task.onR2t(pdu);
    else if (pdu.opcode === OP_DATA_IN) task.onDataIn(pdu);
    else task.onResponse(pdu);
    if (task.isDone && this.tasks.get(task.initiatorTaskTag) === task) this.tasks.delete(task.initiatorTaskTag);
  }

  private onSimple(pdu: IncomingPdu): void {
    const { initiatorTaskTag } = pdu.bhs;
    const request = this.simple.get(initiatorTaskTag);
    demand(request !== undefined, `an answer for tag ${initiatorTaskTag}, which asked nothing`);
    this.simple.delete(initiatorTaskTag);
    request.onPdu(pdu);
  }

  private onText(pdu: IncomingPdu): void {
    const request = this.texts.get(pdu.bhs.initiatorTaskTag);
    demand(request !== undefined, `text for tag ${pdu.bhs.initiatorTaskTag}, which asked nothing`);
    request.onPdu(pdu);
    if (request.isDone) this.texts.delete(request.initiatorTaskTag);
  }

  private onReject(connection: InitiatorConnection, pdu: IncomingPdu): void {
    demand(pdu.data.length >= 48, '11.17: a Reject carries the header that it rejects');
    this.rejects.push(pdu);
    this.onRejected?.(connection);
    const tag = pdu.data.readUInt32BE(16);
    const task = this.tasks.get(tag);
    if ((pdu.data[0]! & 0x3f) !== OP_SCSI_COMMAND || task === undefined) return;
    if (task.cmdSN !== pdu.data.readUInt32BE(24)) return; // a second command with the tag of a first
    this.tasks.delete(tag);
    task.onReject(pdu.bhs.rejectReason);
  }

  private onPing(connection: InitiatorConnection, { bhs }: IncomingPdu): void {
    this.pingCount += 1;
    if (bhs.targetTransferTag === NO_TAG || !this.answersPings) return;
    const pdu = new OutgoingPdu();
    const expStatSN = connection.expStatSN ?? 0;
    writeNopOut(pdu.view, 0, true, bhs.lunHigh, bhs.lunLow, NO_TAG, bhs.targetTransferTag, this.cmdSN, expStatSN, 0);
    connection.send(pdu);
  }

  /** The target has said that the tasks of `fn` are no more: nothing may come for them from here (11.6). */
  private abandonTasks(
    fn: number,
    referenced: number,
    lunHigh: number,
    isOlder: (task: InitiatorTask) => boolean,
  ): void {
    for (const task of [...this.tasks.values()]) {
      if (!task.isSent || !isAffected(fn, task, referenced, lunHigh)) continue;
      if (fn !== TMF_ABORT_TASK && !isOlder(task)) continue;
      this.tasks.delete(task.initiatorTaskTag);
      task.abandon();
    }
  }
}

function isAffected(fn: number, task: InitiatorTask, referenced: number, lunHigh: number): boolean {
  switch (fn) {
    case TMF_ABORT_TASK:
      return task.initiatorTaskTag === referenced;
    case TMF_ABORT_TASK_SET:
    case TMF_CLEAR_TASK_SET:
    case TMF_LOGICAL_UNIT_RESET:
      return (task.options.lunHigh ?? 0) === lunHigh;
    case TMF_TARGET_WARM_RESET:
    case TMF_TARGET_COLD_RESET:
      return true;
    default:
      return false;
  }
}

/**
 * Task management function requests (RFC 7143 11.5, 11.6, 4.2.3): which tasks they mean is decided here by tag, the effect
 * is the device server's, and the response goes out when every affected task has ended.
 */
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import {
  ABORT_TASK,
  ABORT_TASK_SET,
  CLEAR_ACA,
  CLEAR_TASK_SET,
  FUNCTION_COMPLETE,
  FUNCTION_REJECTED,
  INCORRECT_LOGICAL_UNIT_NUMBER,
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
  type TaskManagementFunction,
  type TaskManagementOwner,
  TaskManagementRequest,
} from '../../../scsi/task/task-management.ts';
import { serialAdd, serialLess } from '../../../util/serial32.ts';
import {
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_RESPONSE_COMPLETE,
  TMF_RESPONSE_NO_LUN,
  TMF_RESPONSE_NO_TASK,
  TMF_RESPONSE_NOT_SUPPORTED,
  TMF_RESPONSE_REASSIGN_NOT_SUPPORTED,
  TMF_RESPONSE_REJECTED,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
  TMF_TASK_REASSIGN,
} from '../../codec/constants.ts';
import type { PduWriter } from '../connection/pdu-writer.ts';
import { CMDSN_AHEAD, CMDSN_NEXT } from '../session/command-window.ts';
import { SkippedRequest } from '../session/ordered-request.ts';
import type { Session, SessionMember } from '../session/session.ts';
import type { ScsiTask } from '../session/task.ts';

/**
 * Task management functions of one connection that wait, for tasks to end or behind a fence; more are answered with "function
 * rejected".
 */
const PENDING_MAX = 16;

/**
 * The functions that a device server carries out, by RFC 7143 11.5.1 code. They end tasks that other connections may have answered,
 * or an ACA condition, so their responses are fenced (4.2.2.3.3).
 */
const FUNCTIONS: ReadonlyMap<number, TaskManagementFunction> = new Map([
  [TMF_ABORT_TASK_SET, ABORT_TASK_SET],
  [TMF_CLEAR_ACA, CLEAR_ACA],
  [TMF_CLEAR_TASK_SET, CLEAR_TASK_SET],
  [TMF_LOGICAL_UNIT_RESET, LOGICAL_UNIT_RESET],
  [TMF_TARGET_WARM_RESET, TARGET_RESET],
  [TMF_TARGET_COLD_RESET, TARGET_RESET],
]);

const RESPONSES: Readonly<Record<TaskManagementRequest['response'], number>> = {
  [FUNCTION_COMPLETE]: TMF_RESPONSE_COMPLETE,
  [FUNCTION_REJECTED]: TMF_RESPONSE_REJECTED,
  [INCORRECT_LOGICAL_UNIT_NUMBER]: TMF_RESPONSE_NO_LUN,
};

/** The fields of one request that outlive its header. */
export interface TaskRequestFields {
  readonly function: number;
  readonly lunHigh: number;
  readonly lunLow: number;
  readonly initiatorTaskTag: number;
  readonly referencedTaskTag: number;
  readonly cmdSN: number;
  readonly refCmdSN: number;
}

export class TaskRequests implements TaskManagementOwner {
  private readonly session: Session;
  private readonly member: SessionMember;
  private readonly device: ScsiTargetDevice;
  private readonly writer: PduWriter;
  private readonly waiting = new Map<TaskManagementRequest, TaskRequestFields>();
  /** Requests that wait for older commands to come. */
  private untakenCount = 0;
  /** Responses that a fence holds. */
  private heldCount = 0;
  /** TARGET COLD RESET is complete, but for its last step. */
  private isResetDue = false;
  private isClosed = false;

  constructor(session: Session, member: SessionMember, device: ScsiTargetDevice, writer: PduWriter) {
    this.session = session;
    this.member = member;
    this.device = device;
    this.writer = writer;
  }

  /** Carries one request out; the response follows, perhaps before this returns. */
  start(fields: TaskRequestFields): void {
    if (this.waiting.size + this.untakenCount + this.heldCount >= PENDING_MAX) {
      return this.writer.taskManagementResponse(fields.initiatorTaskTag, TMF_RESPONSE_REJECTED);
    }
    if (fields.function === TMF_ABORT_TASK) return this.abortTask(fields);
    if (fields.function === TMF_TASK_REASSIGN) return this.respond(fields, TMF_RESPONSE_REASSIGN_NOT_SUPPORTED);
    const fn = FUNCTIONS.get(fields.function);
    if (fn === undefined) return this.respond(fields, TMF_RESPONSE_NOT_SUPPORTED);
    if (fn === CLEAR_ACA) return this.manage(fields, fn, null);
    this.manageSet(fields, fn);
  }

  /** The connection is gone: nothing is answered any more. */
  close(): void {
    this.isClosed = true;
    this.finishReset();
  }

  onTaskManagementDone(request: TaskManagementRequest): void {
    const fields = this.waiting.get(request);
    if (fields === undefined) return;
    this.waiting.delete(request);
    this.respond(fields, RESPONSES[request.response]);
  }

  /**
   * 4.2.3.3: older commands that have not come belong to the set. An immediate request waits for them, but a reset of the
   * target makes do without them. Beyond the window no number can be right.
   */
  private manageSet(fields: TaskRequestFields, fn: TaskManagementFunction): void {
    const { session } = this;
    if (serialLess(serialAdd(session.window.maxCmdSN, 1), fields.cmdSN)) {
      return this.respond(fields, TMF_RESPONSE_REJECTED);
    }
    if (fn === TARGET_RESET) session.plug(fields.cmdSN);
    this.untakenCount += 1;
    session.whenTaken(fields.cmdSN, () => {
      this.untakenCount -= 1;
      if (this.isClosed) return;
      this.dropHeldResponses(fields, fn);
      this.manage(fields, fn, null);
    });
  }

  private abortTask(fields: TaskRequestFields): void {
    const found = this.session.tasks.find(fields.referencedTaskTag);
    // 11.5.1: ABORT TASK comes by the connection that the task is allegiant to.
    const { taskHome } = this.member;
    const task = found !== null && taskHome !== null && found.isAt(taskHome) ? found : null;
    if (found !== null && task === null) return this.respond(fields, TMF_RESPONSE_NO_TASK);
    if (task === null) return this.respond(fields, this.skipMissing(fields));
    if (task.isWithDevice) return this.manage(fields, ABORT_TASK, task);
    this.session.forget(task);
    this.respond(fields, TMF_RESPONSE_COMPLETE);
  }

  /** 11.6.1 b: a command that has not arrived and is older than the request counts as received, and never starts. */
  private skipMissing(fields: TaskRequestFields): number {
    const order = this.session.window.order(fields.refCmdSN);
    const isMissing = order === CMDSN_NEXT || order === CMDSN_AHEAD;
    if (!isMissing || !serialLess(fields.refCmdSN, fields.cmdSN)) return TMF_RESPONSE_NO_TASK;
    this.session.take(new SkippedRequest(fields.refCmdSN));
    return TMF_RESPONSE_COMPLETE;
  }

  private manage(fields: TaskRequestFields, fn: TaskManagementFunction, task: ScsiTask | null): void {
    const command = task === null ? null : task.command;
    const { lunHigh, lunLow } = fields;
    const request = new TaskManagementRequest(this, this.session.nexus, fn, lunHigh, lunLow, command);
    this.waiting.set(request, fields);
    this.device.manageTasks(request);
  }

  /** Tasks that the device server is through with, and that wait for the last of their Data-Out, are aborted like others. */
  private dropHeldResponses(fields: TaskRequestFields, fn: TaskManagementFunction): void {
    const held: ScsiTask[] = [];
    this.session.tasks.forEach((task) => {
      const isMeant = fn === TARGET_RESET || task.isForUnit(fields.lunHigh, fields.lunLow);
      if (isMeant && task.isResponseHeld) held.push(task);
    });
    for (const task of held) task.terminate();
  }

  private respond(fields: TaskRequestFields, response: number): void {
    const { fence } = this.session;
    const isComplete = response === TMF_RESPONSE_COMPLETE;
    const isReset = isComplete && fields.function === TMF_TARGET_COLD_RESET;
    if (isReset) this.isResetDue = true;
    if (this.isClosed) return this.finishReset();
    const isFenced = isComplete && FUNCTIONS.has(fields.function);
    this.heldCount += 1;
    const sendHeld = (): void => {
      this.heldCount -= 1;
      this.writer.taskManagementResponse(fields.initiatorTaskTag, response);
      if (isReset) this.finishReset();
    };
    if (!fence.isWatching || !fence.hold({ isFenced, member: this.member, sendHeld })) sendHeld();
  }

  /** Every session of the target ends, whether or not the one that asked for it is there to hear of it (11.5.1). */
  private finishReset(): void {
    if (!this.isResetDue) return;
    this.isResetDue = false;
    this.session.resetTarget();
  }
}

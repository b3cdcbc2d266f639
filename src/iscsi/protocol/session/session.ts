/**
 * A session (RFC 7143 4.4): one I_T nexus, its command numbering and its tasks, over one or more connections. A discovery
 * session has no target and no tasks.
 */

import type { Nexus } from '../../../scsi/nexus.ts';
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import { assert } from '../../../util/assert.ts';
import { NO_TAG } from '../../codec/constants.ts';
import type { CloseCause } from '../connection/sink.ts';
import type { SessionParameters } from '../login/parameters.ts';
import { CMDSN_AHEAD, CMDSN_NEXT, type CommandWindow } from './command-window.ts';
import { type OrderedRequest, SkippedRequest } from './ordered-request.ts';
import type { ScsiTask } from './task.ts';
import { TaskTable } from './task-table.ts';

/** Immediate commands of one session between reception and status; more are rejected (RFC 7143 4.2.2.1, reason 0x06). */
export const IMMEDIATE_TASKS_MAX = 16;

/** A connection, as its session sees it. */
export interface SessionMember {
  readonly cid: number;
  close(cause: CloseCause): void;
  /** Asks the initiator to log out (RFC 7143 11.9.1, event 1). */
  requestLogout(timeoutS: number): void;
}

/** Where the session is registered. */
export interface SessionHome {
  onSessionEnded(session: Session): void;
  /** TARGET COLD RESET was carried out: every session of the target ends (RFC 7143 11.5.1). */
  onTargetReset(session: Session): void;
}

export interface SessionIdentity {
  readonly initiatorName: string;
  /** 12 hex digits. */
  readonly isid: string;
  readonly tsih: number;
  /** '' in a discovery session. */
  readonly targetName: string;
  readonly targetPortalGroupTag: number;
}

export class Session {
  readonly identity: SessionIdentity;
  readonly window: CommandWindow;
  readonly parameters: SessionParameters;
  /** Null in a discovery session, which carries no SCSI commands. */
  readonly device: ScsiTargetDevice | null;
  readonly nexus: Nexus;
  readonly tasks: TaskTable<ScsiTask>;
  readonly members: SessionMember[] = [];
  immediateTaskCount = 0;
  private readonly home: SessionHome;
  /** Requests that came before their turn, by CmdSN; the command window bounds them. */
  private readonly early = new Map<number, OrderedRequest>();
  private targetTransferTag = 0;
  private isEnding = false;
  private hasEnded = false;
  private readonly drainWaiters: (() => void)[] = [];

  constructor(
    home: SessionHome,
    identity: SessionIdentity,
    window: CommandWindow,
    commandWindow: number,
    parameters: SessionParameters,
    device: ScsiTargetDevice | null,
    nexus: Nexus,
  ) {
    this.home = home;
    this.identity = identity;
    this.window = window;
    this.parameters = parameters;
    this.device = device;
    this.nexus = nexus;
    // Begun commands, commands that came early, and immediate ones.
    this.tasks = new TaskTable(commandWindow * 2 + IMMEDIATE_TASKS_MAX);
    if (device !== null) device.openNexus(nexus);
  }

  /** Unique among the R2Ts, NOP-Ins and long texts of the session until 2^32 of them have been sent. */
  nextTargetTransferTag(): number {
    this.targetTransferTag = (this.targetTransferTag + 1) >>> 0;
    if (this.targetTransferTag === NO_TAG) this.targetTransferTag = 1;
    return this.targetTransferTag;
  }

  /**
   * Takes a numbered request: starts it when its turn has come, with those that waited for it; keeps it when others come
   * first; drops it when its number is not in the window (4.2.2.1).
   */
  take(request: OrderedRequest): void {
    const order = this.window.order(request.cmdSN);
    if (order === CMDSN_NEXT) {
      this.window.advance();
      request.start();
      if (this.early.size > 0) this.startEarly();
    } else if (order === CMDSN_AHEAD && !this.early.has(request.cmdSN)) {
      this.early.set(request.cmdSN, request);
    } else {
      request.drop();
    }
  }

  /** Ends a task that has not reached the device server: its number counts as used, and nothing is answered. */
  forget(task: ScsiTask): void {
    if (this.early.get(task.cmdSN) === task) this.early.set(task.cmdSN, new SkippedRequest(task.cmdSN));
    task.terminate();
  }

  resetTarget(): void {
    this.home.onTargetReset(this);
  }

  addMember(member: SessionMember): void {
    assert(!this.isEnding, 'a session that ends takes no connection');
    this.members.push(member);
  }

  /** A connection is gone; with the last one the session ends (ErrorRecoveryLevel 0 keeps nothing). */
  removeMember(member: SessionMember): void {
    const index = this.members.indexOf(member);
    if (index >= 0) this.members.splice(index, 1);
    if (this.members.length === 0) this.end();
  }

  onTaskRemoved(task: ScsiTask): void {
    this.tasks.remove(task);
    if (task.isImmediate) this.immediateTaskCount -= 1;
    if (this.tasks.size > 0) return;
    if (this.isEnding) this.finishEnd();
    else this.wakeDrainWaiters();
  }

  /** Closes every connection; the session ends with the last. */
  close(cause: CloseCause): void {
    for (const member of [...this.members]) member.close(cause);
  }

  /** It was admitted for a connection that is gone. */
  endWithoutMembers(): void {
    if (this.members.length === 0) this.end();
  }

  requestLogout(timeoutS: number): void {
    for (const member of this.members) member.requestLogout(timeoutS);
  }

  /** Ends every task without a response; `done` is called when none can touch a store any more. */
  endTasks(done: () => void): void {
    this.drainWaiters.push(done);
    this.terminateTasks();
    this.wakeDrainWaiters();
  }

  private startEarly(): void {
    for (;;) {
      const request = this.early.get(this.window.expCmdSN);
      if (request === undefined) return;
      this.early.delete(this.window.expCmdSN);
      this.window.advance();
      request.start();
    }
  }

  private end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.terminateTasks();
    if (this.tasks.size === 0) this.finishEnd();
  }

  private terminateTasks(): void {
    for (const request of this.early.values()) request.drop();
    this.early.clear();
    const open: ScsiTask[] = [];
    this.tasks.forEach((task) => {
      open.push(task);
    });
    for (const task of open) task.terminate();
  }

  private wakeDrainWaiters(): void {
    if (this.tasks.size > 0) return;
    for (const waiter of this.drainWaiters.splice(0)) waiter();
  }

  private finishEnd(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    if (this.device !== null) this.device.closeNexus(this.nexus);
    this.home.onSessionEnded(this);
    this.wakeDrainWaiters();
  }
}

/**
 * A session (RFC 7143 4.4): one I_T nexus, its command numbering and its tasks, over one or more connections. A discovery
 * session has no target and no tasks.
 */

import type { Nexus } from '../../../scsi/nexus.ts';
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import { assert } from '../../../util/assert.ts';
import { serialDistance, serialLess } from '../../../util/serial32.ts';
import { NO_TAG } from '../../codec/constants.ts';
import type { CloseCause } from '../connection/sink.ts';
import type { SessionParameters } from '../login/parameters.ts';
import { CMDSN_AHEAD, CMDSN_NEXT, type CommandWindow } from './command-window.ts';
import { type OrderedRequest, SkippedRequest } from './ordered-request.ts';
import { ResponseFence } from './response-fence.ts';
import type { ScsiTask, TaskHome } from './task.ts';
import { TaskTable } from './task-table.ts';

/** Immediate commands of one session between reception and status; more are rejected (RFC 7143 4.2.2.1, reason 0x06). */
export const IMMEDIATE_TASKS_MAX = 16;

/** A connection, as its session sees it. */
export interface SessionMember {
  readonly cid: number;
  /** Where its tasks live; null in a discovery session. */
  readonly taskHome: TaskHome | null;
  close(cause: CloseCause): void;
  /** Asks the initiator to log out (RFC 7143 11.9.1, event 1). */
  requestLogout(timeoutS: number): void;
  /** Tells the initiator to look for logical units anew (11.9.1, event 0). */
  reportLunsChanged(): void;
  /** Sends the command window as it is now, with nothing else (11.19). */
  tellWindow(): void;
  /** Sends a NOP-In that is to be answered: fence.onAnswer() follows, or the end of a connection that is dead. */
  askForAnswer(targetTransferTag: number): void;
  /** Others lack the slots that wait for this peer: it is closed when nothing of it moves. */
  hurry(): void;
}

/** Where the session is registered. */
export interface SessionHome {
  onSessionEnded(session: Session): void;
  /** TARGET COLD RESET was carried out: every session of the target ends (RFC 7143 11.5.1). */
  onTargetReset(session: Session): void;
}

interface TurnWaiter {
  readonly cmdSN: number;
  readonly run: () => void;
}

interface DrainWaiter {
  /** Null: the tasks of every connection. */
  readonly home: TaskHome | null;
  readonly onDrained: () => void;
}

export interface SessionIdentity {
  readonly initiatorName: string;
  /** 12 hex digits. */
  readonly isid: string;
  readonly tsih: number;
  /** '' in a discovery session. */
  readonly targetName: string;
  readonly targetPortalGroupTag: number;
  /** The address that the session was opened from, without its port. */
  readonly remoteHost: string;
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
  readonly fence = new ResponseFence(this.members, () => this.nextTargetTransferTag());
  immediateTaskCount = 0;
  private readonly home: SessionHome;
  /** Requests that came before their turn, by CmdSN; the command window bounds them. */
  private readonly early = new Map<number, OrderedRequest>();
  /** What waits until every request before a number was taken. */
  private readonly turnWaiters: TurnWaiter[] = [];
  private targetTransferTag = 0;
  private isEnding = false;
  private hasEnded = false;
  private drainWaiters: readonly DrainWaiter[] = [];
  /** Connections that are gone, or going, and have commands left that may touch a store. */
  private readonly departed: SessionMember[] = [];
  /** Connections that were admitted and have not entered full feature phase yet; the session waits for them. */
  private joiningCount = 1;
  /** The CIDs of those that join a session that is there. */
  private readonly joiningCids: number[] = [];
  private isClosed = false;
  private hasLostNexus = false;

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
    // And one that is being received on each connection.
    this.tasks = new TaskTable(commandWindow * 2 + IMMEDIATE_TASKS_MAX + parameters.maxConnections);
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
      if (this.early.size > 0 || this.turnWaiters.length > 0) this.startEarly();
    } else if (order === CMDSN_AHEAD && !this.early.has(request.cmdSN)) {
      this.early.set(request.cmdSN, request);
    } else {
      request.drop();
    }
  }

  /** Calls `run` when every request before `cmdSN` was taken; at once when they were, never when the session ends first. */
  whenTaken(cmdSN: number, run: () => void): void {
    this.turnWaiters.push({ cmdSN, run });
    this.runTurnWaiters();
  }

  /** Numbers before `cmdSN` that are missing count as used (4.2.3.3); the requests between them start. */
  plug(cmdSN: number): void {
    while (serialLess(this.window.expCmdSN, cmdSN)) this.take(new SkippedRequest(this.window.expCmdSN));
  }

  /** Ends a task without an answer; when it still waits for its turn, its number counts as used. */
  forget(task: ScsiTask): void {
    if (this.early.get(task.cmdSN) === task) this.early.set(task.cmdSN, new SkippedRequest(task.cmdSN));
    task.terminate();
  }

  resetTarget(): void {
    this.home.onTargetReset(this);
  }

  /** Every connection is gone or was told to close: the session takes no further one. */
  get isClosing(): boolean {
    return this.isClosed || this.isEnding;
  }

  /** Connections besides `cid` that are there, or have been promised a place. */
  placesTakenBesides(cid: number): number {
    return new Set([...this.members.map((member) => member.cid), ...this.joiningCids].filter((each) => each !== cid))
      .size;
  }

  /**
   * A further connection was admitted (6.3.6). One with the same CID is taken for dead: it is closed, and `ready` waits
   * until no command that came by that CID can touch a store any more.
   */
  beginJoin(cid: number, ready: () => void): void {
    this.joiningCount += 1;
    this.joiningCids.push(cid);
    this.replaceMember(cid, ready);
  }

  /** Closes the connection `cid`, if it is there; `onVacant` when nothing of it, or of one before it, is in a store. */
  vacate(cid: number, cause: CloseCause, onVacant: () => void): void {
    const member = this.members.find((candidate) => candidate.cid === cid);
    if (member !== undefined) {
      member.close(cause);
      this.depart(member);
    }
    this.whenGone(cid, onVacant);
  }

  /** Whether a connection `cid` is there, or something of one is still in a store. */
  knows(cid: number): boolean {
    const isIt = (member: SessionMember): boolean => member.cid === cid;
    return this.members.some(isIt) || this.departed.some(isIt);
  }

  /** The admitted connection is there: from here on it belongs to the session. */
  addMember(member: SessionMember): void {
    assert(!this.isEnding, 'a session that ends takes no connection');
    this.leaveQueue(member.cid);
    this.members.push(member);
    this.fence.onMemberAdded();
  }

  /** The admitted connection will not come. */
  cancelJoin(cid: number): void {
    this.leaveQueue(cid);
    this.endWhenDeserted();
  }

  /** A connection is gone; with the last one the session ends (ErrorRecoveryLevel 0 keeps nothing). */
  removeMember(member: SessionMember): void {
    if (this.members.includes(member)) this.depart(member);
    this.endWhenDeserted();
  }

  onTaskRemoved(task: ScsiTask): void {
    this.tasks.remove(task);
    if (task.isImmediate) this.immediateTaskCount -= 1;
    if (this.drainWaiters.length > 0) this.wakeDrainWaiters();
    if (this.isEnding && this.tasks.size === 0) this.finishEnd();
  }

  /** Closes every connection; the session ends with the last. */
  close(cause: CloseCause): void {
    this.isClosed = true;
    for (const member of [...this.members]) member.close(cause);
  }

  hurry(): void {
    for (const member of this.members) member.hurry();
  }

  /** Whether data of a command that came by `member` was asked for and is not complete. */
  hasOpenBurst({ taskHome }: SessionMember): boolean {
    let isOpen = false;
    this.tasks.forEach((task) => {
      if (taskHome !== null && task.isAt(taskHome) && task.dataOut.hasOpenBurst) isOpen = true;
    });
    return isOpen;
  }

  requestLogout(timeoutS: number): void {
    for (const member of this.members) member.requestLogout(timeoutS);
  }

  /** By the first connection: the session is one I_T nexus, however many connections it has. */
  reportLunsChanged(): void {
    this.members[0]?.reportLunsChanged();
  }

  /** Ends every task without a response; `onDrained` is called when none can touch a store any more. */
  endTasks(onDrained: () => void): void {
    this.terminateTasks(null);
    this.drainWaiters = [...this.drainWaiters, { home: null, onDrained }];
    this.wakeDrainWaiters();
  }

  /** The same for the tasks that came by one connection. */
  endTasksOf(member: SessionMember, onDrained: () => void): void {
    if (member.taskHome !== null) this.terminateTasks(member.taskHome);
    this.drainWaiters = [...this.drainWaiters, { home: member.taskHome, onDrained }];
    this.wakeDrainWaiters();
  }

  /** I_T nexus loss (SAM-5 6.3.4), when the last command is over: now, or with the end of the session. */
  loseNexus(): void {
    if (this.device === null || this.hasLostNexus) return;
    this.hasLostNexus = true;
    this.device.closeNexus(this.nexus);
  }

  /** Whether `member` is all that there is of the session. */
  isAlone(member: SessionMember): boolean {
    return this.members.length === 1 && this.members[0] === member && this.joiningCount === 0;
  }

  private replaceMember(cid: number, ready: () => void): void {
    this.vacate(cid, 'reinstated', () => {
      // Another login for the same CID was admitted first; it is older than this one.
      if (this.members.some((member) => member.cid === cid)) this.replaceMember(cid, ready);
      else ready();
    });
  }

  private whenGone(cid: number, onGone: () => void): void {
    const left = this.departed.find((member) => member.cid === cid);
    if (left === undefined) onGone();
    else this.endTasksOf(left, () => this.whenGone(cid, onGone));
  }

  private leaveQueue(cid: number): void {
    this.joiningCount -= 1;
    const index = this.joiningCids.indexOf(cid);
    if (index >= 0) this.joiningCids.splice(index, 1);
  }

  /** It is a member no more; it stays known until its commands are out of the store. */
  private depart(member: SessionMember): void {
    this.members.splice(this.members.indexOf(member), 1);
    this.departed.push(member);
    this.fence.onMemberGone(member);
    this.endTasksOf(member, () => {
      this.departed.splice(this.departed.indexOf(member), 1);
      // Its commands have ended without a response, which would have told that their places in the window are free.
      this.members[0]?.tellWindow();
    });
  }

  private startEarly(): void {
    for (;;) {
      this.runTurnWaiters();
      const request = this.early.get(this.window.expCmdSN);
      if (request === undefined) return;
      this.early.delete(this.window.expCmdSN);
      this.window.advance();
      request.start();
    }
  }

  private runTurnWaiters(): void {
    for (;;) {
      const index = this.turnWaiters.findIndex(({ cmdSN }) => !serialLess(this.window.expCmdSN, cmdSN));
      if (index < 0) return;
      for (const { run } of this.turnWaiters.splice(index, 1)) run();
    }
  }

  private endWhenDeserted(): void {
    if (this.members.length > 0 || this.joiningCount > 0 || this.isEnding) return;
    this.isEnding = true;
    this.terminateTasks(null);
    if (this.tasks.size === 0) this.finishEnd();
  }

  /** @param home the connection whose tasks end; null for all, and for requests that wait for their turn */
  private terminateTasks(home: TaskHome | null): void {
    const open: ScsiTask[] = [];
    this.tasks.forEach((task) => {
      if (home === null || task.isAt(home)) open.push(task);
    });
    // The newest first, so that none begins because an older one that held it back has ended; what ends all the same by the
    // end of another is in the table no more.
    open.sort((a, b) => serialDistance(b.cmdSN, a.cmdSN));
    for (const task of open) if (this.tasks.find(task.initiatorTaskTag) === task) this.forget(task);
    if (home !== null) return;
    for (const request of this.early.values()) request.drop();
    this.early.clear();
    this.turnWaiters.length = 0;
  }

  private wakeDrainWaiters(): void {
    const drained = this.drainWaiters.filter(({ home }) => this.isDrained(home));
    if (drained.length === 0) return;
    this.drainWaiters = this.drainWaiters.filter((waiter) => !drained.includes(waiter));
    for (const { onDrained } of drained) onDrained();
  }

  private isDrained(home: TaskHome | null): boolean {
    if (this.tasks.size === 0) return true;
    if (home === null) return false;
    let isDrained = true;
    this.tasks.forEach((task) => {
      if (task.isAt(home)) isDrained = false;
    });
    return isDrained;
  }

  private finishEnd(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.loseNexus();
    this.home.onSessionEnded(this);
  }
}

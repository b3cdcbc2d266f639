/**
 * The task set of one logical unit (SAM-5 8): which commands are enabled, which are dormant behind an older one. While
 * all are SIMPLE, which is nearly always, entering and leaving is a list operation and a comparison of two counters.
 *
 * While there is an ACA condition (SAM-5 5.9) no dormant task begins, and no task that was there when it arose ends but by
 * being aborted. With TST zero that is so for the tasks of all I_T nexuses.
 */
import { assert } from '../../util/assert.ts';
import type { TaskAttribute } from '../command/command.ts';
import { STATUS_GOOD, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from '../command/command.ts';
import type { Nexus } from '../nexus.ts';
import type { Task } from './task.ts';
import type { TaskManagementRequest } from './task-management.ts';

/** Commands that one logical unit takes before TASK SET FULL: 16 sessions at the depth of 128 that initiators use. */
export const TASKS_PER_LOGICAL_UNIT_MAX = 2048;

/** Whose doing it is that tasks are aborted, and how those of other nexuses end. */
export interface AbortCause {
  readonly nexus: Nexus;
  /** Told when each task has ended; null: nobody. */
  readonly request: TaskManagementRequest | null;
  /** STATUS_TASK_ABORTED or STATUS_GOOD, as for Task.abort(). */
  readonly othersStatus: number;
  /** Called for the nexus of each task of another nexus; may repeat. */
  readonly onOther: (nexus: Nexus) => void;
}

interface Affected {
  readonly task: Task;
  readonly generation: number;
}

export class TaskSet {
  private oldest: Task | null = null;
  private newest: Task | null = null;
  private size = 0;
  /** Tasks in the set that are not SIMPLE. */
  private orderingCount = 0;
  private dormantCount = 0;
  private isEnabling = false;
  private faulted: Nexus | null = null;

  /** The I_T nexus of the ACA condition, or null. */
  get faultedNexus(): Nexus | null {
    return this.faulted;
  }

  get count(): number {
    return this.size;
  }

  get isFull(): boolean {
    return this.size >= TASKS_PER_LOGICAL_UNIT_MAX;
  }

  /** Adds `task` as the newest. Returns whether it is enabled; a dormant one begins by itself later. */
  insert(task: Task): boolean {
    assert(!this.isFull, 'a full task set takes no task');
    this.append(task);
    const { attribute } = task.command;
    if (this.faulted !== null) return this.insertUnderAca(attribute);
    const isEnabled = this.orderingCount === 0 && (attribute !== TASK_ORDERED || this.size === 1);
    if (attribute !== TASK_SIMPLE) this.orderingCount += 1;
    if (isEnabled || attribute === TASK_HEAD_OF_QUEUE) return true;
    task.isDormant = true;
    this.dormantCount += 1;
    if (!this.mayBegin(task)) return false;
    this.enable(task);
    return true;
  }

  /**
   * As insert, for a SIMPLE task of the device server's own: it is enabled whatever is older, as an older one may wait for
   * it. There are few, so they have no part in the limit.
   */
  insertEnabled(task: Task): void {
    assert(task.command.attribute === TASK_SIMPLE, 'a task of our own has no order to keep');
    this.append(task);
  }

  /** Takes an ended task out; enableDormant() follows when its owner has been told. */
  remove(task: Task): void {
    if (task.older === null) this.oldest = task.newer;
    else task.older.newer = task.newer;
    if (task.newer === null) this.newest = task.older;
    else task.newer.older = task.older;
    task.older = null;
    task.newer = null;
    this.size -= 1;
    if (task.command.attribute !== TASK_SIMPLE) this.orderingCount -= 1;
    if (task.isDormant) this.dormantCount -= 1;
    assert(this.size >= 0 && this.orderingCount >= 0 && this.dormantCount >= 0, 'a task leaves its set once');
  }

  /** Whether `predicate` holds for any task of the set. */
  some(predicate: (task: Task) => boolean): boolean {
    for (let task = this.oldest; task !== null; task = task.newer) {
      if (predicate(task)) return true;
    }
    return false;
  }

  /** Begins every dormant task that nothing blocks any more, oldest first. */
  enableDormant(): void {
    if (this.dormantCount === 0 || this.isEnabling || this.faulted !== null) return;
    this.isEnabling = true;
    for (let task = this.nextToEnable(); task !== null; task = this.nextToEnable()) {
      this.enable(task);
      task.begin();
    }
    this.isEnabling = false;
  }

  /** SAM-5 5.9.3: all enabled tasks become blocked. */
  establishAca(nexus: Nexus): void {
    this.faulted = nexus;
    for (let task = this.oldest; task !== null; task = task.newer) {
      if (!task.isDormant && !task.isOwn) task.isBlocked = true;
    }
  }

  /** The blocked tasks go on, oldest first, and then the dormant ones; until one of them brings the next ACA condition. */
  clearAca(): void {
    if (this.faulted === null) return;
    this.faulted = null;
    for (const { task, generation } of this.tasksWhere((other) => other.isBlocked)) {
      if (this.faulted !== null) return;
      if (task.generation === generation) task.unblock();
    }
    this.enableDormant();
  }

  /** Aborts the tasks of which `isAffected` is true. */
  abortWhere(isAffected: (task: Task) => boolean, cause: AbortCause): void {
    const affected = this.tasksWhere(isAffected);
    // No dormant task begins because one that held it back was aborted just before it.
    const wasEnabling = this.isEnabling;
    this.isEnabling = true;
    for (const { task, generation } of affected) {
      if (task.generation !== generation) continue; // its owner ended it when told of another one's end
      const isOther = task.command.nexus !== cause.nexus;
      if (isOther) cause.onOther(task.command.nexus);
      task.abort(cause.request, isOther ? cause.othersStatus : STATUS_GOOD);
    }
    this.isEnabling = wasEnabling;
    this.enableDormant();
  }

  /** SAM-5 8.6.5: a command with the ACA attribute is enabled at once; so is whatever else may enter at such a time. */
  private insertUnderAca(attribute: TaskAttribute): boolean {
    if (attribute !== TASK_SIMPLE) this.orderingCount += 1;
    return true;
  }

  private tasksWhere(predicate: (task: Task) => boolean): Affected[] {
    const found: Affected[] = [];
    for (let task = this.oldest; task !== null; task = task.newer) {
      if (predicate(task)) found.push({ task, generation: task.generation });
    }
    return found;
  }

  private append(task: Task): void {
    task.older = this.newest;
    task.newer = null;
    if (this.newest === null) this.oldest = task;
    else this.newest.newer = task;
    this.newest = task;
    this.size += 1;
  }

  private enable(task: Task): void {
    task.isDormant = false;
    this.dormantCount -= 1;
  }

  private nextToEnable(): Task | null {
    if (this.dormantCount === 0 || this.faulted !== null) return null;
    for (let task = this.oldest; task !== null; task = task.newer) {
      if (task.isDormant && this.mayBegin(task)) return task;
    }
    return null;
  }

  /**
   * SAM-5 8.6: a SIMPLE task waits for all HEAD OF QUEUE tasks and for older ORDERED ones, an ORDERED task for all HEAD OF
   * QUEUE tasks and for everything older.
   */
  private mayBegin(task: Task): boolean {
    const isOrdered = task.command.attribute === TASK_ORDERED;
    let isOlder = true;
    for (let other = this.oldest; other !== null; other = other.newer) {
      if (other === task) isOlder = false;
      else if (other.command.attribute === TASK_HEAD_OF_QUEUE) return false;
      else if (isOlder && (isOrdered || other.command.attribute === TASK_ORDERED)) return false;
    }
    return true;
  }
}

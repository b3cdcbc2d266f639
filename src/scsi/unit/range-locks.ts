/**
 * Which blocks of a logical unit are in use, and by whom: the commands whose work must look like one piece to all others
 * (COMPARE AND WRITE, ORWRITE, WRITE ATOMIC; SBC-3 5.2) have their range to themselves, over all I_T nexuses. Reads and
 * writes share theirs; while nobody excludes anybody that is two comparisons. A task takes its range before any memory,
 * so who waits here holds nothing that others may wait for.
 */
import type { Task } from '../task/task.ts';
import type { TaskSet } from '../task/task-set.ts';

export const HOLD_NONE = 0;
export const HOLD_SHARED = 1;
export const HOLD_EXCLUSIVE = 2;
export type RangeHold = typeof HOLD_NONE | typeof HOLD_SHARED | typeof HOLD_EXCLUSIVE;

/** Goes on with a task once it holds its range. */
export type RangeResumption = (task: Task) => void;

interface Waiter {
  readonly task: Task;
  readonly wanted: RangeHold;
  readonly resume: RangeResumption;
}

export class RangeLocks {
  private readonly taskSet: TaskSet;
  private readonly exclusive: Task[] = [];
  private readonly waiting: Waiter[] = [];
  private isGranting = false;

  constructor(taskSet: TaskSet) {
    this.taskSet = taskSet;
  }

  /**
   * Takes [task.offsetBytes, + task.lengthBytes), which stays as it is until the task ends, together with others that
   * share. False: `resume` is called when its turn comes; then the range is held already.
   */
  share(task: Task, resume: RangeResumption): boolean {
    if (this.exclusive.length === 0 && this.waiting.length === 0) {
      task.rangeHold = HOLD_SHARED;
      return true;
    }
    return this.take(task, HOLD_SHARED, resume);
  }

  /** As share(), but false when it would have to wait; then nothing is held. */
  shareAtOnce(task: Task): boolean {
    if (!this.isFree(task, HOLD_SHARED, this.waiting.length)) return false;
    this.hold(task, HOLD_SHARED);
    return true;
  }

  /** As share(), alone. */
  exclude(task: Task, resume: RangeResumption): boolean {
    return this.take(task, HOLD_EXCLUSIVE, resume);
  }

  /** The task ends: it holds nothing and waits for nothing any more; grant() follows when its owner has been told. */
  leave(task: Task): void {
    if (task.rangeHold === HOLD_EXCLUSIVE) this.exclusive.splice(this.exclusive.indexOf(task), 1);
    task.rangeHold = HOLD_NONE;
    if (this.waiting.length === 0) return;
    const index = this.waiting.findIndex((waiter) => waiter.task === task);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  /** Resumes everyone whose range has become free, in the order of arrival. */
  grant(): void {
    if (this.waiting.length === 0 || this.isGranting) return;
    this.isGranting = true;
    for (let waiter = this.takeGrantable(); waiter !== null; waiter = this.takeGrantable()) {
      const { task, resume } = waiter;
      const obstacle = task.unit.inaccessible(); // what came before may have begun to erase the medium, or ejected it
      if (obstacle === 0) resume(task);
      else task.checkInaccessible(obstacle);
    }
    this.isGranting = false;
  }

  private take(task: Task, wanted: RangeHold, resume: RangeResumption): boolean {
    if (task.rangeHold !== HOLD_NONE) return true; // resumed
    if (this.isFree(task, wanted, this.waiting.length)) {
      this.hold(task, wanted);
      return true;
    }
    this.waiting.push({ task, wanted, resume });
    return false;
  }

  private hold(task: Task, wanted: RangeHold): void {
    task.rangeHold = wanted;
    if (wanted === HOLD_EXCLUSIVE) this.exclusive.push(task);
  }

  private takeGrantable(): Waiter | null {
    for (let index = 0; index < this.waiting.length; index++) {
      const waiter = this.waiting[index] as Waiter;
      if (!this.isFree(waiter.task, waiter.wanted, index)) continue;
      this.waiting.splice(index, 1);
      this.hold(waiter.task, waiter.wanted);
      return waiter;
    }
    return null;
  }

  /** Nobody overtakes one of the first `olderCount` waiters whom it would keep waiting. */
  private isFree(task: Task, wanted: RangeHold, olderCount: number): boolean {
    if (this.exclusive.some((holder) => overlaps(holder, task))) return false;
    for (let index = 0; index < olderCount; index++) {
      const older = this.waiting[index] as Waiter;
      if ((wanted === HOLD_EXCLUSIVE || older.wanted === HOLD_EXCLUSIVE) && overlaps(older.task, task)) return false;
    }
    if (wanted === HOLD_SHARED) return true;
    return !this.taskSet.some((other) => other.rangeHold === HOLD_SHARED && overlaps(other, task));
  }
}

function overlaps(a: Task, b: Task): boolean {
  return a.offsetBytes < b.offsetBytes + b.lengthBytes && b.offsetBytes < a.offsetBytes + a.lengthBytes;
}

/**
 * Who may have data of an atomic write in memory. A connection has one at a time, so that one whose Data-Out does not come
 * keeps nobody else waiting for long; who waits here holds its range, but no memory.
 */
import type { Task } from '../../task/task.ts';

/** At once in a reactor: 16 MiB, with what lay there before. */
export const ATOMIC_TURNS_MAX = 8;

export class AtomicTurns {
  private readonly turns: Task[] = [];
  private readonly waiting: Task[] = [];

  /** Takes a turn until the task ends, or false: then its handler begins anew when the turn has come. */
  take(task: Task): boolean {
    if (this.turns.includes(task)) return true;
    if (this.mayTake(task)) {
      this.turns.push(task);
      return true;
    }
    this.waiting.push(task);
    return false;
  }

  /** The task is over; no error when it has no turn and waits for none. */
  giveUp(task: Task): void {
    if (this.turns.length === 0) return; // then nobody waits either
    const waiting = this.waiting.indexOf(task);
    if (waiting >= 0) this.waiting.splice(waiting, 1);
    const index = this.turns.indexOf(task);
    if (index < 0) return;
    this.turns.splice(index, 1);
    this.grant();
  }

  private mayTake({ command }: Task): boolean {
    const { length } = this.turns;
    return length < ATOMIC_TURNS_MAX && !this.turns.some((other) => other.command.holder === command.holder);
  }

  private grant(): void {
    const index = this.waiting.findIndex((task) => this.mayTake(task));
    const [task] = index < 0 ? [] : this.waiting.splice(index, 1);
    if (task === undefined) return;
    this.turns.push(task);
    const obstacle = task.unit.inaccessible(); // it may have been ejected meanwhile
    if (obstacle === 0) task.entry.handler(task);
    else task.checkInaccessible(obstacle);
  }
}

/**
 * The reactor's one slot for reading back what is to be compared or combined with Data-Out (VERIFY, WRITE AND VERIFY,
 * COMPARE AND WRITE, ORWRITE, a self-test). It is set aside for good: if commands that hold their Data-Out took a second slot from the pool, enough of them could wait for each
 * other for ever. Who holds this one waits for the store alone, so it always comes back.
 */
import { assert } from '../../../util/assert.ts';
import { RingQueue } from '../../../util/ring-queue.ts';
import type { Slot, SlotPool } from '../../../util/slot-pool.ts';
import { SlotHolder } from '../../../util/slot-pool.ts';
import type { Task } from '../../task/task.ts';

/** The wished size; a pool of smaller slots gives less. */
const COMPARE_BYTES = 65536;
/** The largest logical block: less would not hold one. */
const COMPARE_BYTES_MIN = 4096;

export const NO_DIFFERENCE = -1;

/** Where `lengthBytes` of two slots, from an offset of each, first differ: an offset from there, or NO_DIFFERENCE. */
export function differenceAt(a: Slot, aOffset: number, b: Slot, bOffset: number, lengthBytes: number): number {
  const aStart = a.dataOffset + aOffset;
  const bStart = b.dataOffset + bOffset;
  if (a.memory.compare(b.memory, bStart, bStart + lengthBytes, aStart, aStart + lengthBytes) === 0)
    return NO_DIFFERENCE;
  let at = 0;
  while (a.memory[aStart + at] === b.memory[bStart + at]) at += 1;
  return at;
}

export class CompareBuffer {
  /** Valid between onCompareBuffer and release. */
  readonly slot: Slot;
  private user: Task | null = null;
  private readonly waiting = new RingQueue<Task>(16);

  constructor(pool: SlotPool) {
    const holder = new SlotHolder();
    let slot = pool.take(COMPARE_BYTES, holder);
    if (slot === null) slot = pool.take(COMPARE_BYTES_MIN, holder);
    assert(slot !== null, 'the pool has a slot to set aside');
    this.slot = slot;
  }

  /** Calls task.operation.onCompareBuffer, at once or when it is this task's turn. */
  acquire(task: Task): void {
    assert(this.user !== task, 'the compare buffer is acquired once');
    if (this.user !== null) {
      this.waiting.push(task);
      return;
    }
    this.user = task;
    task.operation?.onCompareBuffer(task);
  }

  /** The user is done with one piece; the next in line gets its turn. */
  release(task: Task): void {
    assert(this.user === task, 'the compare buffer is released by its user');
    this.user = this.waiting.shift();
    if (this.user !== null) this.user.operation?.onCompareBuffer(this.user);
  }

  /** As release, or leaves the line; no error when the task does neither. */
  giveUp(task: Task): void {
    if (this.user === task) this.release(task);
    else if (this.waiting.length > 0) this.waiting.remove(task);
  }

  /** Gives the slot back to the pool, when the reactor ends. */
  close(): void {
    assert(this.user === null, 'nothing is compared when the reactor ends');
    this.slot.release();
  }
}

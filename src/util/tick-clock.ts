/**
 * A clock that is read a few times in a tick, however many ask: once while what has come is taken, and once when the stores
 * are flushed, whose completions are later. It is right to within a tick, for less than a reading costs.
 */
import type { Clock } from './clock.ts';
import type { BatchMember, TickBatch } from './tick-batch.ts';

export class TickClock implements Clock, BatchMember {
  isMarked = false;
  private readonly clock: Clock;
  private readonly batch: TickBatch;
  private lastMs = Number.NaN;

  constructor(clock: Clock, batch: TickBatch) {
    this.clock = clock;
    this.batch = batch;
  }

  nowMs(): number {
    if (!this.isMarked) {
      this.lastMs = this.clock.nowMs();
      this.batch.markStore(this);
    }
    return this.lastMs;
  }

  /** From here on the reading is old: who asks again gets another, and marks this clock again. */
  flushBatch(): void {
    return;
  }
}

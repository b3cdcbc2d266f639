import { describe, expect, it } from 'vitest';
import { TickBatch } from '../../../src/util/tick-batch.ts';
import { TickClock } from '../../../src/util/tick-clock.ts';

describe('a clock of ticks', () => {
  it('is read once until the stores are flushed, once for what they complete, and anew in the next tick', () => {
    const deferred: (() => void)[] = [];
    const batch = new TickBatch((work) => deferred.push(work));
    let readings = 0;
    const clock = new TickClock({ nowMs: () => ++readings }, batch);
    const seen: number[] = [];
    const store = { isMarked: false, flushBatch: () => seen.push(clock.nowMs(), clock.nowMs()) };
    for (let tick = 0; tick < 2; tick++) {
      seen.push(clock.nowMs(), clock.nowMs());
      batch.markStore(store);
      seen.push(clock.nowMs());
      deferred.shift()?.();
      expect(deferred).toEqual([]);
    }
    expect(seen).toEqual([1, 1, 1, 2, 2, 3, 3, 3, 4, 4]);
  });
});

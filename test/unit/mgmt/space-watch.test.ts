import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SPACE_WATCH_MS, SpaceWatch } from '../../../src/mgmt/watch/space-watch.ts';
import { Harness } from '../scsi/device-harness.ts';

const MIB = 2 ** 20;

describe('the watch of space', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const outcome = (harness: Harness) => harness.run([0, 0, 0, 0, 0, 0]).outcome;

  it('looks at once and from time to time, and so finds what others take; after stop() it does not', () => {
    const unit = { thresholds: { availableBytes: 10 * MIB, usedPercent: 0 } };
    const [harness, other] = [new Harness({ unit }), new Harness({ unit })];
    const watch = new SpaceWatch();
    harness.backend.spaceNow = { usedBytes: 0, availableBytes: 5 * MIB };
    other.backend.spaceNow = { usedBytes: 0, availableBytes: 50 * MIB };
    watch.add(harness.unit);
    watch.add(other.unit);
    harness.settle();
    other.settle();
    expect([outcome(harness), outcome(other)]).toEqual(['6/38/7', 'status 0']);
    other.backend.spaceNow = { usedBytes: 0, availableBytes: 5 * MIB };
    vi.advanceTimersByTime(SPACE_WATCH_MS - 1);
    expect(other.backend.questions).toHaveLength(0);
    vi.advanceTimersByTime(1);
    other.settle();
    expect(outcome(other)).toBe('6/38/7');
    watch.stop();
    vi.advanceTimersByTime(10 * SPACE_WATCH_MS);
    expect([harness, other].flatMap(({ backend }) => backend.questions.length)).toEqual([1, 0]);
  });

  it('asks no store twice at a time, and none of a disk without thresholds', () => {
    const watched = new Harness({ unit: { thresholds: { availableBytes: MIB, usedPercent: 0 } } });
    const unwatched = new Harness();
    const watch = new SpaceWatch();
    watch.add(watched.unit);
    watch.add(unwatched.unit);
    vi.advanceTimersByTime(10 * SPACE_WATCH_MS);
    expect([watched, unwatched].map(({ backend }) => backend.questions.length)).toEqual([1, 0]);
    watch.stop();
  });
});

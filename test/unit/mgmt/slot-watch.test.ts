import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HURRIED_LOOKS, SLOT_WATCH_MS, SlotWatch } from '../../../src/mgmt/watch/slot-watch.ts';
import { arenaBytes, type SlotClass, SlotHolder, SlotPool } from '../../../src/util/slot-pool.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';

const CLASSES: readonly SlotClass[] = [{ capacityBytes: 4096, count: 1 }];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('peers are hurried when somebody went without a slot, for a while, until stop()', () => {
  const pool = new SlotPool(Buffer.alloc(arenaBytes(CLASSES)), CLASSES, new TickBatch(() => undefined));
  const hurry = vi.fn();
  const watch = new SlotWatch(pool, { hurry });
  pool.take(1, new SlotHolder());
  vi.advanceTimersByTime(10 * SLOT_WATCH_MS);
  expect(hurry).not.toHaveBeenCalled();
  expect(pool.take(1, new SlotHolder())).toBeNull();
  vi.advanceTimersByTime(SLOT_WATCH_MS);
  expect(hurry).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10 * HURRIED_LOOKS * SLOT_WATCH_MS);
  expect(hurry).toHaveBeenCalledTimes(HURRIED_LOOKS);
  expect(pool.take(1, new SlotHolder())).toBeNull();
  watch.stop();
  vi.advanceTimersByTime(10 * SLOT_WATCH_MS);
  expect(hurry).toHaveBeenCalledTimes(HURRIED_LOOKS);
});

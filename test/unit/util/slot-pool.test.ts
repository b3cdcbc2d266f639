import { describe, expect, it } from 'vitest';
import {
  arenaBytes,
  PAGE_BYTES,
  SEGMENT_BYTES_MAX,
  SLOT_CLASSES_DEFAULT,
  SLOT_HEADER_BYTES,
  SLOT_TAIL_BYTES,
  type Slot,
  type SlotClass,
  SlotHolder,
  SlotPool,
  type SlotWaiter,
} from '../../../src/util/slot-pool.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';

const CLASSES: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 8 },
  { capacityBytes: 16384, count: 4 },
];

function poolOf(classes = CLASSES): { pool: SlotPool; endTick: () => void } {
  const deferred: (() => void)[] = [];
  const batch = new TickBatch((work) => deferred.push(work));
  const pool = new SlotPool(Buffer.alloc(arenaBytes(classes)), classes, batch);
  const endTick = (): void => {
    for (const work of deferred.splice(0)) work();
  };
  return { pool, endTick };
}

/** Takes every slot of the pool, each for a holder of its own. */
function takeAll(pool: SlotPool, lengthBytes: number): Slot[] {
  const taken: Slot[] = [];
  for (;;) {
    const slot = pool.take(lengthBytes, new SlotHolder());
    if (slot === null) return taken;
    taken.push(slot);
  }
}

function waiter(onSlotReady: () => void): SlotWaiter {
  return { onSlotReady };
}

describe('SlotPool', () => {
  it('tells once that somebody went without who held next to nothing, not of who has had a share', () => {
    const { pool } = poolOf([{ capacityBytes: 4096, count: 8 }]);
    const greedy = new SlotHolder();
    while (pool.take(1, greedy) !== null);
    expect(pool.takeStarvation()).toBe(false);
    takeAll(pool, 1);
    expect([pool.takeStarvation(), pool.takeStarvation()]).toEqual([true, false]);
  });

  it('slots start on pages, and no header, data or tail of one touches another', () => {
    const { pool } = poolOf();
    const slots = takeAll(pool, 0).sort((a, b) => a.dataOffset - b.dataOffset);
    expect(slots).toHaveLength(12);
    let freeFrom = 0;
    for (const slot of slots) {
      expect(slot.dataOffset % PAGE_BYTES).toBe(0);
      expect(slot.dataOffset - SLOT_HEADER_BYTES).toBeGreaterThanOrEqual(freeFrom);
      freeFrom = slot.dataOffset + slot.capacityBytes + SLOT_TAIL_BYTES;
      expect(freeFrom).toBeLessThanOrEqual(pool.memory.length);
    }
  });

  it('gives the smallest class that is large enough, and the next one when that is empty', () => {
    const { pool } = poolOf();
    expect(pool.take(0, new SlotHolder())?.capacityBytes).toBe(4096);
    expect(pool.take(4096, new SlotHolder())?.capacityBytes).toBe(4096);
    expect(pool.take(4097, new SlotHolder())?.capacityBytes).toBe(16384);
    const small = takeAll(pool, 0).map((slot) => slot.capacityBytes);
    expect(small).toEqual([4096, 4096, 4096, 4096, 4096, 4096, 16384, 16384, 16384]);
  });

  it('gives null for more than its largest class holds', () => {
    const { pool } = poolOf();
    expect(pool.take(16385, new SlotHolder())).toBe(null);
  });

  it('one holder alone gets half of a class, and what it leaves is there for others', () => {
    const { pool } = poolOf([{ capacityBytes: 4096, count: 8 }]);
    const greedy = new SlotHolder();
    let count = 0;
    while (pool.take(1, greedy) !== null) count += 1;
    expect(count).toBe(4);
    const other = new SlotHolder();
    expect(pool.take(1, other)).not.toBe(null);
    expect(pool.take(1, other)).not.toBe(null);
    expect(pool.take(1, other)).toBe(null);
    expect(pool.take(1, new SlotHolder())).not.toBe(null);
  });

  it('a released slot can be taken again, and its holder has its share back', () => {
    const { pool } = poolOf([{ capacityBytes: 4096, count: 2 }]);
    const holder = new SlotHolder();
    const slot = pool.take(1, holder) as Slot;
    expect(slot.holder).toBe(holder);
    expect(pool.take(1, holder)).toBe(null);
    expect(pool.isIdle).toBe(false);
    slot.release();
    expect(pool.isIdle).toBe(true);
    expect(holder.held).toEqual([0]);
    expect(pool.take(1, holder)).toBe(slot);
  });

  it('releasing a slot twice stops the process', () => {
    const { pool } = poolOf();
    const slot = pool.take(1, new SlotHolder()) as Slot;
    slot.release();
    expect(() => slot.release()).toThrow('released once');
  });

  it('counts what is free for a length over all classes that serve it', () => {
    const { pool } = poolOf();
    expect(pool.freeCount(0)).toBe(12);
    expect(pool.freeCount(4097)).toBe(4);
    expect(pool.freeCount(16385)).toBe(0);
    pool.take(1, new SlotHolder());
    expect(pool.freeCount(0)).toBe(11);
  });

  it('who waits is called once, oldest first, after the tick in which a slot came back', () => {
    const { pool, endTick } = poolOf();
    const slots = takeAll(pool, 0);
    const calls: string[] = [];
    pool.wait(waiter(() => calls.push('first')));
    pool.wait(waiter(() => calls.push('second')));
    endTick();
    expect(calls).toEqual([]);
    slots[0]!.release();
    slots[1]!.release();
    expect(calls).toEqual([]);
    endTick();
    expect(calls).toEqual(['first', 'second']);
    slots[2]!.release();
    endTick();
    expect(calls).toEqual(['first', 'second']);
  });

  it('who waits again from its turn is called for the next slot', () => {
    const { pool, endTick } = poolOf([{ capacityBytes: 4096, count: 4 }]);
    const holder = new SlotHolder();
    const own = [pool.take(1, holder) as Slot, pool.take(1, holder) as Slot];
    const others = takeAll(pool, 1);
    let tries = 0;
    let got = 0;
    const patient = waiter(() => {
      tries += 1;
      if (pool.take(1, holder) === null) pool.wait(patient);
      else got += 1;
    });
    pool.wait(patient);
    others[0]!.release();
    endTick();
    expect([tries, got]).toEqual([1, 0]); // it already has more than is left for others
    own[0]!.release();
    endTick();
    expect([tries, got]).toEqual([2, 1]);
  });

  it('who stops waiting is not called, even when its turn was about to come', () => {
    const { pool, endTick } = poolOf();
    const slot = pool.take(1, new SlotHolder()) as Slot;
    const calls: string[] = [];
    const gone = waiter(() => calls.push('gone'));
    pool.wait(
      waiter(() => {
        calls.push('there');
        pool.stopWaiting(gone);
      }),
    );
    pool.wait(gone);
    slot.release();
    endTick();
    expect(calls).toEqual(['there']);
    pool.stopWaiting(gone);
  });

  it('refuses an arena that is too small and a class that is no whole page', () => {
    const { batch } = { batch: new TickBatch(() => undefined) };
    expect(() => new SlotPool(Buffer.alloc(arenaBytes(CLASSES) - 1), CLASSES, batch)).toThrow('arena');
    const odd = [{ capacityBytes: 5000, count: 1 }];
    expect(() => new SlotPool(Buffer.alloc(arenaBytes(odd)), odd, batch)).toThrow('whole pages');
  });

  it('the default classes serve every segment and fit 64 MiB', () => {
    expect(Math.max(...SLOT_CLASSES_DEFAULT.map(({ capacityBytes }) => capacityBytes))).toBe(SEGMENT_BYTES_MAX);
    expect(arenaBytes(SLOT_CLASSES_DEFAULT)).toBeLessThanOrEqual(64 * 2 ** 20);
  });
});

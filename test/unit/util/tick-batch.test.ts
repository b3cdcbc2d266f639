import { describe, expect, it } from 'vitest';
import { type BatchMember, TickBatch } from '../../../src/util/tick-batch.ts';

/** A batch whose end of tick comes when the test says so. */
function manualBatch(): { batch: TickBatch; deferredCount: () => number; endTick: () => void } {
  const deferred: (() => void)[] = [];
  const batch = new TickBatch((work) => deferred.push(work));
  const endTick = (): void => {
    for (const work of deferred.splice(0)) work();
  };
  return { batch, deferredCount: () => deferred.length, endTick };
}

function member(onFlush: () => void): BatchMember {
  return { isMarked: false, flushBatch: onFlush };
}

describe('TickBatch', () => {
  it('flushes a member once per tick however often it was marked, and never inside mark', () => {
    const { batch, deferredCount, endTick } = manualBatch();
    let flushes = 0;
    const store = member(() => {
      flushes += 1;
    });
    batch.markStore(store);
    batch.markStore(store);
    expect(flushes).toBe(0);
    expect(deferredCount()).toBe(1);
    endTick();
    expect(flushes).toBe(1);
    expect(store.isMarked).toBe(false);
    endTick();
    expect(flushes).toBe(1);
    batch.markStore(store);
    endTick();
    expect(flushes).toBe(2);
  });

  it('flushes stores before connections, each in the order they were marked', () => {
    const { batch, endTick } = manualBatch();
    const order: string[] = [];
    const note = (name: string): BatchMember => member(() => order.push(name));
    batch.markConnection(note('connection 1'));
    batch.markStore(note('store 1'));
    batch.markConnection(note('connection 2'));
    batch.markStore(note('store 2'));
    endTick();
    expect(order).toEqual(['store 1', 'store 2', 'connection 1', 'connection 2']);
  });

  it('a connection marked by a store is flushed in the same tick', () => {
    const { batch, deferredCount, endTick } = manualBatch();
    const order: string[] = [];
    const connection = member(() => order.push('connection'));
    batch.markStore(
      member(() => {
        order.push('store');
        batch.markConnection(connection);
      }),
    );
    endTick();
    expect(order).toEqual(['store', 'connection']);
    expect(deferredCount()).toBe(0);
  });

  it('a store marked by a connection is flushed in the same tick, and so is who marks itself', () => {
    const { batch, deferredCount, endTick } = manualBatch();
    const order: string[] = [];
    let rounds = 3;
    const store = member(() => {
      order.push('store');
      rounds -= 1;
      if (rounds > 0) batch.markStore(store);
    });
    batch.markConnection(
      member(() => {
        order.push('connection');
        batch.markStore(store);
      }),
    );
    endTick();
    expect(order).toEqual(['connection', 'store', 'store', 'store']);
    expect(deferredCount()).toBe(0);
  });

  it('who marks itself without end leaves the event loop to others now and then, and nobody is forgotten', () => {
    const later: (() => void)[] = [];
    const deferred: (() => void)[] = [];
    const batch = new TickBatch(
      (work) => deferred.push(work),
      (work) => later.push(work),
    );
    let rounds = 1000;
    const store = member(() => {
      rounds -= 1;
      if (rounds > 0) batch.markStore(store);
    });
    let others = 0;
    batch.markStore(store);
    for (let i = 0; i < 100; i++) batch.markConnection(member(() => (others += 1)));
    deferred.shift()?.();
    expect(others).toBe(100);
    expect(rounds).toBeGreaterThan(900);
    let turns = 1;
    for (; later.length > 0; turns++) {
      batch.markStore(store); // while it waits for its turn: no second one is asked for
      expect(later.length + deferred.length).toBe(1);
      later.shift()?.();
    }
    expect(rounds).toBe(0);
    expect(turns).toBeGreaterThan(10);
  });

  it('between begin and end nothing is scheduled, and end flushes at once', () => {
    const { batch, deferredCount, endTick } = manualBatch();
    const order: string[] = [];
    batch.begin();
    batch.markConnection(member(() => order.push('connection')));
    batch.markStore(member(() => order.push('store')));
    expect([deferredCount(), order]).toEqual([0, []]);
    batch.end();
    expect([deferredCount(), order]).toEqual([0, ['store', 'connection']]);
    batch.begin();
    batch.end();
    batch.markStore(member(() => order.push('late')));
    expect(deferredCount()).toBe(1);
    // What a scheduled flush will reach anyway is left to it.
    batch.begin();
    batch.markStore(member(() => order.push('later')));
    batch.end();
    expect(order.length).toBe(2);
    endTick();
    expect(order.slice(2)).toEqual(['late', 'later']);
  });

  it('begin within begin, and end without it, is our own bug', () => {
    const { batch } = manualBatch();
    expect(() => batch.end()).toThrow();
    batch.begin();
    expect(() => batch.begin()).toThrow();
  });
});

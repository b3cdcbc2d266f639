/**
 * Virtual time: everything that happens in a simulation is an event here, in one order that depends on nothing but what
 * was scheduled. The target's TickBatch defers into it, so a tick ends when the event that began it has returned.
 */
import type { Clock } from '../../src/util/clock.ts';

export interface SimulatedEvent {
  readonly atMs: number;
  /** Timers alone keep no simulation going. */
  readonly isTimer: boolean;
  isCancelled: boolean;
}

interface Entry extends SimulatedEvent {
  readonly order: number;
  readonly run: () => void;
}

/** Events without an end are a target and an initiator that answer each other for ever. */
const EVENTS_MAX = 2_000_000;

export class SimulatedTime implements Clock {
  eventCount = 0;
  private time = 0;
  private lastOrder = 0;
  /** A binary heap by (atMs, order). */
  private readonly heap: Entry[] = [];
  private workCount = 0;
  private readonly deferred: (() => void)[] = [];

  nowMs(): number {
    return this.time;
  }

  /** For TickBatch. */
  readonly defer = (work: () => void): void => {
    this.deferred.push(work);
  };

  schedule(delayMs: number, run: () => void, isTimer = false): SimulatedEvent {
    this.lastOrder += 1;
    const entry: Entry = { atMs: this.time + delayMs, order: this.lastOrder, isTimer, isCancelled: false, run };
    if (!isTimer) this.workCount += 1;
    this.heap.push(entry);
    siftUp(this.heap, this.heap.length - 1);
    return entry;
  }

  cancel(event: SimulatedEvent): void {
    if (event.isCancelled) return;
    event.isCancelled = true;
    if (!event.isTimer) this.workCount -= 1;
  }

  /** Runs `work` as an event of its own, now, with the end of its tick. */
  enter(work: () => void): void {
    work();
    for (let next = this.deferred.shift(); next !== undefined; next = this.deferred.shift()) next();
  }

  /** Runs until nothing is left but timers; time advances as events ask. */
  settle(): void {
    while (this.workCount > 0) this.step();
  }

  /** Runs everything that is due within `ms` from now. */
  advance(ms: number): void {
    const until = this.time + ms;
    for (let next = this.heap[0]; next !== undefined && next.atMs <= until; next = this.heap[0]) this.step();
    this.time = until;
  }

  /** Timers that are armed. */
  get timerCount(): number {
    return this.heap.filter(({ isTimer, isCancelled }) => isTimer && !isCancelled).length;
  }

  private step(): void {
    const entry = pop(this.heap);
    if (entry.isCancelled) return;
    entry.isCancelled = true;
    if (!entry.isTimer) this.workCount -= 1;
    this.eventCount += 1;
    if (this.eventCount > EVENTS_MAX) throw new Error(`${EVENTS_MAX} events and no end`);
    this.time = entry.atMs;
    this.enter(entry.run);
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function siftUp(heap: Entry[], index: number): void {
  for (let child = index; child > 0; ) {
    const parent = (child - 1) >> 1;
    if (!isBefore(heap[child]!, heap[parent]!)) return;
    swap(heap, child, parent);
    child = parent;
  }
}

function pop(heap: Entry[]): Entry {
  const top = heap[0];
  if (top === undefined) throw new Error('an event is there');
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  heap[0] = last;
  for (let parent = 0; ; ) {
    const left = parent * 2 + 1;
    if (left >= heap.length) return top;
    const right = left + 1;
    const child = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
    if (!isBefore(heap[child]!, heap[parent]!)) return top;
    swap(heap, parent, child);
    parent = child;
  }
}

function swap(heap: Entry[], a: number, b: number): void {
  const kept = heap[a]!;
  heap[a] = heap[b]!;
  heap[b] = kept;
}

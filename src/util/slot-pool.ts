/**
 * Data memory for one reactor: page-aligned slots of a few sizes, cut once from one arena. A slot carries room for a
 * header before its data and for padding and a digest behind it, so a Data-In PDU leaves in one piece.
 *
 *   | headroom page ........ header | data (capacityBytes, page-aligned) | tail |   next slot ...
 *   ^ stride start                  ^ dataOffset                        ^ lies in the next headroom page, never in its header
 *
 * Nothing is allocated at a peer's wish: when a class is empty the caller waits or answers TASK SET FULL. No holder takes
 * more of a class than is left for all others (held < free): one connection can use half, a second one half of what is left. So
 * one peer that reads nothing cannot starve the rest; that many do is noticed (takeStarvation).
 */
import { assert } from './assert.ts';
import { RingQueue } from './ring-queue.ts';
import type { BatchMember, TickBatch } from './tick-batch.ts';

export const PAGE_BYTES = 4096;
/** Bytes that may be written directly before a slot's data: BHS (48) and header digest (4). */
export const SLOT_HEADER_BYTES = 52;
/** Bytes that may be written directly behind a slot's full capacity: padding (3) and data digest (4), rounded up. */
export const SLOT_TAIL_BYTES = 8;
/** The largest contiguous piece of a transfer; longer transfers go in segments of this size. */
export const SEGMENT_BYTES_MAX = 262144;

export interface SlotClass {
  /** A multiple of PAGE_BYTES, at most SEGMENT_BYTES_MAX. */
  readonly capacityBytes: number;
  readonly count: number;
}

/**
 * 64 MiB: 1024 x 4 KiB serves 256 connections at depth 4, 128 x 256 KiB serves four streams at depth 32. A reactor that
 * has more to do waits for slots, it does not grow.
 */
export const SLOT_CLASSES_DEFAULT: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 1024 },
  { capacityBytes: 16384, count: 512 },
  { capacityBytes: 65536, count: 192 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 128 },
];

/** `classes` with `added`, which takes the place of one of the same size. */
export function withSlotClass(classes: readonly SlotClass[], added: SlotClass): SlotClass[] {
  const others = classes.filter(({ capacityBytes }) => capacityBytes !== added.capacityBytes);
  return [...others, added].sort((a, b) => a.capacityBytes - b.capacityBytes);
}

/** Bytes of arena that `classes` need. */
export function arenaBytes(classes: readonly SlotClass[]): number {
  let bytes = PAGE_BYTES; // the last slot's tail
  for (const { capacityBytes, count } of classes) bytes += (capacityBytes + PAGE_BYTES) * count;
  return bytes;
}

/** Who holds no more and gets nothing is starved by others, not by its own share. */
const STARVED_HELD_MAX = 1;

/** Who holds slots (a connection); counts what it holds of each class. */
export class SlotHolder {
  readonly held: number[] = [];
}

export interface SlotWaiter {
  /** Slots came back; take again, and wait again when still out of luck. */
  onSlotReady(): void;
}

/** One slot. Who got it from `take` owns its memory until `release`. */
export class Slot {
  readonly pool: SlotPool;
  readonly classIndex: number;
  /** The whole arena; index it with dataOffset. */
  readonly memory: Buffer;
  readonly dataOffset: number;
  readonly capacityBytes: number;
  holder: SlotHolder | null = null;

  constructor(pool: SlotPool, classIndex: number, memory: Buffer, dataOffset: number, capacityBytes: number) {
    this.pool = pool;
    this.classIndex = classIndex;
    this.memory = memory;
    this.dataOffset = dataOffset;
    this.capacityBytes = capacityBytes;
  }

  release(): void {
    this.pool.giveBack(this);
  }
}

export class SlotPool implements BatchMember {
  isMarked = false;
  /** The whole arena. */
  readonly memory: Buffer;
  /** The same bytes, for headers written into the headroom. */
  readonly view: DataView;
  private readonly classes: readonly SlotClass[];
  private readonly free: Slot[][];
  private readonly waiters = new RingQueue<SlotWaiter>(64);
  private readonly batch: TickBatch;
  private hasStarved = false;

  /** @param memory page-aligned for O_DIRECT stores, at least arenaBytes(classes), owned by the pool's owner for its life */
  constructor(memory: Buffer, classes: readonly SlotClass[], batch: TickBatch) {
    assert(memory.length >= arenaBytes(classes), 'the arena holds every slot');
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.classes = classes;
    this.batch = batch;
    let offset = 0;
    this.free = classes.map(({ capacityBytes, count }, classIndex) => {
      assert(capacityBytes % PAGE_BYTES === 0 && capacityBytes <= SEGMENT_BYTES_MAX, 'slots are whole pages');
      const slots: Slot[] = [];
      for (let i = 0; i < count; i++) {
        slots.push(new Slot(this, classIndex, memory, offset + PAGE_BYTES, capacityBytes));
        offset += capacityBytes + PAGE_BYTES;
      }
      return slots.reverse(); // the lowest addresses are used first: the fewest pages are touched
    });
  }

  /**
   * The smallest free slot of at least `lengthBytes` (0 <= lengthBytes <= SEGMENT_BYTES_MAX), or null when the pool or the
   * holder's share is exhausted.
   */
  take(lengthBytes: number, holder: SlotHolder): Slot | null {
    for (let index = 0; index < this.classes.length; index++) {
      if ((this.classes[index] as SlotClass).capacityBytes < lengthBytes) continue;
      const free = this.free[index] as Slot[];
      const held = holder.held[index] ?? 0;
      if (held >= free.length) continue;
      const slot = free.pop() as Slot;
      slot.holder = holder;
      holder.held[index] = held + 1;
      return slot;
    }
    this.hasStarved ||= this.heldBy(holder, lengthBytes) <= STARVED_HELD_MAX;
    return null;
  }

  /** Whether somebody went without a slot, since this was asked last, who held next to none. */
  takeStarvation(): boolean {
    const { hasStarved } = this;
    this.hasStarved = false;
    return hasStarved;
  }

  /** Queues `waiter` for one call of onSlotReady once a slot has come back; a waiter may stand in the queue once. */
  wait(waiter: SlotWaiter): void {
    this.waiters.push(waiter);
  }

  /** Takes a waiter out of the queue; it is no error when it does not stand there. */
  stopWaiting(waiter: SlotWaiter): void {
    this.waiters.remove(waiter);
  }

  /** Free slots of the class that serves `lengthBytes`; what a command window is computed from. */
  freeCount(lengthBytes: number): number {
    let count = 0;
    for (let index = 0; index < this.classes.length; index++) {
      if ((this.classes[index] as SlotClass).capacityBytes >= lengthBytes) count += (this.free[index] as Slot[]).length;
    }
    return count;
  }

  /** True when every slot is back; what tests and an orderly end check. */
  get isIdle(): boolean {
    return this.classes.every(({ count }, index) => (this.free[index] as Slot[]).length === count);
  }

  giveBack(slot: Slot): void {
    const { holder, classIndex } = slot;
    assert(holder !== null, 'a slot is released once, by its holder');
    holder.held[classIndex] = (holder.held[classIndex] as number) - 1;
    slot.holder = null;
    (this.free[classIndex] as Slot[]).push(slot);
    if (this.waiters.length > 0) this.batch.markStore(this);
  }

  /** Gives everyone who waits one try, oldest first. */
  flushBatch(): void {
    for (let tries = this.waiters.length; tries > 0; tries--) {
      const waiter = this.waiters.shift();
      if (waiter === null) return; // a waiter's turn took others out of the queue
      waiter.onSlotReady();
    }
  }

  /** Slots for `lengthBytes` or more. */
  private heldBy(holder: SlotHolder, lengthBytes: number): number {
    let count = 0;
    for (let index = 0; index < this.classes.length; index++) {
      if ((this.classes[index] as SlotClass).capacityBytes >= lengthBytes) count += holder.held[index] ?? 0;
    }
    return count;
  }
}

/**
 * The tasks of one session by Initiator Task Tag: an open-addressed table with linear probing over typed arrays, because a
 * Map with 32-bit keys allocates a heap number for every tag above 2^30. It begins small, for idle sessions are many, and
 * grows to what the session's command window and its limit on immediate commands allow.
 */
import { assert } from '../../../util/assert.ts';

const PLACES_MIN = 16;

export class TaskTable<T extends { initiatorTaskTag: number }> {
  private places: (T | null)[] = new Array<T | null>(PLACES_MIN).fill(null);
  private mask = PLACES_MIN - 1;
  private readonly capacity: number;
  private count = 0;

  /** @param capacity the most tasks it will hold, 1 <= capacity */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.count;
  }

  find(initiatorTaskTag: number): T | null {
    for (let place = this.home(initiatorTaskTag); ; place = (place + 1) & this.mask) {
      const task = this.places[place] as T | null;
      if (task === null || task.initiatorTaskTag === initiatorTaskTag) return task;
    }
  }

  /** The tag must not be in the table yet. */
  insert(task: T): void {
    assert(this.count < this.capacity, 'the command window bounds the tasks of a session');
    // Never more than half full, so that probe chains stay short.
    if ((this.count + 1) * 2 > this.places.length) this.grow();
    this.place(task);
    this.count += 1;
  }

  /** The task must be in the table. */
  remove(task: T): void {
    let place = this.home(task.initiatorTaskTag);
    while (this.places[place] !== task) {
      assert(this.places[place] !== null, 'a removed task stands in the table');
      place = (place + 1) & this.mask;
    }
    this.count -= 1;
    this.closeGap(place);
  }

  /** Calls `visit` for every task; it may not insert or remove. */
  forEach(visit: (task: T) => void): void {
    for (const task of this.places) if (task !== null) visit(task);
  }

  private place(task: T): void {
    let place = this.home(task.initiatorTaskTag);
    while (this.places[place] !== null) place = (place + 1) & this.mask;
    this.places[place] = task;
  }

  private grow(): void {
    const { places } = this;
    this.places = new Array<T | null>(places.length * 2).fill(null);
    this.mask = this.places.length - 1;
    for (const task of places) if (task !== null) this.place(task);
  }

  /** Moves later members of the probe chain up, so that no search stops at the gap. */
  private closeGap(gap: number): void {
    for (let place = (gap + 1) & this.mask; this.places[place] !== null; place = (place + 1) & this.mask) {
      const home = this.home((this.places[place] as T).initiatorTaskTag);
      if (((place - home) & this.mask) < ((place - gap) & this.mask)) continue;
      this.places[gap] = this.places[place] as T;
      gap = place;
    }
    this.places[gap] = null;
  }

  private home(initiatorTaskTag: number): number {
    return (Math.imul(initiatorTaskTag, 0x9e3779b1) >>> 8) & this.mask;
  }
}

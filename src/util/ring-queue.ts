/**
 * A first-in first-out queue on a power-of-two circular array. Pushing and shifting allocate nothing once the array has
 * grown to its working size; a shifted place is cleared, so the queue keeps nothing alive.
 */
export class RingQueue<T> {
  private items: (T | null)[];
  private head = 0;
  private count = 0;

  /** @param capacity items before the first growth, rounded up to a power of two */
  constructor(capacity = 16) {
    let size = 2;
    while (size < capacity) size *= 2;
    this.items = new Array<T | null>(size).fill(null);
  }

  get length(): number {
    return this.count;
  }

  push(item: T): void {
    if (this.count === this.items.length) this.grow();
    this.items[(this.head + this.count) & (this.items.length - 1)] = item;
    this.count += 1;
  }

  /** Removes and returns the oldest item, null when empty. */
  shift(): T | null {
    if (this.count === 0) return null;
    const item = this.items[this.head] as T;
    this.items[this.head] = null;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.count -= 1;
    return item;
  }

  /** The oldest item without removing it, null when empty. */
  peek(): T | null {
    return this.count === 0 ? null : (this.items[this.head] as T);
  }

  /** Removes the first occurrence of `item`; linear. Returns whether it was there. */
  remove(item: T): boolean {
    const mask = this.items.length - 1;
    for (let i = 0; i < this.count; i++) {
      if (this.items[(this.head + i) & mask] !== item) continue;
      for (let j = i; j < this.count - 1; j++) {
        this.items[(this.head + j) & mask] = this.items[(this.head + j + 1) & mask] as T;
      }
      this.items[(this.head + this.count - 1) & mask] = null;
      this.count -= 1;
      return true;
    }
    return false;
  }

  private grow(): void {
    const grown = new Array<T | null>(this.items.length * 2).fill(null);
    const mask = this.items.length - 1;
    for (let i = 0; i < this.count; i++) grown[i] = this.items[(this.head + i) & mask] as T;
    this.items = grown;
    this.head = 0;
  }
}

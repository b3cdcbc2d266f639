/**
 * How many pieces of third-party copies may be in memory at once in one reactor. A copy waits for a range of its
 * destination while it holds what it has read, which no other command does (range-locks.ts): this is safe because these
 * few slots are all that can wait so, they count for a holder of their own, and who holds a range never waits for them.
 */
import { assert } from '../../../util/assert.ts';
import { SlotHolder } from '../../../util/slot-pool.ts';

/** 1 MiB in the largest slots: four stores are kept busy, and the pool keeps nearly all for the initiators. */
export const COPY_BUFFERS_MAX = 4;

/** Pieces that stores copy among themselves at once: each keeps a thread busy, of which others want some, too. */
export const COPY_THREADS_MAX = 2;

export interface CopyBufferUser {
  /** The buffer that acquire() refused is there now. */
  onCopyBuffer(): void;
}

export class CopyBuffers {
  /** Whose share of the slots the pieces take. */
  readonly holder = new SlotHolder();
  private readonly countMax: number;
  private used = 0;
  private readonly waiting: CopyBufferUser[] = [];
  private isGranting = false;

  constructor(countMax: number) {
    this.countMax = countMax;
  }

  /** @returns whether `user` may hold a slot until release(); when not, user.onCopyBuffer() comes in turn */
  acquire(user: CopyBufferUser): boolean {
    if (this.used < this.countMax && this.waiting.length === 0) {
      this.used += 1;
      return true;
    }
    this.waiting.push(user);
    return false;
  }

  release(): void {
    assert(this.used > 0, 'a copy buffer is released once');
    this.used -= 1;
    if (this.isGranting) return;
    this.isGranting = true;
    while (this.used < this.countMax) {
      const user = this.waiting.shift();
      if (user === undefined) break;
      this.used += 1;
      user.onCopyBuffer();
    }
    this.isGranting = false;
  }
}

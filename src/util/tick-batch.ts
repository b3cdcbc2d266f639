/**
 * The end of a tick. Whoever has work that is cheaper in one batch (a ring with prepared submissions, a connection with
 * PDUs to write) marks itself; once the current callback has returned, every member is flushed once. Stores are flushed
 * before connections, so that what a store completes at once leaves in the same socket write.
 */
import { assert } from './assert.ts';

export interface BatchMember {
  /** True while it waits for its flush; owned by TickBatch. */
  isMarked: boolean;
  /** Does the batched work. May mark itself or others again. */
  flushBatch(): void;
}

/** Runs `work` after the current callback and before the event loop goes on (process.nextTick in the daemon). */
export type Defer = (work: () => void) => void;

/**
 * How often one tick goes over stores and connections, and how many flushes one pass adds for members marked meanwhile. A
 * store that answers at once and an owner that asks again at once (a copy, an erasure) would else keep the event loop from
 * everybody until they are through.
 */
const PASSES_MAX = 4;
const REMARKS_MAX = 8;

export class TickBatch {
  private readonly defer: Defer;
  private readonly deferLong: Defer;
  private readonly run: () => void;
  private readonly stores = new MarkedMembers();
  private readonly connections = new MarkedMembers();
  private isScheduled = false;
  private isHeld = false;

  /** @param deferLong runs `work` when the event loop has gone round (setImmediate in the daemon) */
  constructor(defer: Defer, deferLong: Defer = defer) {
    this.defer = defer;
    this.deferLong = deferLong;
    this.run = () => this.flush();
  }

  /**
   * Around work of which is known where it ends (what one read of a socket brings): what is marked in between is flushed by
   * end(), at once. Outside of a batch's own flush, and not one in another.
   */
  begin(): void {
    assert(!this.isHeld, 'work of one batch is not begun within that of another');
    this.isHeld = true;
  }

  end(): void {
    assert(this.isHeld, 'work ends that was begun');
    this.isHeld = false;
    // When it was scheduled before, nextTick is near: what is marked leaves with the rest.
    if (this.isScheduled || (this.stores.count === 0 && this.connections.count === 0)) return;
    this.isScheduled = true;
    this.flush();
  }

  markStore(member: BatchMember): void {
    if (!member.isMarked) this.mark(member, this.stores);
  }

  markConnection(member: BatchMember): void {
    if (!member.isMarked) this.mark(member, this.connections);
  }

  private mark(member: BatchMember, list: MarkedMembers): void {
    member.isMarked = true;
    list.add(member);
    if (this.isScheduled || this.isHeld) return;
    this.isScheduled = true;
    this.defer(this.run);
  }

  private flush(): void {
    assert(this.isScheduled, 'a batch is flushed only when it was scheduled');
    for (let passes = 0; this.stores.count > 0 || this.connections.count > 0; passes++) {
      if (passes === PASSES_MAX) return this.deferLong(this.run);
      this.stores.flush();
      this.connections.flush();
    }
    this.isScheduled = false;
  }
}

/** A list that keeps its places: emptied by its count, it does not have to grow anew in every tick. */
class MarkedMembers {
  count = 0;
  private readonly members: (BatchMember | null)[] = [];

  add(member: BatchMember): void {
    this.members[this.count++] = member;
  }

  /** Members marked meanwhile are appended and reached in the same pass, but for those beyond REMARKS_MAX. */
  flush(): void {
    const end = this.count + REMARKS_MAX;
    let done = 0;
    for (; done < this.count && done < end; done++) {
      const member = this.members[done] as BatchMember;
      this.members[done] = null;
      member.isMarked = false;
      member.flushBatch();
    }
    const left = this.count - done;
    for (let i = 0; i < left; i++) {
      this.members[i] = this.members[done + i] as BatchMember;
      this.members[done + i] = null;
    }
    this.count = left;
  }
}

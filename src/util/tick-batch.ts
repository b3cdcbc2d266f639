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

export class TickBatch {
  private readonly defer: Defer;
  private readonly run: () => void;
  private readonly stores = new MarkedMembers();
  private readonly connections = new MarkedMembers();
  private isScheduled = false;

  constructor(defer: Defer) {
    this.defer = defer;
    this.run = () => this.flush();
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
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.defer(this.run);
  }

  private flush(): void {
    assert(this.isScheduled, 'a batch is flushed only when it was scheduled');
    while (this.stores.count > 0 || this.connections.count > 0) {
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

  /** Members marked meanwhile are appended and reached in the same pass. */
  flush(): void {
    for (let i = 0; i < this.count; i++) {
      const member = this.members[i] as BatchMember;
      this.members[i] = null;
      member.isMarked = false;
      member.flushBatch();
    }
    this.count = 0;
  }
}

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
  private readonly stores: BatchMember[] = [];
  private readonly connections: BatchMember[] = [];
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

  private mark(member: BatchMember, list: BatchMember[]): void {
    member.isMarked = true;
    list.push(member);
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.defer(this.run);
  }

  private flush(): void {
    assert(this.isScheduled, 'a batch is flushed only when it was scheduled');
    while (this.stores.length > 0 || this.connections.length > 0) {
      drain(this.stores);
      drain(this.connections);
    }
    this.isScheduled = false;
  }
}

function drain(list: BatchMember[]): void {
  // Members marked while we drain are appended and reached in the same pass.
  for (let i = 0; i < list.length; i++) {
    const member = list[i] as BatchMember;
    member.isMarked = false;
    member.flushBatch();
  }
  list.length = 0;
}

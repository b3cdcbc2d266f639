/**
 * Ends I/O that needs no work below us (a write to a read-only store, everything of the null store) with the next batch:
 * an IoOwner is never called before submit() has returned.
 */
import { RingQueue } from '../../util/ring-queue.ts';
import type { BatchMember, TickBatch } from '../../util/tick-batch.ts';
import type { BackendIo, IoStatus } from '../backend.ts';
import type { InFlight } from './in-flight.ts';

export class LateCompletion implements BatchMember {
  isMarked = false;
  private readonly batch: TickBatch;
  private readonly inFlight: InFlight;
  private readonly ended = new RingQueue<BackendIo>(64);

  constructor(batch: TickBatch, inFlight: InFlight) {
    this.batch = batch;
    this.inFlight = inFlight;
  }

  end(io: BackendIo, status: IoStatus): void {
    io.status = status;
    this.ended.push(io);
    this.batch.markStore(this);
  }

  flushBatch(): void {
    // What an owner submits again from its onIoDone waits for the next pass.
    for (let count = this.ended.length; count > 0; count--) {
      const io = this.ended.shift() as BackendIo;
      this.inFlight.end(io, io.status);
    }
  }
}

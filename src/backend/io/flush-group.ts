/**
 * One fdatasync for all flushes that wait for one: those submitted while a sync runs are served together by the next one,
 * which begins after their submission. So a flush storm holds one thread of libuv's pool, not all of them.
 */
import { fdatasync } from 'node:fs';
import { RingQueue } from '../../util/ring-queue.ts';
import type { BackendIo } from '../backend.ts';
import type { Durability } from './durability.ts';
import type { InFlight } from './in-flight.ts';

export class FlushGroup {
  private readonly fd: number;
  private readonly durability: Durability;
  private readonly inFlight: InFlight;
  private readonly waiting = new RingQueue<BackendIo>(64);
  /** How many of `waiting` the running sync serves; 0 when none runs. */
  private servedCount = 0;
  private readonly onSynced: (error: NodeJS.ErrnoException | null) => void;

  constructor(fd: number, durability: Durability, inFlight: InFlight) {
    this.fd = fd;
    this.durability = durability;
    this.inFlight = inFlight;
    this.onSynced = (error) => this.endSync(error);
  }

  submit(io: BackendIo): void {
    this.waiting.push(io);
    if (this.servedCount === 0) this.startSync();
  }

  private startSync(): void {
    this.servedCount = this.waiting.length;
    fdatasync(this.fd, this.onSynced);
  }

  private endSync(error: NodeJS.ErrnoException | null): void {
    const status = this.durability.statusOfFlush(error === null ? 0 : (error.errno ?? -1));
    // What an owner submits from here joins the next sync: servedCount stays above 0 until all are told.
    for (let count = this.servedCount; count > 0; count--) {
      this.inFlight.end(this.waiting.shift() as BackendIo, status);
    }
    this.servedCount = 0;
    if (this.waiting.length > 0) this.startSync();
  }
}

/**
 * What a logical unit counts of its commands, for log pages. Numbers in one typed array: counting allocates nothing, and what
 * is exact up to 2^53 does not end in a disk's life.
 */
import type { BackendIo } from '../../backend/backend.ts';
import { IO_MEDIUM_ERROR, IO_READ } from '../../backend/backend.ts';

export const COUNT_READ_COMMANDS = 0;
export const COUNT_WRITE_COMMANDS = 1;
export const COUNT_BLOCKS_READ = 2;
export const COUNT_BLOCKS_WRITTEN = 3;
export const COUNT_READ_ERRORS = 4;
export const COUNT_WRITE_ERRORS = 5;
/** How long READ commands were processed, each by itself. */
export const COUNT_READ_MS = 6;
export const COUNT_WRITE_MS = 7;
/** How long there was no command, from the first one on. */
export const COUNT_IDLE_MS = 8;
/** When the last command ended; not a number before the first. */
const IDLE_SINCE_MS = 9;
const COUNTS = 10;
export type Count =
  | typeof COUNT_READ_COMMANDS
  | typeof COUNT_WRITE_COMMANDS
  | typeof COUNT_BLOCKS_READ
  | typeof COUNT_BLOCKS_WRITTEN
  | typeof COUNT_READ_ERRORS
  | typeof COUNT_WRITE_ERRORS
  | typeof COUNT_READ_MS
  | typeof COUNT_WRITE_MS
  | typeof COUNT_IDLE_MS;
/** What a command's time counts as, or NOT_TIMED. */
export type TimedAs = typeof COUNT_READ_MS | typeof COUNT_WRITE_MS | typeof NOT_TIMED;
export const NOT_TIMED = -1;

export class UnitCounters {
  private readonly counts = new Float64Array(COUNTS);
  private commands = 0;

  constructor() {
    this.counts[IDLE_SINCE_MS] = Number.NaN;
  }

  get(count: Count): number {
    return this.counts[count]!;
  }

  /** A READ command that moves `blocks` to the initiator. */
  countRead(blocks: number): void {
    this.counts[COUNT_READ_COMMANDS]! += 1;
    this.counts[COUNT_BLOCKS_READ]! += blocks;
  }

  /** A WRITE command that takes `blocks` from the initiator. */
  countWrite(blocks: number): void {
    this.counts[COUNT_WRITE_COMMANDS]! += 1;
    this.counts[COUNT_BLOCKS_WRITTEN]! += blocks;
  }

  /** A command has come. */
  enter(nowMs: number): void {
    this.commands += 1;
    if (this.commands > 1) return;
    const idleMs = nowMs - this.counts[IDLE_SINCE_MS]!;
    if (idleMs > 0) this.counts[COUNT_IDLE_MS]! += idleMs;
  }

  /** A command that came `tookMs` ago has ended. */
  leave(nowMs: number, timedAs: TimedAs, tookMs: number): void {
    this.commands -= 1;
    if (this.commands === 0) this.counts[IDLE_SINCE_MS] = nowMs;
    if (timedAs !== NOT_TIMED) this.counts[timedAs]! += tookMs;
  }

  /** An io that did not end with IO_OK; only what the medium could not do is an error of its own. */
  countFailure(io: BackendIo): void {
    if (io.status !== IO_MEDIUM_ERROR) return;
    this.counts[io.op === IO_READ ? COUNT_READ_ERRORS : COUNT_WRITE_ERRORS]! += 1;
  }
}

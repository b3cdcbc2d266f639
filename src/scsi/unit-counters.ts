/**
 * What a logical unit counts of its commands, for log pages. Whole numbers in one typed array: counting allocates nothing,
 * and what is exact up to 2^53 does not end in a disk's life.
 */
import type { BackendIo } from '../backend/backend.ts';
import { IO_MEDIUM_ERROR, IO_READ } from '../backend/backend.ts';

export const COUNT_READ_COMMANDS = 0;
export const COUNT_WRITE_COMMANDS = 1;
export const COUNT_BLOCKS_READ = 2;
export const COUNT_BLOCKS_WRITTEN = 3;
export const COUNT_READ_ERRORS = 4;
export const COUNT_WRITE_ERRORS = 5;
const COUNTS = 6;
export type Count =
  | typeof COUNT_READ_COMMANDS
  | typeof COUNT_WRITE_COMMANDS
  | typeof COUNT_BLOCKS_READ
  | typeof COUNT_BLOCKS_WRITTEN
  | typeof COUNT_READ_ERRORS
  | typeof COUNT_WRITE_ERRORS;

export class UnitCounters {
  private readonly counts = new Float64Array(COUNTS);

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

  /** An io that did not end with IO_OK; only what the medium could not do is an error of its own. */
  countFailure(io: BackendIo): void {
    if (io.status !== IO_MEDIUM_ERROR) return;
    this.counts[io.op === IO_READ ? COUNT_READ_ERRORS : COUNT_WRITE_ERRORS]! += 1;
  }
}

/** SYNCHRONIZE CACHE(10) and (16) (SBC-3 5.26, 5.27): one flush of the store. */
import { IO_FLUSH } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { lba64 } from '../command/cdb.ts';
import type { Operation, Task } from '../task/task.ts';
import { takeRange } from './transfer/block-range.ts';

export function synchronizeCache10(task: Task): void {
  const { cdbView } = task.command;
  synchronize(task, cdbView.getUint32(LBA), cdbView.getUint16(NUMBER_OF_BLOCKS_10));
}

export function synchronizeCache16(task: Task): void {
  const { cdbView } = task.command;
  synchronize(task, lba64(cdbView, LBA), cdbView.getUint32(NUMBER_OF_BLOCKS_16));
}

/** An operation that is one io in the task's name, then GOOD. */
export const ONE_IO: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone: (task) => task.good(),
  onCompareBuffer: unexpected,
};

/** Ends a write whose ios were not stable by themselves: with WCE zero behind a flush. */
export function endStable(task: Task): void {
  if (!task.unit.writesThrough) {
    task.good();
    return;
  }
  task.operation = ONE_IO;
  task.submitRange(task.ios[0], IO_FLUSH, 0, 0, false);
}

const LBA = 2;
const NUMBER_OF_BLOCKS_10 = 7;
const NUMBER_OF_BLOCKS_16 = 10;

/**
 * Zero blocks mean all up to the end. The IMMED bit is accepted, yet status still comes after the flush: an initiator that
 * took an early GOOD for stable data would be wrong, one that expects it early merely waits. With SYNC_NV a nonvolatile
 * cache would do; the medium does as well.
 */
function synchronize(task: Task, lba: number, blocks: number): void {
  if (!takeRange(task, lba, blocks)) return;
  const { unit } = task;
  const lengthBytes = blocks === 0 ? unit.sizeBytes - task.offsetBytes : task.lengthBytes;
  task.operation = ONE_IO;
  task.submitRange(task.ios[0], IO_FLUSH, task.offsetBytes, lengthBytes, false);
}

function unexpected(): never {
  assert(false, 'a flush needs no memory');
}

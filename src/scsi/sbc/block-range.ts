/**
 * The check that every medium access command makes of its LBA and length (SBC-3 4.6, 5.2): a first block that does not
 * exist is out of range even when nothing is to be moved.
 */

import { SENSE_LBA_OUT_OF_RANGE } from '../sense.ts';
import type { Task } from '../task.ts';
import { transferBlocksMax } from './sbc-vpd.ts';

/**
 * Sets task.offsetBytes and task.lengthBytes from `lba` and `blocks`, or ends the task with LBA OUT OF RANGE.
 * @returns whether the range is good
 */
export function takeRange(task: Task, lba: number, blocks: number): boolean {
  const { unit } = task;
  if (lba >= unit.blockCount || blocks > unit.blockCount - lba) {
    task.check(SENSE_LBA_OUT_OF_RANGE);
    return false;
  }
  task.offsetBytes = lba * unit.blockBytes;
  task.lengthBytes = blocks * unit.blockBytes;
  return true;
}

/**
 * As takeRange, and ends the task with INVALID FIELD IN CDB when `blocks` is above MAXIMUM TRANSFER LENGTH.
 * @param lengthByte where the transfer length field stands in the CDB
 */
export function takeTransferRange(task: Task, lba: number, blocks: number, lengthByte: number): boolean {
  if (!takeRange(task, lba, blocks)) return false;
  if (blocks <= transferBlocksMax(task.unit)) return true;
  task.invalidField(lengthByte, 7);
  return false;
}

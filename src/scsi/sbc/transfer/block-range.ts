/**
 * The check that every medium access command makes of its LBA and length (SBC-3 4.6): a first block that does not
 * exist is out of range even when nothing is to be moved. What passes is taken in the unit's range locks.
 */

import { SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT, SENSE_LBA_OUT_OF_RANGE } from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import type { RangeResumption } from '../../unit/range-locks.ts';
import { transferBlocksMax } from '../sbc-vpd.ts';

/**
 * Sets task.offsetBytes and task.lengthBytes from `lba` and `blocks` and holds them together with others, or ends the task
 * with LBA OUT OF RANGE. Called first of all: when the range is another's, the command's handler begins anew later.
 * @returns whether the range is good and held
 */
export function takeRange(task: Task, lba: number, blocks: number): boolean {
  return setRange(task, lba, blocks) && task.unit.ranges.share(task, task.entry.handler);
}

/**
 * As takeRange, and ends the task with INVALID FIELD IN CDB when `blocks` is above MAXIMUM TRANSFER LENGTH.
 * @param lengthByte where the transfer length field stands in the CDB
 */
export function takeTransferRange(task: Task, lba: number, blocks: number, lengthByte: number): boolean {
  return takeLimitedRange(task, lba, blocks, lengthByte) && task.unit.ranges.share(task, task.entry.handler);
}

/** As takeTransferRange, and holds the range against all others. */
export function takeRangeAlone(task: Task, lba: number, blocks: number, lengthByte: number): boolean {
  return takeLimitedRange(task, lba, blocks, lengthByte) && task.unit.ranges.exclude(task, task.entry.handler);
}

/** Holds the whole medium against all others, and what it may grow by; `resume` goes on when that has to wait. */
export function takeMediumAlone(task: Task, resume: RangeResumption): boolean {
  task.offsetBytes = 0;
  task.lengthBytes = Number.MAX_SAFE_INTEGER;
  return task.unit.ranges.exclude(task, resume);
}

/**
 * For a command that takes its range only when its parameter list is there: meanwhile the medium may have been ejected, or its
 * erasure may have begun. Ends the task then.
 */
export function isStillAccessible(task: Task): boolean {
  const obstacle = task.unit.inaccessible();
  if (obstacle === 0) return true;
  task.checkInaccessible(obstacle);
  return false;
}

/**
 * Cuts task.lengthBytes to what the data-out buffer holds. When that ends within a block, the initiator does not mean what its CDB
 * says: the task ends, with nothing written.
 */
export function cutToDataOut(task: Task): boolean {
  const { command, unit } = task;
  command.presentedOutBytes = task.lengthBytes;
  const heldBytes = Math.min(task.lengthBytes, command.dataOutBytes);
  if (heldBytes % unit.blockBytes !== 0) {
    task.check(SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
    return false;
  }
  task.lengthBytes = heldBytes;
  return true;
}

/** Sets task.offsetBytes and task.lengthBytes without holding anything, or ends the task with LBA OUT OF RANGE. */
export function setRange(task: Task, lba: number, blocks: number): boolean {
  const { unit } = task;
  if (lba >= unit.blockCount || blocks > unit.blockCount - lba) {
    task.check(SENSE_LBA_OUT_OF_RANGE);
    return false;
  }
  task.offsetBytes = lba * unit.blockBytes;
  task.lengthBytes = blocks * unit.blockBytes;
  return true;
}

function takeLimitedRange(task: Task, lba: number, blocks: number, lengthByte: number): boolean {
  if (!setRange(task, lba, blocks)) return false;
  if (blocks <= transferBlocksMax(task.unit)) return true;
  task.invalidField(lengthByte, 7);
  return false;
}

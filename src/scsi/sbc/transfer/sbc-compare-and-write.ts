/**
 * COMPARE AND WRITE (SBC-3 5.2): the range is the command's alone from before its Data-Out is asked for until it ends, so
 * between comparison and write no other command of any I_T nexus gets at these blocks. Everything is compared before the
 * first byte is written.
 *
 *   Data-Out | verify instance (n blocks) | write instance (n blocks) |
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_READ, IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import { lba64 } from '../../command/cdb.ts';
import { SENSE_MISCOMPARE_DURING_VERIFY_OPERATION } from '../../sense.ts';
import type { Operation, Task } from '../../task/task.ts';
import { compareAndWriteBlocksMax } from '../sbc-vpd.ts';
import { takeRangeAlone } from './block-range.ts';
import { differenceAt, NO_DIFFERENCE } from './compare-buffer.ts';

export function compareAndWrite(task: Task): void {
  const { command, unit } = task;
  const blocks = command.cdb[NUMBER_OF_BLOCKS]!;
  if (!takeRangeAlone(task, lba64(command.cdbView, LBA), blocks, NUMBER_OF_BLOCKS)) return;
  command.presentedOutBytes = 2 * task.lengthBytes;
  // With another amount of data it would be a guess where the write instance begins.
  const isAmountRight = command.dataOutBytes === command.presentedOutBytes;
  if (blocks > compareAndWriteBlocksMax(unit) || !isAmountRight) task.invalidField(NUMBER_OF_BLOCKS, 7);
  else if (blocks === 0) task.good();
  else receive(task);
}

// SBC-3 5.2
const FLAGS = 1;
const FUA = 0x08;
const LBA = 2;
const NUMBER_OF_BLOCKS = 13;

const PHASE_COMPARE = 1;
const PHASE_WRITE = 2;

function receive(task: Task): void {
  task.isFua = (task.command.cdb[FLAGS]! & FUA) !== 0;
  task.operation = COMPARE_AND_WRITE;
  task.requestDataOut(0, 2 * task.lengthBytes);
}

const COMPARE_AND_WRITE: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot) {
    task.slot = slot;
    task.phase = PHASE_COMPARE;
    task.context.compareBuffer.acquire(task);
  },
  onIoDone(task, io) {
    if (task.phase === PHASE_WRITE) task.good();
    else compare(task, io);
  },
  onCompareBuffer: readPiece,
};

function dataOutOf(task: Task): Slot {
  assert(task.slot !== null, 'the Data-Out is at hand');
  return task.slot;
}

/** doneBytes: compared so far. */
function readPiece(task: Task): void {
  const { slot } = task.context.compareBuffer;
  const lengthBytes = Math.min(slot.capacityBytes, task.lengthBytes - task.doneBytes);
  task.submitData(task.ios[0], IO_READ, task.offsetBytes + task.doneBytes, lengthBytes, slot);
}

function compare(task: Task, io: BackendIo): void {
  const { compareBuffer } = task.context;
  const difference = differenceAt(dataOutOf(task), task.doneBytes, compareBuffer.slot, 0, io.lengthBytes);
  if (difference !== NO_DIFFERENCE) {
    task.checkInformation(SENSE_MISCOMPARE_DURING_VERIFY_OPERATION, task.doneBytes + difference);
    return;
  }
  task.doneBytes += io.lengthBytes;
  compareBuffer.release(task);
  if (task.doneBytes < task.lengthBytes) compareBuffer.acquire(task);
  else write(task);
}

/** The write instance moves to the front, where a slot's data is aligned for every store. */
function write(task: Task): void {
  const slot = dataOutOf(task);
  const { memory, dataOffset } = slot;
  memory.copyWithin(dataOffset, dataOffset + task.lengthBytes, dataOffset + 2 * task.lengthBytes);
  task.phase = PHASE_WRITE;
  task.submitData(task.ios[0], IO_WRITE, task.offsetBytes, task.lengthBytes, slot);
}

function unexpected(): never {
  assert(false, 'no such event in COMPARE AND WRITE');
}

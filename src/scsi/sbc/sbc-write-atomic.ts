/**
 * WRITE ATOMIC(16) (SBC-4 5.48): all of the write or none of it, whatever else is read or written meanwhile and when the
 * power fails. The first the range locks see to. The second a store has for one physical block alone, so that is the
 * maximum that the Block Limits page states, aligned to physical blocks; atomic boundaries are not offered.
 */
import { IO_WRITE } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { lba64 } from '../cdb.ts';
import { SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT } from '../sense.ts';
import type { Operation, Task } from '../task.ts';
import { COUNT_WRITE_MS } from '../unit-counters.ts';
import { takeRangeAlone } from './block-range.ts';
import { atomicTransferBlocksMax } from './sbc-vpd.ts';

export function writeAtomic16(task: Task): void {
  const { command, unit } = task;
  const { cdbView } = command;
  const lba = lba64(cdbView, LBA);
  const blocks = cdbView.getUint16(TRANSFER_LENGTH);
  if (!takeRangeAlone(task, lba, blocks, TRANSFER_LENGTH)) return;
  const blocksMax = atomicTransferBlocksMax(unit);
  command.presentedOutBytes = task.lengthBytes;
  if (cdbView.getUint16(ATOMIC_BOUNDARY) !== 0) task.invalidField(ATOMIC_BOUNDARY, 7);
  else if (blocks > blocksMax) task.invalidField(TRANSFER_LENGTH, 7);
  else if (blocks > 0 && lba % blocksMax !== 0) task.invalidField(LBA, 7);
  else if (command.dataOutBytes < task.lengthBytes) task.check(SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
  else if (blocks === 0) task.good();
  else receive(task);
}

// SBC-4 5.48
const FLAGS = 1;
const FUA = 0x08;
const LBA = 2;
const ATOMIC_BOUNDARY = 10;
const TRANSFER_LENGTH = 12;

function receive(task: Task): void {
  const { unit } = task;
  unit.counters.countWrite(task.lengthBytes >>> unit.blockShift);
  task.timedAs = COUNT_WRITE_MS;
  task.isFua = (task.command.cdb[FLAGS]! & FUA) !== 0;
  task.operation = WRITE_ATOMIC;
  task.requestDataOut(0, task.lengthBytes);
}

const WRITE_ATOMIC: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot) {
    task.slot = slot;
    task.submitData(task.ios[0], IO_WRITE, task.offsetBytes, task.lengthBytes, slot);
  },
  onIoDone: (task) => task.good(),
  onCompareBuffer: unexpected,
};

function unexpected(): never {
  assert(false, 'no such event in WRITE ATOMIC');
}

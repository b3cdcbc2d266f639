/**
 * WRITE ATOMIC(16) (SBC-4 5.48): all of the write or none of it, whatever else is read or written meanwhile and when the
 * power fails. The first the range locks see to. The second a medium has for one sector; what is longer goes by the unit's
 * journal (atomic-writes.ts), and is on stable storage when the command ends. Without a journal a physical block is the maximum
 * that the Block Limits page states, aligned to physical blocks. Atomic boundaries are not offered.
 */
import { IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { lba64 } from '../../command/cdb.ts';
import { SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT } from '../../sense.ts';
import type { Operation, Task } from '../../task/task.ts';
import { COUNT_WRITE_MS } from '../../unit/unit-counters.ts';
import { atomicAlignmentBlocks, atomicTransferBlocksMax } from '../sbc-vpd.ts';
import { takeRangeAlone } from '../transfer/block-range.ts';

export function writeAtomic16(task: Task): void {
  const { command, unit } = task;
  const { cdbView } = command;
  const lba = lba64(cdbView, LBA);
  const blocks = cdbView.getUint16(TRANSFER_LENGTH);
  if (!takeRangeAlone(task, lba, blocks, TRANSFER_LENGTH)) return;
  command.presentedOutBytes = task.lengthBytes;
  if (cdbView.getUint16(ATOMIC_BOUNDARY) !== 0) task.invalidField(ATOMIC_BOUNDARY, 7);
  else if (blocks > atomicTransferBlocksMax(unit)) task.invalidField(TRANSFER_LENGTH, 7);
  else if (blocks > 0 && lba % atomicAlignmentBlocks(unit) !== 0) task.invalidField(LBA, 7);
  else if (command.dataOutBytes < task.lengthBytes) task.check(SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
  else if (blocks === 0) task.good();
  else if (needsJournal(task)) receiveAll(task);
  else receive(task);
}

/** Every medium writes it whole or not at all; a larger block of a file system may lie on a medium of sectors. */
const SECTOR_BYTES = 512;

// SBC-4 5.48
const FLAGS = 1;
const FUA = 0x08;
const LBA = 2;
const ATOMIC_BOUNDARY = 10;
const TRANSFER_LENGTH = 12;

function needsJournal({ unit, offsetBytes, lengthBytes }: Task): boolean {
  return unit.atomicWrites.hasJournal && (offsetBytes % SECTOR_BYTES) + lengthBytes > SECTOR_BYTES;
}

function count(task: Task): void {
  task.unit.counters.countWrite(task.lengthBytes >>> task.unit.blockShift);
  task.timedAs = COUNT_WRITE_MS;
}

function receive(task: Task): void {
  count(task);
  task.isFua = (task.command.cdb[FLAGS]! & FUA) !== 0;
  task.operation = WRITE_ATOMIC;
  task.requestDataOut(0, task.lengthBytes);
}

function receiveAll(task: Task): void {
  if (!task.context.atomicTurns.take(task)) return;
  count(task);
  task.parameterList = Buffer.allocUnsafe(task.lengthBytes);
  task.operation = WRITE_BY_JOURNAL;
  requestNext(task);
}

/** doneBytes: received so far. */
function requestNext(task: Task): void {
  task.requestDataOut(task.doneBytes, Math.min(SEGMENT_BYTES_MAX, task.lengthBytes - task.doneBytes));
}

/** An abort waits for the end, when all is written or nothing is. */
function write(task: Task, data: Buffer): void {
  task.beginWork();
  task.unit.atomicWrites.write(task.context, task.offsetBytes, data, (senseCode) => {
    if (!task.endWork()) return;
    if (senseCode === 0) task.good();
    else task.check(senseCode);
  });
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

const WRITE_BY_JOURNAL: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot, bufferOffset, lengthBytes) {
    const { parameterList: data } = task;
    assert(data !== null, 'there is memory for what was asked for');
    slot.memory.copy(data, bufferOffset, slot.dataOffset, slot.dataOffset + lengthBytes);
    slot.release();
    task.doneBytes += lengthBytes;
    if (task.doneBytes < task.lengthBytes) requestNext(task);
    else write(task, data);
  },
  onIoDone: unexpected,
  onCompareBuffer: unexpected,
};

function unexpected(): never {
  assert(false, 'no such event in WRITE ATOMIC');
}

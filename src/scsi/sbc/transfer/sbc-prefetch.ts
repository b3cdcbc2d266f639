/**
 * PRE-FETCH(10) and (16) (SBC-3 5.8, 5.9): the store reads the range, so that its cache has it, and CONDITION MET says that
 * all of it has been read. More than PREFETCH_BYTES_MAX is not: then GOOD says that it would not fit.
 */
import { IO_READ } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import { lba64 } from '../../command/cdb.ts';
import type { Operation, Task } from '../../task/task.ts';
import { PREFETCH_BYTES_MAX } from '../sbc-vpd.ts';
import { takeRange } from './block-range.ts';

export function prefetch10(task: Task): void {
  const { cdbView } = task.command;
  prefetch(task, cdbView.getUint32(LBA), cdbView.getUint16(PREFETCH_LENGTH_10));
}

export function prefetch16(task: Task): void {
  const { cdbView } = task.command;
  prefetch(task, lba64(cdbView, LBA), cdbView.getUint32(PREFETCH_LENGTH_16));
}

const LBA = 2;
const PREFETCH_LENGTH_10 = 7;
const PREFETCH_LENGTH_16 = 10;

/** Zero blocks mean all up to the end. IMMED is accepted; status comes after the read, when it can be true. */
function prefetch(task: Task, lba: number, blocks: number): void {
  if (!takeRange(task, lba, blocks)) return;
  if (blocks === 0) task.lengthBytes = task.unit.sizeBytes - task.offsetBytes;
  if (task.lengthBytes > PREFETCH_BYTES_MAX) {
    task.good();
    return;
  }
  task.operation = PREFETCH;
  task.context.compareBuffer.acquire(task);
}

/** What is read goes through the compare buffer and is forgotten; doneBytes: read so far. */
const PREFETCH: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone(task, io) {
    const { compareBuffer } = task.context;
    task.doneBytes += io.lengthBytes;
    compareBuffer.release(task);
    if (task.doneBytes < task.lengthBytes) compareBuffer.acquire(task);
    else task.conditionMet();
  },
  onCompareBuffer(task) {
    const { slot } = task.context.compareBuffer;
    const lengthBytes = Math.min(slot.capacityBytes, task.lengthBytes - task.doneBytes);
    task.submitData(task.ios[0], IO_READ, task.offsetBytes + task.doneBytes, lengthBytes, slot);
  },
};

function unexpected(): never {
  assert(false, 'no such event in a prefetch');
}

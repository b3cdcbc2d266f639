/**
 * ORWRITE(16) (SBC-3 5.5): what comes is combined with what is there by OR and written back, segment by segment, while the
 * range is the command's alone.
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_READ, IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { lba64 } from '../../command/cdb.ts';
import type { Operation, Task } from '../../task/task.ts';
import { cutToDataOut, takeRangeAlone } from './block-range.ts';

export function orWrite16(task: Task): void {
  const { command } = task;
  const blocks = command.cdbView.getUint32(TRANSFER_LENGTH);
  if (!takeRangeAlone(task, lba64(command.cdbView, LBA), blocks, TRANSFER_LENGTH) || !cutToDataOut(task)) return;
  task.isFua = (command.cdb[FLAGS]! & FUA) !== 0;
  task.operation = OR_WRITE;
  nextSegment(task);
}

// SBC-3 5.5
const FLAGS = 1;
const FUA = 0x08;
const LBA = 2;
const TRANSFER_LENGTH = 10;

const PHASE_COMBINE = 1;
const PHASE_WRITE = 2;

/** startedBytes: where the segment begins; doneBytes: combined so far. */
function nextSegment(task: Task): void {
  if (task.startedBytes === task.lengthBytes) task.good();
  else task.requestDataOut(task.startedBytes, segmentBytes(task));
}

function segmentBytes(task: Task): number {
  return Math.min(SEGMENT_BYTES_MAX, task.lengthBytes - task.startedBytes);
}

const OR_WRITE: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot) {
    task.slot = slot;
    task.phase = PHASE_COMBINE;
    task.context.compareBuffer.acquire(task);
  },
  onIoDone(task, io) {
    if (task.phase === PHASE_COMBINE) combine(task, io);
    else finishSegment(task);
  },
  onCompareBuffer: readPiece,
};

function dataOutOf(task: Task): Slot {
  assert(task.slot !== null, 'the Data-Out is at hand');
  return task.slot;
}

function readPiece(task: Task): void {
  const { slot } = task.context.compareBuffer;
  const segmentEnd = task.startedBytes + segmentBytes(task);
  const lengthBytes = Math.min(slot.capacityBytes, segmentEnd - task.doneBytes);
  task.submitData(task.ios[0], IO_READ, task.offsetBytes + task.doneBytes, lengthBytes, slot);
}

function combine(task: Task, io: BackendIo): void {
  const { compareBuffer } = task.context;
  const slot = dataOutOf(task);
  orInto(slot, task.doneBytes - task.startedBytes, compareBuffer.slot, io.lengthBytes);
  task.doneBytes += io.lengthBytes;
  compareBuffer.release(task);
  if (task.doneBytes < task.startedBytes + segmentBytes(task)) {
    compareBuffer.acquire(task);
    return;
  }
  task.phase = PHASE_WRITE;
  task.submitData(task.ios[0], IO_WRITE, task.offsetBytes + task.startedBytes, segmentBytes(task), slot);
}

function orInto(slot: Slot, at: number, read: Slot, lengthBytes: number): void {
  const to = slot.memory;
  const from = read.memory;
  const toStart = slot.dataOffset + at;
  for (let i = 0; i < lengthBytes; i++) to[toStart + i] = to[toStart + i]! | from[read.dataOffset + i]!;
}

function finishSegment(task: Task): void {
  dataOutOf(task).release();
  task.slot = null;
  task.startedBytes = task.doneBytes;
  nextSegment(task);
}

function unexpected(): never {
  assert(false, 'no such event in ORWRITE');
}

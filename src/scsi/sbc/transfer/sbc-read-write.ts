/**
 * READ and WRITE of 6, 10, 12, 16 and 32 bytes (SBC-3 5.11 to 5.14, 5.33 to 5.36), the hot path. A transfer goes in segments of
 * SEGMENT_BYTES_MAX over two lanes: lane k carries segments k, k + 2, k + 4 ..., so two are always under way, memory is
 * bounded, and Data-In leaves in order by taking the lanes in turn.
 *
 *   READ   slot -> store -> sendDataIn ... finalSlot        WRITE   receiveDataOut -> store -> receiveDataOut ... good
 *
 * The CDB decides how much is moved; a smaller data buffer of the application client cuts it, and the residual tells. What
 * a data-out buffer ends within a block of is not written at all.
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_FLUSH, IO_READ, IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { flagsByte, lba21, lba64, transferLength6 } from '../../command/cdb.ts';
import type { Operation, Task } from '../../task/task.ts';
import { laneAt } from '../../task/task.ts';
import { COUNT_READ_MS, COUNT_WRITE_MS } from '../../unit/unit-counters.ts';
import { cutToDataOut, takeTransferRange } from './block-range.ts';

export function read6(task: Task): void {
  const { cdbView } = task.command;
  read(task, lba21(cdbView), transferLength6(cdbView), false, LENGTH_BYTE_6);
}

export function read10(task: Task): void {
  const { cdbView } = task.command;
  read(task, cdbView.getUint32(LBA), cdbView.getUint16(LENGTH_BYTE_10), hasFua(task), LENGTH_BYTE_10);
}

export function read12(task: Task): void {
  const { cdbView } = task.command;
  read(task, cdbView.getUint32(LBA), cdbView.getUint32(LENGTH_BYTE_12), hasFua(task), LENGTH_BYTE_12);
}

export function read16(task: Task): void {
  const { cdbView } = task.command;
  read(task, lba64(cdbView, LBA), cdbView.getUint32(LENGTH_BYTE_16), hasFua(task), LENGTH_BYTE_16);
}

export function write6(task: Task): void {
  const { cdbView } = task.command;
  write(task, lba21(cdbView), transferLength6(cdbView), false, LENGTH_BYTE_6);
}

export function write10(task: Task): void {
  const { cdbView } = task.command;
  write(task, cdbView.getUint32(LBA), cdbView.getUint16(LENGTH_BYTE_10), hasFua(task), LENGTH_BYTE_10);
}

export function write12(task: Task): void {
  const { cdbView } = task.command;
  write(task, cdbView.getUint32(LBA), cdbView.getUint32(LENGTH_BYTE_12), hasFua(task), LENGTH_BYTE_12);
}

export function write16(task: Task): void {
  const { cdbView } = task.command;
  write(task, lba64(cdbView, LBA), cdbView.getUint32(LENGTH_BYTE_16), hasFua(task), LENGTH_BYTE_16);
}

export function read32(task: Task): void {
  const { cdbView } = task.command;
  read(task, lba64(cdbView, LBA_32), cdbView.getUint32(LENGTH_BYTE_32), hasFua(task), LENGTH_BYTE_32);
}

export function write32(task: Task): void {
  const { cdbView } = task.command;
  write(task, lba64(cdbView, LBA_32), cdbView.getUint32(LENGTH_BYTE_32), hasFua(task), LENGTH_BYTE_32);
}

/** As the READ commands, for READ CD. */
export function readBlocks(task: Task, lba: number, blocks: number, lengthByte: number): void {
  read(task, lba, blocks, false, lengthByte);
}

// SBC-3: the fields of READ and WRITE. DPO (10h of the flags) is accepted: we keep no cache that it could spare.
const FUA = 0x08;
const LBA = 2;
const LENGTH_BYTE_6 = 4;
const LENGTH_BYTE_10 = 7;
const LENGTH_BYTE_12 = 6;
const LENGTH_BYTE_16 = 10;
const LBA_32 = 12;
const LENGTH_BYTE_32 = 28;

const PHASE_FLUSH = 1;
const PHASE_MOVE = 2;

function hasFua(task: Task): boolean {
  return (task.command.cdb[flagsByte(task.command.cdb)]! & FUA) !== 0;
}

function read(task: Task, lba: number, blocks: number, isFua: boolean, lengthByte: number): void {
  if (!takeTransferRange(task, lba, blocks, lengthByte)) return;
  const { command, unit } = task;
  command.presentedInBytes = task.lengthBytes;
  task.sendBytes = Math.min(task.lengthBytes, command.dataInBytes);
  // The last block is read whole even when the data-in buffer ends within it.
  task.lengthBytes = Math.ceil(task.sendBytes / unit.blockBytes) * unit.blockBytes;
  unit.counters.countRead(task.lengthBytes >>> unit.blockShift);
  task.timedAs = COUNT_READ_MS;
  if (task.sendBytes === 0) {
    task.good();
    return;
  }
  task.operation = READ;
  if (isFua && !unit.backend.capabilities.isWriteThrough) flushFirst(task);
  else startRead(task);
}

/**
 * SBC-3 4.15: a READ with FUA brings what is on the medium; where a volatile cache holds something newer, that goes to the
 * medium first. The read itself may then come from the cache, which cannot differ from the medium any more.
 */
function flushFirst(task: Task): void {
  task.phase = PHASE_FLUSH;
  task.submitRange(task.ios[0], IO_FLUSH, task.offsetBytes, task.lengthBytes, false);
}

function startRead(task: Task): void {
  task.phase = PHASE_MOVE;
  fillReadLanes(task);
}

/** Starts segments in order until both lanes are busy. laneBits: lanes whose segment has been read and not yet sent. */
function fillReadLanes(task: Task): void {
  while (task.startedBytes < task.lengthBytes) {
    const io = task.ios[laneAt(task.startedBytes)];
    if (io.slot !== null) return;
    const lengthBytes = Math.min(SEGMENT_BYTES_MAX, task.lengthBytes - task.startedBytes);
    const slot = task.takeSlot(lengthBytes);
    if (slot === null) {
      task.waitForSlot();
      return;
    }
    io.slot = slot;
    task.submitData(io, IO_READ, task.offsetBytes + task.startedBytes, lengthBytes, slot);
    task.startedBytes += lengthBytes;
  }
}

/** Hands the segments that have been read to the transport as far as they are in order. doneBytes: handed over. */
function sendInOrder(task: Task): void {
  const { command, generation } = task;
  for (let lane = laneAt(task.doneBytes); (task.laneBits & (1 << lane)) !== 0; lane = laneAt(task.doneBytes)) {
    const { slot } = task.ios[lane];
    assert(slot !== null, 'a segment that was read lies in a slot');
    task.ios[lane].slot = null;
    task.laneBits &= ~(1 << lane);
    const restBytes = task.sendBytes - task.doneBytes;
    if (restBytes <= SEGMENT_BYTES_MAX) {
      command.finalSlot = slot;
      command.finalBytes = restBytes;
      task.good();
      return;
    }
    task.doneBytes += SEGMENT_BYTES_MAX;
    command.owner.sendDataIn(command, slot, SEGMENT_BYTES_MAX);
    if (task.generation !== generation || task.isEnding) return; // the transport aborted it
  }
  if (!task.isWaitingForSlot) fillReadLanes(task);
}

const READ: Operation = {
  onSlotReady: fillReadLanes,
  onDataOut: unexpected,
  onIoDone(task, io) {
    if (task.phase === PHASE_FLUSH) {
      startRead(task);
      return;
    }
    task.laneBits |= io === task.ios[0] ? 1 : 2;
    sendInOrder(task);
  },
  onCompareBuffer: unexpected,
};

function write(task: Task, lba: number, blocks: number, isFua: boolean, lengthByte: number): void {
  if (!takeTransferRange(task, lba, blocks, lengthByte) || !cutToDataOut(task)) return;
  const { unit } = task;
  unit.counters.countWrite(task.lengthBytes >>> unit.blockShift);
  task.timedAs = COUNT_WRITE_MS;
  task.isFua = isFua;
  if (task.lengthBytes === 0) {
    task.good();
    return;
  }
  task.operation = WRITE;
  fillWriteLanes(task);
}

/** Asks for segments in order until both lanes are busy. laneBits: lanes with a segment asked for or in the store. */
function fillWriteLanes(task: Task): void {
  const { generation } = task;
  while (task.startedBytes < task.lengthBytes) {
    const bit = 1 << laneAt(task.startedBytes);
    if ((task.laneBits & bit) !== 0) return;
    task.laneBits |= bit;
    const bufferOffset = task.startedBytes;
    const lengthBytes = Math.min(SEGMENT_BYTES_MAX, task.lengthBytes - bufferOffset);
    task.startedBytes += lengthBytes;
    task.requestDataOut(bufferOffset, lengthBytes);
    if (task.generation !== generation || task.isEnding) return; // the transport aborted it
  }
}

function finishWriteLane(task: Task, io: BackendIo): void {
  assert(io.slot !== null, 'what was written lay in a slot');
  io.slot.release();
  io.slot = null;
  task.laneBits &= io === task.ios[0] ? ~1 : ~2;
  task.doneBytes += io.lengthBytes;
  if (task.doneBytes === task.lengthBytes) task.good();
  else fillWriteLanes(task);
}

const WRITE: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot, bufferOffset, lengthBytes) {
    const io = task.ios[laneAt(bufferOffset)];
    assert(io.slot === null, 'a lane carries one segment');
    io.slot = slot;
    task.submitData(io, IO_WRITE, task.offsetBytes + bufferOffset, lengthBytes, slot);
  },
  onIoDone: finishWriteLane,
  onCompareBuffer: unexpected,
};

function unexpected(): never {
  assert(false, 'no such event in this transfer');
}

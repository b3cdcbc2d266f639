/**
 * VERIFY and WRITE AND VERIFY of 10, 12, 16 and 32 bytes (SBC-3 5.29 to 5.32, 5.37 to 5.40), and the default self-test, which is
 * a verification of one block. Segments go one after the other: what is to be compared comes by Data-Out (and is written),
 * then the store is read back through the reactor's compare buffer, piece by piece.
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_FLUSH, IO_READ, IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { flagsByte, lba64 } from '../../command/cdb.ts';
import { BYTCHK_COMPARE, BYTCHK_COMPARE_ONE_BLOCK, BYTCHK_NONE, BYTCHK_RESERVED } from '../../constants.ts';
import {
  SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT,
  SENSE_MISCOMPARE_DURING_VERIFY_OPERATION,
} from '../../sense.ts';
import type { Operation, Task } from '../../task/task.ts';
import { COUNT_WRITE_MS } from '../../unit/unit-counters.ts';
import { cutToDataOut, takeTransferRange } from './block-range.ts';
import { differenceAt, NO_DIFFERENCE } from './compare-buffer.ts';

export function verify10(task: Task): void {
  const { cdbView } = task.command;
  verify(task, cdbView.getUint32(LBA), cdbView.getUint16(LENGTH_BYTE_10), LENGTH_BYTE_10);
}

export function verify12(task: Task): void {
  const { cdbView } = task.command;
  verify(task, cdbView.getUint32(LBA), cdbView.getUint32(LENGTH_BYTE_12), LENGTH_BYTE_12);
}

export function verify16(task: Task): void {
  const { cdbView } = task.command;
  verify(task, lba64(cdbView, LBA), cdbView.getUint32(LENGTH_BYTE_16), LENGTH_BYTE_16);
}

export function writeAndVerify10(task: Task): void {
  const { cdbView } = task.command;
  writeAndVerify(task, cdbView.getUint32(LBA), cdbView.getUint16(LENGTH_BYTE_10), LENGTH_BYTE_10);
}

export function writeAndVerify12(task: Task): void {
  const { cdbView } = task.command;
  writeAndVerify(task, cdbView.getUint32(LBA), cdbView.getUint32(LENGTH_BYTE_12), LENGTH_BYTE_12);
}

export function writeAndVerify16(task: Task): void {
  const { cdbView } = task.command;
  writeAndVerify(task, lba64(cdbView, LBA), cdbView.getUint32(LENGTH_BYTE_16), LENGTH_BYTE_16);
}

export function verify32(task: Task): void {
  const { cdbView } = task.command;
  verify(task, lba64(cdbView, LBA_32), cdbView.getUint32(LENGTH_BYTE_32), LENGTH_BYTE_32);
}

export function writeAndVerify32(task: Task): void {
  const { cdbView } = task.command;
  writeAndVerify(task, lba64(cdbView, LBA_32), cdbView.getUint32(LENGTH_BYTE_32), LENGTH_BYTE_32);
}

const LBA = 2;
const LENGTH_BYTE_10 = 7;
const LENGTH_BYTE_12 = 6;
const LENGTH_BYTE_16 = 10;
const LBA_32 = 12;
const LENGTH_BYTE_32 = 28;
/** Where BYTCHK ends in the flags. */
const BYTCHK_TOP_BIT = 2;

// What the io under way is for.
const PHASE_FLUSH = 1;
const PHASE_WRITE = 2;
const PHASE_READ_BACK = 3;

function byteCheck(task: Task): number {
  const { cdb } = task.command;
  return (cdb[flagsByte(cdb)]! >>> 1) & 3;
}

function invalidByteCheck(task: Task): void {
  task.invalidField(flagsByte(task.command.cdb), BYTCHK_TOP_BIT);
}

function verify(task: Task, lba: number, blocks: number, lengthByte: number): void {
  const bytchk = byteCheck(task);
  if (bytchk === BYTCHK_RESERVED) invalidByteCheck(task);
  else if (takeTransferRange(task, lba, blocks, lengthByte)) beginVerify(task, bytchk);
}

/** A comparison with less than the CDB asks for would say GOOD of blocks that nobody compared. */
function beginVerify(task: Task, bytchk: number): void {
  const { command, unit } = task;
  const isOneBlock = bytchk === BYTCHK_COMPARE_ONE_BLOCK && task.lengthBytes > 0;
  const wantedBytes = isOneBlock ? unit.blockBytes : task.lengthBytes;
  command.presentedOutBytes = bytchk === BYTCHK_NONE ? 0 : wantedBytes;
  if (command.dataOutBytes < command.presentedOutBytes) task.check(SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
  else if (task.lengthBytes === 0) task.good();
  else startVerify(task, bytchk);
}

/** SBC-3 5.29: what a volatile cache holds of the range goes to the medium before the medium is verified. */
function startVerify(task: Task, bytchk: number): void {
  task.option = bytchk;
  task.operation = VERIFY;
  if (task.unit.backend.capabilities.isWriteThrough) {
    verifySegment(task);
  } else {
    task.phase = PHASE_FLUSH;
    task.submitRange(task.ios[0], IO_FLUSH, task.offsetBytes, task.lengthBytes, false);
  }
}

function segmentBytes(task: Task): number {
  return Math.min(SEGMENT_BYTES_MAX, task.lengthBytes - task.startedBytes);
}

/** The next segment, from startedBytes; doneBytes: verified so far. */
function verifySegment(task: Task): void {
  if (task.doneBytes === task.lengthBytes) task.good();
  else if (task.option === BYTCHK_COMPARE) task.requestDataOut(task.startedBytes, segmentBytes(task));
  else if (task.option === BYTCHK_COMPARE_ONE_BLOCK && task.slot === null) task.requestDataOut(0, task.unit.blockBytes);
  else task.context.compareBuffer.acquire(task);
}

const VERIFY: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot) {
    task.slot = slot;
    task.context.compareBuffer.acquire(task);
  },
  onIoDone(task, io) {
    if (task.phase === PHASE_FLUSH) verifySegment(task);
    else if (finishReadBack(task, io)) verifySegment(task);
  },
  onCompareBuffer: readBack,
};

function writeAndVerify(task: Task, lba: number, blocks: number, lengthByte: number): void {
  const bytchk = byteCheck(task);
  if (bytchk > BYTCHK_COMPARE) {
    invalidByteCheck(task);
    return;
  }
  if (!takeTransferRange(task, lba, blocks, lengthByte) || !cutToDataOut(task)) return;
  const { unit } = task;
  unit.counters.countWrite(task.lengthBytes >>> unit.blockShift);
  task.timedAs = COUNT_WRITE_MS;
  task.option = bytchk;
  task.isFua = true; // what is verified is the medium
  task.operation = WRITE_AND_VERIFY;
  writeSegment(task);
}

function writeSegment(task: Task): void {
  if (task.doneBytes === task.lengthBytes) task.good();
  else task.requestDataOut(task.startedBytes, segmentBytes(task));
}

const WRITE_AND_VERIFY: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot, bufferOffset, lengthBytes) {
    task.slot = slot;
    task.phase = PHASE_WRITE;
    task.submitData(task.ios[0], IO_WRITE, task.offsetBytes + bufferOffset, lengthBytes, slot);
  },
  onIoDone(task, io) {
    if (task.phase === PHASE_WRITE) task.context.compareBuffer.acquire(task);
    else if (finishReadBack(task, io)) writeSegment(task);
  },
  onCompareBuffer: readBack,
};

/** The compare buffer is ours: reads the next piece of the segment into it. */
function readBack(task: Task): void {
  const { slot } = task.context.compareBuffer;
  const segmentEnd = task.startedBytes + segmentBytes(task);
  const lengthBytes = Math.min(slot.capacityBytes, segmentEnd - task.doneBytes);
  task.phase = PHASE_READ_BACK;
  task.submitData(task.ios[0], IO_READ, task.offsetBytes + task.doneBytes, lengthBytes, slot);
}

/** Compares what was read back. Returns whether a new segment begins; else the task has ended or goes on by itself. */
function finishReadBack(task: Task, io: BackendIo): boolean {
  const { compareBuffer } = task.context;
  const difference = firstDifference(task, compareBuffer.slot, io.lengthBytes);
  if (difference !== NO_DIFFERENCE) {
    task.checkInformation(SENSE_MISCOMPARE_DURING_VERIFY_OPERATION, difference);
    return false;
  }
  const segmentEnd = task.startedBytes + segmentBytes(task);
  task.doneBytes += io.lengthBytes;
  compareBuffer.release(task);
  if (task.doneBytes < segmentEnd) {
    compareBuffer.acquire(task);
    return false;
  }
  finishSegment(task);
  return true;
}

function finishSegment(task: Task): void {
  task.startedBytes = task.doneBytes;
  if (task.slot === null || task.option === BYTCHK_COMPARE_ONE_BLOCK) return;
  task.slot.release();
  task.slot = null;
}

/** Offset in the data-out buffer of the first byte that differs from the `lengthBytes` read back, or NO_DIFFERENCE. */
function firstDifference(task: Task, read: Slot, lengthBytes: number): number {
  if (task.option === BYTCHK_NONE) return NO_DIFFERENCE;
  const { slot } = task;
  assert(slot !== null, 'what is compared is at hand');
  if (task.option === BYTCHK_COMPARE) {
    const within = task.doneBytes - task.startedBytes;
    const difference = differenceAt(slot, within, read, 0, lengthBytes);
    return difference === NO_DIFFERENCE ? NO_DIFFERENCE : task.doneBytes + difference;
  }
  const { blockBytes } = task.unit;
  for (let at = 0; at < lengthBytes; at += blockBytes) {
    const difference = differenceAt(slot, 0, read, at, blockBytes);
    if (difference !== NO_DIFFERENCE) return difference;
  }
  return NO_DIFFERENCE;
}

function unexpected(): never {
  assert(false, 'no such event in a verification');
}

/**
 * UNMAP and WRITE SAME(10), (16) and (32) (SBC-3 5.28, 5.43 to 5.45). What is unmapped reads as zeros (LBPRZ), so WRITE SAME of
 * zeros goes to the store as one range without data, and only another pattern is written out.
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_UNMAP, IO_WRITE, IO_WRITE_ZEROES } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { flagsByte, lba64 } from '../../command/cdb.ts';
import { NO_SENSE_VALUE } from '../../command/command.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import {
  parameterFieldPointer,
  SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_LBA_OUT_OF_RANGE,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
} from '../../sense.ts';
import type { Operation, Task } from '../../task/task.ts';
import { endStable } from '../sbc-synchronize.ts';
import { UNMAP_DESCRIPTORS_MAX, UNMAP_LBAS_MAX, writeSameBlocksMax } from '../sbc-vpd.ts';
import { isStillAccessible, takeRange } from '../transfer/block-range.ts';

export function writeSame10(task: Task): void {
  const { cdbView } = task.command;
  writeSame(task, cdbView.getUint32(LBA), cdbView.getUint16(NUMBER_OF_BLOCKS_10), NUMBER_OF_BLOCKS_10, false);
}

export function writeSame16(task: Task): void {
  const { cdbView } = task.command;
  const hasNoData = (cdbView.getUint8(FLAGS) & NDOB) !== 0;
  writeSame(task, lba64(cdbView, LBA), cdbView.getUint32(NUMBER_OF_BLOCKS_16), NUMBER_OF_BLOCKS_16, hasNoData);
}

export function writeSame32(task: Task): void {
  const { cdbView } = task.command;
  const hasNoData = (cdbView.getUint8(flagsByte(task.command.cdb)) & NDOB) !== 0;
  writeSame(task, lba64(cdbView, LBA_32), cdbView.getUint32(NUMBER_OF_BLOCKS_32), NUMBER_OF_BLOCKS_32, hasNoData);
}

export function unmap(task: Task): void {
  const { command } = task;
  const listLength = command.cdbView.getUint16(PARAMETER_LIST_LENGTH);
  command.presentedOutBytes = listLength;
  if ((command.cdb[FLAGS]! & UNMAP_ANCHOR) !== 0) {
    task.invalidField(FLAGS, 0);
  } else if (listLength === 0) {
    task.good(); // SBC-3 5.28: no error
  } else if (listLength < UNMAP_HEADER_BYTES) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  } else {
    receiveParameterList(task, listLength, readUnmapList);
  }
}

const FLAGS = 1;
const LBA = 2;

// SBC-3 5.43, 5.44
const ANCHOR = 0x10;
const ANCHOR_BIT = 4;
const UNMAP_BIT = 3;
const UNMAP_FLAG = 0x08;
const NDOB = 0x01;
const NUMBER_OF_BLOCKS_10 = 7;
const NUMBER_OF_BLOCKS_16 = 10;
const LBA_32 = 12;
const NUMBER_OF_BLOCKS_32 = 28;

// SBC-3 5.28
const UNMAP_ANCHOR = 0x01;
const PARAMETER_LIST_LENGTH = 7;
const UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH = 2;
const UNMAP_HEADER_BYTES = 8;
const UNMAP_DESCRIPTOR_BYTES = 16;
const DESCRIPTOR_LBA = 0;
const DESCRIPTOR_NUMBER_OF_BLOCKS = 8;

/** The range is looked at before the number of blocks: a first block that does not exist is the graver error. */
function writeSame(task: Task, lba: number, blocks: number, blocksByte: number, hasNoData: boolean): void {
  const byte = flagsByte(task.command.cdb);
  const flags = task.command.cdb[byte]!;
  const wantsUnmap = (flags & UNMAP_FLAG) !== 0;
  if ((flags & ANCHOR) !== 0) task.invalidField(byte, ANCHOR_BIT);
  else if (wantsUnmap && !task.unit.isThin) task.invalidField(byte, UNMAP_BIT);
  else if (!takeRange(task, lba, blocks)) return;
  else if (blocks === 0 || blocks > writeSameBlocksMax(task.unit)) task.invalidField(blocksByte, 7);
  else if (hasNoData) writeZeroes(task);
  else requestPattern(task);
}

/** The data-out buffer is one logical block; another size is another command than the initiator had in mind. */
function requestPattern(task: Task): void {
  const { command, unit } = task;
  command.presentedOutBytes = unit.blockBytes;
  if (command.dataOutBytes !== unit.blockBytes) {
    task.check(SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
    return;
  }
  task.operation = WRITE_SAME;
  task.requestDataOut(0, unit.blockBytes);
}

function writeZeroes(task: Task): void {
  const { cdb } = task.command;
  const mayUnmap = (cdb[flagsByte(cdb)]! & UNMAP_FLAG) !== 0;
  task.operation = ZEROES;
  task.submitRange(task.ios[0], IO_WRITE_ZEROES, task.offsetBytes, task.lengthBytes, mayUnmap);
}

const ZEROES: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone: endStable,
  onCompareBuffer: unexpected,
};

const WRITE_SAME: Operation = {
  onSlotReady: unexpected,
  onDataOut(task, slot) {
    task.slot = slot;
    if (isZero(slot, task.unit.blockBytes)) {
      writeZeroes(task);
      return;
    }
    spreadPattern(task, slot);
    writePattern(task, task.ios[0]);
    writePattern(task, task.ios[1]);
  },
  onIoDone(task, io) {
    task.doneBytes += io.lengthBytes;
    if (task.doneBytes === task.lengthBytes) task.good();
    else writePattern(task, io);
  },
  onCompareBuffer: unexpected,
};

function isZero(slot: Slot, lengthBytes: number): boolean {
  const { memory, dataOffset } = slot;
  if (memory[dataOffset] !== 0) return false;
  // Zero, and the same as its neighbour: all zero.
  return (
    memory.compare(memory, dataOffset, dataOffset + lengthBytes - 1, dataOffset + 1, dataOffset + lengthBytes) === 0
  );
}

/**
 * Fills the largest slot that can be had with copies of the block. When there is none the block's own slot must do: to
 * wait for a second slot while holding one could last for ever.
 */
function spreadPattern(task: Task, block: Slot): void {
  const { blockBytes } = task.unit;
  const spread = task.takeSlot(Math.min(SEGMENT_BYTES_MAX, task.lengthBytes)) ?? block;
  const spreadBytes = patternBytes(task, spread);
  const { memory, dataOffset } = spread;
  block.memory.copy(memory, dataOffset, block.dataOffset, block.dataOffset + blockBytes);
  for (let filled = blockBytes; filled < spreadBytes; filled *= 2) {
    memory.copy(memory, dataOffset + filled, dataOffset, dataOffset + Math.min(filled, spreadBytes - filled));
  }
  if (spread !== block) block.release();
  task.slot = spread;
}

function patternBytes(task: Task, slot: Slot): number {
  return Math.min(slot.capacityBytes, SEGMENT_BYTES_MAX, task.lengthBytes);
}

/** Writes the next piece with `io`, if any is left; both ios write from the one slot. */
function writePattern(task: Task, io: BackendIo): void {
  const { slot } = task;
  assert(slot !== null, 'the pattern is at hand');
  const lengthBytes = Math.min(patternBytes(task, slot), task.lengthBytes - task.startedBytes);
  if (lengthBytes === 0) return;
  const offsetBytes = task.offsetBytes + task.startedBytes;
  task.startedBytes += lengthBytes;
  task.submitData(io, IO_WRITE, offsetBytes, lengthBytes, slot);
}

/** All descriptors are checked before the first block is unmapped; then all between the first and the last is held. */
function readUnmapList(task: Task, list: Buffer): void {
  const count = descriptorCount(task, list);
  if (count === INVALID_LIST || !areDescriptorsValid(task, list, count) || !isStillAccessible(task)) return;
  task.option = count;
  task.operation = UNMAP;
  if (task.unit.ranges.share(task, beginUnmap)) beginUnmap(task);
}

function beginUnmap(task: Task): void {
  const { generation } = task;
  unmapNext(task, task.ios[0]);
  if (task.generation === generation) unmapNext(task, task.ios[1]);
}

/** phase: the next descriptor; option: their count. */
const UNMAP: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone: unmapNext,
  onCompareBuffer: unexpected,
};

const INVALID_LIST = -1;

/** Descriptors in the list, or INVALID_LIST when the task was ended. An incomplete last one is ignored (SBC-3 5.28.2). */
function descriptorCount(task: Task, list: Buffer): number {
  const descriptorBytes = list.readUInt16BE(UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH);
  if (UNMAP_HEADER_BYTES + descriptorBytes > list.length) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return INVALID_LIST;
  }
  const count = Math.floor(descriptorBytes / UNMAP_DESCRIPTOR_BYTES);
  if (count <= UNMAP_DESCRIPTORS_MAX) return count;
  invalidParameter(task, UNMAP_BLOCK_DESCRIPTOR_DATA_LENGTH);
  return INVALID_LIST;
}

/** Also sets the task's range, from the lowest block that is named to the highest. */
function areDescriptorsValid(task: Task, list: Buffer, count: number): boolean {
  const { blockCount, blockBytes } = task.unit;
  let total = 0;
  let lowest = blockCount;
  let end = 0;
  for (let index = 0; index < count; index++) {
    const lba = descriptorLba(list, index);
    const blocks = descriptorBlocks(list, index);
    total += blocks;
    if (blocks > 0 && (lba >= blockCount || blocks > blockCount - lba)) {
      task.check(SENSE_LBA_OUT_OF_RANGE);
      return false;
    }
    if (total > UNMAP_LBAS_MAX) {
      invalidParameter(task, UNMAP_HEADER_BYTES + index * UNMAP_DESCRIPTOR_BYTES + DESCRIPTOR_NUMBER_OF_BLOCKS);
      return false;
    }
    if (blocks === 0) continue;
    lowest = Math.min(lowest, lba);
    end = Math.max(end, lba + blocks);
  }
  task.offsetBytes = Math.min(lowest, end) * blockBytes;
  task.lengthBytes = end * blockBytes - task.offsetBytes;
  return true;
}

function invalidParameter(task: Task, byte: number): void {
  const pointer = parameterFieldPointer(byte, NO_SENSE_VALUE);
  task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
}

/**
 * Unmaps what the next descriptor with any blocks names, with those that follow it on the disk: several small ranges free
 * nothing where one large does. Ends the task when none is left and none is under way.
 */
function unmapNext(task: Task, io: BackendIo): void {
  const { parameterList, unit } = task;
  assert(parameterList !== null, 'the parameter list is at hand');
  while (task.phase < task.option) {
    const lba = descriptorLba(parameterList, task.phase);
    const blocks = takeAdjacent(task, parameterList);
    if (blocks === 0) continue;
    task.submitRange(io, IO_UNMAP, lba * unit.blockBytes, blocks * unit.blockBytes, true);
    return;
  }
  if (task.iosInFlight === 0) endStable(task);
}

/** Passes the next descriptor and those that begin where it ends; the blocks of all of them. */
function takeAdjacent(task: Task, list: Buffer): number {
  const lba = descriptorLba(list, task.phase);
  let blocks = 0;
  do {
    blocks += descriptorBlocks(list, task.phase);
    task.phase += 1;
  } while (task.phase < task.option && descriptorLba(list, task.phase) === lba + blocks);
  return blocks;
}

function descriptorAt(index: number): number {
  return UNMAP_HEADER_BYTES + index * UNMAP_DESCRIPTOR_BYTES;
}

function descriptorLba(list: Buffer, index: number): number {
  const at = descriptorAt(index) + DESCRIPTOR_LBA;
  return list.readUInt32BE(at) * 0x100000000 + list.readUInt32BE(at + 4);
}

function descriptorBlocks(list: Buffer, index: number): number {
  return list.readUInt32BE(descriptorAt(index) + DESCRIPTOR_NUMBER_OF_BLOCKS);
}

function unexpected(): never {
  assert(false, 'no such event in this command');
}

/** READ CAPACITY(10) and READ CAPACITY(16) (SBC-3 5.15, 5.16). */
import { lba64 } from '../command/cdb.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import { SENSE_LBA_OUT_OF_RANGE } from '../sense.ts';
import type { ParameterDataBuilder, Task } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { physicalBlockExponent } from './sbc-vpd.ts';

export function readCapacity10(task: Task): void {
  const { cdbView } = task.command;
  const isPartial = (cdbView.getUint8(PMI_BYTE_10) & PMI) !== 0;
  answer(task, cdbView.getUint32(LBA_10), isPartial, CAPACITY_10_BYTES, buildCapacity10);
}

export function readCapacity16(task: Task): void {
  const { cdbView } = task.command;
  const isPartial = (cdbView.getUint8(PMI_BYTE_16) & PMI) !== 0;
  answer(task, lba64(cdbView, LBA_16), isPartial, cdbView.getUint32(ALLOCATION_LENGTH_16), buildCapacity16);
}

/** READ CAPACITY(16) parameter data from LOGICAL BLOCK LENGTH on, into zeros at `at`. */
export function writeCapacityProperties(unit: LogicalUnit, out: Buffer, at: number): void {
  out.writeUInt32BE(unit.blockBytes, at);
  out[at + LBPPBE_BYTE] = physicalBlockExponent(unit);
  out[at + PROVISIONING_BYTE] = unit.isThin ? LBPME | LBPRZ : 0;
}

const LBA_10 = 2;
const LBA_16 = 2;
const PMI_BYTE_10 = 8;
const PMI_BYTE_16 = 14;
const PMI = 0x01;
const ALLOCATION_LENGTH_16 = 10;

// SBC-3 5.15.2 READ CAPACITY(10) parameter data
const CAPACITY_10_BYTES = 8;
// SBC-3 5.16.2 READ CAPACITY(16) parameter data
const CAPACITY_16_BYTES = 32;
const LOGICAL_BLOCK_LENGTH = 8;
// The same behind LOGICAL BLOCK LENGTH, as ROD tokens have it, too.
const LBPPBE_BYTE = 5;
const PROVISIONING_BYTE = 6;
const LBPME = 0x80;
const LBPRZ = 0x40;

const UINT32_MAX = 0xffffffff;

/** With PMI zero the LBA must be zero. With PMI one the answer is the same: nowhere does access become slower. */
function answer(
  task: Task,
  lba: number,
  isPartial: boolean,
  allocationLength: number,
  build: ParameterDataBuilder,
): void {
  if (!isPartial && lba !== 0) task.invalidField(LBA_10, 7);
  else if (lba >= task.unit.blockCount) task.check(SENSE_LBA_OUT_OF_RANGE);
  else sendParameterData(task, allocationLength, build);
}

function buildCapacity10(task: Task, out: Buffer): number {
  const { unit } = task;
  // FFFFFFFFh sends the initiator to READ CAPACITY(16).
  out.writeUInt32BE(Math.min(unit.blockCount - 1, UINT32_MAX), 0);
  out.writeUInt32BE(unit.blockBytes, 4);
  return CAPACITY_10_BYTES;
}

function buildCapacity16(task: Task, out: Buffer): number {
  const { unit } = task;
  const lastLba = unit.blockCount - 1;
  out.fill(0, 0, CAPACITY_16_BYTES);
  out.writeUInt32BE(Math.floor(lastLba / 0x100000000), 0);
  out.writeUInt32BE(lastLba % 0x100000000, 4);
  writeCapacityProperties(unit, out, LOGICAL_BLOCK_LENGTH);
  return CAPACITY_16_BYTES;
}

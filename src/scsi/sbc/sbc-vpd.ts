/**
 * Vital product data pages of block devices (SBC-3 6.6), and the limits they state. Where a command checks a limit it
 * asks here, so what is reported and what is enforced are one number.
 */
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import { VPD_BLOCK_DEVICE_CHARACTERISTICS, VPD_BLOCK_LIMITS, VPD_LOGICAL_BLOCK_PROVISIONING } from '../constants.ts';
import { beginPage } from '../spc/inquiry/vpd-page.ts';
import type { Task } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { ATOMIC_BYTES_MAX } from './atomic/atomic-writes.ts';

/** What one command may move; long enough for every initiator, short enough to leave the others a turn. */
export const TRANSFER_BYTES_MAX = 33554432;
/** What one WRITE SAME may write. */
export const WRITE_SAME_BYTES_MAX = 33554432;
/** What PRE-FETCH reads at the most. */
export const PREFETCH_BYTES_MAX = 16777216;
/** What one COMPARE AND WRITE may compare: with as much to write behind it, one segment. */
export const COMPARE_AND_WRITE_BYTES_MAX = SEGMENT_BYTES_MAX / 2;
/** NUMBER OF LOGICAL BLOCKS of COMPARE AND WRITE has one byte. */
const COMPARE_AND_WRITE_BLOCKS_MAX = 255;
/** MAXIMUM UNMAP LBA COUNT: what one UNMAP may unmap in all its descriptors. */
export const UNMAP_LBAS_MAX = 1048576;
/** MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT. */
export const UNMAP_DESCRIPTORS_MAX = 256;

/** MAXIMUM TRANSFER LENGTH of `unit`, in blocks. */
export function transferBlocksMax(unit: LogicalUnit): number {
  return TRANSFER_BYTES_MAX / unit.blockBytes;
}

/** MAXIMUM WRITE SAME LENGTH of `unit`, in blocks. */
export function writeSameBlocksMax(unit: LogicalUnit): number {
  return WRITE_SAME_BYTES_MAX / unit.blockBytes;
}

/** MAXIMUM COMPARE AND WRITE LENGTH of `unit`, in blocks. */
export function compareAndWriteBlocksMax(unit: LogicalUnit): number {
  return Math.min(COMPARE_AND_WRITE_BYTES_MAX / unit.blockBytes, COMPARE_AND_WRITE_BLOCKS_MAX);
}

/** MAXIMUM ATOMIC TRANSFER LENGTH of `unit`, in blocks: one physical block without a journal. */
export function atomicTransferBlocksMax(unit: LogicalUnit): number {
  return unit.atomicWrites.hasJournal ? ATOMIC_BYTES_MAX / unit.blockBytes : 2 ** physicalBlockExponent(unit);
}

/** ATOMIC ALIGNMENT of `unit`, in blocks; 1: an atomic write begins where it likes. */
export function atomicAlignmentBlocks(unit: LogicalUnit): number {
  return unit.atomicWrites.hasJournal ? 1 : atomicTransferBlocksMax(unit);
}

/** Logical blocks in a physical block, as a power of two (READ CAPACITY(16), SBC-3 5.16.2). */
export function physicalBlockExponent(unit: LogicalUnit): number {
  const ratio = unit.backend.capabilities.physicalBlockBytes / unit.blockBytes;
  return ratio > 1 ? Math.min(Math.floor(Math.log2(ratio)), 15) : 0;
}

/** SBC-3 6.6.3 */
export function buildBlockLimits(task: Task, out: Buffer): number {
  const { unit } = task;
  const lengthBytes = beginPage(task, out, VPD_BLOCK_LIMITS, 0x3c);
  out[BL_WSNZ_BYTE] = WSNZ;
  out[BL_MAXIMUM_COMPARE_AND_WRITE_LENGTH] = compareAndWriteBlocksMax(unit);
  out.writeUInt16BE(transferGranularityBlocks(unit), BL_OPTIMAL_TRANSFER_LENGTH_GRANULARITY);
  out.writeUInt32BE(transferBlocksMax(unit), BL_MAXIMUM_TRANSFER_LENGTH);
  out.writeUInt32BE(optimalTransferBlocks(unit), BL_OPTIMAL_TRANSFER_LENGTH);
  out.writeUInt32BE(PREFETCH_BYTES_MAX / unit.blockBytes, BL_MAXIMUM_PREFETCH_LENGTH);
  out.writeUInt32BE(writeSameBlocksMax(unit), BL_MAXIMUM_WRITE_SAME_LENGTH + 4);
  out.writeUInt32BE(atomicTransferBlocksMax(unit), BL_MAXIMUM_ATOMIC_TRANSFER_LENGTH);
  out.writeUInt32BE(atomicAlignmentBlocks(unit), BL_ATOMIC_ALIGNMENT);
  if (unit.isThin) {
    out.writeUInt32BE(UNMAP_LBAS_MAX, BL_MAXIMUM_UNMAP_LBA_COUNT);
    out.writeUInt32BE(UNMAP_DESCRIPTORS_MAX, BL_MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT);
    out.writeUInt32BE(unmapGranularityBlocks(unit), BL_OPTIMAL_UNMAP_GRANULARITY);
    out.writeUInt32BE(UGAVALID, BL_UNMAP_GRANULARITY_ALIGNMENT); // aligned at LBA 0
  }
  return lengthBytes;
}

/** SBC-3 6.6.2: a store has no rotating medium that an initiator could make use of. */
export function buildBlockDeviceCharacteristics(task: Task, out: Buffer): number {
  const lengthBytes = beginPage(task, out, VPD_BLOCK_DEVICE_CHARACTERISTICS, 0x3c);
  out.writeUInt16BE(NON_ROTATING_MEDIUM, BDC_MEDIUM_ROTATION_RATE);
  if (task.unit.isThin) out[BDC_FLAGS] = READ_AFTER_BLOCK_ERASE | READ_AFTER_CRYPTO_ERASE;
  return lengthBytes;
}

/** SBC-3 6.6.4 */
export function buildLogicalBlockProvisioning(task: Task, out: Buffer): number {
  const lengthBytes = beginPage(task, out, VPD_LOGICAL_BLOCK_PROVISIONING, 4);
  if (task.unit.isThin) {
    out[LBP_THRESHOLD_EXPONENT] = task.unit.provisioning.thresholdExponent;
    out[LBP_FLAGS] = LBPU | LBPWS | LBPWS10 | LBPRZ;
    out[LBP_PROVISIONING_TYPE] = THIN_PROVISIONED;
  }
  return lengthBytes;
}

// SBC-3 6.6.3 Block Limits VPD page
const BL_WSNZ_BYTE = 4;
/** WRITE SAME with a number of blocks of zero, "to the end", is refused. */
const WSNZ = 0x01;
const BL_MAXIMUM_COMPARE_AND_WRITE_LENGTH = 5;
const BL_OPTIMAL_TRANSFER_LENGTH_GRANULARITY = 6;
/** OPTIMAL TRANSFER LENGTH GRANULARITY has two bytes. */
const TRANSFER_GRANULARITY_BLOCKS_MAX = 0xffff;
const BL_MAXIMUM_TRANSFER_LENGTH = 8;
const BL_OPTIMAL_TRANSFER_LENGTH = 12;
const BL_MAXIMUM_PREFETCH_LENGTH = 16;
const BL_MAXIMUM_UNMAP_LBA_COUNT = 20;
const BL_MAXIMUM_UNMAP_BLOCK_DESCRIPTOR_COUNT = 24;
const BL_OPTIMAL_UNMAP_GRANULARITY = 28;
const BL_UNMAP_GRANULARITY_ALIGNMENT = 32;
const UGAVALID = 0x80000000;
const BL_MAXIMUM_WRITE_SAME_LENGTH = 36; // uint64
// SBC-4 6.6.4; no granularity is asked for, and the atomic boundary fields stay zero: not offered
const BL_MAXIMUM_ATOMIC_TRANSFER_LENGTH = 44;
const BL_ATOMIC_ALIGNMENT = 48;

// SBC-3 6.6.2 Block Device Characteristics VPD page
const BDC_MEDIUM_ROTATION_RATE = 4;
const NON_ROTATING_MEDIUM = 1;
const BDC_FLAGS = 7;
/** WABEREQ and WACEREQ 01b: reads succeed after a SANITIZE. */
const READ_AFTER_BLOCK_ERASE = 0x40;
const READ_AFTER_CRYPTO_ERASE = 0x10;

// SBC-3 6.6.4 Logical Block Provisioning VPD page
const LBP_THRESHOLD_EXPONENT = 4;
const LBP_FLAGS = 5;
const LBPU = 0x80;
const LBPWS = 0x40;
const LBPWS10 = 0x20;
const LBPRZ = 0x04;
const LBP_PROVISIONING_TYPE = 6;
const THIN_PROVISIONED = 0x02;

function transferGranularityBlocks(unit: LogicalUnit): number {
  const blocks = Math.floor(unit.backend.capabilities.transferGranularityBytes / unit.blockBytes);
  return Math.min(Math.max(blocks, 1), TRANSFER_GRANULARITY_BLOCKS_MAX);
}

function optimalTransferBlocks(unit: LogicalUnit): number {
  const optimalBytes = unit.backend.capabilities.optimalIoBytes;
  const bytes = optimalBytes > 0 ? Math.min(optimalBytes, TRANSFER_BYTES_MAX) : SEGMENT_BYTES_MAX;
  return Math.max(1, Math.floor(bytes / unit.blockBytes));
}

function unmapGranularityBlocks(unit: LogicalUnit): number {
  return Math.max(1, Math.ceil(unit.backend.capabilities.unmapGranularityBytes / unit.blockBytes));
}

/**
 * GET LBA STATUS(16) (SBC-3 5.4): which blocks the store holds space for. The store tells bytes of data from holes; a block
 * that has any data is mapped. A unit that is not thin provisioned, and a store that cannot tell, have every block mapped.
 */
import type { AllocationExtent } from '../../../backend/backend.ts';
import { lba64 } from '../../command/cdb.ts';
import { sendParameterData } from '../../command/parameter-data.ts';
import type { Task } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { takeRange } from '../transfer/block-range.ts';

export function getLbaStatus16(task: Task): void {
  const { cdbView } = task.command;
  const lba = lba64(cdbView, STARTING_LBA);
  if (!takeRange(task, lba, 0)) return;
  const { unit } = task;
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH);
  if (!unit.isThin) {
    sendRuns(task, allocationLength, [{ lba, endLba: unit.blockCount, isMapped: true }]);
    return;
  }
  task.beginWork();
  unit.backend.allocation(task.offsetBytes, unit.sizeBytes - task.offsetBytes, DESCRIPTORS_MAX, (extents) => {
    if (task.endWork()) sendRuns(task, allocationLength, runsOf(unit, lba, extents));
  });
}

// SBC-3 5.4.1
const STARTING_LBA = 2;
const ALLOCATION_LENGTH = 10;

// SBC-3 5.4.2 GET LBA STATUS parameter data
const HEADER_BYTES = 8;
/** PARAMETER DATA LENGTH does not count itself. */
const PARAMETER_DATA_LENGTH_BYTES = 4;
const DESCRIPTOR_BYTES = 16;
const DESCRIPTOR_NUMBER_OF_BLOCKS = 8;
const DESCRIPTOR_PROVISIONING_STATUS = 12;
const STATUS_MAPPED = 0;
const STATUS_DEALLOCATED = 1;
const DESCRIPTOR_BLOCKS_MAX = 0xffffffff;

/** What one command reports at the most: initiators ask again from where it ends. */
const DESCRIPTORS_MAX = 256;

/** Blocks of one provisioning status. */
interface Run {
  readonly lba: number;
  endLba: number;
  readonly isMapped: boolean;
}

/** Blocks from `lba` on; neighbours of one status are one run. */
function runsOf(unit: LogicalUnit, lba: number, extents: readonly AllocationExtent[] | null): Run[] {
  if (extents === null) return [{ lba, endLba: unit.blockCount, isMapped: true }];
  const runs: Run[] = [];
  let nextLba = lba;
  for (const { offsetBytes, lengthBytes, isAllocated } of extents) {
    const blocks = (offsetBytes + lengthBytes) / unit.blockBytes;
    const endLba = isAllocated ? Math.ceil(blocks) : Math.floor(blocks);
    if (endLba <= nextLba) continue; // within a block that was found mapped, or a hole without a whole block
    const last = runs.at(-1);
    if (last?.isMapped === isAllocated) last.endLba = endLba;
    else runs.push({ lba: nextLba, endLba, isMapped: isAllocated });
    nextLba = endLba;
  }
  return runs;
}

function sendRuns(task: Task, allocationLength: number, runs: readonly Run[]): void {
  sendParameterData(task, allocationLength, (_task, out) => writeRuns(out, runs));
}

/** The list ends where it is full: nothing says that it reaches the end of the medium. */
function writeRuns(out: Buffer, runs: readonly Run[]): number {
  let end = HEADER_BYTES;
  for (const { lba, endLba, isMapped } of runs) {
    for (let from = lba; from < endLba; from += DESCRIPTOR_BLOCKS_MAX) {
      if (end === HEADER_BYTES + DESCRIPTORS_MAX * DESCRIPTOR_BYTES) break;
      const blocks = Math.min(endLba - from, DESCRIPTOR_BLOCKS_MAX);
      end = writeDescriptor(out, end, from, blocks, isMapped ? STATUS_MAPPED : STATUS_DEALLOCATED);
    }
  }
  out.fill(0, 0, HEADER_BYTES);
  out.writeUInt32BE(end - PARAMETER_DATA_LENGTH_BYTES, 0);
  return end;
}

function writeDescriptor(out: Buffer, at: number, lba: number, blocks: number, status: number): number {
  out.fill(0, at, at + DESCRIPTOR_BYTES);
  out.writeUInt32BE(Math.floor(lba / 0x100000000), at);
  out.writeUInt32BE(lba % 0x100000000, at + 4);
  out.writeUInt32BE(blocks, at + DESCRIPTOR_NUMBER_OF_BLOCKS);
  out[at + DESCRIPTOR_PROVISIONING_STATUS] = status;
  return at + DESCRIPTOR_BYTES;
}

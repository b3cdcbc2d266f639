/** A CD-ROM drive with an image in it, for the tests of MMC. */
import { PERIPHERAL_CD_DVD } from '../../../../src/scsi/constants.ts';
import type { LogicalUnitOptions } from '../../../../src/scsi/unit/logical-unit.ts';
import { type Client, Harness, pattern, uint32 } from '../device-harness.ts';
import type { MemoryBackend } from '../memory-backend.ts';

export const DRIVE_BLOCK_BYTES = 2048;
export const DISC_BLOCKS = 1000;
/** One more than a CD holds. */
export const DVD_BLOCKS = 360_001;
const STORED_BLOCKS = 1200;

export const DRIVE: Pick<LogicalUnitOptions, 'deviceType' | 'blockShift' | 'isReadOnly' | 'isRemovable' | 'isThin'> = {
  deviceType: PERIPHERAL_CD_DVD,
  blockShift: 11,
  isReadOnly: true,
  isRemovable: true,
  isThin: false,
};

export function driveWith(blocks = DISC_BLOCKS): Harness {
  const harness = new Harness({
    sizeBytes: blocks * DRIVE_BLOCK_BYTES,
    storedBytes: Math.min(blocks, STORED_BLOCKS) * DRIVE_BLOCK_BYTES,
    capabilities: { isReadOnly: true, canUnmap: false },
    unit: DRIVE,
  });
  fill(harness.backend);
  return harness;
}

export function fill({ bytes }: MemoryBackend): void {
  pattern(bytes.length / DRIVE_BLOCK_BYTES, 3, DRIVE_BLOCK_BYTES).copy(bytes);
}

/** What a command says, as hexadecimal digits. */
export function hexOf(client: Client): string {
  if (client.outcome !== 'status 0') return client.outcome;
  return client.data.toString('hex');
}

export function eject(harness: Harness): void {
  harness.run([0x1b, 0, 0, 0, 0x02, 0]);
}

export function load(harness: Harness): void {
  harness.run([0x1b, 0, 0, 0, 0x03, 0]);
}

/** GET EVENT STATUS NOTIFICATION, polled. */
export function eventStatus(classes: number, allocationLength = 8): number[] {
  return [0x4a, 0x01, 0, 0, classes, 0, 0, 0, allocationLength, 0];
}

/** READ CD of the user data. */
export function readCdOf(lba: number, blocks: number, sectorType = 0, parts = 0x10): number[] {
  return [0xbe, sectorType << 2, ...uint32(lba), ...uint32(blocks).slice(1), parts, 0, 0];
}

/**
 * What O_DIRECT asks of offsets, lengths and memory of one file, held against the blocks that a logical unit serves: found
 * out when the store is opened, since I/O that breaks it fails with EINVAL. Linux 6.1 tells (STATX_DIOALIGN); older
 * kernels are asked by reading.
 */
import { read } from 'node:fs';
import { constants } from 'node:os';
import type { NativeAddon } from '../../native/native-addon.ts';
import { PAGE_BYTES } from '../../util/slot-pool.ts';
import { BackendError } from '../backend.ts';
import type { DiskFile } from './disk-file.ts';

/** What disks have: 512 bytes a sector, or 4096. */
const SECTOR_SIZES = [512, 4096] as const;

const { EINVAL } = constants.errno;

/** Rejects with BackendError when blocks of `blockBytes` in page-aligned memory are not enough for O_DIRECT on `disk`. */
export async function checkDirectAlignment(disk: DiskFile, blockBytes: number, native: NativeAddon): Promise<void> {
  const { memoryBytes, offsetBytes } = await directAlignment(disk, native);
  if (offsetBytes === 0) {
    throw new BackendError('NOT_SUPPORTED', `the file system of ${disk.path} has no O_DIRECT: leave out "direct"`);
  }
  if (blockBytes >= offsetBytes && memoryBytes <= PAGE_BYTES) return;
  const needed = Math.max(offsetBytes, memoryBytes);
  throw new BackendError(
    'NOT_SUPPORTED',
    `O_DIRECT on ${disk.path} needs blocks of ${needed} bytes, the logical unit has ${blockBytes}: ` +
      'raise blockShift or leave out "direct"',
  );
}

export interface Alignment {
  readonly memoryBytes: number;
  /** 0: no O_DIRECT. */
  readonly offsetBytes: number;
}

async function directAlignment({ fd }: DiskFile, native: NativeAddon): Promise<Alignment> {
  const told = native.directAlignment(fd);
  return typeof told === 'number' ? probeAlignment(fd, native.createArena(PAGE_BYTES).memory) : told;
}

/** @param memory one page, page-aligned */
export async function probeAlignment(fd: number, memory: Buffer): Promise<Alignment> {
  for (const sectorBytes of SECTOR_SIZES) {
    if (await canRead(fd, memory, sectorBytes)) return { memoryBytes: sectorBytes, offsetBytes: sectorBytes };
  }
  return { memoryBytes: 0, offsetBytes: 0 };
}

/** Whether one sector at an offset of one sector can be read; what else may be wrong shows at the first I/O. */
function canRead(fd: number, memory: Buffer, sectorBytes: number): Promise<boolean> {
  return new Promise((resolve) =>
    read(fd, memory, 0, sectorBytes, sectorBytes, (error) => resolve(error?.errno !== -EINVAL)),
  );
}

/** What the kernel tells about the medium below an open file or block device: its sizes, and whether it can unmap. */
import type { Stats } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { BackendError } from '../backend.ts';
import { deviceName, readQueue, readSysNumber } from './disk-queue.ts';

/** More makes initiators choose sector sizes their file systems refuse (mkfs.xfs takes it for its own). */
const PHYSICAL_BLOCK_BYTES_MAX = 4096;
const SECTOR_BYTES = 512;

export interface DiskGeometry {
  readonly sizeBytes: number;
  /** What O_DIRECT has to be aligned to at least. */
  readonly logicalBlockBytes: number;
  /** What a buffered write may be without a read first: the page cache collects what a file gets. */
  readonly physicalBlockBytes: number;
  /** What O_DIRECT writes without a read first. */
  readonly transferGranularityBytes: number;
  /** 0 when unknown. */
  readonly optimalIoBytes: number;
  /** 0 when unknown. */
  readonly unmapGranularityBytes: number;
  /** The medium does not take writes. */
  readonly isReadOnly: boolean;
  /** A block device says itself whether it can unmap; null: try it on the file. */
  readonly canUnmap: boolean | null;
  /** I/O past the page cache can be polled for; null: its device does not tell, or there is none. */
  readonly canPoll: boolean | null;
}

/** @param stats of the open descriptor `fd`, a regular file or a block device */
export function readDiskGeometry(fd: number, stats: Stats): Promise<DiskGeometry> {
  return stats.isBlockDevice() ? readDevice(stats.rdev) : readFileGeometry(fd, stats);
}

async function readFileGeometry(fd: number, stats: Stats): Promise<DiskGeometry> {
  const { bsize } = await statfs(`/proc/self/fd/${fd}`);
  const blockBytes = isPowerOfTwo(bsize) ? bsize : 0;
  return {
    sizeBytes: stats.size,
    // A file system without a device of its own (tmpfs, NFS, overlay) has no queue: 512 is the least that is possible.
    logicalBlockBytes: (await readQueue(stats.dev, 'logical_block_size')) ?? SECTOR_BYTES,
    physicalBlockBytes: SECTOR_BYTES,
    transferGranularityBytes: physicalBlockBytes(blockBytes),
    optimalIoBytes: 0,
    unmapGranularityBytes: blockBytes,
    isReadOnly: false,
    canUnmap: null,
    canPoll: await canPoll(stats.dev),
  };
}

/** The bytes of what `stats` is about, as they are now. */
export async function readDiskBytes(stats: Stats): Promise<number> {
  return stats.isBlockDevice() ? readDeviceBytes(stats.rdev) : stats.size;
}

async function readDeviceBytes(dev: number): Promise<number> {
  const sectors = await readSysNumber(`/sys/dev/block/${deviceName(dev)}/size`);
  if (sectors === null) {
    throw new BackendError('SIZE_UNKNOWN', `the size of block device ${deviceName(dev)} is not told: is /sys mounted?`);
  }
  return sectors * SECTOR_BYTES;
}

async function readDevice(dev: number): Promise<DiskGeometry> {
  const discardBytes = (await readQueue(dev, 'discard_max_bytes')) ?? 0;
  const writeZeroesBytes = (await readQueue(dev, 'write_zeroes_max_bytes')) ?? 0;
  const physicalBytes = physicalBlockBytes((await readQueue(dev, 'physical_block_size')) ?? 0);
  return {
    sizeBytes: await readDeviceBytes(dev),
    logicalBlockBytes: (await readQueue(dev, 'logical_block_size')) ?? SECTOR_BYTES,
    physicalBlockBytes: physicalBytes,
    transferGranularityBytes: physicalBytes,
    optimalIoBytes: (await readQueue(dev, 'optimal_io_size')) ?? 0,
    unmapGranularityBytes: (await readQueue(dev, 'discard_granularity')) ?? 0,
    isReadOnly: (await readSysNumber(`/sys/dev/block/${deviceName(dev)}/ro`)) === 1,
    // Punching a hole is a discard that reads zeros: the kernel does it as "write zeroes, and unmap".
    canUnmap: discardBytes > 0 && writeZeroesBytes > 0,
    canPoll: await canPoll(dev),
  };
}

async function canPoll(dev: number): Promise<boolean | null> {
  const polls = await readQueue(dev, 'io_poll');
  return polls === null ? null : polls === 1;
}

function physicalBlockBytes(blockBytes: number): number {
  if (!isPowerOfTwo(blockBytes) || blockBytes < SECTOR_BYTES) return SECTOR_BYTES;
  return Math.min(blockBytes, PHYSICAL_BLOCK_BYTES_MAX);
}

function isPowerOfTwo(n: number): boolean {
  return n > 0 && Number.isInteger(Math.log2(n));
}

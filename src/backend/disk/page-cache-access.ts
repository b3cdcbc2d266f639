/**
 * Which I/O of the page cache is worth doing on the reactor's own thread, by the file system below a store. A read that
 * finds its bytes costs there what a read(2) costs. A buffered write through the ring goes to one of the kernel's workers
 * wherever the file system does not take RWF_NOWAIT for writes, which costs more than the copy: 4 KiB on ext4 take 4.4 µs
 * of CPU that way, and 1.7 µs when the thread writes itself.
 */
import { statfs } from 'node:fs/promises';
import { RING_INLINE, RING_MAY_WAIT } from '../../native/ring.ts';
import { PAGE_BYTES } from '../../util/slot-pool.ts';
import type { DiskFile } from './disk-file.ts';

/** Flags for Ring.start; 0: the ring alone. */
export interface PageCacheAccess {
  readonly readFlags: number;
  readonly writeFlags: number;
  /** Writes that are no multiple of it, in offset and length, go to the ring: they may have to read first. */
  readonly writeUnitBytes: number;
  /** For BackendCapabilities.engine. */
  readonly engine: string;
}

const RING_ALONE: PageCacheAccess = { readFlags: 0, writeFlags: 0, writeUnitBytes: 1, engine: 'io_uring' };
const READS: PageCacheAccess = { ...RING_ALONE, readFlags: RING_INLINE, engine: 'io_uring, cached reads inline' };
/** Linux has it since 6.1 for both; before, each try costs 0.3 µs. */
const NEVER_WAITS: PageCacheAccess = {
  readFlags: RING_INLINE,
  writeFlags: RING_INLINE,
  writeUnitBytes: 1,
  engine: 'io_uring, cached reads and writes inline',
};
/** A plain write of whole pages reads nothing first; what else it may wait for is timed (native/inline_io.h). */
const MAY_WAIT: PageCacheAccess = {
  ...NEVER_WAITS,
  writeFlags: RING_INLINE | RING_MAY_WAIT,
  writeUnitBytes: PAGE_BYTES,
};

// f_type of statfs(2), <linux/magic.h>.
const ACCESS_BY_FILE_SYSTEM: ReadonlyMap<number, PageCacheAccess> = new Map([
  [0xef53, MAY_WAIT], // ext2, ext3, ext4
  [0x58465342, NEVER_WAITS], // XFS
  [0x9123683e, NEVER_WAITS], // btrfs
  [0xf2f52010, READS], // F2FS
  [0x01021994, RING_ALONE], // tmpfs refuses RWF_NOWAIT altogether
]);

/** How the page cache of `disk`, not opened O_DIRECT, is read and written. */
export async function pageCacheAccess({ fd, isBlockDevice }: DiskFile): Promise<PageCacheAccess> {
  if (isBlockDevice) return MAY_WAIT;
  const { type } = await statfs(`/proc/self/fd/${fd}`);
  // Of others it is not known that nothing waits: a network's answer, a process that is the file system.
  return ACCESS_BY_FILE_SYSTEM.get(type) ?? RING_ALONE;
}

/** O_DIRECT: nothing is in the page cache. */
export const PAST_PAGE_CACHE: PageCacheAccess = { ...RING_ALONE, engine: 'io_uring, O_DIRECT' };

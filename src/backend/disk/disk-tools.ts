/**
 * The system calls that node:fs lacks and a disk needs: flock(2), fallocate(2), lseek(2) for data and holes. The addon
 * makes them; without it util-linux's tools do, on the very same open file, so that both exclude each other.
 */

// fallocate(2) modes, <linux/falloc.h>: KEEP_SIZE with PUNCH_HOLE or ZERO_RANGE.
export const FALLOCATE_PUNCH_HOLE = 0x03;
export const FALLOCATE_ZERO_RANGE = 0x11;
export type FallocateMode = typeof FALLOCATE_PUNCH_HOLE | typeof FALLOCATE_ZERO_RANGE;

export interface DiskTools {
  /**
   * Locks the open file description of `fd`; the lock goes when the last of its descriptors is closed. False when another
   * description holds a lock against it. Rejects with BackendError when it cannot be tried.
   */
  lock(fd: number, isShared: boolean): Promise<boolean>;
  /**
   * Gives the lock up before `fd` is closed: the kernel may hold a file that a ring knew for a second longer. Null where no
   * ring can hold it, and the lock goes with the descriptor.
   */
  readonly unlock: ((fd: number) => void) | null;
  /** Calls `onDone` once, later, with 0 or a negative errno. */
  fallocate(
    fd: number,
    mode: FallocateMode,
    offsetBytes: number,
    lengthBytes: number,
    onDone: (errno: number) => void,
  ): void;
  /** Finds data and holes; null when nothing here can. */
  readonly seek: ExtentSeek | null;
  /** copy_file_range(2); null when nothing here can. */
  readonly copyRange: RangeCopy | null;
}

export interface FilePlace {
  readonly fd: number;
  readonly offsetBytes: number;
}

/**
 * Copies between regular files, or within one; with `mayPunch` holes become holes. Calls `onDone` once, later, with how many
 * bytes are copied, or a negative errno.
 */
export type RangeCopy = (
  from: FilePlace,
  to: FilePlace,
  lengthBytes: number,
  mayPunch: boolean,
  onDone: (result: number) => void,
) => void;

/** lseek(2) SEEK_DATA and SEEK_HOLE: an offset, or a negative errno (-ENXIO: no data up to the end). */
export interface ExtentSeek {
  data(fd: number, offsetBytes: number): Promise<number>;
  hole(fd: number, offsetBytes: number): Promise<number>;
}

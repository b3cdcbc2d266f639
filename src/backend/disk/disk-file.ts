/**
 * A regular file or a block device that is served as a disk: opened, locked against every other server, and measured; what
 * the engines over it share. Nothing here shortens or overwrites what was there: a file is sized only while it is empty,
 * and a size that differs from the configured one is a fault.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AllocationExtent, BackendError, type BackendSpace } from '../backend.ts';
import type { StorageContext, StorageSpec } from '../storage-spec.ts';
import { readAllocationExtents } from './allocation-extents.ts';
import {
  diskFault,
  emptyFault,
  invalidSizeFault,
  lockedFault,
  lockFault,
  lostWritesFault,
  missingFault,
  notADiskFault,
  sizeFault,
  tooLargeFault,
  tooSmallFault,
  writeProtectedFault,
} from './disk-faults.ts';
import { type DiskGeometry, readDiskBytes, readDiskGeometry } from './disk-geometry.ts';
import { type DiskTools, FALLOCATE_PUNCH_HOLE } from './disk-tools.ts';
import { NativeTools } from './native-tools.ts';
import { UtilLinuxTools } from './util-linux.ts';

/** udev holds a lock on a block device for a moment whenever a writer has closed it: so that lock is tried for a second. */
const DEVICE_LOCK_TRIES = 10;
const LOCK_RETRY_MS = 100;
/** Before Linux 6.4 a device that a ring knew stays claimed for up to a second after it was closed: so it is tried for two. */
const DEVICE_CLAIM_TRIES = 20;

/** A hole this far behind the end of a file changes nothing, and shows whether the file system punches holes. */
const PROBE_DISTANCE_BYTES = 1048576;
const PROBE_BYTES = 4096;

/** stat(2): the unit of st_blocks, whatever the file system's blocks are. */
const STAT_BLOCK_BYTES = 512;

/** Nobody else reads the disks of others. */
const CREATE_MODE = 0o600;

/** Smaller files may lie in their inode, and take no space in spite of their data. */
const INLINE_BYTES_MAX = 65536;

export type DiskFileSpec = Pick<
  StorageSpec,
  'path' | 'sizeBytes' | 'blockBytes' | 'isReadOnly' | 'isThin' | 'isDirect'
>;
export type DiskFileContext = Pick<StorageContext, 'native' | 'note'>;

export class DiskFile {
  /** Absolute. */
  readonly path: string;
  /** Open until close(). */
  readonly fd: number;
  /**
   * The same inode, for flushes alone; -1 when the disk is read-only. Linux tells each descriptor once that writes were lost:
   * what else has data made durable, a FUA write or a change of size, must not take that from the flush that comes after it.
   */
  readonly flushFd: number;
  /** Whole blocks of the logical unit. */
  readonly sizeBytes: number;
  readonly isBlockDevice: boolean;
  readonly isReadOnly: boolean;
  /** The least that O_DIRECT has to be aligned to. */
  readonly logicalBlockBytes: number;
  /** Through the page cache. */
  readonly physicalBlockBytes: number;
  /** What is written past the page cache without reading first. */
  readonly transferGranularityBytes: number;
  readonly optimalIoBytes: number;
  /** See DiskGeometry. */
  readonly canPoll: boolean | null;
  /** FALLOCATE_PUNCH_HOLE gives space back here, and the operator wants it to. */
  readonly canUnmap: boolean;
  readonly unmapGranularityBytes: number;
  readonly tools: DiskTools;
  /** None once it is closed. Of fd, then of flushFd where there is one, then others. */
  private readonly handles: FileHandle[];

  constructor(opened: OpenedFile, geometry: DiskGeometry, sizeBytes: number, canUnmap: boolean) {
    this.path = opened.path;
    this.fd = opened.handle.fd;
    this.flushFd = opened.flushHandle?.fd ?? -1;
    this.sizeBytes = sizeBytes;
    this.isBlockDevice = opened.stats.isBlockDevice();
    this.isReadOnly = opened.isReadOnly;
    this.logicalBlockBytes = geometry.logicalBlockBytes;
    this.physicalBlockBytes = geometry.physicalBlockBytes;
    this.transferGranularityBytes = geometry.transferGranularityBytes;
    this.optimalIoBytes = geometry.optimalIoBytes;
    this.canPoll = geometry.canPoll;
    this.canUnmap = canUnmap;
    this.unmapGranularityBytes = canUnmap ? geometry.unmapGranularityBytes : 0;
    this.tools = opened.tools;
    this.handles = opened.flushHandle === null ? [opened.handle] : [opened.handle, opened.flushHandle];
  }

  /**
   * Opens the very same inode once more so that each write is stable when it returns (O_DSYNC). The descriptor is closed
   * by close().
   */
  async openDsync(): Promise<number> {
    try {
      const handle = await openAgain(this.fd, constants.O_WRONLY | constants.O_DSYNC);
      this.handles.push(handle);
      return handle.fd;
    } catch (cause) {
      throw diskFault(this.path, cause);
    }
  }

  /** As Backend.allocation; rejects with BackendError when the store cannot tell. */
  async allocation(offsetBytes: number, lengthBytes: number, countMax: number): Promise<AllocationExtent[]> {
    const { seek } = this.tools;
    if (seek === null) {
      if (!(await this.isEmpty())) {
        throw new BackendError('NOT_SUPPORTED', 'without the native addon data is not told from holes');
      }
      return [{ offsetBytes, lengthBytes, isAllocated: false }];
    }
    return readAllocationExtents(this.fd, seek, offsetBytes, lengthBytes, countMax);
  }

  /** Whether the file is one hole. What the page cache still holds has no space yet on some file systems, so it goes first. */
  private async isEmpty(): Promise<boolean> {
    const handle = this.handles[0] as FileHandle;
    const { blocks, size } = await handle.stat();
    if (this.isBlockDevice || blocks > 0 || size < INLINE_BYTES_MAX) return false;
    if (!this.isReadOnly) await handle.datasync();
    return (await handle.stat()).blocks === 0;
  }

  /** Of a regular file; rejects when the file system does not answer. */
  async space(): Promise<BackendSpace> {
    const [first] = this.handles;
    const stats = await (first as FileHandle).stat();
    const { bavail, bsize } = await statfs(`/proc/self/fd/${this.fd}`);
    return { usedBytes: stats.blocks * STAT_BLOCK_BYTES, availableBytes: bavail * bsize };
  }

  /** As Backend.measure: a file is lengthened, by a hole; a device is as large as it is. */
  async measure(wantedBytes: number | null): Promise<number> {
    const handle = this.handles[0] as FileHandle;
    try {
      const isBytes = await readDiskBytes(await handle.stat());
      if (isBytes > Number.MAX_SAFE_INTEGER) throw tooLargeFault(this.path);
      if (wantedBytes === null || isBytes >= wantedBytes) return isBytes;
      if (this.isBlockDevice || this.isReadOnly) throw tooSmallFault(this.path, isBytes, wantedBytes);
      await handle.truncate(wantedBytes);
      await handle.sync();
      return wantedBytes;
    } catch (cause) {
      throw diskFault(this.path, cause);
    }
  }

  /**
   * Flushes, closes every descriptor, and with them gives the lock up. Rejects when the flush failed.
   * @param hasLostWrites one before it did, so that this one tells nothing
   */
  async close(hasLostWrites = false): Promise<void> {
    const [first, second] = this.handles;
    try {
      if (!this.isReadOnly) await second?.datasync();
      if (hasLostWrites) throw new Error('an earlier flush has failed');
    } catch (cause) {
      throw lostWritesFault(this.path, cause);
    } finally {
      if (first !== undefined) this.tools.unlock?.(this.fd);
      for (const handle of this.handles.splice(0)) await handle.close();
    }
  }
}

/** Opens, locks and where need be creates `spec.path`. Rejects with BackendError; then nothing stays open or locked. */
export async function openDiskFile(spec: DiskFileSpec, context: DiskFileContext): Promise<DiskFile> {
  const { sizeBytes, blockBytes } = spec;
  if (sizeBytes !== null && (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % blockBytes !== 0)) {
    throw invalidSizeFault(sizeBytes, blockBytes);
  }
  const path = resolve(spec.path);
  const { native } = context;
  const tools = native === null ? new UtilLinuxTools() : new NativeTools(native);
  try {
    const isCreated = await createWhenMissing(path, spec);
    const handle = await openHandle(path, spec);
    return await keepOrClose(handle, () => lockAndMeasure({ path, handle, tools, isCreated }, spec, context));
  } catch (cause) {
    throw diskFault(path, cause);
  }
}

interface OpenedFile {
  readonly path: string;
  readonly handle: FileHandle;
  readonly stats: Stats;
  readonly isReadOnly: boolean;
  readonly tools: DiskTools;
  /** Null when it is read-only. */
  readonly flushHandle: FileHandle | null;
}

async function keepOrClose<T>(handle: FileHandle, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

/** Makes an empty file, which is given its size once it is locked. Returns whether it was this call that made it. */
async function createWhenMissing(path: string, spec: DiskFileSpec): Promise<boolean> {
  if (spec.sizeBytes === null || spec.isReadOnly) return false;
  try {
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    await (await open(path, O_CREAT | O_EXCL | O_WRONLY, CREATE_MODE)).close();
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false;
    throw cause;
  }
}

async function openHandle(path: string, spec: DiskFileSpec): Promise<FileHandle> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw codeOf(cause) === 'ENOENT' ? missingFault(path) : cause;
  });
  checkKind(path, stats); // before open(2), which would wait on a pipe
  const { O_RDONLY, O_RDWR, O_EXCL, O_DIRECT } = constants;
  let flags = spec.isReadOnly ? O_RDONLY : O_RDWR;
  // On a block device alone O_EXCL without O_CREAT is defined: refused while a file system or a RAID uses the device.
  if (stats.isBlockDevice() && !spec.isReadOnly) flags |= O_EXCL;
  if (spec.isDirect) flags |= O_DIRECT;
  return openWhenFree(path, flags);
}

async function openWhenFree(path: string, flags: number): Promise<FileHandle> {
  for (let tries = 1; ; tries++) {
    try {
      return await open(path, flags);
    } catch (cause) {
      if (codeOf(cause) !== 'EBUSY' || tries === DEVICE_CLAIM_TRIES) throw cause;
      await delay(LOCK_RETRY_MS);
    }
  }
}

function checkKind(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw diskFault(path, { code: 'EISDIR' });
  if (!stats.isFile() && !stats.isBlockDevice()) throw notADiskFault(path);
}

type UnmeasuredFile = Omit<OpenedFile, 'stats' | 'isReadOnly' | 'flushHandle'> & { readonly isCreated: boolean };

async function lockAndMeasure(file: UnmeasuredFile, spec: DiskFileSpec, context: DiskFileContext): Promise<DiskFile> {
  const { path, handle, tools } = file;
  await lock(file, spec.isReadOnly);
  await giveSizeWhenEmpty(file, spec);
  const stats = await handle.stat();
  checkKind(path, stats);
  const geometry = await readDiskGeometry(handle.fd, stats);
  if (geometry.isReadOnly && !spec.isReadOnly) throw writeProtectedFault(path);
  const sizeBytes = servedBytes(path, geometry.sizeBytes, spec, context);
  // What is read-only cannot be tried; it is never asked to either.
  const canUnmap = spec.isThin && (geometry.canUnmap ?? (spec.isReadOnly || (await canPunchHole(file, stats.size))));
  const flushHandle = spec.isReadOnly ? null : await openAgain(handle.fd, constants.O_RDWR);
  const opened = { path, handle, stats, tools, flushHandle, isReadOnly: spec.isReadOnly };
  return new DiskFile(opened, geometry, sizeBytes, canUnmap);
}

/** The very same inode once more, whatever its path names by now. */
function openAgain(fd: number, flags: number): Promise<FileHandle> {
  return open(`/proc/self/fd/${fd}`, flags);
}

/** A writer excludes everybody, a reader only writers. */
async function lock({ path, handle, tools }: UnmeasuredFile, isShared: boolean): Promise<void> {
  const triesMax = (await handle.stat()).isBlockDevice() ? DEVICE_LOCK_TRIES : 1;
  const tryLock = () =>
    tools.lock(handle.fd, isShared).catch((cause: unknown) => Promise.reject(lockFault(path, cause)));
  for (let tries = 1; !(await tryLock()); tries++) {
    if (tries === triesMax) throw lockedFault(path, isShared);
    await delay(LOCK_RETRY_MS);
  }
}

/**
 * Sizes a new file, or one that a power cut left empty before it had its size, so that it survives the next one: the file's
 * size and its name in the folder are both synced.
 */
async function giveSizeWhenEmpty({ path, handle, isCreated }: UnmeasuredFile, spec: DiskFileSpec): Promise<void> {
  const stats = await handle.stat();
  if (spec.sizeBytes === null || spec.isReadOnly || !stats.isFile() || stats.size > 0) return;
  try {
    await handle.truncate(spec.sizeBytes);
    await handle.sync();
    await syncFolder(dirname(path));
  } catch (cause) {
    if (isCreated) await unlink(path);
    throw cause;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function servedBytes(path: string, fileBytes: number, spec: DiskFileSpec, { note }: DiskFileContext): number {
  const { sizeBytes, blockBytes } = spec;
  if (fileBytes > Number.MAX_SAFE_INTEGER) throw tooLargeFault(path);
  if (sizeBytes !== null && sizeBytes !== fileBytes) throw sizeFault(path, fileBytes, sizeBytes);
  const leftBytes = fileBytes % blockBytes;
  if (fileBytes === leftBytes) throw emptyFault(path, blockBytes);
  if (leftBytes > 0) note('warn', 'the end of the file is no whole block and is not served', { path, leftBytes });
  return fileBytes - leftBytes;
}

function canPunchHole({ handle, tools }: UnmeasuredFile, fileBytes: number): Promise<boolean> {
  const offsetBytes = Math.ceil(fileBytes / PROBE_DISTANCE_BYTES + 1) * PROBE_DISTANCE_BYTES;
  return new Promise((done) => {
    tools.fallocate(handle.fd, FALLOCATE_PUNCH_HOLE, offsetBytes, PROBE_BYTES, (errno) => done(errno === 0));
  });
}

function codeOf(cause: unknown): string | undefined {
  return (cause as NodeJS.ErrnoException).code;
}

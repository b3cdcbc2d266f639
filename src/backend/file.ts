/**
 * The portable engine: a regular file or a block device over node:fs, whose work libuv's threads do. It needs no addon and
 * no io_uring. Writes go to the page cache (a volatile cache: flush is fdatasync); a FUA write goes through a second
 * descriptor of the same inode that was opened O_DSYNC.
 */
import { assert } from '../util/assert.ts';
import { RingQueue } from '../util/ring-queue.ts';
import {
  type Backend,
  type BackendCapabilities,
  type BackendIo,
  IO_FLUSH,
  IO_HARDWARE_ERROR,
  IO_OK,
  IO_OUT_OF_RANGE,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_PROTECTED,
  type IoStatus,
  type OnExtents,
  type OnSpace,
  type StoreCopyRange,
} from './backend.ts';
import { type CopiedDisk, DiskCopier } from './disk/disk-copier.ts';
import { LOST_WRITES_NEWS } from './disk/disk-faults.ts';
import { type DiskFile, openDiskFile } from './disk/disk-file.ts';
import { FALLOCATE_PUNCH_HOLE, FALLOCATE_ZERO_RANGE } from './disk/disk-tools.ts';
import { FileOperation, type FileOperationOwner } from './file-operation.ts';
import { Durability } from './io/durability.ts';
import { FailureNews } from './io/failure-news.ts';
import { FlushGroup } from './io/flush-group.ts';
import { InFlight } from './io/in-flight.ts';
import { LateCompletion } from './io/late-completion.ts';
import { type RangeOwner, RangeQueue } from './io/range-queue.ts';
import type { StorageContext, StorageSpec } from './storage-spec.ts';

/**
 * Operations handed to libuv at once. Its pool has 4 threads unless UV_THREADPOOL_SIZE says more: enough waits there to
 * keep every thread busy, and what others ask of the pool (a name to resolve, a store to open) waits behind few only.
 */
export const FILE_OPERATIONS_MAX = 64;

/** Zeros up to this length are written: cheaper than starting a tool or changing extents. Also the largest single write. */
export const ZEROS_WRITTEN_BYTES_MAX = 1048576;

/** Rejects with BackendError. */
export async function openFileBackend(spec: StorageSpec, context: StorageContext): Promise<FileBackend> {
  if (spec.isDirect)
    context.note('warn', 'node:fs cannot bypass the page cache: "direct" has no effect', { path: spec.path });
  const disk = await openDiskFile({ ...spec, isDirect: false }, context);
  try {
    return new FileBackend(disk, disk.isReadOnly ? -1 : await disk.openDsync(), context);
  } catch (cause) {
    await disk.close();
    throw cause;
  }
}

export class FileBackend implements Backend, CopiedDisk, FileOperationOwner, RangeOwner {
  readonly capabilities: BackendCapabilities;
  sizeBytes: number;
  /** The most that was ever served: an io beyond it is a bug. */
  private reachBytes: number;
  readonly copier: DiskCopier;
  private readonly disk: DiskFile;
  private readonly durability: Durability;
  private readonly failures: FailureNews;
  private readonly inFlight = new InFlight();
  private readonly late: LateCompletion;
  private readonly flushes: FlushGroup;
  private readonly ranges: RangeQueue;
  private readonly freeOperations: FileOperation[] = [];
  private readonly queued = new RingQueue<BackendIo>(256);
  private closing: Promise<void> | null = null;

  /**
   * Takes `disk` over.
   * @param dsyncFd from disk.openDsync(), -1 when the disk is read-only
   */
  constructor(disk: DiskFile, dsyncFd: number, { batch, note }: Pick<StorageContext, 'batch' | 'note'>) {
    this.disk = disk;
    this.durability = new Durability(() => note('error', LOST_WRITES_NEWS, { path: disk.path }));
    this.failures = new FailureNews(note, disk.path);
    this.sizeBytes = disk.sizeBytes;
    this.reachBytes = disk.sizeBytes;
    this.copier = new DiskCopier(disk, this.inFlight);
    this.late = new LateCompletion(batch, this.inFlight);
    this.flushes = new FlushGroup(disk.flushFd, this.durability, this.inFlight);
    this.ranges = new RangeQueue(disk.fd, disk.tools, this);
    const file = { fd: disk.fd, dsyncFd, zeros: Buffer.alloc(ZEROS_WRITTEN_BYTES_MAX) };
    for (let i = 0; i < FILE_OPERATIONS_MAX; i++) this.freeOperations.push(new FileOperation(file, this));
    this.capabilities = {
      isReadOnly: disk.isReadOnly,
      canUnmap: disk.canUnmap,
      isWriteThrough: false,
      physicalBlockBytes: disk.physicalBlockBytes,
      transferGranularityBytes: disk.transferGranularityBytes,
      unmapGranularityBytes: disk.unmapGranularityBytes,
      optimalIoBytes: disk.optimalIoBytes,
      canTellSpace: !disk.isBlockDevice,
      engine: 'node:fs',
    };
  }

  submit(io: BackendIo): void {
    assert(this.closing === null, 'nothing is submitted to a store that is being closed');
    this.inFlight.begin(io, this.reachBytes);
    if (io.offsetBytes + io.lengthBytes > this.sizeBytes) this.late.end(io, IO_OUT_OF_RANGE);
    else if (io.op === IO_READ) this.transfer(io);
    else if (this.capabilities.isReadOnly) this.late.end(io, io.op === IO_FLUSH ? IO_OK : IO_WRITE_PROTECTED);
    else if (io.op === IO_FLUSH) this.flush(io);
    else if (io.op === IO_WRITE) this.write(io);
    else this.zero(io);
  }

  allocation(offsetBytes: number, lengthBytes: number, countMax: number, onExtents: OnExtents): void {
    this.inFlight.hold();
    const end: OnExtents = (extents) => {
      this.inFlight.release();
      onExtents(extents);
    };
    this.disk.allocation(offsetBytes, lengthBytes, countMax).then(end, () => end(null));
  }

  copyFrom(source: Backend, range: StoreCopyRange, onCopied: (isCopied: boolean) => void): boolean {
    if (range.offsetBytes + range.lengthBytes > this.sizeBytes) return false;
    return this.copier.copyFrom(source, range, onCopied);
  }

  space(onSpace: OnSpace): void {
    this.inFlight.hold();
    const end: OnSpace = (space) => {
      this.inFlight.release();
      onSpace(space);
    };
    this.disk.space().then(end, () => end(null));
  }

  async measure(wantedBytes: number | null): Promise<number> {
    if (this.closing !== null) return this.sizeBytes;
    this.inFlight.hold();
    try {
      return await this.disk.measure(wantedBytes);
    } finally {
      this.inFlight.release();
    }
  }

  resize(sizeBytes: number): void {
    this.sizeBytes = sizeBytes;
    this.reachBytes = Math.max(this.reachBytes, sizeBytes);
  }

  close(): Promise<void> {
    this.closing ??= this.inFlight.idle().then(() => this.disk.close(this.durability.isLost));
    return this.closing;
  }

  onOperationDone(operation: FileOperation, io: BackendIo): void {
    this.goOn(operation);
    this.end(io, IO_OK);
  }

  onOperationFailed(operation: FileOperation, io: BackendIo, errno: number): void {
    this.goOn(operation);
    this.end(io, this.failures.statusOf(io, errno));
  }

  onRangeZeroed(io: BackendIo): void {
    this.inFlight.end(io, IO_OK);
  }

  onRangeRefused(io: BackendIo): void {
    this.transfer(io);
  }

  private goOn(operation: FileOperation): void {
    const next = this.queued.shift();
    if (next === null) this.freeOperations.push(operation);
    else operation.start(next);
  }

  private end(io: BackendIo, status: IoStatus): void {
    const isFuaWrite = io.op === IO_WRITE && io.isFua;
    this.inFlight.end(io, isFuaWrite ? this.durability.statusOfFuaWrite(status) : status);
  }

  private flush(io: BackendIo): void {
    if (this.durability.isLost) this.late.end(io, IO_HARDWARE_ERROR);
    else this.flushes.submit(io);
  }

  private write(io: BackendIo): void {
    if (io.isFua && this.durability.isLost) this.late.end(io, IO_HARDWARE_ERROR);
    else this.transfer(io);
  }

  private zero(io: BackendIo): void {
    const { canUnmap } = this.capabilities;
    if (canUnmap && (io.op === IO_UNMAP || io.mayUnmap)) this.ranges.submit(io, FALLOCATE_PUNCH_HOLE);
    else if (io.lengthBytes > ZEROS_WRITTEN_BYTES_MAX && this.ranges.canZeroRange)
      this.ranges.submit(io, FALLOCATE_ZERO_RANGE);
    else this.transfer(io);
  }

  private transfer(io: BackendIo): void {
    const operation = this.freeOperations.pop();
    if (operation === undefined) this.queued.push(io);
    else operation.start(io);
  }
}

/**
 * The io_uring engine: a regular file or a block device through the ring of its reactor. What one tick submits goes to the
 * kernel in one call, and page-cached reads complete in the same. A FUA write is RWF_DSYNC; flush is fdatasync on a
 * descriptor of its own, one at a time for all that wait. With O_DIRECT the arena's registration saves pinning its pages per I/O.
 */
import { constants } from 'node:os';
import {
  RING_FDATASYNC,
  RING_PINNED,
  RING_PUNCH_HOLE,
  RING_READ,
  RING_WRITE,
  RING_WRITE_DSYNC,
  RING_WRITE_ZEROS,
  RING_ZERO_RANGE,
  RING_ZEROS_BYTES_MAX,
  type Ring,
} from '../native/ring.ts';
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
import { checkDirectAlignment } from './disk/direct-alignment.ts';
import { type CopiedDisk, DiskCopier } from './disk/disk-copier.ts';
import { LOST_WRITES_NEWS } from './disk/disk-faults.ts';
import { type DiskFile, openDiskFile } from './disk/disk-file.ts';
import { PAST_PAGE_CACHE, type PageCacheAccess, pageCacheAccess } from './disk/page-cache-access.ts';
import { Durability } from './io/durability.ts';
import { END_OF_FILE, FailureNews } from './io/failure-news.ts';
import { InFlight } from './io/in-flight.ts';
import { LateCompletion } from './io/late-completion.ts';
import { PolledPath, type PolledStore } from './io/polled-path.ts';
import type { StorageContext, StorageSpec } from './storage-spec.ts';

/** An io_uring operation that a signal or a full queue of the device turned away is started again, but not for ever. */
const RETRIES_MAX = 16;

const { EAGAIN, EINTR } = constants.errno;

/** BackendIo.token: what the io stands for in the ring. */
const RANGE_IN_RING = -1;

export interface UringContext extends StorageContext {
  /** The reactor's, opened over the arena that every BackendIo.memory is. */
  readonly ring: Ring<BackendIo>;
  /** For O_DIRECT stores whose device can be polled; null where none was asked for. */
  readonly polledRing: Ring<BackendIo> | null;
}

/** Rejects with BackendError; then nothing stays open or locked. */
export async function openUring(spec: StorageSpec, context: UringContext): Promise<UringBackend> {
  const { native, note, batch } = context;
  assert(native !== null, 'a ring comes from the addon');
  const disk = await openDiskFile(spec, context);
  try {
    const { ring } = context;
    const polledRing = spec.isDirect ? polledRingOf(disk, context) : null;
    if (spec.isDirect) {
      await checkDirectAlignment(disk, spec.blockBytes, native);
      pinArena(ring, disk, note);
      if (polledRing !== null) pinArena(polledRing, disk, note);
    }
    const access = spec.isDirect ? PAST_PAGE_CACHE : await pageCacheAccess(disk);
    const queueDepth = spec.queueDepth ?? ring.depth;
    return new UringBackend(disk, { ring, polledRing, batch, isDirect: spec.isDirect, access, queueDepth, note });
  } catch (cause) {
    await disk.close();
    throw cause;
  }
}

function pinArena(ring: Ring<BackendIo>, { path }: DiskFile, note: UringContext['note']): void {
  const reason = ring.pinArena();
  if (reason !== null) note('warn', reason, { path });
}

/** Null also where the device says that polling brings nothing: older kernels would poll it all the same, in vain. */
function polledRingOf({ path, canPoll }: DiskFile, { polledRing, note }: UringContext): Ring<BackendIo> | null {
  if (polledRing === null || canPoll !== false) return polledRing;
  note('warn', POLL_REFUSED, {
    path,
    reason: 'its device has no queue to poll (queue/io_poll in /sys/dev/block is 0)',
  });
  return null;
}

const POLL_REFUSED = 'completions of this storage are not polled';

export interface UringOptions {
  readonly ring: Ring<BackendIo>;
  /** For reads and writes of an O_DIRECT disk, until its device refuses; null: `ring`. */
  readonly polledRing: Ring<BackendIo> | null;
  readonly batch: UringContext['batch'];
  /** The disk's descriptor was opened O_DIRECT. */
  readonly isDirect: boolean;
  readonly access: PageCacheAccess;
  /** What this store has in the ring at once, at least 1; the rest waits in its queue. */
  readonly queueDepth: number;
  readonly note: UringContext['note'];
}

export class UringBackend implements Backend, CopiedDisk, PolledStore {
  capabilities: BackendCapabilities;
  sizeBytes: number;
  /** The most that was ever served: an io beyond it is a bug. */
  private reachBytes: number;
  readonly copier: DiskCopier;
  private readonly disk: DiskFile;
  private readonly fd: number;
  private readonly note: UringContext['note'];
  /** Added to every opcode that goes to `ring`. */
  private readonly fileFlags: number;
  private readonly polled: PolledPath | null;
  private readonly ring: Ring<BackendIo>;
  private readonly queueDepth: number;
  private readonly readOpcode: number;
  private readonly writeOpcode: number;
  private readonly wholeWriteOpcode: number;
  private readonly writeUnitBytes: number;
  private readonly dsyncOpcode: number;
  private readonly durability: Durability;
  private readonly failures: FailureNews;
  private readonly inFlight = new InFlight();
  private readonly late: LateCompletion;
  private readonly queued = new RingQueue<BackendIo>(256);
  private readonly flushes = new RingQueue<BackendIo>(64);
  /** How many of `flushes` the fdatasync in the ring serves; 0 when there is none. */
  private servedFlushes = 0;
  private inRing = 0;
  /** Of these fallocate(2), which holds the file's lock for as long as it takes: no thread of ours may wait for it. */
  private rangesInRing = 0;
  private isWaiting = false;
  /** False once the file system has shown that it has no FALLOC_FL_ZERO_RANGE (tmpfs, NFS, btrfs). */
  private canZeroRange = true;
  private closing: Promise<void> | null = null;

  /** Takes `disk` over. */
  constructor(disk: DiskFile, options: UringOptions) {
    const { ring, polledRing, batch, isDirect, access, queueDepth, note } = options;
    this.disk = disk;
    this.fd = disk.fd;
    this.note = note;
    this.durability = new Durability(() => note('error', LOST_WRITES_NEWS, { path: disk.path }));
    this.failures = new FailureNews(note, disk.path);
    this.fileFlags = ring.registerFile(disk.fd);
    this.sizeBytes = disk.sizeBytes;
    this.reachBytes = disk.sizeBytes;
    this.ring = ring;
    this.queueDepth = Math.min(queueDepth, ring.depth);
    this.copier = new DiskCopier(disk, this.inFlight);
    this.polled =
      polledRing === null ? null : new PolledPath(polledRing, this, disk.fd, () => this.onPollingOver(access.engine));
    const pinned = isDirect ? RING_PINNED : 0;
    this.readOpcode = RING_READ | pinned | access.readFlags;
    this.writeOpcode = RING_WRITE | pinned;
    this.wholeWriteOpcode = RING_WRITE | pinned | access.writeFlags;
    this.writeUnitBytes = access.writeUnitBytes;
    this.dsyncOpcode = RING_WRITE_DSYNC | pinned;
    this.late = new LateCompletion(batch, this.inFlight);
    this.capabilities = {
      isReadOnly: disk.isReadOnly,
      canUnmap: disk.canUnmap,
      isWriteThrough: false,
      physicalBlockBytes: isDirect ? disk.transferGranularityBytes : disk.physicalBlockBytes,
      transferGranularityBytes: disk.transferGranularityBytes,
      unmapGranularityBytes: disk.unmapGranularityBytes,
      optimalIoBytes: disk.optimalIoBytes,
      canTellSpace: !disk.isBlockDevice,
      engine: polledRing === null ? access.engine : `${access.engine}, polled`,
    };
  }

  submit(io: BackendIo): void {
    assert(this.closing === null, 'nothing is submitted to a store that is being closed');
    this.inFlight.begin(io, this.reachBytes);
    io.token = 0;
    if (io.offsetBytes + io.lengthBytes > this.sizeBytes) this.late.end(io, IO_OUT_OF_RANGE);
    else if (io.op === IO_READ) this.transfer(io);
    else if (this.capabilities.isReadOnly) this.late.end(io, io.op === IO_FLUSH ? IO_OK : IO_WRITE_PROTECTED);
    else if (io.op === IO_FLUSH) this.flush(io);
    else if (io.op === IO_WRITE) this.write(io);
    else this.enqueue(io);
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
    this.closing ??= this.inFlight.idle().then(() => {
      this.leaveRing();
      return this.disk.close(this.durability.isLost);
    });
    return this.closing;
  }

  onRingDone(io: BackendIo, result: number): void {
    this.inRing -= 1;
    if (io.op === IO_FLUSH) this.endFlush(result);
    else if (io.token === RANGE_IN_RING) this.endRange(io, result);
    else this.endTransfer(io, result);
    if (this.queued.length > 0) this.startQueued();
  }

  onPollRefused(io: BackendIo): void {
    this.inRing -= 1;
    this.enqueue(io);
    if (this.queued.length > 0) this.startQueued();
  }

  onRingRoom(): void {
    this.isWaiting = false;
    this.startQueued();
  }

  private leaveRing(): void {
    for (const reason of [this.ring.unregisterFile(this.fileFlags), this.polled?.leave() ?? null]) {
      if (reason !== null) this.note('warn', reason, { path: this.disk.path });
    }
  }

  private onPollingOver(engine: string): void {
    this.capabilities = { ...this.capabilities, engine };
    this.note('warn', POLL_REFUSED, {
      path: this.disk.path,
      reason: 'its device or its file system cannot (EOPNOTSUPP)',
    });
  }

  private write(io: BackendIo): void {
    if (io.isFua && this.durability.isLost) this.late.end(io, IO_HARDWARE_ERROR);
    else this.transfer(io);
  }

  private transfer(io: BackendIo): void {
    assert(io.memory === this.ring.memory, 'the ring reads and writes its arena alone');
    this.enqueue(io);
  }

  /** Starts `io` where there is room and nothing older waits for it. */
  private enqueue(io: BackendIo): void {
    if (this.queued.length === 0 && this.hasRoom) this.start(io);
    else {
      this.queued.push(io);
      this.waitWhenFull();
    }
  }

  private get hasRoom(): boolean {
    return this.inRing < this.queueDepth && this.fullRing === null;
  }

  /** The ring that the oldest of the queue may need and that has no room; null: there is room. */
  private get fullRing(): Ring<BackendIo> | null {
    const { ring, polled } = this;
    if (!ring.hasRoom) return ring;
    return polled === null || !polled.isOpen || polled.ring.hasRoom ? null : polled.ring;
  }

  private startQueued(): void {
    while (this.queued.length > 0 && this.hasRoom) this.start(this.queued.shift() as BackendIo);
    if (this.queued.length > 0) this.waitWhenFull();
  }

  /** Our own completions go on with the queue; the ring's room, held by others, has to be waited for. */
  private waitWhenFull(): void {
    const full = this.fullRing;
    if (this.isWaiting || full === null) return;
    this.isWaiting = true;
    full.waitForRoom(this);
  }

  private start(io: BackendIo): void {
    this.inRing += 1;
    if (io.op === IO_READ) this.startTransfer(io, this.readOpcode);
    else if (io.op === IO_WRITE) this.startTransfer(io, this.writeOpcodeOf(io));
    else if (io.op === IO_FLUSH) this.ring.start(this, io, RING_FDATASYNC, this.disk.flushFd, 0, 0, 0);
    else this.startZeros(io);
  }

  private writeOpcodeOf(io: BackendIo): number {
    if (io.isFua) return this.dsyncOpcode;
    const unit = this.writeUnitBytes;
    if (this.rangesInRing > 0) return this.writeOpcode;
    const isWhole = io.doneBytes === 0 && io.offsetBytes % unit === 0 && io.lengthBytes % unit === 0;
    return isWhole ? this.wholeWriteOpcode : this.writeOpcode;
  }

  private startTransfer(io: BackendIo, opcode: number): void {
    const { doneBytes } = io;
    const leftBytes = io.lengthBytes - doneBytes;
    const offsetBytes = io.offsetBytes + doneBytes;
    const memoryOffset = io.memoryOffset + doneBytes;
    const { polled } = this;
    // One that a full queue turned away goes where the kernel waits for room.
    if (polled?.isOpen && io.token === 0) polled.start(io, opcode, leftBytes, offsetBytes, memoryOffset);
    else this.ring.start(this, io, opcode | this.fileFlags, this.fd, leftBytes, offsetBytes, memoryOffset);
  }

  private startZeros(io: BackendIo): void {
    const range = io.token === 0 && io.doneBytes === 0 ? this.rangeOpcode(io) : 0;
    if (range !== 0) {
      io.token = RANGE_IN_RING;
      this.rangesInRing += 1;
      this.ring.start(this, io, range | this.fileFlags, this.fd, 0, io.offsetBytes, io.lengthBytes);
      return;
    }
    const leftBytes = Math.min(io.lengthBytes - io.doneBytes, RING_ZEROS_BYTES_MAX);
    const opcode = RING_WRITE_ZEROS | this.fileFlags;
    this.ring.start(this, io, opcode, this.fd, leftBytes, io.offsetBytes + io.doneBytes, 0);
  }

  /** 0: zeros are written, which for a short range is also cheaper than changing extents. */
  private rangeOpcode(io: BackendIo): number {
    if (this.capabilities.canUnmap && (io.op === IO_UNMAP || io.mayUnmap)) return RING_PUNCH_HOLE;
    return io.lengthBytes > RING_ZEROS_BYTES_MAX && this.canZeroRange ? RING_ZERO_RANGE : 0;
  }

  private endTransfer(io: BackendIo, result: number): void {
    if (result > 0) {
      io.doneBytes += result;
      if (io.doneBytes === io.lengthBytes) this.end(io, IO_OK);
      else this.enqueue(io); // a short read or write goes on where it stopped
    } else if (result === 0) {
      this.end(io, this.failures.statusOf(io, END_OF_FILE));
    } else if ((result === -EINTR || result === -EAGAIN) && io.token < RETRIES_MAX) {
      io.token += 1;
      this.enqueue(io);
    } else {
      this.end(io, this.failures.statusOf(io, result));
    }
  }

  /** The range may have changed in part: writing zeros over it is what is left, and gives the honest error. */
  private endRange(io: BackendIo, result: number): void {
    this.rangesInRing -= 1;
    if (result === 0) {
      this.end(io, IO_OK);
      return;
    }
    if (this.rangeOpcode(io) === RING_ZERO_RANGE) this.canZeroRange = false;
    io.token = 1;
    this.enqueue(io);
  }

  private end(io: BackendIo, status: IoStatus): void {
    const isFuaWrite = io.op === IO_WRITE && io.isFua;
    this.inFlight.end(io, isFuaWrite ? this.durability.statusOfFuaWrite(status) : status);
  }

  /** Flushes that come while one is at work are served together by the next, which begins after their submission. */
  private flush(io: BackendIo): void {
    if (this.durability.isLost) {
      this.late.end(io, IO_HARDWARE_ERROR);
      return;
    }
    this.flushes.push(io);
    if (this.servedFlushes === 0) this.startFlush();
  }

  private startFlush(): void {
    this.servedFlushes = this.flushes.length;
    this.enqueue(this.flushes.peek() as BackendIo);
  }

  private endFlush(result: number): void {
    const status = this.durability.statusOfFlush(result);
    // What an owner submits from here joins the next fdatasync: servedFlushes stays above 0 until all are told.
    for (let count = this.servedFlushes; count > 0; count--) {
      this.inFlight.end(this.flushes.shift() as BackendIo, status);
    }
    this.servedFlushes = 0;
    if (this.flushes.length > 0) this.startFlush();
  }
}

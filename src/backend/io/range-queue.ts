/**
 * Makes ranges of a file zeros by fallocate(2): a hole for unmap, unwritten extents for zeros that keep their space. One
 * call at a time, in order of submission: such a call may hold a thread, or start a tool, and no I/O that was completed
 * can be undone by one that is still to come. Where the file system refuses, the caller writes zeros instead.
 */
import { RingQueue } from '../../util/ring-queue.ts';
import type { BackendIo } from '../backend.ts';
import { type DiskTools, FALLOCATE_PUNCH_HOLE, FALLOCATE_ZERO_RANGE, type FallocateMode } from '../disk/disk-tools.ts';

export interface RangeOwner {
  onRangeZeroed(io: BackendIo): void;
  /** The range may have changed in part; writing zeros over it is what is left, and gives the honest error. */
  onRangeRefused(io: BackendIo): void;
}

export class RangeQueue {
  private readonly fd: number;
  private readonly tools: DiskTools;
  private readonly owner: RangeOwner;
  private readonly waiting = new RingQueue<BackendIo>(64);
  private isRunning = false;
  private hasZeroRange = true;
  private readonly onFallocated: (errno: number) => void;

  constructor(fd: number, tools: DiskTools, owner: RangeOwner) {
    this.fd = fd;
    this.tools = tools;
    this.owner = owner;
    this.onFallocated = (errno) => this.end(errno);
  }

  /** False once the file system has shown that it has no FALLOC_FL_ZERO_RANGE (tmpfs, NFS, btrfs). */
  get canZeroRange(): boolean {
    return this.hasZeroRange;
  }

  /** Takes the range of `io` until one of the owner's two methods; the I/O's token is this queue's. */
  submit(io: BackendIo, mode: FallocateMode): void {
    io.token = mode;
    this.waiting.push(io);
    if (!this.isRunning) this.start(io);
  }

  private start(io: BackendIo): void {
    this.isRunning = true;
    const mode = io.token === FALLOCATE_PUNCH_HOLE ? FALLOCATE_PUNCH_HOLE : FALLOCATE_ZERO_RANGE;
    this.tools.fallocate(this.fd, mode, io.offsetBytes, io.lengthBytes, this.onFallocated);
  }

  private end(errno: number): void {
    const io = this.waiting.shift() as BackendIo;
    if (errno !== 0 && io.token === FALLOCATE_ZERO_RANGE) this.hasZeroRange = false;
    this.isRunning = false;
    const next = this.waiting.peek();
    if (next !== null) this.start(next);
    if (errno === 0) this.owner.onRangeZeroed(io);
    else this.owner.onRangeRefused(io);
  }
}

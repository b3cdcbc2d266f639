/**
 * One io_uring for all stores of a reactor. A store starts I/O, which costs a few stores into shared memory; the batch at the
 * end of the tick submits all of it with one call, which also reaps what is complete by then (page-cached reads are). What
 * completes later wakes the event loop once per batch.
 *
 * Tokens bound what is in flight by the ring's depth: who finds no room waits for onRingRoom, and nothing is refused.
 */
import { constants } from 'node:os';
import { assert } from '../util/assert.ts';
import { RingQueue } from '../util/ring-queue.ts';
import type { BatchMember, TickBatch } from '../util/tick-batch.ts';
import type { NativeAddon, NativeArena, NativeRing, NativeRingFeatures } from './native-addon.ts';
import { RING_LAYOUT } from './ring-layout.ts';

/** What a submission asks for; the arguments of Ring.start say the rest. */
export const RING_READ = RING_LAYOUT.opRead;
export const RING_WRITE = RING_LAYOUT.opWrite;
/** Stable when it completes (RWF_DSYNC). */
export const RING_WRITE_DSYNC = RING_LAYOUT.opWriteDsync;
/** Added to the three above on an O_DIRECT descriptor; see Ring.pinArena. */
export const RING_PINNED = RING_LAYOUT.pinnedFlag;
/** Added to RING_READ and RING_WRITE of a page cache: done at once, by the loop's own thread, when that does not wait. */
export const RING_INLINE = RING_LAYOUT.inlineFlag;
/** Added to both for writes to a file system without RWF_NOWAIT; see native/inline_io.h. */
export const RING_MAY_WAIT = RING_LAYOUT.mayWaitFlag;
export const RING_FSYNC = RING_LAYOUT.opFsync;
export const RING_FDATASYNC = RING_LAYOUT.opFdatasync;
export const RING_PUNCH_HOLE = RING_LAYOUT.opPunchHole;
export const RING_ZERO_RANGE = RING_LAYOUT.opZeroRange;
export const RING_WRITE_ZEROS = RING_LAYOUT.opWriteZeros;
export const RING_CANCEL = RING_LAYOUT.opCancel;
/** Stands in the flags of Ring.registerFile. */
export const RING_FIXED_FILE = RING_LAYOUT.fixedFileFlag;

/** The most that one RING_WRITE_ZEROS writes. */
export const RING_ZEROS_BYTES_MAX = RING_LAYOUT.zeroRegionBytes;
export const RING_DEPTH_MAX = RING_LAYOUT.depthMax;
export const RING_DEPTH_DEFAULT = 1024;

/** Who starts I/O on a ring. `Item` is what it wants back with the result. */
export interface RingOwner<Item> {
  /** @param result bytes done, or a negative errno */
  onRingDone(item: Item, result: number): void;
  /** Room has come back after waitForRoom. */
  onRingRoom(): void;
}

export interface RingOptions {
  readonly native: NativeAddon;
  /** All reads and writes go to and from its memory. */
  readonly arena: NativeArena;
  readonly batch: TickBatch;
  /** 1 to RING_DEPTH_MAX. */
  readonly depth: number;
  /** Use only what Linux 5.1 has; for tests. */
  readonly baseOpsOnly?: boolean;
  /** See RingOpenOptions. */
  readonly sqPollIdleMs?: number;
  readonly isPolled?: boolean;
}

export interface RingOpening<Item> {
  readonly ring: Ring<Item> | null;
  /** Why there is no ring, a sentence without a full stop; null when there is one. */
  readonly reason: string | null;
  /** Why a submission thread that was asked for is not there; null when it is, or was not asked for. */
  readonly refusal: string | null;
}

/** Opens a ring. A kernel that has none, or forbids it, is an answer and no exception: node:fs does the work then. */
export function openRing<Item>(options: RingOptions): RingOpening<Item> {
  const { native, arena, depth, baseOpsOnly = false, sqPollIdleMs = 0, isPolled = false } = options;
  let ring: Ring<Item> | null = null;
  const opened = native.openRing(arena, { depth, baseOpsOnly, sqPollIdleMs, isPolled }, (count) =>
    ring?.deliver(count),
  );
  if (typeof opened === 'number') return { ring: null, reason: reasonOfErrno(-opened), refusal: null };
  ring = new Ring<Item>(opened, arena.memory, options.batch);
  return { ring, reason: null, refusal: sqPollRefusal(-opened.features.sqPollRefusal) };
}

const { EAGAIN, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } = constants.errno;

/** What io_uring_setup(2) fails with. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [ENOSYS, 'the kernel has no io_uring (it is older than 5.1, built without, or a seccomp profile hides it)'],
  [EPERM, 'io_uring is forbidden (kernel.io_uring_disabled, or a seccomp profile as containers have it)'],
  [ENOMEM, 'there is not enough locked memory for io_uring (ulimit -l)'],
  [EAGAIN, 'there is not enough memory for io_uring'],
  [EINVAL, `io_uring takes a queue depth of 1 to ${RING_DEPTH_MAX}`],
  [EMFILE, 'this process has no file descriptor left (ulimit -n)'],
  [ENFILE, 'the system has no file descriptor left'],
]);

function reasonOfErrno(errno: number): string {
  return REASONS.get(errno) ?? `io_uring cannot be set up (errno ${errno})`;
}

function sqPollRefusal(errno: number): string | null {
  if (errno === 0) return null;
  const why = SQ_POLL_REFUSALS.get(errno) ?? `errno ${errno}`;
  return `no thread of the kernel takes the submissions of io_uring (performance.sqPollIdleMs): ${why}`;
}

const SQ_POLL_REFUSALS: ReadonlyMap<number, string> = new Map([
  [ENOSYS, 'it is older than 5.11'],
  [EPERM, 'before 5.13 that takes CAP_SYS_NICE'],
]);

const SUBMISSION_WORDS = RING_LAYOUT.submissionBytes / 4;
const SUBMISSION_DOUBLES = RING_LAYOUT.submissionBytes / 8;
const OPCODE = RING_LAYOUT.submissionOpcode / 4;
const FD = RING_LAYOUT.submissionFd / 4;
const LENGTH = RING_LAYOUT.submissionLength / 4;
const TOKEN = RING_LAYOUT.submissionToken / 4;
const OFFSET = RING_LAYOUT.submissionOffset / 8;
const ARGUMENT = RING_LAYOUT.submissionArgument / 8;
const COMPLETION_WORDS = RING_LAYOUT.completionBytes / 4;
const COMPLETED_TOKEN = RING_LAYOUT.completionToken / 4;
const COMPLETED_RESULT = RING_LAYOUT.completionResult / 4;

export class Ring<Item> implements BatchMember {
  isMarked = false;
  /** Where reads and writes find their data: the arena given at open. */
  readonly memory: Buffer;
  /** What may be in flight at once; at least what was asked for, unless locked memory was short. */
  readonly depth: number;
  readonly features: NativeRingFeatures;
  /** Since pinArena() succeeded. */
  isArenaPinned = false;
  private readonly native: NativeRing;
  private readonly batch: TickBatch;
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly completions: Int32Array;
  private readonly items: (Item | null)[];
  private readonly owners: (RingOwner<Item> | null)[];
  private readonly freeTokens: Int32Array;
  private freeCount: number;
  private preparedCount = 0;
  private readonly waiters = new RingQueue<RingOwner<Item>>(16);
  private isDelivering = false;

  /** See openRing. */
  constructor(native: NativeRing, memory: Buffer, batch: TickBatch) {
    const { depth } = native;
    this.native = native;
    this.memory = memory;
    this.batch = batch;
    this.depth = depth;
    this.features = native.features;
    this.words = new Int32Array(native.submissions);
    this.doubles = new Float64Array(native.submissions);
    this.completions = new Int32Array(native.completions);
    this.items = new Array<Item | null>(depth).fill(null);
    this.owners = new Array<RingOwner<Item> | null>(depth).fill(null);
    this.freeTokens = new Int32Array(depth).map((_, index) => depth - 1 - index);
    this.freeCount = depth;
  }

  /** Whether start() may be called. */
  get hasRoom(): boolean {
    return this.freeCount > 0;
  }

  /** Started and not yet given back. */
  get inFlight(): number {
    return this.depth - this.freeCount;
  }

  /**
   * Starts one I/O; owner.onRingDone comes later, never before this returns.
   * @param lengthBytes of reads and writes; else 0
   * @param offsetBytes from the start of the file
   * @param argument where in `memory` for reads and writes; bytes from the offset for fsync (0: the whole file),
   *   punch hole and zero range; the token for cancel
   * @returns the token that RING_CANCEL takes, good until onRingDone
   */
  start(
    owner: RingOwner<Item>,
    item: Item,
    opcode: number,
    fd: number,
    lengthBytes: number,
    offsetBytes: number,
    argument: number,
  ): number {
    assert(this.freeCount > 0, 'I/O is started only where the ring has room');
    this.freeCount -= 1;
    const token = this.freeTokens[this.freeCount]!;
    this.items[token] = item;
    this.owners[token] = owner;
    const { words, doubles, preparedCount } = this;
    const word = preparedCount * SUBMISSION_WORDS;
    words[word + OPCODE] = opcode;
    words[word + FD] = fd;
    words[word + LENGTH] = lengthBytes;
    words[word + TOKEN] = token;
    const double = preparedCount * SUBMISSION_DOUBLES;
    doubles[double + OFFSET] = offsetBytes;
    doubles[double + ARGUMENT] = argument;
    this.preparedCount = preparedCount + 1;
    if (!this.isMarked) this.batch.markStore(this);
    return token;
  }

  /** Queues `owner` for one onRingRoom; it may stand in the queue once. */
  waitForRoom(owner: RingOwner<Item>): void {
    this.waiters.push(owner);
  }

  /**
   * Registers the arena for submissions with RING_PINNED, which saves O_DIRECT I/O the pinning of its pages. It pins all of
   * it, touched or not: only the first O_DIRECT store asks for it.
   * @returns why it cannot be had (such I/O works without, more slowly), null when it is there
   */
  pinArena(): string | null {
    const result = this.native.registerArena();
    this.isArenaPinned = result === 0;
    if (result === 0) return null;
    if (result === -ENOMEM) return 'the arena is not pinned: the limit of locked memory is too small (ulimit -l)';
    return `the arena is not pinned (errno ${-result})`;
  }

  /**
   * Makes the file known to the ring, so that an I/O need not look `fd` up. The kernel holds it until unregisterFile.
   * @returns flags to add to the opcode of whatever works on `fd`; 0 where there is no place, and all works without
   */
  registerFile(fd: number): number {
    const index = this.native.registerFile(fd);
    return index < 0 ? 0 : RING_FIXED_FILE | (index << RING_LAYOUT.fileIndexShift);
  }

  /**
   * Gives up what registerFile answered with `flags`: nothing with them is in flight any more, and the descriptor is not
   * closed yet.
   * @returns why the kernel keeps the file open, null when it does not
   */
  unregisterFile(flags: number): string | null {
    if (flags === 0) return null;
    const result = this.native.unregisterFile(flags >>> RING_LAYOUT.fileIndexShift);
    return result === 0 ? null : `io_uring does not give up a registered file (errno ${-result})`;
  }

  flushBatch(): void {
    assert(!this.isDelivering, 'completions are not overwritten while they are delivered');
    const count = this.preparedCount;
    this.preparedCount = 0;
    this.deliver(this.native.enter(count));
  }

  /** Gives the first `count` completions back to their owners. Called by flushBatch and, through openRing, by the loop. */
  deliver(count: number): void {
    assert(count >= 0, `io_uring works while it is open (errno ${-count})`);
    const { completions, items, owners } = this;
    this.isDelivering = true;
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_WORDS;
      const token = completions[at + COMPLETED_TOKEN]!;
      const item = items[token] as Item;
      const owner = owners[token];
      assert(owner !== null && owner !== undefined, 'a completion belongs to an I/O that was started');
      items[token] = null;
      owners[token] = null;
      this.freeTokens[this.freeCount] = token;
      this.freeCount += 1;
      owner.onRingDone(item, completions[at + COMPLETED_RESULT]!);
    }
    this.isDelivering = false;
    if (this.waiters.length > 0) this.giveRoom();
  }

  /** Cancels and waits for what is in flight, which is then forgotten: close the stores first. */
  close(): void {
    this.native.close();
  }

  /** Who finds room used up again goes to the end of the queue: stores take turns. */
  private giveRoom(): void {
    for (let turns = this.waiters.length; turns > 0 && this.freeCount > 0; turns--) {
      this.waiters.shift()?.onRingRoom();
    }
  }
}

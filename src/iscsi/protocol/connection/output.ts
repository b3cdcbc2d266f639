/**
 * What one connection has to say in this tick. Small PDUs are laid one behind the other into header blocks, Data-In
 * payload stays in its slot, and the whole tick leaves as one batch of pieces, so that the socket is written once.
 * A batch owns the blocks and slots its pieces lie in until the transport reports that it was written.
 */
import { assert } from '../../../util/assert.ts';
import type { Seal } from '../../codec/digest.ts';

/** Holds the headers of up to 80 PDUs; what does not fit goes into the next block. */
const HEADER_BLOCK_BYTES = 4096;
/** Free blocks kept for reuse by one reactor; more are only alive while they are in flight. */
const FREE_BLOCKS_MAX = 1024;
/** The memory that an OutputStore is given. */
export const HEADER_BLOCKS_BYTES = FREE_BLOCKS_MAX * HEADER_BLOCK_BYTES;
const FREE_BATCHES_MAX = 256;
/**
 * Pieces, or digests, or owners, that a batch may have had to be kept for reuse: 32 transfers of 256 KiB in Data-In PDUs of 8 KiB.
 * A peer that takes 512 bytes at a time makes some that are many times larger, and 256 of those would fill the heap for good.
 */
export const BATCH_ENTRIES_KEPT_MAX = 2048;

export interface Releasable {
  release(): void;
}

/** Memory for PDUs without a slot of their own: memory[start, end). */
export class HeaderBlock implements Releasable {
  readonly memory: Buffer;
  /** Of all of `memory`. */
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  /** Where the next PDU goes. */
  fill: number;
  private readonly store: OutputStore;

  constructor(store: OutputStore, memory: Buffer, view: DataView, start: number) {
    this.store = store;
    this.memory = memory;
    this.view = view;
    this.start = start;
    this.end = start + HEADER_BLOCK_BYTES;
    this.fill = start;
  }

  release(): void {
    this.store.giveBackBlock(this);
  }
}

/** Pieces to be written in order, and whose memory they are. */
export class OutputBatch {
  // The arrays keep their length and are overwritten: setting it to 0 would have them grow anew in every tick.
  readonly memories: Buffer[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  pieceCount = 0;
  /** What digests are to be written of, and behind, before it is sent. */
  private readonly unsealedMemories: Buffer[] = [];
  private readonly unsealedStarts: number[] = [];
  private readonly unsealedEnds: number[] = [];
  private unsealedCount = 0;
  readonly owned: (Releasable | null)[] = [];
  ownedCount = 0;
  /** Bytes that do not lie in slots. */
  ownBytes = 0;

  /** It was large once, and so are its arrays. */
  get isOutsized(): boolean {
    const { memories, unsealedMemories, owned } = this;
    return Math.max(memories.length, unsealedMemories.length, owned.length) > BATCH_ENTRIES_KEPT_MAX;
  }

  addPiece(memory: Buffer, start: number, end: number): void {
    const index = this.pieceCount++;
    this.memories[index] = memory;
    this.starts[index] = start;
    this.ends[index] = end;
  }

  addUnsealed(memory: Buffer, start: number, end: number): void {
    const index = this.unsealedCount++;
    this.unsealedMemories[index] = memory;
    this.unsealedStarts[index] = start;
    this.unsealedEnds[index] = end;
  }

  /** Writes the digests that are still missing. */
  sealWith(seal: Seal): void {
    if (this.unsealedCount === 0) return;
    seal(this.unsealedMemories, this.unsealedStarts, this.unsealedEnds, this.unsealedCount);
    this.forgetUnsealed();
  }

  own(memory: Releasable): void {
    this.owned[this.ownedCount++] = memory;
  }

  /** Gives back what it owns and keeps nothing alive. */
  clear(): void {
    for (let i = 0; i < this.ownedCount; i++) {
      (this.owned[i] as Releasable).release();
      this.owned[i] = null;
    }
    for (let i = 0; i < this.pieceCount; i++) this.memories[i] = NOTHING;
    this.forgetUnsealed();
    this.ownedCount = 0;
    this.pieceCount = 0;
    this.ownBytes = 0;
  }

  private forgetUnsealed(): void {
    for (let i = 0; i < this.unsealedCount; i++) this.unsealedMemories[i] = NOTHING;
    this.unsealedCount = 0;
  }
}

/** The free header blocks and batches of one reactor. */
export class OutputStore {
  private readonly blocks: HeaderBlock[] = [];
  private readonly batches: OutputBatch[] = [];
  /** Where connections that are gone still write to; nobody sends it. */
  readonly scratch: HeaderBlock;

  readonly seal: Seal;

  /** @param memory of which HEADER_BLOCKS_BYTES from `start` on are cut into blocks, to be used first; null: none */
  constructor(seal: Seal, memory: Buffer | null = null, start = 0) {
    this.seal = seal;
    this.scratch = this.newBlock();
    if (memory === null) return;
    const view = viewOf(memory);
    for (let i = FREE_BLOCKS_MAX - 1; i >= 0; i--) {
      this.blocks.push(new HeaderBlock(this, memory, view, start + i * HEADER_BLOCK_BYTES));
    }
  }

  takeBlock(): HeaderBlock {
    return this.blocks.pop() ?? this.newBlock();
  }

  giveBackBlock(block: HeaderBlock): void {
    block.fill = block.start;
    if (this.blocks.length < FREE_BLOCKS_MAX) this.blocks.push(block);
  }

  takeBatch(): OutputBatch {
    return this.batches.pop() ?? new OutputBatch();
  }

  giveBackBatch(batch: OutputBatch): void {
    batch.clear();
    if (this.batches.length < FREE_BATCHES_MAX && !batch.isOutsized) this.batches.push(batch);
  }

  private newBlock(): HeaderBlock {
    const memory = Buffer.alloc(HEADER_BLOCK_BYTES);
    return new HeaderBlock(this, memory, viewOf(memory), 0);
  }
}

/** The batch that one connection is filling. */
export class Output {
  /** Bytes outside of slots that are queued here or with the transport and not yet reported as written. */
  pendingBytes = 0;
  /** Batches that the transport has not written. */
  unsentCount = 0;
  /** Where the last reserve() may write. */
  memory: Buffer;
  view: DataView;
  private readonly store: OutputStore;
  /** The block that is being filled; the batch owns it. Null between ticks: an idle connection holds none. */
  private block: HeaderBlock | null = null;
  private batch: OutputBatch;
  private isClosed = false;

  constructor(store: OutputStore) {
    this.store = store;
    this.batch = store.takeBatch();
    this.memory = store.scratch.memory;
    this.view = store.scratch.view;
  }

  get isEmpty(): boolean {
    return this.batch.pieceCount === 0;
  }

  /**
   * Room for `bytes` (at most HEADER_BLOCK_BYTES) at the returned offset of this.memory and this.view, which are part of
   * the batch from here: the caller writes every byte of it now.
   */
  reserve(bytes: number): number {
    assert(bytes <= HEADER_BLOCK_BYTES, 'a header block holds the PDU');
    if (this.isClosed) return 0;
    let { block } = this;
    if (block === null || block.fill + bytes > block.end) block = this.nextBlock();
    const offset = block.fill;
    block.fill += bytes;
    this.piece(block.memory, offset, offset + bytes);
    return offset;
  }

  /** Appends memory[start, end), which the caller leaves alone from here and the garbage collector frees. */
  piece(memory: Buffer, start: number, end: number): void {
    if (this.isClosed) return;
    this.batch.ownBytes += end - start;
    this.pendingBytes += end - start;
    this.slotPiece(memory, start, end);
  }

  /** Appends memory[start, end) of a slot, which is handed over with own(). */
  slotPiece(memory: Buffer, start: number, end: number): void {
    if (this.isClosed) return;
    const { batch } = this;
    const last = batch.pieceCount - 1;
    if (last >= 0 && batch.memories[last] === memory && batch.ends[last] === start) {
      batch.ends[last] = end;
      return;
    }
    batch.addPiece(memory, start, end);
  }

  /** Four bytes at `end`, part of a piece of this batch, become the digest of memory[start, end) as it is at the end of the tick. */
  digestBehind(memory: Buffer, start: number, end: number): void {
    if (!this.isClosed) this.batch.addUnsealed(memory, start, end);
  }

  /** The batch releases `memory` once it is written. */
  own(memory: Releasable): void {
    if (this.isClosed) memory.release();
    else this.batch.own(memory);
  }

  /** Hands the batch over for writing and starts the next one. */
  take(): OutputBatch {
    const batch = this.batch;
    this.unsentCount += 1;
    batch.sealWith(this.store.seal);
    this.batch = this.store.takeBatch();
    this.block = null;
    return batch;
  }

  /** `batch` was written, or never will be: its memory goes back. */
  finish(batch: OutputBatch): void {
    this.unsentCount -= 1;
    this.pendingBytes -= batch.ownBytes;
    this.store.giveBackBatch(batch);
  }

  /** The connection is gone: what was never handed over goes back. */
  close(): void {
    this.isClosed = true;
    this.block = null;
    this.pendingBytes -= this.batch.ownBytes;
    this.store.giveBackBatch(this.batch);
    this.memory = this.store.scratch.memory;
    this.view = this.store.scratch.view;
  }

  private nextBlock(): HeaderBlock {
    const block = this.store.takeBlock();
    this.block = block;
    this.batch.own(block);
    this.memory = block.memory;
    this.view = block.view;
    return block;
  }
}

function viewOf(memory: Buffer): DataView {
  return new DataView(memory.buffer, memory.byteOffset, memory.length);
}

const NOTHING = Buffer.alloc(0);

/**
 * What a disk may hold while several initiators write to it at once. Every block that is written tells which write it came
 * from; a read may see a write unless another one, that began after it had ended and was good, has ended before the read
 * began. That is all that SCSI promises for overlapping commands, and enough to catch what is lost, stale or misplaced.
 */
import { BLOCK_BYTES } from './simulated-target.ts';

/** The second word of every pair in a block that WRITE SAME has written. */
const ANYWHERE = 0xffffffff;
const FOREVER = Number.POSITIVE_INFINITY;

export type WriteKind = 'data' | 'same' | 'zeros';
/** 'void': it has had no effect. 'unknown': it may have had any part of its effect, and has no more from now on. */
export type WriteOutcome = 'good' | 'void' | 'unknown';

export interface ModelWrite {
  readonly id: number;
  readonly kind: WriteKind;
  readonly startedAt: number;
  endedAt: number;
  outcome: WriteOutcome | null;
}

const NEVER_WRITTEN: ModelWrite = { id: 0, kind: 'zeros', startedAt: -2, endedAt: -1, outcome: 'good' };

export class DiskModel {
  private now = 0;
  private lastId = 0;
  private readonly blocks: ModelWrite[][];

  constructor(blockCount: number) {
    this.blocks = Array.from({ length: blockCount }, () => [NEVER_WRITTEN]);
  }

  beginWrite(kind: WriteKind, lba: number, count: number): ModelWrite {
    this.lastId += 1;
    const write: ModelWrite = { id: this.lastId, kind, startedAt: this.tick(), endedAt: FOREVER, outcome: null };
    for (let i = lba; i < lba + count; i++) this.blocks[i]!.push(write);
    return write;
  }

  /** @param outcome null: nobody knows, and its effect may still come until endWrite() is called again */
  endWrite(write: ModelWrite, outcome: WriteOutcome | null): void {
    write.outcome = outcome;
    if (outcome !== null) write.endedAt = this.tick();
  }

  /** The moment from which a read sees the disk. */
  tick(): number {
    this.now += 1;
    return this.now;
  }

  /** Null when the blocks of `data`, read since `readFrom`, may be what they are, else what is wrong. */
  fault(lba: number, data: Buffer, readFrom: number): string | null {
    for (let i = 0; i * BLOCK_BYTES < data.length; i++) {
      const block = data.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      const seen = this.seen(lba + i, block);
      if (seen === null)
        return `block ${lba + i} holds what nobody wrote there: ${block.subarray(0, 16).toString('hex')}`;
      if (!seen.some((write) => this.mayBeSeen(lba + i, write, readFrom))) {
        return `block ${lba + i} holds write ${seen[0]?.id}, which is gone`;
      }
    }
    return null;
  }

  /** The store is at rest: checks all of it, and keeps of each block only what it holds. */
  settle(bytes: Buffer): string | null {
    const now = this.tick();
    const fault = this.fault(0, bytes.subarray(0, this.blocks.length * BLOCK_BYTES), now);
    if (fault !== null) return fault;
    this.blocks.forEach((writes, lba) => {
      const [held] = this.seen(lba, bytes.subarray(lba * BLOCK_BYTES, (lba + 1) * BLOCK_BYTES))!;
      writes.length = 0;
      writes.push({ ...held!, startedAt: now, endedAt: now, outcome: 'good' });
    });
    return null;
  }

  /** Every write to this block that would look like `block`, null when none would. */
  private seen(lba: number, block: Buffer): readonly ModelWrite[] | null {
    const id = block.readUInt32BE(0);
    const place = block.readUInt32BE(4);
    for (let at = 8; at < BLOCK_BYTES; at += 8) {
      if (block.readUInt32BE(at) !== id || block.readUInt32BE(at + 4) !== place) return null;
    }
    const writes = this.blocks[lba]!.filter((write) => {
      if (write.kind === 'zeros') return id === 0 && place === 0;
      return write.id === id && place === (write.kind === 'same' ? ANYWHERE : lba);
    });
    return writes.length === 0 ? null : writes;
  }

  private mayBeSeen(lba: number, write: ModelWrite, readFrom: number): boolean {
    if (write.outcome === 'void') return false;
    return !this.blocks[lba]!.some(
      (later) => later.outcome === 'good' && later.startedAt > write.endedAt && later.endedAt < readFrom,
    );
  }
}

/** The data of a write: what each of its blocks will hold. */
export function stamp({ id, kind }: ModelWrite, lba: number, count: number): Buffer {
  const data = Buffer.alloc(count * BLOCK_BYTES);
  for (let at = 0; at < data.length; at += 8) {
    data.writeUInt32BE(id, at);
    data.writeUInt32BE(kind === 'same' ? ANYWHERE : lba + Math.floor(at / BLOCK_BYTES), at + 4);
  }
  return data;
}

/**
 * What a disk with a volatile cache holds: of each sector the durable content, and every content that was written since the
 * last flush. A loss of power leaves any one of them, for each sector by itself.
 */
import type { SeededRandom } from '../random.ts';

const SECTOR_BYTES = 512;

export class VolatileBytes {
  private durable: Buffer;
  /** By sector: what was written since the last flush, oldest first. */
  private readonly unflushed = new Map<number, Buffer[]>();

  constructor(durable: Buffer) {
    this.durable = Buffer.from(durable);
  }

  /** @param offsetBytes, bytes whole sectors; the last may be short at the end of a file */
  write(offsetBytes: number, bytes: Buffer): void {
    const end = offsetBytes + bytes.length;
    if (end > this.durable.length) this.durable = Buffer.concat([this.durable], end);
    for (let at = 0; at < bytes.length; ) {
      const sector = Math.floor((offsetBytes + at) / SECTOR_BYTES);
      const start = sector * SECTOR_BYTES;
      const content = Buffer.from(this.newest(sector));
      const skip = offsetBytes + at - start;
      const lengthBytes = Math.min(SECTOR_BYTES - skip, bytes.length - at);
      bytes.copy(content, skip, at, at + lengthBytes);
      this.unflushed.set(sector, [...(this.unflushed.get(sector) ?? []), content]);
      at += lengthBytes;
    }
  }

  flush(): void {
    for (const [sector, contents] of this.unflushed) contents.at(-1)?.copy(this.durable, sector * SECTOR_BYTES);
    this.unflushed.clear();
  }

  isDurable(offsetBytes: number, bytes: Buffer): boolean {
    const end = offsetBytes + bytes.length;
    for (const sector of this.unflushed.keys()) {
      if (sector * SECTOR_BYTES < end && (sector + 1) * SECTOR_BYTES > offsetBytes) return false;
    }
    return this.durable.subarray(offsetBytes, end).equals(bytes);
  }

  get hasUnflushed(): boolean {
    return this.unflushed.size > 0;
  }

  /** What is left when the power fails now. */
  afterPowerLoss(random: SeededRandom): Buffer {
    const left = Buffer.from(this.durable);
    for (const [sector, contents] of this.unflushed) {
      const choice = random.below(contents.length + 1);
      if (choice > 0) (contents[choice - 1] as Buffer).copy(left, sector * SECTOR_BYTES);
    }
    return left;
  }

  private newest(sector: number): Buffer {
    const newest = this.unflushed.get(sector)?.at(-1);
    if (newest !== undefined) return newest;
    const content = Buffer.alloc(SECTOR_BYTES);
    this.durable.copy(content, 0, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
    return content;
  }
}

/**
 * A store in memory that copies from others of its kind: half of the bytes at once, half when the test lets the copy go.
 */
import type { Backend, StoreCopyRange } from '../../../../src/backend/backend.ts';
import { MemoryBackend } from '../memory-backend.ts';

interface Pending extends StoreCopyRange {
  readonly end: (isCopied: boolean) => void;
}

export class CopyingBackend extends MemoryBackend {
  readonly copies: Pending[] = [];
  canCopy = true;

  copyFrom(source: Backend, range: StoreCopyRange, onCopied: (isCopied: boolean) => void): boolean {
    if (!this.canCopy || !(source instanceof CopyingBackend)) return false;
    const halfBytes = Math.floor(range.lengthBytes / 2);
    this.take(source, range, 0, halfBytes);
    const end = (isCopied: boolean) => {
      if (isCopied) this.take(source, range, halfBytes, range.lengthBytes);
      onCopied(isCopied);
    };
    this.copies.push({ ...range, end });
    return true;
  }

  private take(source: CopyingBackend, range: StoreCopyRange, from: number, to: number): void {
    const { sourceOffsetBytes, offsetBytes } = range;
    source.bytes.copy(this.bytes, offsetBytes + from, sourceOffsetBytes + from, sourceOffsetBytes + to);
  }

  endCopy(isCopied = true, index = 0): void {
    const [copy] = this.copies.splice(index, 1);
    if (copy === undefined) throw new Error('no copy to end');
    copy.end(isCopied);
  }
}

/** A store in memory that copies from others of its kind; copies stand in a queue until the test lets them go. */
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
    const { sourceOffsetBytes, offsetBytes, lengthBytes } = range;
    const end = (isCopied: boolean) => {
      if (isCopied) source.bytes.copy(this.bytes, offsetBytes, sourceOffsetBytes, sourceOffsetBytes + lengthBytes);
      onCopied(isCopied);
    };
    this.copies.push({ ...range, end });
    return true;
  }

  endCopy(isCopied = true, index = 0): void {
    const [copy] = this.copies.splice(index, 1);
    if (copy === undefined) throw new Error('no copy to end');
    copy.end(isCopied);
  }
}

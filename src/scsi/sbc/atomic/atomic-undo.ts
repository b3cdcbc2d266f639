/**
 * Undoing an atomic write that was done in part: what differs from before is written once more as it was, and made durable.
 * Only what differs, since the write may have stopped where the store had no more room, and then the rest is as it was.
 */
import type { BackendIo, IoStatus } from '../../../backend/backend.ts';
import { IO_OK, IO_OUT_OF_RANGE } from '../../../backend/backend.ts';
import type { AtomicRecord } from './atomic-journal.ts';
import type { StoreMover } from './store-mover.ts';

/** The undoing came to its end: all is as before. */
export const UNDONE = 0;
/** The store refused it: some of the write may be there. */
export const UNDO_FAILED = 1;
/** What is there is neither of before nor of the write. Nothing was written. */
export const UNDO_FOREIGN = 2;
export type UndoEnd = typeof UNDONE | typeof UNDO_FAILED | typeof UNDO_FOREIGN;

/** What a loss of power leaves whole: the smallest sector there is. */
export const SECTOR_BYTES = 512;

/**
 * @param mover open
 * @param blockBytes what is written at the least
 * @param isKnown false: the store may be another one than `record` was made for, so it is looked at first: each sector must be
 *   one of before or one of the write
 * @param onEnd called once, perhaps at once
 */
export function undoAtomicWrite(
  mover: StoreMover,
  record: AtomicRecord,
  blockBytes: number,
  isKnown: boolean,
  onEnd: (end: UndoEnd) => void,
): void {
  const { offsetBytes, after } = record;
  // What was cut off since is lost anyway.
  const leftBytes = mover.backend.sizeBytes - offsetBytes;
  const lengthBytes = Math.min(after.length, leftBytes - (leftBytes % blockBytes));
  if (lengthBytes <= 0) {
    onEnd(UNDONE);
    return;
  }
  const fail = (status: IoStatus) => {
    // The store was cut meanwhile: what is left is less, so this comes to an end.
    const isCut = status === IO_OUT_OF_RANGE && mover.backend.sizeBytes < offsetBytes + lengthBytes;
    if (isCut) undoAtomicWrite(mover, record, blockBytes, isKnown, onEnd);
    else onEnd(UNDO_FAILED);
  };
  const there = Buffer.allocUnsafe(lengthBytes);
  mover.read(offsetBytes, there, ({ status }) => {
    if (status !== IO_OK) fail(status);
    else if (!isKnown && !isOfBoth(there, record)) onEnd(UNDO_FOREIGN);
    else restore(mover, record, there, blockBytes, fail, () => onEnd(UNDONE));
  });
}

function restore(
  mover: StoreMover,
  { offsetBytes, before }: AtomicRecord,
  there: Buffer,
  blockBytes: number,
  onFailed: (status: IoStatus) => void,
  onRestored: () => void,
): void {
  const next =
    (then: () => void) =>
    ({ status }: BackendIo) => {
      if (status === IO_OK) then();
      else onFailed(status);
    };
  const flush = () => mover.flush(next(onRestored));
  let start = 0;
  let end = there.length;
  while (start < end && isSame(there, before, start, blockBytes)) start += blockBytes;
  while (end > start && isSame(there, before, end - blockBytes, blockBytes)) end -= blockBytes;
  if (start === end) {
    flush(); // what is as before may be so in a cache only
    return;
  }
  mover.write(offsetBytes + start, before.subarray(start, end), next(flush));
}

function isOfBoth(there: Buffer, { before, after }: AtomicRecord): boolean {
  for (let at = 0; at < there.length; at += SECTOR_BYTES) {
    if (!isSame(there, before, at, SECTOR_BYTES) && !isSame(there, after, at, SECTOR_BYTES)) return false;
  }
  return true;
}

function isSame(there: Buffer, other: Buffer, at: number, lengthBytes: number): boolean {
  const end = at + lengthBytes;
  return there.compare(other, at, end, at, end) === 0;
}

/** A journal of atomic writes in memory at the AtomicJournal port, in the bytes of the real one; answers when the test says. */
import { crc32cPortable } from '../../../../src/iscsi/codec/digest.ts';
import { decodeAtomicRecord, encodeAtomicRecord, NO_ATOMIC_RECORD } from '../../../../src/mgmt/state/atomic-record.ts';
import type { AtomicJournal, AtomicRecord } from '../../../../src/scsi/sbc/atomic/atomic-journal.ts';
import { VolatileBytes } from '../../../sim/volatile-bytes.ts';

export class MemoryJournal implements AtomicJournal {
  readonly bytes: VolatileBytes;
  /** "keep" and "clear", as they were asked for. */
  readonly log: string[] = [];
  readonly complaints: string[] = [];
  readonly news: string[] = [];
  readonly pending: (() => void)[] = [];
  /** Whether the next one goes well. */
  succeeds: (what: 'keep' | 'clear') => boolean = () => true;
  /** Called when a record is to be kept. */
  onKeep: (record: AtomicRecord) => void = () => undefined;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.bytes = new VolatileBytes(bytes);
  }

  keep(record: AtomicRecord, onKept: (isKept: boolean) => void): void {
    this.onKeep(record);
    this.put('keep', encodeAtomicRecord(record, crc32cPortable), onKept);
  }

  clear(onCleared: (isCleared: boolean) => void): void {
    this.put('clear', [NO_ATOMIC_RECORD], onCleared);
  }

  complain(fault: string): void {
    this.complaints.push(fault);
  }

  tellMended(news: string): void {
    this.news.push(news);
  }

  /** Ends what was asked for first; false: nothing was. */
  complete(): boolean {
    const work = this.pending.shift();
    work?.();
    return work !== undefined;
  }

  private put(what: 'keep' | 'clear', pieces: readonly Buffer[], onDone: (isDone: boolean) => void): void {
    this.log.push(what);
    this.bytes.write(0, Buffer.concat(pieces));
    this.pending.push(() => {
      const isDone = this.succeeds(what);
      if (isDone) this.bytes.flush();
      onDone(isDone);
    });
  }
}

/** The record that a start finds in `bytes`; null: none. */
export function recordIn(bytes: Buffer): AtomicRecord | null {
  const record = decodeAtomicRecord(bytes, crc32cPortable);
  if (typeof record === 'string') throw new Error(record);
  return record;
}

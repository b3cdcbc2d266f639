/** The journal of a disk's atomic writes in a file of the state directory, made with the first of them. One record or none. */
import { constants } from 'node:fs';
import { access, type FileHandle, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Crc32c } from '../../iscsi/codec/digest.ts';
import type { AtomicJournal, AtomicRecord } from '../../scsi/sbc/atomic/atomic-journal.ts';
import { assert } from '../../util/assert.ts';
import { ConfigError } from '../config/config-error.ts';
import { decodeAtomicRecord, encodeAtomicRecord, NO_ATOMIC_RECORD } from './atomic-record.ts';
import { isSystemError, syncDirectory } from './replace-file.ts';

export class AtomicJournalFile implements AtomicJournal {
  readonly path: string;
  private readonly crc32c: Crc32c;
  private readonly onFault: (message: string) => void;
  private readonly onMended: (message: string) => void;
  private readonly storePath: string;
  private isInDirectory = false;
  private isBusy = false;
  /** The file was opened for a record since it was known to have none. */
  private mayHoldRecord = true;

  /**
   * @param directory the state directory, which exists
   * @param uuid the disk's
   * @param storePath what a medium without a name is known by
   * @param onFault told, for the operator, what went wrong
   * @param onMended told, for the operator, that it is right again
   */
  constructor(
    directory: string,
    uuid: string,
    storePath: string,
    crc32c: Crc32c,
    onFault: (message: string) => void,
    onMended: (message: string) => void,
  ) {
    this.path = join(directory, `atomic-${uuid}.journal`);
    this.storePath = storePath;
    this.crc32c = crc32c;
    this.onFault = onFault;
    this.onMended = onMended;
  }

  /** Whether it could be written, as far as can be told without doing it. */
  async isWritable(): Promise<boolean> {
    try {
      await access(dirname(this.path), constants.W_OK);
      return true;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return false;
    }
  }

  /** What a crash has interrupted, on the medium of that path; null: nothing. Rejects with ConfigError when that cannot be told. */
  async load(): Promise<AtomicRecord | null> {
    let bytes: Buffer;
    try {
      bytes = await readFile(this.path);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      if (error.code !== 'ENOENT') throw this.unreadable(error.message);
      bytes = NO_ATOMIC_RECORD;
    }
    const record = decodeAtomicRecord(bytes, this.crc32c);
    if (typeof record === 'string') throw this.unreadable(record);
    this.mayHoldRecord = record !== null;
    return record;
  }

  keep(record: AtomicRecord, onKept: (isKept: boolean) => void): void {
    const medium = record.medium === '' ? this.storePath : record.medium;
    const pieces = encodeAtomicRecord({ ...record, medium }, this.crc32c);
    this.end(this.replace(pieces), onKept, 'an atomic write was refused: its journal cannot be written');
  }

  clear(onCleared: (isCleared: boolean) => void): void {
    this.end(this.erase(), onCleared, 'the journal of atomic writes cannot be cleared');
  }

  complain(fault: string): void {
    this.onFault(`${this.path}: ${fault}`);
  }

  tellMended(news: string): void {
    this.onMended(`${this.path}: ${news}`);
  }

  private end(work: Promise<void>, onEnd: (isDone: boolean) => void, fault: string): void {
    assert(!this.isBusy, 'a journal does one thing at a time');
    this.isBusy = true;
    const finish = (isDone: boolean) => {
      this.isBusy = false;
      onEnd(isDone);
    };
    work.then(
      () => finish(true),
      (error: Error) => {
        this.complain(`${fault} (${error.message})`);
        finish(false);
      },
    );
  }

  /** A record that was begun may be whole by what an earlier one has left behind it; of a file that was not opened nothing changed. */
  private async erase(): Promise<void> {
    if (!this.mayHoldRecord) return;
    try {
      await this.replace([NO_ATOMIC_RECORD]);
    } catch (error) {
      if (!isSystemError(error) || !NO_ROOM.has(error.code ?? '')) throw error;
      await this.replace([]);
    }
    this.mayHoldRecord = false;
  }

  /** Writes from the start on, on stable storage; without pieces nothing stays. */
  private async replace(pieces: readonly Buffer[]): Promise<void> {
    const file = await open(this.path, constants.O_WRONLY | constants.O_CREAT, 0o600);
    this.mayHoldRecord = true;
    try {
      if (pieces.length === 0) await file.truncate();
      await writeAll(file, pieces);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (this.isInDirectory) return;
    await syncDirectory(dirname(this.path));
    this.isInDirectory = true;
  }

  private unreadable(reason: string): ConfigError {
    const remedy = 'make it readable, or remove it: then an atomic write that was interrupted may be there in part';
    return new ConfigError(
      this.path,
      '',
      undefined,
      `the journal of a disk's atomic writes cannot be read (${reason}); ${remedy}`,
    );
  }
}

/** A new file's first sector may have no room; then the file is made empty, which needs none. */
const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** What the file system has cut short says why when it goes on. */
async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  let at = 0;
  for (const piece of pieces) {
    for (let done = 0; done < piece.length; ) {
      const { bytesWritten } = await file.write(piece, done, piece.length - done, at + done);
      done += bytesWritten;
    }
    at += piece.length;
  }
}

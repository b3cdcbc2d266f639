/** What an operator asks for when a storage is opened, and what a store gets from the reactor it lives in. */
import type { NativeAddon } from '../native/native-addon.ts';
import type { TickBatch } from '../util/tick-batch.ts';

export interface StorageSpec {
  /** Names the kind of store; see parseStoragePath. */
  readonly scheme: string;
  readonly path: string;
  /** null: as large as what is there. Else a file that is not there is created with this size. */
  readonly sizeBytes: number | null;
  /** The logical unit's block size: a power of two >= 512. What is left over at a store's end is not served. */
  readonly blockBytes: number;
  readonly isReadOnly: boolean;
  /** Space is given back when an initiator unmaps; without it a store keeps what it has. */
  readonly isThin: boolean;
  /** Past the page cache (O_DIRECT), where the engine can. */
  readonly isDirect: boolean;
  /** Submissions in flight at once, where the engine has such a bound of its own; null: the engine's choice. */
  readonly queueDepth: number | null;
}

export interface NoteFields {
  readonly [name: string]: string | number | boolean | null;
}

/** What an operator should read of a store, when it is opened and later; a sentence without a full stop. */
export type Note = (level: 'info' | 'warn' | 'error', message: string, fields: NoteFields) => void;

export interface StorageContext {
  readonly batch: TickBatch;
  /** null: node:fs and util-linux do the work. */
  readonly native: NativeAddon | null;
  readonly note: Note;
}

/**
 * What the copy manager of one logical unit knows of the copies of one I_T nexus (SPC-4 5.17.4.5): those that run, and the
 * status of those that ended until it has been asked for. Gone with the nexus, and when the unit is reset; what still runs
 * then ends. List identifiers of one byte (LID1) and of four (LID4) are one set of numbers.
 */
import type { CommandEntry } from '../command/command-entry.ts';
import { COPIES_PER_NEXUS_MAX, HELD_STATUSES_MAX } from './copy-limits.ts';

/** COPY OPERATION STATUS (SPC-4 6.24). */
export const COPY_COMPLETED = 0x01;
export const COPY_COMPLETED_WITH_ERRORS = 0x02;
export const COPY_IN_FOREGROUND = 0x11;
export const COPY_IN_BACKGROUND = 0x12;
export const COPY_TERMINATED = 0x60;
export type CopyStatus =
  | typeof COPY_COMPLETED
  | typeof COPY_COMPLETED_WITH_ERRORS
  | typeof COPY_IN_FOREGROUND
  | typeof COPY_IN_BACKGROUND
  | typeof COPY_TERMINATED;

/** Why a copy ended before its end; the numbers are those of Task.checkWith. */
export interface CopyFailure {
  readonly senseCode: number;
  readonly information: number;
  readonly fieldPointer: number;
}

export class CopyRecord {
  readonly listIdentifier: number;
  /** The command that asked for it. */
  readonly entry: CommandEntry;
  /** The status is kept when the copy has ended. */
  readonly isHeld: boolean;
  status: CopyStatus = COPY_IN_FOREGROUND;
  segmentsProcessed = 0;
  /** From the first byte on, without a gap; of a POPULATE TOKEN what the token stands for. */
  copiedBytes = 0;
  /** Pieces done; changes while there is progress. */
  operations = 0;
  failure: CopyFailure | null = null;
  /** The ROD token that was created. */
  rodToken: Uint8Array | null = null;
  /** The copy is to end without more being copied. */
  isAborted = false;
  private readonly waiting: (() => void)[] = [];

  constructor(listIdentifier: number, entry: CommandEntry, isHeld: boolean) {
    this.listIdentifier = listIdentifier;
    this.entry = entry;
    this.isHeld = isHeld;
  }

  get isRunning(): boolean {
    return this.status === COPY_IN_FOREGROUND || this.status === COPY_IN_BACKGROUND;
  }

  /** `onEnded` is called when the copy is at rest. */
  onEnd(onEnded: () => void): void {
    this.waiting.push(onEnded);
  }

  /** Ends a running copy; as onEnd. */
  abort(onEnded: () => void): void {
    this.isAborted = true;
    this.onEnd(onEnded);
  }

  end(status: CopyStatus, failure: CopyFailure | null): void {
    this.status = status;
    this.failure = failure;
  }

  /** After whoever asked for the copy, those are told who ended it. */
  tellWaiting(): void {
    for (const onEnded of this.waiting.splice(0)) onEnded();
  }
}

export class CopyLog {
  private readonly running = new Map<number, CopyRecord>();
  /** In the order in which they ended. */
  private readonly ended = new Map<number, CopyRecord>();

  isRunning(listIdentifier: number): boolean {
    return this.running.has(listIdentifier);
  }

  get isFull(): boolean {
    return this.running.size >= COPIES_PER_NEXUS_MAX;
  }

  /** A copy begins under an identifier under which none runs; what was held under it is discarded. */
  begin(record: CopyRecord): void {
    this.ended.delete(record.listIdentifier);
    this.running.set(record.listIdentifier, record);
  }

  end(record: CopyRecord): void {
    if (this.running.get(record.listIdentifier) !== record) return;
    this.running.delete(record.listIdentifier);
    if (!record.isHeld) return;
    this.ended.set(record.listIdentifier, record);
    if (this.ended.size <= HELD_STATUSES_MAX) return;
    for (const oldest of this.ended.keys()) {
      this.ended.delete(oldest);
      return;
    }
  }

  /** The copy of that identifier, or null. */
  find(listIdentifier: number): CopyRecord | null {
    return this.running.get(listIdentifier) ?? this.ended.get(listIdentifier) ?? null;
  }

  /** The final status has been told. */
  discard(listIdentifier: number): void {
    this.ended.delete(listIdentifier);
  }

  /** Nobody will ask any more: what runs ends with its present piece. */
  abandon(): void {
    for (const record of this.running.values()) record.isAborted = true;
    this.running.clear();
    this.ended.clear();
  }
}

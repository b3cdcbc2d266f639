/**
 * What the copy manager of one logical unit knows of the copies of one I_T nexus (SPC-4 5.17.4.5): those that run, and the
 * status of those that ended until it has been asked for. Gone with the nexus, and when the unit is reset.
 */
import { HELD_STATUSES_MAX } from './copy-limits.ts';

/** COPY MANAGER STATUS (SPC-4 6.25). */
export const COPY_IN_PROGRESS = 0x00;
export const COPY_COMPLETED = 0x01;
export const COPY_COMPLETED_WITH_ERRORS = 0x02;
export type CopyStatus = typeof COPY_IN_PROGRESS | typeof COPY_COMPLETED | typeof COPY_COMPLETED_WITH_ERRORS;

export class CopyRecord {
  readonly listIdentifier: number;
  /** The status is kept when the copy has ended. */
  readonly isHeld: boolean;
  status: CopyStatus = COPY_IN_PROGRESS;
  segmentsProcessed = 0;
  copiedBytes = 0;

  constructor(listIdentifier: number, isHeld: boolean) {
    this.listIdentifier = listIdentifier;
    this.isHeld = isHeld;
  }
}

export class CopyLog {
  private readonly running = new Map<number, CopyRecord>();
  /** In the order in which they ended. */
  private readonly ended = new Map<number, CopyRecord>();

  isRunning(listIdentifier: number): boolean {
    return this.running.has(listIdentifier);
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

  clear(): void {
    this.running.clear();
    this.ended.clear();
  }
}

/**
 * Where an atomic write of more than a physical block is remembered while it is done, so that a loss of power in the middle
 * of it can be undone: what lay there before, and what is written. One at a time for a logical unit.
 */

/** One write that may have been done in part. */
export interface AtomicRecord {
  /** LogicalUnit.mediumName; a journal of one medium alone may know it by another name. */
  readonly medium: string;
  /** Bytes from the start of the medium; whole logical blocks. */
  readonly offsetBytes: number;
  /** As many as `after`. */
  readonly before: Buffer;
  readonly after: Buffer;
}

export interface AtomicJournal {
  /**
   * Keeps `record` on stable storage; it and its memory stay as they are until `onKept`. Called again only after clear().
   * @param onKept called once, later: whether it is kept. When not, it may be all the same, until clear()
   */
  keep(record: AtomicRecord, onKept: (isKept: boolean) => void): void;
  /**
   * Makes sure that no restart finds a record.
   * @param onCleared called once, later; false: one may still be found
   */
  clear(onCleared: (isCleared: boolean) => void): void;
  /** Tells the operator what is wrong with the medium, in a sentence. */
  complain(fault: string): void;
  /** Tells the operator that it is right again. */
  tellMended(news: string): void;
}

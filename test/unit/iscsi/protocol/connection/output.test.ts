/** What a reactor keeps of the batches that its connections have written. */
import { describe, expect, it } from 'vitest';
import { sealPortable } from '../../../../../src/iscsi/codec/digest.ts';
import {
  BATCH_ENTRIES_KEPT_MAX,
  type OutputBatch,
  OutputStore,
} from '../../../../../src/iscsi/protocol/connection/output.ts';

const MEMORY = Buffer.alloc(8);
const OWNER = { release: () => undefined };
const FILLINGS: readonly [string, (batch: OutputBatch) => void][] = [
  ['pieces', (batch) => batch.addPiece(MEMORY, 0, 4)],
  ['missing digests', (batch) => batch.addUnsealed(MEMORY, 0, 4)],
  ['slots', (batch) => batch.own(OWNER)],
];

describe('a batch that was written', () => {
  it.each(FILLINGS)('is used again, unless it was large once: %s', (_, add) => {
    const store = new OutputStore(sealPortable);
    const batch = store.takeBatch();
    for (let i = 0; i < BATCH_ENTRIES_KEPT_MAX; i++) add(batch);
    store.giveBackBatch(batch);
    expect(store.takeBatch()).toBe(batch);
    for (let i = 0; i <= BATCH_ENTRIES_KEPT_MAX; i++) add(batch);
    store.giveBackBatch(batch);
    expect(store.takeBatch()).not.toBe(batch);
  });

  it('gives back what it owns, however large it was', () => {
    const store = new OutputStore(sealPortable);
    const batch = store.takeBatch();
    const released = new Set<number>();
    for (let i = 0; i < 2 * BATCH_ENTRIES_KEPT_MAX; i++) batch.own({ release: () => released.add(i) });
    store.giveBackBatch(batch);
    expect(released.size).toBe(2 * BATCH_ENTRIES_KEPT_MAX);
  });
});

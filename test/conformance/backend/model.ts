/**
 * Contract: random I/O against a model in memory. Up to 12 I/Os that do not touch each other's bytes are in flight; before
 * one that would, everything ends first. Each read is compared with what the model said when it was submitted.
 */
import { expect, it } from 'vitest';
import { type BackendIo, IO_OK } from '../../../src/backend/backend.ts';
import { SEGMENT_BYTES_MAX } from '../../../src/util/slot-pool.ts';
import { type SeededRandom, seededRandom } from '../../random.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';
import type { Submitter } from './rig.ts';

const STORE_BYTES = 4 * MIB;
const OPERATIONS = 2000;
const IN_FLIGHT_MAX = 12;

interface Range {
  readonly from: number;
  readonly to: number;
}

class ModelRun {
  private readonly bench: Bench;
  private readonly store: Submitter;
  private readonly random: SeededRandom;
  private readonly model = Buffer.alloc(STORE_BYTES);
  private readonly busy = new Set<Range>();
  private running: Promise<void>[] = [];

  constructor(bench: Bench, store: Submitter, random: SeededRandom) {
    this.bench = bench;
    this.store = store;
    this.random = random;
  }

  async step(): Promise<void> {
    const range = this.chooseRange();
    const isTaken = [...this.busy].some(({ from, to }) => from < range.to && range.from < to);
    if (isTaken || this.running.length === IN_FLIGHT_MAX) await this.settle();
    this.busy.add(range);
    this.running.push(this.doOne(range).finally(() => this.busy.delete(range)));
  }

  async settle(): Promise<void> {
    await Promise.all(this.running);
    this.running = [];
  }

  /** Reads the whole store through `store` and compares it with the model. */
  async compare(store: Submitter): Promise<void> {
    const slot = this.bench.rig.takeSlot(SEGMENT_BYTES_MAX);
    for (let at = 0; at < STORE_BYTES; at += SEGMENT_BYTES_MAX) {
      expect((await store.read(at, SEGMENT_BYTES_MAX, slot)).status).toBe(IO_OK);
      const expected = this.model.subarray(at, at + SEGMENT_BYTES_MAX);
      expect(bytesOf(slot, SEGMENT_BYTES_MAX).equals(expected), `SEED=${this.random.seed}: at ${at}`).toBe(true);
    }
    slot.release();
  }

  private chooseRange(): Range {
    const { below } = this.random;
    const blocks = below(4) === 0 ? 1 + below(512) : 1 + below(16);
    const from = below(STORE_BYTES / 512 - blocks) * 512;
    return { from, to: from + blocks * 512 };
  }

  private doOne(range: Range): Promise<void> {
    const choice = this.random.below(20);
    if (choice < 9) return this.write(range, choice < 2);
    if (choice < 16) return this.read(range);
    if (choice < 17) return this.end(this.store.flush());
    this.model.fill(0, range.from, range.to);
    if (choice < 18) return this.end(this.store.unmap(range.from, range.to - range.from));
    return this.end(this.store.writeZeroes(range.from, range.to - range.from, choice === 18));
  }

  private async write({ from, to }: Range, isFua: boolean): Promise<void> {
    const slot = this.bench.rig.takeSlot(to - from);
    this.random.fill(slot.memory, slot.dataOffset, to - from);
    slot.memory.copy(this.model, from, slot.dataOffset, slot.dataOffset + to - from);
    await this.end(this.store.write(from, to - from, slot, isFua));
    slot.release();
  }

  private async read({ from, to }: Range): Promise<void> {
    const slot = this.bench.rig.takeSlot(to - from);
    const expected = Buffer.from(this.model.subarray(from, to));
    await this.end(this.store.read(from, to - from, slot));
    expect(bytesOf(slot, to - from).equals(expected), `SEED=${this.random.seed}: [${from}, ${to})`).toBe(true);
    slot.release();
  }

  private async end(io: Promise<BackendIo>): Promise<void> {
    expect((await io).status, `SEED=${this.random.seed}`).toBe(IO_OK);
  }
}

export function describeModel(bench: Bench): void {
  it(`${OPERATIONS} random I/Os leave what a model in memory says, also after opening again`, async () => {
    const random = seededRandom();
    const backend = await bench.backend({ sizeBytes: STORE_BYTES });
    const run = new ModelRun(bench, bench.submitter(backend), random);
    for (let i = 0; i < OPERATIONS; i++) await run.step();
    await run.settle();
    await bench.close(backend);
    await run.compare(bench.submitter(await bench.backend({ sizeBytes: STORE_BYTES })));
  });
}

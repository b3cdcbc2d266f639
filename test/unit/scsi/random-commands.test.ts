/**
 * Goal: whatever is mixed, delayed, reordered or aborted, each command ends once, data is what a plain model says, and no
 * slot, task or io is left over. Method: some clients, each in a region of its own, run random commands; the store answers
 * in random order; now and then a command is aborted or the unit is reset. SEED= repeats a run.
 */
import { describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET } from '../../../src/scsi/task/task-management.ts';
import type { Client } from './device-harness.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb16, Harness, nexusOf } from './device-harness.ts';

const CLIENTS = 6;
const REGION_BLOCKS = Math.floor(BLOCK_COUNT / CLIENTS);
const STEPS = 1500;
const { SEED: chosen } = process.env;
const SEED = Number(chosen ?? Date.now() % 1000000);

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Running {
  readonly client: Client;
  /** Checks the outcome and brings the model up to date. */
  readonly finish: () => void;
}

class Region {
  readonly nexus;
  running: Running | null = null;
  private readonly harness: Harness;
  private readonly random: (below: number) => number;
  private readonly first: number;
  private readonly model: Buffer;

  constructor(harness: Harness, random: (below: number) => number, index: number) {
    this.harness = harness;
    this.random = random;
    this.nexus = nexusOf(`random-${index}`);
    this.first = index * REGION_BLOCKS;
    this.model = Buffer.from(this.stored());
  }

  begin(): void {
    const lba = this.random(REGION_BLOCKS);
    const blocks = Math.min(this.random(4) === 0 ? this.random(1200) : this.random(9), REGION_BLOCKS - lba);
    const range = this.model.subarray(lba * BLOCK_BYTES, (lba + blocks) * BLOCK_BYTES);
    const data = Buffer.alloc(range.length);
    for (let i = 0; i < data.length; i += 64) data.writeUInt32LE(this.random(2 ** 32), i);
    const kind = this.random(6);
    const at = this.first + lba;
    if (kind === 0)
      this.run(cdb16(0x88, at, blocks), range.length, Buffer.alloc(0), (client) =>
        expect(client.data.equals(range)).toBe(true),
      );
    else if (kind === 1) this.run(cdb16(0x8a, at, blocks), 0, data, () => data.copy(range));
    else if (kind === 2) this.run(cdb16(0x8e, at, blocks, 2), 0, data, () => data.copy(range));
    else if (kind === 3)
      this.run(cdb16(0x8f, at, blocks, 2), 0, Buffer.from(range), (client) => expect(client.data.length).toBe(0));
    else if (blocks > 0)
      this.writeSame(at, blocks, range, kind === 4 ? data.subarray(0, BLOCK_BYTES) : Buffer.alloc(BLOCK_BYTES));
  }

  /** What the store holds is what we believe. */
  check(): void {
    expect(this.stored().equals(this.model)).toBe(true);
  }

  private writeSame(lba: number, blocks: number, range: Buffer, block: Buffer): void {
    this.run(cdb16(0x93, lba, blocks, 0x08), 0, block, () => {
      for (let i = 0; i < range.length; i += BLOCK_BYTES) block.copy(range, i);
    });
  }

  private run(cdb: number[], dataIn: number, dataOut: Buffer, onGood: (client: Client) => void): void {
    const { nexus } = this;
    const client = this.harness.start(cdb, { nexus, dataIn, dataOut, answersDataOut: false });
    const finish = () => {
      if (client.outcome === 'status 0') onGood(client);
      else if (client.outcome === 'aborted')
        this.stored().copy(this.model); // perhaps in part
      else expect(client.outcome).toMatch(/^6\/29\//);
    };
    this.running = { client, finish };
  }

  private stored(): Buffer {
    return this.harness.backend.bytes.subarray(this.first * BLOCK_BYTES, (this.first + REGION_BLOCKS) * BLOCK_BYTES);
  }
}

function step(harness: Harness, regions: Region[], random: (below: number) => number): void {
  const region = regions[random(CLIENTS)]!;
  const { running } = region;
  if (running === null) region.begin();
  else if (running.client.requests.length > 0 && random(4) > 0) running.client.tryAnswer();
  else if (random(60) === 0) harness.device.abort(running.client.command);
  else if (random(300) === 0) harness.manage(LOGICAL_UNIT_RESET);
  if (harness.backend.pending.length > 0 && random(3) > 0)
    harness.backend.complete(random(harness.backend.pending.length));
  harness.tick();
  collect(regions);
}

function finishAll(harness: Harness, regions: Region[]): void {
  for (const { running } of regions) {
    if (running !== null && running.client.requests.length > 0) running.client.tryAnswer();
  }
  harness.settle();
  collect(regions);
}

function collect(regions: Region[]): void {
  for (const region of regions) {
    if (region.running === null || !region.running.client.isDone) continue;
    region.running.finish();
    region.running = null;
  }
}

describe('random commands', () => {
  it.each([0, 1, 2, 3])(`keep data, memory and tasks in order (seed ${SEED} + %d)`, (offset) => {
    const harness = new Harness();
    const random = randomFrom(SEED + offset);
    const regions = Array.from({ length: CLIENTS }, (_, index) => new Region(harness, random, index));
    for (let i = 0; i < STEPS; i++) step(harness, regions, random);
    while (regions.some(({ running }) => running !== null)) finishAll(harness, regions);
    for (const region of regions) region.check();
    expect(harness.ended.filter(({ outcome }) => outcome === 'status 0').length).toBeGreaterThan(STEPS / 20);
    expect(harness.unit.taskCount).toBe(0);
    expect(harness.backend.pending).toHaveLength(0);
    expect(harness.isQuiet).toBe(true);
  });
});

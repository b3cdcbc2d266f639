/**
 * Goal: whenever the size of a disk changes, no command does anything behind its end but find out, each ends once, and nothing
 * is left over. Method: commands of all kinds near the ends that the disk had and will have, the store answering in random
 * order, sizes that change in between. SEED= repeats a run.
 */
import { describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../random.ts';
import type { Client } from '../device-harness.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb16, Harness } from '../device-harness.ts';

const RUNS = 8;
const STEPS = 600;
const RUNNING_MAX = 6;
/** Sizes in blocks that a disk changes between, and near whose ends commands work. */
const SIZES = [8, 512, 1000, BLOCK_COUNT / 2, BLOCK_COUNT - 1, BLOCK_COUNT, BLOCK_COUNT * 2];
const NEAR_BLOCKS = 700;
/** GOOD, CONDITION MET, LBA OUT OF RANGE, CAPACITY DATA HAS CHANGED, MISCOMPARE, and of those that were aborted. */
const OUTCOMES = /^(status 0|status 4|5\/21\/0|6\/2a\/9|e\/1d\/0|aborted)$/;

function compareAndWrite(lba: number, blocks: number): number[] {
  const cdb = cdb16(0x89, lba, 0);
  cdb[13] = blocks;
  return cdb;
}

function unmapList(lba: number, blocks: number): Buffer {
  const list = Buffer.alloc(24);
  list.writeUInt16BE(22, 0);
  list.writeUInt16BE(16, 2);
  list.writeUInt32BE(lba, 8 + 4);
  list.writeUInt32BE(blocks, 16);
  return list;
}

function start(harness: Harness, { below, fill }: SeededRandom): Client {
  const size = SIZES[below(SIZES.length)]!;
  const lba = Math.max(0, size - 1 - below(NEAR_BLOCKS));
  const blocks = 1 + below(below(3) === 0 ? NEAR_BLOCKS * 2 : 16);
  const dataOut = Buffer.alloc(blocks * BLOCK_BYTES);
  fill(dataOut, 0, 64);
  const dataIn = blocks * BLOCK_BYTES;
  const few = 1 + (blocks % 8);
  const choices: (() => Client)[] = [
    () => harness.start(cdb16(0x88, lba, blocks), { dataIn }),
    () => harness.start(cdb16(0x8a, lba, blocks), { dataOut, answersDataOut: false }),
    () => harness.start(cdb16(0x8a, lba, blocks, 0x08), { dataOut, answersDataOut: false }),
    () => harness.start(cdb16(0x8e, lba, blocks, 0x02), { dataOut, answersDataOut: false }),
    () => harness.start(cdb16(0x8f, lba, blocks)),
    () => harness.start(cdb16(0x8b, lba, few), { dataOut: dataOut.subarray(0, few * BLOCK_BYTES) }),
    () => harness.start(compareAndWrite(lba, 1), { dataOut: Buffer.alloc(2 * BLOCK_BYTES) }),
    () => harness.start(cdb16(0x93, lba, blocks), { dataOut: dataOut.subarray(0, BLOCK_BYTES) }),
    () => harness.start(cdb16(0x93, lba, blocks, 0x08), { dataOut: Buffer.alloc(BLOCK_BYTES) }),
    () => harness.start([0x42, 0, 0, 0, 0, 0, 0, 0, 24, 0], { dataOut: unmapList(lba, blocks) }),
    () => harness.start(cdb16(0x90, lba, below(2) * blocks)),
    () => harness.start(cdb16(0x91, lba, below(2) * blocks)),
    () => harness.start([...cdb16(0x9e, lba, 0, 0x12).slice(0, 10), 0, 0, 1, 0, 0, 0], { dataIn: 256 }),
    () => harness.start([0x1d, 0x04, 0, 0, 0, 0]),
  ];
  return choices[below(choices.length)]!();
}

function step(harness: Harness, running: Set<Client>, random: SeededRandom): void {
  const { below } = random;
  if (running.size < RUNNING_MAX) running.add(start(harness, random));
  for (const client of running) {
    if (client.requests.length > 0 && below(3) > 0) client.tryAnswer();
  }
  if (below(20) === 0) harness.unit.resize(SIZES[below(SIZES.length)]! * BLOCK_BYTES);
  if (below(80) === 0) {
    const [first] = running;
    if (first !== undefined && !first.isDone) harness.device.abort(first.command);
  }
  const { pending, questions } = harness.backend;
  if (pending.length > 0) harness.backend.complete(below(pending.length));
  if (questions.length > 0 && below(2) === 0) questions.shift()!();
  harness.tick();
  for (const client of running) {
    if (client.isDone) running.delete(client);
  }
}

function finish(harness: Harness, running: Set<Client>): void {
  while (running.size > 0) {
    for (const client of running) {
      if (client.isDone) running.delete(client);
      else if (client.requests.length > 0) client.tryAnswer();
    }
    harness.settle();
  }
}

describe('random sizes', () => {
  it.each(Array.from({ length: RUNS }, (_, run) => run))('leave every command an end, run %d', (run) => {
    const random = seededRandom(run === 0 ? undefined : seededRandom().seed + run);
    const context = `SEED=${random.seed}`;
    const harness = new Harness();
    const running = new Set<Client>();
    for (let i = 0; i < STEPS; i++) step(harness, running, random);
    finish(harness, running);
    const outcomes = harness.ended.map(({ outcome }) => outcome);
    expect(
      outcomes.filter((outcome) => !OUTCOMES.test(outcome)),
      context,
    ).toEqual([]);
    expect(new Set(outcomes).size, context).toBeGreaterThan(3);
    expect([harness.unit.taskCount, harness.isQuiet], context).toEqual([0, true]);
  });
});

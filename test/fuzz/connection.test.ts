/**
 * A connection is fed spoiled sessions and noise. Whatever comes: nothing is thrown, every slot, task, session and timer is
 * gone with the connection, and what waits for a peer that does not read stays small. FUZZ_CASES=N runs more, SEED=S
 * repeats.
 */
import { expect, it } from 'vitest';
import { SEGMENT_BYTES_MAX } from '../../src/util/slot-pool.ts';
import { type SeededRandom, seededRandom } from '../random.ts';
import { SimulatedTarget, type SimulatedTargetOptions } from '../sim/simulated-target.ts';
import { SimulatedWire } from '../sim/simulated-wire.ts';
import { type RecordedPdu, recordCorpus } from './corpus.ts';
import { mutate, noise } from './mutation.ts';

const CASES_DEFAULT = 3000;
/** Cases that one target lives through. */
const CASES_PER_TARGET = 20;
/** What connection.ts lets wait, and what one read may add to it. */
const HELD_BYTES_MAX = 262_144 + 3 * 65_536;

const OPTIONS: SimulatedTargetOptions = {
  blockCount: 128,
  limits: { commandWindow: 8 },
  slotClasses: [
    { capacityBytes: 4096, count: 10 },
    { capacityBytes: 65536, count: 4 },
    { capacityBytes: SEGMENT_BYTES_MAX, count: 2 },
  ],
};

const { FUZZ_CASES } = process.env;

it('no stream breaks a connection or leaves anything behind', { timeout: 3_600_000 }, () => {
  const corpus = recordCorpus(OPTIONS);
  const random = seededRandom();
  const cases = Number(FUZZ_CASES ?? CASES_DEFAULT);
  let target = new SimulatedTarget(OPTIONS);
  for (let count = 0; count < cases; count++) {
    if (count % CASES_PER_TARGET === 0) target = new SimulatedTarget(OPTIONS);
    const label = `SEED=${random.seed}, case ${count}`;
    try {
      runCase(target, streamOf(corpus, random), random);
    } catch (error) {
      throw new Error(label, { cause: error });
    }
    expect(remains(target), label).toEqual([0, 0, 0, 0, 0]);
    if (count % CASES_PER_TARGET === CASES_PER_TARGET - 1) expect(target.leftover, label).toBeNull();
  }
});

function streamOf(corpus: readonly (readonly RecordedPdu[])[], random: SeededRandom): Buffer {
  const kind = random.below(20);
  if (kind === 0) return noise(random);
  const stream = corpus[random.below(corpus.length)]!;
  const spoiled = mutate(stream, random);
  return kind === 1 ? Buffer.concat([spoiled.subarray(0, random.below(spoiled.length)), noise(random)]) : spoiled;
}

function runCase(target: SimulatedTarget, bytes: Buffer, random: SeededRandom): void {
  const isWhole = random.below(2) === 0;
  const wire = new SimulatedWire(target.time, {
    readBytes: (available) => (isWhole ? available : 1 + random.below(Math.min(available, 300))),
  });
  wire.attach(target.accept(wire), null);
  wire.isStalled = random.below(3) === 0;
  target.backend.isHolding = random.below(3) === 0;
  wire.send(bytes);
  target.time.settle();
  expect(wire.heldBytes).toBeLessThan(HELD_BYTES_MAX);
  if (random.below(2) === 0) wire.resume();
  target.time.settle();
  if (random.below(2) === 0) target.backend.release();
  target.time.advance(random.below(2) * 20_000); // past the login timeout
  wire.cut();
  target.time.settle();
  target.backend.release();
  target.time.settle();
}

function remains(target: SimulatedTarget): readonly number[] {
  const { heldSlots, registry, device, time, backend } = target;
  return [heldSlots, registry.sessionCount, device.taskCount, time.timerCount, backend.inFlight];
}

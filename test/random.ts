/**
 * Random numbers that can be had again: every random test takes its seed from SEED, or makes one, and names it when it
 * fails.
 */

export interface SeededRandom {
  readonly seed: number;
  /** An integer, 0 <= n < limit <= 2^53. */
  readonly below: (limit: number) => number;
  /** Fills the bytes of memory[offset, offset + length). */
  readonly fill: (memory: Buffer, offset: number, length: number) => void;
}

/** @param seed what SEED says, else a new one */
export function seededRandom(seed = seedFromEnvironment()): SeededRandom {
  let state = seed >>> 0;
  // mulberry32: 32 bits of state are plenty for choosing tests.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => {
    if (limit <= 0x100000000) return Math.floor((next() / 0x100000000) * limit);
    return Math.floor(((next() * 0x200000 + (next() >>> 11)) / 2 ** 53) * limit);
  };
  const fill = (memory: Buffer, offset: number, length: number): void => {
    for (let i = 0; i < length; i++)
      memory[offset + i] = (i & 3) === 0 ? next() & 0xff : (state >>> ((i & 3) * 8)) & 0xff;
  };
  return { seed, below, fill };
}

function seedFromEnvironment(): number {
  const { SEED: given } = process.env;
  return given === undefined ? Math.floor(Math.random() * 0x100000000) : Number(given);
}

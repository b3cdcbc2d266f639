/** The table of CHAP challenges that threads share. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CHALLENGES_MAX } from '../../../src/iscsi/protocol/login/chap-challenges.ts';
import { SharedChallenges } from '../../../src/mgmt/shared-challenges.ts';

describe('shared challenges', () => {
  it('are known to every table of the same memory until they are answered', () => {
    const here = new SharedChallenges();
    const there = new SharedChallenges(here.memory);
    const challenge = randomBytes(16);
    here.issue(challenge);
    expect(there.isOutstanding(challenge)).toBe(true);
    expect(there.isOutstanding(randomBytes(16))).toBe(false);
    there.retire(challenge);
    expect(here.isOutstanding(challenge)).toBe(false);
  });

  it('what is shorter than any challenge, or zero, is none of ours', () => {
    const table = new SharedChallenges();
    table.issue(Buffer.alloc(16));
    expect(table.isOutstanding(Buffer.alloc(16))).toBe(true);
    expect(table.isOutstanding(Buffer.of(9))).toBe(false);
    table.retire(Buffer.of(9));
    expect(table.isOutstanding(Buffer.alloc(16))).toBe(true);
  });

  it('that fall on one place are all kept, and found behind a place that became free', () => {
    const table = new SharedChallenges();
    const same = [1n, 2n, 3n].map((turn) => {
      const challenge = Buffer.alloc(16);
      challenge.writeBigUInt64BE(turn * BigInt(CHALLENGES_MAX) + 5n);
      return challenge;
    }) as [Buffer, Buffer, Buffer];
    for (const challenge of same) table.issue(challenge);
    table.retire(same[0]);
    expect(same.map((challenge) => table.isOutstanding(challenge))).toEqual([false, true, true]);
  });

  it('a full table forgets one for each new one', () => {
    const table = new SharedChallenges();
    const challenges = Array.from({ length: CHALLENGES_MAX }, () => randomBytes(16));
    for (const challenge of challenges) table.issue(challenge);
    const latest = randomBytes(16);
    table.issue(latest);
    expect(table.isOutstanding(latest)).toBe(true);
    // A sample: each look goes over the whole table.
    const sample = challenges.slice(0, 200);
    expect(sample.filter((challenge) => !table.isOutstanding(challenge)).length).toBeLessThanOrEqual(1);
  });
});

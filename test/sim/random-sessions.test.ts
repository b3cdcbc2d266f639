/**
 * Random sessions against a model of the disk. SIM_SESSIONS=N runs until N logins were made, SIM_SEED=S runs that one
 * seed, SIM_FIRST_SEED=S takes the seeds from S on; every seed runs the same again, byte for byte.
 */
import { expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { runRandomSessions } from './random-sessions.ts';

const SESSIONS_DEFAULT = 300;

const { SIM_SEED, SIM_SESSIONS, SIM_FIRST_SEED } = process.env;

it('initiators see what they wrote, whatever happens on the way, and nothing is left of them', {
  timeout: 3_600_000,
}, () => {
  const seeds = seededRandom();
  let loginCount = 0;
  let joinCount = 0;
  for (let runs = 0; ; runs++) {
    const next = SIM_FIRST_SEED === undefined ? seeds.below(2 ** 32) : Number(SIM_FIRST_SEED) + runs;
    const seed = SIM_SEED === undefined ? next : Number(SIM_SEED);
    const result = runRandomSessions(seed);
    expect(result.fault, `SIM_SEED=${seed}`).toBeNull();
    loginCount += result.loginCount;
    joinCount += result.joinCount;
    if (SIM_SEED !== undefined || loginCount >= Number(SIM_SESSIONS ?? SESSIONS_DEFAULT)) {
      console.log(`${loginCount} sessions with ${joinCount} further connections in ${runs + 1} runs`);
      return;
    }
  }
});

it('one seed runs the same twice, and another one otherwise', () => {
  const seed = seededRandom().below(2 ** 32);
  const first = runRandomSessions(seed);
  expect(runRandomSessions(seed), `SIM_SEED=${seed}`).toEqual(first);
  expect(runRandomSessions(seed + 1).traceHash).not.toBe(first.traceHash);
});

import { expect, it } from 'vitest';
import { QuietPeriod } from '../../../src/util/quiet-period.ts';

it('what happens again and again is told at once, and then once a period with how often', () => {
  let nowMs = 7;
  const period = new QuietPeriod({ nowMs: () => nowMs }, 100);
  expect([period.count(), period.count(), period.count()]).toEqual([1, 0, 0]);
  nowMs += 99;
  expect(period.count()).toBe(0);
  nowMs += 1;
  expect([period.count(), period.count()]).toEqual([4, 0]);
  nowMs += 1000;
  expect(period.count()).toBe(2);
});

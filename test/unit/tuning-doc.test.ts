/**
 * docs/TUNING.md is what scripts/tuning-report.mjs makes of the committed results, and every key of the configuration is a
 * knob there or is said to be none.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTuning, tuningDocument, tuningKeys } from '../../bench/report/tuning.mjs';
import { compare, type Sample, verdictOf } from '../../bench/tuning/comparison.mjs';

const { tuned, without } = tuningKeys();
/** docs/CONFIG.md has every key of the schema; its own test sees to that. */
const configKeys = [...readFileSync('docs/CONFIG.md', 'utf8').matchAll(/^\| `([a-zA-Z][^` ]*)` \|/gm)].map(
  ([, key]) => key as string,
);

function isBelow(key: string, place: string): boolean {
  return key === place || key.startsWith(`${place}.`) || key.startsWith(`${place}[]`);
}

describe('docs/TUNING.md', () => {
  it('is what the script makes of the committed results (node scripts/tuning-report.mjs writes it)', () => {
    expect(readFileSync('docs/TUNING.md', 'utf8')).toBe(tuningDocument(readTuning('bench/results')));
  });

  it('has every key of the configuration, as a knob or as one without effect on speed', () => {
    expect(configKeys.length).toBeGreaterThan(60);
    const homeless = configKeys.filter((key) => {
      return !tuned.includes(key) && !without.some((place) => isBelow(key, place));
    });
    expect(homeless).toEqual([]);
  });

  it('names no key that there is not, and none twice', () => {
    const unknown = [
      ...tuned.filter((key) => !configKeys.includes(key)),
      ...without.filter((place) => !configKeys.some((key) => isBelow(key, place))),
    ];
    expect(unknown).toEqual([]);
    expect(new Set(tuned).size).toBe(tuned.length);
    expect(tuned.filter((key) => without.some((place) => isBelow(key, place)))).toEqual([]);
  });
});

describe('the comparison of a setting with the default', () => {
  const samples = (...values: number[]): Sample[] =>
    values.map((value) => ({ iops: value, latencyUs: { mean: value }, serverCpu: { usPerIo: 2 } }));
  const verdict = (measure: 'iops' | 'latency', ours: number[]) =>
    verdictOf(measure, compare(measure, samples(...ours), samples(100, 100, 200)));

  it('is made round by round', () => {
    const { ratio } = compare('iops', samples(50, 100, 300), samples(100, 100, 200));
    expect(ratio).toEqual({ median: 1, min: 0.5, max: 1.5 });
  });

  it('shows a difference that every round shows', () => {
    expect(verdict('iops', [120, 110, 240])).toBe('better');
    expect(verdict('iops', [80, 90, 150])).toBe('worse');
    expect(verdict('latency', [120, 110, 240])).toBe('worse');
  });

  it('shows none when one round says otherwise, or when all say next to nothing', () => {
    expect(verdict('iops', [150, 99, 300])).toBe('same');
    expect(verdict('iops', [101, 102, 203])).toBe('same');
    expect(verdict('iops', [99, 98, 199])).toBe('same');
  });
});

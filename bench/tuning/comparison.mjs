/**
 * What a setting does, from rounds in which it and the default were measured one after the other: the ratio of each round,
 * its median and its spread. A difference is one that every round shows and that is larger than what a second look changes.
 */
import { MEASURES } from '../macro/cases.mjs';
import { spread } from '../macro/measure.mjs';

/** Below it, two runs of the same setting differ as much. */
const DIFFERENCE_MIN = 0.03;

/**
 * @param measure a key of MEASURES
 * @param ours samples of a setting, round by round
 * @param theirs samples of the default in the same rounds
 * @returns medians of both as they are kept: { rounds, ratio: { median, min, max }, here: { value, cpu }, base: { value, cpu } }
 */
export function compare(measure, ours, theirs) {
  const { of } = MEASURES[measure];
  const ratios = ours.map((sample, round) => of(sample) / of(theirs[round]));
  return {
    rounds: ours.length,
    ratio: short(spread(ratios)),
    here: medians(measure, ours),
    base: medians(measure, theirs),
  };
}

/** 'better', 'worse' or 'same' of a comparison: 'same' is no difference that this machine can show. */
export function verdictOf(measure, { ratio: { median, min, max } }) {
  const isAbove = min > 1 && median >= 1 + DIFFERENCE_MIN;
  const isBelow = max < 1 && median <= 1 - DIFFERENCE_MIN;
  if (!isAbove && !isBelow) return 'same';
  return isAbove === MEASURES[measure].isMoreBetter ? 'better' : 'worse';
}

function medians(measure, samples) {
  const median = (of) => Number(spread(samples.map(of)).median.toPrecision(5));
  return { value: median(MEASURES[measure].of), cpu: median(MEASURES.cpu.of) };
}

function short({ median, min, max }) {
  const three = (value) => Number(value.toFixed(3));
  return { median: three(median), min: three(min), max: three(max) };
}

/** Reads bench/results/*.jsonl and picks what a report shows: of every case the newest full run, else the newest quick one. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns { runs, results, micro, scale }: runs by date, the rest as it was saved, the chosen alone; no scale is null */
export function readResults(dir) {
  const lines = readdirSync(dir)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(dir, name), 'utf8').split('\n').filter(Boolean))
    .map((line) => JSON.parse(line));
  const runs = new Map(lines.filter(({ type }) => type === 'run').map((run) => [run.date, run]));
  const results = lines.filter(({ type }) => type === 'result');
  const micro = lines.filter(({ type }) => type === 'micro');
  const newestMicro = micro
    .map(({ date }) => date)
    .sort()
    .at(-1);
  const scale = lines.filter(({ type }) => type === 'scale').at(-1) ?? null;
  return { runs, scale, results: newestOfEach(results, runs), micro: micro.filter(({ date }) => date === newestMicro) };
}

/** The rows of one case and engine: one per server, all of one run. */
export function rowsOf(results, id, engine) {
  return results.filter((result) => result.case === id && result.engine === engine);
}

function newestOfEach(results, runs) {
  const chosen = new Map();
  for (const { case: id, engine, date } of results) {
    const key = `${id} ${engine}`;
    const best = chosen.get(key);
    if (best === undefined || rank(date, runs) > rank(best, runs)) chosen.set(key, date);
  }
  return results.filter(({ case: id, engine, date }) => chosen.get(`${id} ${engine}`) === date);
}

/** Sorts full runs behind quick ones, and each kind by date. */
function rank(date, runs) {
  return `${runs.get(date)?.isQuick === false ? 1 : 0} ${date}`;
}

#!/usr/bin/env node
/**
 * The micro benchmarks: `npm run build && node bench/micro/run.mjs [--no-save]`. It starts itself again with a young
 * generation that is large enough to count what is allocated.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '../environment.mjs';
import { codecCases } from './codec.mjs';
import { dispatchCases } from './dispatch.mjs';
import { measure } from './harness.mjs';
import { ringCases } from './ring.mjs';

const FLAGS = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];
const RESULTS = fileURLToPath(new URL('../results/', import.meta.url));

if (globalThis.gc === undefined) {
  const self = fileURLToPath(import.meta.url);
  const { status } = spawnSync(process.execPath, [...FLAGS, self, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
main();

function main() {
  const run = environment();
  const ring = ringCases();
  if (ring.reason !== null) console.log(`micro: no ring: ${ring.reason}`);
  const results = [];
  for (const aCase of [...codecCases(), ...dispatchCases(), ...ring.cases]) {
    const result = measure(aCase);
    results.push(result);
    console.log(line(result));
  }
  if (!process.argv.includes('--no-save')) save(run, results);
  process.exit(0);
}

function line({ name, nsPerOp, bytesPerOp }) {
  const { median, min, max } = nsPerOp;
  return `${name.padEnd(52)} ${median.toFixed(1).padStart(9)} ns  (${min}..${max})  ${bytesPerOp.toFixed(1).padStart(7)} B`;
}

function save(run, results) {
  mkdirSync(RESULTS, { recursive: true });
  const name = `${run.date.slice(0, 10)}-${run.commit.slice(0, 8)}-micro.jsonl`;
  const lines = [{ type: 'run', ...run }, ...results.map((result) => ({ type: 'micro', date: run.date, ...result }))];
  appendFileSync(join(RESULTS, name), lines.map((text) => `${JSON.stringify(text)}\n`).join(''));
  console.log(`micro: results are in bench/results/${name}`);
}

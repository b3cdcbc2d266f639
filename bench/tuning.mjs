#!/usr/bin/env node
/**
 * What each knob of the configuration brings: every setting against the default, in rounds in turns. Appends
 * bench/results/*-tuning.jsonl, from which scripts/tuning-report.mjs writes docs/TUNING.md. Needs `npm run build`, cc and
 * libiscsi-dev; as root it measures loop devices too.
 *
 *   node bench/tuning.mjs [--experiment ID]... [--part N/M] [--rounds N] [--seconds S] [--dir DIR] [--no-save]
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { environment, machineTime } from './environment.mjs';
import { buildPrograms } from './macro/build.mjs';
import { MEASURES } from './macro/cases.mjs';
import { runLoad, spread } from './macro/measure.mjs';
import { stopServers } from './macro/servers.mjs';
import { compare, verdictOf } from './tuning/comparison.mjs';
import { startVariants, stopVariants, variantsOf } from './tuning/daemons.mjs';
import { Disks, fileSystemOf, missing } from './tuning/disks.mjs';
import { DEFAULT_ID, EXPERIMENTS } from './tuning/experiments.mjs';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const WARMUP_S = 0.05;
/** A daemon has compiled its hot code by then; that round does not count. */
const FIRST_ROUND_S = 0.4;

const { values: options } = parseArgs({
  options: {
    experiment: { type: 'string', multiple: true, default: [] },
    part: { type: 'string', default: '1/1' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.5' },
    dir: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
if (!existsSync(DIST)) fail('there is no dist/ yet; run: npm run build');
const dir = mkdtempSync(join(options.dir ?? tmpdir(), 'gotgt-tuning-'));
const disks = new Disks(dir);
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
main().catch((error) => fail(error.message));

async function main() {
  const programs = buildPrograms();
  const run = { ...environment(), rounds, seconds, fileSystem: fileSystemOf(dir) };
  for (const experiment of chosen()) {
    const { results, othersLoad } = await measureExperiment(experiment, programs);
    for (const result of results) console.log(lineOf(experiment, result));
    // Each experiment is saved as it ends: what a later one breaks does not take it away.
    if (!options['no-save']) save(run, experiment, results, othersLoad);
  }
  stopServers();
  process.exit(0);
}

/** The experiments that were asked for, or their part N of M. */
function chosen() {
  const { experiment: ids } = options;
  const unknown = ids.filter((id) => !EXPERIMENTS.some((experiment) => experiment.id === id));
  if (unknown.length > 0) throw new Error(`no such experiment: ${unknown.join(', ')}`);
  if (ids.length > 0) return EXPERIMENTS.filter(({ id }) => ids.includes(id));
  const [part, parts] = options.part.split('/').map(Number);
  const perPart = Math.ceil(EXPERIMENTS.length / parts);
  return EXPERIMENTS.slice((part - 1) * perPart, part * perPart);
}

/** One result per setting: compared with the default, or why it was not measured. */
async function measureExperiment(experiment, programs) {
  const all = variantsOf(experiment);
  const possible = all.filter((variant) => missing(variant, dir) === null);
  const skipped = all
    .filter((variant) => !possible.includes(variant) && variant.id !== DEFAULT_ID)
    .map((variant) => ({ setting: variant.id, skipped: missing(variant, dir) }));
  if (possible[0]?.id !== DEFAULT_ID) return { results: skipped, othersLoad: 0 };
  const started = await startVariants(experiment, possible, { dir, disks });
  const samples = new Map(possible.map(({ id }) => [id, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < possible.length; i++) {
      const variant = possible[(i + round) % possible.length]; // nobody is always first
      const sample = await measureOnce(experiment, variant, started.servers.get(variant.id), programs, round);
      if (round > 0) samples.get(variant.id).push(sample);
    }
  }
  await stopVariants(started);
  const theirs = samples.get(DEFAULT_ID);
  const measured = possible
    .filter(({ id }) => id !== DEFAULT_ID)
    .map(({ id }) => ({ setting: id, ...compare(experiment.measure, samples.get(id), theirs) }));
  const othersLoad = spread([...samples.values()].flat().map((sample) => sample.othersLoad)).median;
  return { results: [...measured, ...skipped], othersLoad: Number(othersLoad.toFixed(2)) };
}

/** One load generator per target, all at once; what they say together. */
async function measureOnce(experiment, variant, servers, { load }, round) {
  for (const { path } of servers) disks.prepare(path, experiment.isCold === true);
  const length = round === 0 ? FIRST_ROUND_S : seconds;
  const common = { warmup: WARMUP_S, ...experiment.load, ...variant.load, seconds: length };
  const before = machineTime();
  const samples = await Promise.all(
    servers.map((server, nth) => runLoad(load, server, 'disk', { ...common, seed: round * servers.length + nth + 1 })),
  );
  const busy = busyCores(before, machineTime());
  const sample = samples.length === 1 ? samples[0] : together(samples);
  return { ...sample, othersLoad: Math.max(0, busy - sample.serverCpu.load - sample.clientCpu.load) };
}

/** Every load generator has looked at the one process that serves all of them. */
function together(samples) {
  const sum = (of) => samples.reduce((total, sample) => total + of(sample), 0);
  const iops = sum((sample) => sample.iops);
  const load = sum((sample) => sample.serverCpu.load) / samples.length;
  return {
    iops,
    mibPerS: sum((sample) => sample.mibPerS),
    latencyUs: { mean: sum((sample) => sample.latencyUs.mean) / samples.length },
    serverCpu: { load, usPerIo: (load / iops) * 1e6 },
    clientCpu: { load: sum((sample) => sample.clientCpu.load) },
  };
}

function busyCores(before, after) {
  return ((after.busy - before.busy) / (after.total - before.total)) * cpus().length;
}

function lineOf({ id, measure }, result) {
  if (result.skipped !== undefined) return `${id} ${result.setting}: not measured, ${result.skipped}`;
  const { setting, ratio, base, here } = result;
  const digits = MEASURES[measure].digits;
  const values = `${base.value.toFixed(digits)} -> ${here.value.toFixed(digits)} ${MEASURES[measure].title}`;
  const spreadText = `${ratio.median} (${ratio.min}..${ratio.max})`;
  const cpu = `CPU ${base.cpu.toFixed(2)} -> ${here.cpu.toFixed(2)}`;
  return `${id} ${setting}: ${values}, ${spreadText}, ${cpu}: ${verdictOf(measure, result)}`;
}

/** One line for the run, in front of each of its experiments' results; they belong together by the run's date. */
function save(run, { id, measure }, results, othersLoad) {
  mkdirSync(RESULTS, { recursive: true });
  const name = `${run.date.slice(0, 10)}-${run.commit.slice(0, 8)}-tuning.jsonl`;
  const lines = results.map((result) => ({
    type: 'tuning',
    date: run.date,
    experiment: id,
    measure,
    othersLoad,
    ...result,
  }));
  appendFileSync(
    join(RESULTS, name),
    [{ type: 'tuning-run', ...run }, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
}

function fail(text) {
  console.error(`tuning: ${text}`);
  process.exit(1);
}

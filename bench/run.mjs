#!/usr/bin/env node
/**
 * The macro benchmark: our daemon over null, file and iouring against tgtd and the floor, in interleaved rounds. Prints a
 * table and appends bench/results/*.jsonl. Needs `npm run build`, cc and libiscsi-dev; tgtd is measured when it is there.
 *
 *   node bench/run.mjs [--quick] [--first] [--sweep] [--scale] [--case ID]... [--server NAME]... [--engine wire|libiscsi]...
 *                      [--rounds N] [--seconds S] [--dir DIR] [--no-save]
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { environment, machineTime } from './environment.mjs';
import { buildPrograms } from './macro/build.mjs';
import { CASES, SERVERS_DEFAULT, SWEEP } from './macro/cases.mjs';
import { cachedShare, DISK_BYTES, PIECE_BYTES, settleDisk, writeDisk } from './macro/disk.mjs';
import { residentMiB, runLoad, summarize, VERIFIED_BYTES, verifyServer } from './macro/measure.mjs';
import { measureScale, SCALE_TARGETS } from './macro/scale.mjs';
import { hasTgtd, SERVERS, startServer, stopServers } from './macro/servers.mjs';
import { caseTable } from './macro/table.mjs';

const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));
const DIST = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const QUICK = { rounds: 2, seconds: 0.7, warmup: 0.25, diskBytes: DISK_BYTES / 4 };
const FULL = { rounds: 5, seconds: 2, warmup: 0.5, diskBytes: DISK_BYTES };
const SWEEP_ROUNDS = 3;
/** With less of a disk in the page cache it is written anew: random reads would find holes. */
const CACHED_SHARE_MIN = 0.999;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    sweep: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [] },
    server: { type: 'string', multiple: true, default: [] },
    engine: { type: 'string', multiple: true, default: ['wire', 'libiscsi'] },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    dir: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
if (!existsSync(DIST)) fail('there is no dist/ yet; run: npm run build');
const dir = mkdtempSync(join(options.dir ?? tmpdir(), 'gotgt-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
main().catch((error) => fail(error.message));

async function main() {
  const programs = buildPrograms();
  const work = plan();
  const run = { ...environment(), isQuick: options.quick, ...pace() };
  const servers = await startAll(work, programs);
  for (const server of servers.values()) {
    for (const disk of Object.keys(server.disks)) {
      await verifyServer(programs.load, server, disk);
      writeDisk(server.disks[disk], PIECE_BYTES[disk], VERIFIED_BYTES);
    }
  }
  say('what is written is read back, through every server that keeps data');
  const results = [];
  for (const { aCase, engine } of work) {
    const rows = await measureCase(aCase, engine, servers, programs);
    results.push(...rows);
    if (aCase.sweep === undefined) console.log(caseTable(aCase, engine, rows, results));
    else say(`${aCase.title}: ${rows.map(({ server, iops }) => `${server} ${iops.median}`).join(', ')}`);
  }
  if (isScaleWanted()) results.push(await scale(programs));
  if (!options['no-save']) save(run, results);
  stopServers();
  setTimeout(() => process.exit(0), 3000).unref();
}

function pace() {
  const base = options.quick ? QUICK : FULL;
  const rounds = options.rounds === undefined ? base.rounds : Number(options.rounds);
  return { ...base, rounds, seconds: options.seconds === undefined ? base.seconds : Number(options.seconds) };
}

function isScaleWanted() {
  return options.scale || !(options.quick || options.first || options.sweep || options.case.length > 0);
}

async function scale({ load }) {
  const figures = await measureScale(load, dir);
  for (const { field, title, unit, atMost } of SCALE_TARGETS) {
    const verdict = figures[field] <= atMost ? 'reached' : 'MISSED';
    console.log(`${verdict}  ${title} ${figures[field]} ${unit}, wanted at most ${atMost}`);
  }
  return { type: 'scale', ...figures };
}

/** Cases and engines in the order in which they are measured. */
function plan() {
  const isWanted = ({ id, isFirst, isFullOnly }) => {
    if (options.case.length > 0) return options.case.includes(id);
    if (options.first) return isFirst === true;
    return !(options.quick && isFullOnly);
  };
  const chosen = CASES.filter(isWanted);
  if (options.sweep) chosen.push(...SWEEP);
  if (chosen.length === 0) throw new Error(`no such case; there are ${CASES.map(({ id }) => id).join(', ')}`);
  return chosen.flatMap((aCase) =>
    options.engine
      .filter((engine) => aCase.engines === undefined || aCase.engines.includes(engine))
      .map((engine) => ({ aCase, engine })),
  );
}

function serversOf(aCase) {
  const names = aCase.servers ?? SERVERS_DEFAULT;
  return options.server.length === 0 ? names : names.filter((name) => options.server.includes(name));
}

async function startAll(work, { floor }) {
  const names = [...new Set(work.flatMap(({ aCase }) => serversOf(aCase)))];
  const kinds = [...new Set(work.map(({ aCase }) => diskOf(aCase)))];
  say(`writing disks of ${pace().diskBytes / 2 ** 20} MiB for each server in ${dir}`);
  const servers = new Map();
  for (const name of names) {
    if (name === 'tgtd' && !hasTgtd()) {
      say('tgtd is left out: it is not installed, or this user is not root');
      continue;
    }
    const owner = SERVERS[name].disk;
    const disks = Object.fromEntries(kinds.map((kind) => [kind, join(dir, `${owner}-${kind}.img`)]));
    for (const [kind, path] of Object.entries(disks)) {
      if (owner !== null && !existsSync(path)) writeDisk(path, PIECE_BYTES[kind], pace().diskBytes);
    }
    const started = await startServer(name, { dir, disks, floor });
    servers.set(name, { ...started, disks: owner === null ? {} : disks });
  }
  return servers;
}

/** Before each measurement: nothing of the disk is dirty, all of it is in the page cache. */
function prepareDisk(server, kind) {
  const path = server.disks[kind];
  if (path === undefined) return;
  settleDisk(path);
  if (SERVERS[server.name].isUncached || cachedShare(path) >= CACHED_SHARE_MIN) return;
  say(`${server.name}: the page cache has lost some of its disk; it is written again`);
  writeDisk(path, PIECE_BYTES[kind], pace().diskBytes);
}

function diskOf({ disk }) {
  return disk ?? 'small';
}

/** One row per server; `othersLoad` is how many cores were busy with something else than server and client. */
async function measureCase(aCase, engine, servers, programs) {
  const { rounds, seconds, warmup } = pace();
  const present = serversOf(aCase).filter((name) => servers.has(name));
  const samples = new Map(present.map((name) => [name, []]));
  const before = machineTime();
  let ownLoad = 0;
  for (let round = 0; round < (aCase.sweep === undefined ? rounds : Math.min(rounds, SWEEP_ROUNDS)); round++) {
    for (let i = 0; i < present.length; i++) {
      const name = present[(i + round) % present.length]; // nobody is always first
      const server = servers.get(name);
      prepareDisk(server, diskOf(aCase));
      const load = { ...aCase.load, engine, seconds, warmup, seed: round + 1 };
      const sample = await runLoad(programs.load, server, diskOf(aCase), load);
      samples.get(name).push(sample);
      ownLoad += sample.serverCpu.load + sample.clientCpu.load;
    }
  }
  const after = machineTime();
  const busyCores = ((after.busy - before.busy) / (after.total - before.total)) * cpus().length;
  const runs = present.length * samples.get(present[0]).length;
  const othersLoad = Number(Math.max(0, busyCores - ownLoad / runs).toFixed(2));
  return present.map((name) => ({
    case: aCase.id,
    engine,
    server: name,
    ...(aCase.sweep === undefined ? {} : { sweep: aCase.sweep, at: aCase.at }),
    ...summarize(samples.get(name)),
    residentMiB: residentMiB(servers.get(name).pid),
    othersLoad,
  }));
}

/** One line for the run and one for each result; both carry the run's date, by which they belong together. */
function save(run, results) {
  mkdirSync(RESULTS, { recursive: true });
  const name = `${run.date.slice(0, 10)}-${run.commit.slice(0, 8)}${run.isQuick ? '-quick' : ''}.jsonl`;
  const lines = [{ type: 'run', ...run }, ...results.map((result) => ({ type: 'result', date: run.date, ...result }))];
  appendFileSync(join(RESULTS, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  say(`results are in bench/results/${name}`);
}

function say(text) {
  console.log(`bench: ${text}`);
}

function fail(text) {
  console.error(`bench: ${text}`);
  process.exit(1);
}

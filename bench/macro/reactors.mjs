#!/usr/bin/env node
/**
 * What a second reactor brings: two targets, each with a load generator of its own, on one reactor and on two, in turns. On a
 * machine with two cores the load generators take their part of both, so the gain is what they leave.
 *
 *   node bench/macro/reactors.mjs [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPrograms } from './build.mjs';
import { runLoad, spread } from './measure.mjs';
import { startReactors } from './servers.mjs';

const TARGETS = 2;
const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = 2;
const WARMUP_S = 0.5;

const READ = { rw: 'read', pattern: 'random', depth: 32 };
const CASES = [
  { title: '4 KiB read, null', scheme: 'null', load: { ...READ, block: 4096 } },
  { title: '4 KiB read, iouring', scheme: 'iouring', load: { ...READ, block: 4096 } },
  { title: '4 KiB write, iouring', scheme: 'iouring', load: { ...READ, rw: 'write', block: 4096 } },
  {
    title: '64 KiB read, iouring, data digest',
    scheme: 'iouring',
    load: { ...READ, block: 65536, 'data-digest': true },
  },
];

const dir = mkdtempSync(join(tmpdir(), 'gotgt-reactors-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
const { load } = buildPrograms();
console.log('case | reactors | kIOPS of both | CPU of the daemon | µs per I/O | cores of the load generators');
for (const one of CASES) await measureCase(one);
process.exit(0);

async function measureCase({ title, scheme, load: options }) {
  const samples = new Map([
    [1, []],
    [2, []],
  ]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [reactors, list] of samples) list.push(await measureOnce(scheme, reactors, options));
  }
  for (const [reactors, list] of samples) {
    const pick = (field, digits) => spread(list.map((sample) => sample[field])).median.toFixed(digits);
    const figures = [pick('kiops', 1), pick('serverLoad', 2), pick('usPerIo', 2), pick('clientLoad', 2)];
    console.log([title, reactors, ...figures].join(' | '));
  }
}

async function measureOnce(scheme, reactors, options) {
  const paths = Array.from({ length: TARGETS }, (_, id) => `${scheme}:${join(dir, `${scheme}${id}.img`)}`);
  const servers = await startReactors({ dir }, paths, reactors);
  const all = { ...options, seconds: SECONDS, warmup: WARMUP_S };
  const results = await Promise.all(
    servers.map((server, seed) => runLoad(load, server, 'small', { ...all, seed: seed + 1 })),
  );
  process.kill(servers[0].pid);
  const iops = results.reduce((sum, result) => sum + result.iops, 0);
  // Both look at the one process that serves both.
  const serverLoad = results.reduce((sum, { serverCpu }) => sum + serverCpu.load, 0) / results.length;
  const clientLoad = results.reduce((sum, { clientCpu }) => sum + clientCpu.load, 0);
  return { kiops: iops / 1000, serverLoad, usPerIo: (serverLoad / iops) * 1e6, clientLoad };
}

/** Runs the load generator, round by round over all servers in turn, and keeps the medians. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { MEASURES } from './cases.mjs';

const run = promisify(execFile);
const LOAD_TIMEOUT_MS = 120000;
/** How much of a disk verifyServer overwrites, from its start. */
export const VERIFIED_BYTES = 32 << 20;

/**
 * One run of the load generator on one of the server's disks.
 * @param options its options by name; true for those without a value
 * @returns what it printed. Throws an Error with what it said.
 */
export async function runLoad(program, server, disk, options) {
  const lun = server.luns[disk];
  const all = { port: server.port, target: server.target, lun, 'server-pid': server.pid, ...options };
  const args = Object.entries(all).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, `${value}`],
  );
  try {
    const { stdout } = await run(program, args, { timeout: LOAD_TIMEOUT_MS });
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`${server.name}: ${error.stderr?.trim() || error.message} (load ${args.join(' ')})`);
  }
}

/** Checks that what is written through `server` is what is read back, at its place. Throws when it is not. */
export async function verifyServer(program, server, disk) {
  const span = VERIFIED_BYTES;
  const block = 65536;
  const whole = { block, pattern: 'sequential', span, warmup: 0, seconds: 60, count: span / block };
  await runLoad(program, server, disk, { rw: 'read', verify: 0, count: 4000, warmup: 0, seconds: 60 });
  await runLoad(program, server, disk, { rw: 'write', verify: 1, ...whole });
  await runLoad(program, server, disk, { rw: 'read', verify: 1, ...whole });
}

/** { median, min, max } of numbers. */
export function spread(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Medians of the samples of one server in one case, in the form that is kept. */
export function summarize(samples) {
  const pick = (of) => round(spread(samples.map(of)));
  const summary = { rounds: samples.length };
  for (const [name, { of }] of Object.entries(MEASURES)) summary[name] = pick(of);
  for (const share of ['p50', 'p90', 'p99', 'p999']) summary[share] = pick((sample) => sample.latencyUs[share]);
  summary.serverLoad = pick((sample) => sample.serverCpu.load);
  summary.serverSystem = pick((sample) => sample.serverCpu.systemUsPerIo);
  summary.clientLoad = pick((sample) => sample.clientCpu.load);
  summary.clientCpu = pick((sample) => sample.clientCpu.usPerIo);
  return summary;
}

/** Resident memory of a process in MiB, now. */
export function residentMiB(pid) {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found[1]) / 1024);
}

function round({ median, min, max }) {
  const short = (value) => Number(value.toPrecision(5));
  return { median: short(median), min: short(min), max: short(max) };
}

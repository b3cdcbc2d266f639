/**
 * Times small pieces of the hot path: ns and allocated bytes per operation. Bytes are exact: the process runs with a young
 * generation so large that nothing is collected while a batch is counted (see run.mjs), and a batch that was disturbed by
 * a collection is counted again.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

const WARMUP_MS = 300;
const BATCH_MS = 60;
const BATCHES = 9;
/** Operations of one count of bytes: at 1 KiB each still far below the young generation. */
const COUNTED_OPERATIONS = 20000;
const COUNT_TRIES = 5;

/**
 * @param aCase { name, perCall, run }: run() does perCall operations
 * @returns { name, nsPerOp: { median, min, max }, bytesPerOp }
 */
export function measure({ name, perCall, run }) {
  const calls = calibrate(run);
  const times = [];
  for (let i = 0; i < BATCHES; i++) times.push((timeCalls(run, calls) * 1e6) / (calls * perCall));
  times.sort((a, b) => a - b);
  const nsPerOp = { median: short(times[BATCHES >> 1]), min: short(times[0]), max: short(times[BATCHES - 1]) };
  return { name, nsPerOp, bytesPerOp: short(countBytes(run, perCall)) };
}

/** Calls that take BATCH_MS, once the code is hot. */
function calibrate(run) {
  const until = performance.now() + WARMUP_MS;
  let calls = 0;
  let busy = 0;
  while (performance.now() < until) {
    busy += timeCalls(run, 16);
    calls += 16;
  }
  return Math.max(1, Math.round((calls * BATCH_MS) / busy));
}

function timeCalls(run, calls) {
  const start = performance.now();
  for (let i = 0; i < calls; i++) run();
  return performance.now() - start;
}

function countBytes(run, perCall) {
  const calls = Math.ceil(COUNTED_OPERATIONS / perCall);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COUNT_TRIES; i++) {
    globalThis.gc();
    const before = allocated();
    for (let call = 0; call < calls; call++) run();
    const bytes = allocated() - before;
    if (bytes >= 0) least = Math.min(least, bytes);
  }
  return least / (calls * perCall);
}

function allocated() {
  return getHeapStatistics().used_heap_size;
}

function short(value) {
  return Number(value.toPrecision(4));
}

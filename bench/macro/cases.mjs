/**
 * The cases of the macro benchmark. `disk` is the one it works on (disk.mjs; small by default), `load` holds options of the
 * load generator; `targets` says what is to be reached, as a
 * share of another figure of the same run: { of, measure, atLeast | atMost }, where `of` is a server, or `case:ID` for our
 * own figure in another case.
 */

/** What counts in a case, and whether more of it is better. */
export const MEASURES = {
  iops: { title: 'IOPS', unit: '', digits: 0, isMoreBetter: true, of: (sample) => sample.iops },
  mibPerS: { title: 'MiB/s', unit: 'MiB/s', digits: 0, isMoreBetter: true, of: (sample) => sample.mibPerS },
  latency: {
    title: 'mean latency',
    unit: 'µs',
    digits: 1,
    isMoreBetter: false,
    of: (sample) => sample.latencyUs.mean,
  },
  cpu: {
    title: 'server CPU per I/O',
    unit: 'µs',
    digits: 2,
    isMoreBetter: false,
    of: (sample) => sample.serverCpu.usPerIo,
  },
};

const BIG = 262144;

/** Servers that a case runs on when it does not say. */
export const SERVERS_DEFAULT = ['null', 'file', 'iouring', 'tgtd', 'floor'];

export const CASES = [
  {
    id: 'rr4k-qd32',
    title: '4 KiB random read, depth 32',
    isFirst: true,
    measure: 'iops',
    load: { rw: 'read', block: 4096, depth: 32 },
    targets: [
      { of: 'floor', measure: 'iops', atLeast: 0.95 },
      { of: 'tgtd', measure: 'iops', atLeast: 3 },
      { of: 'floor', measure: 'cpu', atMost: 1.2 },
      { of: 'tgtd', measure: 'cpu', atMost: 0.2 },
    ],
  },
  {
    id: 'rw4k-qd32',
    title: '4 KiB random write, depth 32',
    measure: 'iops',
    load: { rw: 'write', block: 4096, depth: 32 },
    targets: [
      { of: 'floor', measure: 'iops', atLeast: 0.9 },
      { of: 'tgtd', measure: 'iops', atLeast: 1.7 },
    ],
  },
  {
    id: 'sr256k-qd8',
    title: '256 KiB sequential read, depth 8',
    measure: 'mibPerS',
    disk: 'large',
    load: { rw: 'read', pattern: 'sequential', block: BIG, depth: 8 },
    targets: [
      { of: 'floor', measure: 'mibPerS', atLeast: 0.95 },
      { of: 'tgtd', measure: 'mibPerS', atLeast: 1.1 },
    ],
  },
  {
    id: 'sw256k-qd8',
    title: '256 KiB sequential write, depth 8',
    measure: 'mibPerS',
    disk: 'large',
    load: { rw: 'write', pattern: 'sequential', block: BIG, depth: 8 },
    targets: [
      { of: 'floor', measure: 'mibPerS', atLeast: 0.8 },
      { of: 'tgtd', measure: 'mibPerS', atLeast: 3 },
    ],
  },
  {
    id: 'rr4k-qd1',
    title: '4 KiB random read, depth 1',
    measure: 'latency',
    load: { rw: 'read', block: 4096, depth: 1 },
    targets: [
      { of: 'floor', measure: 'latency', atMost: 1.1 },
      { of: 'tgtd', measure: 'latency', atMost: 0.9 },
    ],
  },
  {
    id: 'rr4k-4x32',
    title: '4 sessions, 4 KiB random read, depth 32 each',
    measure: 'iops',
    load: { rw: 'read', block: 4096, depth: 32, sessions: 4 },
    targets: [
      { of: 'floor', measure: 'iops', atLeast: 0.9 },
      { of: 'tgtd', measure: 'iops', atLeast: 3 },
    ],
  },
  {
    id: 'rr4k-qd32-digests',
    title: '4 KiB random read, depth 32, CRC32C header and data digests',
    measure: 'iops',
    load: { rw: 'read', block: 4096, depth: 32, 'header-digest': true, 'data-digest': true },
    engines: ['wire'], // libiscsi 1.19 has no data digest
    servers: ['null', 'file', 'iouring'],
    targets: [{ of: 'case:rr4k-qd32', measure: 'iops', atLeast: 0.8 }],
  },
  {
    id: 'sw256k-qd8-digests',
    title: '256 KiB sequential write, depth 8, CRC32C header and data digests',
    measure: 'mibPerS',
    disk: 'large',
    load: { rw: 'write', pattern: 'sequential', block: BIG, depth: 8, 'header-digest': true, 'data-digest': true },
    engines: ['wire'],
    servers: ['null', 'file', 'iouring'],
    targets: [{ of: 'case:sw256k-qd8', measure: 'mibPerS', atLeast: 0.8 }],
  },
  {
    id: 'rr4k-64x4',
    title: '64 sessions, 4 KiB random read, depth 4 each',
    measure: 'iops',
    load: { rw: 'read', block: 4096, depth: 4, sessions: 64 },
    targets: [{ of: 'case:rr4k-qd32', measure: 'iops', atLeast: 0.85 }],
  },
  {
    id: 'mix4k-qd32',
    title: '4 KiB random, 70 % reads, depth 32',
    isFullOnly: true,
    measure: 'iops',
    load: { rw: 'mixed', block: 4096, depth: 32 },
    targets: [],
  },
  {
    id: 'rr4k-qd32-large',
    title: '4 KiB random read, depth 32, file in large pages',
    isFullOnly: true,
    measure: 'iops',
    disk: 'large',
    load: { rw: 'read', block: 4096, depth: 32 },
    targets: [],
  },
  {
    id: 'rw4k-qd32-large',
    title: '4 KiB random write, depth 32, file in large pages',
    measure: 'iops',
    disk: 'large',
    load: { rw: 'write', block: 4096, depth: 32 },
    targets: [],
  },
  {
    id: 'rr4k-qd32-direct',
    title: '4 KiB random read, depth 32, O_DIRECT',
    isFullOnly: true,
    measure: 'iops',
    load: { rw: 'read', block: 4096, depth: 32 },
    servers: ['iouring-direct'],
    targets: [],
  },
  {
    id: 'rw4k-qd32-direct',
    title: '4 KiB random write, depth 32, O_DIRECT',
    isFullOnly: true,
    measure: 'iops',
    load: { rw: 'write', block: 4096, depth: 32 },
    servers: ['iouring-direct'],
    targets: [],
  },
];

const SWEEP_DEPTHS = [1, 2, 4, 8, 16, 32, 64, 128];
const SWEEP_BLOCKS = [4096, 8192, 16384, 32768, 65536, 131072, 262144];
const SWEEP_SERVERS = ['file', 'iouring', 'tgtd', 'floor'];

/** For the charts: throughput by depth and by block size. */
export const SWEEP = [
  ...SWEEP_DEPTHS.map((depth) => sweepCase(`depth-${depth}`, 'depth', depth, { rw: 'read', block: 4096, depth })),
  ...SWEEP_BLOCKS.map((block) => sweepCase(`read-${block}`, 'block-read', block, { rw: 'read', block, depth: 16 })),
  ...SWEEP_BLOCKS.map((block) => sweepCase(`write-${block}`, 'block-write', block, { rw: 'write', block, depth: 16 })),
];

function sweepCase(id, sweep, at, load) {
  const title = `sweep: random ${load.rw} of ${load.block / 1024} KiB, depth ${load.depth}`;
  const common = { engines: ['wire'], servers: SWEEP_SERVERS, targets: [] };
  return { id: `sweep-${id}`, title, measure: sweep === 'depth' ? 'iops' : 'mibPerS', sweep, at, load, ...common };
}

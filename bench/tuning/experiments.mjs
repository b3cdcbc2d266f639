/**
 * The experiments behind docs/TUNING.md: one load each, and settings of a knob against the default, all in one run and in
 * turns. `base` holds for every setting of an experiment and for its default.
 *
 * A setting may say: `storage` (keys of storages[]), `negotiation`, `performance`, `limits`; `scheme` of the storage; `disk`
 * it works on (disks.mjs); `load`, options of the load generator; `how`, options of startDaemon(); `isAlone`, it shares
 * its storage with no other setting; `readAheadKiB` of its loop device; `needs`, what the machine must have (disks.mjs).
 */

const KIB = 1024;
const MIB = 1024 * KIB;

const READ_4K = { rw: 'read', block: 4 * KIB, depth: 32 };
const WRITE_4K = { rw: 'write', block: 4 * KIB, depth: 32 };
const READ_256K = { rw: 'read', pattern: 'sequential', block: 256 * KIB, depth: 8 };
const WRITE_256K = { ...READ_256K, rw: 'write' };
/** The client asks for bursts as long as the target allows. */
const WRITE_1M = { rw: 'write', pattern: 'sequential', block: MIB, depth: 4, burst: 16 * MIB - 1 };
const READ_1M = { ...WRITE_1M, rw: 'read' };

const BACKEND_SETTINGS = [
  { id: 'iouring', title: '`iouring`', scheme: 'iouring' },
  {
    id: 'iouring-off',
    title: '`iouring`, `enableIoUring: false`',
    scheme: 'iouring',
    performance: { enableIoUring: false },
  },
  { id: 'native-off', title: '`file`, `GOTGT_NATIVE=off`', how: { env: { GOTGT_NATIVE: 'off' } } },
  { id: 'threads-16', title: '`file`, `UV_THREADPOOL_SIZE=16`', how: { env: { UV_THREADPOOL_SIZE: '16' } } },
];

const DISK_SETTINGS = [
  { id: 'tmpfs', title: 'a file on tmpfs', disk: 'tmpfs', needs: 'tmpfs' },
  { id: 'loop', title: 'a block device (loop device over a file on {fs})', disk: 'loop', needs: 'loop' },
];

export const EXPERIMENTS = [
  {
    id: 'backend-read',
    title: '4 KiB random read, depth 32',
    measure: 'iops',
    load: READ_4K,
    base: { title: '`file`', scheme: 'file' },
    settings: BACKEND_SETTINGS,
  },
  {
    id: 'backend-write',
    title: '4 KiB random write, depth 32',
    measure: 'iops',
    load: WRITE_4K,
    base: { title: '`file`', scheme: 'file' },
    settings: BACKEND_SETTINGS.slice(0, 1),
  },
  {
    id: 'backend-stream',
    title: '256 KiB sequential write, depth 8',
    measure: 'mibPerS',
    load: WRITE_256K,
    base: { title: '`file`', scheme: 'file', disk: 'large' },
    settings: BACKEND_SETTINGS.slice(0, 1),
  },
  {
    id: 'direct-read',
    title: '4 KiB random read, depth 32, everything in the page cache',
    measure: 'iops',
    load: READ_4K,
    base: { title: '`false`', storage: { blockShift: 12 } },
    settings: [{ id: 'direct', title: '`direct: true`', storage: { direct: true } }],
  },
  {
    id: 'direct-write',
    title: '4 KiB random write, depth 32',
    measure: 'iops',
    load: WRITE_4K,
    base: { title: '`false`', storage: { blockShift: 12 } },
    settings: [{ id: 'direct', title: '`direct: true`', storage: { direct: true } }],
  },
  {
    id: 'ring-depth',
    title: '4 KiB random read, depth 32, `direct: true`',
    measure: 'iops',
    load: READ_4K,
    base: { title: '`0`: as many as the ring takes', storage: { blockShift: 12, direct: true } },
    settings: [1, 8, 32].map((depth) => ({
      id: `${depth}`,
      title: `\`${depth}\``,
      storage: { ioUringQueueDepth: depth },
    })),
  },
  {
    id: 'submission-thread',
    title: '4 KiB random read, depth 32, `direct: true`',
    measure: 'iops',
    load: READ_4K,
    base: { title: '`0`', storage: { blockShift: 12, direct: true } },
    settings: [{ id: '1000', title: '`sqPollIdleMs: 1000`', performance: { sqPollIdleMs: 1000 } }],
  },
  {
    id: 'submission-thread-alone',
    title: '4 KiB random read, depth 1, `direct: true`',
    measure: 'latency',
    load: { ...READ_4K, depth: 1 },
    base: { title: '`0`', storage: { blockShift: 12, direct: true } },
    settings: [{ id: '1000', title: '`sqPollIdleMs: 1000`', performance: { sqPollIdleMs: 1000 } }],
  },
  {
    id: 'polled-completions',
    title: '4 KiB random read, depth 1, `direct: true`',
    measure: 'latency',
    load: { ...READ_4K, depth: 1 },
    base: { title: '`false`', storage: { blockShift: 12, direct: true } },
    settings: [{ id: 'polled', title: '`ioPoll: true`', performance: { ioPoll: true }, needs: 'polling' }],
  },
  {
    id: 'reactors-two-targets',
    title: 'two targets, 4 KiB random read, depth 32 each',
    measure: 'iops',
    load: READ_4K,
    targets: 2,
    base: { title: '`reactors: 1`' },
    settings: [{ id: '2', title: '`reactors: 2`', performance: { reactors: 2 } }],
  },
  {
    id: 'reactors-one-target',
    title: 'one target, 4 KiB random read, depth 32',
    measure: 'iops',
    load: READ_4K,
    settings: [
      { id: '2', title: '`reactors: 2`', performance: { reactors: 2 } },
      { id: 'numa', title: '`enableNUMA: true`', performance: { enableNUMA: true } },
      { id: 'pinned', title: '`taskset -c 0` before the daemon', how: { prefix: ['taskset', '-c', '0'] } },
      { id: 'debug', title: '`--log debug`', how: { daemonFlags: ['--log', 'debug'] } },
      { id: 'trace', title: '`--log trace`', how: { daemonFlags: ['--log', 'trace'] } },
      { id: 'semi-space', title: '`node --max-semi-space-size=64`', how: { nodeFlags: ['--max-semi-space-size=64'] } },
      { id: 'block-4096', title: '`blockShift: 12`', storage: { blockShift: 12 } },
    ],
  },
  {
    id: 'one-at-a-time',
    title: '4 KiB random read, depth 1',
    measure: 'latency',
    load: { ...READ_4K, depth: 1 },
    settings: [
      { id: 'sleeps', title: '`busyPollUs: 0`', performance: { busyPollUs: 0 } },
      { id: 'short', title: '`busyPollUs: 20`', performance: { busyPollUs: 20 } },
    ],
  },
  {
    id: 'memory',
    title: '256 KiB sequential read, depth 8',
    measure: 'mibPerS',
    load: READ_256K,
    base: { disk: 'large' },
    settings: [
      {
        id: 'buffers',
        title: '`numaBufferPoolSize: 256`, `numaBufferSize: 262144`',
        performance: { numaBufferPoolSize: 256, numaBufferSize: 262144 },
      },
      { id: 'huge', title: '`hugePages: true`', performance: { hugePages: true }, needs: 'hugePages' },
    ],
  },
  {
    id: 'small-write',
    title: '4 KiB random write, depth 32',
    measure: 'iops',
    load: WRITE_4K,
    settings: [
      { id: 'immediate-off', title: '`immediateData: false`', negotiation: { immediateData: false } },
      {
        id: 'solicited',
        title: '`immediateData: false`, `initialR2T: true`',
        negotiation: { immediateData: false, initialR2T: true },
      },
      { id: 'block-4096', title: '`blockShift: 12`', storage: { blockShift: 12 } },
      { id: 'thin', title: '`thinProvisioning: true`', storage: { thinProvisioning: true } },
      {
        id: 'threshold',
        title: '`thinProvisioning: true`, `thresholdAvailable: "1GiB"`',
        storage: { thinProvisioning: true, thresholdAvailable: '1GiB' },
      },
      {
        id: 'write-through',
        title: 'WCE 0 (MODE SELECT by the initiator)',
        load: { 'write-through': true },
        isAlone: true,
      },
    ],
  },
  {
    id: 'small-write-alone',
    title: '4 KiB random write, depth 1',
    measure: 'latency',
    load: { ...WRITE_4K, depth: 1 },
    settings: [
      { id: 'immediate-off', title: '`immediateData: false`', negotiation: { immediateData: false } },
      {
        id: 'solicited',
        title: '`immediateData: false`, `initialR2T: true`',
        negotiation: { immediateData: false, initialR2T: true },
      },
    ],
  },
  {
    id: 'large-write',
    title: '256 KiB sequential write, depth 8',
    measure: 'mibPerS',
    load: WRITE_256K,
    base: { disk: 'large' },
    settings: [
      ...[8 * KIB, 64 * KIB, MIB].map((bytes) => ({
        id: `segment-${bytes}`,
        title: `\`maxRecvDataSegmentLength: ${bytes}\``,
        negotiation: { maxRecvDataSegmentLength: bytes },
      })),
      { id: 'first-65536', title: '`firstBurstLength: 65536`', negotiation: { firstBurstLength: 65536 } },
      { id: 'first-8192', title: '`firstBurstLength: 8192`', negotiation: { firstBurstLength: 8192 } },
      { id: 'initial-r2t', title: '`initialR2T: true`', negotiation: { initialR2T: true } },
      {
        id: 'solicited',
        title: '`immediateData: false`, `initialR2T: true`',
        negotiation: { immediateData: false, initialR2T: true },
      },
    ],
  },
  {
    id: 'burst-write',
    title: '1 MiB sequential write, depth 4',
    measure: 'mibPerS',
    load: WRITE_1M,
    base: { title: '`1048576`', disk: 'large' },
    settings: [256 * KIB, 64 * KIB].map((bytes) => ({
      id: `${bytes}`,
      title: `\`maxBurstLength: ${bytes}\``,
      negotiation: { maxBurstLength: bytes, firstBurstLength: Math.min(bytes, 256 * KIB) },
    })),
  },
  {
    id: 'outstanding-r2t',
    title: '1 MiB sequential write, depth 4, `maxBurstLength: 65536`; the client allows 64 R2Ts',
    measure: 'mibPerS',
    load: { ...WRITE_1M, 'outstanding-r2ts': 64 },
    base: { title: '`4`', disk: 'large', negotiation: { maxBurstLength: 65536, firstBurstLength: 65536 } },
    settings: [1, 16].map((count) => ({
      id: `${count}`,
      title: `\`maxOutstandingR2T: ${count}\``,
      negotiation: { maxOutstandingR2T: count },
    })),
  },
  {
    id: 'burst-read',
    title: '1 MiB sequential read, depth 4',
    measure: 'mibPerS',
    load: READ_1M,
    base: { disk: 'large' },
    settings: [
      {
        id: 'burst-65536',
        title: '`maxBurstLength: 65536`',
        negotiation: { maxBurstLength: 65536, firstBurstLength: 65536 },
      },
      ...[8 * KIB, 64 * KIB].map((bytes) => ({
        id: `recv-${bytes}`,
        title: `the initiator's MaxRecvDataSegmentLength ${bytes}, not 262144`,
        load: { 'recv-segment': bytes },
      })),
    ],
  },
  {
    id: 'digest-small',
    title: '4 KiB random read, depth 32',
    measure: 'iops',
    load: READ_4K,
    base: { title: 'none' },
    settings: [
      { id: 'header', title: 'HeaderDigest CRC32C', load: { 'header-digest': true } },
      { id: 'both', title: 'HeaderDigest and DataDigest CRC32C', load: { 'header-digest': true, 'data-digest': true } },
    ],
  },
  {
    id: 'digest-large',
    title: '256 KiB sequential read, depth 8',
    measure: 'mibPerS',
    load: READ_256K,
    base: { title: 'none', disk: 'large' },
    settings: [{ id: 'data', title: 'DataDigest CRC32C', load: { 'data-digest': true } }],
  },
  {
    id: 'connections',
    title: '4 KiB random read, 32 commands in flight in one session',
    measure: 'iops',
    load: READ_4K,
    base: { negotiation: { maxConnections: 4 }, title: 'one connection' },
    settings: [
      { id: '2', title: 'two connections', load: { sessions: 2, depth: 16, 'one-session': true } },
      { id: '4', title: 'four connections', load: { sessions: 4, depth: 8, 'one-session': true } },
    ],
  },
  {
    id: 'window',
    title: '4 KiB random read, the client would have 128 commands in flight',
    measure: 'iops',
    load: { ...READ_4K, depth: 128 },
    base: { title: '`128`' },
    settings: [8, 32].map((count) => ({
      id: `${count}`,
      title: `\`commandWindow: ${count}\``,
      limits: { commandWindow: count },
    })),
  },
  {
    id: 'disk-read',
    title: '4 KiB random read, depth 32',
    measure: 'iops',
    load: READ_4K,
    base: { title: 'a file on {fs}' },
    settings: DISK_SETTINGS,
  },
  {
    id: 'disk-write',
    title: '4 KiB random write, depth 32',
    measure: 'iops',
    load: WRITE_4K,
    base: { title: 'a file on {fs}, written in pieces of 4 KiB' },
    settings: [
      ...DISK_SETTINGS,
      { id: 'large', title: 'a file on {fs}, written in pieces of 4 MiB', disk: 'large' },
      { id: 'allocated', title: 'a file on {fs}, allocated by fallocate(1), not written', disk: 'allocated' },
      { id: 'sparse', title: 'a sparse file on {fs}', disk: 'sparse' },
    ],
  },
  {
    id: 'read-ahead',
    title: '64 KiB sequential read, depth 1, not in the page cache',
    measure: 'mibPerS',
    load: { rw: 'read', pattern: 'sequential', block: 64 * KIB, depth: 1, warmup: 0 },
    isCold: true,
    base: { disk: 'loop', readAheadKiB: 128, needs: 'loop', title: '`read_ahead_kb` 128 (a loop device)' },
    settings: [
      { id: '0', title: '`read_ahead_kb` 0', readAheadKiB: 0, isAlone: true },
      { id: '4096', title: '`read_ahead_kb` 4096', readAheadKiB: 4096, isAlone: true },
    ],
  },
];

/** A setting of an experiment; DEFAULT_ID is what the others are compared with. */
export const DEFAULT_ID = 'default';

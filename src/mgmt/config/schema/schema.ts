/**
 * The configuration as it stands in the file: gotgt's config.json, and our own keys beside gotgt's. One TypeBox schema says
 * for every key its type, its range, its default and, in `expects`, the words that a refusal uses; docs/CONFIG.md is
 * rendered from it. What the keys mean together is checked where they are read (config-storages, -portals, -targets).
 */
import Type, { type Static } from 'typebox';
import { FIRST_BURST_BYTES_OFFER_MAX, OFFERS_DEFAULT } from '../../../iscsi/protocol/login/parameters.ts';
import { AluaSchema } from './alua-schema.ts';
import { AccessSchema, AuthSchema } from './auth-schema.ts';
import { IsnsSchema } from './isns-schema.ts';

/** 2^53-1, the largest LUN in bytes and the largest whole number JSON carries exactly. */
const SAFE_INTEGER_MAX = Number.MAX_SAFE_INTEGER;
export const BLOCK_SHIFT_MIN = 9;
export const BLOCK_SHIFT_MAX = 12;
/** IORING_MAX_ENTRIES of the Linux kernel. */
export const IO_URING_QUEUE_DEPTH_MAX = 32768;
/** A thread that has had nothing to do for a minute may sleep. */
export const SQ_POLL_IDLE_MS_MAX = 60_000;
/** The kernel's MAX_NUMNODES is at most 1024. */
const NUMA_NODE_MAX = 1023;
/** Each has at least a thousand of the 65535 TSIHs to itself. */
export const REACTORS_MAX = 32;
/** Of one reactor: 64 GiB of 64 KiB buffers. */
export const BUFFERS_MAX = 1_048_576;
const BUFFER_BYTES_MAX = 16 * 1024 * 1024;
/** RFC 7143 13.12: MaxRecvDataSegmentLength, MaxBurstLength and FirstBurstLength end at 2^24-1. */
export const LENGTH_BYTES_MAX = 16777215;
export const LENGTH_BYTES_MIN = 512;
/** RFC 7143 13.17 allows 65535; no initiator asks for more than 16, and each is room in the transfer table. */
export const MAX_OUTSTANDING_R2T_MAX = 64;
/** RFC 7143 13.15 and 13.16. */
export const TIME2WAIT_SECONDS_MAX = 3600;
/** Sessions of several connections are to come. */
export const MAX_CONNECTIONS_MAX = 16;
export const ERROR_RECOVERY_LEVEL_MAX = 0;
/** RFC 7143 13.24: 1 is RFC 7143, 2 is RFC 7144. */
export const PROTOCOL_LEVEL_MAX = 1;
/** Flat addressing (SAM-5 4.7.7.3) ends at 16383. */
export const LUN_MAX = 16383;
/** RFC 7143 13.6: a text value of at most 255 bytes. */
export const ALIAS_BYTES_MAX = 255;
export const ALIAS_EXPECTED = `1 to ${ALIAS_BYTES_MAX} bytes of text on one line`;
export const SIZE_EXPECTED = 'bytes as a whole number, or a string such as "512MiB", "1GiB", "2TiB"';
export const THRESHOLD_EXPECTED = '0, bytes as a whole number, or a string such as "512MiB", "1GiB", "2TiB"';
export const PORTAL_EXPECTED = 'an address such as "192.0.2.1:3260", "[2001:db8::1]:3260", "0.0.0.0" or ":3260"';
export const TPGT_MAX = 65535;
export const PORT_DEFAULT = 3260;
export const LOGIN_TIMEOUT_MS_DEFAULT = 15000;
/** Enough for two initiators' queues of 64, and little enough that one session's commands fit in the task pool. */
export const COMMAND_WINDOW_DEFAULT = 128;
export const COMMAND_WINDOW_MAX = 1024;
export const KEEPALIVE_MS_DEFAULT = 30000;

interface Words<Value> {
  readonly description: string;
  readonly default?: Value;
  /** The key is read and checked, and nothing follows from it yet; the daemon says so. */
  readonly hasNoEffectYet?: boolean;
}

function wholeNumber(minimum: number, maximum: number, words: Words<number>) {
  return Type.Optional(Type.Integer({ minimum, maximum, expects: rangeText(minimum, maximum), ...words }));
}

function rangeText(minimum: number, maximum: number): string {
  return minimum === maximum ? `${minimum}` : `a whole number from ${minimum} to ${maximum}`;
}

function yesOrNo(words: Words<boolean>) {
  return Type.Optional(Type.Boolean({ expects: 'true or false', ...words }));
}

function alwaysTrue(description: string) {
  return Type.Optional(Type.Literal(true, { expects: 'true', description, default: true }));
}

/** Printable ASCII, as INQUIRY data is (SPC-4 4.4.1). */
function asciiField(lengthMax: number, words: Words<string>) {
  const expects = `1 to ${lengthMax} printable ASCII characters`;
  return Type.Optional(Type.String({ pattern: `^[\\x20-\\x7e]{1,${lengthMax}}$`, expects, ...words }));
}

const queueDepth = (description: string) =>
  wholeNumber(0, IO_URING_QUEUE_DEPTH_MAX, { description: `${description} 0 leaves it to the daemon.` });

export const StorageSchema = Type.Object({
  deviceID: Type.Integer({
    minimum: 0,
    maximum: SAFE_INTEGER_MAX,
    expects: 'a whole number from 0 to 2^53-1, different for every storage',
    description: 'The number by which `luns` name this storage.',
  }),
  path: Type.String({
    expects: 'a path such as "/var/lib/disk.img", "file:/var/lib/disk.img" or "iouring:/dev/sdb"',
    description:
      'Where the data lies: a file or block device, its kind before it (`file:`, `iouring:`, `null:`) or in `backendType`. A relative path starts at the working directory.',
  }),
  backendType: Type.Optional(
    Type.String({
      expects: 'a kind of storage: "file", "iouring" or "null"',
      description: 'The kind of storage when `path` does not name it: `file`, `iouring` or `null`.',
      default: 'file',
    }),
  ),
  kind: Type.Optional(
    Type.Union([Type.Literal('disk'), Type.Literal('cdrom')], {
      expects: '"disk" or "cdrom"',
      description:
        'What initiators see: a disk, or a CD-ROM drive with an ISO image in it (DVD-ROM when it is larger than a CD), which is read-only, removable and has blocks of 2048 bytes, whatever the other keys say. What is left behind the last whole block of the image is not served.',
      default: 'disk',
    }),
  ),
  online: yesOrNo({ description: '`false` keeps the storage in the file but does not export it.', default: true }),
  size: Type.Optional(
    Type.Union([Type.Integer(), Type.String()], {
      expects: SIZE_EXPECTED,
      description:
        'Size of the disk. A file that does not exist is created sparse with it. A larger one takes effect with SIGHUP, and lengthens the file; a disk is never made smaller. Without it, the size that the file or device has, followed while it is served.',
    }),
  ),
  deviceSize: wholeNumber(0, SAFE_INTEGER_MAX, { description: "gotgt's name for `size`, in bytes. 0 says nothing." }),
  thinProvisioning: yesOrNo({
    description: 'Tells initiators that UNMAP gives space back (holes in the file).',
    default: false,
  }),
  thresholdAvailable: Type.Optional(
    Type.Union([Type.Integer(), Type.String()], {
      expects: THRESHOLD_EXPECTED,
      description:
        'With `thinProvisioning`: initiators are told when no more than this is left in the file system (THIN PROVISIONING SOFT THRESHOLD REACHED). 0 tells nobody, unless an initiator sets a threshold itself.',
      default: 0,
    }),
  ),
  thresholdUsedPercent: wholeNumber(0, 100, {
    description: 'The same when the file takes so much of the size of the disk.',
    default: 0,
  }),
  blockShift: Type.Optional(
    Type.Union([Type.Literal(0), Type.Integer({ minimum: BLOCK_SHIFT_MIN, maximum: BLOCK_SHIFT_MAX })], {
      expects: `9 (512-byte blocks), 10, 11, 12 (4096-byte blocks), or 0 for the default`,
      description: 'Logical block size as a power of two: 9 is 512 bytes, 12 is 4096. 0 is the default.',
      default: BLOCK_SHIFT_MIN,
    }),
  ),
  readOnly: yesOrNo({ description: 'Initiators may read only (write protected).', default: false }),
  removable: yesOrNo({
    description:
      'A removable medium: initiators may eject it and load it again, and may prevent that. Another `path` takes effect with SIGHUP.',
    default: false,
  }),
  direct: yesOrNo({ description: 'O_DIRECT: past the page cache. For `iouring`.', default: false }),
  vendorID: asciiField(8, { description: 'T10 vendor identification in INQUIRY data.' }),
  productID: asciiField(16, { description: 'Product identification in INQUIRY data.' }),
  serial: asciiField(36, {
    description: 'Unit serial number. Without it, one made from the identity kept in the state directory.',
  }),
  ioUringQueueDepth: queueDepth('Requests of this storage that are in the ring at a time.'),
  enableNUMA: yesOrNo({
    description:
      'This storage is served by a thread and with memory on `numaNode`. Without it `performance.enableNUMA` says.',
  }),
  numaNode: Type.Optional(
    Type.Union([Type.Literal('auto'), Type.Integer({ minimum: -1, maximum: NUMA_NODE_MAX })], {
      expects: `"auto", or a whole number from -1 to ${NUMA_NODE_MAX}`,
      description: 'The NUMA node this storage is served on; `"auto"` is the node of its device, -1 is any.',
      default: 'auto',
    }),
  ),
  s3Endpoint: Type.Optional(
    Type.String({ expects: 'a URL', description: 'S3: where the service is.', hasNoEffectYet: true }),
  ),
  s3Region: Type.Optional(Type.String({ expects: 'a string', description: 'S3: region.', hasNoEffectYet: true })),
  s3ChunkSize: wholeNumber(0, SAFE_INTEGER_MAX, { description: 'S3: bytes per object.', hasNoEffectYet: true }),
  s3ForcePathStyle: yesOrNo({ description: 'S3: bucket in the path of the URL.', hasNoEffectYet: true }),
  s3AccessKey: Type.Optional(
    Type.String({ expects: 'a string', description: 'S3: access key.', hasNoEffectYet: true }),
  ),
  s3SecretKey: Type.Optional(
    Type.String({ expects: 'a string', description: 'S3: secret key.', hasNoEffectYet: true }),
  ),
});
export type StorageEntry = Static<typeof StorageSchema>;

export const PortalSchema = Type.Object({
  id: Type.Integer({
    minimum: 0,
    maximum: 65535,
    expects: 'a whole number from 0 to 65535, different for every portal',
    description: 'The number by which `tpgts` name this portal.',
  }),
  portal: Type.String({
    expects: PORTAL_EXPECTED,
    description:
      'Address to listen on, bound as written; without a port 3260, without a host (`:3260`) every IPv4 and IPv6 address. Port 0 takes any free port.',
  }),
});
export type PortalEntry = Static<typeof PortalSchema>;

const digests = (description: string, offer: readonly string[]) =>
  Type.Optional(
    Type.Array(Type.Union([Type.Literal('None'), Type.Literal('CRC32C')], { expects: '"CRC32C" or "None"' }), {
      minItems: 1,
      maxItems: 2,
      uniqueItems: true,
      expects: 'a list of "CRC32C" and "None"',
      description,
      default: offer,
    }),
  );

export const NegotiationSchema = Type.Object(
  {
    headerDigest: digests(
      'Header digests that are accepted; without `None` the digest is demanded.',
      OFFERS_DEFAULT.HeaderDigest,
    ),
    dataDigest: digests(
      'Data digests that are accepted; without `None` the digest is demanded.',
      OFFERS_DEFAULT.DataDigest,
    ),
    maxConnections: wholeNumber(1, MAX_CONNECTIONS_MAX, {
      description: 'Connections per session, as Windows uses them.',
      default: OFFERS_DEFAULT.MaxConnections,
    }),
    initialR2T: yesOrNo({ description: '`true` forbids unsolicited Data-Out.', default: OFFERS_DEFAULT.InitialR2T }),
    immediateData: yesOrNo({ description: 'Data may come with the command.', default: OFFERS_DEFAULT.ImmediateData }),
    maxRecvDataSegmentLength: wholeNumber(LENGTH_BYTES_MIN, LENGTH_BYTES_MAX, {
      description: 'Largest data segment that the target receives, bytes.',
      default: OFFERS_DEFAULT.MaxRecvDataSegmentLength,
    }),
    maxBurstLength: wholeNumber(LENGTH_BYTES_MIN, LENGTH_BYTES_MAX, {
      description: 'Largest Data-In or solicited Data-Out sequence, bytes.',
      default: OFFERS_DEFAULT.MaxBurstLength,
    }),
    firstBurstLength: wholeNumber(LENGTH_BYTES_MIN, FIRST_BURST_BYTES_OFFER_MAX, {
      description: 'Most unsolicited data of one command, bytes; at most `maxBurstLength`.',
      default: OFFERS_DEFAULT.FirstBurstLength,
    }),
    maxOutstandingR2T: wholeNumber(1, MAX_OUTSTANDING_R2T_MAX, {
      description: 'R2Ts open at a time per command.',
      default: OFFERS_DEFAULT.MaxOutstandingR2T,
    }),
    defaultTime2Wait: wholeNumber(0, TIME2WAIT_SECONDS_MAX, {
      description: 'Seconds before an initiator may log in again after a loss.',
      default: OFFERS_DEFAULT.DefaultTime2Wait,
    }),
    defaultTime2Retain: wholeNumber(0, TIME2WAIT_SECONDS_MAX, {
      description: 'Seconds after that in which tasks are kept for reassignment.',
      default: OFFERS_DEFAULT.DefaultTime2Retain,
    }),
    dataPDUInOrder: alwaysTrue('Data PDUs of a sequence come in order of their offsets; nothing else is supported.'),
    dataSequenceInOrder: alwaysTrue('Sequences come in order of their offsets; nothing else is supported.'),
    errorRecoveryLevel: wholeNumber(0, ERROR_RECOVERY_LEVEL_MAX, {
      description: 'Error recovery within a session; only 0 is offered.',
      default: OFFERS_DEFAULT.ErrorRecoveryLevel,
    }),
    iSCSIProtocolLevel: wholeNumber(0, PROTOCOL_LEVEL_MAX, {
      description: '1 is RFC 7143.',
      default: OFFERS_DEFAULT.iSCSIProtocolLevel,
    }),
  },
  {
    expects: 'an object with one offer per negotiated key',
    description: 'What the target offers in login negotiation.',
  },
);
export type NegotiationEntry = Static<typeof NegotiationSchema>;

export const TargetSchema = Type.Object(
  {
    alias: Type.Optional(
      Type.String({
        pattern: '^[^\\u0000-\\u001f]+$',
        expects: ALIAS_EXPECTED,
        description: 'TargetAlias, a name for people.',
      }),
    ),
    tpgts: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Array(Type.Integer({ expects: 'the id of a portal' }), { expects: 'a list of portal ids' }),
        {
          expects: 'target portal group tags with lists of portal ids, such as {"1": [0]}',
          description:
            'Target portal group tag (0 to 65535) to the ids of its portals. Without it, group 1 with every portal.',
        },
      ),
    ),
    alua: Type.Optional(AluaSchema),
    redirect: Type.Optional(
      Type.Object(
        {
          portal: Type.String({
            expects: 'host:port, as a portal is written',
            description: 'Where the target is to be reached instead: every login is sent there (RFC 7143 11.13.5).',
          }),
          permanent: yesOrNo({ description: '`true`: initiators may remember it (0x0102).', default: false }),
        },
        { expects: 'an object with portal and permanent' },
      ),
    ),
    luns: Type.Optional(
      Type.Record(Type.String(), Type.Integer({ expects: 'the deviceID of a storage' }), {
        expects: 'LUNs with the deviceID of their storage, such as {"0": 1000}',
        description: 'LUN (0 to 16383) to the `deviceID` of its storage.',
      }),
    ),
    negotiation: Type.Optional(NegotiationSchema),
    auth: Type.Optional(AuthSchema),
    access: Type.Optional(AccessSchema),
  },
  { expects: 'an object with tpgts and luns' },
);
export type TargetEntry = Static<typeof TargetSchema>;

export const BUSY_POLL_US_MAX = 1000;
/** The turn of an initiator on this machine or on the next one, and what it takes to be woken. */
export const BUSY_POLL_US_DEFAULT = 100;

export const PerformanceSchema = Type.Object(
  {
    enableIoUring: yesOrNo({
      description: "`false` serves `iouring` storages through Node's own calls, as `file`.",
      default: true,
    }),
    ioUringQueueDepth: queueDepth('The same for storages that do not say.'),
    sqPollIdleMs: wholeNumber(0, SQ_POLL_IDLE_MS_MAX, {
      description:
        'A thread of the kernel beside each reactor that serves targets takes the submissions to io_uring (SQPOLL, Linux 5.11), with a processor to itself until there were none for so many milliseconds. 0: the reactors submit themselves. The log says when the kernel refuses.',
      default: 0,
    }),
    ioPoll: yesOrNo({
      description:
        'Looks for the completions of `iouring` storages with `direct` instead of waiting for the interrupt of their device (IOPOLL): a thread with such I/O under way does not sleep. Only for devices that can be polled (NVMe with `poll_queues`); of others the log says so, and nothing changes.',
      default: false,
    }),
    reactors: Type.Optional(
      Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 1, maximum: REACTORS_MAX })], {
        expects: `"auto", or a whole number from 1 to ${REACTORS_MAX}`,
        description:
          'Threads that serve targets, each with its own ring, memory and sessions. With 1 the main thread does it all; with more it listens and hands each login to the thread of its target. Targets that share a storage are served by one thread. With NUMA the default is one per node that has a storage. `"auto"` is one for each group of such targets, as far as there are CPUs.',
        default: 1,
      }),
    ),
    enableNUMA: yesOrNo({
      description:
        'Serves each storage by a thread and with memory on its `numaNode`. Does nothing on a machine with one node.',
      default: false,
    }),
    numaBufferPoolSize: wholeNumber(0, BUFFERS_MAX, {
      description:
        'Buffers of `numaBufferSize` bytes per reactor, besides those of other sizes. 0 leaves it to the daemon.',
    }),
    numaBufferSize: wholeNumber(0, BUFFER_BYTES_MAX, {
      description:
        'Bytes per buffer, rounded up to whole pages; 0 leaves it to the daemon. One larger than 256 KiB becomes several.',
    }),
    busyPollUs: wholeNumber(0, BUSY_POLL_US_MAX, {
      description:
        'How long a thread polls instead of sleeping when an initiator sends one command at a time: for the next one, microseconds. It stops where that is of no use. 0 always sleeps.',
      default: BUSY_POLL_US_DEFAULT,
    }),
    hugePages: yesOrNo({
      description: 'Data memory on huge pages (2 MiB, vm.nr_hugepages) where there are enough; the log says when not.',
      default: false,
    }),
  },
  { expects: 'an object', description: 'Settings of the whole daemon.' },
);
export type PerformanceEntry = Static<typeof PerformanceSchema>;

export const SESSIONS_MAX = 16384;
export const SESSIONS_PER_TARGET_DEFAULT = 1024;
export const SESSIONS_PER_INITIATOR_DEFAULT = 64;

export const LimitsSchema = Type.Object(
  {
    loginTimeoutMs: wholeNumber(100, 600000, {
      description: 'A connection that has not logged in by then is closed, milliseconds.',
      default: LOGIN_TIMEOUT_MS_DEFAULT,
    }),
    commandWindow: wholeNumber(1, COMMAND_WINDOW_MAX, {
      description: 'Commands of one session in work at a time (RFC 7143 4.2.2.1).',
      default: COMMAND_WINDOW_DEFAULT,
    }),
    keepaliveMs: wholeNumber(0, 3600000, {
      description:
        'Silence after which a NOP-In asks whether the initiator is there; silent for as long again, its connection is closed. Milliseconds, 0 never asks.',
      default: KEEPALIVE_MS_DEFAULT,
    }),
    sessionsPerTarget: wholeNumber(1, SESSIONS_MAX, {
      description: 'Sessions of one target; more logins are refused (0x0302).',
      default: SESSIONS_PER_TARGET_DEFAULT,
    }),
    sessionsPerInitiator: wholeNumber(1, SESSIONS_MAX, {
      description: 'Sessions of one initiator with one target; more logins are refused (0x0302).',
      default: SESSIONS_PER_INITIATOR_DEFAULT,
    }),
  },
  { expects: 'an object', description: 'Bounds of the whole daemon.' },
);
export type LimitsEntry = Static<typeof LimitsSchema>;

export const ConfigFileSchema = Type.Object(
  {
    storages: Type.Optional(Type.Array(StorageSchema, { expects: 'a list of storages' })),
    iscsiportals: Type.Optional(Type.Array(PortalSchema, { expects: 'a list of portals' })),
    iscsitargets: Type.Optional(
      Type.Record(Type.String(), TargetSchema, {
        expects: 'an object with one entry per target name',
        description: 'The targets by name (`iqn.`, `eui.` or `naa.`, RFC 7143 4.2.7).',
      }),
    ),
    discoveryAuth: Type.Optional(AuthSchema),
    discoveryFilter: Type.Optional(
      Type.Boolean({
        expects: 'true or false; the default is `true` as soon as a target has `access`',
        description: 'SendTargets tells an initiator only of the targets whose rules let it in.',
      }),
    ),
    performance: Type.Optional(PerformanceSchema),
    limits: Type.Optional(LimitsSchema),
    isns: Type.Optional(IsnsSchema),
  },
  { expects: 'an object with storages, iscsiportals and iscsitargets' },
);
export type ConfigFile = Static<typeof ConfigFileSchema>;

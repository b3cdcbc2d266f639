/**
 * Every knob: the keys of the configuration it is made of, what it does, when to turn it, and the experiments that say what
 * it brings (`measured`: an experiment with the settings that are shown). The prose holds no figure of its own: those come
 * from the results. Every key of docs/CONFIG.md is here or in WITHOUT_EFFECT.
 */

const TARGET = 'iscsitargets.<name>.negotiation.';

export const KNOBS = [
  {
    title: 'The engine',
    keys: ['storages[].path', 'storages[].backendType', 'performance.enableIoUring'],
    does: 'Who does the reads and writes. `file` hands each to one of the four threads of libuv and hears of it later; `iouring` does what the page cache can answer at once on its own thread and gives the rest to the kernel in one call per tick. `performance.enableIoUring: false`, a kernel or a container that denies io_uring, and `GOTGT_NATIVE=off` make `file` of `iouring`; without the addon CRC32C is computed in JavaScript too. `UV_THREADPOOL_SIZE` in the environment of the daemon changes the number of threads.',
    turn: "Always say `iouring`: `file` is the default because gotgt has it. More threads are for `file` on a disk that is slow and does many things at once; with data in the page cache they get in each other's way.",
    measured: [
      { experiment: 'backend-read', settings: ['iouring', 'iouring-off', 'native-off', 'threads-16'] },
      { experiment: 'backend-write', settings: ['iouring'] },
      { experiment: 'backend-stream', settings: ['iouring'] },
    ],
  },
  {
    title: 'O_DIRECT',
    keys: ['storages[].direct'],
    does: "Reads and writes go past the page cache to the device. It wants blocks as large as the device's own, mostly `blockShift: 12`.",
    turn: 'For disks much larger than memory, for initiators that cache themselves, and for devices as fast as memory: the page cache then only costs copies. Not for what fits in memory: here everything did, so this is what the cache is worth.',
    measured: [
      { experiment: 'direct-read', settings: ['direct'] },
      { experiment: 'direct-write', settings: ['direct'] },
    ],
  },
  {
    title: 'Depth of the ring',
    keys: ['storages[].ioUringQueueDepth', 'performance.ioUringQueueDepth'],
    does: 'How many requests of one storage are in the kernel at a time; the others wait in the daemon.',
    turn: 'Leave it, unless one storage on a shared device shall not crowd out the others: a device gives its best only when it has enough to do at once.',
    measured: [{ experiment: 'ring-depth', settings: ['1', '8', '32'] }],
  },
  {
    title: 'Submission thread',
    keys: ['performance.sqPollIdleMs'],
    does: 'A thread of the kernel beside each reactor takes what the reactor submits (SQPOLL), without a system call as long as it is awake. It goes to sleep after so many milliseconds without work; until then it keeps a processor busy.',
    turn: 'Leave it off, unless the machine has a core to spare for each reactor and storages are `direct` on fast devices: the time of the block layer and the driver is spent on that core then. What the page cache answers never gets there. Here the thread shares two cores with the reactor and the client; its time counts as that of the daemon.',
    measured: [
      { experiment: 'submission-thread', settings: ['1000'] },
      { experiment: 'submission-thread-alone', settings: ['1000'] },
    ],
  },
  {
    title: 'Polled completions',
    keys: ['performance.ioPoll'],
    does: 'A reactor with reads or writes of a `direct` storage under way does not sleep until the interrupt of the device, but looks for completions again and again (IOPOLL). Only devices with queues for it can be polled: NVMe with `nvme.poll_queues`, virtio-blk with `virtio_blk.poll_queues`; `queue/io_poll` in `/sys/dev/block` is 1 there.',
    turn: 'On NVMe devices that answer faster than a thread is woken, where latency is worth a core. Of other devices the log says that they are not polled, and nothing changes.',
    measured: [{ experiment: 'polled-completions', settings: ['polled'] }],
  },
  {
    title: 'Reactors',
    keys: ['performance.reactors'],
    does: 'Threads that serve targets. A target is served by one of them, and targets that share a storage by the same.',
    turn: 'On a machine with cores to spare and several busy targets: `"auto"`. One target gains nothing. Here two load generators and the reactors share two cores; [SCALING.md](SCALING.md) has more.',
    measured: [
      { experiment: 'reactors-two-targets', settings: ['2'] },
      { experiment: 'reactors-one-target', settings: ['2'] },
    ],
  },
  {
    title: 'Busy polling',
    keys: ['performance.busyPollUs'],
    does: 'While an initiator sends one command at a time, waiting for each answer, a reactor polls for the next one instead of sleeping until it is woken. It begins after 64 such commands in a row, ends with the first read that brings several or a command that was there already, and tries ever more rarely where the next command does not come in time.',
    turn: '`0` where a core costs more than latency: as long as such an initiator is at work, its reactor keeps one busy. Longer than the round trip of your network and the turn of the initiator together is of no use, and shorter neither. Only with the addon.',
    measured: [{ experiment: 'one-at-a-time', settings: ['sleeps', 'short'] }],
  },
  {
    title: 'NUMA and pinning',
    keys: ['performance.enableNUMA', 'storages[].enableNUMA', 'storages[].numaNode'],
    does: 'Serves each storage by a thread that is pinned to the processors of its node, with memory there. On a machine with one node it does nothing. `taskset` before the daemon pins all of it, on any machine.',
    turn: "On machines with several nodes: `enableNUMA: true` and no `reactors`. This machine has one node: what is measured is that the switch costs nothing. Pinning all of the daemon to one core helps where others run on the rest, and hurts where the kernel's network work wants the same core.",
    measured: [{ experiment: 'reactors-one-target', settings: ['numa', 'pinned'] }],
  },
  {
    title: 'Data memory',
    keys: ['performance.numaBufferPoolSize', 'performance.numaBufferSize', 'performance.hugePages'],
    does: 'A reactor has 64 MiB of data memory in pieces of several sizes. `numaBufferPoolSize` and `numaBufferSize` add pieces of a size of yours; `hugePages` takes all of it from pages of 2 MiB (`sysctl vm.nr_hugepages`).',
    turn: 'More buffers when many initiators have many large transfers in flight at once; commands wait for memory then, and nothing else gets faster. Huge pages on machines that can set them aside.',
    measured: [{ experiment: 'memory', settings: ['buffers', 'huge'] }],
  },
  {
    title: 'Block size',
    keys: ['storages[].blockShift'],
    does: 'The logical block that initiators see: 512 bytes or up to 4096.',
    turn: "`12` for new disks: an initiator's file system then never writes less than a page, and `direct` is possible on every device. For whole pages the daemon does the same with either.",
    measured: [
      { experiment: 'reactors-one-target', settings: ['block-4096'] },
      { experiment: 'small-write', settings: ['block-4096'] },
    ],
  },
  {
    title: 'Thin provisioning',
    keys: ['storages[].thinProvisioning', 'storages[].thresholdAvailable', 'storages[].thresholdUsedPercent'],
    does: 'UNMAP gives space back to the file system, and initiators are told when little of it is left.',
    turn: 'Wherever it is wanted: the daemon does no more for a read or a write. What costs is the first write to a place that has no space yet, see the file below.',
    measured: [{ experiment: 'small-write', settings: ['thin', 'threshold'] }],
  },
  {
    title: 'Immediate data and unsolicited data',
    keys: [`${TARGET}immediateData`, `${TARGET}initialR2T`, `${TARGET}firstBurstLength`],
    does: "With `immediateData` the data of a write comes in the command's own PDU; without, but with `initialR2T: false`, in PDUs right behind it, up to `firstBurstLength`. With `initialR2T: true` and no immediate data the initiator waits until the target asks, one round trip later.",
    turn: 'Leave them on. The round trip shows most where few commands are in flight. open-iscsi asks for both unless its iscsid.conf says otherwise; an initiator that has them off is slow with any target.',
    measured: [
      { experiment: 'small-write', settings: ['immediate-off', 'solicited'] },
      { experiment: 'small-write-alone', settings: ['immediate-off', 'solicited'] },
      { experiment: 'large-write', settings: ['first-65536', 'first-8192', 'initial-r2t', 'solicited'] },
    ],
  },
  {
    title: 'Length of a segment',
    keys: [`${TARGET}maxRecvDataSegmentLength`],
    does: 'The largest piece of data in one PDU to the target. What initiators receive in one PDU they say themselves (open-iscsi: `node.conn[0].iscsi.MaxRecvDataSegmentLength`).',
    turn: 'Leave it at 262144. Smaller pieces cost both ends a header each.',
    measured: [
      { experiment: 'large-write', settings: ['segment-8192', 'segment-65536', 'segment-1048576'] },
      { experiment: 'burst-read', settings: ['recv-8192', 'recv-65536'] },
    ],
  },
  {
    title: 'Bursts',
    keys: [`${TARGET}maxBurstLength`, `${TARGET}maxOutstandingR2T`],
    does: 'A write longer than its first burst is asked for in bursts of `maxBurstLength`, each with an R2T; `maxOutstandingR2T` of them may be open for one command. Reads are cut in sequences of the same length.',
    turn: 'Long bursts; several R2Ts only matter where bursts are short. Initiators have their own limits (open-iscsi: `MaxBurstLength` 16776192, one R2T), and the smaller counts.',
    measured: [
      { experiment: 'burst-write', settings: ['262144', '65536'] },
      { experiment: 'outstanding-r2t', settings: ['1', '16'] },
      { experiment: 'burst-read', settings: ['burst-65536'] },
    ],
  },
  {
    title: 'Digests',
    keys: [`${TARGET}headerDigest`, `${TARGET}dataDigest`],
    does: 'A CRC32C over each header, and over each data segment. Processors compute it in hardware; both ends do.',
    turn: "On networks that are not trusted to carry bytes unchanged: TCP's own sum misses more. Leave `None` out of the list to demand it. Here both ends and their digests share two cores.",
    measured: [
      { experiment: 'digest-small', settings: ['header', 'both'] },
      { experiment: 'digest-large', settings: ['data'] },
    ],
  },
  {
    title: 'Connections of a session',
    keys: [`${TARGET}maxConnections`],
    does: 'Lets an initiator spread one session over several TCP connections. All are served by the thread of the target.',
    turn: 'For initiators with several network paths (Windows); over one path it brings nothing. Linux uses several sessions with dm-multipath instead, which need no key.',
    measured: [{ experiment: 'connections', settings: ['2', '4'] }],
  },
  {
    title: 'Command window',
    keys: ['limits.commandWindow'],
    does: 'How many commands of one session are in work at a time; the initiator keeps the others until the window opens.',
    turn: 'Larger when an initiator has more in flight than 128 (open-iscsi: `node.session.cmds_max`), smaller to share a device fairly among many sessions.',
    measured: [{ experiment: 'window', settings: ['8', '32'] }],
  },
  {
    title: 'Write cache',
    keys: [],
    does: 'Not a key of the configuration: initiators switch it with the Caching mode page (`sdparm --clear WCE /dev/sdX`). With WCE 1 a write has ended when the page cache or the device has it, and SYNCHRONIZE CACHE makes it last; with WCE 0 each write ends when it is on stable storage.',
    turn: 'Leave it on: file systems and databases flush when they have to. Off only for initiators that never flush.',
    measured: [{ experiment: 'small-write', settings: ['write-through'] }],
  },
  {
    title: 'Log level',
    keys: [],
    does: '`--log` of the command line. No level writes a line for each read or write.',
    turn: '`info`. `debug` tells of every connection and may stay on; `trace` is for looking at something.',
    measured: [{ experiment: 'reactors-one-target', settings: ['debug', 'trace'] }],
  },
  {
    title: 'Heap',
    keys: [],
    does: 'Options of Node.js before the daemon, such as `--max-semi-space-size`, the size of the young generation. Reads and writes allocate next to nothing, so the collector has little to do; the daemon itself keeps the old generation tight.',
    turn: 'Leave it.',
    measured: [{ experiment: 'reactors-one-target', settings: ['semi-space'] }],
  },
  {
    title: 'The file',
    keys: ['storages[].size'],
    does: 'Where the disk lies and how its file was made. A new file of `size` is sparse: each first write to a place allocates it. Linux keeps a file in its page cache in pieces as large as the writes that brought it in (large folios), and ext4 walks over all of such a piece when a small write changes it: a file copied in large pieces (`cp`, `dd bs=4M`, `qemu-img convert`) costs more for each small write until its pages have been dropped and read again in small pieces.',
    turn: 'Allocate what will be filled (`fallocate -l SIZE FILE` before the daemon starts); keep it sparse where space counts more. A partition or a logical volume has no file system below it at all. tmpfs is for tests.',
    measured: [
      { experiment: 'disk-read', settings: ['tmpfs', 'loop'] },
      { experiment: 'disk-write', settings: ['tmpfs', 'loop', 'large', 'allocated', 'sparse'] },
    ],
  },
  {
    title: 'Read-ahead of the host',
    keys: [],
    does: '`/sys/block/DEVICE/queue/read_ahead_kb`: how far the kernel reads ahead of a sequential reader when the data is not in the page cache. It does nothing for `direct` and for random reads.',
    turn: 'Larger (1024 to 4096) on devices that like long reads, when initiators stream. The initiator has a read-ahead of its own for its own disk, which hides the network in the same way.',
    measured: [{ experiment: 'read-ahead', settings: ['0', '4096'] }],
  },
];

/** Keys, or all below them, that change what is served or who may ask for it, but not how fast. */
export const WITHOUT_EFFECT = [
  {
    why: 'names and what they stand for',
    keys: [
      'storages[].deviceID',
      'storages[].vendorID',
      'storages[].productID',
      'storages[].serial',
      'storages[].deviceSize',
      'iscsiportals[]',
      'iscsitargets.<name>.alias',
      'iscsitargets.<name>.tpgts',
      'iscsitargets.<name>.luns',
    ],
  },
  {
    why: 'what initiators see, and which way they take',
    keys: [
      'iscsitargets.<name>.alua',
      'storages[].kind',
      'storages[].online',
      'storages[].readOnly',
      'storages[].removable',
    ],
  },
  {
    why: 'login: it takes its time once per session',
    keys: [
      'iscsitargets.<name>.auth',
      'iscsitargets.<name>.access',
      'iscsitargets.<name>.redirect',
      'discoveryAuth',
      'discoveryFilter',
      'limits.loginTimeoutMs',
      'limits.sessionsPerTarget',
      'limits.sessionsPerInitiator',
    ],
  },
  {
    why: 'negotiated once, without a part in reads and writes',
    keys: [
      `${TARGET}defaultTime2Wait`,
      `${TARGET}defaultTime2Retain`,
      `${TARGET}dataPDUInOrder`,
      `${TARGET}dataSequenceInOrder`,
      `${TARGET}errorRecoveryLevel`,
      `${TARGET}iSCSIProtocolLevel`,
    ],
  },
  { why: 'one PDU in a while, from an idle session', keys: ['limits.keepaliveMs'] },
  { why: 'talks to another server now and then', keys: ['isns'] },
  {
    why: 'without effect yet',
    keys: [
      'storages[].s3Endpoint',
      'storages[].s3Region',
      'storages[].s3ChunkSize',
      'storages[].s3ForcePathStyle',
      'storages[].s3AccessKey',
      'storages[].s3SecretKey',
    ],
  },
];

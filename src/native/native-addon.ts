/**
 * What native/addon.cc exports, as types: the contract between TypeScript and C++. Descriptors and offsets are numbers; a
 * call that the kernel can refuse answers 0 or more, or a negative errno. A wrong argument type is our own bug and throws.
 */

/** Page-aligned memory outside the JavaScript heap; lives as long as `memory` or any ring that uses it. */
export interface NativeArena {
  readonly memory: Buffer;
  /** The node the memory is bound to, or -1. */
  readonly numaNode: number;
  readonly hasHugePages: boolean;
  /** What was asked for and not given, in one sentence, or null. */
  readonly reason: string | null;
}

export interface ArenaOptions {
  /** Bind to this NUMA node; -1 or absent: wherever it is first touched. */
  readonly numaNode?: number;
  readonly hugePages?: boolean;
}

/** How a ring came out, decided once at open. */
export interface NativeRingFeatures {
  /** IORING_OP_READ and IORING_OP_WRITE (Linux 5.6), else READV and WRITEV. */
  readonly hasPlainReadWrite: boolean;
  /** IORING_OP_FALLOCATE (Linux 5.6), else the thread pool. */
  readonly hasFallocate: boolean;
  /** IORING_OP_ASYNC_CANCEL (Linux 5.5), else a cancel completes with -EINVAL. */
  readonly hasCancel: boolean;
  /** IORING_SETUP_* flags the kernel accepted. */
  readonly setupFlags: number;
  /** Places for registered files (Linux 5.5); 0: no table. */
  readonly filesMax: number;
  /** 0, or the negative errno for which there is no submission thread though one was asked for (-ENOSYS: before 5.11). */
  readonly sqPollRefusal: number;
}

/** One io_uring. Every method is called on the thread that opened it. See ring.ts for how to use it. */
export interface NativeRing {
  /** Submissions that may be in flight at once; may be smaller than asked where locked memory is short. */
  readonly depth: number;
  readonly features: NativeRingFeatures;
  /** depth entries, see ring-layout.ts. */
  readonly submissions: ArrayBuffer;
  /** depth entries, see ring-layout.ts. Overwritten by the next enter(). */
  readonly completions: ArrayBuffer;
  /**
   * Submits the first `count` entries of `submissions` and reaps what is complete.
   * @returns how many entries of `completions` are filled, or a negative errno when the ring is broken
   */
  enter(count: number): number;
  /** Submissions taken whose completion was not reaped yet. */
  inFlight(): number;
  /**
   * Pins the arena for submissions with pinnedFlag, which O_DIRECT stores use; without it they work, more slowly.
   * @returns 0, also when it was done before, or a negative errno (-ENOMEM: RLIMIT_MEMLOCK)
   */
  registerArena(): number;
  /**
   * Puts the file of `fd` into the ring's table, for submissions with fixedFileFlag; the kernel holds it open until it leaves.
   * @returns its index, or a negative errno (-ENFILE: no place)
   */
  registerFile(fd: number): number;
  /** Takes it out again, once no submission that names it is in flight and before its descriptor is closed. 0 or -errno. */
  unregisterFile(index: number): number;
  /** Cancels and waits for what is in flight, then gives the ring up. No completion is reported. May be called twice. */
  close(): void;
}

export interface RingOpenOptions {
  /** 1 to RING_LAYOUT.depthMax; rounded up to a power of two, 32 at least. */
  readonly depth: number;
  /** Use only what Linux 5.1 has: how a test sees an old kernel. */
  readonly baseOpsOnly?: boolean;
  /** Not 0: a thread of the kernel takes submissions (SQPOLL), and sleeps after so long without any. */
  readonly sqPollIdleMs?: number;
  /** Completions are looked for at every turn of the loop (IOPOLL): reads and writes of O_DIRECT files alone. */
  readonly isPolled?: boolean;
}

/** Seals and sends pieces of the memories it was made with. See sender.ts for how to use it. */
export interface NativeSender {
  /** piecesMax entries, see ring-layout.ts. */
  readonly pieces: ArrayBuffer;
  /**
   * Sends the first `count` pieces to a socket with one system call, without waiting.
   * @returns bytes sent, or a negative errno (-EAGAIN: the socket has no room)
   */
  send(fd: number, count: number): number;
  /**
   * Writes a CRC32C behind each of the first `count` pieces, four bytes as RFC 7143 13.1 has them on the wire.
   * @returns 0, or -EINVAL when a piece, or what is behind it, does not lie in its memory: nothing was written then
   */
  seal(count: number): number;
}

/** An event loop that asks for events instead of sleeping until they come. See busy-poll.ts for when it is worth it. */
export interface NativeBusyPoll {
  /** The loop does not sleep for `microseconds` (at most 2^32-1) from now, in place of what was asked before. */
  pollFor(microseconds: number): void;
  /** How often there was nothing since pollFor; -1 when the time is over. */
  looks(): number;
  /** The loop sleeps again. May be called twice. */
  close(): void;
}

export interface NativeListener {
  readonly address: string;
  /** The bound port, also when 0 was asked for. */
  readonly port: number;
  /** Stops accepting; what was not accepted is refused by the kernel. May be called twice. */
  close(): void;
}

export interface ListenOptions {
  /** A numeric IPv4 or IPv6 address, the latter perhaps with %scope. */
  readonly address: string;
  /** 0 to 65535; 0 lets the kernel choose. */
  readonly port: number;
  /** Default 511. */
  readonly backlog?: number;
}

/** Takes over `fd`: non-blocking, close-on-exec, TCP_NODELAY; hand it to new net.Socket({ fd }). */
export type ConnectionCallback = (
  fd: number,
  remoteAddress: string,
  remotePort: number,
  localAddress: string,
  localPort: number,
) => void;

export interface BlockDeviceSize {
  readonly sizeBytes: number;
  readonly logicalBlockBytes: number;
  readonly physicalBlockBytes: number;
}

/** What O_DIRECT asks of memory addresses and of file offsets and lengths (statx STATX_DIOALIGN, Linux 6.1). */
export interface DirectAlignment {
  /** 0: the file system does not do O_DIRECT. */
  readonly memoryBytes: number;
  readonly offsetBytes: number;
}

export interface NumaNode {
  readonly node: number;
  readonly cpus: readonly number[];
}

export interface NativeAddon {
  /** What the addon was compiled with; see ring-layout.ts. */
  readonly layout: Readonly<Record<string, number>>;
  /** Throws RangeError for a length it cannot give. */
  createArena(lengthBytes: number, options?: ArenaOptions): NativeArena;
  /**
   * @param onCompletions called once per batch that completes later, with the count of entries in `completions`, or with
   *   a negative errno when the ring is broken
   * @returns the ring, or a negative errno
   */
  openRing(arena: NativeArena, options: RingOpenOptions, onCompletions: (count: number) => void): NativeRing | number;
  /** @returns one for the calling thread's event loop, or a negative errno */
  createBusyPoll(): NativeBusyPoll | number;
  /**
   * Listens on one address; `onConnection` comes once per connection, from the event loop. `onError` comes with a negative
   * errno when accepting failed (e.g. -EMFILE); accepting pauses a moment and goes on.
   * @returns the listener, or a negative errno
   */
  listen(
    options: ListenOptions,
    onConnection: ConnectionCallback,
    onError: (errno: number) => void,
  ): NativeListener | number;
  /** @param memories what can be sent from; they stay alive with the sender */
  createSender(memories: readonly Uint8Array[]): NativeSender;
  /** CRC32C of `lengthBytes` bytes; start with crc 0, pass the result back in to continue. */
  crc32c(crc: number, bytes: Uint8Array, offset: number, lengthBytes: number): number;
  /**
   * Takes the exclusive lock, or the shared one, without waiting (flock LOCK_EX or LOCK_SH); it goes when the last
   * descriptor of the open file does. 0 or -errno (-EWOULDBLOCK: another holds a lock against it).
   */
  flock(fd: number, isShared?: boolean): number;
  /** Gives such a lock up, whoever else holds the open file: a ring may for a while. 0 or -errno. */
  unlock(fd: number): number;
  /** fallocate(2) on the thread pool; `callback` gets 0 or -errno. */
  fallocate(
    fd: number,
    mode: number,
    offsetBytes: number,
    lengthBytes: number,
    callback: (result: number) => void,
  ): void;
  /**
   * pwritev2 with RWF_DSYNC on the thread pool: the bytes are stable when it is done. `bytes` must stay unchanged until
   * then. `callback` gets the bytes written, perhaps fewer than asked, or -errno.
   */
  writeDsync(
    fd: number,
    bytes: Uint8Array,
    offset: number,
    lengthBytes: number,
    offsetBytes: number,
    callback: (result: number) => void,
  ): void;
  /**
   * copy_file_range(2) on the thread pool, from regular file to regular file or within one; with `mayPunch` holes of the source
   * become holes. `callback` gets the bytes copied, perhaps fewer than asked, or -errno.
   */
  copyRange(
    sourceFd: number,
    sourceOffsetBytes: number,
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
    mayPunch: boolean,
    callback: (result: number) => void,
  ): void;
  /** lseek SEEK_DATA on the thread pool: the first offset >= offsetBytes that is data, or -errno (-ENXIO: none). */
  seekData(fd: number, offsetBytes: number, callback: (result: number) => void): void;
  /** lseek SEEK_HOLE on the thread pool: the first offset >= offsetBytes that is a hole or the end, or -errno. */
  seekHole(fd: number, offsetBytes: number, callback: (result: number) => void): void;
  /** BLKGETSIZE64, BLKSSZGET, BLKPBSZGET; -ENOTBLK when `fd` is no block device. */
  blockDeviceSize(fd: number): BlockDeviceSize | number;
  /** -EOPNOTSUPP where the kernel does not tell. */
  directAlignment(fd: number): DirectAlignment | number;
  /** Nodes that are online, in order; one node 0 with all CPUs on a kernel without NUMA. */
  numaTopology(): NumaNode[];
  /** Binds the calling thread to `cpus`; 0 or -errno. */
  pinThread(cpus: readonly number[]): number;
  /** The node that the page at `offset` of `bytes` lies on, or -errno (-ENOENT: not touched yet). */
  pageNode(bytes: Uint8Array, offset: number): number;
  /** A second descriptor of the same open file (F_DUPFD_CLOEXEC), or -errno. */
  duplicate(fd: number): number;
}

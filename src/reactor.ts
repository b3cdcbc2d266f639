/**
 * A reactor: one event loop with its own arena, ring, pools, logical units, targets and connections. It shares nothing with
 * another, so it can live on the main thread or in a worker. This is where the layers are put together.
 */
import { randomBytes } from 'node:crypto';
import { getSystemErrorName } from 'node:util';
import { type Backend, BackendError, type BackendIo } from './backend/backend.ts';
import { openBackend } from './backend/registry.ts';
import type { Note, StorageSpec } from './backend/storage-spec.ts';
import { type Crc32c, crc32cPortable, type Seal, sealPortable } from './iscsi/codec/digest.ts';
import { Connection } from './iscsi/protocol/connection/connection.ts';
import { HEADER_BLOCKS_BYTES, OutputStore } from './iscsi/protocol/connection/output.ts';
import type { ProtocolLimits, ProtocolObserver, ProtocolServices } from './iscsi/protocol/connection/services.ts';
import type { ConnectionMover } from './iscsi/protocol/login/login-directory.ts';
import { LoginPhase } from './iscsi/protocol/login/login-phase.ts';
import { OFFERS_DEFAULT } from './iscsi/protocol/login/parameters.ts';
import type { Portal } from './iscsi/protocol/session/target-node.ts';
import { type RegistryShare, TargetRegistry } from './iscsi/protocol/session/target-registry.ts';
import { TaskStore } from './iscsi/protocol/session/task.ts';
import { CapacityWatch } from './mgmt/watch/capacity-watch.ts';
import { SlotWatch } from './mgmt/watch/slot-watch.ts';
import { SpaceWatch } from './mgmt/watch/space-watch.ts';
import { BusyPoll } from './native/busy-poll.ts';
import type { NativeAddon, NativeArena } from './native/native-addon.ts';
import { openRing, type Ring, type RingOpening } from './native/ring.ts';
import { type RingReport, reportRing } from './native/ring-features.ts';
import { Sender } from './native/sender.ts';
import { DeviceServerContext } from './scsi/device-server.ts';
import { type HandedConnection, HandedConnections } from './transport/handed-connections.ts';
import { LentMemory } from './transport/lent-memory.ts';
import type { TcpConnection } from './transport/tcp-connection.ts';
import { type ListenAddress, TcpListener } from './transport/tcp-listener.ts';
import { monotonicClock, systemClock } from './util/clock.ts';
import { QuietPeriod } from './util/quiet-period.ts';
import { arenaBytes, type SlotClass, SlotPool } from './util/slot-pool.ts';
import { TickBatch } from './util/tick-batch.ts';
import { TickClock } from './util/tick-clock.ts';

/** What one read of a socket takes at the most; a large Data-Out goes past it, into its command's slot. */
const RECEIVE_BUFFER_BYTES = 65536;
const CONNECTIONS_PER_PORTAL_MAX = 4096;
/** Asked of initiators at shutdown before their connections are closed (RFC 7143 11.9.1, event 1). */
const LOGOUT_GRACE_S = 2;
/** Running out of descriptors is told so often. */
const ACCEPT_ERROR_QUIET_MS = 60_000;
/** After the grace: how long commands in the stores may take. */
const DRAIN_MS = 1500;

export interface ReactorOptions {
  /** Null: node:fs and node:net do the work. */
  readonly native: NativeAddon | null;
  /** Why `native` is null, a sentence without a full stop; null when it is not. */
  readonly nativeReason: string | null;
  readonly isIoUringEnabled: boolean;
  /** Submissions in flight at once. */
  readonly ringDepth: number;
  /** Not 0: a thread of the kernel takes submissions, and sleeps after so long without any. */
  readonly sqPollIdleMs: number;
  /** Stores past the page cache have a ring whose completions are looked for, where their device can be polled. */
  readonly isIoPollEnabled: boolean;
  readonly slotClasses: readonly SlotClass[];
  /** Where the arena lies; null: wherever it is first touched. */
  readonly numaNode: number | null;
  readonly hasHugePages: boolean;
  /** How long the loop polls for the next command of an initiator that sends one at a time; 0: it sleeps. Needs `native`. */
  readonly busyPollUs: number;
  readonly share: RegistryShare;
  /** Takes a connection to the reactor of its target; null: this reactor is alone. Needs `native`. */
  readonly handOver: HandOver | null;
  readonly limits: ProtocolLimits;
  readonly observer: ProtocolObserver;
  readonly note: Note;
}

/** @param connection its descriptor is the taker's from now on */
export type HandOver = (reactor: number, connection: HandedConnection) => void;

export class Reactor {
  readonly registry: TargetRegistry;
  readonly deviceServer: DeviceServerContext;
  /** Sees to stores that become larger or smaller; whoever makes a logical unit has it watched. */
  readonly capacities: CapacityWatch;
  readonly spaceWatch = new SpaceWatch();
  private readonly slotWatch: SlotWatch;
  private readonly acceptErrors = new QuietPeriod(monotonicClock, ACCEPT_ERROR_QUIET_MS);
  /** Why stores are served through node:fs; null when there is a ring. */
  readonly ringReason: string | null;
  /** What io_uring did not give of what was asked for, in sentences. */
  readonly ringRefusals: readonly string[];
  /** Null without the addon. */
  readonly arena: NativeArena | null;
  private readonly options: ReactorOptions;
  private readonly batch: TickBatch;
  private readonly services: ProtocolServices;
  private readonly ring: Ring<BackendIo> | null;
  private readonly polledRing: Ring<BackendIo> | null;
  private readonly lent: LentMemory;
  private readonly busyPoll: BusyPoll | null;
  private readonly listeners: TcpListener[] = [];
  private readonly handed: HandedConnections;
  private readonly backends: Backend[] = [];

  constructor(options: ReactorOptions) {
    this.options = options;
    this.capacities = new CapacityWatch(options.note);
    const { native, limits, observer, slotClasses, numaNode, hasHugePages, share } = options;
    this.batch = new TickBatch((work) => process.nextTick(work), setImmediate);
    // | slots | header blocks | receive buffer |
    const headersStart = arenaBytes(slotClasses);
    const receiveStart = headersStart + HEADER_BLOCKS_BYTES;
    const bytes = receiveStart + RECEIVE_BUFFER_BYTES;
    const place = { numaNode: numaNode ?? ANY_NODE, hugePages: hasHugePages };
    const arena = native === null ? null : native.createArena(bytes, place);
    this.arena = arena;
    const memory = arena === null ? Buffer.alloc(bytes) : arena.memory;
    const sender = native === null ? null : new Sender(native.createSender([memory]), [memory]);
    this.busyPoll = native === null ? null : openBusyPoll(native, options.busyPollUs);
    this.lent = new LentMemory(memory, receiveStart, RECEIVE_BUFFER_BYTES, sender, this.busyPoll);
    this.handed = new HandedConnections(this.lent, CONNECTIONS_PER_PORTAL_MAX);
    const pool = new SlotPool(memory, slotClasses, this.batch);
    this.services = {
      pool,
      batch: this.batch,
      outputs: new OutputStore(sealBy(sender), memory, headersStart),
      tasks: new TaskStore(),
      clock: monotonicClock,
      crc32c: native === null ? crc32cPortable : fastestCrc32c(native),
      limits,
      observer,
    };
    this.registry = new TargetRegistry(this.services, OFFERS_DEFAULT, share);
    this.slotWatch = new SlotWatch(pool, this.registry);
    this.deviceServer = new DeviceServerContext(pool, systemClock, randomBytes);
    this.deviceServer.commandClock = new TickClock(systemClock, this.batch);
    this.deviceServer.delay = (ms, work) => void setTimeout(work, ms).unref();
    const { ring, reason, refusal } = this.openRing(arena);
    this.ring = ring;
    this.ringReason = reason;
    const polled = ring === null ? NOT_ASKED_FOR : this.openPolledRing(arena);
    this.polledRing = polled.ring;
    this.ringRefusals = [refusal, polled.refusal].filter((sentence) => sentence !== null);
  }

  /** Opens a store for this reactor's logical units. Rejects with BackendError. */
  async openStore(spec: StorageSpec): Promise<Backend> {
    const { native, note } = this.options;
    const { batch, ring, polledRing, ringReason } = this;
    const backend = await openBackend(spec, { batch, native, ring, polledRing, ringReason, note });
    this.backends.push(backend);
    return backend;
  }

  /** Flushes and closes a store that nothing uses any more. Rejects with BackendError when what was written may be lost. */
  async closeStore(backend: Backend): Promise<void> {
    const index = this.backends.indexOf(backend);
    if (index >= 0) this.backends.splice(index, 1);
    await backend.close();
  }

  /**
   * Listens on `address` for `portal`. Rejects with an Error that says why not.
   * @param portalIndex what a connection that is handed over names the portal by
   */
  async listen(address: ListenAddress, portal: Portal, portalIndex: number): Promise<TcpListener> {
    const directory = this.registry.directory(portal);
    const { native, handOver, observer } = this.options;
    const listener = await TcpListener.open(address, {
      native,
      lent: this.lent,
      mayHandOver: handOver !== null,
      connectionsMax: CONNECTIONS_PER_PORTAL_MAX,
      onConnection: (tcp, remoteAddress, localAddress) => {
        const connection = new Connection(this.services, tcp, remoteAddress, localAddress);
        const mover = handOver === null ? null : this.moverOf(handOver, tcp, connection, portalIndex);
        connection.enter(new LoginPhase(connection, directory, this.registry, mover));
        tcp.start(connection);
      },
      onAcceptError: (reason) => {
        const count = this.acceptErrors.count();
        if (count > 0) observer.note('warn', 'a connection could not be accepted', { reason, count });
      },
    });
    this.listeners.push(listener);
    return listener;
  }

  /** Takes a connection that another reactor hands over; it came by `portal`. */
  adopt(handed: HandedConnection, portal: Portal): void {
    const { received, answeredCount } = handed;
    const directory = this.registry.directory(portal);
    this.handed.adopt(handed, (tcp, remoteAddress, localAddress) => {
      const connection = new Connection(this.services, tcp, remoteAddress, localAddress);
      connection.enter(new LoginPhase(connection, directory, this.registry, null, answeredCount));
      const view = new DataView(received.buffer, received.byteOffset, received.length);
      connection.onBytes(received, view, 0, received.length);
      tcp.start(connection);
    });
  }

  /** The fastest there is here. */
  get crc32c(): Crc32c {
    return this.services.crc32c;
  }

  /** What io_uring came out with; null without. */
  get ringReport(): RingReport | null {
    return this.ring === null ? null : reportRing(this.ring);
  }

  /** The same of the ring whose completions are looked for. */
  get polledRingReport(): RingReport | null {
    return this.polledRing === null ? null : reportRing(this.polledRing);
  }

  /** The node that the arena's first page lies on; null: it was not touched yet, or there is no addon. */
  get arenaNode(): number | null {
    const { native } = this.options;
    const node = native === null || this.arena === null ? -1 : native.pageNode(this.arena.memory, 0);
    return node < 0 ? null : node;
  }

  /**
   * Ends in order: no new logins, initiators are asked to log out, what they sent is carried out, stores are flushed and
   * closed. Takes at most LOGOUT_GRACE_S and DRAIN_MS and what the stores need to flush.
   * @returns whether every command had ended and every store is flushed; the log says what was not
   */
  async close(): Promise<boolean> {
    this.capacities.stop();
    for (const listener of this.listeners) listener.close();
    this.registry.shutDown(LOGOUT_GRACE_S);
    await this.idleWithin(LOGOUT_GRACE_S * 1000);
    this.registry.closeAll('shutdown');
    const isDrained = await this.idleWithin(DRAIN_MS);
    if (!isDrained) this.options.note('error', 'commands are still in a store, which did not answer in time', {});
    for (const listener of this.listeners) listener.destroyConnections();
    this.handed.destroyConnections();
    this.deviceServer.stopBackground();
    this.spaceWatch.stop();
    this.slotWatch.stop();
    const isFlushed = await this.closeStores();
    if (isDrained) this.deviceServer.close();
    this.busyPoll?.close();
    this.ring?.close();
    this.polledRing?.close();
    return isDrained && isFlushed;
  }

  /** Gives up what was opened when the daemon could not start. */
  async abandon(): Promise<void> {
    this.capacities.stop();
    this.spaceWatch.stop();
    this.slotWatch.stop();
    for (const listener of this.listeners) listener.close();
    await this.closeStores();
    this.busyPoll?.close();
    this.ring?.close();
    this.polledRing?.close();
  }

  /** One that fails does not keep the others from their end. */
  private async closeStores(): Promise<boolean> {
    const ends = await Promise.allSettled(this.backends.map((backend) => backend.close()));
    const faults = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
    for (const fault of faults) {
      if (!(fault instanceof BackendError)) throw fault;
      this.options.note('error', fault.message, {});
    }
    return faults.length === 0;
  }

  private moverOf(
    handOver: HandOver,
    tcp: TcpConnection,
    { remoteAddress, localAddress }: Connection,
    portal: number,
  ): ConnectionMover {
    const give = (reactor: number, answeredCount: number, duplicate: number, received: Buffer) => {
      if (duplicate >= 0) {
        handOver(reactor, { fd: duplicate, received, answeredCount, portal, remoteAddress, localAddress });
        return;
      }
      // The connection ends with the descriptor that could not be duplicated.
      const reason = getSystemErrorName(duplicate);
      this.options.observer.note('warn', 'a connection could not be handed over', { remote: remoteAddress, reason });
    };
    return {
      stay: () => tcp.stopKeeping(),
      moveTo: (reactor, answeredCount) =>
        tcp.handOver((fd, received) => {
          give(reactor, answeredCount, (this.options.native as NativeAddon).duplicate(fd), received);
        }),
    };
  }

  private openRing(arena: NativeArena | null): RingOpening<BackendIo> {
    const { native, nativeReason, isIoUringEnabled, ringDepth, sqPollIdleMs } = this.options;
    if (native === null || arena === null) return withoutRing(nativeReason);
    if (!isIoUringEnabled) return withoutRing('performance.enableIoUring is false');
    return openRing({ native, arena, batch: this.batch, depth: ringDepth, sqPollIdleMs });
  }

  private openPolledRing(arena: NativeArena | null): RingOpening<BackendIo> {
    const { native, isIoPollEnabled, ringDepth: depth } = this.options;
    if (!isIoPollEnabled || native === null || arena === null) return NOT_ASKED_FOR;
    const opening = openRing<BackendIo>({ native, arena, batch: this.batch, depth, isPolled: true });
    const { ring, reason } = opening;
    return ring === null ? { ...opening, refusal: `no ring is polled (performance.ioPoll): ${reason}` } : opening;
  }

  private idleWithin(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      this.registry.whenIdle(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}

function openBusyPoll(native: NativeAddon, microseconds: number): BusyPoll | null {
  const poll = microseconds === 0 ? 0 : native.createBusyPoll();
  return typeof poll === 'number' ? null : new BusyPoll(poll, microseconds);
}

const NOT_ASKED_FOR: RingOpening<BackendIo> = { ring: null, reason: null, refusal: null };

function withoutRing(reason: string | null): RingOpening<BackendIo> {
  return { ring: null, reason, refusal: null };
}

/** What createArena takes for no node. */
const ANY_NODE = -1;

/** A call into the addon costs more than the table takes for a header: 145 ns against 31 ns for 48 bytes. */
const NATIVE_CRC_BYTES_MIN = 256;

function sealBy(sender: Sender | null): Seal {
  if (sender === null) return sealPortable;
  return (memories, starts, ends, count) => {
    if (!sender.seal(memories, starts, ends, count)) sealPortable(memories, starts, ends, count);
  };
}

function fastestCrc32c(native: NativeAddon): Crc32c {
  return (crc, bytes, offset, length) =>
    length < NATIVE_CRC_BYTES_MIN
      ? crc32cPortable(crc, bytes, offset, length)
      : native.crc32c(crc, bytes, offset, length);
}

/**
 * One reactor with all it serves: the targets that are placed on it, with their logical units. The other targets it knows by
 * name and addresses, since initiators may ask about them. It is the same on the main thread and in a thread of its own.
 */
import type { RefusedLogin } from '../iscsi/protocol/login/login-refusals.ts';
import { type Portal, TargetNode } from '../iscsi/protocol/session/target-node.ts';
import type { Configuration, PortalConfig, StorageConfig, TargetConfig } from '../mgmt/config/configuration.ts';
import type { Log } from '../mgmt/logging.ts';
import { MAIN_REACTOR } from '../mgmt/placement.ts';
import { SharedChallenges } from '../mgmt/shared-challenges.ts';
import { Authentications, guardTarget } from '../mgmt/target-guard.ts';
import { loadNative, type NativeLoad } from '../native/binding.ts';
import { RING_DEPTH_DEFAULT } from '../native/ring.ts';
import type { RingReport } from '../native/ring-features.ts';
import { type HandOver, Reactor } from '../reactor.ts';
import type { RunningDaemon } from '../running-daemon.ts';
import { TargetPorts } from '../scsi/port/target-ports.ts';
import { TargetDevice } from '../scsi/target-device.ts';
import type { LogicalUnit } from '../scsi/unit/logical-unit.ts';
import type { HandedConnection } from '../transport/handed-connections.ts';
import { SEGMENT_BYTES_MAX, SLOT_CLASSES_DEFAULT, type SlotClass, withSlotClass } from '../util/slot-pool.ts';
import { openPorts, settlePorts } from './served-ports.ts';
import { exportedStorages, openUnits } from './served-units.ts';

/** What falls to one reactor; plain data, for a message. */
export interface ReactorPlan {
  readonly reactor: number;
  /** Null: anywhere. */
  readonly numaNode: number | null;
  /** The CPUs of that node, which the thread is bound to; empty: it is not bound. */
  readonly cpus: readonly number[];
  /** By target name; every target. */
  readonly reactorOfTarget: ReadonlyMap<string, number>;
  /** By deviceID; every storage that is exported. */
  readonly uuids: ReadonlyMap<number, string>;
  /** Reactors of the process that give TSIHs; each takes turns with the others. */
  readonly reactorCount: number;
  /** See SharedChallenges; null: the reactor is alone. */
  readonly challenges: SharedArrayBuffer | null;
}

/** How a reactor is at this moment; plain data, for a message. */
export interface ReactorStatus {
  readonly reactor: number;
  readonly numaNode: number | null;
  /** Where its data memory lies, as the kernel says; null: not known, or not used yet. */
  readonly memoryNode: number | null;
  readonly targets: readonly string[];
  readonly sessionCount: number;
  /** Null: stores are served through node:fs. */
  readonly ring: RingReport | null;
  /** The one for stores past the page cache whose completions are looked for; null: none was asked for. */
  readonly polledRing: RingReport | null;
}

export interface ServedReactorOptions {
  readonly plan: ReactorPlan;
  readonly configuration: Configuration;
  readonly log: Log;
  /** See RegistryShare and ReactorOptions; null where the reactor is alone. */
  readonly onRefused: ((refused: RefusedLogin) => void) | null;
  readonly handOver: HandOver | null;
}

export class ServedReactor {
  readonly running: RunningDaemon;
  /** In the order of the configuration. */
  readonly portals: ReadonlyMap<PortalConfig, Portal>;
  private readonly plan: ReactorPlan;
  private readonly ownTargets: readonly string[];

  private constructor(plan: ReactorPlan, running: RunningDaemon, portals: ReadonlyMap<PortalConfig, Portal>) {
    this.plan = plan;
    this.running = running;
    this.portals = portals;
    this.ownTargets = [...plan.reactorOfTarget].filter(([, each]) => each === plan.reactor).map(([name]) => name);
  }

  /** Opens every store it needs, or none. Rejects with ConfigError. */
  static async open(options: ServedReactorOptions): Promise<ServedReactor> {
    const { plan, configuration, log } = options;
    const native = loadNative();
    bindThread(plan, native, log);
    const own = configuration.targets.filter(({ name }) => plan.reactorOfTarget.get(name) === plan.reactor);
    const exported = exportedStorages(configuration, own);
    const reactor = makeReactor(options, native, own.length > 0, exported);
    try {
      const units = await openUnits(reactor, configuration, exported, plan.uuids, log);
      for (const ring of [reactor.ringReport, reactor.polledRingReport]) {
        if (ring !== null) log.debug({ ...ring }, 'io_uring opened');
      }
      const portals = await addTargets(reactor, options, units);
      const storages = new Map([...units].map(([storage, unit]) => [storage.deviceID, { storage, unit }]));
      for (const served of storages.values()) reactor.capacities.watch(served);
      return new ServedReactor(plan, { reactor, logger: log, storages }, portals);
    } catch (error) {
      await reactor.abandon();
      throw error;
    }
  }

  get reactor(): Reactor {
    return this.running.reactor;
  }

  get status(): ReactorStatus {
    const { reactor, ownTargets } = this;
    const { reactor: number, numaNode } = this.plan;
    const { arenaNode: memoryNode, ringReport: ring, polledRingReport: polledRing } = reactor;
    const { sessionCount } = reactor.registry;
    return { reactor: number, numaNode, memoryNode, targets: ownTargets, sessionCount, ring, polledRing };
  }

  /** @param ports in the order of the configuration */
  setPorts(ports: readonly number[]): void {
    for (const [index, portal] of [...this.portals.values()].entries()) portal.port = ports[index] as number;
  }

  adopt(connection: HandedConnection): void {
    this.reactor.adopt(connection, [...this.portals.values()][connection.portal] as Portal);
  }
}

/** Of the reactor that only listens: its connections carry no commands. The device server sets one slot aside. */
const SLOT_CLASSES_LISTENING: readonly SlotClass[] = [{ capacityBytes: SEGMENT_BYTES_MAX, count: 1 }];

function makeReactor(
  options: ServedReactorOptions,
  { native, reason }: NativeLoad,
  hasTargets: boolean,
  storages: readonly StorageConfig[],
): Reactor {
  const { plan, configuration, log, onRefused, handOver } = options;
  const { performance, limits } = configuration;
  const { buffers } = performance;
  const slotClasses = buffers === null ? SLOT_CLASSES_DEFAULT : withSlotClass(SLOT_CLASSES_DEFAULT, buffers);
  const reactor = new Reactor({
    native,
    nativeReason: reason,
    isIoUringEnabled: performance.isIoUringEnabled && hasTargets,
    ringDepth: ringDepth(storages),
    sqPollIdleMs: performance.sqPollIdleMs,
    isIoPollEnabled: performance.isIoPollEnabled,
    slotClasses: hasTargets ? slotClasses : SLOT_CLASSES_LISTENING,
    numaNode: plan.numaNode,
    hasHugePages: performance.hasHugePages && hasTargets,
    busyPollUs: hasTargets ? performance.busyPollUs : 0,
    limits,
    observer: { note: (level, event, fields) => log[level](fields, event) },
    note: (level, message, fields) => log[level](fields, message),
    share: { tsihFirst: plan.reactor + 1, tsihStep: plan.reactorCount, onRefused },
    handOver,
  });
  noteMeans(reactor, plan, hasTargets && native !== null, log);
  return reactor;
}

/** What the machine gave of what was asked for. */
function noteMeans({ arena, ringReason, ringRefusals }: Reactor, plan: ReactorPlan, isNative: boolean, log: Log): void {
  if (isNative && ringReason !== null) log.info({ reason: ringReason }, 'running without io_uring');
  for (const reason of ringRefusals) log.warn({ reason }, 'io_uring is not as configured');
  if (arena !== null && arena.reason !== null) log.warn({ reason: arena.reason }, 'memory is not as configured');
  const { numaNode, cpus, reactorOfTarget } = plan;
  const targets = [...reactorOfTarget].filter(([, each]) => each === plan.reactor).map(([name]) => name);
  log.debug({ number: plan.reactor, numaNode, cpus, targets }, 'reactor placed');
}

function bindThread({ cpus, numaNode }: ReactorPlan, { native }: NativeLoad, log: Log): void {
  if (native === null || cpus.length === 0) return;
  const result = native.pinThread(cpus);
  if (result < 0) log.warn({ numaNode, errno: -result }, 'the thread is not bound to the CPUs of its NUMA node');
}

async function addTargets(
  reactor: Reactor,
  { configuration, plan, log }: ServedReactorOptions,
  units: ReadonlyMap<StorageConfig, LogicalUnit>,
): Promise<Map<PortalConfig, Portal>> {
  const portals = new Map<PortalConfig, Portal>();
  for (const portal of configuration.portals) {
    const { host, port } = portal;
    const isWildcard = host === '' || host === '0.0.0.0' || host === '::';
    portals.set(portal, { host: host.includes(':') ? `[${host}]` : host, port, isWildcard });
  }
  const { challenges } = plan;
  const authentications = new Authentications(challenges === null ? undefined : new SharedChallenges(challenges));
  for (const target of configuration.targets) {
    const at = plan.reactorOfTarget.get(target.name) ?? MAIN_REACTOR;
    const isHere = at === plan.reactor;
    const ports = isHere ? await openPorts(target, configuration, log) : new TargetPorts();
    const node = makeTarget(reactor, target, isHere ? units : null, portals, authentications, ports);
    reactor.registry.addTarget(node, isHere ? null : at);
    await settlePorts(ports, configuration);
  }
  const { auth, isFiltered } = configuration.discovery;
  reactor.registry.guardDiscovery(authentications.make(auth), isFiltered);
  return portals;
}

/** @param units null: another reactor serves it */
function makeTarget(
  reactor: Reactor,
  target: TargetConfig,
  units: ReadonlyMap<StorageConfig, LogicalUnit> | null,
  portals: ReadonlyMap<PortalConfig, Portal>,
  authentications: Authentications,
  ports: TargetPorts,
): TargetNode {
  const { device, guard } = guardTarget(target, authentications, (luns) => {
    const made = new TargetDevice(reactor.deviceServer);
    if (units === null) return made;
    for (const { lun, storage } of luns) made.addLogicalUnit(lun, units.get(storage) as LogicalUnit);
    return made;
  });
  const groups = target.portalGroups.map(({ tag, portals: members, access }) => ({
    tag,
    portals: members.map((member) => portals.get(member) as Portal),
    access,
  }));
  const node = new TargetNode(target.name, target.alias, target.offers, groups, device, guard, ports);
  node.redirection = target.redirection;
  return node;
}

/** The reactor has one ring for all its stores: as deep as the deepest that was asked for. */
function ringDepth(storages: readonly StorageConfig[]): number {
  const deepest = Math.max(0, ...storages.map(({ queueDepth }) => queueDepth ?? 0));
  return deepest === 0 ? RING_DEPTH_DEFAULT : deepest;
}

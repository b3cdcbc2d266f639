/** The daemon: from a configuration to a running target, and in order to its end. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { BackendError } from './backend/backend.ts';
import { type Portal, TargetNode } from './iscsi/protocol/session/target-node.ts';
import type { IsnsPortal } from './isns/registration.ts';
import { loadConfig } from './mgmt/config/config.ts';
import { ConfigError } from './mgmt/config/config-error.ts';
import type { Configuration, PortalConfig, StorageConfig, TargetConfig } from './mgmt/config/configuration.ts';
import { formatPortalAddress } from './mgmt/config/portal-address.ts';
import type { DaemonOptions } from './mgmt/daemon-options.ts';
import { holdHeapTight } from './mgmt/heap.ts';
import { createLogger } from './mgmt/logging.ts';
import { ReservationFile } from './mgmt/reservation-store.ts';
import { StateDirectory } from './mgmt/state-dir.ts';
import { Authentications, everyLun, guardTarget } from './mgmt/target-guard.ts';
import { UnitStateFile } from './mgmt/unit-state-file.ts';
import { type BoundAddresses, entityOf, NameService } from './name-service.ts';
import { loadNative } from './native/binding.ts';
import { RING_DEPTH_DEFAULT } from './native/ring.ts';
import { Reactor } from './reactor.ts';
import { type RunningDaemon, takeOver } from './reload.ts';
import { PERIPHERAL_CD_DVD } from './scsi/constants.ts';
import { LogicalUnit } from './scsi/logical-unit.ts';
import { TargetDevice } from './scsi/target-device.ts';

const VENDOR_DEFAULT = 'GOTGT';
const PRODUCT_DEFAULT = 'NATIVE DISK';
const DRIVE_PRODUCT_DEFAULT = 'NATIVE CD-ROM';
const REVISION = '0001';
/** Storages are opened side by side, since a new one waits for the disk; no more at once than the thread pool can use. */
const OPENING_AT_ONCE_MAX = 32;
/** sysexits.h EX_SOFTWARE. */
const EXIT_BUG = 70;
/** Signals that end the daemon in order. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Serves until SIGTERM or SIGINT, then ends in order. Rejects with ConfigError when it cannot start; nothing runs then. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const configuration = withOptions(loadConfig(options), options);
  const logger = await createLogger(options.logLevel, process.stdout.isTTY === true);
  const stopped = stopSignal();
  endOnBug(logger);
  holdHeapTight();
  const daemon = await startDaemon(configuration, logger);
  for (const line of daemon.connectLines) logger.info(line);
  let reloading: Promise<void> = Promise.resolve();
  const onReload = () => {
    reloading = reloading.then(() => reload(daemon, options, logger));
  };
  process.on('SIGHUP', onReload);
  const signal = await stopped;
  process.off('SIGHUP', onReload);
  await reloading;
  logger.info({ signal }, 'stopping: initiators are asked to log out');
  const isDrained = await daemon.stop();
  if (!isDrained) throw new Error('stopped with commands still in a store, which did not answer in time');
  logger.info('stopped: every store is flushed');
}

/** Reads the configuration again. A fault in it is logged, and everything goes on as it was. */
async function reload(daemon: Daemon, options: DaemonOptions, logger: Logger): Promise<void> {
  try {
    await daemon.takeOver(loadConfig(options));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { file, key, message } = error;
    logger.error({ file, key }, `the configuration was not read again: ${message}`);
  }
}

function withOptions(configuration: Configuration, { blocksMultipleHosts }: DaemonOptions): Configuration {
  const { limits } = configuration;
  const sessions = { ...limits.sessions, isOneHost: blocksMultipleHosts };
  return { ...configuration, limits: { ...limits, sessions } };
}

export interface Daemon {
  /** Shell lines that connect to what is served. */
  readonly connectLines: readonly string[];
  /** "address:port" of everything that is listened on. */
  readonly addresses: readonly string[];
  /** What reload.ts says of `configuration` holds from now on. */
  takeOver(configuration: Configuration): Promise<void>;
  /** Ends in order; false when a store did not answer in time. */
  stop(): Promise<boolean>;
}

/** Starts everything that `configuration` names, or nothing. Rejects with ConfigError. */
export async function startDaemon(configuration: Configuration, logger: Logger): Promise<Daemon> {
  for (const warning of configuration.warnings) logger.warn(warning);
  const { native, reason } = loadNative();
  if (reason !== null) logger.info({ reason }, 'running without the native addon');
  const reactor = new Reactor({
    native,
    nativeReason: reason,
    isIoUringEnabled: configuration.performance.isIoUringEnabled,
    ringDepth: ringDepth(configuration),
    limits: configuration.limits,
    observer: { note: (level, event, fields) => logger[level](fields, event) },
    note: (level, message, fields) => logger[level](fields, message),
  });
  if (native !== null && reactor.ringReason !== null) {
    logger.info({ reason: reactor.ringReason }, 'running without io_uring');
  }
  try {
    const units = await openUnits(reactor, configuration, logger);
    const portals = addTargets(reactor, configuration, units);
    const storages = new Map([...units].map(([storage, unit]) => [storage.deviceID, { storage, unit }]));
    for (const served of storages.values()) reactor.capacities.watch(served);
    const running: RunningDaemon = { reactor, logger, storages };
    const bound = await listenAll(reactor, configuration, portals, logger);
    const nameService = startNameService(reactor, configuration, bound, logger);
    return {
      connectLines: connectLines(configuration, portals),
      addresses: [...bound.values()].flat().map(({ address, port }) => formatPortalAddress({ host: address, port })),
      takeOver: (changed) => takeOver(running, changed),
      // A server that does not answer must not take from the time that commands have to end.
      stop: async () => (await Promise.all([reactor.close(), nameService?.stop()]))[0],
    };
  } catch (error) {
    await reactor.abandon();
    throw error;
  }
}

function addTargets(
  reactor: Reactor,
  configuration: Configuration,
  units: ReadonlyMap<StorageConfig, LogicalUnit>,
): Map<PortalConfig, Portal> {
  const portals = new Map<PortalConfig, Portal>();
  for (const portal of configuration.portals) {
    const { host, port } = portal;
    const isWildcard = host === '' || host === '0.0.0.0' || host === '::';
    portals.set(portal, { host: host.includes(':') ? `[${host}]` : host, port, isWildcard });
  }
  const authentications = new Authentications();
  for (const target of configuration.targets) {
    reactor.addTarget(makeTarget(reactor, target, units, portals, authentications));
  }
  const { auth, isFiltered } = configuration.discovery;
  reactor.registry.guardDiscovery(authentications.make(auth), isFiltered);
  return portals;
}

function makeTarget(
  reactor: Reactor,
  target: TargetConfig,
  units: ReadonlyMap<StorageConfig, LogicalUnit>,
  portals: ReadonlyMap<PortalConfig, Portal>,
  authentications: Authentications,
): TargetNode {
  const { device, guard } = guardTarget(target, authentications, (luns) => {
    const made = new TargetDevice(reactor.deviceServer);
    for (const { lun, storage } of luns) made.addLogicalUnit(lun, units.get(storage) as LogicalUnit);
    return made;
  });
  const groups = target.portalGroups.map(({ tag, portals: members }) => ({
    tag,
    portals: members.map((member) => portals.get(member) as Portal),
  }));
  const node = new TargetNode(target.name, target.alias, target.offers, groups, device, guard);
  node.redirection = target.redirection;
  return node;
}

/** Opens every storage that some target exports; those that nobody exports stay closed. */
async function openUnits(
  reactor: Reactor,
  configuration: Configuration,
  logger: Logger,
): Promise<Map<StorageConfig, LogicalUnit>> {
  const exported = new Set(configuration.targets.flatMap((target) => everyLun(target).map(({ storage }) => storage)));
  const storages = configuration.storages.filter((storage) => exported.has(storage));
  const state = await StateDirectory.open(configuration.stateDirectory);
  const uuids = await state.unitUuids(storages.map(({ identityKey }) => identityKey));
  const units = new Map<StorageConfig, LogicalUnit>();
  for (let first = 0; first < storages.length; first += OPENING_AT_ONCE_MAX) {
    const some = storages.slice(first, first + OPENING_AT_ONCE_MAX);
    const opening = some.map((storage, i) =>
      openUnit(reactor, configuration, storage, uuids[first + i] as string, logger),
    );
    // All have settled before one fault ends the start: nothing is opened behind its back.
    for (const [i, result] of (await Promise.allSettled(opening)).entries()) {
      if (result.status === 'rejected') throw result.reason;
      units.set(some[i] as StorageConfig, result.value);
      noteOpened(some[i] as StorageConfig, result.value, logger);
    }
  }
  return units;
}

function noteOpened(
  { deviceID, path }: StorageConfig,
  { backend, sizeBytes, blockBytes }: LogicalUnit,
  logger: Logger,
) {
  const { engine } = backend.capabilities;
  logger.info({ deviceID, path, engine, sizeBytes, blockBytes }, 'storage opened');
}

async function openUnit(
  reactor: Reactor,
  configuration: Configuration,
  storage: StorageConfig,
  uuid: string,
  logger: Logger,
): Promise<LogicalUnit> {
  const reservationStore = new ReservationFile(configuration.stateDirectory, uuid, (fault) => logger.error(fault));
  const savedReservations = await reservationStore.load();
  const stateStore = new UnitStateFile(configuration.stateDirectory, uuid, (fault) => logger.error(fault));
  const savedState = await stateStore.load();
  try {
    const backend = await reactor.openStore(storage);
    return new LogicalUnit({
      uuid,
      backend,
      blockShift: storage.blockShift,
      deviceType: storage.deviceType,
      mediumName: storage.isRemovable ? storage.path : '',
      isReadOnly: storage.isReadOnly,
      isRemovable: storage.isRemovable,
      isThin: storage.isThin,
      vendor: storage.vendorID ?? VENDOR_DEFAULT,
      product:
        storage.productID ?? (storage.deviceType === PERIPHERAL_CD_DVD ? DRIVE_PRODUCT_DEFAULT : PRODUCT_DEFAULT),
      revision: REVISION,
      ...(storage.serial === null ? {} : { serial: storage.serial }),
      reservationStore,
      savedReservations,
      stateStore,
      savedState,
    });
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const key = `storages[${configuration.storages.indexOf(storage)}].path`;
    throw new ConfigError(configuration.source, key, storage.path, error.message);
  }
}

/** The reactor has one ring for all its stores: as deep as the deepest that was asked for. */
function ringDepth({ storages }: Configuration): number {
  const deepest = Math.max(0, ...storages.map(({ queueDepth }) => queueDepth ?? 0));
  return deepest === 0 ? RING_DEPTH_DEFAULT : deepest;
}

async function listenAll(
  reactor: Reactor,
  configuration: Configuration,
  portals: ReadonlyMap<PortalConfig, Portal>,
  logger: Logger,
): Promise<BoundAddresses> {
  const bound = new Map<Portal, IsnsPortal[]>();
  for (const [config, portal] of portals) {
    const places: IsnsPortal[] = [];
    bound.set(portal, places);
    try {
      for (const host of await bindHosts(config.host)) {
        const listener = await reactor.listen({ host, port: portal.port }, portal);
        portal.port = listener.port;
        places.push({ address: listener.host, port: listener.port });
        logger.info({ address: formatPortalAddress(listener) }, 'listening');
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const key = `iscsiportals[${configuration.portals.indexOf(config)}].portal`;
      const fault = `cannot listen there (${error.message}); give an address of this machine and a port that is free`;
      throw new ConfigError(configuration.source, key, formatPortalAddress(config), fault);
    }
  }
  return bound;
}

function startNameService(
  reactor: Reactor,
  { isns, stateDirectory }: Configuration,
  bound: BoundAddresses,
  logger: Logger,
): NameService | null {
  if (isns === null) return null;
  const { registry } = reactor;
  const targets = () => registry.targetNames.map((name) => registry.target(name) as TargetNode);
  return new NameService(isns, entityOf(stateDirectory), targets, bound, (level, message, fields) =>
    logger[level](fields, message),
  );
}

/** The numeric addresses to bind for a portal's host; '' stands for every address of both families. */
async function bindHosts(host: string): Promise<string[]> {
  if (host === '') return ['0.0.0.0', '::'];
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

function connectLines(configuration: Configuration, portals: ReadonlyMap<PortalConfig, Portal>): string[] {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const target of configuration.targets) {
    const first = target.portalGroups[0]?.portals[0];
    const portal = first === undefined ? undefined : portals.get(first);
    if (portal === undefined) continue;
    const address = `${portal.isWildcard ? '127.0.0.1' : portal.host}:${portal.port}`;
    if (!seen.has(address)) {
      lines.push(`connect: iscsi-ls -s iscsi://${address}`);
      lines.push(`connect: iscsiadm -m discovery -t sendtargets -p ${address}`);
      seen.add(address);
    }
    if (lines.length > CONNECT_LINES_MAX) break;
    lines.push(`connect: iscsiadm -m node -T ${target.name} -p ${address} --login`);
  }
  return lines;
}

/** A failed assertion or an unforeseen error: the log says what, and nothing is written to a disk after it. */
function endOnBug(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'this is a bug; the daemon stops rather than risk wrong data');
    process.exit(EXIT_BUG);
  });
}

/** A log of a thousand targets needs no thousand hints. */
const CONNECT_LINES_MAX = 6;

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    const onSignal = (signal: string) => {
      for (const name of STOP_SIGNALS) process.off(name, onSignal);
      resolve(signal);
    };
    for (const name of STOP_SIGNALS) process.on(name, onSignal);
  });
}

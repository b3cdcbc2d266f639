/** The daemon: from a configuration to a running target, and in order to its end. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { BackendError } from './backend/backend.ts';
import type { Portal, TargetNode } from './iscsi/protocol/session/target-node.ts';
import type { IsnsPortal } from './isns/registration.ts';
import { type ConfigSource, configurationOf, readConfigSource } from './mgmt/config/config.ts';
import { ConfigError } from './mgmt/config/config-error.ts';
import type { Configuration, PortalConfig } from './mgmt/config/configuration.ts';
import { formatPortalAddress } from './mgmt/config/portal-address.ts';
import type { DaemonOptions } from './mgmt/daemon-options.ts';
import { holdHeapTight } from './mgmt/heap.ts';
import { createLogger } from './mgmt/logging.ts';
import { type BoundAddresses, entityOf, NameService } from './name-service.ts';
import type { Reactor } from './reactor.ts';
import { EXIT_BUG, Reactors } from './reactors/reactors.ts';
import type { ReactorStatus } from './reactors/served-reactor.ts';
import { takenOverNote } from './reload.ts';

/** Signals that end the daemon in order. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Serves until SIGTERM or SIGINT, then ends in order. Rejects with ConfigError when it cannot start; nothing runs then. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const source = readConfigSource(options);
  const configuration = configurationOf(source);
  const logger = await createLogger(options.logLevel, process.stdout.isTTY === true);
  const stopped = stopSignal();
  endOnBug(logger);
  holdHeapTight();
  const daemon = await startDaemon(source, configuration, logger);
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
  const isInOrder = await daemon.stop();
  if (!isInOrder)
    throw new BackendError('NOT_IN_ORDER', 'stopped, and not everything written is on its disk; the log says what');
  logger.info('stopped: every store is flushed');
}

/** Reads the configuration again. A fault in it is logged, and everything goes on as it was. */
async function reload(daemon: Daemon, options: DaemonOptions, logger: Logger): Promise<void> {
  try {
    await daemon.takeOver(readConfigSource(options));
    logger.info(takenOverNote());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { file, key, message } = error;
    logger.error({ file, key }, `the configuration was not read again: ${message}`);
  }
}

export interface Daemon {
  /** Shell lines that connect to what is served. */
  readonly connectLines: readonly string[];
  /** "address:port" of everything that is listened on. */
  readonly addresses: readonly string[];
  /** What reload.ts says of the configuration holds from now on. Rejects with ConfigError; nothing has changed then. */
  takeOver(source: ConfigSource): Promise<void>;
  /** Every reactor that serves a target, and the main thread's. */
  status(): Promise<readonly ReactorStatus[]>;
  /** Ends in order; false when a store did not answer in time, or has lost writes. */
  stop(): Promise<boolean>;
}

/**
 * Starts everything that `configuration` names, or nothing. Rejects with ConfigError.
 * @param source what `configuration` was made from
 */
export async function startDaemon(source: ConfigSource, configuration: Configuration, logger: Logger): Promise<Daemon> {
  for (const warning of configuration.warnings) logger.warn(warning);
  const reactors = await Reactors.start(source, configuration, logger);
  const { main } = reactors;
  try {
    const bound = await listenAll(main.reactor, configuration, main.portals, logger);
    reactors.tellPorts();
    const nameService = startNameService(main.reactor, configuration, bound, logger);
    return {
      connectLines: connectLines(configuration, main.portals),
      addresses: [...bound.values()].flat().map(({ address, port }) => formatPortalAddress({ host: address, port })),
      takeOver: (changed) => reactors.takeOver(changed, configurationOf(changed)),
      status: () => reactors.status(),
      // A server that does not answer must not take from the time that commands have to end.
      stop: async () => (await Promise.all([reactors.close(), nameService?.stop()]))[0],
    };
  } catch (error) {
    await reactors.close();
    throw error;
  }
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
        const index = configuration.portals.indexOf(config);
        const listener = await reactor.listen({ host, port: portal.port }, portal, index);
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

/**
 * All reactors of the daemon: one on the main thread that serves everything, or one there that listens and others, each in
 * a thread of its own, that serve. A thread that ends by itself takes targets with it, so it ends the daemon.
 */
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { ConfigSource } from '../mgmt/config/config.ts';
import type { Configuration } from '../mgmt/config/configuration.ts';
import type { LogLevel } from '../mgmt/daemon-options.ts';
import { MAIN_REACTOR, type PlacedReactor, placeTargets } from '../mgmt/placement.ts';
import { SharedChallenges } from '../mgmt/shared-challenges.ts';
import { StateDirectory } from '../mgmt/state/state-dir.ts';
import { loadNative } from '../native/binding.ts';
import { takeOver } from '../reload.ts';
import type { HandedConnection } from '../transport/handed-connections.ts';
import { assert } from '../util/assert.ts';
import { NumaPlaces } from './numa-places.ts';
import { RemoteReactor, type RemoteReactorHandler } from './remote-reactor.ts';
import { type ReactorPlan, type ReactorStatus, ServedReactor } from './served-reactor.ts';
import { exportedStorages } from './served-units.ts';

/** sysexits.h EX_SOFTWARE. */
export const EXIT_BUG = 70;

export class Reactors {
  readonly main: ServedReactor;
  /** By number; empty when the main thread serves everything. */
  private readonly remotes: ReadonlyMap<number, RemoteReactor>;

  private constructor(main: ServedReactor, remotes: ReadonlyMap<number, RemoteReactor>) {
    this.main = main;
    this.remotes = remotes;
  }

  /** Starts what `configuration` names, or nothing. Rejects with ConfigError. */
  static async start(source: ConfigSource, configuration: Configuration, logger: Logger): Promise<Reactors> {
    const plans = await planReactors(configuration, logger);
    const [mainPlan, ...remotePlans] = plans as [ReactorPlan, ...ReactorPlan[]];
    const remotes = new Map<number, RemoteReactor>();
    const handOver = (reactor: number, connection: HandedConnection) => {
      const remote = remotes.get(reactor);
      assert(remote !== undefined, 'a target is placed on a reactor that there is');
      remote.adopt(connection);
    };
    const isAlone = remotePlans.length === 0;
    const options = {
      plan: mainPlan,
      configuration,
      log: logger,
      onRefused: null,
      handOver: isAlone ? null : handOver,
    };
    const main = await ServedReactor.open(options);
    const reactors = new Reactors(main, remotes);
    const handler: RemoteReactorHandler = {
      log: logger,
      onRefused: (refused) => main.reactor.registry.refusals.note(refused),
      onCrash: (reactor, err) => endOnCrash(logger, reactor, err),
    };
    const level = logger.level as LogLevel;
    const starting = remotePlans.map((plan) => RemoteReactor.start({ plan, source, logLevel: level }, handler));
    for (const result of await Promise.allSettled(starting)) {
      if (result.status === 'fulfilled') remotes.set(result.value.number, result.value);
    }
    try {
      await Promise.all(starting);
    } catch (error) {
      await reactors.close();
      throw error;
    }
    return reactors;
  }

  /** Tells every reactor where the portals listen; before that no connection reaches them. */
  tellPorts(): void {
    const ports = [...this.main.portals.values()].map(({ port }) => port);
    for (const remote of this.remotes.values()) remote.setPorts(ports);
  }

  /** @param source what `configuration` was made from */
  async takeOver(source: ConfigSource, configuration: Configuration): Promise<void> {
    const others = [...this.remotes.values()].map((remote) => remote.takeOver(source));
    await Promise.all([takeOver(this.main.running, configuration), ...others]);
  }

  async status(): Promise<ReactorStatus[]> {
    return [this.main.status, ...(await Promise.all([...this.remotes.values()].map((remote) => remote.status())))];
  }

  /** Ends in order; false when a store did not answer in time, or has lost writes. */
  async close(): Promise<boolean> {
    const others = [...this.remotes.values()].map((remote) => remote.close());
    return (await Promise.all([this.main.reactor.close(), ...others])).every((isInOrder) => isInOrder);
  }
}

/** The main thread's reactor first. */
async function planReactors(configuration: Configuration, logger: Logger): Promise<ReactorPlan[]> {
  const { targets } = configuration;
  const placed = placeReactors(configuration, logger);
  const storages = exportedStorages(configuration, targets);
  const state = await StateDirectory.open(configuration.stateDirectory);
  // Given out here, since the threads would get into each other's way.
  const uuids = await state.unitUuids(storages.map(({ identityKey }) => identityKey));
  const isAlone = isMainAlone(placed);
  const listening = { reactor: MAIN_REACTOR, numaNode: null, targets: [] };
  const common = {
    reactorOfTarget: new Map(placed.flatMap(({ reactor, targets: names }) => names.map((name) => [name, reactor]))),
    uuids: new Map(storages.map(({ deviceID }, index) => [deviceID, uuids[index] as string])),
    reactorCount: 1 + Math.max(...placed.map(({ reactor }) => reactor)),
    challenges: isAlone ? null : new SharedChallenges().memory,
  };
  const numa = new NumaPlaces(loadNative().native);
  return [...(isAlone ? [] : [listening]), ...placed].map(({ reactor, numaNode }) => ({
    ...common,
    reactor,
    numaNode,
    cpus: numa.cpusOf(numaNode),
  }));
}

function isMainAlone(placed: readonly PlacedReactor[]): boolean {
  return placed.every(({ reactor }) => reactor === MAIN_REACTOR);
}

function placeReactors({ targets, performance }: Configuration, logger: Logger): PlacedReactor[] {
  const { native, reason } = loadNative();
  if (reason !== null) logger.info({ reason }, 'running without the native addon');
  const numa = new NumaPlaces(native);
  const placed = placeTargets(targets, {
    performance,
    cpuCount: availableParallelism(),
    nodeOf: (storage) => numa.nodeOf(storage, (message, fields) => logger.warn(fields, message)),
  });
  if (native !== null || isMainAlone(placed)) return placed;
  logger.warn('without the native addon connections cannot be handed over: the main thread serves every target');
  return [{ reactor: MAIN_REACTOR, numaNode: null, targets: targets.map(({ name }) => name) }];
}

/** The log says which targets are gone; other reactors write nothing more either. */
function endOnCrash(logger: Logger, reactor: number, err: Error): void {
  logger.fatal({ reactor, err }, 'a reactor has ended; the daemon stops rather than serve a part of its targets');
  process.exit(EXIT_BUG);
}

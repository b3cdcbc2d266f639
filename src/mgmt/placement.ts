/**
 * Which reactor serves which target. Targets that share a storage go together, since reservations, range locks and the state
 * of a logical unit live in one reactor; such a group goes to a reactor on the NUMA node of its storages, and of those to the
 * one with the fewest targets: round robin. The same configuration on the same machine gives the same placement.
 */
import type { PerformanceConfig, StorageConfig, TargetConfig } from './config/configuration.ts';
import { everyLun } from './target-guard.ts';

/** The reactor of the main thread. It serves every target when it is alone; else it listens, and others serve. */
export const MAIN_REACTOR = 0;

export interface PlacedReactor {
  /** MAIN_REACTOR, or from 1 on one that has a thread of its own. */
  readonly reactor: number;
  /** Where its thread runs and its memory lies; null: anywhere. */
  readonly numaNode: number | null;
  /** In the order of the configuration. */
  readonly targets: readonly string[];
}

export interface PlacementOptions {
  readonly performance: Pick<PerformanceConfig, 'reactors' | 'isNumaEnabled'>;
  /** For reactors: "auto". */
  readonly cpuCount: number;
  /** The NUMA node that a storage is served on; null: any. */
  readonly nodeOf: (storage: StorageConfig) => number | null;
}

/** @returns reactors that have a target, by number; at least one */
export function placeTargets(targets: readonly TargetConfig[], options: PlacementOptions): PlacedReactor[] {
  const groups = groupsOf(targets, options.nodeOf);
  const nodes = nodesOf(groups);
  const count = reactorCount(options, groups.length, nodes.length);
  if (count === 1 || groups.length === 0)
    return [{ reactor: MAIN_REACTOR, numaNode: soleNode(groups), targets: namesOf(targets) }];
  const reactors: GrowingReactor[] = Array.from({ length: count }, (_, index) => ({
    reactor: index + 1,
    // Where nodes outnumber reactors, a reactor serves several of them and is bound to none.
    numaNode: nodes.length === 0 || nodes.length > count ? null : (nodes[index % nodes.length] as number),
    targets: [],
  }));
  for (const group of groups) emptiest(candidates(reactors, group)).targets.push(...namesOf(group.targets));
  return reactors.filter((reactor) => reactor.targets.length > 0);
}

interface GrowingReactor {
  readonly reactor: number;
  readonly numaNode: number | null;
  readonly targets: string[];
}

interface TargetGroup {
  readonly targets: TargetConfig[];
  readonly storages: Set<StorageConfig>;
  numaNode: number | null;
}

/** In the order of each group's first target. */
function groupsOf(targets: readonly TargetConfig[], nodeOf: PlacementOptions['nodeOf']): TargetGroup[] {
  let groups: TargetGroup[] = [];
  const place = new Map(targets.map((target, index) => [target, index]));
  for (const target of targets) {
    const own: TargetGroup = { targets: [target], storages: new Set(storagesOf(target)), numaNode: null };
    const kin = groups.filter(({ storages }) => [...own.storages].some((storage) => storages.has(storage)));
    const [first] = kin;
    if (first === undefined) groups.push(own);
    else {
      for (const other of [...kin.slice(1), own]) merge(first, other);
      groups = groups.filter((group) => group === first || !kin.includes(group));
    }
  }
  for (const group of groups) {
    group.targets.sort((a, b) => (place.get(a) as number) - (place.get(b) as number));
    group.numaNode = [...group.storages].map(nodeOf).find((node) => node !== null) ?? null;
  }
  return groups;
}

function merge(into: TargetGroup, other: TargetGroup): void {
  into.targets.push(...other.targets);
  for (const storage of other.storages) into.storages.add(storage);
}

function storagesOf(target: TargetConfig): StorageConfig[] {
  return everyLun(target).map(({ storage }) => storage);
}

function nodesOf(groups: readonly TargetGroup[]): number[] {
  const nodes = new Set(groups.flatMap(({ numaNode }) => (numaNode === null ? [] : [numaNode])));
  return [...nodes].sort((a, b) => a - b);
}

function reactorCount({ performance, cpuCount }: PlacementOptions, groupCount: number, nodeCount: number): number {
  const { reactors } = performance;
  if (reactors === 'auto') return Math.max(1, nodeCount, Math.min(groupCount, cpuCount));
  // Left to the daemon, every node that has a storage gets one.
  return reactors ?? Math.max(1, nodeCount);
}

/** The node of a reactor that serves all of `groups`. */
function soleNode(groups: readonly TargetGroup[]): number | null {
  const [first, ...others] = nodesOf(groups);
  return first === undefined || others.length > 0 ? null : first;
}

function candidates(reactors: readonly GrowingReactor[], { numaNode }: TargetGroup): readonly GrowingReactor[] {
  const near = reactors.filter((reactor) => numaNode !== null && reactor.numaNode === numaNode);
  return near.length > 0 ? near : reactors;
}

function emptiest(reactors: readonly GrowingReactor[]): GrowingReactor {
  return reactors.reduce((best, reactor) => (reactor.targets.length < best.targets.length ? reactor : best));
}

function namesOf(targets: readonly TargetConfig[]): string[] {
  return targets.map(({ name }) => name);
}

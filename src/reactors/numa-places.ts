/** The machine's NUMA nodes, and which of them a storage is served on. On a machine with one node there is nothing to choose. */
import { nodeOfFile } from '../backend/disk/disk-numa-node.ts';
import type { StorageConfig } from '../mgmt/config/configuration.ts';
import type { NativeAddon } from '../native/native-addon.ts';

/** A line of the log. */
type Warn = (message: string, fields: Readonly<Record<string, unknown>>) => void;

export class NumaPlaces {
  /** CPUs by node; empty on a machine with one node, and without the addon. */
  private readonly cpus: ReadonlyMap<number, readonly number[]>;

  constructor(native: NativeAddon | null) {
    const nodes = native === null ? [] : native.numaTopology();
    this.cpus = new Map(nodes.length < 2 ? [] : nodes.map(({ node, cpus }) => [node, cpus]));
  }

  /** Null: any. */
  nodeOf({ deviceID, path, numaNode }: StorageConfig, warn: Warn): number | null {
    if (this.cpus.size === 0 || numaNode === null) return null;
    const node = numaNode === 'auto' ? nodeOfFile(path) : numaNode;
    if (node === null || this.cpus.has(node)) return node;
    warn('a storage is served on any NUMA node: this machine has not the one it names', { deviceID, numaNode: node });
    return null;
  }

  /** Empty for no node, and for one that has memory alone. */
  cpusOf(node: number | null): readonly number[] {
    return node === null ? [] : (this.cpus.get(node) ?? []);
  }
}

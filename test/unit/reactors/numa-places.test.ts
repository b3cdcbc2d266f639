/** Which NUMA node a storage is served on, by the machine's topology. */
import { describe, expect, it } from 'vitest';
import type { StorageConfig } from '../../../src/mgmt/config/configuration.ts';
import type { NativeAddon, NumaNode } from '../../../src/native/native-addon.ts';
import { NumaPlaces } from '../../../src/reactors/numa-places.ts';

function places(...nodes: NumaNode[]): NumaPlaces {
  return new NumaPlaces({ numaTopology: () => nodes } as unknown as NativeAddon);
}

function nodeOf(numa: NumaPlaces, numaNode: StorageConfig['numaNode']): { node: number | null; warnings: number } {
  let warnings = 0;
  const storage = { deviceID: 1, path: '/proc/none', numaNode } as StorageConfig;
  const node = numa.nodeOf(storage, () => {
    warnings += 1;
  });
  return { node, warnings };
}

const FIRST = { node: 0, cpus: [0, 1] };
const SECOND = { node: 3, cpus: [2] };

describe('NUMA places', () => {
  it('on a machine with one node there is nothing to choose', () => {
    const numa = places(FIRST);
    for (const numaNode of [0, 3, 'auto', null] as const) {
      expect(nodeOf(numa, numaNode)).toEqual({ node: null, warnings: 0 });
    }
    expect(numa.cpusOf(0)).toEqual([]);
  });

  it('without the addon there is nothing to choose', () => {
    expect(nodeOf(new NumaPlaces(null), 0)).toEqual({ node: null, warnings: 0 });
  });

  it('a node that is named is taken when it is there', () => {
    const numa = places(FIRST, SECOND);
    expect(nodeOf(numa, 3)).toEqual({ node: 3, warnings: 0 });
    expect(nodeOf(numa, 1)).toEqual({ node: null, warnings: 1 });
    expect(nodeOf(numa, null)).toEqual({ node: null, warnings: 0 });
    expect([numa.cpusOf(0), numa.cpusOf(3), numa.cpusOf(1), numa.cpusOf(null)]).toEqual([[0, 1], [2], [], []]);
  });

  it('"auto" is any where the device tells no node', () => {
    expect(nodeOf(places(FIRST, SECOND), 'auto')).toEqual({ node: null, warnings: 0 });
  });
});

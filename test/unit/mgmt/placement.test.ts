/** Which reactor serves which target: together what shares a storage, by NUMA node, else round robin. */
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../src/mgmt/config/config-document.ts';
import { MAIN_REACTOR, type PlacementOptions, placeTargets } from '../../../src/mgmt/placement.ts';

/** @param targets by name, the storages of its LUNs @param hidden those of an access rule */
function targetsOf(targets: Record<string, readonly number[]>, hidden: Record<string, readonly number[]> = {}) {
  const storageIds = [...new Set([...Object.values(targets), ...Object.values(hidden)].flat())];
  const lunsOf = (ids: readonly number[]) => Object.fromEntries(ids.map((id, lun) => [lun, id]));
  const document = {
    storages: storageIds.map((deviceID) => ({ deviceID, path: 'null:', size: '1MiB' })),
    iscsiportals: [{ id: 0, portal: '127.0.0.1' }],
    iscsitargets: Object.fromEntries(
      Object.entries(targets).map(([name, ids]) => [
        `iqn.2026-11.x:${name}`,
        {
          luns: lunsOf(ids),
          ...(hidden[name] === undefined ? {} : { access: [{ luns: lunsOf(hidden[name]) }] }),
        },
      ]),
    ),
  };
  return resolveConfig(parseConfigDocument('test.json', JSON.stringify(document)), '/nowhere').targets;
}

type Nodes = Readonly<Record<number, number>>;

function place(
  targets: ReturnType<typeof targetsOf>,
  reactors: PlacementOptions['performance']['reactors'],
  nodes: Nodes = {},
  cpuCount = 4,
) {
  const placed = placeTargets(targets, {
    performance: { reactors, isNumaEnabled: true },
    cpuCount,
    nodeOf: ({ deviceID }) => nodes[deviceID] ?? null,
  });
  return placed.map(({ reactor, numaNode, targets: names }) => ({
    reactor,
    numaNode,
    names: names.map((name) => name.split(':')[1]).join(''),
  }));
}

const FOUR = targetsOf({ a: [1], b: [2], c: [3], d: [4] });

describe('placement', () => {
  it.each([null, 1])('reactors %s: the main thread serves everything', (reactors) => {
    expect(place(FOUR, reactors)).toEqual([{ reactor: MAIN_REACTOR, numaNode: null, names: 'abcd' }]);
  });

  it('goes round robin', () => {
    expect(place(FOUR, 3)).toEqual([
      { reactor: 1, numaNode: null, names: 'ad' },
      { reactor: 2, numaNode: null, names: 'b' },
      { reactor: 3, numaNode: null, names: 'c' },
    ]);
  });

  it('starts no reactor without a target', () => {
    expect(place(targetsOf({ a: [1] }), 4)).toEqual([{ reactor: 1, numaNode: null, names: 'a' }]);
    expect(place([], 4)).toEqual([{ reactor: MAIN_REACTOR, numaNode: null, names: '' }]);
  });

  it('"auto" has one for each group, as far as there are CPUs', () => {
    expect(place(FOUR, 'auto', {}, 2)).toHaveLength(2);
    expect(place(FOUR, 'auto', {}, 64)).toHaveLength(4);
    expect(place(targetsOf({ a: [1], b: [1] }), 'auto')).toEqual([
      { reactor: MAIN_REACTOR, numaNode: null, names: 'ab' },
    ]);
  });

  it('keeps targets that share a storage together, over any number of steps', () => {
    const targets = targetsOf({ a: [1], b: [2], c: [3], d: [1, 2], e: [4] });
    expect(place(targets, 5).map(({ names }) => names)).toEqual(['abd', 'c', 'e']);
  });

  it('counts storages that only an access rule shows', () => {
    const targets = targetsOf({ a: [1], b: [2], c: [3] }, { c: [1] });
    expect(place(targets, 5).map(({ names }) => names)).toEqual(['ac', 'b']);
  });

  it('serves a storage on its node', () => {
    const nodes = { 1: 0, 2: 1, 3: 0, 4: 1 };
    const expected = [
      { reactor: 1, numaNode: 0, names: 'ac' },
      { reactor: 2, numaNode: 1, names: 'bd' },
    ];
    expect(place(FOUR, null, nodes)).toEqual(expected);
    expect(place(FOUR, 2, nodes)).toEqual(expected);
    expect(place(FOUR, 4, nodes)).toEqual([
      { reactor: 1, numaNode: 0, names: 'a' },
      { reactor: 2, numaNode: 1, names: 'b' },
      { reactor: 3, numaNode: 0, names: 'c' },
      { reactor: 4, numaNode: 1, names: 'd' },
    ]);
  });

  it('puts a storage without a node where there is least to do', () => {
    expect(place(FOUR, null, { 1: 0, 2: 0, 3: 1 })).toEqual([
      { reactor: 1, numaNode: 0, names: 'ab' },
      { reactor: 2, numaNode: 1, names: 'cd' },
    ]);
  });

  it('binds the main thread when all storages are on one node, and no reactor that serves several', () => {
    expect(place(FOUR, null, { 1: 1, 4: 1 })).toEqual([{ reactor: MAIN_REACTOR, numaNode: 1, names: 'abcd' }]);
    expect(place(FOUR, 1, { 1: 0, 4: 1 })).toEqual([{ reactor: MAIN_REACTOR, numaNode: null, names: 'abcd' }]);
    expect(place(FOUR, 2, { 1: 0, 2: 1, 3: 2 }).map(({ numaNode }) => numaNode)).toEqual([null, null]);
  });
});

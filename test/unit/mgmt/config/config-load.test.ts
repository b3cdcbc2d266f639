/** Where the configuration comes from, and that what is right is read as it is meant: gotgt's own files first of all. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OFFERS_DEFAULT } from '../../../../src/iscsi/protocol/login/parameters.ts';
import { loadConfig, resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import type { Configuration } from '../../../../src/mgmt/config/configuration.ts';
import { NegotiationSchema } from '../../../../src/mgmt/config/schema/schema.ts';
import { CONFIGURED_ACCESS_DEFAULT } from '../../../../src/scsi/port/target-ports.ts';

const NOTHING_SAID = { configFile: null, stateDirectory: null, host: null, port: null };
const MINIMAL = {
  storages: [{ deviceID: 1, path: 'null:' }],
  iscsiportals: [{ id: 0, portal: '127.0.0.1' }],
  iscsitargets: { 'iqn.2026-11.org.example:a': { luns: { '0': 1 } } },
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotgt-config-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: unknown): string {
  const file = join(directory, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, JSON.stringify(content));
  return file;
}

function surroundings(variables: { GOSTOR_CONFIG?: string; XDG_STATE_HOME?: string } = {}, isRoot = false) {
  return { variables, homeDirectory: join(directory, 'home'), isRoot };
}

function read(content: unknown): Configuration {
  return resolveConfig(parseConfigDocument('test.json', JSON.stringify(content)), directory);
}

describe('where the configuration comes from', () => {
  it('--config first, then $GOSTOR_CONFIG, then ~/.gotgt, then the built-in default', () => {
    const sources: string[] = [];
    const fromOption = write('given.json', MINIMAL);
    const fromVariable = write('gostor/config.json', MINIMAL);
    const fromHome = write('home/.gotgt/config.json', MINIMAL);
    const variables = { GOSTOR_CONFIG: join(directory, 'gostor') };
    sources.push(loadConfig({ ...NOTHING_SAID, configFile: fromOption }, surroundings(variables)).source);
    sources.push(loadConfig(NOTHING_SAID, surroundings(variables)).source);
    sources.push(loadConfig(NOTHING_SAID, surroundings()).source);
    rmSync(fromHome);
    sources.push(loadConfig(NOTHING_SAID, surroundings({ GOSTOR_CONFIG: '' })).source);
    expect(sources).toEqual([fromOption, fromVariable, fromHome, 'built-in default']);
  });

  it('$GOSTOR_CONFIG without a file is a fault, not a reason to serve something else', () => {
    write('home/.gotgt/config.json', MINIMAL);
    expect(() => loadConfig(NOTHING_SAID, surroundings({ GOSTOR_CONFIG: directory }))).toThrow('no such file');
  });

  it('a file in the home directory that may not be read is a fault, not a reason to serve the default', () => {
    const file = write('home/.gotgt/config.json', MINIMAL);
    rmSync(file);
    mkdirSync(file);
    chmodSync(file, 0);
    expect(() => loadConfig(NOTHING_SAID, surroundings())).toThrow(/directory|readable/);
  });

  it('the built-in default is one sparse 1 GiB disk in the state directory, on this machine only', () => {
    const configuration = loadConfig({ ...NOTHING_SAID, stateDirectory: directory }, surroundings());
    expect(configuration.storages).toMatchObject([
      { scheme: 'iouring', path: join(directory, 'disk0.img'), sizeBytes: 2 ** 30, isThin: true, blockBytes: 512 },
    ]);
    expect(configuration.portals).toEqual([{ id: 0, host: '127.0.0.1', port: 3260 }]);
    expect(configuration.targets).toMatchObject([
      { name: 'iqn.2026-11.io.github.gotgt-native:disk0', luns: [{ lun: 0 }], portalGroups: [{ tag: 1 }] },
    ]);
    expect(configuration.warnings).toEqual([]);
  });

  it.each([
    [{ XDG_STATE_HOME: '/xdg' }, true, '/xdg/gotgt-native'],
    [{ XDG_STATE_HOME: 'relative' }, true, '/var/lib/gotgt-native'],
    [{}, true, '/var/lib/gotgt-native'],
  ])('with %j and root %j the state directory is %s', (variables, isRoot, expected) => {
    expect(loadConfig(NOTHING_SAID, surroundings(variables, isRoot)).stateDirectory).toBe(expected);
  });

  it('a user has the state directory at home, and --state-dir replaces it', () => {
    expect(loadConfig(NOTHING_SAID, surroundings()).stateDirectory).toBe(
      join(directory, 'home/.local/state/gotgt-native'),
    );
    expect(loadConfig({ ...NOTHING_SAID, stateDirectory: '/there' }, surroundings()).stateDirectory).toBe('/there');
  });

  it.each([
    ['::1', 3261, { id: 0, host: '::1', port: 3261 }],
    [null, 0, { id: 0, host: '127.0.0.1', port: 0 }],
    ['0.0.0.0', null, { id: 0, host: '0.0.0.0', port: 3260 }],
  ])('host %j and port %j replace every portal, and every target listens there', (host, port, portal) => {
    const file = write('two.json', {
      ...MINIMAL,
      iscsiportals: [
        { id: 5, portal: '192.0.2.1' },
        { id: 6, portal: '192.0.2.2' },
      ],
      iscsitargets: {
        'iqn.2026-11.org.example:a': { tpgts: { '2': [5], '3': [6] } },
        'iqn.2026-11.org.example:b': { tpgts: { '7': [6] } },
      },
    });
    const configuration = loadConfig({ ...NOTHING_SAID, configFile: file, host, port }, surroundings());
    expect(configuration.portals).toEqual([portal]);
    expect(configuration.targets.map((target) => target.portalGroups)).toEqual([
      [{ tag: 2, portals: [portal], access: CONFIGURED_ACCESS_DEFAULT }],
      [{ tag: 7, portals: [portal], access: CONFIGURED_ACCESS_DEFAULT }],
    ]);
  });
});

describe("gotgt's files", () => {
  it('path with its scheme, one portal, one target', () => {
    const { storages, portals, targets, warnings } = read({
      storages: [{ deviceID: 1000, path: 'file:/var/tmp/disk.img', online: true }],
      iscsiportals: [{ id: 0, portal: '127.0.0.1:3260' }],
      iscsitargets: { 'iqn.2016-09.com.gotgt.gostor:02:example-tgt-0': { tpgts: { '1': [0] }, luns: { '0': 1000 } } },
    });
    expect(storages).toEqual([
      {
        deviceID: 1000,
        scheme: 'file',
        path: '/var/tmp/disk.img',
        identityKey: 'file:/var/tmp/disk.img',
        isOnline: true,
        numaNode: null,
        deviceType: 0,
        sizeBytes: null,
        blockShift: 9,
        blockBytes: 512,
        isThin: false,
        isReadOnly: false,
        isDirect: false,
        isRemovable: false,
        thresholds: { availableBytes: 0, usedPercent: 0 },
        vendorID: null,
        productID: null,
        serial: null,
        queueDepth: null,
      },
    ]);
    expect(targets).toEqual([
      {
        name: 'iqn.2016-09.com.gotgt.gostor:02:example-tgt-0',
        alias: null,
        portalGroups: [{ tag: 1, portals, access: CONFIGURED_ACCESS_DEFAULT }],
        isAccessExplicit: true,
        luns: [{ lun: 0, storage: storages[0] }],
        offers: OFFERS_DEFAULT,
        redirection: null,
        auth: null,
        access: null,
      },
    ]);
    expect(warnings).toEqual([]);
  });

  it('thresholds of a thin disk, in bytes or with a unit, and in percent', () => {
    const thresholdsOf = (entry: object) =>
      read({ ...MINIMAL, storages: [{ deviceID: 1, path: 'null:', ...entry }] }).storages[0]?.thresholds;
    expect(thresholdsOf({ thresholdAvailable: '3GiB' })).toEqual({ availableBytes: 3 * 2 ** 30, usedPercent: 0 });
    expect(thresholdsOf({ thresholdAvailable: 0, thresholdUsedPercent: 100 })).toEqual({
      availableBytes: 0,
      usedPercent: 100,
    });
  });

  it('backendType beside the path, and the performance section', () => {
    const { storages, performance, warnings } = read({
      ...MINIMAL,
      storages: [
        {
          deviceID: 1,
          path: '/var/tmp/disk.img',
          backendType: 'iouring',
          blockShift: 12,
          enableNUMA: true,
          numaNode: 0,
        },
      ],
      performance: { enableNUMA: true, enableIoUring: true, ioUringQueueDepth: 4096, numaBufferSize: 262144 },
    });
    expect(storages).toMatchObject([{ scheme: 'iouring', blockBytes: 4096, queueDepth: 4096, numaNode: 0 }]);
    expect(performance).toEqual({
      isIoUringEnabled: true,
      sqPollIdleMs: 0,
      isIoPollEnabled: false,
      reactors: null,
      isNumaEnabled: true,
      buffers: null,
      busyPollUs: 100,
      hasHugePages: false,
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    { global: false, own: {}, numaNode: null },
    { global: true, own: {}, numaNode: 'auto' },
    { global: true, own: { numaNode: 'auto' }, numaNode: 'auto' },
    { global: true, own: { numaNode: 3 }, numaNode: 3 },
    { global: true, own: { numaNode: -1 }, numaNode: null },
    { global: true, own: { enableNUMA: false, numaNode: 3 }, numaNode: null },
    { global: false, own: { enableNUMA: true, numaNode: 3 }, numaNode: 3 },
    { global: false, own: { numaNode: 3 }, numaNode: null },
  ])('NUMA $global, storage $own: node $numaNode', ({ global, own, numaNode }) => {
    const { storages } = read({
      storages: [{ deviceID: 1, path: 'null:', size: '1MiB', ...own }],
      performance: { enableNUMA: global },
    });
    expect(storages).toMatchObject([{ numaNode }]);
  });

  it.each([
    { entry: { numaBufferPoolSize: 16, numaBufferSize: 65536 }, buffers: { capacityBytes: 65536, count: 16 } },
    { entry: { numaBufferPoolSize: 16, numaBufferSize: 5000 }, buffers: { capacityBytes: 8192, count: 16 } },
    { entry: { numaBufferPoolSize: 4, numaBufferSize: 1048576 }, buffers: { capacityBytes: 262144, count: 16 } },
    { entry: { numaBufferPoolSize: 4 }, buffers: null },
    { entry: { numaBufferSize: 65536 }, buffers: null },
    { entry: { numaBufferPoolSize: 1048576, numaBufferSize: 4096 }, buffers: { capacityBytes: 4096, count: 1048576 } },
  ])('buffers $entry', ({ entry, buffers }) => {
    expect(read({ ...MINIMAL, performance: entry }).performance).toMatchObject({ buffers });
  });

  it('more buffers than a reactor can have are a fault that says how many it can', () => {
    const performance = { numaBufferPoolSize: 524289, numaBufferSize: 524288 };
    expect(() => read({ ...MINIMAL, performance })).toThrow('expected at most 524288 buffers of 524288 bytes');
  });

  it('keys in any case, null for "not given", 0 for "the default"', () => {
    const { storages, warnings } = read({
      ...MINIMAL,
      storages: [
        { deviceid: 1, PATH: 'null:', thinprovisioning: true, blockShift: 0, deviceSize: 0, backendType: null },
      ],
      ISCSIPortals: null,
    });
    expect(storages).toMatchObject([{ deviceID: 1, isThin: true, blockBytes: 512, sizeBytes: null }]);
    expect(warnings).toEqual([]);
  });

  it('a key nobody knows is passed over with a warning that says where and what was meant', () => {
    const text = JSON.stringify(
      { ...MINIMAL, storages: [{ deviceID: 1, path: 'null:', blokShift: 12 }], ids: 1 },
      null,
      1,
    );
    const { warnings } = resolveConfig(parseConfigDocument('test.json', text), directory);
    expect(warnings).toEqual([
      'test.json:6:17: storages[0].blokShift is not a known key and is ignored; did you mean blockShift?',
      'test.json:22:9: ids is not a known key and is ignored',
    ]);
  });
});

describe('what a configuration means', () => {
  it('one storage has one identity, whatever its deviceID and engine', () => {
    const keys = ['file:/a', 'iouring:/a', '/a'].map(
      (path, deviceID) => read({ storages: [{ deviceID, path }] }).storages[0]?.identityKey,
    );
    expect(new Set(keys)).toEqual(new Set(['file:/a']));
  });

  it('a CD-ROM drive is read-only and removable with blocks of 2048 bytes, and its own whatever the image', () => {
    const drive = { deviceID: 7, kind: 'cdrom', path: 'file:/a.iso', blockShift: 9, thinProvisioning: true };
    expect(read({ storages: [drive] }).storages[0]).toMatchObject({
      deviceType: 5,
      blockBytes: 2048,
      isReadOnly: true,
      isRemovable: true,
      isThin: false,
      identityKey: 'drive:7',
    });
    expect(read({ storages: [{ ...drive, path: 'file:/b.iso' }] }).storages[0]?.identityKey).toBe('drive:7');
    const drives = [drive, { ...drive, deviceID: 9 }];
    expect(read({ storages: drives }).storages.map(({ identityKey }) => identityKey)).toEqual(['drive:7', 'drive:9']);
    const disk = { deviceID: 8, path: 'file:/a.img', removable: true };
    expect(read({ storages: [disk] }).storages[0]).toMatchObject({ deviceType: 0, identityKey: 'drive:8' });
  });

  it('a storage that is offline is kept and its LUN is left out, with a warning', () => {
    const { storages, targets, warnings } = read({
      ...MINIMAL,
      storages: [
        { deviceID: 1, path: 'null:', online: false },
        { deviceID: 2, path: 'null:' },
      ],
      iscsitargets: { 'iqn.2026-11.org.example:a': { luns: { '4': 2, '0': 1 } } },
    });
    expect(storages).toHaveLength(2);
    expect(targets[0]?.luns.map(({ lun }) => lun)).toEqual([4]);
    expect(warnings).toEqual([expect.stringContaining('not exported')]);
  });

  it('a target without tpgts listens on every portal in group 1', () => {
    const iscsiportals = [
      { id: 3, portal: '192.0.2.1' },
      { id: 4, portal: '[2001:db8::1]:3261' },
    ];
    const { targets, portals } = read({ ...MINIMAL, iscsiportals });
    expect(targets[0]?.portalGroups).toEqual([{ tag: 1, portals, access: CONFIGURED_ACCESS_DEFAULT }]);
  });

  it('LUNs come in order of number, not of text', () => {
    const storages = [1, 2, 3].map((deviceID) => ({ deviceID, path: 'null:' }));
    const luns = { '16383': 1, '10': 2, '9': 3 };
    const { targets } = read({ ...MINIMAL, storages, iscsitargets: { 'iqn.2026-11.org.example:a': { luns } } });
    expect(targets[0]?.luns.map(({ lun }) => lun)).toEqual([9, 10, 16383]);
  });

  it('target names are taken in their normal form', () => {
    const { targets } = read({ ...MINIMAL, iscsitargets: { 'IQN.2026-11.org.Example:A_1': {} } });
    expect(targets[0]?.name).toBe('iqn.2026-11.org.example:a_1');
  });

  it("every negotiated key has an offer: the operator's, else the protocol's", () => {
    const negotiation = { headerDigest: ['CRC32C'], initialR2T: true, maxOutstandingR2T: 1, defaultTime2Retain: 20 };
    const { targets } = read({
      ...MINIMAL,
      iscsitargets: { 'iqn.2026-11.org.example:a': { negotiation, alias: 'a disk' } },
    });
    expect(targets[0]).toMatchObject({
      alias: 'a disk',
      offers: {
        ...OFFERS_DEFAULT,
        HeaderDigest: ['CRC32C'],
        InitialR2T: true,
        MaxOutstandingR2T: 1,
        DefaultTime2Retain: 20,
      },
    });
  });

  it('every offer can be set by its key', () => {
    const { properties } = NegotiationSchema;
    const names = Object.keys(properties).map((name) => name.toLowerCase());
    // TaskReporting has one value that this target honours.
    expect(names.concat('taskreporting').sort()).toEqual(
      Object.keys(OFFERS_DEFAULT)
        .map((name) => name.toLowerCase())
        .sort(),
    );
  });

  it('a smaller maxBurstLength makes the default firstBurstLength smaller', () => {
    const iscsitargets = { 'iqn.2026-11.org.example:a': { negotiation: { maxBurstLength: 65536 } } };
    expect(read({ ...MINIMAL, iscsitargets }).targets[0]?.offers).toMatchObject({
      MaxBurstLength: 65536,
      FirstBurstLength: 65536,
    });
  });

  it.each([
    [{ size: '2MiB' }, 2 ** 21],
    [{ size: 4096 }, 4096],
    [{ deviceSize: 8192 }, 8192],
    [{ deviceSize: 8192, size: '8K' }, 8192],
  ])('size %j is %i bytes', (entry, sizeBytes) => {
    expect(read({ storages: [{ deviceID: 1, path: 'null:', ...entry }] }).storages[0]?.sizeBytes).toBe(sizeBytes);
  });

  it('limits have defaults and can be set one by one', () => {
    expect(read(MINIMAL).limits).toEqual({
      loginTimeoutMs: 15000,
      commandWindow: 128,
      keepaliveMs: 30000,
      sessions: { perTargetMax: 1024, perInitiatorMax: 64, isOneHost: false },
    });
    expect(read({ ...MINIMAL, limits: { keepaliveMs: 0 } }).limits.keepaliveMs).toBe(0);
  });

  it('a submission thread is there only when asked for', () => {
    expect(read({ ...MINIMAL, performance: { sqPollIdleMs: 60000 } }).performance.sqPollIdleMs).toBe(60000);
    expect(read(MINIMAL).performance.sqPollIdleMs).toBe(0);
  });

  it('completions are polled for only when asked for', () => {
    expect(read({ ...MINIMAL, performance: { ioPoll: true } }).performance.isIoPollEnabled).toBe(true);
    expect(read(MINIMAL).performance.isIoPollEnabled).toBe(false);
  });

  it('enableIoUring: false turns io_uring off', () => {
    expect(read({ ...MINIMAL, performance: { enableIoUring: false } }).performance.isIoUringEnabled).toBe(false);
  });
});

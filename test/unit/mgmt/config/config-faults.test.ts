/** Every fault of a configuration names file, key and value and says what would be right. */
import { linkSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument, readConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import { ConfigError } from '../../../../src/mgmt/config/config-error.ts';

const TARGET = 'iqn.2026-11.org.example:a';
const TARGET_KEY = `iscsitargets["${TARGET}"]`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotgt-faults-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function faultOf(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

function faultIn(content: unknown): ConfigError {
  return faultOf(() => resolveConfig(parseConfigDocument('test.json', JSON.stringify(content)), directory));
}

function storage(entry: object) {
  return { storages: [{ deviceID: 1, path: 'null:', ...entry }] };
}

function drive(entry: object) {
  return { storages: [{ deviceID: 1, kind: 'cdrom', path: 'file:/a.iso', ...entry }] };
}

function target(entry: object, name = TARGET) {
  return {
    storages: [
      { deviceID: 1, path: 'null:' },
      { deviceID: 2, path: 'null:' },
    ],
    iscsiportals: [{ id: 0, portal: '127.0.0.1' }],
    iscsitargets: { [name]: entry },
  };
}

function portals(...addresses: string[]) {
  return { iscsiportals: addresses.map((portal, id) => ({ id, portal })) };
}

describe('faults of a CD-ROM drive', () => {
  it('its image as a disk besides', () => {
    const drives = drive({}).storages;
    const fault = faultIn({ storages: [...drives, { deviceID: 2, readOnly: true, path: 'file:/a.iso' }] });
    expect(fault.key).toBe('storages[1].path');
    expect(fault.message).toContain('storage 1 is the same file');
  });

  it.each([
    ['kind', drive({ kind: 'tape' }), '"disk" or "cdrom"'],
    ['path', drive({ path: 'null:' }), 'needs an ISO image'],
    ['size', drive({ size: '1GiB' }), 'leave this out'],
    ['deviceSize', drive({ deviceSize: 2048 }), 'leave this out'],
  ])('%s', (key, content, words) => {
    const fault = faultIn(content);
    expect(fault.key).toBe(`storages[0].${key}`);
    expect(fault.message).toContain(words);
  });
});

describe('faults of the file', () => {
  it('a file that is not there', () => {
    const fault = faultOf(() => readConfigDocument(join(directory, 'none.json')));
    expect(fault).toMatchObject({ file: join(directory, 'none.json'), key: '' });
    expect(fault.message).toContain('no such file');
  });

  it('a directory in its place', () => {
    expect(faultOf(() => readConfigDocument(directory)).message).toContain('directory');
  });

  it('bytes that are no text', () => {
    const file = join(directory, 'latin1.json');
    writeFileSync(file, Buffer.from([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]));
    expect(faultOf(() => readConfigDocument(file)).message).toContain('UTF-8');
  });

  it('invalid JSON, with line and column', () => {
    const file = join(directory, 'broken.json');
    writeFileSync(file, '{\n  "storages": [\n    { "deviceID": 1, }\n  ]\n}\n');
    const fault = faultOf(() => readConfigDocument(file));
    expect(fault.file).toBe(`${file}:3:22`);
    expect(fault.message).toContain('comma');
  });

  it('a name that stands twice: one of the two targets would vanish', () => {
    const text = `{"iscsitargets": {"${TARGET}": {}, "${TARGET}": {}}}`;
    expect(faultOf(() => parseConfigDocument('test.json', text)).message).toContain('twice');
  });

  it('a key that stands twice in different case', () => {
    const fault = faultIn(storage({ thinProvisioning: true, thinprovisioning: false }));
    expect(fault).toMatchObject({ key: 'storages[0].thinProvisioning' });
    expect(fault.message).toContain('storages[0].thinprovisioning');
  });
});

describe('faults of a value', () => {
  it.each<[string, unknown, string, unknown, string]>([
    ['the whole is a list', [], '', [], 'an object with storages'],
    ['storages is an object', { storages: {} }, 'storages', {}, 'a list of storages'],
    ['a storage is a number', { storages: [7] }, 'storages[0]', 7, 'object'],
    [
      'no deviceID',
      { storages: [{ path: 'null:' }] },
      'storages[0].deviceID',
      undefined,
      'missing: expected a whole number',
    ],
    ['deviceID is text', storage({ deviceID: '1' }), 'storages[0].deviceID', '1', 'a whole number'],
    ['deviceID is negative', storage({ deviceID: -1 }), 'storages[0].deviceID', -1, 'a whole number'],
    ['deviceID beyond 2^53', storage({ deviceID: 2 ** 60 }), 'storages[0].deviceID', 2 ** 60, '2^53-1'],
    ['no path', { storages: [{ deviceID: 1 }] }, 'storages[0].path', undefined, 'missing: expected a path'],
    ['an empty path', storage({ path: '' }), 'storages[0].path', '', 'needs a path'],
    ['path is a number', storage({ path: 1 }), 'storages[0].path', 1, 'a path such as'],
    ['online is text', storage({ online: 'yes' }), 'storages[0].online', 'yes', 'true or false'],
    ['blockShift 8', storage({ blockShift: 8 }), 'storages[0].blockShift', 8, '512-byte'],
    ['blockShift 13', storage({ blockShift: 13 }), 'storages[0].blockShift', 13, '4096-byte'],
    ['blockShift 9.5', storage({ blockShift: 9.5 }), 'storages[0].blockShift', 9.5, '512-byte'],
    ['queue depth 32769', storage({ ioUringQueueDepth: 32769 }), 'storages[0].ioUringQueueDepth', 32769, '32768'],
    ['numaNode -2', storage({ numaNode: -2 }), 'storages[0].numaNode', -2, 'from -1'],
    ['size of nothing', storage({ size: '0' }), 'storages[0].size', '0', '1GiB'],
    ['size without sense', storage({ size: 'big' }), 'storages[0].size', 'big', '1GiB'],
    ['size is true', storage({ size: true }), 'storages[0].size', true, '1GiB'],
    ['size of half a block', storage({ size: 1000 }), 'storages[0].size', 1000, 'such as 1024'],
    ['size of half a 4 KiB block', storage({ size: '6K', blockShift: 12 }), 'storages[0].size', '6K', 'such as 8192'],
    ['deviceSize of half a block', storage({ deviceSize: 100 }), 'storages[0].deviceSize', 100, 'such as 512'],
    ['a threshold below 0', storage({ thresholdAvailable: -1 }), 'storages[0].thresholdAvailable', -1, '"1GiB"'],
    [
      'a threshold of a bad unit',
      storage({ thresholdAvailable: '3 heaps' }),
      'storages[0].thresholdAvailable',
      '3 heaps',
      '2^53-1',
    ],
    [
      'a threshold above all',
      storage({ thresholdUsedPercent: 101 }),
      'storages[0].thresholdUsedPercent',
      101,
      '0 to 100',
    ],
    ['two sizes', storage({ size: '1M', deviceSize: 512 }), 'storages[0].deviceSize', 512, '1048576'],
    ['vendorID of 9 characters', storage({ vendorID: 'ABCDEFGHI' }), 'storages[0].vendorID', 'ABCDEFGHI', '1 to 8'],
    ['productID with an umlaut', storage({ productID: 'Größe' }), 'storages[0].productID', 'Größe', 'ASCII'],
    ['an empty serial', storage({ serial: '' }), 'storages[0].serial', '', '1 to 36'],
    ['s3 is to come', storage({ path: 's3:bucket/disk' }), 'storages[0].path', 's3:bucket/disk', 'not available yet'],
    [
      'ceph is to come',
      storage({ path: '/p/i', backendType: 'ceph' }),
      'storages[0].backendType',
      'ceph',
      'not available yet',
    ],
    [
      'a kind nobody knows',
      storage({ path: 'tape:/dev/st0' }),
      'storages[0].path',
      'tape:/dev/st0',
      'no storage kind "tape"',
    ],
    [
      'path and backendType contradict',
      storage({ path: 'file:/a', backendType: 'iouring' }),
      'storages[0].path',
      'file:/a',
      'backendType says iouring',
    ],
    ['portal id 65536', { iscsiportals: [{ id: 65536, portal: ':1' }] }, 'iscsiportals[0].id', 65536, '65535'],
    ['no portal address', { iscsiportals: [{ id: 1 }] }, 'iscsiportals[0].portal', undefined, 'an address such as'],
    [
      'portal port 65536',
      portals('127.0.0.1:65536'),
      'iscsiportals[0].portal',
      '127.0.0.1:65536',
      'an address such as',
    ],
    ['portal address 300.0.0.1', portals('300.0.0.1'), 'iscsiportals[0].portal', '300.0.0.1', 'an address such as'],
    ['tpgts is a list', target({ tpgts: [0] }), `${TARGET_KEY}.tpgts`, [0], '{"1": [0]}'],
    ['tpgts is empty', target({ tpgts: {} }), `${TARGET_KEY}.tpgts`, {}, 'at least one portal group'],
    ['an empty group', target({ tpgts: { '1': [] } }), `${TARGET_KEY}.tpgts["1"]`, [], 'at least one portal id'],
    ['tag 65536', target({ tpgts: { '65536': [0] } }), `${TARGET_KEY}.tpgts["65536"]`, '65536', 'from 0 to 65535'],
    ['tag "x"', target({ tpgts: { x: [0] } }), `${TARGET_KEY}.tpgts.x`, 'x', 'from 0 to 65535'],
    [
      'a portal id is text',
      target({ tpgts: { '1': ['0'] } }),
      `${TARGET_KEY}.tpgts["1"][0]`,
      '0',
      'the id of a portal',
    ],
    ['LUN 16384', target({ luns: { '16384': 1 } }), `${TARGET_KEY}.luns["16384"]`, '16384', 'from 0 to 16383'],
    ['LUN 01', target({ luns: { '01': 1 } }), `${TARGET_KEY}.luns["01"]`, '01', 'from 0 to 16383'],
    ['LUN -1', target({ luns: { '-1': 1 } }), `${TARGET_KEY}.luns["-1"]`, '-1', 'from 0 to 16383'],
    ['a LUN of text', target({ luns: { '0': 'a' } }), `${TARGET_KEY}.luns["0"]`, 'a', 'the deviceID of a storage'],
    [
      'a digest nobody knows',
      target({ negotiation: { headerDigest: ['MD5'] } }),
      `${TARGET_KEY}.negotiation.headerDigest[0]`,
      'MD5',
      '"CRC32C" or "None"',
    ],
    [
      'no digest at all',
      target({ negotiation: { dataDigest: [] } }),
      `${TARGET_KEY}.negotiation.dataDigest`,
      [],
      '"CRC32C" and "None"',
    ],
    [
      'maxRecvDataSegmentLength 511',
      target({ negotiation: { maxRecvDataSegmentLength: 511 } }),
      `${TARGET_KEY}.negotiation.maxRecvDataSegmentLength`,
      511,
      'from 512 to 16777215',
    ],
    [
      'maxOutstandingR2T 0',
      target({ negotiation: { maxOutstandingR2T: 0 } }),
      `${TARGET_KEY}.negotiation.maxOutstandingR2T`,
      0,
      'from 1 to 64',
    ],
    [
      'firstBurstLength above maxBurstLength',
      target({ negotiation: { firstBurstLength: 65536, maxBurstLength: 32768 } }),
      `${TARGET_KEY}.negotiation.firstBurstLength`,
      65536,
      'at most maxBurstLength, which is 32768',
    ],
    [
      'data out of order',
      target({ negotiation: { dataPDUInOrder: false } }),
      `${TARGET_KEY}.negotiation.dataPDUInOrder`,
      false,
      'expected true',
    ],
    [
      'seventeen connections per session',
      target({ negotiation: { maxConnections: 17 } }),
      `${TARGET_KEY}.negotiation.maxConnections`,
      17,
      'from 1 to 16',
    ],
    ['an alias of two lines', target({ alias: 'a\nb' }), `${TARGET_KEY}.alias`, 'a\nb', 'one line'],
    ['an alias of 300 bytes', target({ alias: 'é'.repeat(150) }), `${TARGET_KEY}.alias`, 'é'.repeat(150), '255 bytes'],
    ['loginTimeoutMs 0', { limits: { loginTimeoutMs: 0 } }, 'limits.loginTimeoutMs', 0, 'from 100'],
    [
      'a submission thread that never sleeps',
      { performance: { sqPollIdleMs: 60001 } },
      'performance.sqPollIdleMs',
      60001,
      'from 0 to 60000',
    ],
    ['sqPollIdleMs -1', { performance: { sqPollIdleMs: -1 } }, 'performance.sqPollIdleMs', -1, 'from 0 to 60000'],
    ['ioPoll is "yes"', { performance: { ioPoll: 'yes' } }, 'performance.ioPoll', 'yes', 'true or false'],
    ['enableIoUring is 1', { performance: { enableIoUring: 1 } }, 'performance.enableIoUring', 1, 'true or false'],
  ])('%s', (_name, content, key, value, words) => {
    const fault = faultIn(content);
    expect({ key: fault.key, value: fault.value }).toEqual({ key, value });
    expect(fault.message).toContain(words);
  });

  it.each([
    'disk0',
    'iqn.2026-13.org.example:a',
    'iqn.2026-11',
    'iqn.2026-11.org.example:a b',
    'iqn.2026-11.org.example/a',
    'eui.0123',
    'naa.0123456789abcdeg',
    `iqn.2026-11.org.example:${'a'.repeat(200)}`,
    '__proto__',
  ])('target name %s', (name) => {
    const content = `{"iscsiportals": [{"id": 0, "portal": ":1"}], "iscsitargets": {${JSON.stringify(name)}: {}}}`;
    const fault = faultOf(() => resolveConfig(parseConfigDocument('test.json', content), directory));
    expect(fault.value).toBe(name);
    expect(fault.message).toContain('an iSCSI name');
  });
});

describe('faults between values', () => {
  it('two storages with one deviceID', () => {
    const fault = faultIn({ storages: [storage({}).storages[0], storage({}).storages[0]] });
    expect(fault).toMatchObject({ key: 'storages[1].deviceID', value: 1 });
  });

  it('two portals with one id', () => {
    const iscsiportals = [
      { id: 4, portal: '127.0.0.1' },
      { id: 4, portal: '127.0.0.2' },
    ];
    expect(faultIn({ iscsiportals })).toMatchObject({ key: 'iscsiportals[1].id', value: 4 });
  });

  it.each([
    ['127.0.0.1:3260', '127.0.0.1'],
    ['[::1]', '[0:0:0::1]:3260'],
    ['0.0.0.0', '192.0.2.7'],
    [':3260', '[2001:db8::1]'],
  ])('portals %s and %s on one address', (first, second) => {
    const fault = faultIn(portals(first, second));
    expect(fault).toMatchObject({ key: 'iscsiportals[1].portal', value: second });
    expect(fault.message).toContain('portal 0');
  });

  it('a LUN of a storage that is not there', () => {
    const fault = faultIn(target({ luns: { '0': 3 } }));
    expect(fault).toMatchObject({ key: `${TARGET_KEY}.luns["0"]`, value: 3 });
    expect(fault.message).toContain('storages has 1, 2');
  });

  it('one storage as two LUNs of a target', () => {
    expect(faultIn(target({ luns: { '0': 1, '1': 1 } }))).toMatchObject({ key: `${TARGET_KEY}.luns["1"]`, value: 1 });
  });

  it('a group with a portal that is not there', () => {
    const fault = faultIn(target({ tpgts: { '1': [0, 9] } }));
    expect(fault).toMatchObject({ key: `${TARGET_KEY}.tpgts["1"][1]`, value: 9 });
    expect(fault.message).toContain('iscsiportals has 0');
  });

  it('one portal in two groups of a target', () => {
    expect(faultIn(target({ tpgts: { '1': [0], '2': [0] } }))).toMatchObject({ key: `${TARGET_KEY}.tpgts["2"][0]` });
  });

  it('a target and no portal at all', () => {
    expect(faultIn({ iscsitargets: { [TARGET]: {} } })).toMatchObject({ key: 'iscsiportals', value: undefined });
  });

  it('two targets whose names differ in case only', () => {
    const content = { ...portals(':1'), iscsitargets: { [TARGET]: {}, [TARGET.toUpperCase()]: {} } };
    expect(faultIn(content).message).toContain('same name');
  });

  it('two storages on one file, whatever its names', () => {
    const file = join(directory, 'disk.img');
    writeFileSync(file, '');
    linkSync(file, join(directory, 'hard.img'));
    symlinkSync(file, join(directory, 'soft.img'));
    symlinkSync(directory, join(directory, 'folder'));
    for (const other of [file, `iouring:${file}`, 'hard.img', 'soft.img', 'folder/disk.img', './x/../disk.img']) {
      const path = other.includes(':') ? other : join(directory, other.replace(directory, ''));
      const storages = [
        { deviceID: 1, path: file },
        { deviceID: 2, path },
      ];
      expect(faultIn({ storages })).toMatchObject({ key: 'storages[1].path', value: path });
    }
  });

  it('a file that cannot be looked at', () => {
    symlinkSync('circle', join(directory, 'circle'));
    for (const path of [join(directory, 'circle'), join(directory, 'x'.repeat(300))]) {
      const fault = faultIn(storage({ path }));
      expect(fault).toMatchObject({ key: 'storages[0].path', value: path });
      expect(fault.message).toMatch(/ELOOP|ENAMETOOLONG/);
    }
  });

  it('two storages on one file that is still to be created', () => {
    symlinkSync(directory, join(directory, 'alias'));
    const storages = [
      { deviceID: 1, path: join(directory, 'new.img') },
      { deviceID: 2, path: `iouring:${join(directory, 'alias/new.img')}` },
    ];
    expect(faultIn({ storages })).toMatchObject({ key: 'storages[1].path' });
  });
});

describe('how a fault reads', () => {
  it('is one block with file, line, column, key, value and what would be right', () => {
    const text = '{"storages": [\n  {"deviceid": 1, "path": "null:", "BLOCKSHIFT": 13}]}';
    const fault = faultOf(() => parseConfigDocument('/etc/gotgt.json', text));
    expect(fault.describe()).toBe(
      [
        'The configuration is not right; nothing was started.',
        '  file:  /etc/gotgt.json:2:50',
        '  key:   storages[0].blockShift',
        '  value: 13',
        '  fault: expected 9 (512-byte blocks), 10, 11, 12 (4096-byte blocks), or 0 for the default',
      ].join('\n'),
    );
  });

  it('cuts a long value', () => {
    expect(faultIn(storage({ path: 'tape:'.padEnd(5000, 'x') })).describe().length).toBeLessThan(600);
  });

  it('never shows a secret', () => {
    const fault = faultIn(storage({ s3SecretKey: 12345678 }));
    expect(fault.key).toBe('storages[0].s3SecretKey');
    expect(fault.describe()).not.toContain('12345678');
  });
});

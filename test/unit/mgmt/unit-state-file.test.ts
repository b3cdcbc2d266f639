import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnitStateFile } from '../../../src/mgmt/state/unit-state-file.ts';
import { ERASED_MEDIA_MAX, type UnitState } from '../../../src/scsi/unit/unit-state.ts';

const ERASURE = {
  plan: { isFormat: false, pattern: Buffer.from([0xab, 1]), passes: 3, isInverting: true, mayExitFailure: true },
  medium: '',
  isFailed: false,
};

const MODES = {
  isWriteCacheEnabled: false,
  isDescriptorSense: true,
  isUsedThresholdEnabled: true,
  usedThresholdCount: 7,
};

const ONE =
  '{"isFormat":true,"pattern":null,"passes":1,"isInverting":false,"mayExitFailure":false,"medium":"","isFailed":true}';

/** What the file has of so many media. */
function media(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({ ...JSON.parse(ONE), medium: `/${i}.img` }));
}

describe('the state of a disk in its file', () => {
  let directory = '';
  const faults: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gotgt-unit-'));
    faults.length = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const open = (folder = directory) => new UnitStateFile(folder, 'u', (fault) => faults.push(fault));
  const save = (file: UnitStateFile, state: UnitState) => new Promise((resolve) => file.save(state, resolve));

  it('is null before anything was saved', async () => {
    expect(await open().load()).toBeNull();
  });

  const OTHER = { plan: { ...ERASURE.plan, pattern: null }, medium: '/other.img', isFailed: true };
  it.each([{ erasures: [] }, { erasures: [ERASURE] }, { erasures: [OTHER, ERASURE] }])(
    'comes back: %o',
    async ({ erasures }) => {
      const cycles = { stops: 3, unloads: 0 };
      expect(await save(open(), { erasures, savedModes: MODES, cycles })).toBe(true);
      expect(await open().load()).toEqual({ erasures, savedModes: MODES, cycles });
      expect(readdirSync(directory)).toEqual(['disk-u.json']);
    },
  );

  it('comes back with as many media as there may be', async () => {
    const file = open();
    writeFileSync(file.path, JSON.stringify({ version: 2, erasures: media(ERASED_MEDIA_MAX), savedModes: null }));
    expect((await file.load())?.erasures).toHaveLength(ERASED_MEDIA_MAX);
  });

  it('that cannot be saved is told, and what was kept before still is', async () => {
    await save(open(), { erasures: [ERASURE], savedModes: null });
    const gone = open(join(directory, 'gone'));
    expect(await save(gone, { erasures: [], savedModes: null })).toBe(false);
    expect(faults).toHaveLength(1);
    expect(await open().load()).toEqual({ erasures: [ERASURE], savedModes: null, cycles: { stops: 0, unloads: 0 } });
  });

  it('of before stops were counted has no counts', async () => {
    const file = open();
    writeFileSync(file.path, '{"version":1,"erasure":null,"savedModes":null}');
    expect(await file.load()).toEqual({ erasures: [], savedModes: null });
  });

  it('of before each medium had its own erasure has that of one', async () => {
    const file = open();
    const { plan } = ERASURE;
    const erasure = { ...plan, pattern: 'ab01', medium: '/a.img', isFailed: true };
    writeFileSync(file.path, JSON.stringify({ version: 1, erasure, savedModes: null }));
    expect(await file.load()).toEqual({ erasures: [{ plan, medium: '/a.img', isFailed: true }], savedModes: null });
  });

  it.each([
    '{"version":1,"erasure":null,"savedModes":null,"cycles":{"stops":-1,"unloads":0}}',
    '{"version":1,"erasure":null,"savedModes":null,"cycles":{"stops":1}}',
    '',
    '[]',
    '{"version":2,"erasure":null}',
    '{"version":3,"erasures":[],"savedModes":null}',
    '{"version":2,"erasures":null,"savedModes":null}',
    '{"version":2,"erasures":[null],"savedModes":null}',
    `{"version":2,"erasures":[${ONE},${ONE}],"savedModes":null}`,
    JSON.stringify({ version: 2, erasures: media(ERASED_MEDIA_MAX + 1), savedModes: null }),
    '{"version":1}',
    '{"version":1,"erasure":null}',
    '{"version":1,"erasure":null,"savedModes":{"isWriteCacheEnabled":1}}',
    '{"version":1,"erasure":null,"savedModes":{"usedThresholdCount":4294967296}}',
    '{"version":1,"erasure":null,"savedModes":{"usedThresholdCount":true}}',
    '{"version":1,"erasure":null,"savedModes":{"isUnheardOf":true}}',
    '{"version":1,"erasure":{}}',
    '{"version":1,"erasure":{"passes":0,"pattern":null}}',
    '{"version":1,"erasure":{"passes":1,"pattern":"abc"}}',
    '{"version":1,"erasure":{"passes":1,"pattern":null,"isFormat":1}}',
  ])('damaged as %s stops the daemon', async (text) => {
    const file = open();
    writeFileSync(file.path, text);
    await expect(file.load()).rejects.toMatchObject({ name: 'ConfigError' });
  });
});

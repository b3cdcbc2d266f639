import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UnitStateFile } from '../../../src/mgmt/state/unit-state-file.ts';
import type { UnitState } from '../../../src/scsi/unit/unit-state.ts';

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

  it.each([null, ERASURE, { plan: { ...ERASURE.plan, pattern: null }, medium: '', isFailed: true }])(
    'comes back: %o',
    async (erasure) => {
      const cycles = { stops: 3, unloads: 0 };
      expect(await save(open(), { erasure, savedModes: MODES, cycles })).toBe(true);
      expect(await open().load()).toEqual({ erasure, savedModes: MODES, cycles });
      expect(readdirSync(directory)).toEqual(['disk-u.json']);
    },
  );

  it('that cannot be saved is told, and what was kept before still is', async () => {
    await save(open(), { erasure: ERASURE, savedModes: null });
    const gone = open(join(directory, 'gone'));
    expect(await save(gone, { erasure: null, savedModes: null })).toBe(false);
    expect(faults).toHaveLength(1);
    expect(await open().load()).toEqual({ erasure: ERASURE, savedModes: null, cycles: { stops: 0, unloads: 0 } });
  });

  it('of before stops were counted has no counts', async () => {
    const file = open();
    writeFileSync(file.path, '{"version":1,"erasure":null,"savedModes":null}');
    expect(await file.load()).toEqual({ erasure: null, savedModes: null });
  });

  it.each([
    '{"version":1,"erasure":null,"savedModes":null,"cycles":{"stops":-1,"unloads":0}}',
    '{"version":1,"erasure":null,"savedModes":null,"cycles":{"stops":1}}',
    '',
    '[]',
    '{"version":2,"erasure":null}',
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

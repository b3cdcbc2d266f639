import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { UnitStateFile } from '../../../src/mgmt/state/unit-state-file.ts';
import { NO_UNIT_STATE, type UnitState } from '../../../src/scsi/unit/unit-state.ts';

/** A file system that puts a file in place and then cannot say that it stays there. */
const disk = vi.hoisted(() => ({ failures: 0 }));
vi.mock('../../../src/mgmt/state/replace-file.ts', async (original) => {
  const real = await original<typeof import('../../../src/mgmt/state/replace-file.ts')>();
  const replaceFile: typeof real.replaceFile = async (...args) => {
    await real.replaceFile(...args);
    if (disk.failures === 0) return;
    disk.failures -= 1;
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  };
  return { ...real, replaceFile };
});

const UUID = '0f0e0d0c-0b0a-4908-8706-050403020100';
const plan = { isFormat: false, pattern: null, passes: 1, isInverting: false, mayExitFailure: false };
const ERASING: UnitState = { erasure: { plan, medium: '', isFailed: false }, savedModes: null };
const MODES: UnitState = { erasure: null, savedModes: { isWriteProtected: true } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gotgt-unit-state-'));
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  { failures: 1, faults: 1 },
  { failures: 2, faults: 2 },
])('what was refused does not hold after a restart, with $failures failures in a row', async ({ failures, faults }) => {
  const told: string[] = [];
  const open = (fault = (message: string) => void told.push(message)) => new UnitStateFile(folder, UUID, fault);
  const save = (file: UnitStateFile, state: UnitState) => new Promise((done) => file.save(state, done));
  await rm(join(folder, `disk-${UUID}.json`), { force: true });
  const file = open();
  disk.failures = failures;
  expect(await save(file, ERASING)).toBe(false);
  expect(await open().load()).toMatchObject(NO_UNIT_STATE);
  disk.failures = 0;
  expect(await save(file, MODES)).toBe(true);
  disk.failures = failures;
  expect(await save(file, ERASING)).toBe(false);
  expect(await open().load()).toMatchObject(MODES);
  expect(told.length).toBe(2 * faults);
});

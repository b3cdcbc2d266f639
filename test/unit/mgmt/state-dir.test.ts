/** The identity of a disk outlives the daemon, and never changes silently. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StateDirectory } from '../../../src/mgmt/state/state-dir.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotgt-state-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function unitsFile(text: string): void {
  writeFileSync(join(directory, 'units.json'), text);
}

describe('state directory', () => {
  it('is created with its parents, for its owner alone', async () => {
    const path = join(directory, 'a', 'b');
    await StateDirectory.open(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('gives every disk its own UUID, and the same one after a restart', async () => {
    const first = await (await StateDirectory.open(directory)).unitUuids(['file:/a', 'null:1']);
    for (const uuid of first) expect(uuid).toMatch(UUID);
    expect(new Set(first).size).toBe(2);
    const reopened = await StateDirectory.open(directory);
    const [b, a] = await reopened.unitUuids(['file:/b', 'file:/a']);
    expect(a).toBe(first[0]);
    expect(first).not.toContain(b);
    expect(await (await StateDirectory.open(directory)).unitUuids(['null:1', 'file:/b'])).toEqual([first[1], b]);
  });

  it('keeps the identities in a file of mode 0600 and leaves nothing else behind', async () => {
    await (await StateDirectory.open(directory)).unitUuids(['file:/a']);
    expect(readdirSync(directory)).toEqual(['units.json']);
    expect(statSync(join(directory, 'units.json')).mode & 0o777).toBe(0o600);
  });

  it('is not written when there is nothing new', async () => {
    await (await StateDirectory.open(directory)).unitUuids(['file:/a']);
    const before = statSync(join(directory, 'units.json'), { bigint: true });
    await (await StateDirectory.open(directory)).unitUuids(['file:/a']);
    const after = statSync(join(directory, 'units.json'), { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  it('a rest of an interrupted write does no harm', async () => {
    writeFileSync(join(directory, 'units.json.tmp'), '{"ver');
    const [uuid] = await (await StateDirectory.open(directory)).unitUuids(['file:/a']);
    expect(uuid).toMatch(UUID);
    expect(readdirSync(directory)).toEqual(['units.json']);
  });

  it.each([
    ['nothing', ''],
    ['half of it', '{"version": 1, "units": {"file:/a": "0b0e'],
    ['no object', '[]'],
    ['null', 'null'],
    ['a later version', '{"version": 2, "units": {}}'],
    ['no units', '{"version": 1}'],
    ['units as a list', '{"version": 1, "units": []}'],
    ['a UUID cut short', '{"version": 1, "units": {"file:/a": "0b0e"}}'],
    [
      'one UUID for two disks',
      '{"version": 1, "units": {"file:/a": "8a6a3a5e-5a4c-4f0e-9a3b-0d8d6d1c2b3a", "file:/b": "8a6a3a5e-5a4c-4f0e-9a3b-0d8d6d1c2b3a"}}',
    ],
  ])('a file with %s stops the daemon and stays as it is', async (_name, text) => {
    unitsFile(text);
    await expect(StateDirectory.open(directory)).rejects.toMatchObject({
      name: 'ConfigError',
      file: join(directory, 'units.json'),
      message: expect.stringContaining('damaged'),
    });
    expect(readFileSync(join(directory, 'units.json'), 'utf8')).toBe(text);
  });

  it('a path that is a file says so', async () => {
    const path = join(directory, 'file');
    writeFileSync(path, '');
    await expect(StateDirectory.open(path)).rejects.toMatchObject({
      name: 'ConfigError',
      file: path,
      message: expect.stringContaining('--state-dir'),
    });
  });

  it('identities that cannot be kept are not given out, neither then nor later', async () => {
    const state = await StateDirectory.open(directory);
    // Not even root can write into a directory's place.
    mkdirSync(join(directory, 'units.json.tmp'));
    await expect(state.unitUuids(['file:/a'])).rejects.toMatchObject({ name: 'ConfigError' });
    await expect(state.unitUuids(['file:/a'])).rejects.toMatchObject({ name: 'ConfigError' });
    rmSync(join(directory, 'units.json.tmp'), { recursive: true });
    const [uuid] = await state.unitUuids(['file:/a']);
    expect(await (await StateDirectory.open(directory)).unitUuids(['file:/a'])).toEqual([uuid]);
  });

  it('two calls at a time agree, and both are kept', async () => {
    const state = await StateDirectory.open(directory);
    const [one, two] = await Promise.all([state.unitUuids(['file:/a']), state.unitUuids(['file:/a', 'file:/b'])]);
    expect(one[0]).toBe(two[0]);
    expect(await (await StateDirectory.open(directory)).unitUuids(['file:/a', 'file:/b'])).toEqual(two);
  });

  it('a units file that may not be read is a fault, never a fresh start', async () => {
    mkdirSync(join(directory, 'units.json'));
    chmodSync(join(directory, 'units.json'), 0);
    await expect(StateDirectory.open(directory)).rejects.toMatchObject({ name: 'ConfigError' });
  });
});

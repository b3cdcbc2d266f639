import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TargetPortFile } from '../../../src/mgmt/state/target-port-file.ts';
import {
  ACCESS_STATUS_ALTERED_BY_COMMAND,
  ACCESS_STATUS_NONE,
  STATE_ACTIVE_NON_OPTIMIZED,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_UNAVAILABLE,
} from '../../../src/scsi/port/target-port.ts';
import type { SavedPorts } from '../../../src/scsi/port/target-ports.ts';

const NAME = 'iqn.2026-11.org.example:disk';
const PORTS: SavedPorts = new Map([
  [
    `${NAME},t,0x0001`,
    {
      configured: STATE_ACTIVE_OPTIMIZED,
      access: { state: STATE_STANDBY, statusCode: ACCESS_STATUS_ALTERED_BY_COMMAND },
    },
  ],
  [
    `${NAME},t,0x0002`,
    {
      configured: STATE_UNAVAILABLE,
      access: { state: STATE_ACTIVE_NON_OPTIMIZED, statusCode: ACCESS_STATUS_NONE },
    },
  ],
]);
const RIGHT = { configured: 'standby', state: 'standby', statusCode: 0 };

describe("the access states of a target's ports in their file", () => {
  let directory = '';
  const faults: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gotgt-ports-'));
    faults.length = 0;
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const open = (folder = directory, name = NAME) => new TargetPortFile(folder, name, (fault) => faults.push(fault));
  const save = (file: TargetPortFile, ports: SavedPorts) => new Promise((resolve) => file.save(ports, resolve));

  it('are null before anything was saved', async () => {
    expect(await open().load()).toBeNull();
  });

  it('come back, for the same target alone', async () => {
    expect(await save(open(), PORTS)).toBe(true);
    expect(await open().load()).toEqual(PORTS);
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/^target-[0-9a-f]{32}\.json$/)]);
    expect(await open(directory, `${NAME}2`).load()).toBeNull();
  });

  it('of a target with the longest name have a file like any other', async () => {
    const file = open(directory, `iqn.2026-11.org.example:${'\u00e4'.repeat(99)}x`);
    expect(await save(file, PORTS)).toBe(true);
    expect(await file.load()).toEqual(PORTS);
  });

  it('that cannot be saved are told, and what was kept before still is', async () => {
    await save(open(), PORTS);
    expect(await save(open(join(directory, 'gone')), new Map())).toBe(false);
    expect(faults).toEqual([expect.stringContaining('cannot be saved')]);
    expect(await open().load()).toEqual(PORTS);
  });

  it('that cannot be read stop the daemon', async () => {
    const file = open();
    await save(open(directory, `${NAME}2`), PORTS);
    rmSync(directory, { recursive: true });
    writeFileSync(directory, ''); // ENOTDIR
    await expect(file.load()).rejects.toMatchObject({ name: 'ConfigError', file: file.path });
  });

  it.each([
    '',
    '[]',
    '{"version":2,"ports":{}}',
    '{"version":1}',
    '{"version":1,"ports":[]}',
    '{"version":1,"ports":{"a":null}}',
    ports({ configured: 'offline' }),
    ports({ state: 'transitioning' }),
    ports({ state: 'toString' }),
    ports({ state: 2 }),
    ports({ statusCode: 3 }),
    ports({ statusCode: '1' }),
    ports({ statusCode: undefined }),
  ])('damaged as %s stop the daemon', async (text) => {
    const file = open();
    writeFileSync(file.path, text);
    await expect(file.load()).rejects.toMatchObject({ name: 'ConfigError', file: file.path });
  });

  it('are not damaged when all of that is right', async () => {
    const file = open();
    writeFileSync(file.path, ports({}));
    const access = { state: STATE_STANDBY, statusCode: ACCESS_STATUS_NONE };
    expect(await file.load()).toEqual(new Map([['a', { configured: STATE_STANDBY, access }]]));
  });
});

function ports(change: object): string {
  return JSON.stringify({ version: 1, ports: { a: { ...RIGHT, ...change } } });
}

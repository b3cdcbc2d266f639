/** The file that keeps persistent reservations: what is saved is loaded, a damaged file is never passed over. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/mgmt/config/config-error.ts';
import { ReservationFile } from '../../../src/mgmt/state/reservation-store.ts';
import type { SavedReservations } from '../../../src/scsi/reservations/machine/reservation-state.ts';
import {
  nexusName,
  REGISTRATIONS_PER_LOGICAL_UNIT_MAX,
} from '../../../src/scsi/reservations/machine/reservation-state.ts';

const UUID = '0f0e0d0c-0b0a-4908-8706-050403020100';
const TARGET = 'iqn.2000-01.test:disk,t,0x0001';
const A = nexusName('iqn.2000-01.test:a,i,0x00023d000001', TARGET);
const B = nexusName('iqn.2000-01.test:b,i,0x00023d000002', TARGET);

const RESERVED: SavedReservations = {
  isAptpl: true,
  isLost: false,
  registrations: new Map([
    [A.name, { ...A, key: { high: 0xffffffff, low: 0 } }],
    [B.name, { ...B, key: { high: 0, low: 1 } }],
  ]),
  reservation: { type: 5, holder: B.name },
};
const OF_ALL: SavedReservations = { ...RESERVED, reservation: { type: 8, holder: null } };
const LOST: SavedReservations = { isAptpl: false, isLost: true, registrations: new Map(), reservation: null };
const NOTHING: SavedReservations = { ...LOST, isLost: false };

let directory: string;
let faults: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotgt-reservations-'));
  faults = [];
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function open(): ReservationFile {
  return new ReservationFile(directory, UUID, (message) => faults.push(message));
}

function save(file: ReservationFile, reservations: SavedReservations): Promise<boolean> {
  return new Promise((resolve) => file.save(reservations, resolve));
}

describe('a reservation file', () => {
  it('is nothing before anything was saved', async () => {
    expect(await open().load()).toBe(null);
  });

  it.each([
    ['a reservation with a holder', RESERVED],
    ['a reservation of all registrants', OF_ALL],
    ['registrations alone', { ...RESERVED, reservation: null }],
    ['lost reservations', LOST],
  ])('gives back %s', async (_name, reservations) => {
    expect(await save(open(), reservations)).toBe(true);
    expect(await open().load()).toEqual(reservations);
  });

  it('keeps nothing that is not to be kept', async () => {
    const file = open();
    await save(file, RESERVED);
    await save(file, { ...RESERVED, isAptpl: false });
    expect(await open().load()).toEqual(NOTHING);
  });

  it('is for the daemon alone, and leaves no other file behind', async () => {
    const file = open();
    await save(file, RESERVED);
    expect(readdirSync(directory)).toEqual([`reservations-${UUID}.json`]);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
  });

  it('tells later, not at once', async () => {
    let isDone = false;
    const saved = new Promise<void>((resolve) => {
      open().save(RESERVED, () => {
        isDone = true;
        resolve();
      });
    });
    expect(isDone).toBe(false);
    await saved;
    expect(isDone).toBe(true);
  });

  it('that cannot be written says so, and what was saved before stays', async () => {
    const file = open();
    await save(file, RESERVED);
    // Not even root can write into a directory that is not there.
    const blocked = new ReservationFile(join(directory, 'missing'), UUID, (message) => faults.push(message));
    expect(await save(blocked, OF_ALL)).toBe(false);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(blocked.path);
    expect(await open().load()).toEqual(RESERVED);
    expect(await save(file, OF_ALL)).toBe(true);
  });
});

describe('a damaged reservation file', () => {
  const content = async (): Promise<Record<string, unknown>> => {
    const file = open();
    await save(file, RESERVED);
    return JSON.parse(readFileSync(file.path, 'utf8'));
  };

  const faultOf = async (text: string): Promise<ConfigError> => {
    const { path } = open();
    writeFileSync(path, text);
    const error = await open()
      .load()
      .then(
        () => null,
        (reason: unknown) => reason,
      );
    if (!(error instanceof ConfigError)) throw new Error(`loaded, or failed otherwise: ${String(error)}`);
    expect(error.file).toBe(path);
    expect(error.describe()).toContain('restore it from a backup');
    return error;
  };

  it.each([
    ['empty', ''],
    ['cut', '{"version":1,'],
    ['a number', '7'],
    ['an array', '[]'],
    ['null', 'null'],
  ])('that is %s is named', async (_name, text) => {
    expect((await faultOf(text)).key).toBe('');
  });

  it('cut at any byte is never taken', async () => {
    const text = JSON.stringify(await content());
    for (let length = 0; length < text.length; length += 7) await faultOf(text.slice(0, length));
  });

  const portA = { initiatorPort: A.initiatorPortName, targetPort: TARGET };
  it.each<[string, Record<string, unknown>]>([
    ['version', { version: 2 }],
    ['isActive', { isActive: 1 }],
    ['isLost', { isLost: 'no' }],
    ['registrations', { registrations: {} }],
    ['registrations', { isActive: false }],
    ['registrations[0]', { registrations: [1] }],
    ['registrations[0].initiatorPort', { registrations: [{ targetPort: TARGET, key: '0x0000000000000001' }] }],
    [
      'registrations[0].initiatorPort',
      { registrations: [{ ...portA, initiatorPort: `iqn.${'x'.repeat(231)},i,0x1`, key: '0x0000000000000001' }] },
    ],
    ['registrations[0].targetPort', { registrations: [{ ...portA, targetPort: 'x y,t,0x1', key: '0x01' }] }],
    ['registrations[0].key', { registrations: [{ ...portA, key: '0x0000000000000000' }] }],
    ['registrations[0].key', { registrations: [{ ...portA, key: '0x1' }] }],
    ['registrations[0].key', { registrations: [{ ...portA, key: 1 }] }],
    [
      'registrations[1]',
      { registrations: [1, 2].map((digit) => ({ ...portA, key: `0x000000000000000${digit}` })), reservation: null },
    ],
    ['reservation', { reservation: 5 }],
    ['reservation', { registrations: [], reservation: { type: 8, holder: null } }],
    ['reservation.type', { reservation: { type: 2, holder: portA } }],
    ['reservation.holder', { reservation: { type: 7, holder: portA } }],
    ['reservation.holder', { reservation: { type: 1, holder: null } }],
    [
      'reservation.holder',
      { reservation: { type: 1, holder: { ...portA, initiatorPort: 'iqn.2000-01.test:c,i,0x1' } } },
    ],
  ])('names the key %s (%j)', async (key, change) => {
    const fault = await faultOf(JSON.stringify({ ...(await content()), ...change }));
    expect(fault.key).toBe(key);
  });

  it('with more registrations than a unit has is named', async () => {
    const registrations = Array.from({ length: REGISTRATIONS_PER_LOGICAL_UNIT_MAX + 1 }, (_, index) => ({
      ...portA,
      initiatorPort: `iqn.2000-01.test:n,i,0x${index.toString(16)}`,
      key: '0x0000000000000001',
    }));
    const fault = await faultOf(JSON.stringify({ ...(await content()), registrations, reservation: null }));
    expect(fault.key).toBe('registrations');
  });

  it('tells the operator of a content that is right', async () => {
    const fault = await faultOf('{');
    const remedy = /put (\{.*?\}) in it/.exec(fault.message)?.[1] ?? '';
    writeFileSync(open().path, remedy);
    expect(await open().load()).toEqual(LOST);
  });

  it('that cannot be read is named', async () => {
    mkdirSync(open().path);
    const fault = await open()
      .load()
      .then(
        () => null,
        (reason: unknown) => reason,
      );
    expect(fault).toBeInstanceOf(ConfigError);
    expect((fault as ConfigError).file).toBe(open().path);
  });
});

/**
 * What a file of the state directory holds after a saving that failed, at each step of it: what the initiator was told is not
 * done must not be found by the next start.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReservationFile } from '../../../src/mgmt/state/reservation-store.ts';
import { TargetPortFile } from '../../../src/mgmt/state/target-port-file.ts';
import { UnitStateFile } from '../../../src/mgmt/state/unit-state-file.ts';
import {
  ACCESS_STATUS_NONE,
  type AccessState,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_UNAVAILABLE,
} from '../../../src/scsi/port/target-port.ts';
import type { SavedPorts } from '../../../src/scsi/port/target-ports.ts';
import type { SavedReservations } from '../../../src/scsi/reservations/machine/reservation-state.ts';
import { nexusName } from '../../../src/scsi/reservations/machine/reservation-state.ts';
import type { UnitState } from '../../../src/scsi/unit/unit-state.ts';

type Step = 'before the file is in place' | 'when the directory is made durable';

/** The steps that fail from now on, one for each replacement of a file. */
const disk = vi.hoisted(() => ({ failures: [] as string[] }));
vi.mock('../../../src/mgmt/state/replace-file.ts', async (original) => {
  const real = await original<typeof import('../../../src/mgmt/state/replace-file.ts')>();
  const fault = () => Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO' });
  const replaceFile: typeof real.replaceFile = async (...args) => {
    const failure = disk.failures.shift();
    if (failure === 'before the file is in place') throw fault();
    await real.replaceFile(...args);
    if (failure !== undefined) throw fault();
  };
  return { ...real, replaceFile };
});

const EARLY: Step = 'before the file is in place';
const LATE: Step = 'when the directory is made durable';
const UUID = '0f0e0d0c-0b0a-4908-8706-050403020100';
const PORT = 'iqn.2000-01.test:disk,t,0x0001';

interface Kept<Content> {
  load(): Promise<Content | null>;
  save(content: Content, onSaved: (isSaved: boolean) => void): void;
}

interface Kind<Content> {
  readonly name: string;
  readonly open: (directory: string, onFault: (fault: string) => void) => Kept<Content>;
  /** Of three saved one after the other. */
  readonly contents: readonly [Content, Content, Content];
}

function keysOf(low: number): SavedReservations {
  const nexus = nexusName('iqn.2000-01.test:a,i,0x00023d000001', PORT);
  const registrations = new Map([[nexus.name, { ...nexus, key: { high: 0, low } }]]);
  return { isAptpl: true, isLost: false, registrations, reservation: null };
}

function portIn(state: AccessState): SavedPorts {
  return new Map([[PORT, { configured: STATE_STANDBY, access: { state, statusCode: ACCESS_STATUS_NONE } }]]);
}

const plan = { isFormat: false, pattern: null, passes: 1, isInverting: false, mayExitFailure: false };
const cycles = { stops: 0, unloads: 0 };

const RESERVATIONS: Kind<SavedReservations> = {
  name: 'persistent reservations',
  open: (directory, onFault) => new ReservationFile(directory, UUID, onFault),
  contents: [keysOf(1), keysOf(2), keysOf(3)],
};
const PORTS: Kind<SavedPorts> = {
  name: 'access states of ports',
  open: (directory, onFault) => new TargetPortFile(directory, 'iqn.2000-01.test:disk', onFault),
  contents: [portIn(STATE_STANDBY), portIn(STATE_UNAVAILABLE), portIn(STATE_ACTIVE_OPTIMIZED)],
};
const STATES: Kind<UnitState> = {
  name: 'the state of a disk',
  open: (directory, onFault) => new UnitStateFile(directory, UUID, onFault),
  contents: [
    { erasures: [], savedModes: { isWriteProtected: true }, cycles },
    { erasures: [{ plan, medium: '', isFailed: false }], savedModes: null, cycles },
    { erasures: [], savedModes: null, cycles },
  ],
};

describeKind(RESERVATIONS);
describeKind(PORTS);
describeKind(STATES);

function describeKind<Content>({ name, open, contents: [first, second, third] }: Kind<Content>): void {
  describe(`${name} that could not be saved`, () => {
    let directory: string;
    let faults: string[];
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'gotgt-kept-'));
      faults = [];
      disk.failures = [];
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    const start = () => open(directory, (fault) => faults.push(fault));
    const save = (file: Kept<Content>, content: Content) => {
      return new Promise<boolean>((resolve) => file.save(content, resolve));
    };

    it.each([EARLY, LATE])('%s, are not there after a restart', async (step) => {
      const file = start();
      disk.failures = [step];
      expect(await save(file, first)).toBe(false);
      expect(await start().load()).toBe(null);
      expect(readdirSync(directory)).toEqual([]);
      expect(await save(file, second)).toBe(true);
      disk.failures = [step];
      expect(await save(file, third)).toBe(false);
      expect(await start().load()).toEqual(second);
      expect(faults.length).toBe(2);
    });

    it('leave what an earlier start has saved', async () => {
      expect(await save(start(), first)).toBe(true);
      const afterLoad = start();
      await afterLoad.load();
      for (const file of [afterLoad, start()]) {
        disk.failures = [LATE];
        expect(await save(file, second)).toBe(false);
        expect(await start().load()).toEqual(first);
      }
    });

    it('are put back as long as the file system says that it failed, and the operator is told', async () => {
      const file = start();
      await save(file, first);
      disk.failures = [LATE, LATE];
      expect(await save(file, second)).toBe(false);
      expect(await start().load()).toEqual(first);
      expect(faults.length).toBe(2);
      expect(faults[1]).toMatch(/what was refused holds after a restart perhaps \(EIO/);
    });

    it('where they could not be put back either, are put back with the next failure', async () => {
      const file = start();
      await save(file, first);
      disk.failures = [LATE, EARLY];
      expect(await save(file, second)).toBe(false);
      expect(await start().load()).toEqual(second); // as the operator was told
      disk.failures = [EARLY];
      expect(await save(file, third)).toBe(false);
      expect(await start().load()).toEqual(first);
    });

    it('do not keep the next from being saved', async () => {
      const file = start();
      await save(file, first);
      disk.failures = [LATE, EARLY];
      expect(await save(file, second)).toBe(false);
      expect(await save(file, third)).toBe(true);
      expect(await start().load()).toEqual(third);
    });
  });
}

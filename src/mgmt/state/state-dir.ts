/**
 * The state directory: what the daemon keeps over restarts. units.json gives every disk a UUID, from which its serial
 * number and designators are made, so that an initiator recognises it again. A damaged file stops the daemon: new
 * identities would make known disks look like strangers, and a multipath host may then mix them up.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config/config-error.ts';
import type { Surroundings } from '../config/surroundings.ts';
import { isSystemError, replaceFile } from './replace-file.ts';

export const UNITS_FILE_NAME = 'units.json';
const UNITS_VERSION = 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** $XDG_STATE_HOME/gotgt-native, else /var/lib/gotgt-native for root, else ~/.local/state/gotgt-native. */
export function defaultStateDirectory(surroundings: Surroundings): string {
  const stateHome = surroundings.variables.XDG_STATE_HOME;
  // XDG Base Directory Specification: a relative path is to be ignored.
  if (stateHome?.startsWith('/')) return join(stateHome, 'gotgt-native');
  if (surroundings.isRoot) return '/var/lib/gotgt-native';
  return join(surroundings.homeDirectory, '.local', 'state', 'gotgt-native');
}

export class StateDirectory {
  readonly path: string;
  private uuids: ReadonlyMap<string, string>;
  private lastTurn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, uuids: ReadonlyMap<string, string>) {
    this.path = path;
    this.uuids = uuids;
  }

  /** Creates the directory (mode 0700) when it is not there. Throws ConfigError. */
  static async open(path: string): Promise<StateDirectory> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new ConfigError(
        path,
        '',
        undefined,
        `the state directory cannot be created (${error.message}); name a writable one with --state-dir`,
      );
    }
    return new StateDirectory(path, await readUnits(join(path, UNITS_FILE_NAME)));
  }

  /**
   * The UUIDs of the disks known by `identityKeys`, in that order. New ones are on stable storage before this resolves.
   * Rejects with ConfigError when they cannot be kept. Calls take turns.
   */
  unitUuids(identityKeys: readonly string[]): Promise<string[]> {
    const turn = this.lastTurn.then(() => this.assign(identityKeys));
    this.lastTurn = Promise.allSettled([turn]);
    return turn;
  }

  private async assign(keys: readonly string[]): Promise<string[]> {
    const uuids = new Map(this.uuids);
    for (const key of keys) {
      if (!uuids.has(key)) uuids.set(key, randomUUID());
    }
    if (uuids.size > this.uuids.size) await this.save(uuids);
    this.uuids = uuids;
    return keys.map((key) => uuids.get(key) as string);
  }

  private async save(uuids: ReadonlyMap<string, string>): Promise<void> {
    const content = { version: UNITS_VERSION, units: Object.fromEntries(uuids) };
    const file = join(this.path, UNITS_FILE_NAME);
    try {
      await replaceFile(this.path, file, `${JSON.stringify(content, null, 2)}\n`);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new ConfigError(
        file,
        '',
        undefined,
        `the identities of the disks cannot be kept (${error.message}); make the state directory writable or name another with --state-dir`,
      );
    }
  }
}

async function readUnits(file: string): Promise<Map<string, string>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === 'ENOENT') return new Map();
    throw new ConfigError(file, '', undefined, `the identities of the disks cannot be read (${error.message})`);
  }
  return parseUnits(file, text);
}

function parseUnits(file: string, text: string): Map<string, string> {
  const { version, units } = parseObject(file, text);
  if (version !== UNITS_VERSION) throw damaged(file, 'version', version, `expected version ${UNITS_VERSION}`);
  if (typeof units !== 'object' || units === null || Array.isArray(units)) {
    throw damaged(file, 'units', units, 'expected an object of UUIDs');
  }
  const uuids = new Map<string, string>();
  for (const [key, uuid] of Object.entries(units)) {
    if (typeof uuid !== 'string' || !UUID.test(uuid))
      throw damaged(file, `units[${JSON.stringify(key)}]`, uuid, 'expected a UUID');
    uuids.set(key, uuid);
  }
  if (new Set(uuids.values()).size < uuids.size)
    throw damaged(file, 'units', undefined, 'two disks have the same UUID');
  return uuids;
}

function parseObject(file: string, text: string): { version?: unknown; units?: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw damaged(file, '', undefined, error.message);
  }
  throw damaged(file, '', undefined, 'expected an object');
}

function damaged(file: string, key: string, value: unknown, fault: string): ConfigError {
  return new ConfigError(
    file,
    key,
    value,
    `${fault}: the file with the identities of the disks is damaged; restore it from a backup, or remove it, and every disk gets a new identity`,
  );
}

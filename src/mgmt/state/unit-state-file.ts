/**
 * What a disk keeps over a restart besides its reservations (UnitState) in a file of the state directory. A damaged file
 * stops the daemon: an erasure that was not finished must not leave old data readable.
 */
import type { ErasureState } from '../../scsi/sbc/erase/medium-erasure.ts';
import { MODE_FIELDS, modeFieldMax, type SavedModes } from '../../scsi/unit/mode-parameters.ts';
import {
  type CycleCounts,
  ERASED_MEDIA_MAX,
  NO_CYCLES,
  type UnitState,
  type UnitStateStore,
} from '../../scsi/unit/unit-state.ts';
import { assert } from '../../util/assert.ts';
import { ConfigError } from '../config/config-error.ts';
import { KeptFile } from './kept-file.ts';
import { isSystemError } from './replace-file.ts';

export class UnitStateFile implements UnitStateStore {
  readonly path: string;
  private readonly file: KeptFile;
  private isSaving = false;

  /**
   * @param directory the state directory, which exists
   * @param uuid the disk's
   * @param onFault told, for the operator, why a saving failed
   */
  constructor(directory: string, uuid: string, onFault: (message: string) => void) {
    this.file = new KeptFile(directory, `disk-${uuid}.json`, onFault);
    this.path = this.file.path;
  }

  /** What was saved last; null when nothing ever was. Rejects with ConfigError when the file is damaged. */
  async load(): Promise<UnitState | null> {
    let text: string | null;
    try {
      text = await this.file.load();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new ConfigError(this.path, '', undefined, `the state of a disk cannot be read (${error.message})`);
    }
    return text === null ? null : new UnitStateReader(this.path).read(text);
  }

  save(state: UnitState, onSaved: (isSaved: boolean) => void): void {
    assert(!this.isSaving, 'the state of a disk is saved one change after the other');
    this.isSaving = true;
    void this.file.keep(textOf(state), 'the state of a disk').then((isSaved) => {
      this.isSaving = false;
      onSaved(isSaved);
    });
  }
}

const FILE_VERSION = 2;
/** It has one erasure, or null, in `erasure`. */
const FILE_VERSION_OF_ONE_MEDIUM = 1;
/** A pattern is at most one logical block. */
const PATTERN = /^([0-9a-f]{2}){1,4096}$/;
const PASSES_MAX = 31;

function textOf({ erasures, savedModes, cycles = NO_CYCLES }: UnitState): string {
  const content = { version: FILE_VERSION, erasures: erasures.map(erasureContent), savedModes, cycles };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function erasureContent({ plan, medium, isFailed }: ErasureState) {
  const { pattern } = plan;
  return { ...plan, pattern: pattern === null ? null : Buffer.from(pattern).toString('hex'), medium, isFailed };
}

/** Checks everything: what cannot be understood is a fault, never passed over. */
class UnitStateReader {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(text: string): UnitState {
    const content = this.object(this.parse(text), '');
    const { savedModes, cycles } = content;
    return {
      erasures: this.erasures(content),
      savedModes: savedModes === null ? null : this.modes(this.object(savedModes, 'savedModes')),
      // Files of before they were counted have none.
      ...(cycles === undefined ? {} : { cycles: this.cycles(this.object(cycles, 'cycles')) }),
    };
  }

  private cycles({ stops, unloads }: Record<string, unknown>): CycleCounts {
    if (!isNumberUpTo(stops, Number.MAX_SAFE_INTEGER)) throw this.damaged('cycles.stops', stops, 'expected a count');
    if (!isNumberUpTo(unloads, Number.MAX_SAFE_INTEGER))
      throw this.damaged('cycles.unloads', unloads, 'expected a count');
    return { stops, unloads };
  }

  /** Parameters that this version does not know are a fault like any other; those that are not there have their defaults. */
  private modes(content: Record<string, unknown>): SavedModes {
    for (const [name, value] of Object.entries(content)) {
      const field = MODE_FIELDS.find((known) => known.name === name);
      const place = `savedModes.${name}`;
      if (field === undefined) throw this.damaged(place, value, 'there is no such mode parameter');
      const max = modeFieldMax(field);
      const isRight =
        max === 1 ? typeof value === 'boolean' : isNumberUpTo(value, max) && value !== field.reservedValue;
      if (!isRight) throw this.damaged(place, value, max === 1 ? 'expected true or false' : `expected 0 to ${max}`);
    }
    return content;
  }

  private erasures({ version, erasure, erasures }: Record<string, unknown>): ErasureState[] {
    if (version === FILE_VERSION_OF_ONE_MEDIUM) return erasure === null ? [] : [this.erasure(erasure, 'erasure')];
    if (version !== FILE_VERSION) throw this.damaged('version', version, `expected version 1 or ${FILE_VERSION}`);
    if (!Array.isArray(erasures) || erasures.length > ERASED_MEDIA_MAX)
      throw this.damaged('erasures', undefined, `expected an array of at most ${ERASED_MEDIA_MAX}`);
    const found = erasures.map((each, index) => this.erasure(each, `erasures[${index}]`));
    if (new Set(found.map(({ medium }) => medium)).size < found.length)
      throw this.damaged('erasures', undefined, 'the same medium is there twice');
    return found;
  }

  private erasure(value: unknown, place: string): ErasureState {
    const content = this.object(value, place);
    const { passes, pattern, medium = '' } = content;
    if (typeof medium !== 'string') throw this.damaged(`${place}.medium`, medium, 'expected a string');
    if (typeof passes !== 'number' || !Number.isInteger(passes) || passes < 1 || passes > PASSES_MAX) {
      throw this.damaged(`${place}.passes`, passes, `expected 1 to ${PASSES_MAX}`);
    }
    if (pattern !== null && (typeof pattern !== 'string' || !PATTERN.test(pattern))) {
      throw this.damaged(`${place}.pattern`, pattern, 'expected null or hexadecimal digits');
    }
    return {
      plan: {
        isFormat: this.flag(content, place, 'isFormat'),
        pattern: pattern === null ? null : Buffer.from(pattern, 'hex'),
        passes,
        isInverting: this.flag(content, place, 'isInverting'),
        mayExitFailure: this.flag(content, place, 'mayExitFailure'),
      },
      medium,
      isFailed: this.flag(content, place, 'isFailed'),
    };
  }

  private flag(content: Record<string, unknown>, place: string, name: string): boolean {
    const value = content[name];
    if (typeof value === 'boolean') return value;
    throw this.damaged(`${place}.${name}`, value, 'expected true or false');
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw this.damaged('', undefined, error.message);
    }
  }

  private object(value: unknown, place: string): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.damaged(place, value, 'expected an object');
  }

  private damaged(place: string, value: unknown, fault: string): ConfigError {
    const remedy =
      'the file with the state of a disk is damaged; restore it from a backup, or remove it: then an erasure that was ' +
      'under way is not finished, and what initiators saved is forgotten';
    return new ConfigError(this.path, place, value, `${fault}: ${remedy}`);
  }
}

function isNumberUpTo(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}

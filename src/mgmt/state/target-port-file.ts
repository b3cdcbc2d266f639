/**
 * The asymmetric access states of one target's ports in a file of the state directory: what an initiator set by SET TARGET
 * PORT GROUPS is there again after a restart. A damaged file stops the daemon: two hosts that believe the other's paths to be
 * closed must not find them open.
 */
import { createHash } from 'node:crypto';
import {
  ACCESS_STATUS_ALTERED_BY_COMMAND,
  ACCESS_STATUS_ALTERED_IMPLICITLY,
  ACCESS_STATUS_NONE,
  type AccessState,
  type AccessStatusCode,
} from '../../scsi/port/target-port.ts';
import type { SavedAccess, SavedPorts, TargetPortStore } from '../../scsi/port/target-ports.ts';
import { assert } from '../../util/assert.ts';
import { ACCESS_STATE_NAMES, ACCESS_STATES, isAccessStateName, nameOfAccessState } from '../access-state-names.ts';
import { ConfigError } from '../config/config-error.ts';
import { KeptFile } from './kept-file.ts';
import { isSystemError } from './replace-file.ts';

export class TargetPortFile implements TargetPortStore {
  readonly path: string;
  private readonly file: KeptFile;
  private isSaving = false;

  /**
   * @param directory the state directory, which exists
   * @param targetName in normal form
   * @param onFault told, for the operator, why a saving failed
   */
  constructor(directory: string, targetName: string, onFault: (message: string) => void) {
    // A name of 223 bytes of any script is no file name.
    const digest = createHash('sha256').update(targetName).digest('hex').slice(0, DIGEST_DIGITS);
    this.file = new KeptFile(directory, `target-${digest}.json`, onFault);
    this.path = this.file.path;
  }

  /** What was saved last; null when nothing ever was. Rejects with ConfigError when the file is damaged. */
  async load(): Promise<SavedPorts | null> {
    let text: string | null;
    try {
      text = await this.file.load();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const fault = `the access states of a target's ports cannot be read (${error.message})`;
      throw new ConfigError(this.path, '', undefined, fault);
    }
    return text === null ? null : new TargetPortFileReader(this.path).read(text);
  }

  save(ports: SavedPorts, onSaved: (isSaved: boolean) => void): void {
    assert(!this.isSaving, 'access states are saved one change after the other');
    this.isSaving = true;
    void this.file.keep(textOf(ports), "the access states of a target's ports").then((isSaved) => {
      this.isSaving = false;
      onSaved(isSaved);
    });
  }
}

const DIGEST_DIGITS = 32;
const FILE_VERSION = 1;

function textOf(ports: SavedPorts): string {
  const content: Record<string, unknown> = {};
  for (const [name, { configured, access }] of ports) {
    content[name] = {
      configured: nameOfAccessState(configured),
      state: nameOfAccessState(access.state),
      statusCode: access.statusCode,
    };
  }
  return `${JSON.stringify({ version: FILE_VERSION, ports: content }, null, 2)}\n`;
}

/** Checks everything: what cannot be understood is a fault, never passed over. */
class TargetPortFileReader {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(text: string): SavedPorts {
    const { version, ports } = this.object(this.parse(text), '');
    if (version !== FILE_VERSION) throw this.damaged('version', version, `expected version ${FILE_VERSION}`);
    const saved = new Map<string, SavedAccess>();
    for (const [name, value] of Object.entries(this.object(ports, 'ports'))) {
      const place = `ports[${JSON.stringify(name)}]`;
      const { configured, state, statusCode } = this.object(value, place);
      const access = { state: this.state(state, `${place}.state`), statusCode: this.status(statusCode, place) };
      saved.set(name, { configured: this.state(configured, `${place}.configured`), access });
    }
    return saved;
  }

  private state(value: unknown, place: string): AccessState {
    if (isAccessStateName(value)) return ACCESS_STATES[value];
    throw this.damaged(place, value, `expected one of ${ACCESS_STATE_NAMES.join(', ')}`);
  }

  private status(value: unknown, place: string): AccessStatusCode {
    switch (value) {
      case ACCESS_STATUS_NONE:
      case ACCESS_STATUS_ALTERED_BY_COMMAND:
      case ACCESS_STATUS_ALTERED_IMPLICITLY:
        return value;
      default:
        throw this.damaged(`${place}.statusCode`, value, 'expected 0, 1 or 2');
    }
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
      "the file with the access states of a target's ports is damaged; restore it from a backup, or remove it: then the " +
      'ports are in the states that the configuration says';
    return new ConfigError(this.path, place, value, `${fault}: ${remedy}`);
  }
}

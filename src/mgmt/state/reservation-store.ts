/**
 * The persistent reservations of one disk in a file of the state directory, for initiators that ask for persistence
 * through power loss (SPC-4 5.13.5, APTPL). A damaged file stops the daemon: a cluster that believes itself fenced must
 * not find the door open.
 */
import type {
  PersistentReservation,
  Registration,
  ReservationKey,
  SavedReservations,
} from '../../scsi/reservations/machine/reservation-state.ts';
import {
  isAllRegistrants,
  isReservationType,
  nexusName,
  REGISTRATIONS_PER_LOGICAL_UNIT_MAX,
} from '../../scsi/reservations/machine/reservation-state.ts';
import type { ReservationStore } from '../../scsi/reservations/unit-reservations.ts';
import { assert } from '../../util/assert.ts';
import { ConfigError } from '../config/config-error.ts';
import { KeptFile } from './kept-file.ts';
import { isSystemError } from './replace-file.ts';

export class ReservationFile implements ReservationStore {
  readonly path: string;
  private readonly file: KeptFile;
  private isSaving = false;

  /**
   * @param directory the state directory, which exists
   * @param uuid the disk's
   * @param onFault told, for the operator, why a saving failed
   */
  constructor(directory: string, uuid: string, onFault: (message: string) => void) {
    this.file = new KeptFile(directory, `reservations-${uuid}.json`, onFault);
    this.path = this.file.path;
  }

  /** What was saved last; null when nothing ever was. Rejects with ConfigError when the file is damaged. */
  async load(): Promise<SavedReservations | null> {
    let text: string | null;
    try {
      text = await this.file.load();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const fault = `the reservations of a disk cannot be read (${error.message})`;
      throw new ConfigError(this.path, '', undefined, fault);
    }
    return text === null ? null : new ReservationFileReader(this.path).read(text);
  }

  save(reservations: SavedReservations, onSaved: (isSaved: boolean) => void): void {
    assert(!this.isSaving, 'reservations are saved one after the other');
    this.isSaving = true;
    void this.file.keep(textOf(reservations), 'the reservations of a disk').then((isSaved) => {
      this.isSaving = false;
      onSaved(isSaved);
    });
  }
}

const FILE_VERSION = 1;
const PORT_NAME = /^\S+,[it],0x[0-9a-f]+$/;
/** RFC 7143 4.2.7.1: a name of 223 bytes, ",i,0x" and twelve digits. */
const PORT_NAME_BYTES_MAX = 240;
const KEY = /^0x([0-9a-f]{8})([0-9a-f]{8})$/;

/** Nothing is kept that is not to be kept: without the capability the file says just that. */
function textOf({ isAptpl, isLost, registrations, reservation }: SavedReservations): string {
  const kept = isAptpl ? [...registrations.values()] : [];
  const content = {
    version: FILE_VERSION,
    isActive: isAptpl,
    isLost,
    registrations: kept.map(({ initiatorPortName, targetPortName, key }) => ({
      initiatorPort: initiatorPortName,
      targetPort: targetPortName,
      key: `0x${hex(key.high)}${hex(key.low)}`,
    })),
    reservation: isAptpl && reservation !== null ? reservationContent(reservation, registrations) : null,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function reservationContent({ type, holder }: PersistentReservation, registrations: ReadonlyMap<string, Registration>) {
  if (holder === null) return { type, holder: null };
  const registration = registrations.get(holder);
  assert(registration !== undefined, 'who holds a reservation is registered');
  return { type, holder: { initiatorPort: registration.initiatorPortName, targetPort: registration.targetPortName } };
}

function hex(half: number): string {
  return half.toString(16).padStart(8, '0');
}

/** Checks everything: what cannot be understood is a fault, never passed over. */
class ReservationFileReader {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(text: string): SavedReservations {
    const { version, isActive, isLost, registrations, reservation } = this.object(this.parse(text), '');
    if (version !== FILE_VERSION) throw this.damaged('version', version, `expected version ${FILE_VERSION}`);
    if (typeof isActive !== 'boolean') throw this.damaged('isActive', isActive, 'expected true or false');
    if (typeof isLost !== 'boolean') throw this.damaged('isLost', isLost, 'expected true or false');
    const registered = this.registrations(registrations);
    if (!isActive && registered.size > 0)
      throw this.damaged('registrations', undefined, 'expected none, as isActive is false');
    return {
      isAptpl: isActive,
      isLost,
      registrations: registered,
      reservation: this.reservation(reservation, registered),
    };
  }

  private parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw this.damaged('', undefined, error.message);
    }
  }

  private registrations(value: unknown): Map<string, Registration> {
    if (!Array.isArray(value)) throw this.damaged('registrations', value, 'expected an array');
    if (value.length > REGISTRATIONS_PER_LOGICAL_UNIT_MAX) {
      throw this.damaged('registrations', undefined, `expected at most ${REGISTRATIONS_PER_LOGICAL_UNIT_MAX}`);
    }
    const registrations = new Map<string, Registration>();
    for (const [index, item] of value.entries()) {
      const place = `registrations[${index}]`;
      const nexus = this.nexus(item, place);
      if (registrations.has(nexus.name)) throw this.damaged(place, item, 'the same nexus is registered twice');
      const { key } = this.object(item, place);
      registrations.set(nexus.name, { ...nexus, key: this.key(key, `${place}.key`) });
    }
    return registrations;
  }

  private reservation(value: unknown, registrations: ReadonlyMap<string, Registration>): PersistentReservation | null {
    if (value === null) return null;
    const { type, holder } = this.object(value, 'reservation');
    if (typeof type !== 'number' || !isReservationType(type)) {
      throw this.damaged('reservation.type', type, 'expected 1, 3, 5, 6, 7 or 8');
    }
    if (registrations.size === 0) throw this.damaged('reservation', value, 'nobody is registered who could hold it');
    if (isAllRegistrants(type)) {
      if (holder !== null) throw this.damaged('reservation.holder', holder, 'expected null with type 7 and 8');
      return { type, holder: null };
    }
    const { name } = this.nexus(holder, 'reservation.holder');
    if (!registrations.has(name)) throw this.damaged('reservation.holder', holder, 'who holds it is not registered');
    return { type, holder: name };
  }

  private nexus(value: unknown, place: string) {
    const { initiatorPort, targetPort } = this.object(value, place);
    return nexusName(
      this.portName(initiatorPort, `${place}.initiatorPort`),
      this.portName(targetPort, `${place}.targetPort`),
    );
  }

  private portName(value: unknown, place: string): string {
    if (typeof value === 'string' && PORT_NAME.test(value) && Buffer.byteLength(value) <= PORT_NAME_BYTES_MAX)
      return value;
    throw this.damaged(place, value, 'expected the name of an iSCSI port');
  }

  private key(value: unknown, place: string): ReservationKey {
    const match = typeof value === 'string' ? KEY.exec(value) : null;
    const key = { high: Number.parseInt(match?.[1] ?? '0', 16), low: Number.parseInt(match?.[2] ?? '0', 16) };
    if (match !== null && (key.high !== 0 || key.low !== 0)) return key;
    throw this.damaged(place, value, 'expected 0x and 16 hexadecimal digits, not all zero');
  }

  private object(value: unknown, place: string): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw this.damaged(place, value, 'expected an object');
  }

  private damaged(place: string, value: unknown, fault: string): ConfigError {
    const remedy =
      'the file with the reservations of a disk is damaged; restore it from a backup; or put ' +
      '{"version":1,"isActive":false,"isLost":true,"registrations":[],"reservation":null} in it, and the disk stays ' +
      'closed until a cluster replaces the lost reservation; or remove it, and the disk is open to all initiators';
    return new ConfigError(this.path, place, value, `${fault}: ${remedy}`);
  }
}

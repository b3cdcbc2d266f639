/**
 * What a logical unit knows of persistent reservations (SPC-4 5.13): registrations by I_T nexus, and the reservation. A
 * state is never changed: a service action makes a new one, which takes its place when it has been saved. An I_T nexus is
 * known by the names of its ports, which outlive sessions, restarts and the numbering of ports.
 */

/** SCOPE field (SPC-4 6.15.3.3): always the logical unit. */
export const LU_SCOPE = 0;

/** TYPE field (SPC-4 6.15.3.4). */
export const WRITE_EXCLUSIVE = 1;
export const EXCLUSIVE_ACCESS = 3;
export const WRITE_EXCLUSIVE_REGISTRANTS_ONLY = 5;
export const EXCLUSIVE_ACCESS_REGISTRANTS_ONLY = 6;
export const WRITE_EXCLUSIVE_ALL_REGISTRANTS = 7;
export const EXCLUSIVE_ACCESS_ALL_REGISTRANTS = 8;
export type ReservationType =
  | typeof WRITE_EXCLUSIVE
  | typeof EXCLUSIVE_ACCESS
  | typeof WRITE_EXCLUSIVE_REGISTRANTS_ONLY
  | typeof EXCLUSIVE_ACCESS_REGISTRANTS_ONLY
  | typeof WRITE_EXCLUSIVE_ALL_REGISTRANTS
  | typeof EXCLUSIVE_ACCESS_ALL_REGISTRANTS;

/**
 * Registrations of one logical unit: 64 hosts with twelve paths each. READ FULL STATUS with as many of the longest names
 * (8 + 768 * 272 bytes) fits the scratch memory in which it is built.
 */
export const REGISTRATIONS_PER_LOGICAL_UNIT_MAX = 768;

/** RESERVATION KEY: eight bytes as two big-endian halves. */
export interface ReservationKey {
  readonly high: number;
  readonly low: number;
}

/** The names of an I_T nexus' ports, as in scsi/nexus.ts. */
export interface NexusName {
  readonly initiatorPortName: string;
  readonly targetPortName: string;
  /** Both, in one string to look up by. */
  readonly name: string;
}

export interface Registration extends NexusName {
  readonly key: ReservationKey;
}

export interface PersistentReservation {
  readonly type: ReservationType;
  /** The name of the nexus that holds it; null for the all registrants types, which every registered nexus holds. */
  readonly holder: string | null;
}

/** What is kept over a loss of power when the persist through power loss capability is active (SPC-4 5.13.5.1). */
export interface SavedReservations {
  /** The capability is active; when not, there is nothing to keep. */
  readonly isAptpl: boolean;
  /** Known to have been lost (SPC-4 5.13.5.3.2): the unit is closed until a REPLACE LOST RESERVATION. */
  readonly isLost: boolean;
  readonly registrations: ReadonlyMap<string, Registration>;
  readonly reservation: PersistentReservation | null;
}

export interface ReservationState extends SavedReservations {
  /** PRGENERATION: wraps at 2^32, zero after a loss of power (SPC-4 6.15.2). */
  readonly generation: number;
}

export const NO_RESERVATIONS: ReservationState = {
  isAptpl: false,
  isLost: false,
  registrations: new Map(),
  reservation: null,
  generation: 0,
};

export function nexusName(initiatorPortName: string, targetPortName: string): NexusName {
  // No port name contains a space.
  return { initiatorPortName, targetPortName, name: `${initiatorPortName} ${targetPortName}` };
}

export function isReservationType(type: number): type is ReservationType {
  switch (type) {
    case WRITE_EXCLUSIVE:
    case EXCLUSIVE_ACCESS:
    case WRITE_EXCLUSIVE_REGISTRANTS_ONLY:
    case EXCLUSIVE_ACCESS_REGISTRANTS_ONLY:
    case WRITE_EXCLUSIVE_ALL_REGISTRANTS:
    case EXCLUSIVE_ACCESS_ALL_REGISTRANTS:
      return true;
    default:
      return false;
  }
}

export function isAllRegistrants(type: ReservationType): boolean {
  return type === WRITE_EXCLUSIVE_ALL_REGISTRANTS || type === EXCLUSIVE_ACCESS_ALL_REGISTRANTS;
}

/** Registrants only or all registrants: registered nexuses are not restricted. */
export function isForRegistrants(type: ReservationType): boolean {
  return type !== WRITE_EXCLUSIVE && type !== EXCLUSIVE_ACCESS;
}

/** Others may read. */
export function isWriteExclusive(type: ReservationType): boolean {
  switch (type) {
    case WRITE_EXCLUSIVE:
    case WRITE_EXCLUSIVE_REGISTRANTS_ONLY:
    case WRITE_EXCLUSIVE_ALL_REGISTRANTS:
      return true;
    default:
      return false;
  }
}

/** SPC-4 5.13.10 Persistent reservation holder */
export function isHolder(state: SavedReservations, name: string): boolean {
  const { reservation, registrations } = state;
  if (reservation === null) return false;
  return reservation.holder === null ? registrations.has(name) : reservation.holder === name;
}

/** Whether the reservation leaves `name` free to do what it likes (SPC-4 table 65). */
export function isUnrestricted(state: SavedReservations, name: string): boolean {
  const { reservation, registrations } = state;
  if (reservation === null) return true;
  return isForRegistrants(reservation.type) ? registrations.has(name) : reservation.holder === name;
}

export function isSameKey(a: ReservationKey, b: ReservationKey): boolean {
  return a.high === b.high && a.low === b.low;
}

export function isZeroKey(key: ReservationKey): boolean {
  return key.high === 0 && key.low === 0;
}

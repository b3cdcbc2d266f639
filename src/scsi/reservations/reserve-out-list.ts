/**
 * The parameter list of PERSISTENT RESERVE OUT (SPC-4 6.16.3, 6.16.4) as bytes make it: lengths are checked here, what the
 * fields mean is the service actions' business.
 */
import type { ReservationKey } from './machine/reservation-state.ts';
import type { TransportIdReading } from './transport-id.ts';
import { readTransportIds, TRANSPORT_ID_BYTES_MIN, TRANSPORT_IDS_TRUNCATED } from './transport-id.ts';

/** Service actions (SPC-4 table 213). */
export const REGISTER = 0x00;
export const RESERVE = 0x01;
export const RELEASE = 0x02;
export const CLEAR = 0x03;
export const PREEMPT = 0x04;
export const PREEMPT_AND_ABORT = 0x05;
export const REGISTER_AND_IGNORE_EXISTING_KEY = 0x06;
export const REGISTER_AND_MOVE = 0x07;
export const REPLACE_LOST_RESERVATION = 0x08;

/** Whether a CDB is that of PERSISTENT RESERVE OUT with PREEMPT AND ABORT. */
export function isPreemptAndAbort(cdb: Uint8Array): boolean {
  return cdb[0] === PERSISTENT_RESERVE_OUT && (cdb[1]! & SERVICE_ACTION_MASK) === PREEMPT_AND_ABORT;
}

const PERSISTENT_RESERVE_OUT = 0x5f;
const SERVICE_ACTION_MASK = 0x1f;

/** Every list without TransportIDs, and the part before them. */
export const BASIC_LIST_BYTES = 24;
/** More than 260 TransportIDs of the longest names. */
export const PARAMETER_LIST_BYTES_MAX = 65536;

// Places of the basic list, for field pointers.
export const RESERVATION_KEY = 0;
export const SERVICE_ACTION_RESERVATION_KEY = 8;
export const BASIC_FLAGS = 20;
export const SPEC_I_PT_BIT = 3;
export const ALL_TG_PT_BIT = 2;
export const APTPL_BIT = 0;
// Places of REGISTER AND MOVE's.
export const MOVE_FLAGS = 17;
export const MOVE_RELATIVE_TARGET_PORT_IDENTIFIER = 18;
export const MOVE_TRANSPORT_ID = 24;

export interface ReserveOutList {
  readonly key: ReservationKey;
  readonly serviceActionKey: ReservationKey;
  readonly isAptpl: boolean;
  /** All but REGISTER AND MOVE. */
  readonly hasSpecIPt: boolean;
  readonly isAllTgPt: boolean;
  /** REGISTER AND MOVE alone. */
  readonly isUnreg: boolean;
  readonly relativeTargetPort: number;
  readonly transportIds: TransportIdReading;
}

/** @returns null: PARAMETER LIST LENGTH ERROR */
export function readReserveOutList(serviceAction: number, list: Buffer): ReserveOutList | null {
  if (list.length < BASIC_LIST_BYTES) return null;
  return serviceAction === REGISTER_AND_MOVE ? readMoveList(list) : readBasicList(serviceAction, list);
}

const SPEC_I_PT = 1 << SPEC_I_PT_BIT;
const ALL_TG_PT = 1 << ALL_TG_PT_BIT;
const APTPL = 1 << APTPL_BIT;
const UNREG = 0x02;
const TRANSPORT_IDS_LENGTH = 24;
const TRANSPORT_IDS = 28;
const MOVE_TRANSPORT_ID_LENGTH = 20;
const NO_TRANSPORT_IDS: TransportIdReading = { ids: [], fault: 0 };

function readBasicList(serviceAction: number, list: Buffer): ReserveOutList | null {
  const flags = list[BASIC_FLAGS]!;
  const hasSpecIPt = (flags & SPEC_I_PT) !== 0;
  let transportIds = NO_TRANSPORT_IDS;
  if (hasSpecIPt && serviceAction === REGISTER) {
    if (list.length < TRANSPORT_IDS) return null;
    const end = TRANSPORT_IDS + list.readUInt32BE(TRANSPORT_IDS_LENGTH);
    if (end > list.length) return null;
    transportIds = readTransportIds(list, TRANSPORT_IDS, end);
    if (transportIds.fault === TRANSPORT_IDS_TRUNCATED) return null;
  } else if (!hasSpecIPt && list.length !== BASIC_LIST_BYTES) {
    return null;
  }
  return {
    key: readKey(list, RESERVATION_KEY),
    serviceActionKey: readKey(list, SERVICE_ACTION_RESERVATION_KEY),
    isAptpl: (flags & APTPL) !== 0,
    hasSpecIPt,
    isAllTgPt: (flags & ALL_TG_PT) !== 0,
    isUnreg: false,
    relativeTargetPort: 0,
    transportIds,
  };
}

function readMoveList(list: Buffer): ReserveOutList | null {
  const flags = list[MOVE_FLAGS]!;
  const lengthBytes = list.readUInt32BE(MOVE_TRANSPORT_ID_LENGTH);
  const end = MOVE_TRANSPORT_ID + lengthBytes;
  if (lengthBytes < TRANSPORT_ID_BYTES_MIN || end > list.length) return null;
  const transportIds = readTransportIds(list, MOVE_TRANSPORT_ID, end);
  if (transportIds.fault === TRANSPORT_IDS_TRUNCATED) return null;
  return {
    key: readKey(list, RESERVATION_KEY),
    serviceActionKey: readKey(list, SERVICE_ACTION_RESERVATION_KEY),
    isAptpl: (flags & APTPL) !== 0,
    hasSpecIPt: false,
    isAllTgPt: false,
    isUnreg: (flags & UNREG) !== 0,
    relativeTargetPort: list.readUInt16BE(MOVE_RELATIVE_TARGET_PORT_IDENTIFIER),
    transportIds,
  };
}

function readKey(list: Buffer, offset: number): ReservationKey {
  return { high: list.readUInt32BE(offset), low: list.readUInt32BE(offset + 4) };
}

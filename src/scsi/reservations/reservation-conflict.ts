/** Which commands conflict with a reservation (SPC-4 table 65, SBC-3 table 13, SPC-2 table 10), by the table's column. */
import type { ScsiCommand } from '../command/command.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import {
  RESERVATION_DECIDED_BY_ACTION,
  RESERVATION_DECIDED_BY_RESERVE,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_PREVENT,
  RESERVATION_OF_READS,
  RESERVATION_OF_START_STOP,
  RESERVATION_OF_TEST_UNIT_READY,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import type { Nexus } from '../nexus.ts';
import type { SavedReservations } from './machine/reservation-state.ts';
import { isUnrestricted, isWriteExclusive } from './machine/reservation-state.ts';
import { REPLACE_LOST_RESERVATION } from './reserve-out-list.ts';

export function conflictsWithPersistent(entry: CommandEntry, command: ScsiCommand, state: SavedReservations): boolean {
  const { reservation } = state;
  if (reservation === null || isUnrestricted(state, command.nexus.name)) return false;
  switch (entry.reservation) {
    case RESERVATION_NEVER_CONFLICTS:
    case RESERVATION_OF_TEST_UNIT_READY:
    case RESERVATION_DECIDED_BY_ACTION:
    case RESERVATION_DECIDED_BY_RESERVE:
      return false;
    case RESERVATION_OF_READS:
      return !isWriteExclusive(reservation.type);
    case RESERVATION_OF_WRITES:
      return true;
    case RESERVATION_OF_START_STOP:
      return !isStart(command);
    case RESERVATION_OF_PREVENT:
      return !isAllow(command);
  }
}

/** SPC-2 5.5.1: persistent reservations and RESERVE exclude each other, whoever asks. */
export function conflictsWithLegacy(entry: CommandEntry, command: ScsiCommand, holder: Nexus): boolean {
  if (entry.reservation === RESERVATION_DECIDED_BY_ACTION) return true;
  if (command.nexus === holder) return false;
  switch (entry.reservation) {
    case RESERVATION_NEVER_CONFLICTS:
    case RESERVATION_DECIDED_BY_RESERVE:
      return false;
    case RESERVATION_OF_TEST_UNIT_READY:
    case RESERVATION_OF_READS:
    case RESERVATION_OF_WRITES:
      return true;
    case RESERVATION_OF_START_STOP:
      return !isStart(command);
    case RESERVATION_OF_PREVENT:
      return !isAllow(command);
  }
}

/** SPC-4 5.13.5.3.2 with 5.13.5.2: what a unit still does that has lost its reservations. */
export function isAllowedWhenLost(command: ScsiCommand): boolean {
  const { cdb } = command;
  switch (cdb[0]) {
    case 0x03: // REQUEST SENSE
    case 0x12: // INQUIRY
    case 0x3b: // WRITE BUFFER
    case 0x3c: // READ BUFFER
    case 0x4d: // LOG SENSE
    case 0xa0: // REPORT LUNS
      return true;
    case 0x1b: // START STOP UNIT
      return isStart(command);
    case 0x5f: // PERSISTENT RESERVE OUT
      return (cdb[1]! & SERVICE_ACTION_MASK) === REPLACE_LOST_RESERVATION;
    case 0xa3: // REPORT TARGET PORT GROUPS
      return (cdb[1]! & SERVICE_ACTION_MASK) === 0x0a;
    default:
      return false;
  }
}

const SERVICE_ACTION_MASK = 0x1f;
// SBC-3 5.25: POWER CONDITION zero, START one.
const START_STOP_BYTE = 4;
const POWER_CONDITION_AND_START = 0xf1;
const START = 0x01;
// SBC-3 5.10
const PREVENT_BYTE = 4;
const PREVENT_MASK = 0x03;

/** START STOP UNIT starts. */
export function isStart({ cdb }: ScsiCommand): boolean {
  return (cdb[START_STOP_BYTE]! & POWER_CONDITION_AND_START) === START;
}

/** PREVENT ALLOW MEDIUM REMOVAL allows. */
export function isAllow({ cdb }: ScsiCommand): boolean {
  return (cdb[PREVENT_BYTE]! & PREVENT_MASK) === 0;
}

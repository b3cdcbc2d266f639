/** The entries of the command table for reservations (SPC-4 6.15, 6.16; SPC-2 7.21 to 7.24), each with all its columns. */
import {
  ACCESS_ACTIVE,
  ACCESS_STANDBY,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_UNTOUCHED,
  NO_SERVICE_ACTION,
  RESERVATION_DECIDED_BY_ACTION,
  RESERVATION_DECIDED_BY_RESERVE,
} from '../command/command-entry.ts';
import { ADDRESSED_DISK, type Task } from '../task/task.ts';
import { persistentReserveOut } from './persistent-reserve-commands.ts';
import { readFullStatus, readKeys, readReservation, reportCapabilities } from './reservation-data.ts';
import {
  CLEAR,
  PREEMPT,
  PREEMPT_AND_ABORT,
  REGISTER,
  REGISTER_AND_IGNORE_EXISTING_KEY,
  REGISTER_AND_MOVE,
  RELEASE,
  REPLACE_LOST_RESERVATION,
  RESERVE,
} from './reserve-out-list.ts';
import { release, reserve } from './reserve-release.ts';

export const RESERVE_6 = reserveEntry('RESERVE(6)', [0x16, 0x00, 0x00, 0x00, 0x00, 0x00], reserve);
export const RELEASE_6 = reserveEntry('RELEASE(6)', [0x17, 0x00, 0x00, 0x00, 0x00, 0x00], release);
export const RESERVE_10 = reserveEntry(
  'RESERVE(10)',
  [0x56, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  reserve,
);
export const RELEASE_10 = reserveEntry(
  'RELEASE(10)',
  [0x57, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  release,
);

export const PERSISTENT_RESERVE_IN_READ_KEYS = reserveInEntry('READ KEYS', 0, readKeys);
export const PERSISTENT_RESERVE_IN_READ_RESERVATION = reserveInEntry('READ RESERVATION', 1, readReservation);
export const PERSISTENT_RESERVE_IN_REPORT_CAPABILITIES = reserveInEntry('REPORT CAPABILITIES', 2, reportCapabilities);
export const PERSISTENT_RESERVE_IN_READ_FULL_STATUS = reserveInEntry('READ FULL STATUS', 3, readFullStatus);

export const PERSISTENT_RESERVE_OUT_REGISTER = reserveOutEntry('REGISTER', REGISTER);
export const PERSISTENT_RESERVE_OUT_RESERVE = reserveOutEntry('RESERVE', RESERVE);
export const PERSISTENT_RESERVE_OUT_RELEASE = reserveOutEntry('RELEASE', RELEASE);
export const PERSISTENT_RESERVE_OUT_CLEAR = reserveOutEntry('CLEAR', CLEAR);
export const PERSISTENT_RESERVE_OUT_PREEMPT = reserveOutEntry('PREEMPT', PREEMPT);
export const PERSISTENT_RESERVE_OUT_PREEMPT_AND_ABORT = reserveOutEntry('PREEMPT AND ABORT', PREEMPT_AND_ABORT);
export const PERSISTENT_RESERVE_OUT_REGISTER_AND_IGNORE_EXISTING_KEY = reserveOutEntry(
  'REGISTER AND IGNORE EXISTING KEY',
  REGISTER_AND_IGNORE_EXISTING_KEY,
);
export const PERSISTENT_RESERVE_OUT_REGISTER_AND_MOVE = reserveOutEntry('REGISTER AND MOVE', REGISTER_AND_MOVE);
export const PERSISTENT_RESERVE_OUT_REPLACE_LOST_RESERVATION = reserveOutEntry(
  'REPLACE LOST RESERVATION',
  REPLACE_LOST_RESERVATION,
);

function reserveEntry(name: string, usage: readonly number[], handler: (task: Task) => void): CommandEntry {
  return new CommandEntry({
    name,
    serviceAction: NO_SERVICE_ACTION,
    usage,
    direction: DATA_NONE,
    medium: MEDIUM_UNTOUCHED,
    reservation: RESERVATION_DECIDED_BY_RESERVE,
    attention: ATTENTION_REPORTED,
    access: ACCESS_ACTIVE,
    reach: ADDRESSED_DISK,
    isOffered: onEveryUnit,
    handler,
  });
}

function reserveInEntry(action: string, serviceAction: number, handler: (task: Task) => void): CommandEntry {
  return new CommandEntry({
    name: `PERSISTENT RESERVE IN, ${action}`,
    serviceAction,
    usage: [0x5e, serviceAction, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
    direction: DATA_IN,
    medium: MEDIUM_UNTOUCHED,
    reservation: RESERVATION_DECIDED_BY_ACTION,
    attention: ATTENTION_REPORTED,
    access: ACCESS_STANDBY,
    reach: ADDRESSED_DISK,
    isOffered: onEveryUnit,
    handler,
  });
}

/** SCOPE and TYPE may be anything where they do not count (6.16.3), so their bits are in every mask. */
function reserveOutEntry(action: string, serviceAction: number): CommandEntry {
  return new CommandEntry({
    name: `PERSISTENT RESERVE OUT, ${action}`,
    serviceAction,
    usage: [0x5f, serviceAction, 0xff, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00],
    direction: DATA_OUT,
    medium: MEDIUM_UNTOUCHED,
    reservation: RESERVATION_DECIDED_BY_ACTION,
    attention: ATTENTION_REPORTED,
    access: ACCESS_STANDBY,
    reach: ADDRESSED_DISK,
    isOffered: onEveryUnit,
    handler: persistentReserveOut,
  });
}

function onEveryUnit(): boolean {
  return true;
}

/**
 * What an initiator that may only read (Nexus.isReadOnly) is refused besides writes to the medium: every command that changes
 * the unit for others. Those are the commands that conflict with a Write Exclusive reservation of somebody else (SPC-4 table
 * 65), and all of PERSISTENT RESERVE OUT and RESERVE.
 *
 * Registering alone changes what writers have, too: a registrant holds the All Registrants types, the APTPL bit is the unit's,
 * and PRGENERATION counts. So a reader does not register; it sees all reservations by PERSISTENT RESERVE IN. It reads under
 * Write Exclusive types, and the writers who choose an Exclusive Access type keep it out.
 */
import type { ScsiCommand } from '../command/command.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import {
  DATA_OUT,
  RESERVATION_DECIDED_BY_ACTION,
  RESERVATION_DECIDED_BY_RESERVE,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_PREVENT,
  RESERVATION_OF_READS,
  RESERVATION_OF_START_STOP,
  RESERVATION_OF_TEST_UNIT_READY,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { isAllow, isStart } from './reservation-conflict.ts';

/** @param entry of a command that does not touch the medium; one that reads it (SYNCHRONIZE CACHE among them) takes from nobody */
export function isRefusedToReaders(entry: CommandEntry, command: ScsiCommand): boolean {
  switch (entry.reservation) {
    case RESERVATION_NEVER_CONFLICTS:
    case RESERVATION_OF_READS:
    case RESERVATION_OF_TEST_UNIT_READY:
      return false;
    case RESERVATION_OF_WRITES:
    case RESERVATION_DECIDED_BY_RESERVE:
      return true;
    case RESERVATION_OF_START_STOP:
      return !isStart(command);
    case RESERVATION_OF_PREVENT:
      return !isAllow(command);
    case RESERVATION_DECIDED_BY_ACTION:
      return entry.direction === DATA_OUT;
  }
}

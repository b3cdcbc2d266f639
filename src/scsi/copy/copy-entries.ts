/**
 * READ(16), WRITE(16) and WRITE SAME(16) as the copy manager sends them to the ends of a copy. They do not stand in the command table: they
 * differ from the initiator's in that a unit attention condition is not theirs to report.
 */
import {
  ACCESS_ACTIVE,
  ATTENTION_LEFT_PENDING,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_WRITTEN,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { writeSame16 } from '../sbc/provisioning/sbc-provisioning.ts';
import { read16, write16 } from '../sbc/transfer/sbc-read-write.ts';
import { ADDRESSED_DISK } from '../task/task.ts';

export const COPY_READ = new CommandEntry({
  name: 'READ(16) of a copy',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x88, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read16,
});

export const COPY_WRITE = new CommandEntry({
  name: 'WRITE(16) of a copy',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x8a, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write16,
});

/** Of data that a token stands for: whoever has the token may read it, whatever has been reserved since. */
export const COPY_TOKEN_READ = new CommandEntry({
  name: 'READ(16) of a copy by token',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x88, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read16,
});

/** Flags of WRITE SAME(16) (SBC-3 5.44). */
export const NDOB = 0x01;
export const UNMAP = 0x08;

export const COPY_ZERO = new CommandEntry({
  name: 'WRITE SAME(16) of a copy',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x93, NDOB | UNMAP, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeSame16,
});

function onEveryUnit(): boolean {
  return true;
}

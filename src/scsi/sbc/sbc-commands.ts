/** The entries of the command table that SBC-3 defines (clause 5), each with all its columns; those with 32-byte CDBs
 * stand in sbc-commands-32.ts. */
import {
  ACCESS_ACTIVE,
  ACCESS_STANDBY,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_UNTOUCHED,
  MEDIUM_WRITTEN,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_START_STOP,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { ADDRESSED_DISK } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { writeAtomic16 } from './atomic/sbc-write-atomic.ts';
import { getLbaStatus16 } from './provisioning/sbc-lba-status.ts';
import { unmap, writeSame10, writeSame16 } from './provisioning/sbc-provisioning.ts';
import { readCapacity10, readCapacity16 } from './sbc-capacity.ts';
import { readDefectData10, readDefectData12 } from './sbc-defect-data.ts';
import { startStopUnit } from './sbc-start-stop.ts';
import { synchronizeCache10, synchronizeCache16 } from './sbc-synchronize.ts';
import { compareAndWrite } from './transfer/sbc-compare-and-write.ts';
import { orWrite16 } from './transfer/sbc-or-write.ts';
import { prefetch10, prefetch16 } from './transfer/sbc-prefetch.ts';
import { read6, read10, read12, read16, write6, write10, write12, write16 } from './transfer/sbc-read-write.ts';
import {
  verify10,
  verify12,
  verify16,
  writeAndVerify10,
  writeAndVerify12,
  writeAndVerify16,
} from './transfer/sbc-verify.ts';

export const READ_6 = new CommandEntry({
  name: 'READ(6)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x08, 0x1f, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read6,
});

export const WRITE_6 = new CommandEntry({
  name: 'WRITE(6)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x0a, 0x1f, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write6,
});

export const START_STOP_UNIT = new CommandEntry({
  name: 'START STOP UNIT',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1b, 0x01, 0x00, 0x0f, 0xf7, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_START_STOP,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: startStopUnit,
});

export const READ_CAPACITY_10 = new CommandEntry({
  name: 'READ CAPACITY(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x25, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x01, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readCapacity10,
});

export const READ_10 = new CommandEntry({
  name: 'READ(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read10,
});

export const WRITE_10 = new CommandEntry({
  name: 'WRITE(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x2a, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write10,
});

export const WRITE_AND_VERIFY_10 = new CommandEntry({
  name: 'WRITE AND VERIFY(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x2e, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeAndVerify10,
});

export const VERIFY_10 = new CommandEntry({
  name: 'VERIFY(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x2f, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: verify10,
});

export const PRE_FETCH_10 = new CommandEntry({
  name: 'PRE-FETCH(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x34, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: prefetch10,
});

export const SYNCHRONIZE_CACHE_10 = new CommandEntry({
  name: 'SYNCHRONIZE CACHE(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x35, 0x06, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: synchronizeCache10,
});

export const READ_DEFECT_DATA_10 = new CommandEntry({
  name: 'READ DEFECT DATA(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x37, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readDefectData10,
});

export const WRITE_SAME_10 = new CommandEntry({
  name: 'WRITE SAME(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x41, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeSame10,
});

export const UNMAP = new CommandEntry({
  name: 'UNMAP',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x42, 0x01, 0x00, 0x00, 0x00, 0x00, 0x3f, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onThinUnits,
  handler: unmap,
});

export const READ_16 = new CommandEntry({
  name: 'READ(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x88, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read16,
});

export const WRITE_16 = new CommandEntry({
  name: 'WRITE(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x8a, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write16,
});

export const COMPARE_AND_WRITE = new CommandEntry({
  name: 'COMPARE AND WRITE',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x89, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: compareAndWrite,
});

export const ORWRITE_16 = new CommandEntry({
  name: 'ORWRITE(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x8b, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: orWrite16,
});

export const WRITE_AND_VERIFY_16 = new CommandEntry({
  name: 'WRITE AND VERIFY(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x8e, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeAndVerify16,
});

export const VERIFY_16 = new CommandEntry({
  name: 'VERIFY(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x8f, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: verify16,
});

export const PRE_FETCH_16 = new CommandEntry({
  name: 'PRE-FETCH(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x90, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: prefetch16,
});

export const SYNCHRONIZE_CACHE_16 = new CommandEntry({
  name: 'SYNCHRONIZE CACHE(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x91, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: synchronizeCache16,
});

export const WRITE_SAME_16 = new CommandEntry({
  name: 'WRITE SAME(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x93, 0x19, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeSame16,
});

export const WRITE_ATOMIC_16 = new CommandEntry({
  name: 'WRITE ATOMIC(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x9c, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeAtomic16,
});

export const READ_CAPACITY_16 = new CommandEntry({
  name: 'READ CAPACITY(16)',
  serviceAction: 0x10,
  usage: [0x9e, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readCapacity16,
});

export const GET_LBA_STATUS_16 = new CommandEntry({
  name: 'GET LBA STATUS(16)',
  serviceAction: 0x12,
  usage: [0x9e, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: getLbaStatus16,
});

export const READ_12 = new CommandEntry({
  name: 'READ(12)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xa8, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read12,
});

export const WRITE_12 = new CommandEntry({
  name: 'WRITE(12)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xaa, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write12,
});

export const WRITE_AND_VERIFY_12 = new CommandEntry({
  name: 'WRITE AND VERIFY(12)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xae, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeAndVerify12,
});

export const VERIFY_12 = new CommandEntry({
  name: 'VERIFY(12)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xaf, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: verify12,
});

export const READ_DEFECT_DATA_12 = new CommandEntry({
  name: 'READ DEFECT DATA(12)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xb7, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readDefectData12,
});

function onEveryUnit(): boolean {
  return true;
}

/** A unit that cannot give space back does not have the command (SBC-3 4.7.3). */
function onThinUnits(unit: LogicalUnit): boolean {
  return unit.isThin;
}

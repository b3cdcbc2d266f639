/** The entries of the command table of CD-ROM drives that MMC defines, each with all its columns. */
import {
  ACCESS_ACTIVE,
  ACCESS_STANDBY,
  ATTENTION_LEFT_PENDING,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_UNTOUCHED,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { read12 } from '../sbc/transfer/sbc-read-write.ts';
import { ADDRESSED_DISK } from '../task/task.ts';
import { getConfiguration } from './mmc-configuration.ts';
import { readDiscInformation, readDiscStructure, readTrackInformation } from './mmc-disc.ts';
import { getEventStatusNotification } from './mmc-event-status.ts';
import { mechanismStatus, setCdSpeed } from './mmc-mechanism.ts';
import { modeSelectOfDrive10, modeSenseOfDrive6, modeSenseOfDrive10 } from './mmc-mode.ts';
import { readCd } from './mmc-read-cd.ts';
import { readTocPmaAtip } from './mmc-toc.ts';

export const MODE_SENSE_OF_DRIVE_6 = new CommandEntry({
  name: 'MODE SENSE(6) of a CD-ROM drive',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1a, 0x08, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSenseOfDrive6,
});

export const READ_TOC_PMA_ATIP = new CommandEntry({
  name: 'READ TOC/PMA/ATIP',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x43, 0x02, 0x0f, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xc0],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readTocPmaAtip,
});

export const GET_CONFIGURATION = new CommandEntry({
  name: 'GET CONFIGURATION',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x46, 0x03, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: getConfiguration,
});

export const GET_EVENT_STATUS_NOTIFICATION = new CommandEntry({
  name: 'GET EVENT STATUS NOTIFICATION',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x4a, 0x01, 0x00, 0x00, 0xff, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: getEventStatusNotification,
});

export const READ_DISC_INFORMATION = new CommandEntry({
  name: 'READ DISC INFORMATION',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x51, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readDiscInformation,
});

export const READ_TRACK_INFORMATION = new CommandEntry({
  name: 'READ TRACK INFORMATION',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x52, 0x07, 0xff, 0xff, 0xff, 0xff, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readTrackInformation,
});

export const MODE_SELECT_OF_DRIVE_10 = new CommandEntry({
  name: 'MODE SELECT(10) of a CD-ROM drive',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x55, 0x11, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSelectOfDrive10,
});

export const MODE_SENSE_OF_DRIVE_10 = new CommandEntry({
  name: 'MODE SENSE(10) of a CD-ROM drive',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x5a, 0x18, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSenseOfDrive10,
});

/** STREAMING (byte 10) is a hint: there is nothing that streaming could leave out. */
export const READ_OF_DRIVE_12 = new CommandEntry({
  name: 'READ(12) of a CD-ROM drive',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xa8, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read12,
});

export const READ_DVD_STRUCTURE = new CommandEntry({
  name: 'READ DVD STRUCTURE',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xad, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readDiscStructure,
});

export const SET_CD_SPEED = new CommandEntry({
  name: 'SET CD SPEED',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xbb, 0x03, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: setCdSpeed,
});

export const MECHANISM_STATUS = new CommandEntry({
  name: 'MECHANISM STATUS',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xbd, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: mechanismStatus,
});

export const READ_CD = new CommandEntry({
  name: 'READ CD',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xbe, 0x1e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x07, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readCd,
});

function onEveryUnit(): boolean {
  return true;
}

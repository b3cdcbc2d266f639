/** The entries of the command table that SPC-4 defines (clause 6), each with all its columns. */
import {
  ACCESS_ACTIVE,
  ACCESS_STANDBY,
  ACCESS_TRANSITIONING,
  ATTENTION_LEFT_PENDING,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_UNTOUCHED,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_PREVENT,
  RESERVATION_OF_READS,
  RESERVATION_OF_TEST_UNIT_READY,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { preventAllowMediumRemoval } from '../sbc/sbc-start-stop.ts';
import { ADDRESSED_ABSENT, ADDRESSED_DISK, ADDRESSED_WELL_KNOWN } from '../task/task.ts';
import { inquiry } from './inquiry/spc-inquiry.ts';
import { logSense } from './log/spc-log.ts';
import { modeSense6, modeSense10 } from './mode/spc-mode.ts';
import { modeSelect6, modeSelect10 } from './mode/spc-mode-select.ts';
import { reportLuns, requestSense, testUnitReady } from './spc-report.ts';
import { reportSupportedOperationCodes, reportSupportedTaskManagementFunctions } from './spc-supported.ts';

export const TEST_UNIT_READY = new CommandEntry({
  name: 'TEST UNIT READY',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_TEST_UNIT_READY,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_WELL_KNOWN,
  isOffered: onEveryUnit,
  handler: testUnitReady,
});

export const REQUEST_SENSE = new CommandEntry({
  name: 'REQUEST SENSE',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x03, 0x01, 0x00, 0x00, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_ABSENT,
  isOffered: onEveryUnit,
  handler: requestSense,
});

export const INQUIRY = new CommandEntry({
  name: 'INQUIRY',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x12, 0x01, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_ABSENT,
  isOffered: onEveryUnit,
  handler: inquiry,
});

export const MODE_SELECT_6 = new CommandEntry({
  name: 'MODE SELECT(6)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x15, 0x11, 0x00, 0x00, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSelect6,
});

export const MODE_SENSE_6 = new CommandEntry({
  name: 'MODE SENSE(6)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1a, 0x08, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSense6,
});

export const PREVENT_ALLOW_MEDIUM_REMOVAL = new CommandEntry({
  name: 'PREVENT ALLOW MEDIUM REMOVAL',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1e, 0x00, 0x00, 0x00, 0x03, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_PREVENT,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: preventAllowMediumRemoval,
});

export const LOG_SENSE = new CommandEntry({
  name: 'LOG SENSE',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x4d, 0x00, 0xff, 0xff, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: logSense,
});

export const MODE_SELECT_10 = new CommandEntry({
  name: 'MODE SELECT(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x55, 0x11, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSelect10,
});

export const MODE_SENSE_10 = new CommandEntry({
  name: 'MODE SENSE(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x5a, 0x18, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: modeSense10,
});

export const REPORT_LUNS = new CommandEntry({
  name: 'REPORT LUNS',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0xa0, 0x00, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_ABSENT,
  isOffered: onEveryUnit,
  handler: reportLuns,
});

export const REPORT_SUPPORTED_OPERATION_CODES = new CommandEntry({
  name: 'REPORT SUPPORTED OPERATION CODES',
  serviceAction: 0x0c,
  usage: [0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: reportSupportedOperationCodes,
});

export const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS = new CommandEntry({
  name: 'REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS',
  serviceAction: 0x0d,
  usage: [0xa3, 0x0d, 0x80, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: reportSupportedTaskManagementFunctions,
});

function onEveryUnit(): boolean {
  return true;
}

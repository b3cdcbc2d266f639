/** Entries of the command table for what SPC-4 lets be tried and set at a device itself: buffers, diagnostics, its clock. */
import {
  ACCESS_STANDBY,
  ACCESS_TRANSITIONING,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_UNTOUCHED,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { ADDRESSED_DISK } from '../task/task.ts';
import { readBuffer10, readBuffer16, writeBuffer } from './spc-buffer.ts';
import { receiveDiagnosticResults, sendDiagnostic } from './spc-diagnostic.ts';
import { reportTimestamp, setTimestamp } from './timestamp.ts';

export const RECEIVE_DIAGNOSTIC_RESULTS = new CommandEntry({
  name: 'RECEIVE DIAGNOSTIC RESULTS',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1c, 0x01, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveDiagnosticResults,
});

export const SEND_DIAGNOSTIC = new CommandEntry({
  name: 'SEND DIAGNOSTIC',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x1d, 0xf4, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: sendDiagnostic,
});

export const WRITE_BUFFER = new CommandEntry({
  name: 'WRITE BUFFER',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x3b, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeBuffer,
});

export const READ_BUFFER_10 = new CommandEntry({
  name: 'READ BUFFER(10)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x3c, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readBuffer10,
});

export const READ_BUFFER_16 = new CommandEntry({
  name: 'READ BUFFER(16)',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x9b, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: readBuffer16,
});

export const REPORT_TIMESTAMP = new CommandEntry({
  name: 'REPORT TIMESTAMP',
  serviceAction: 0x0f,
  usage: [0xa3, 0x0f, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: reportTimestamp,
});

export const SET_TIMESTAMP = new CommandEntry({
  name: 'SET TIMESTAMP',
  serviceAction: 0x0f,
  usage: [0xa4, 0x0f, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_STANDBY,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: setTimestamp,
});

function onEveryUnit(): boolean {
  return true;
}

/** The entries of the command table for third-party copies (SPC-4 5.17.3, SBC-3 5.7, 5.48), each with all its columns. */
import {
  ACCESS_ACTIVE,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_NONE,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_UNTOUCHED,
  MEDIUM_WRITTEN,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { ADDRESSED_DISK } from '../task/task.ts';
import {
  receiveCopyFailureDetailsLid1,
  receiveCopyOperatingParameters,
  receiveCopyStatusLid1,
  receiveCopyStatusLid4,
  receiveRodTokenInformation,
} from './copy-status.ts';
import { copyOperationAbort, extendedCopyLid1, extendedCopyLid4 } from './extended-copy.ts';
import { populateToken } from './token/populate-token.ts';
import { reportAllRodTokens } from './token/report-all-rod-tokens.ts';
import { writeUsingToken } from './token/write-using-token.ts';

/** The medium that is read or written is that of the copy's ends, whose own commands are checked. */
export const EXTENDED_COPY_LID1 = new CommandEntry({
  name: 'EXTENDED COPY(LID1)',
  serviceAction: 0x00,
  usage: [0x83, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: extendedCopyLid1,
});

export const RECEIVE_COPY_STATUS_LID1 = new CommandEntry({
  name: 'RECEIVE COPY STATUS(LID1)',
  serviceAction: 0x00,
  usage: [0x84, 0x00, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveCopyStatusLid1,
});

export const RECEIVE_COPY_OPERATING_PARAMETERS = new CommandEntry({
  name: 'RECEIVE COPY OPERATING PARAMETERS',
  serviceAction: 0x03,
  usage: [0x84, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveCopyOperatingParameters,
});

export const EXTENDED_COPY_LID4 = new CommandEntry({
  name: 'EXTENDED COPY(LID4)',
  serviceAction: 0x01,
  usage: [0x83, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: extendedCopyLid4,
});

export const POPULATE_TOKEN = new CommandEntry({
  name: 'POPULATE TOKEN',
  serviceAction: 0x10,
  usage: [0x83, 0x10, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: populateToken,
});

/** The token's own blocks were read, for all that a reservation says, when the token was made. */
export const WRITE_USING_TOKEN = new CommandEntry({
  name: 'WRITE USING TOKEN',
  serviceAction: 0x11,
  usage: [0x83, 0x11, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeUsingToken,
});

export const COPY_OPERATION_ABORT = new CommandEntry({
  name: 'COPY OPERATION ABORT',
  serviceAction: 0x1c,
  usage: [0x83, 0x1c, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
  direction: DATA_NONE,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: copyOperationAbort,
});

export const RECEIVE_COPY_FAILURE_DETAILS_LID1 = new CommandEntry({
  name: 'RECEIVE COPY FAILURE DETAILS(LID1)',
  serviceAction: 0x04,
  usage: [0x84, 0x04, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveCopyFailureDetailsLid1,
});

export const RECEIVE_COPY_STATUS_LID4 = new CommandEntry({
  name: 'RECEIVE COPY STATUS(LID4)',
  serviceAction: 0x05,
  usage: [0x84, 0x05, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveCopyStatusLid4,
});

export const RECEIVE_ROD_TOKEN_INFORMATION = new CommandEntry({
  name: 'RECEIVE ROD TOKEN INFORMATION',
  serviceAction: 0x07,
  usage: [0x84, 0x07, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveRodTokenInformation,
});

export const REPORT_ALL_ROD_TOKENS = new CommandEntry({
  name: 'REPORT ALL ROD TOKENS',
  serviceAction: 0x08,
  usage: [0x84, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: reportAllRodTokens,
});

function onEveryUnit(): boolean {
  return true;
}

/** The entries of the command table for third-party copies (SPC-4 5.17.3), each with all its columns. */
import {
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_OUT,
  MEDIUM_UNTOUCHED,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_WRITES,
} from '../command-entry.ts';
import { ADDRESSED_DISK } from '../task.ts';
import { extendedCopyLid1, receiveCopyOperatingParameters, receiveCopyStatusLid1 } from './extended-copy.ts';

/** The medium that is read or written is that of the copy's ends, whose own commands are checked. */
export const EXTENDED_COPY_LID1 = new CommandEntry({
  name: 'EXTENDED COPY(LID1)',
  serviceAction: 0x00,
  usage: [0x83, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
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
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: receiveCopyOperatingParameters,
});

function onEveryUnit(): boolean {
  return true;
}

/** The entries of the command table that erase the whole medium (SBC-3 5.3, 5.24), each with all its columns. */
import {
  ACCESS_ACTIVE,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_OUT,
  MEDIUM_WRITTEN,
  NO_SERVICE_ACTION,
  RESERVATION_OF_WRITES,
} from '../../command/command-entry.ts';
import { ADDRESSED_DISK } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { formatUnit, sanitizeErase, sanitizeExitFailureMode, sanitizeOverwrite } from './sbc-sanitize.ts';

export const FORMAT_UNIT = new CommandEntry({
  name: 'FORMAT UNIT',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x04, 0x3f, 0x00, 0x00, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: formatUnit,
});

export const SANITIZE_OVERWRITE = new CommandEntry({
  name: 'SANITIZE OVERWRITE',
  serviceAction: 0x01,
  usage: [0x48, 0xa1, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: sanitizeOverwrite,
});

export const SANITIZE_BLOCK_ERASE = new CommandEntry({
  name: 'SANITIZE BLOCK ERASE',
  serviceAction: 0x02,
  usage: [0x48, 0xa2, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onThinUnits,
  handler: sanitizeErase,
});

export const SANITIZE_CRYPTOGRAPHIC_ERASE = new CommandEntry({
  name: 'SANITIZE CRYPTOGRAPHIC ERASE',
  serviceAction: 0x03,
  usage: [0x48, 0xa3, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onThinUnits,
  handler: sanitizeErase,
});

export const SANITIZE_EXIT_FAILURE_MODE = new CommandEntry({
  name: 'SANITIZE EXIT FAILURE MODE',
  serviceAction: 0x1f,
  usage: [0x48, 0xbf, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: sanitizeExitFailureMode,
});

function onEveryUnit(): boolean {
  return true;
}

/** BLOCK ERASE leaves every block deallocated, which only units with provisioning management have. */
function onThinUnits(unit: LogicalUnit): boolean {
  return unit.isThin;
}

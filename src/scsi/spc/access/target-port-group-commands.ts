/** The entries of the command table for asymmetric logical unit access (SPC-4 6.37, 6.45), with all their columns. */
import {
  ACCESS_TRANSITIONING,
  ACCESS_UNAVAILABLE,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_OUT,
  MEDIUM_UNTOUCHED,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_WRITES,
} from '../../command/command-entry.ts';
import { ADDRESSED_DISK } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { reportTargetPortGroups, setTargetPortGroups } from './target-port-groups.ts';

/** PARAMETER DATA FORMAT stands above the service action. */
export const REPORT_TARGET_PORT_GROUPS = new CommandEntry({
  name: 'REPORT TARGET PORT GROUPS',
  serviceAction: 0x0a,
  usage: [0xa3, 0xea, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_IN,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_NEVER_CONFLICTS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_TRANSITIONING,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: reportTargetPortGroups,
});

export const SET_TARGET_PORT_GROUPS = new CommandEntry({
  name: 'SET TARGET PORT GROUPS',
  serviceAction: 0x0a,
  usage: [0xa4, 0x0a, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00],
  direction: DATA_OUT,
  medium: MEDIUM_UNTOUCHED,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_UNAVAILABLE,
  reach: ADDRESSED_DISK,
  isOffered: onExplicitUnits,
  handler: setTargetPortGroups,
});

function onEveryUnit(): boolean {
  return true;
}

function onExplicitUnits(unit: LogicalUnit): boolean {
  return unit.reservations.hasExplicitAccess;
}

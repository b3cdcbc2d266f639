/**
 * The idle and standby power conditions that START STOP UNIT asks for (SPC-4 5.12, SBC-3 4.20, 5.25). A store saves no power,
 * so they are a state that REQUEST SENSE reports and that the first command which touches the medium ends (SBC-3 4.20.4).
 * There are no timers: the Power Condition mode page has all of them disabled.
 */
import { VPD_POWER_CONDITION } from '../constants.ts';
import {
  SENSE_IDLE_B_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_IDLE_C_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_IDLE_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_STANDBY_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_STANDBY_Y_CONDITION_ACTIVATED_BY_COMMAND,
} from '../sense.ts';
import { beginPage } from '../spc/inquiry/vpd-page.ts';
import type { Task } from '../task/task.ts';

/** Neither idle nor standby. */
export const POWER_ACTIVE = 0;
export const POWER_UNCHANGED = -1;
/** A POWER CONDITION MODIFIER that this POWER CONDITION does not have. */
export const POWER_UNKNOWN = -2;

/**
 * What POWER CONDITION, 1 to 15, and POWER CONDITION MODIFIER ask for (SBC-3 5.25).
 * @returns POWER_ACTIVE, POWER_UNCHANGED, POWER_UNKNOWN, or what REQUEST SENSE reports of the condition
 */
export function requestedPowerCondition(condition: number, modifier: number): number {
  return modifiersOf(condition)[modifier] ?? POWER_UNKNOWN;
}

/** SPC-4 7.8.11 Power Condition VPD page: all there are. From each the way back takes no time that is worth telling (zero). */
export function buildPowerConditionPage(task: Task, out: Buffer): number {
  const lengthBytes = beginPage(task, out, VPD_POWER_CONDITION, PAGE_LENGTH);
  out[STANDBY_BYTE] = STANDBY_Y | STANDBY_Z;
  out[IDLE_BYTE] = IDLE_C | IDLE_B | IDLE_A;
  return lengthBytes;
}

// SPC-4 7.8.11
const PAGE_LENGTH = 0x0e;
const STANDBY_BYTE = 4;
const STANDBY_Y = 0x02;
const STANDBY_Z = 0x01;
const IDLE_BYTE = 5;
const IDLE_C = 0x04;
const IDLE_B = 0x02;
const IDLE_A = 0x01;

const ACTIVE = 0x1;
const IDLE = 0x2;
const STANDBY = 0x3;
const LU_CONTROL = 0x7;
const FORCE_IDLE_0 = 0xa;
const FORCE_STANDBY_0 = 0xb;

const IDLE_A_TO_C: readonly number[] = [
  SENSE_IDLE_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_IDLE_B_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_IDLE_C_CONDITION_ACTIVATED_BY_COMMAND,
];
const STANDBY_Z_AND_Y: readonly number[] = [
  SENSE_STANDBY_CONDITION_ACTIVATED_BY_COMMAND,
  SENSE_STANDBY_Y_CONDITION_ACTIVATED_BY_COMMAND,
];

/**
 * The reserved values change nothing and are no error, as in the targets that hosts know: SLEEP (5h) was once among them
 * (SBC), and libiscsi's conformance suite wants GOOD for all. With LU_CONTROL the unit goes by its timers; with none
 * enabled it stays active. Forcing a timer to zero is taken as asking for the condition itself.
 */
function modifiersOf(condition: number): readonly number[] {
  switch (condition) {
    case ACTIVE:
    case LU_CONTROL:
      return [POWER_ACTIVE];
    case IDLE:
    case FORCE_IDLE_0:
      return IDLE_A_TO_C;
    case STANDBY:
    case FORCE_STANDBY_0:
      return STANDBY_Z_AND_Y;
    default:
      return [POWER_UNCHANGED];
  }
}

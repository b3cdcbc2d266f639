/**
 * Which responses are fenced (RFC 7143 4.2.2.3.3). Where its list names the first of several, all of them are: they are as rare, and
 * a fence more does no harm.
 */
import { hasNaca } from '../../../scsi/command/cdb.ts';
import { type ScsiCommand, STATUS_ACA_ACTIVE, STATUS_CHECK_CONDITION } from '../../../scsi/command/command.ts';
import { isPreemptAndAbort } from '../../../scsi/reservations/reserve-out-list.ts';
import { isUnitAttention } from '../../../scsi/sense.ts';
import {
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
} from '../../codec/constants.ts';

/** Task management functions that end several tasks, which may have been answered by other connections, and CLEAR ACA. */
const FENCED_FUNCTIONS: ReadonlySet<number> = new Set([
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
]);

export function isFencedFunction(fn: number): boolean {
  return FENCED_FUNCTIONS.has(fn);
}

/** Of a command that has ended: a unit attention, an ACA condition or what it does to others, PREEMPT AND ABORT. */
export function isFencedStatus({ status, senseCode, cdb }: ScsiCommand): boolean {
  if (status === STATUS_CHECK_CONDITION) return isUnitAttention(senseCode) || hasNaca(cdb);
  return status === STATUS_ACA_ACTIVE || isPreemptAndAbort(cdb);
}

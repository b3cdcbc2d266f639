/**
 * Which SCSI Responses are fenced (RFC 7143 4.2.2.3.3); of task management, full-feature/task-requests.ts knows. Where the list
 * names the first of several, all of them are: they are as rare, and a fence more does no harm.
 */
import { hasNaca } from '../../../scsi/command/cdb.ts';
import { type ScsiCommand, STATUS_ACA_ACTIVE, STATUS_CHECK_CONDITION } from '../../../scsi/command/command.ts';
import { isPreemptAndAbort } from '../../../scsi/reservations/reserve-out-list.ts';
import { isUnitAttention } from '../../../scsi/sense.ts';

/** Of a command that has ended: a unit attention, an ACA condition or what it does to others, PREEMPT AND ABORT. */
export function isFencedStatus({ status, senseCode, cdb }: ScsiCommand): boolean {
  if (status === STATUS_CHECK_CONDITION) return isUnitAttention(senseCode) || hasNaca(cdb);
  return status === STATUS_ACA_ACTIVE || isPreemptAndAbort(cdb);
}

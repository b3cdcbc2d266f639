/**
 * The ACA condition (auto contingent allegiance, SAM-5 5.9): which commands a task set takes while it lasts, and what a
 * CHECK CONDITION does to the other commands, by its NACA bit and by QERR (SPC-4 7.5.8). TST is zero: one task set for all
 * I_T nexuses, so at most one nexus is the faulted one.
 */

import { hasNaca } from '../command/cdb.ts';
import type { ScsiCommand } from '../command/command.ts';
import { STATUS_ACA_ACTIVE, STATUS_BUSY, STATUS_GOOD, TASK_ACA } from '../command/command.ts';
import { isPreemptAndAbort } from '../reservations/reserve-out-list.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { QERR_ALL, QERR_NEXUS, QERR_NONE } from '../unit/mode-parameters.ts';
import { abortOthers } from './aborted-tasks.ts';
import type { TaskSet } from './task-set.ts';

/**
 * How a new command fares during an ACA condition (SAM-5 5.9.3, 5.9.4).
 * @returns STATUS_GOOD when the device server takes it, otherwise the status that ends it
 */
export function statusUnderAca(taskSet: TaskSet, command: ScsiCommand): number {
  const isAca = command.attribute === TASK_ACA;
  if (command.nexus === taskSet.faultedNexus) return isAca && !hasAcaTask(taskSet) ? STATUS_GOOD : STATUS_ACA_ACTIVE;
  if (isAca) return STATUS_ACA_ACTIVE;
  // A node that fences another one off must not wait until that one has recovered.
  if (isPreemptAndAbort(command.cdb)) return STATUS_GOOD;
  return hasNaca(command.cdb) ? STATUS_ACA_ACTIVE : STATUS_BUSY;
}

/**
 * What follows from CHECK CONDITION status of `command`, which has left the task set of `unit`, or never came into it;
 * called before the initiator gets the status.
 */
export function faultOf(unit: LogicalUnit | null, command: ScsiCommand): void {
  if (unit === null) return;
  const { taskSet, modes } = unit;
  const isNaca = hasNaca(command.cdb);
  if (!isNaca && modes.queueErrorManagement === QERR_NONE && taskSet.faultedNexus === null) return;
  // SAM-5 5.9.5: a CHECK CONDITION of its ACA command is the end of an ACA condition, and with NACA the begin of the next.
  const isOfAca = command.attribute === TASK_ACA && command.nexus === taskSet.faultedNexus;
  if (isNaca && taskSet.faultedNexus === null) taskSet.establishAca(command.nexus);
  abortByQueueErrorManagement(unit, command);
  if (isOfAca && !isNaca) taskSet.clearAca();
}

/** At most one command with the ACA attribute is in a task set (SAM-5 5.9.3). */
function hasAcaTask(taskSet: TaskSet): boolean {
  return taskSet.some((task) => task.command.attribute === TASK_ACA);
}

function abortByQueueErrorManagement(unit: LogicalUnit, { nexus }: ScsiCommand): void {
  const { queueErrorManagement } = unit.modes;
  if (queueErrorManagement === QERR_ALL) abortOthers(unit, (task) => !task.isOwn, nexus, null);
  if (queueErrorManagement === QERR_NEXUS) {
    abortOthers(unit, (task) => !task.isOwn && task.command.nexus === nexus, nexus, null);
  }
}

/**
 * What becomes of tasks that are aborted, and of those who have sent them (SAM-5 5.6): the nexus that wants it gets no
 * status for its own. Others get TASK ABORTED status with the TAS bit, else no status and a unit attention condition.
 */
import { STATUS_GOOD, STATUS_TASK_ABORTED } from '../command/command.ts';
import type { Nexus } from '../nexus.ts';
import { SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR } from '../sense.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { Task } from './task.ts';
import type { TaskManagementRequest } from './task-management.ts';

/**
 * Aborts the tasks of `unit` of which `isAffected` is true.
 * @param by the nexus whose doing it is
 * @param request as for Task.abort()
 */
export function abortOthers(
  unit: LogicalUnit,
  isAffected: (task: Task) => boolean,
  by: Nexus,
  request: TaskManagementRequest | null,
): void {
  const { isTaskAbortedStatus } = unit.modes;
  unit.taskSet.abortWhere(isAffected, {
    nexus: by,
    request,
    othersStatus: isTaskAbortedStatus ? STATUS_TASK_ABORTED : STATUS_GOOD,
    onOther: (nexus) => {
      if (!isTaskAbortedStatus) unit.establishAttentionFor(nexus, SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
    },
  });
}

/** Aborts all tasks of `unit`, for a reset: that has a unit attention condition of its own for every nexus. */
export function abortForReset(unit: LogicalUnit, request: TaskManagementRequest): void {
  unit.taskSet.abortWhere(() => true, {
    nexus: request.nexus,
    request,
    othersStatus: unit.modes.isTaskAbortedStatus ? STATUS_TASK_ABORTED : STATUS_GOOD,
    onOther: () => undefined,
  });
}

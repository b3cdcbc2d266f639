/** Task management functions (SAM-5 7) as the transport protocol asks for them and the target device answers. */
import type { ScsiCommand } from '../command/command.ts';
import type { Nexus } from '../nexus.ts';

export const ABORT_TASK = 0;
export const ABORT_TASK_SET = 1;
export const CLEAR_ACA = 2;
export const CLEAR_TASK_SET = 3;
export const LOGICAL_UNIT_RESET = 4;
/** Resets every logical unit of the target device (RFC 7143 11.5.1 TARGET WARM RESET and COLD RESET). */
export const TARGET_RESET = 5;
export type TaskManagementFunction =
  | typeof ABORT_TASK
  | typeof ABORT_TASK_SET
  | typeof CLEAR_ACA
  | typeof CLEAR_TASK_SET
  | typeof LOGICAL_UNIT_RESET
  | typeof TARGET_RESET;

/** Service responses (SAM-5 7.1). */
export const FUNCTION_COMPLETE = 0;
export const FUNCTION_REJECTED = 1;
export const INCORRECT_LOGICAL_UNIT_NUMBER = 2;
export type TaskManagementResponse =
  | typeof FUNCTION_COMPLETE
  | typeof FUNCTION_REJECTED
  | typeof INCORRECT_LOGICAL_UNIT_NUMBER;

export interface TaskManagementOwner {
  /** Called once, perhaps before manageTasks() returns: every affected command has ended (its onCommandDone was called). */
  onTaskManagementDone(request: TaskManagementRequest): void;
}

export class TaskManagementRequest {
  readonly owner: TaskManagementOwner;
  readonly nexus: Nexus;
  readonly function: TaskManagementFunction;
  readonly lunHigh: number;
  readonly lunLow: number;
  /** ABORT TASK: the command, or null when it is no longer (or never was) in the task set. */
  readonly command: ScsiCommand | null;
  response: TaskManagementResponse = FUNCTION_COMPLETE;
  /** The target device's: affected commands that have not ended yet. */
  pendingCount = 0;

  constructor(
    owner: TaskManagementOwner,
    nexus: Nexus,
    fn: TaskManagementFunction,
    lunHigh: number,
    lunLow: number,
    command: ScsiCommand | null,
  ) {
    this.owner = owner;
    this.nexus = nexus;
    this.function = fn;
    this.lunHigh = lunHigh;
    this.lunLow = lunLow;
    this.command = command;
  }
}

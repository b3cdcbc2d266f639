/**
 * The SCSI target device (SAM-5 4.6): the logical units behind one target's LUNs, and the door by which a transport
 * protocol hands in commands and task management.
 */
import type { Slot } from '../util/slot-pool.ts';
import type { ScsiCommand } from './command.ts';
import type { Nexus } from './nexus.ts';
import type { TaskManagementRequest } from './task-management.ts';

export interface ScsiTargetDevice {
  /** Takes `command` and ends it later, or at once, with owner.onCommandDone. */
  execute(command: ScsiCommand): void;
  /** Answers owner.receiveDataOut: the bytes lie at slot.dataOffset. The slot is the device's from here. */
  deliverDataOut(command: ScsiCommand, slot: Slot, bufferOffset: number, lengthBytes: number): void;
  /**
   * Ends `command` without status as soon as nothing of it is in the store any more; owner.onCommandDone comes with
   * isAborted, perhaps before this returns. Open requests for Data-Out are void.
   */
  abort(command: ScsiCommand): void;
  manageTasks(request: TaskManagementRequest): void;
  /** A session begins: unit attentions for `nexus` arise from here on. */
  openNexus(nexus: Nexus): void;
  /** I_T nexus loss (SAM-5 6.3.4). Its commands must have been aborted. */
  closeNexus(nexus: Nexus): void;
}

/**
 * The SCSI target device (SAM-5 4.6): the logical units behind one target's LUNs, and the door by which a transport
 * protocol hands in commands and task management.
 */
import type { Slot } from '../util/slot-pool.ts';
import type { ScsiCommand } from './command/command.ts';
import { TASK_ACA } from './command/command.ts';
import type { DeviceServerContext } from './device-server.ts';
import { decodeLun, LUN_INVALID, LunMap, REPORT_LUNS_WELL_KNOWN_HIGH } from './lun-map.ts';
import type { Nexus } from './nexus.ts';
import type { PortDevice, TargetPort } from './port/target-port.ts';
import { SENSE_REPORTED_LUNS_DATA_HAS_CHANGED } from './sense.ts';
import { abortForReset, abortOthers } from './task/aborted-tasks.ts';
import { ADDRESSED_ABSENT, ADDRESSED_DISK, ADDRESSED_WELL_KNOWN, settle } from './task/task.ts';
import type { TaskManagementRequest } from './task/task-management.ts';
import {
  ABORT_TASK,
  ABORT_TASK_SET,
  CLEAR_ACA,
  CLEAR_TASK_SET,
  FUNCTION_COMPLETE,
  INCORRECT_LOGICAL_UNIT_NUMBER,
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
} from './task/task-management.ts';
import type { LogicalUnit } from './unit/logical-unit.ts';

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
  /** Whether `unit` has a LUN here. */
  exports(unit: LogicalUnit): boolean;
  /** A target port of the device, which may be known already. */
  addTargetPort(port: TargetPort): void;
  /** A session begins: unit attentions for `nexus` arise from here on. */
  openNexus(nexus: Nexus): void;
  /** I_T nexus loss (SAM-5 6.3.4). Its commands must have been aborted. */
  closeNexus(nexus: Nexus): void;
}

/** The logical units of one target. A unit may stand in several target devices of the same reactor. */
export class TargetDevice implements ScsiTargetDevice, PortDevice {
  private readonly context: DeviceServerContext;
  private readonly lunMap = new LunMap();
  private readonly nexuses = new Set<Nexus>();
  private readonly targetPorts = new Map<string, TargetPort>();

  constructor(context: DeviceServerContext) {
    this.context = context;
  }

  /**
   * Exports `unit` under `lun`, 0 to LUN_MAX and not in use. Initiators that are connected are told by a unit attention
   * condition on the units they know.
   */
  addLogicalUnit(lun: number, unit: LogicalUnit): void {
    this.lunMap.set(lun, unit);
    for (const port of this.targetPorts.values()) unit.reservations.addTargetPort(port);
    this.establishLunsChanged(unit);
    unit.erasure.resume(this.context);
  }

  /** Ends the export of `lun`; commands on their way go on. Returns the unit, or null when there was none. */
  removeLogicalUnit(lun: number): LogicalUnit | null {
    const unit = this.lunMap.delete(lun);
    if (unit === null) return null;
    this.context.rodTokens.onRemoved(unit, lun, this.lunMap);
    for (const nexus of this.nexuses) unit.forgetNexus(nexus);
    this.establishLunsChanged(null);
    return unit;
  }

  exports(unit: LogicalUnit): boolean {
    return this.lunMap.lunOf(unit) !== LUN_INVALID;
  }

  /** The unit behind `lun`, or null. */
  logicalUnit(lun: number): LogicalUnit | null {
    return this.lunMap.get(lun);
  }

  /** Calls `visit` for each exported unit, in ascending order of LUN. */
  forEachLogicalUnit(visit: (unit: LogicalUnit, lun: number) => void): void {
    this.lunMap.visit(visit);
  }

  /** Commands in the task sets of all units; zero when the device has been drained. */
  get taskCount(): number {
    let count = 0;
    this.lunMap.visit((unit) => {
      count += unit.taskCount;
    });
    return count;
  }

  execute(command: ScsiCommand): void {
    const { lunHigh, lunLow } = command;
    const unit = this.lunMap.get(decodeLun(lunHigh, lunLow));
    if (unit !== null) this.context.execute(command, unit, ADDRESSED_DISK, this.lunMap);
    else if (isWellKnown(lunHigh, lunLow)) this.context.execute(command, null, ADDRESSED_WELL_KNOWN, this.lunMap);
    else this.context.execute(command, null, ADDRESSED_ABSENT, this.lunMap);
  }

  deliverDataOut(command: ScsiCommand, slot: Slot, bufferOffset: number, lengthBytes: number): void {
    // A command that ended by itself or by another nexus' task management no longer wants what it had asked for.
    if (command.task === null) slot.release();
    else command.task.deliverDataOut(slot, bufferOffset, lengthBytes);
  }

  abort(command: ScsiCommand): void {
    if (command.task !== null) command.task.abort(null);
  }

  manageTasks(request: TaskManagementRequest): void {
    // One more than the affected tasks, so that tasks which end at once do not answer before all have been found.
    request.pendingCount = 1;
    request.response = FUNCTION_COMPLETE;
    this.perform(request);
    settle(request);
  }

  addTargetPort(port: TargetPort): void {
    if (this.targetPorts.has(port.name)) return;
    this.targetPorts.set(port.name, port);
    port.addDevice(this);
    this.lunMap.visit((unit) => unit.reservations.addTargetPort(port));
  }

  /** Units keep nothing for a nexus before its first command; that one finds the power on condition pending. */
  openNexus(nexus: Nexus): void {
    this.addTargetPort(nexus.targetPort);
    this.nexuses.add(nexus);
  }

  closeNexus(nexus: Nexus): void {
    this.nexuses.delete(nexus);
    this.lunMap.visit((unit) => unit.forgetNexus(nexus));
  }

  establishAttention(senseCode: number, except: Nexus | null): void {
    this.lunMap.visit((unit) => unit.establishAttention(senseCode, except));
  }

  private perform(request: TaskManagementRequest): void {
    if (request.function === TARGET_RESET) {
      this.lunMap.visit((unit) => resetUnit(unit, request));
      return;
    }
    const unit = this.lunMap.get(decodeLun(request.lunHigh, request.lunLow));
    if (unit !== null) performOn(unit, request);
    else if (isWellKnown(request.lunHigh, request.lunLow)) abortOne(request);
    else request.response = INCORRECT_LOGICAL_UNIT_NUMBER;
  }

  /** SPC-4 6.33: REPORTED LUNS DATA HAS CHANGED, on every unit but the new one. */
  private establishLunsChanged(newUnit: LogicalUnit | null): void {
    this.lunMap.visit((unit) => {
      if (unit !== newUnit) unit.establishAttention(SENSE_REPORTED_LUNS_DATA_HAS_CHANGED, null);
    });
  }
}

function isWellKnown(lunHigh: number, lunLow: number): boolean {
  return lunHigh === REPORT_LUNS_WELL_KNOWN_HIGH && lunLow === 0;
}

function performOn(unit: LogicalUnit, request: TaskManagementRequest): void {
  switch (request.function) {
    case ABORT_TASK:
      abortOne(request);
      return;
    case ABORT_TASK_SET:
      abortOthers(unit, (task) => task.command.nexus === request.nexus, request.nexus, request);
      return;
    case CLEAR_TASK_SET:
      abortOthers(unit, () => true, request.nexus, request);
      return;
    case LOGICAL_UNIT_RESET:
      resetUnit(unit, request);
      return;
    case CLEAR_ACA:
      clearAca(unit, request);
      return;
    case TARGET_RESET:
      return;
  }
}

function abortOne(request: TaskManagementRequest): void {
  if (request.function === ABORT_TASK && request.command !== null) request.command.task?.abort(request);
}

/** SAM-5 7.4: the faulted I_T nexus' alone, and as ABORT TASK for its ACA command. For others there is nothing to clear. */
function clearAca(unit: LogicalUnit, request: TaskManagementRequest): void {
  if (unit.taskSet.faultedNexus !== request.nexus) return;
  abortOthers(unit, (task) => task.command.attribute === TASK_ACA, request.nexus, request);
  unit.taskSet.clearAca();
}

function resetUnit(unit: LogicalUnit, request: TaskManagementRequest): void {
  abortForReset(unit, request);
  request.pendingCount += 1;
  unit.reset(() => settle(request));
}

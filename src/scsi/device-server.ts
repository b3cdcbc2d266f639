/**
 * The device server (SAM-5 4.6.5): from an arrived command to an enabled task. The order of the checks is the standards':
 * logical unit, operation code and service action, CDB, task set; then, once the task is enabled, unit attention,
 * reservation, medium and write protection (LogicalUnit.obstacleTo), and the handler.
 *
 * One DeviceServerContext serves all logical units of a reactor: it owns the working records, the scratch memory for
 * parameter data and the compare buffer.
 */
import { assert } from '../util/assert.ts';
import type { Clock, WallClock } from '../util/clock.ts';
import type { SlotPool } from '../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../util/slot-pool.ts';
import {
  ADDITIONAL_CDB_LENGTH,
  controlByte,
  hasNaca,
  VARIABLE_LENGTH_CDB,
  VARIABLE_LENGTH_HEADER_BYTES,
} from './command/cdb.ts';
import type { ScsiCommand } from './command/command.ts';
import {
  NO_SENSE_VALUE,
  STATUS_CHECK_CONDITION,
  STATUS_GOOD,
  STATUS_TASK_SET_FULL,
  TASK_ACA,
} from './command/command.ts';
import type { CommandEntry } from './command/command-entry.ts';
import type { CommandTable } from './command/command-table.ts';
import { createCommandTable } from './command/command-table.ts';
import { PERIPHERAL_CD_DVD } from './constants.ts';
import { COPY_BUFFERS_MAX, COPY_THREADS_MAX, CopyBuffers } from './copy/run/copy-buffers.ts';
import type { BackgroundCopy } from './copy/run/copy-operation.ts';
import type { RandomBytes } from './copy/token/rod-token.ts';
import { RodTokens } from './copy/token/rod-token.ts';
import type { LunMap } from './lun-map.ts';
import { createDriveCommandTable } from './mmc/mmc-command-table.ts';
import { AtomicTurns } from './sbc/atomic/atomic-turns.ts';
import type { StoreMover } from './sbc/atomic/store-mover.ts';
import type { MediumErasure } from './sbc/erase/medium-erasure.ts';
import { CompareBuffer } from './sbc/transfer/compare-buffer.ts';
import {
  cdbFieldPointer,
  SENSE_INVALID_COMMAND_OPERATION_CODE,
  SENSE_INVALID_FIELD_IN_CDB,
  SENSE_INVALID_MESSAGE_ERROR,
  SENSE_LOGICAL_UNIT_NOT_SUPPORTED,
} from './sense.ts';
import { faultOf, statusUnderAca } from './task/contingent-allegiance.ts';
import type { Addressed } from './task/task.ts';
import { ADDRESSED_ABSENT, ADDRESSED_DISK, Task } from './task/task.ts';
import type { LogicalUnit } from './unit/logical-unit.ts';

/**
 * Working records of one reactor, about 1 KiB each, made when first needed: eight logical units with full task sets.
 * Beyond that commands get TASK SET FULL.
 */
export const TASKS_PER_REACTOR_MAX = 16384;

/** SERVICE ACTION stands in the low bits of byte 1 (SPC-4 4.2.2.2). */
const SERVICE_ACTION_BYTE = 1;
const SERVICE_ACTION_MASK = 0x1f;
const SERVICE_ACTION_TOP_BIT = 4;

const NACA_BIT = 2;

export class DeviceServerContext {
  readonly pool: SlotPool;
  readonly wallClock: WallClock;
  /** What commands are timed by: `wallClock`, or one that costs less. */
  commandClock: Clock;
  /** The commands of disks. */
  readonly table: CommandTable;
  private readonly driveTable: CommandTable;
  readonly compareBuffer: CompareBuffer;
  readonly atomicTurns = new AtomicTurns();
  readonly copyBuffers = new CopyBuffers(COPY_BUFFERS_MAX);
  readonly copyThreads = new CopyBuffers(COPY_THREADS_MAX);
  readonly rodTokens: RodTokens;
  readonly backgroundCopies = new Set<BackgroundCopy>();
  /** Where parameter data is built before it is cut to the allocation length; valid within one call. */
  readonly scratch: Buffer;
  /** Calls `work` after `ms`, unless the reactor has ended; null: there are no timers, and nobody waits. */
  delay: ((ms: number, work: () => void) => void) | null = null;
  /** The stores are about to be closed. */
  isStopped = false;
  /** What runs without a command (medium-erasure.ts). */
  readonly erasures = new Set<MediumErasure>();
  readonly movers = new Set<StoreMover>();
  private readonly freeTasks: Task[] = [];
  private taskCount = 0;

  /**
   * @param pool the reactor's; one slot of it is set aside until close()
   * @param wallClock what the device clocks of the logical units follow
   * @param randomBytes of a cryptographically secure generator: what must not be guessed is made of them
   */
  constructor(pool: SlotPool, wallClock: WallClock, randomBytes: RandomBytes) {
    this.pool = pool;
    this.wallClock = wallClock;
    this.commandClock = wallClock;
    this.rodTokens = new RodTokens(wallClock, randomBytes);
    this.table = createCommandTable();
    this.driveTable = createDriveCommandTable();
    this.compareBuffer = new CompareBuffer(pool);
    this.scratch = Buffer.alloc(SEGMENT_BYTES_MAX);
  }

  /** The commands of what a LUN stands for; those of disks when it is not a unit. */
  tableOf(unit: LogicalUnit | null): CommandTable {
    return unit?.deviceType === PERIPHERAL_CD_DVD ? this.driveTable : this.table;
  }

  /** Takes `command` for what its LUN stands for: a unit, or null for the well known logical unit and for none. */
  execute(command: ScsiCommand, unit: LogicalUnit | null, addressed: Addressed, lunMap: LunMap): void {
    if (unit !== null && unit.taskSet.faultedNexus !== null) {
      const status = statusUnderAca(unit.taskSet, command);
      if (status !== STATUS_GOOD) {
        endWithStatus(command, status);
        return;
      }
    }
    const entry = this.tableOf(unit).find(command.cdb);
    if (entry === null || entry.reach < addressed || (unit !== null && !entry.isOffered(unit))) {
      this.refuse(command, unit, addressed);
    } else if (this.isCdbValid(command, unit, entry)) {
      this.enter(command, entry, unit, addressed, lunMap);
    }
  }

  /** Takes a command that the copy manager sends to `unit`: of an entry of its own, SIMPLE, and never kept waiting by others. */
  executeOwn(command: ScsiCommand, entry: CommandEntry, unit: LogicalUnit, lunMap: LunMap): void {
    const task = this.takeTask(command, entry, lunMap);
    if (task === null) {
      endWithStatus(command, STATUS_TASK_SET_FULL);
      return;
    }
    task.assign(command, entry, unit, ADDRESSED_DISK, lunMap);
    task.isOwn = true;
    unit.taskSet.insertEnabled(task);
    task.begin();
  }

  /** Frees a record whose task is over. */
  putTask(task: Task): void {
    this.freeTasks.push(task);
  }

  /** Nothing that runs without a command submits anything more; before the stores are closed. */
  stopBackground(): void {
    this.isStopped = true;
    for (const erasure of this.erasures) erasure.stop();
    for (const mover of this.movers) mover.stop();
    for (const copy of this.backgroundCopies) copy.stop();
  }

  /** Gives back what was set aside, when the reactor ends and every task is over. */
  close(): void {
    assert(this.freeTasks.length === this.taskCount, 'every task is over when the reactor ends');
    this.compareBuffer.close();
  }

  private refuse(command: ScsiCommand, unit: LogicalUnit | null, addressed: Addressed): void {
    if (addressed === ADDRESSED_ABSENT) {
      endWithCheck(command, unit, SENSE_LOGICAL_UNIT_NOT_SUPPORTED, NO_SENSE_VALUE);
    } else if (this.tableOf(unit).hasServiceActions(command.cdb[0]!)) {
      const isVariable = command.cdb[0] === VARIABLE_LENGTH_CDB;
      const pointer = isVariable
        ? cdbFieldPointer(VARIABLE_LENGTH_HEADER_BYTES, NO_SENSE_VALUE)
        : cdbFieldPointer(SERVICE_ACTION_BYTE, SERVICE_ACTION_TOP_BIT);
      endWithCheck(command, unit, SENSE_INVALID_FIELD_IN_CDB, pointer);
    } else {
      endWithCheck(command, unit, SENSE_INVALID_COMMAND_OPERATION_CODE, NO_SENSE_VALUE);
    }
  }

  /** Length and usage mask of the CDB; ends the command when they are wrong. */
  private isCdbValid(command: ScsiCommand, unit: LogicalUnit | null, entry: CommandEntry): boolean {
    if (command.cdbBytes < entry.cdbBytes) {
      endWithCheck(command, unit, SENSE_INVALID_FIELD_IN_CDB, cdbFieldPointer(command.cdbBytes, NO_SENSE_VALUE));
      return false;
    }
    if (!hasRightLength(command.cdb, entry)) {
      endWithCheck(command, unit, SENSE_INVALID_FIELD_IN_CDB, cdbFieldPointer(ADDITIONAL_CDB_LENGTH, NO_SENSE_VALUE));
      return false;
    }
    const bit = unit === null && hasNaca(command.cdb) ? nacaBit(command.cdb) : entry.reservedBit(command);
    if (bit === NO_SENSE_VALUE) return true;
    endWithCheck(command, unit, SENSE_INVALID_FIELD_IN_CDB, cdbFieldPointer(bit >>> 3, bit & 7));
    return false;
  }

  private enter(
    command: ScsiCommand,
    entry: CommandEntry,
    unit: LogicalUnit | null,
    addressed: Addressed,
    lunMap: LunMap,
  ): void {
    // SAM-5 8.6.5: the ACA attribute is for a time with an ACA condition; then statusUnderAca() has let this one in.
    if (command.attribute === TASK_ACA && unit?.taskSet.faultedNexus == null) {
      endWithCheck(command, unit, SENSE_INVALID_MESSAGE_ERROR, NO_SENSE_VALUE);
      return;
    }
    const task = unit?.taskSet.isFull ? null : this.takeTask(command, entry, lunMap);
    if (task === null) {
      endWithStatus(command, STATUS_TASK_SET_FULL);
      return;
    }
    task.assign(command, entry, unit, addressed, lunMap);
    if (unit === null || unit.taskSet.insert(task)) task.begin();
  }

  private takeTask(command: ScsiCommand, entry: CommandEntry, lunMap: LunMap): Task | null {
    const task = this.freeTasks.pop();
    if (task !== undefined) return task;
    if (this.taskCount === TASKS_PER_REACTOR_MAX) return null;
    this.taskCount += 1;
    return new Task(this, command, entry, lunMap);
  }
}

/** SERVICE ACTION of a CDB whose operation code has service actions. */
export function serviceActionOf(cdb: Uint8Array): number {
  return cdb[SERVICE_ACTION_BYTE]! & SERVICE_ACTION_MASK;
}

/** Whether a variable length CDB says the length that its command has (SPC-4 4.2.3). */
function hasRightLength(cdb: Uint8Array, entry: CommandEntry): boolean {
  return cdb[0] !== VARIABLE_LENGTH_CDB || cdb[ADDITIONAL_CDB_LENGTH] === entry.cdbBytes - VARIABLE_LENGTH_HEADER_BYTES;
}

/** What has no task set has no ACA condition, and says so by NORMACA. */
function nacaBit(cdb: Uint8Array): number {
  return controlByte(cdb[0]!) * 8 + NACA_BIT;
}

function endWithStatus(command: ScsiCommand, status: number): void {
  command.status = status;
  command.owner.onCommandDone(command);
}

/** Ends a command that never became a task. */
function endWithCheck(command: ScsiCommand, unit: LogicalUnit | null, senseCode: number, fieldPointer: number): void {
  command.isSenseDescriptor = unit?.modes.isDescriptorSense ?? false;
  command.status = STATUS_CHECK_CONDITION;
  command.senseCode = senseCode;
  command.senseFieldPointer = fieldPointer;
  faultOf(unit, command);
  command.owner.onCommandDone(command);
}

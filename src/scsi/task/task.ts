/**
 * A task (SAM-5 4.5): what the device server keeps of one command from execute() to onCommandDone(). Records are pooled
 * by the reactor's DeviceServerContext and carry the two BackendIo of a transfer, so a READ or WRITE allocates nothing.
 *
 *   dormant -> enabled -> handler -> [operation: slots, Data-Out, ios] -> ending -> ended (record is free again)
 *
 * A task ends only when none of its ios is in the store: until then the store may write into its slots. A task that ends
 * by itself also waits for the Data-Out it has asked for; an aborted one does not, its requests are void.
 */
import type { Backend, IoOp, IoOwner } from '../../backend/backend.ts';
import { BackendIo, IO_FLUSH, IO_OK, IO_READ } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import type { Slot, SlotWaiter } from '../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import type { ScsiCommand } from '../command/command.ts';
import {
  NO_SENSE_VALUE,
  STATUS_CHECK_CONDITION,
  STATUS_CONDITION_MET,
  STATUS_GOOD,
  STATUS_RESERVATION_CONFLICT,
} from '../command/command.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import type { DeviceServerContext } from '../device-server.ts';
import type { LunMap } from '../lun-map.ts';
import { OBSTACLE_RESERVATION_CONFLICT } from '../reservations/unit-reservations.ts';
import { cdbFieldPointer, SENSE_INVALID_FIELD_IN_CDB, senseOfIo } from '../sense.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { RangeHold } from '../unit/range-locks.ts';
import { HOLD_NONE } from '../unit/range-locks.ts';
import type { TimedAs } from '../unit/unit-counters.ts';
import { NOT_TIMED } from '../unit/unit-counters.ts';
import { faultOf } from './contingent-allegiance.ts';
import type { TaskManagementRequest } from './task-management.ts';

/** Data-Out requests and ios that one command may have open at once. */
export const LANES = 2;

/** What a LUN stands for; also how far a command reaches (command-entry.ts). */
export const ADDRESSED_DISK = 0;
export const ADDRESSED_WELL_KNOWN = 1;
export const ADDRESSED_ABSENT = 2;
export type Addressed = typeof ADDRESSED_DISK | typeof ADDRESSED_WELL_KNOWN | typeof ADDRESSED_ABSENT;

/** The stateless course of one kind of transfer; what it must remember stands in the task. */
export interface Operation {
  /** A slot came back to the pool after task.waitForSlot(). */
  onSlotReady(task: Task): void;
  /** Data-Out that task.requestDataOut() asked for; the slot is the operation's. */
  onDataOut(task: Task, slot: Slot, bufferOffset: number, lengthBytes: number): void;
  /** One of task.ios ended with IO_OK; other ends are the task's business. */
  onIoDone(task: Task, io: BackendIo): void;
  /** The reactor's compare buffer is this task's after compareBuffer.acquire(). */
  onCompareBuffer(task: Task): void;
}

/** Builds parameter data in `out` and returns its length; has seen all of the CDB checked. */
export type ParameterDataBuilder = (task: Task, out: Buffer) => number;

export class Task implements IoOwner, SlotWaiter {
  readonly context: DeviceServerContext;
  /** Lane k carries segments k, k + 2, k + 4 ... of a transfer. */
  readonly ios: readonly [BackendIo, BackendIo];

  // What the task is about. A free record keeps its last references; nothing reads them.
  command: ScsiCommand;
  entry: CommandEntry;
  /** Null when the LUN is that of the well known logical unit, or of none. */
  logicalUnit: LogicalUnit | null = null;
  addressed: Addressed = ADDRESSED_DISK;
  lunMap: LunMap;

  // The task set's.
  older: Task | null = null;
  newer: Task | null = null;
  isDormant = false;
  /** By an ACA condition (SAM-5 8.5.4): what it has begun comes to its end, which its owner is told of later. */
  isBlocked = false;
  /** The copy manager's, not an initiator's. */
  isOwn = false;
  /** Changes whenever the record is freed: a holder can see that its task is over. */
  generation = 0;

  // Common to all operations.
  operation: Operation | null = null;
  isEnding = false;
  /** Where the io that ends the task failed, or NO_SENSE_VALUE. */
  private failedLba = NO_SENSE_VALUE;
  /** What an io that fails ends the task with; 0: what the store says of it. */
  failureSense = 0;
  iosInFlight = 0;
  dataOutPending = 0;
  isWaitingForSlot = false;
  /** Data-out kept for longer than one io: a pattern, data to compare. */
  slot: Slot | null = null;
  private managers: TaskManagementRequest[] = [];

  // The operation's, in bytes.
  offsetBytes = 0;
  lengthBytes = 0;
  sendBytes = 0;
  startedBytes = 0;
  doneBytes = 0;
  allocationLength = 0;
  /** One bit per lane: what it means is the operation's. */
  laneBits = 0;
  /** A small number of the operation's own: a phase, a flag, a count. */
  phase = 0;
  option = 0;
  isFua = false;
  timedAs: TimedAs = NOT_TIMED;
  private cameMs = Number.NaN;
  /** How it holds its bytes against others (range-locks.ts). */
  rangeHold: RangeHold = HOLD_NONE;
  /** What parameter-list.ts received, or what an atomic write writes. */
  parameterList: Buffer | null = null;
  builder: ParameterDataBuilder | null = null;

  constructor(context: DeviceServerContext, command: ScsiCommand, entry: CommandEntry, lunMap: LunMap) {
    this.context = context;
    this.ios = [new BackendIo(this), new BackendIo(this)];
    this.command = command;
    this.entry = entry;
    this.lunMap = lunMap;
  }

  /** Sets every field for a new command. */
  assign(command: ScsiCommand, entry: CommandEntry, unit: LogicalUnit | null, addressed: Addressed, map: LunMap): void {
    this.command = command;
    this.entry = entry;
    this.logicalUnit = unit;
    this.addressed = addressed;
    this.lunMap = map;
    this.isDormant = false;
    this.isBlocked = false;
    this.isOwn = false;
    this.operation = null;
    this.isEnding = false;
    this.failedLba = NO_SENSE_VALUE;
    this.failureSense = 0;
    this.laneBits = 0;
    this.startedBytes = 0;
    this.doneBytes = 0;
    this.phase = 0;
    this.option = 0;
    this.isFua = false;
    this.parameterList = null;
    this.timedAs = NOT_TIMED;
    this.cameMs = this.context.commandClock.nowMs();
    unit?.counters.enter(this.cameMs);
    command.task = this;
  }

  /** The logical unit; only for commands that reach disks alone. */
  get unit(): LogicalUnit {
    assert(this.logicalUnit !== null, 'a command for disks has a logical unit');
    return this.logicalUnit;
  }

  private get backend(): Backend {
    return this.unit.backend;
  }

  /** The task has become enabled: what stands in its way is looked at now, not when it arrived. */
  begin(): void {
    const { logicalUnit, entry } = this;
    if (logicalUnit !== null) {
      const obstacle = logicalUnit.obstacleTo(entry, this.command);
      if (obstacle !== 0) {
        if (obstacle === OBSTACLE_RESERVATION_CONFLICT) this.conflict();
        else this.checkInaccessible(obstacle);
        return;
      }
    }
    entry.handler(this);
  }

  // How a command ends.

  good(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    this.endWhenQuiet();
  }

  /** PRE-FETCH: all blocks are in the cache (SAM-5 5.3.1). */
  conditionMet(): void {
    if (this.isEnding) return;
    this.command.status = STATUS_CONDITION_MET;
    this.good();
  }

  /** RESERVATION CONFLICT status. */
  conflict(): void {
    if (this.isEnding) return;
    this.command.status = STATUS_RESERVATION_CONFLICT;
    this.good();
  }

  check(senseCode: number): void {
    this.checkWith(senseCode, NO_SENSE_VALUE, NO_SENSE_VALUE);
  }

  /** As check, with the progress of an erasure that is the reason (SPC-4 4.5.2.4.4), or the threshold that was reached. */
  checkInaccessible(senseCode: number): void {
    const { erasure, provisioning } = this.unit;
    const isProgress = erasure.isRunning && erasure.senseCode === senseCode;
    const information = provisioning.informationOf(senseCode);
    this.checkWith(senseCode, information, isProgress ? erasure.progress : NO_SENSE_VALUE);
  }

  /** CHECK CONDITION with an INFORMATION field. */
  checkInformation(senseCode: number, information: number): void {
    this.checkWith(senseCode, information, NO_SENSE_VALUE);
  }

  /** INVALID FIELD IN CDB at the field whose most significant bit is `bit` of byte `byte`. */
  invalidField(byte: number, bit: number): void {
    this.checkWith(SENSE_INVALID_FIELD_IN_CDB, NO_SENSE_VALUE, cdbFieldPointer(byte, bit));
  }

  /** CHECK CONDITION; of several reasons the first stays. */
  checkWith(senseCode: number, information: number, fieldPointer: number): void {
    if (this.isEnding) return;
    const { command } = this;
    command.status = STATUS_CHECK_CONDITION;
    command.senseCode = senseCode;
    command.senseInformation = information;
    command.senseFieldPointer = fieldPointer;
    command.isSenseDescriptor = this.logicalUnit?.modes.isDescriptorSense ?? false;
    this.isEnding = true;
    this.endWhenQuiet();
  }

  /** The ACA condition is over. */
  unblock(): void {
    if (!this.isBlocked) return;
    this.isBlocked = false;
    if (this.isEnding) this.endWhenQuiet();
  }

  /**
   * Ends the task as soon as the store has answered.
   * @param request the task management function to be told of the end, null when there is none
   * @param status STATUS_TASK_ABORTED, or STATUS_GOOD for no status at all, which stays once it is decided
   */
  abort(request: TaskManagementRequest | null, status = STATUS_GOOD): void {
    if (request !== null) {
      request.pendingCount += 1;
      this.managers.push(request);
    }
    const { command } = this;
    const isSilent = command.isAborted && command.status === STATUS_GOOD;
    command.isAborted = true;
    command.status = isSilent ? STATUS_GOOD : status;
    command.senseCode = 0;
    command.senseInformation = NO_SENSE_VALUE;
    command.senseFieldPointer = NO_SENSE_VALUE;
    command.finalSlot?.release();
    command.finalSlot = null;
    command.finalBytes = 0;
    this.isEnding = true;
    this.dataOutPending = 0;
    this.endWhenQuiet();
  }

  // Slots, Data-Out, ios.

  /** A slot of at least `lengthBytes` in the command's name, or null; then waitForSlot(). */
  takeSlot(lengthBytes: number): Slot | null {
    return this.context.pool.take(lengthBytes, this.command.holder);
  }

  waitForSlot(): void {
    if (this.isWaitingForSlot) return;
    this.isWaitingForSlot = true;
    this.context.pool.wait(this);
  }

  onSlotReady(): void {
    assert(this.isWaitingForSlot, 'only a waiting task is told of slots');
    this.isWaitingForSlot = false;
    this.operation?.onSlotReady(this);
  }

  requestDataOut(bufferOffset: number, lengthBytes: number): void {
    assert(bufferOffset + lengthBytes <= this.command.dataOutBytes, 'Data-Out is asked for within its buffer');
    this.dataOutPending += 1;
    this.command.owner.receiveDataOut(this.command, bufferOffset, lengthBytes);
  }

  deliverDataOut(slot: Slot, bufferOffset: number, lengthBytes: number): void {
    if (this.isEnding) {
      slot.release();
      if (this.command.isAborted) return;
      this.dataOutPending -= 1;
      this.endWhenQuiet();
      return;
    }
    assert(this.dataOutPending > 0, 'Data-Out answers a request');
    this.dataOutPending -= 1;
    this.operation?.onDataOut(this, slot, bufferOffset, lengthBytes);
  }

  /** Hands `io` with the first `lengthBytes` of `slot` to the store; io.slot is set by whoever owns the slot. */
  submitData(io: BackendIo, op: IoOp, offsetBytes: number, lengthBytes: number, slot: Slot): void {
    io.memory = slot.memory;
    io.memoryOffset = slot.dataOffset;
    io.isFua = (this.isFua || this.unit.writesThrough) && op !== IO_READ;
    io.mayUnmap = false;
    this.submit(io, op, offsetBytes, lengthBytes);
  }

  /** Hands `io` to the store: a flush, unmap or write of zeros. */
  submitRange(io: BackendIo, op: IoOp, offsetBytes: number, lengthBytes: number, mayUnmap: boolean): void {
    io.memory = null;
    io.memoryOffset = 0;
    io.isFua = false;
    io.mayUnmap = mayUnmap;
    this.submit(io, op, offsetBytes, lengthBytes);
  }

  /**
   * Keeps the task from ending, whatever happens to it, until endWork(): something other than a submitted io is at work (a
   * store's map of what is allocated, a state file).
   */
  beginWork(): void {
    this.iosInFlight += 1;
  }

  /** @returns whether the task goes on; false: it was aborted meanwhile and may be over */
  endWork(): boolean {
    assert(this.iosInFlight > 0, 'work ends once');
    this.iosInFlight -= 1;
    if (!this.isEnding) return true;
    this.endWhenQuiet();
    return false;
  }

  onIoDone(io: BackendIo): void {
    assert(this.iosInFlight > 0, 'an io is done once');
    this.iosInFlight -= 1;
    if (this.isEnding) this.endAfter(io);
    else if (io.status !== IO_OK) this.failIo(io);
    else this.endIo(io);
  }

  private endIo(io: BackendIo): void {
    if (io.op !== IO_READ && io.op !== IO_FLUSH) this.unit.provisioning.noteWritten(io.lengthBytes);
    this.operation?.onIoDone(this, io);
  }

  private submit(io: BackendIo, op: IoOp, offsetBytes: number, lengthBytes: number): void {
    assert(offsetBytes + lengthBytes <= this.unit.reachBytes, 'an io stays within the logical unit');
    io.op = op;
    io.offsetBytes = offsetBytes;
    io.lengthBytes = lengthBytes;
    io.status = IO_OK;
    this.iosInFlight += 1;
    if (op !== IO_READ && op !== IO_FLUSH) this.unit.rods?.onWrite(offsetBytes, lengthBytes);
    this.backend.submit(io);
  }

  private failIo(io: BackendIo): void {
    if (this.failureSense !== 0) {
      this.check(this.failureSense);
      return;
    }
    this.unit.counters.countFailure(io);
    this.failedLba = this.informationOf(io);
    this.checkInformation(senseOfIo(io), this.failedLba);
  }

  /**
   * An io of a task that is ending. INFORMATION names the first block that failed (SPC-4 4.5.3): an initiator takes what
   * lies before it as done, so a lower one that fails later takes its place.
   */
  private endAfter(io: BackendIo): void {
    const { command, failedLba } = this;
    const lba = this.informationOf(io);
    if (io.status !== IO_OK && !command.isAborted && lba !== NO_SENSE_VALUE && lba < failedLba) {
      this.failedLba = lba;
      command.senseCode = senseOfIo(io);
      command.senseInformation = lba;
    }
    this.endWhenQuiet();
  }

  private informationOf(io: BackendIo): number {
    return io.op === IO_FLUSH ? NO_SENSE_VALUE : this.unit.lbaOf(io.offsetBytes);
  }

  // The end.

  private endWhenQuiet(): void {
    if (this.iosInFlight > 0 || this.dataOutPending > 0) return;
    const { command, logicalUnit, managers, isOwn } = this;
    this.giveBackResources();
    if (this.isBlocked && !command.isAborted) {
      this.unit.ranges.leave(this); // nobody else waits for what is over in the store
      this.unit.ranges.grant();
      return;
    }
    command.task = null;
    if (logicalUnit !== null) {
      const nowMs = this.context.commandClock.nowMs();
      logicalUnit.counters.leave(nowMs, this.timedAs, nowMs - this.cameMs);
      logicalUnit.ranges.leave(this);
      logicalUnit.taskSet.remove(this);
    }
    if (managers.length > 0) this.managers = [];
    this.generation += 1;
    this.context.putTask(this);
    if (command.status === STATUS_CHECK_CONDITION && !isOwn) faultOf(logicalUnit, command);
    command.owner.onCommandDone(command);
    for (const request of managers) settle(request);
    if (logicalUnit !== null) {
      logicalUnit.ranges.grant();
      logicalUnit.taskSet.enableDormant();
    }
  }

  private giveBackResources(): void {
    if (this.isWaitingForSlot) {
      this.context.pool.stopWaiting(this);
      this.isWaitingForSlot = false;
    }
    this.context.compareBuffer.giveUp(this);
    this.context.atomicTurns.giveUp(this);
    if (this.slot !== null) this.slot.release();
    this.slot = null;
    for (const io of this.ios) {
      if (io.slot !== null) io.slot.release();
      io.slot = null;
    }
  }
}

/** The lane that carries the segment at `offset` of a transfer. */
export function laneAt(offset: number): 0 | 1 {
  return Math.floor(offset / SEGMENT_BYTES_MAX) % LANES === 0 ? 0 : 1;
}

/** One affected task has ended; the last one answers the request (SAM-5 7.1). */
export function settle(request: TaskManagementRequest): void {
  assert(request.pendingCount > 0, 'a task management function is answered once');
  request.pendingCount -= 1;
  if (request.pendingCount === 0) request.owner.onTaskManagementDone(request);
}

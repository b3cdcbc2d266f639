/**
 * One SCSI command as iSCSI sees it (RFC 7143 4.2.2, 11.3): its tags and numbers, its data in both directions, and the one
 * response that ends it. Pooled; the SCSI record inside is what the device server works on.
 */

import {
  type CommandOwner,
  ScsiCommand,
  STATUS_CHECK_CONDITION,
  STATUS_GOOD,
  STATUS_TASK_ABORTED,
} from '../../../scsi/command/command.ts';
import type { Nexus } from '../../../scsi/nexus.ts';
import { encodeSense, SENSE_BYTES_MAX } from '../../../scsi/sense.ts';
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot, SlotHolder, SlotPool, SlotWaiter } from '../../../util/slot-pool.ts';
import {
  FLAG_RESIDUAL_OVERFLOW,
  FLAG_RESIDUAL_UNDERFLOW,
  NO_TAG,
  RESPONSE_COMMAND_COMPLETED,
} from '../../codec/constants.ts';
import type { PduWriter } from '../connection/pdu-writer.ts';
import { DataOut, type DataOutPort } from './data-out.ts';
import { isFencedStatus } from './fenced-response.ts';
import type { OrderedRequest } from './ordered-request.ts';
import type { FenceableResponse, ResponseFence } from './response-fence.ts';
import type { SessionMember } from './session.ts';

/** What a task needs of the connection that it came by. */
export interface TaskHome {
  readonly writer: PduWriter;
  readonly fence: ResponseFence;
  /** The connection, as its session sees it. */
  readonly member: SessionMember;
  readonly pool: SlotPool;
  readonly holder: SlotHolder;
  readonly nexus: Nexus;
  readonly device: ScsiTargetDevice;
  /** The initiator's MaxRecvDataSegmentLength. */
  readonly peerSegmentBytes: number;
  readonly maxBurstLength: number;
  nextTargetTransferTag(): number;
  /** The slot that a PDU of `task` is being received into; from here it is the connection's to release, else null. */
  slotInReception(task: ScsiTask): Slot | null;
  /** The task has sent what it had to send and holds nothing any more; the record goes back to its store. */
  onTaskEnded(task: ScsiTask): void;
}

export class ScsiTask implements CommandOwner, DataOutPort, SlotWaiter, OrderedRequest, FenceableResponse {
  initiatorTaskTag = NO_TAG;
  cmdSN = 0;
  isImmediate = false;
  readonly command: ScsiCommand;
  readonly dataOut: DataOut;
  private home: TaskHome;
  private isStarted = false;
  private isRefused = false;
  /** The device server has ended the command; the response waits for open bursts, or for its place in the session. */
  private isDone = false;
  private isFenceHeld = false;
  /** Nothing is sent for it any more. */
  private isTerminated = false;
  private isWaitingForSlot = false;
  // Data-In so far.
  private dataSN = 0;
  private sentBytes = 0;
  private burstBytes = 0;

  constructor(home: TaskHome) {
    this.home = home;
    this.command = new ScsiCommand(this, home.nexus, home.holder);
    this.dataOut = new DataOut(this);
  }

  /** Makes the record ready for a command that came by `home`; the caller then fills `command` and begins dataOut. */
  begin(home: TaskHome, initiatorTaskTag: number, cmdSN: number, isImmediate: boolean): void {
    this.home = home;
    this.initiatorTaskTag = initiatorTaskTag;
    this.cmdSN = cmdSN;
    this.isImmediate = isImmediate;
    this.isStarted = false;
    this.isRefused = false;
    this.isDone = false;
    this.isFenceHeld = false;
    this.isTerminated = false;
    this.isWaitingForSlot = false;
    this.dataSN = 0;
    this.sentBytes = 0;
    this.burstBytes = 0;
    this.command.reset();
    this.command.nexus = home.nexus;
    this.command.holder = home.holder;
  }

  /** Its turn in CmdSN order has come. */
  start(): void {
    assert(!this.isStarted, 'a task starts once');
    this.isStarted = true;
    if (!this.isImmediate) this.home.writer.window.onCommandBegun();
    // Its unsolicited data broke off before its turn: the device server is not asked for what can never be complete.
    if (this.dataOut.failure !== 0) this.refuseData(this.dataOut.failure);
    if (this.isRefused) this.onCommandDone(this.command);
    else this.home.device.execute(this.command);
  }

  drop(): void {
    this.terminate();
  }

  /** Ends the task without a response, now or as soon as the store has answered. */
  terminate(): void {
    if (this.isTerminated) return;
    this.isTerminated = true;
    if (this.isDone) this.end();
    else if (!this.isStarted) this.finish();
    else this.home.device.abort(this.command);
  }

  /** It came by `home`. */
  isAt(home: TaskHome): boolean {
    return this.home === home;
  }

  /** Ends it with `status` without asking the device server, which has not seen it. */
  refuse(status: number): void {
    this.isRefused = true;
    this.command.status = status;
  }

  private refuseData(senseCode: number): void {
    this.refuse(STATUS_CHECK_CONDITION);
    this.command.senseCode = senseCode;
  }

  /** The device server has it and has not ended it: to abort it is the device server's business. */
  get isWithDevice(): boolean {
    return this.isStarted && !this.isDone && !this.isRefused;
  }

  isForUnit(lunHigh: number, lunLow: number): boolean {
    return this.command.lunHigh === lunHigh && this.command.lunLow === lunLow;
  }

  /** True when the device server is through with it and only open bursts hold its response back. */
  get isResponseHeld(): boolean {
    return this.isDone && !this.isFenceHeld;
  }

  // CommandOwner: what the device server asks for.

  receiveDataOut(_command: ScsiCommand, bufferOffset: number, lengthBytes: number): void {
    this.dataOut.request(bufferOffset, lengthBytes);
  }

  sendDataIn(_command: ScsiCommand, slot: Slot, lengthBytes: number): void {
    if (this.isTerminated) return slot.release();
    this.cutDataIn(slot, lengthBytes, false, 0, 0);
  }

  onCommandDone(command: ScsiCommand): void {
    assert(!this.isDone, 'a command ends once');
    this.isDone = true;
    if (command.isAborted) return this.onAborted();
    if (this.isTerminated || !this.dataOut.hasOpenBurst) this.respond();
  }

  // DataOutPort: what the data-out buffer asks for.

  takeSlot(bytes: number): Slot | null {
    const slot = this.home.pool.take(bytes, this.home.holder);
    if (slot === null && !this.isWaitingForSlot) {
      this.isWaitingForSlot = true;
      this.home.pool.wait(this);
    }
    return slot;
  }

  onSlotReady(): void {
    this.isWaitingForSlot = false;
    this.dataOut.retry();
  }

  sendR2t(targetTransferTag: number, r2tSN: number, bufferOffset: number, desiredBytes: number): void {
    const { lunHigh, lunLow } = this.command;
    this.home.writer.r2t(lunHigh, lunLow, this.initiatorTaskTag, targetTransferTag, r2tSN, bufferOffset, desiredBytes);
  }

  nextTargetTransferTag(): number {
    return this.home.nextTargetTransferTag();
  }

  deliver(slot: Slot, bufferOffset: number, lengthBytes: number): void {
    if (this.isDone) return slot.release();
    this.home.device.deliverDataOut(this.command, slot, bufferOffset, lengthBytes);
  }

  onBurstsEnded(): void {
    if (this.isDone) return this.respond();
    if (this.dataOut.failure !== 0 && this.isStarted) this.home.device.abort(this.command);
  }

  // FenceableResponse: what the fence of the session asks for.

  get isFenced(): boolean {
    return isFencedStatus(this.command);
  }

  get member(): SessionMember {
    return this.home.member;
  }

  sendHeld(): void {
    this.isFenceHeld = false;
    this.end();
  }

  private onAborted(): void {
    const { command } = this;
    const { failure, hasOpenBurst } = this.dataOut;
    if (failure !== 0) {
      command.status = STATUS_CHECK_CONDITION;
      command.senseCode = failure;
    } else if (command.status !== STATUS_TASK_ABORTED) this.isTerminated = true;
    // 4.2.3.3: the bursts that were asked for end before the initiator of an aborted task hears of it.
    if (this.isTerminated || !hasOpenBurst) this.respond();
  }

  private respond(): void {
    const { fence } = this.home;
    assert(!this.isFenceHeld, 'a command is answered once');
    if (fence.isWatching && !this.isTerminated) {
      this.endDataOut();
      this.isFenceHeld = true; // hold() may send at once
      if (fence.hold(this)) return;
      this.isFenceHeld = false;
    }
    this.end();
  }

  /** Sends the response, unless it is terminated, and lets go of everything. */
  private end(): void {
    const { command, isTerminated } = this;
    const { finalSlot } = command;
    command.finalSlot = null;
    if (isTerminated) {
      if (finalSlot !== null) finalSlot.release();
      return this.finish();
    }
    this.releaseWindow();
    const expected = command.dataOutBytes > 0 ? command.dataOutBytes : command.dataInBytes;
    const presented = command.dataOutBytes > 0 ? command.presentedOutBytes : this.presentedBytes();
    const residual = presented - expected;
    const flags = residual > 0 ? FLAG_RESIDUAL_OVERFLOW : residual < 0 ? FLAG_RESIDUAL_UNDERFLOW : 0;
    if (finalSlot !== null) this.cutDataIn(finalSlot, command.finalBytes, true, flags, Math.abs(residual));
    if (finalSlot === null || command.status !== STATUS_GOOD) this.sendResponse(flags, Math.abs(residual));
    this.finish();
  }

  /**
   * Data-in bytes for the residual. Beside an error only what is sent counts: initiators take the bytes before the
   * INFORMATION field's LBA for good unless the residual says that they did not come.
   */
  private presentedBytes(): number {
    const { command } = this;
    if (command.dataInBytes > 0 && command.status !== STATUS_GOOD) return this.sentBytes + command.finalBytes;
    // Neither R nor W was set, or R: a WRITE without a data-out buffer has an overflow of all that it wants.
    const isRead = command.dataInBytes > 0 || command.presentedInBytes > 0;
    return isRead ? command.presentedInBytes : command.presentedOutBytes;
  }

  private sendResponse(residualFlags: number, residualCount: number): void {
    const { command } = this;
    const sense = command.status === STATUS_CHECK_CONDITION ? new Uint8Array(SENSE_BYTES_MAX) : null;
    const senseBytes = sense === null ? 0 : encodeSense(command, sense, 0);
    this.home.writer.scsiResponse(
      this.initiatorTaskTag,
      RESPONSE_COMMAND_COMPLETED,
      command.status,
      residualFlags,
      residualCount,
      this.dataSN + this.dataOut.r2tCountSent,
      sense,
      senseBytes,
    );
  }

  /**
   * Cuts slot data [0, bytes) at the initiator's MaxRecvDataSegmentLength and at MaxBurstLength (11.7, 13.12, 13.13); F ends
   * each burst. Good status rides on the last PDU.
   */
  private cutDataIn(slot: Slot, bytes: number, isLast: boolean, residualFlags: number, residualCount: number): void {
    const { writer, peerSegmentBytes, maxBurstLength } = this.home;
    const withStatus = isLast && this.command.status === STATUS_GOOD;
    let offset = 0;
    while (offset < bytes) {
      const length = Math.min(bytes - offset, peerSegmentBytes, maxBurstLength - this.burstBytes);
      const isSlotEnd = offset + length === bytes;
      this.burstBytes = (this.burstBytes + length) % maxBurstLength;
      const isFinal = this.burstBytes === 0 || (isLast && isSlotEnd);
      const dataSN = this.dataSN++;
      const at = this.sentBytes + offset;
      if (withStatus && isSlotEnd) {
        const { initiatorTaskTag: tag, command } = this;
        writer.dataInWithStatus(tag, dataSN, at, slot, offset, length, command.status, residualFlags, residualCount);
      } else {
        writer.dataIn(this.initiatorTaskTag, dataSN, at, slot, offset, length, isFinal, isSlotEnd);
      }
      offset += length;
    }
    this.sentBytes += bytes;
    writer.output.own(slot);
  }

  private releaseWindow(): void {
    if (this.isStarted && !this.isImmediate) this.home.writer.window.onCommandEnded();
    this.isStarted = false;
  }

  private finish(): void {
    this.releaseWindow();
    if (this.isFenceHeld) this.home.fence.forget(this);
    this.endDataOut();
    this.home.onTaskEnded(this);
  }

  /** No more of it is asked for or taken. */
  private endDataOut(): void {
    this.dataOut.end(this.home.slotInReception(this));
    if (this.isWaitingForSlot) this.home.pool.stopWaiting(this);
    this.isWaitingForSlot = false;
  }
}

/** The free task records of one reactor. */
export class TaskStore {
  private readonly free: ScsiTask[] = [];
  private readonly freeMax: number;

  /** @param freeMax records kept for reuse; more live only while they are in flight */
  constructor(freeMax = 4096) {
    this.freeMax = freeMax;
  }

  take(home: TaskHome): ScsiTask {
    return this.free.pop() ?? new ScsiTask(home);
  }

  giveBack(task: ScsiTask): void {
    if (this.free.length < this.freeMax) this.free.push(task);
  }
}

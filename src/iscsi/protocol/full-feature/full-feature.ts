/**
 * The full feature phase of one connection (RFC 7143 4.3, 4.6): SCSI commands and their data here, everything else in
 * control-requests.ts.
 *
 * The life of a READ: onHeader takes a task, onPdu gives it to the session for its turn, the device server reads the store
 * and ends it, the task cuts Data-In. The life of a WRITE: immediate data goes from the socket into the task's slot, Data-Out
 * PDUs follow into the same slot, the device server gets the slot when it is complete.
 */

import {
  STATUS_TASK_SET_FULL,
  TASK_ACA,
  TASK_HEAD_OF_QUEUE,
  TASK_ORDERED,
  TASK_SIMPLE,
  type TaskAttribute,
} from '../../../scsi/command/command.ts';
import type { Nexus } from '../../../scsi/nexus.ts';
import type { ScsiTargetDevice } from '../../../scsi/target-device.ts';
import { SEGMENT_BYTES_MAX, type Slot, SlotHolder, type SlotPool } from '../../../util/slot-pool.ts';
import { AdditionalHeaders } from '../../codec/ahs.ts';
import { BHS_BYTES, type Bhs, COMMAND_CDB, COMMAND_CDB_BYTES } from '../../codec/bhs.ts';
import {
  FLAG_COMMAND_READ,
  FLAG_COMMAND_WRITE,
  NO_TAG,
  OP_DATA_OUT,
  OP_SCSI_COMMAND,
  REJECT_DATA_DIGEST_ERROR,
  REJECT_INVALID_PDU_FIELD,
  REJECT_PROTOCOL_ERROR,
  REJECT_TASK_IN_PROGRESS,
  REJECT_TOO_MANY_IMMEDIATE_COMMANDS,
} from '../../codec/constants.ts';
import type { PduWriter } from '../connection/pdu-writer.ts';
import type { Phase, PhaseHost } from '../connection/phase.ts';
import type { TimerKind } from '../connection/sink.ts';
import type { ConnectionParameters } from '../login/parameters.ts';
import { CMDSN_OUTSIDE } from '../session/command-window.ts';
import { DeferredRequest } from '../session/ordered-request.ts';
import type { ResponseFence } from '../session/response-fence.ts';
import { IMMEDIATE_TASKS_MAX, type Session, type SessionMember } from '../session/session.ts';
import type { ScsiTask, TaskHome } from '../session/task.ts';
import type { ControlRequests } from './control-requests.ts';
import type { TextHandler } from './text-exchange.ts';

/** Task attributes by the ATTR field (11.3.1); its reserved values are taken as SIMPLE. */
const ATTRIBUTES: readonly TaskAttribute[] = [
  TASK_SIMPLE, // untagged
  TASK_SIMPLE,
  TASK_ORDERED,
  TASK_HEAD_OF_QUEUE,
  TASK_ACA,
  TASK_SIMPLE,
  TASK_SIMPLE,
  TASK_SIMPLE,
];

export class FullFeature implements Phase, TaskHome {
  readonly writer: PduWriter;
  readonly fence: ResponseFence;
  readonly member: SessionMember;
  readonly pool: SlotPool;
  readonly holder: SlotHolder = new SlotHolder();
  readonly nexus: Nexus;
  readonly device: ScsiTargetDevice;
  readonly maxBurstLength: number;
  private readonly host: PhaseHost;
  private readonly bhs: Bhs;
  private readonly session: Session;
  private readonly control: ControlRequests;
  private readonly text: TextHandler;
  private readonly segmentBytesMax: number;
  private readonly isInitialR2T: boolean;
  private readonly hasImmediateData: boolean;
  private readonly firstBurstLength: number;
  private readonly maxOutstandingR2T: number;
  private readonly ahs = new AdditionalHeaders();
  /** The task whose PDU is under way, null when it has none or has ended meanwhile. */
  private task: ScsiTask | null = null;
  /** The slot that the data segment under way goes to. */
  private receivingSlot: Slot | null = null;
  /** receivingSlot belongs to no task any more: it is released when the data segment has been read. */
  private isOrphaned = false;
  private isControl = false;
  /** The header of a PDU whose data digest may turn out wrong: a Reject quotes it. */
  private readonly header = new Uint8Array(BHS_BYTES);

  constructor(
    host: PhaseHost,
    session: Session,
    device: ScsiTargetDevice,
    parameters: ConnectionParameters,
    control: ControlRequests,
    text: TextHandler,
  ) {
    this.host = host;
    this.bhs = host.bhs;
    this.writer = host.writer;
    this.pool = host.services.pool;
    this.session = session;
    this.control = control;
    control.taskHome = this;
    this.member = control;
    this.fence = session.fence;
    this.nexus = session.nexus;
    this.device = device;
    this.text = text;
    this.segmentBytesMax = parameters.maxRecvDataSegmentLength;
    const { maxBurstLength, initialR2T, immediateData, firstBurstLength, maxOutstandingR2T } = session.parameters;
    this.maxBurstLength = maxBurstLength;
    this.isInitialR2T = initialR2T;
    this.hasImmediateData = immediateData;
    this.firstBurstLength = Math.min(firstBurstLength, SEGMENT_BYTES_MAX);
    this.maxOutstandingR2T = maxOutstandingR2T;
  }

  onHeader(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): void {
    this.task = null;
    this.isControl = false;
    // A data segment beyond what we declared cannot be told from a lost header (13.12).
    if (dataBytes > this.segmentBytesMax) return this.host.close('protocol-error');
    if (this.host.framer.hasDataDigest) this.header.set(bytes.subarray(offset, offset + BHS_BYTES));
    switch (this.bhs.opcode) {
      case OP_SCSI_COMMAND:
        return this.onCommandHeader(bytes, view, offset, ahsBytes, dataBytes);
      case OP_DATA_OUT:
        return this.onDataOutHeader(bytes, offset, dataBytes);
      default:
        this.isControl = true;
        return this.control.onHeader(bytes, offset, dataBytes);
    }
  }

  onPdu(isIntact: boolean): void {
    this.endReception();
    if (this.isControl) return this.control.onPdu(isIntact);
    if (!isIntact) this.writer.reject(REJECT_DATA_DIGEST_ERROR, this.header);
    const { task } = this;
    if (task === null) return;
    this.task = null;
    if (this.bhs.opcode === OP_DATA_OUT) return task.dataOut.finishPdu(this.bhs.isFinal, isIntact);
    // 7.8: a command whose immediate data was damaged is discarded whole; its CmdSN stays open for another try.
    if (!isIntact) return task.terminate();
    task.dataOut.finishImmediate(this.bhs.dataSegmentBytes);
    if (task.isImmediate) task.start();
    else this.session.take(task);
  }

  onTimer(kind: TimerKind): void {
    this.control.onTimer(kind);
  }

  onClosed(): void {
    this.control.onClosed();
    this.endReception(); // nothing is received any more
  }

  get peerSegmentBytes(): number {
    return this.text.peerSegmentBytes;
  }

  nextTargetTransferTag(): number {
    return this.session.nextTargetTransferTag();
  }

  /**
   * The transport may have told the kernel already to receive into this slot, so it must not become another's while the
   * data segment is under way.
   */
  slotInReception(task: ScsiTask): Slot | null {
    if (task !== this.task || this.receivingSlot === null) return null;
    this.isOrphaned = true;
    return this.receivingSlot;
  }

  onTaskEnded(task: ScsiTask): void {
    if (task === this.task) this.task = null;
    this.session.onTaskRemoved(task);
    this.host.services.tasks.giveBack(task);
  }

  private receiveInto(slot: Slot, memoryOffset: number): void {
    this.receivingSlot = slot;
    this.host.framer.receiveInto(slot.memory, memoryOffset);
  }

  private endReception(): void {
    if (this.isOrphaned) this.receivingSlot?.release();
    this.isOrphaned = false;
    this.receivingSlot = null;
  }

  private onCommandHeader(
    bytes: Uint8Array,
    view: DataView,
    offset: number,
    ahsBytes: number,
    dataBytes: number,
  ): void {
    const { bhs, session } = this;
    if (!bhs.isImmediate && session.window.order(bhs.cmdSN) === CMDSN_OUTSIDE) return;
    const reason = this.commandFault(bytes, view, offset, ahsBytes, dataBytes);
    if (reason !== 0) return this.rejectRequest(reason, bytes, offset);
    const isWrite = (bhs.flags & FLAG_COMMAND_WRITE) !== 0;
    const isRead = (bhs.flags & FLAG_COMMAND_READ) !== 0;
    const task = this.host.services.tasks.take(this);
    task.begin(this, bhs.initiatorTaskTag, bhs.cmdSN, bhs.isImmediate);
    const { command } = task;
    command.lunHigh = bhs.lunHigh;
    command.lunLow = bhs.lunLow;
    command.attribute = ATTRIBUTES[bhs.taskAttribute] as TaskAttribute;
    command.dataOutBytes = isWrite ? bhs.expectedDataTransferLength : 0;
    command.dataInBytes = isRead ? (isWrite ? this.ahs.bidiReadBytes : bhs.expectedDataTransferLength) : 0;
    this.copyCdb(task, bytes, offset);
    session.tasks.insert(task);
    if (bhs.isImmediate) session.immediateTaskCount += 1;
    this.task = task;
    if (isWrite) this.beginDataOut(task, dataBytes);
    else task.dataOut.begin(0, null, 0, false, this.maxBurstLength, 1);
  }

  /** 0, or the reason to reject a SCSI Command before it becomes a task. */
  private commandFault(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): number {
    const { bhs, session } = this;
    if (bhs.initiatorTaskTag === NO_TAG) return REJECT_INVALID_PDU_FIELD; // reserved (11.2.1.8)
    if (bhs.isImmediate && session.immediateTaskCount >= IMMEDIATE_TASKS_MAX) return REJECT_TOO_MANY_IMMEDIATE_COMMANDS;
    if (session.tasks.find(bhs.initiatorTaskTag) !== null) return REJECT_TASK_IN_PROGRESS;
    if (!this.ahs.decode(bytes, view, offset + BHS_BYTES, ahsBytes)) return REJECT_INVALID_PDU_FIELD;
    const isWrite = (bhs.flags & FLAG_COMMAND_WRITE) !== 0;
    if (dataBytes > 0) {
      if (!isWrite || !this.hasImmediateData) return REJECT_PROTOCOL_ERROR;
      if (dataBytes > Math.min(this.firstBurstLength, bhs.expectedDataTransferLength)) return REJECT_PROTOCOL_ERROR;
    }
    // F must be set where no unsolicited data may follow (11.3.1).
    if (!bhs.isFinal && (!isWrite || this.isInitialR2T)) return REJECT_PROTOCOL_ERROR;
    return 0;
  }

  private copyCdb(task: ScsiTask, bytes: Uint8Array, offset: number): void {
    const { cdb } = task.command;
    const from = offset + COMMAND_CDB;
    for (let i = 0; i < COMMAND_CDB_BYTES; i++) cdb[i] = bytes[from + i] as number;
    const { extendedCdbOffset, extendedCdbBytes } = this.ahs;
    const extraBytes = Math.min(extendedCdbBytes, cdb.length - COMMAND_CDB_BYTES);
    for (let i = 0; i < extraBytes; i++) cdb[COMMAND_CDB_BYTES + i] = bytes[extendedCdbOffset + i] as number;
    task.command.cdbBytes = COMMAND_CDB_BYTES + extraBytes;
  }

  private beginDataOut(task: ScsiTask, dataBytes: number): void {
    const { bhs } = this;
    const totalBytes = task.command.dataOutBytes;
    const isOpen = !bhs.isFinal;
    const limit = isOpen ? Math.min(this.firstBurstLength, totalBytes) : dataBytes;
    let slot: Slot | null = null;
    if (isOpen || dataBytes > 0) {
      slot = this.pool.take(Math.min(totalBytes, SEGMENT_BYTES_MAX), this.holder);
      // No memory for what is already on its way: SAM-5 5.3.1 names the status, and the initiator tries again.
      if (slot === null) task.refuse(STATUS_TASK_SET_FULL);
    }
    task.dataOut.begin(totalBytes, slot, limit, isOpen, this.maxBurstLength, this.maxOutstandingR2T);
    if (slot !== null && dataBytes > 0) this.receiveInto(slot, slot.dataOffset);
  }

  private onDataOutHeader(bytes: Uint8Array, offset: number, dataBytes: number): void {
    const { bhs } = this;
    const task = this.session.tasks.find(bhs.initiatorTaskTag);
    // A command that was aborted may still have Data-Out on its way; it is read and forgotten.
    if (task === null || !task.isAt(this)) return;
    const reason = task.dataOut.beginPdu(bhs.targetTransferTag, bhs.dataSN, bhs.bufferOffset, dataBytes);
    if (reason !== 0) return this.writer.reject(reason, bytes.subarray(offset, offset + BHS_BYTES));
    this.task = task;
    const slot = task.dataOut.pduSlot;
    if (slot !== null && dataBytes > 0) this.receiveInto(slot, task.dataOut.pduMemoryOffset);
  }

  /** Rejects a request in its turn: a numbered PDU keeps its place in CmdSN order. */
  private rejectRequest(reason: number, bytes: Uint8Array, offset: number): void {
    const header = bytes.slice(offset, offset + BHS_BYTES);
    if (this.bhs.isImmediate) this.writer.reject(reason, header);
    else this.session.take(new DeferredRequest(this.bhs.cmdSN, () => this.writer.reject(reason, header)));
  }
}

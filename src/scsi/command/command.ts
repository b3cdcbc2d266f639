/**
 * One SCSI command on its way through the device server (SAM-5 5): a pooled record of one shape, owned by the transport
 * protocol that received it. Below this line stands the protocol (CommandOwner), above it SCSI alone.
 *
 * The data transfer is cut into segments of SEGMENT_BYTES_MAX, so memory stays bounded whatever the CDB says:
 *   WRITE  execute -> owner.receiveDataOut(0..n) -> deliverDataOut(slot) -> store -> ... -> owner.onCommandDone
 *   READ   execute -> store -> owner.sendDataIn(slot) -> ... -> owner.onCommandDone with the last piece in finalSlot
 */
import type { Slot, SlotHolder } from '../../util/slot-pool.ts';
import type { Nexus } from '../nexus.ts';
import type { Task } from '../task/task.ts';

/** Task attributes (SAM-5 8.9). */
export const TASK_SIMPLE = 0;
export const TASK_ORDERED = 1;
export const TASK_HEAD_OF_QUEUE = 2;
export const TASK_ACA = 3;
export type TaskAttribute = typeof TASK_SIMPLE | typeof TASK_ORDERED | typeof TASK_HEAD_OF_QUEUE | typeof TASK_ACA;

/** Status codes (SAM-5 5.3.1). */
export const STATUS_GOOD = 0x00;
export const STATUS_CHECK_CONDITION = 0x02;
export const STATUS_CONDITION_MET = 0x04;
export const STATUS_BUSY = 0x08;
export const STATUS_RESERVATION_CONFLICT = 0x18;
export const STATUS_TASK_SET_FULL = 0x28;
export const STATUS_ACA_ACTIVE = 0x30;
export const STATUS_TASK_ABORTED = 0x40;

/** The longest CDB a transport may hand over (SPC-4 4.2.3, variable length format). */
export const CDB_BYTES_MAX = 260;
/** No INFORMATION or field pointer goes with the sense data. */
export const NO_SENSE_VALUE = -1;

/** The transport protocol services of SAM-5 5.4, seen from the device server. */
export interface CommandOwner {
  /**
   * Receive Data-Out: wants bytes [bufferOffset, bufferOffset + lengthBytes) of the data-out buffer. Answered once by
   * ScsiTargetDevice.deliverDataOut, perhaps before this returns, or by abort when they can no longer come.
   * bufferOffset is a multiple of SEGMENT_BYTES_MAX, 0 < lengthBytes <= SEGMENT_BYTES_MAX, and the range lies within
   * command.dataOutBytes. A command asks in order of bufferOffset and may have two requests open.
   */
  receiveDataOut(command: ScsiCommand, bufferOffset: number, lengthBytes: number): void;
  /** Send Data-In: the next `lengthBytes` of the data-in buffer, never the last ones. The slot is the owner's from here. */
  sendDataIn(command: ScsiCommand, slot: Slot, lengthBytes: number): void;
  /**
   * Send Command Complete: status, sense and residual stand in the record; finalSlot, when not null, holds the last
   * finalBytes of the data-in buffer and is the owner's from here. When isAborted, nothing is sent but, if
   * status is STATUS_TASK_ABORTED, that status. May be called before execute() returns. The record is the owner's again.
   */
  onCommandDone(command: ScsiCommand): void;
}

export class ScsiCommand {
  // Filled by the owner before execute().
  owner: CommandOwner;
  nexus: Nexus;
  /** The 8-byte LUN field (SAM-5 4.6) as two big-endian halves. */
  lunHigh = 0;
  lunLow = 0;
  readonly cdb: Uint8Array = new Uint8Array(CDB_BYTES_MAX);
  readonly cdbView: DataView = new DataView(this.cdb.buffer);
  /** Bytes of `cdb` that were received; the rest is zero. */
  cdbBytes = 0;
  attribute: TaskAttribute = TASK_SIMPLE;
  /** Size of the application client's data-out buffer in bytes; 0 when it sends none. */
  dataOutBytes = 0;
  /** Size of the application client's data-in buffer in bytes; 0 when it takes none. */
  dataInBytes = 0;
  /** Whose share of the slots this command's data takes. */
  holder: SlotHolder;

  // Filled by the device server before onCommandDone().
  status = STATUS_GOOD;
  /** Sense key << 16 | additional sense code << 8 | qualifier; 0 without CHECK CONDITION. See sense.ts. */
  senseCode = 0;
  /** INFORMATION field, or NO_SENSE_VALUE. */
  senseInformation: number = NO_SENSE_VALUE;
  /** Sense-key specific field pointer with its C/D and BPV bits (SPC-4 4.5.2.4.2), or NO_SENSE_VALUE. */
  senseFieldPointer: number = NO_SENSE_VALUE;
  /** Sense data goes in descriptor format (D_SENSE, SPC-4 7.5.8). */
  isSenseDescriptor = false;
  /** Data-in bytes that the CDB asks to be sent, before the data-in buffer's size cuts them; for the residual. */
  presentedInBytes = 0;
  /** Data-out bytes that the CDB asks to be received, before the data-out buffer's size cuts them; for the residual. */
  presentedOutBytes = 0;
  finalSlot: Slot | null = null;
  finalBytes = 0;
  isAborted = false;

  /** The device server's: its record of this command, from execute() to onCommandDone(). */
  task: Task | null = null;

  constructor(owner: CommandOwner, nexus: Nexus, holder: SlotHolder) {
    this.owner = owner;
    this.nexus = nexus;
    this.holder = holder;
  }

  /** Makes the record ready for the next command; the owner then fills its part. */
  reset(): void {
    const { cdb } = this;
    for (let i = 0; i < this.cdbBytes; i++) cdb[i] = 0; // fill() takes 60 ns for 16 bytes
    this.cdbBytes = 0;
    this.lunHigh = 0;
    this.lunLow = 0;
    this.attribute = TASK_SIMPLE;
    this.dataOutBytes = 0;
    this.dataInBytes = 0;
    this.status = STATUS_GOOD;
    this.senseCode = 0;
    this.senseInformation = NO_SENSE_VALUE;
    this.senseFieldPointer = NO_SENSE_VALUE;
    this.isSenseDescriptor = false;
    this.presentedInBytes = 0;
    this.presentedOutBytes = 0;
    this.finalSlot = null;
    this.finalBytes = 0;
    this.isAborted = false;
  }
}

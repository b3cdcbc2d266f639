/**
 * The data-out buffer of one SCSI command as it arrives (RFC 7143 4.2.5.2, 11.7, 11.8): immediate data, then unsolicited
 * Data-Out, then what R2Ts ask for. DataPDUInOrder and DataSequenceInOrder are Yes, so the bytes come in order and one
 * count says how far they are:
 *
 *   | delivered segments | received | solicited by R2T, or the unsolicited burst |  not asked for yet  |
 *   0                        receivedBytes                              solicitedBytes      command.dataOutBytes
 *
 * The device server asks for segments; each has one slot, which goes to the device server when its bytes are complete.
 * What breaks the sequence fails the command with the sense data of 11.4.7.2 once every open burst has ended: until
 * then its bytes are still on their way and have to be told from the next command's.
 */
import { SENSE_NOT_ENOUGH_UNSOLICITED_DATA, SENSE_PROTOCOL_SERVICE_CRC_ERROR } from '../../../scsi/sense.ts';
import { assert } from '../../../util/assert.ts';
import { serialAdd } from '../../../util/serial32.ts';
import { SEGMENT_BYTES_MAX, type Slot } from '../../../util/slot-pool.ts';
import { NO_TAG, REJECT_INVALID_PDU_FIELD, REJECT_PROTOCOL_ERROR } from '../../codec/constants.ts';

/** Segments that a device server may have asked for at one time (scsi/command/command.ts). */
const SEGMENTS_MAX = 2;
/** What MaxOutstandingR2T may be negotiated to. */
export const OUTSTANDING_R2T_MAX = 64;

/** What the task does for its data-out buffer. */
export interface DataOutPort {
  /** A slot of at least `bytes`, or null: then retry() is called when there may be one. */
  takeSlot(bytes: number): Slot | null;
  sendR2t(targetTransferTag: number, r2tSN: number, bufferOffset: number, desiredBytes: number): void;
  nextTargetTransferTag(): number;
  /** The segment is complete; the slot is the device server's from here. */
  deliver(slot: Slot, bufferOffset: number, lengthBytes: number): void;
  /** No burst is open any more: a failure or a status that waited for that can go out. */
  onBurstsEnded(): void;
}

class Segment {
  slot: Slot | null = null;
  offset = 0;
  lengthBytes = 0;
  isRequested = false;
}

export class DataOut {
  /** 0, or why the command fails: sense key << 16 | ASC << 8 | ASCQ. */
  failure = 0;
  private readonly port: DataOutPort;
  private totalBytes = 0;
  private receivedBytes = 0;
  private solicitedBytes = 0;
  private isUnsolicitedOpen = false;
  private unsolicitedLimit = 0;
  /** Expected in the next Data-Out of the burst at hand. */
  private dataSN = 0;
  private r2tSN = 0;
  // Requested segments, oldest first; the bytes under way belong to segments[0] until it is full.
  private readonly segments: Segment[] = [new Segment(), new Segment()];
  private segmentCount = 0;
  // R2Ts that are not answered in full, oldest first.
  private readonly r2tTags = new Uint32Array(OUTSTANDING_R2T_MAX);
  private readonly r2tEnds = new Float64Array(OUTSTANDING_R2T_MAX);
  private r2tHead = 0;
  private r2tCount = 0;
  // The Data-Out PDU under way.
  private pduTag = NO_TAG;
  private pduBytes = 0;
  private maxBurstLength = 0;
  private maxOutstandingR2T = 1;
  private isVoid = true;

  constructor(port: DataOutPort) {
    this.port = port;
  }

  /**
   * A command with a data-out buffer of `totalBytes` begins.
   * @param slot for segment 0 when immediate or unsolicited data will come, else null
   * @param unsolicitedLimit bytes that may come without R2T, at most min(FirstBurstLength, totalBytes)
   * @param isUnsolicitedOpen Data-Out PDUs without R2T follow (F is not set in the command, InitialR2T=No)
   */
  begin(
    totalBytes: number,
    slot: Slot | null,
    unsolicitedLimit: number,
    isUnsolicitedOpen: boolean,
    maxBurstLength: number,
    maxOutstandingR2T: number,
  ): void {
    this.failure = 0;
    this.totalBytes = totalBytes;
    this.receivedBytes = 0;
    this.solicitedBytes = 0;
    this.isUnsolicitedOpen = isUnsolicitedOpen;
    this.unsolicitedLimit = unsolicitedLimit;
    this.dataSN = 0;
    this.r2tSN = 0;
    this.r2tHead = 0;
    this.r2tCount = 0;
    this.maxBurstLength = maxBurstLength;
    this.maxOutstandingR2T = Math.min(maxOutstandingR2T, OUTSTANDING_R2T_MAX);
    this.isVoid = false;
    this.segmentCount = 0;
    if (slot !== null) this.addSegment(0, Math.min(totalBytes, SEGMENT_BYTES_MAX), slot, false);
  }

  /** True while Data-Out PDUs of this command are still to come that were promised or asked for. */
  get hasOpenBurst(): boolean {
    return this.isUnsolicitedOpen || this.r2tCount > 0;
  }

  /** R2Ts that were sent. */
  get r2tCountSent(): number {
    return this.r2tSN;
  }

  /** The slot that immediate data goes to, null when there is none; ask before the first PDU is finished. */
  get immediateSlot(): Slot | null {
    return this.segmentCount > 0 ? (this.segments[0] as Segment).slot : null;
  }

  /** The command PDU's own data segment has arrived whole. */
  finishImmediate(bytes: number): void {
    this.receivedBytes = bytes;
    if (!this.isUnsolicitedOpen) this.solicitedBytes = bytes;
  }

  /** The device server asks for a segment (scsi/command/command.ts CommandOwner.receiveDataOut). */
  request(bufferOffset: number, lengthBytes: number): void {
    assert(bufferOffset + lengthBytes <= this.totalBytes, 'a segment lies within the data-out buffer');
    const early = this.segments[0] as Segment;
    if (this.segmentCount > 0 && !early.isRequested) {
      assert(bufferOffset === 0 && this.segmentCount === 1, 'segment 0 is asked for first');
      early.isRequested = true;
      early.lengthBytes = lengthBytes;
    } else {
      this.addSegment(bufferOffset, lengthBytes, null, true);
    }
    this.progress();
  }

  /** A slot may be free again. */
  retry(): void {
    if (!this.isVoid) this.progress();
  }

  /**
   * The header of a Data-Out PDU of this command. When it belongs to no open burst it changes nothing.
   * @returns 0, or a Reject reason
   */
  beginPdu(targetTransferTag: number, dataSN: number, bufferOffset: number, dataBytes: number): number {
    let limit = this.unsolicitedLimit;
    if (targetTransferTag === NO_TAG) {
      if (!this.isUnsolicitedOpen) return REJECT_PROTOCOL_ERROR;
    } else {
      if (this.r2tCount === 0 || targetTransferTag !== this.r2tTags[this.r2tHead]) return REJECT_INVALID_PDU_FIELD;
      limit = this.r2tEnds[this.r2tHead]!;
    }
    // A gap in DataSN is a PDU that was lost to a digest error (7.9); it cannot be asked for again at level 0.
    if (dataSN !== this.dataSN) this.fail(SENSE_PROTOCOL_SERVICE_CRC_ERROR);
    else if (bufferOffset !== this.receivedBytes || bufferOffset + dataBytes > limit) {
      this.fail(SENSE_NOT_ENOUGH_UNSOLICITED_DATA);
    }
    this.dataSN = serialAdd(dataSN, 1);
    this.pduTag = targetTransferTag;
    this.pduBytes = dataBytes;
    return 0;
  }

  /** Where the PDU's data segment goes, null when it is to be thrown away. At dataOffset in slot.memory. */
  get pduSlot(): Slot | null {
    return this.failure === 0 && this.segmentCount > 0 ? (this.segments[0] as Segment).slot : null;
  }

  get pduMemoryOffset(): number {
    const { slot, offset } = this.segments[0] as Segment;
    return (slot as Slot).dataOffset + this.receivedBytes - offset;
  }

  /** The data segment of the PDU is complete. */
  finishPdu(isFinal: boolean, isIntact: boolean): void {
    if (!isIntact) this.fail(SENSE_PROTOCOL_SERVICE_CRC_ERROR);
    if (this.failure === 0) this.receivedBytes += this.pduBytes;
    if (isFinal) this.endBurst();
    if (!this.hasOpenBurst) this.port.onBurstsEnded(); // may end the command
    if (!this.isVoid) this.progress();
  }

  /** The command is over: slots go back, but for `kept`, which somebody else releases; R2Ts are void. */
  end(kept: Slot | null): void {
    this.isVoid = true;
    for (let i = 0; i < this.segmentCount; i++) {
      const segment = this.segments[i] as Segment;
      if (segment.slot !== null && segment.slot !== kept) segment.slot.release();
      segment.slot = null;
    }
    this.segmentCount = 0;
    this.isUnsolicitedOpen = false;
    this.r2tCount = 0;
  }

  private fail(senseCode: number): void {
    if (this.failure === 0) this.failure = senseCode;
  }

  private endBurst(): void {
    this.dataSN = 0;
    if (this.pduTag === NO_TAG) {
      this.isUnsolicitedOpen = false;
      this.solicitedBytes = this.receivedBytes;
      return;
    }
    if (this.receivedBytes !== this.r2tEnds[this.r2tHead]) this.fail(SENSE_NOT_ENOUGH_UNSOLICITED_DATA);
    this.r2tHead = (this.r2tHead + 1) % OUTSTANDING_R2T_MAX;
    this.r2tCount -= 1;
  }

  private addSegment(offset: number, lengthBytes: number, slot: Slot | null, isRequested: boolean): void {
    assert(this.segmentCount < SEGMENTS_MAX, 'a command asks for two segments at the most');
    const segment = this.segments[this.segmentCount] as Segment;
    segment.offset = offset;
    segment.lengthBytes = lengthBytes;
    segment.slot = slot;
    segment.isRequested = isRequested;
    this.segmentCount += 1;
  }

  /** Delivers what is complete, then asks for what is missing. */
  private progress(): void {
    if (this.isUnsolicitedOpen || this.failure !== 0) return;
    while (this.segmentCount > 0 && this.isFirstComplete()) this.deliverFirst();
    if (!this.isVoid) this.solicit();
  }

  private isFirstComplete(): boolean {
    const { isRequested, slot, offset, lengthBytes } = this.segments[0] as Segment;
    return isRequested && slot !== null && this.receivedBytes >= offset + lengthBytes;
  }

  private deliverFirst(): void {
    const first = this.segments[0] as Segment;
    const slot = first.slot as Slot;
    first.slot = null;
    this.segments[0] = this.segments[1] as Segment;
    this.segments[1] = first;
    this.segmentCount -= 1;
    // May ask for the next segment, or end the command, from inside this call.
    this.port.deliver(slot, first.offset, first.lengthBytes);
  }

  private solicit(): void {
    for (let i = 0; i < this.segmentCount; i++) {
      const segment = this.segments[i] as Segment;
      if (!segment.isRequested) return;
      if (segment.slot === null) segment.slot = this.port.takeSlot(segment.lengthBytes);
      if (segment.slot === null) return;
      const end = segment.offset + segment.lengthBytes;
      while (this.solicitedBytes < end) {
        if (this.r2tCount === this.maxOutstandingR2T) return;
        this.sendR2t(Math.min(end - this.solicitedBytes, this.maxBurstLength));
      }
    }
  }

  private sendR2t(desiredBytes: number): void {
    const tag = this.port.nextTargetTransferTag();
    const place = (this.r2tHead + this.r2tCount) % OUTSTANDING_R2T_MAX;
    this.r2tTags[place] = tag;
    this.r2tEnds[place] = this.solicitedBytes + desiredBytes;
    this.r2tCount += 1;
    this.port.sendR2t(tag, this.r2tSN, this.solicitedBytes, desiredBytes);
    this.r2tSN += 1;
    this.solicitedBytes += desiredBytes;
  }
}

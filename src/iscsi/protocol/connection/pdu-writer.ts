/**
 * The sending half of one connection: lays PDUs with their numbers, digests and padding into the tick's output. StatSN is
 * counted here, ExpCmdSN and MaxCmdSN come from the session's window (RFC 7143 4.2.2).
 */
import { serialAdd } from '../../../util/serial32.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import type { BatchMember, TickBatch } from '../../../util/tick-batch.ts';
import { BHS_BYTES } from '../../codec/bhs.ts';
import { DIGEST_BYTES, NO_TAG } from '../../codec/constants.ts';
import { type Crc32c, writeDigest } from '../../codec/digest.ts';
import {
  writeAsyncMessage,
  writeDataIn,
  writeDataInWithStatus,
  writeLoginResponse,
  writeLogoutResponse,
  writeNopIn,
  writeR2t,
  writeReject,
  writeScsiResponse,
  writeTaskManagementResponse,
  writeTextResponse,
} from '../../codec/encode.ts';
import { padBytes } from '../../codec/framer.ts';
import type { CommandWindow } from '../session/command-window.ts';
import type { Output } from './output.ts';

/** A data segment up to this size is copied behind its header; a larger one becomes a piece of its own. */
const INLINE_DATA_BYTES_MAX = 1024;

export class PduWriter {
  readonly output: Output;
  window: CommandWindow;
  /** The StatSN of the next PDU that carries status. */
  statSN: number;
  hasHeaderDigest = false;
  hasDataDigest = false;
  private readonly crc32c: Crc32c;
  private readonly batch: TickBatch;
  private readonly member: BatchMember;

  constructor(
    output: Output,
    window: CommandWindow,
    statSN: number,
    crc32c: Crc32c,
    batch: TickBatch,
    member: BatchMember,
  ) {
    this.output = output;
    this.window = window;
    this.statSN = statSN;
    this.crc32c = crc32c;
    this.batch = batch;
    this.member = member;
  }

  /** BHS and header digest. */
  get headerBytes(): number {
    return this.hasHeaderDigest ? BHS_BYTES + DIGEST_BYTES : BHS_BYTES;
  }

  /** @param sense sense data without its SenseLength, or null (RFC 7143 11.4.7) */
  scsiResponse(
    initiatorTaskTag: number,
    response: number,
    status: number,
    residualFlags: number,
    residualCount: number,
    expDataSN: number,
    sense: Uint8Array | null,
    senseBytes: number,
  ): void {
    const dataBytes = sense === null ? 0 : 2 + senseBytes;
    const at = this.begin(dataBytes);
    const { view, memory } = this.output;
    const { window } = this;
    writeScsiResponse(
      view,
      at,
      initiatorTaskTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      response,
      status,
      residualFlags,
      residualCount,
      expDataSN,
      dataBytes,
    );
    if (sense !== null) {
      const dataAt = at + this.headerBytes;
      view.setUint16(dataAt, senseBytes);
      for (let i = 0; i < senseBytes; i++) memory[dataAt + 2 + i] = sense[i] as number;
    }
    this.end(at, dataBytes);
  }

  /** One Data-In whose payload is slot data [offset, offset + length); its header may lie in the slot's headroom. */
  dataIn(
    initiatorTaskTag: number,
    dataSN: number,
    bufferOffset: number,
    slot: Slot,
    offset: number,
    length: number,
    isFinal: boolean,
    isSlotEnd: boolean,
  ): void {
    const { window } = this;
    const at = this.beginInSlot(slot, offset);
    writeDataIn(
      offset === 0 ? slot.pool.view : this.output.view,
      at,
      initiatorTaskTag,
      window.expCmdSN,
      window.maxCmdSN,
      dataSN,
      bufferOffset,
      length,
      isFinal,
    );
    this.endInSlot(slot, offset, length, at, isSlotEnd);
  }

  /** The last Data-In of a command that ended with `status` and no sense data. */
  dataInWithStatus(
    initiatorTaskTag: number,
    dataSN: number,
    bufferOffset: number,
    slot: Slot,
    offset: number,
    length: number,
    status: number,
    residualFlags: number,
    residualCount: number,
  ): void {
    const { window } = this;
    const at = this.beginInSlot(slot, offset);
    writeDataInWithStatus(
      offset === 0 ? slot.pool.view : this.output.view,
      at,
      initiatorTaskTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      dataSN,
      bufferOffset,
      length,
      status,
      residualFlags,
      residualCount,
    );
    this.endInSlot(slot, offset, length, at, true);
  }

  r2t(
    lunHigh: number,
    lunLow: number,
    initiatorTaskTag: number,
    targetTransferTag: number,
    r2tSN: number,
    bufferOffset: number,
    desiredDataTransferLength: number,
  ): void {
    const at = this.begin(0);
    const { window } = this;
    writeR2t(
      this.output.view,
      at,
      lunHigh,
      lunLow,
      initiatorTaskTag,
      targetTransferTag,
      this.statSN,
      window.expCmdSN,
      window.maxCmdSN,
      r2tSN,
      bufferOffset,
      desiredDataTransferLength,
    );
    this.end(at, 0);
  }

  taskManagementResponse(initiatorTaskTag: number, response: number): void {
    const at = this.begin(0);
    const { window } = this;
    writeTaskManagementResponse(
      this.output.view,
      at,
      initiatorTaskTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      response,
    );
    this.end(at, 0);
  }

  /** Answers a NOP-Out with `data` of its ping, at most the peer's MaxRecvDataSegmentLength; `data` is kept. */
  nopIn(
    lunHigh: number,
    lunLow: number,
    initiatorTaskTag: number,
    targetTransferTag: number,
    data: Buffer | null,
  ): void {
    const dataBytes = data === null ? 0 : data.length;
    const at = this.begin(dataBytes);
    const { window } = this;
    // What we send unasked does not consume a StatSN, an answer does (11.19.1).
    const statSN = initiatorTaskTag === NO_TAG ? this.statSN : this.nextStatSN();
    writeNopIn(
      this.output.view,
      at,
      lunHigh,
      lunLow,
      initiatorTaskTag,
      targetTransferTag,
      statSN,
      window.expCmdSN,
      window.maxCmdSN,
      dataBytes,
    );
    this.endWithData(at, data);
  }

  loginResponse(
    isTransit: boolean,
    isContinued: boolean,
    csg: number,
    nsg: number,
    isidHigh: number,
    isidLow: number,
    tsih: number,
    initiatorTaskTag: number,
    status: number,
    data: Buffer | null,
  ): void {
    const dataBytes = data === null ? 0 : data.length;
    const at = this.begin(dataBytes);
    const { window } = this;
    writeLoginResponse(
      this.output.view,
      at,
      isTransit,
      isContinued,
      csg,
      nsg,
      isidHigh,
      isidLow,
      tsih,
      initiatorTaskTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      status,
      dataBytes,
    );
    this.endWithData(at, data);
  }

  textResponse(
    lunHigh: number,
    lunLow: number,
    initiatorTaskTag: number,
    targetTransferTag: number,
    isFinal: boolean,
    isContinued: boolean,
    data: Buffer | null,
  ): void {
    const dataBytes = data === null ? 0 : data.length;
    const at = this.begin(dataBytes);
    const { window } = this;
    writeTextResponse(
      this.output.view,
      at,
      lunHigh,
      lunLow,
      initiatorTaskTag,
      targetTransferTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      isFinal,
      isContinued,
      dataBytes,
    );
    this.endWithData(at, data);
  }

  logoutResponse(initiatorTaskTag: number, response: number, time2Wait: number, time2Retain: number): void {
    const at = this.begin(0);
    const { window } = this;
    writeLogoutResponse(
      this.output.view,
      at,
      initiatorTaskTag,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      response,
      time2Wait,
      time2Retain,
    );
    this.end(at, 0);
  }

  /** @param header the 48 bytes of the PDU that is rejected; copied */
  reject(reason: number, header: Uint8Array): void {
    const at = this.begin(BHS_BYTES);
    const { window } = this;
    writeReject(this.output.view, at, reason, this.nextStatSN(), window.expCmdSN, window.maxCmdSN, 0, BHS_BYTES);
    this.output.memory.set(header.subarray(0, BHS_BYTES), at + this.headerBytes);
    this.end(at, BHS_BYTES);
  }

  /** @param data sense data with its SenseLength for a SCSI event (11.9.4), else null; copied or kept */
  asyncMessage(
    asyncEvent: number,
    parameter1: number,
    parameter2: number,
    parameter3: number,
    data: Buffer | null,
  ): void {
    const dataBytes = data === null ? 0 : data.length;
    const at = this.begin(dataBytes);
    const { window } = this;
    writeAsyncMessage(
      this.output.view,
      at,
      0,
      0,
      this.nextStatSN(),
      window.expCmdSN,
      window.maxCmdSN,
      asyncEvent,
      0,
      parameter1,
      parameter2,
      parameter3,
      dataBytes,
    );
    this.endWithData(at, data);
  }

  private nextStatSN(): number {
    const statSN = this.statSN;
    this.statSN = serialAdd(statSN, 1);
    return statSN;
  }

  /** Reserves a PDU in the header block, with its data segment when that is small. */
  private begin(dataBytes: number): number {
    const inlineBytes = dataBytes <= INLINE_DATA_BYTES_MAX ? dataBytes : 0;
    this.batch.markConnection(this.member);
    return this.output.reserve(this.headerBytes + inlineBytes + this.tailBytes(inlineBytes));
  }

  private end(at: number, inlineBytes: number): void {
    const { memory } = this.output;
    this.digestHeader(memory, at);
    if (inlineBytes > 0) this.writeTail(memory, at + this.headerBytes, inlineBytes);
  }

  private endWithData(at: number, data: Buffer | null): void {
    if (data === null || data.length === 0) return this.end(at, 0);
    if (data.length <= INLINE_DATA_BYTES_MAX) {
      this.output.memory.set(data, at + this.headerBytes);
      return this.end(at, data.length);
    }
    this.end(at, 0);
    this.output.piece(data, 0, data.length);
    this.separateTail(data, 0, data.length);
  }

  private beginInSlot(slot: Slot, offset: number): number {
    this.batch.markConnection(this.member);
    return offset === 0 ? slot.dataOffset - this.headerBytes : this.output.reserve(this.headerBytes);
  }

  private endInSlot(slot: Slot, offset: number, length: number, at: number, isSlotEnd: boolean): void {
    const { output } = this;
    const start = slot.dataOffset + offset;
    const isInHeadroom = offset === 0;
    this.digestHeader(isInHeadroom ? slot.memory : output.memory, at);
    const tail = isSlotEnd ? this.tailBytes(length) : 0;
    if (tail > 0) this.writeTail(slot.memory, start, length);
    output.slotPiece(slot.memory, isInHeadroom ? at : start, start + length + tail);
    // Behind these bytes of the slot stands the payload of the next PDU, so the tail cannot.
    if (!isSlotEnd) this.separateTail(slot.memory, start, length);
  }

  /** Padding and data digest of memory[start, start + length) in the header block. */
  private separateTail(memory: Buffer, start: number, length: number): void {
    const tail = this.tailBytes(length);
    if (tail === 0) return;
    const { output } = this;
    const at = output.reserve(tail);
    const pad = padBytes(length);
    for (let i = 0; i < pad; i++) output.memory[at + i] = 0;
    if (!this.hasDataDigest) return;
    const crc = this.crc32c(this.crc32c(0, memory, start, length), output.memory, at, pad);
    writeDigest(output.view, at + pad, crc);
  }

  private tailBytes(dataBytes: number): number {
    if (dataBytes === 0) return 0;
    return padBytes(dataBytes) + (this.hasDataDigest ? DIGEST_BYTES : 0);
  }

  private writeTail(memory: Buffer, dataAt: number, dataBytes: number): void {
    const pad = padBytes(dataBytes);
    for (let i = 0; i < pad; i++) memory[dataAt + dataBytes + i] = 0;
    if (this.hasDataDigest) this.output.digestBehind(memory, dataAt, dataAt + dataBytes + pad);
  }

  private digestHeader(memory: Buffer, at: number): void {
    if (this.hasHeaderDigest) this.output.digestBehind(memory, at, at + BHS_BYTES);
  }
}

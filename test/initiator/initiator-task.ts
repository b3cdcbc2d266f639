/**
 * One SCSI command as the initiator sees it (RFC 7143 11.3, 11.4, 11.7, 11.8): sends its data by the rules that were
 * negotiated, puts Data-In together, and demands every number, flag and residual of what comes.
 */
import { COMMAND_CDB, COMMAND_CDB_BYTES } from '../../src/iscsi/codec/bhs.ts';
import {
  FLAG_COMMAND_READ,
  FLAG_COMMAND_WRITE,
  FLAG_DATA_STATUS,
  FLAG_FINAL,
  FLAG_RESIDUAL_OVERFLOW,
  FLAG_RESIDUAL_UNDERFLOW,
  NO_TAG,
} from '../../src/iscsi/codec/constants.ts';
import { writeDataOut, writeScsiCommand } from '../../src/iscsi/codec/encode-initiator.ts';
import type { IncomingPdu } from './incoming-pdu.ts';
import type { InitiatorConnection } from './initiator-connection.ts';
import { OutgoingPdu } from './outgoing-pdu.ts';
import type { Negotiated } from './settings.ts';
import { demand } from './violation.ts';

export interface TaskOptions {
  /** Which of the session's connections it goes by; the first that is open when left out. */
  readonly connection?: InitiatorConnection;
  readonly lunHigh?: number;
  readonly lunLow?: number;
  readonly dataOut?: Buffer;
  /** Expected Data Transfer Length of a read. */
  readonly dataIn?: number;
  /** ATTR field (11.3.1); 1 is SIMPLE. */
  readonly attribute?: number;
  readonly isImmediate?: boolean;
  /** A CmdSN of the test's choice: sent at once, whatever the window says, and not counted. */
  readonly cmdSN?: number;
  readonly initiatorTaskTag?: number;
  /** Bytes of data-out in the command PDU; as much as may be when left out. */
  readonly immediateBytes?: number;
  /** Bytes sent without R2T, immediate ones included; as much as may be when left out. */
  readonly unsolicitedBytes?: number;
  /** The size of Data-Out PDUs, at most what the target takes. */
  readonly segmentBytes?: number;
  /** R2Ts wait in `r2ts` for answerR2t(). */
  readonly holdsR2ts?: boolean;
  readonly ahs?: Buffer;
}

export interface OpenR2t {
  readonly targetTransferTag: number;
  readonly offset: number;
  readonly length: number;
}

export class InitiatorTask {
  readonly connection: InitiatorConnection;
  readonly initiatorTaskTag: number;
  readonly cdb: Buffer;
  readonly dataOut: Buffer;
  readonly options: TaskOptions;
  cmdSN = 0;
  isSent = false;
  /** It has ended: by a response, a Reject, a task management function, or with its connection. */
  isDone = false;
  /** -1 without a response. */
  status = -1;
  response = -1;
  sense: Buffer = Buffer.alloc(0);
  rejectReason = -1;
  isOverflow = false;
  isUnderflow = false;
  residual = 0;
  readonly r2ts: OpenR2t[] = [];
  /** R2Ts and Data-In PDUs that came. */
  r2tCount = 0;
  dataInCount = 0;
  /** Called when it has ended. */
  onDone: (() => void) | null = null;
  private readonly terms: Negotiated;
  private readonly received: Buffer;
  private receivedBytes = 0;
  private burstBytes = 0;
  private hasOpenSequence = false;
  private solicitedBytes = 0;

  constructor(
    connection: InitiatorConnection,
    terms: Negotiated,
    initiatorTaskTag: number,
    cdb: Buffer,
    options: TaskOptions,
  ) {
    this.connection = connection;
    this.terms = terms;
    this.initiatorTaskTag = initiatorTaskTag;
    this.cdb = cdb;
    this.options = options;
    this.dataOut = options.dataOut ?? Buffer.alloc(0);
    this.received = Buffer.alloc(options.dataIn ?? 0);
  }

  /** The data-in buffer as far as it was filled. */
  get dataIn(): Buffer {
    return this.received.subarray(0, this.receivedBytes);
  }

  get isRead(): boolean {
    return this.received.length > 0;
  }

  /** Sense key << 16 | ASC << 8 | ASCQ of fixed format sense data, -1 without. */
  get senseCode(): number {
    const { sense } = this;
    return sense.length < 14 ? -1 : ((sense[2]! & 0x0f) << 16) | (sense[12]! << 8) | sense[13]!;
  }

  /** Sends the command with its immediate data, then the unsolicited Data-Out. */
  send(cmdSN: number): void {
    this.cmdSN = cmdSN;
    this.isSent = true;
    const { dataOut, terms, options } = this;
    const firstBurst = Math.min(terms.firstBurstLength, dataOut.length);
    const immediateMax = terms.immediateData ? Math.min(firstBurst, terms.targetSegmentBytes) : 0;
    const immediateBytes = options.immediateBytes ?? immediateMax;
    const unsolicitedBytes = options.unsolicitedBytes ?? (terms.initialR2T ? immediateBytes : firstBurst);
    this.sendCommand(dataOut.subarray(0, immediateBytes), unsolicitedBytes <= immediateBytes);
    if (unsolicitedBytes > immediateBytes) this.sendBurst(NO_TAG, immediateBytes, unsolicitedBytes);
    this.solicitedBytes = Math.max(immediateBytes, unsolicitedBytes);
  }

  /** Answers the oldest R2T that waits, in full. */
  answerR2t(): void {
    const r2t = this.r2ts.shift();
    if (r2t === undefined) throw new Error('no R2T waits');
    this.sendBurst(r2t.targetTransferTag, r2t.offset, r2t.offset + r2t.length);
  }

  /** One Data-Out PDU with the fields of the caller's choice. */
  sendDataOut(targetTransferTag: number, dataSN: number, offset: number, data: Buffer, isFinal: boolean): void {
    const { lunHigh = 0, lunLow = 0 } = this.options;
    const pdu = new OutgoingPdu();
    pdu.data = data;
    const { initiatorTaskTag: tag, connection } = this;
    const expStatSN = connection.expStatSN ?? 0;
    const isLunSent = targetTransferTag !== NO_TAG; // 11.7.4: the LUN goes along with a valid TTT
    const [high, low] = isLunSent ? [lunHigh, lunLow] : [0, 0];
    writeDataOut(pdu.view, 0, isFinal, high, low, tag, targetTransferTag, expStatSN, dataSN, offset, data.length);
    connection.send(pdu);
  }

  /** It ends without a response. */
  abandon(): void {
    if (!this.isDone) this.finish();
  }

  onReject(reason: number): void {
    this.rejectReason = reason;
    if (!this.isDone) this.finish();
  }

  onR2t({ bhs }: IncomingPdu): void {
    const { lunHigh = 0, lunLow = 0 } = this.options;
    const { bufferOffset, desiredDataTransferLength: length, targetTransferTag } = bhs;
    demand(bhs.r2tSN === this.r2tCount, `11.8.3: R2TSN ${bhs.r2tSN} where ${this.r2tCount} is next`);
    this.r2tCount += 1;
    demand(bhs.lunHigh === lunHigh && bhs.lunLow === lunLow, '11.8: an R2T carries the LUN of its command');
    demand(bhs.isFinal, '11.8: F is set');
    demand(targetTransferTag !== NO_TAG, '11.8.5: an R2T has a Target Transfer Tag');
    demand(bufferOffset === this.solicitedBytes, '13.19: R2Ts ask in order and leave nothing out');
    demand(length > 0 && length <= this.terms.maxBurstLength, '11.8.4: at most MaxBurstLength is asked for');
    demand(bufferOffset + length <= this.dataOut.length, '11.8: an R2T asks for what the buffer holds');
    this.solicitedBytes += length;
    demand(!this.r2ts.some((other) => other.targetTransferTag === targetTransferTag), '11.8.5: open tags differ');
    this.r2ts.push({ targetTransferTag, offset: bufferOffset, length });
    demand(this.r2ts.length <= this.terms.maxOutstandingR2T, '13.17: MaxOutstandingR2T');
    if (this.options.holdsR2ts !== true) this.answerR2t();
  }

  onDataIn({ bhs, data }: IncomingPdu): void {
    const hasStatus = (bhs.flags & FLAG_DATA_STATUS) !== 0;
    demand(bhs.dataSN === this.dataInCount, `11.7.5: DataSN ${bhs.dataSN} where ${this.dataInCount} is next`);
    this.dataInCount += 1;
    demand(bhs.bufferOffset === this.receivedBytes, '13.18: Data-In comes in order');
    demand(data.length <= this.connection.settings.maxRecvDataSegmentLength, '13.12: our MaxRecvDataSegmentLength');
    demand(this.receivedBytes + data.length <= this.received.length, '11.7: Data-In fits the buffer');
    demand(data.length > 0, '11.7: a Data-In has data');
    data.copy(this.received, this.receivedBytes);
    this.receivedBytes += data.length;
    this.burstBytes += data.length;
    demand(this.burstBytes <= this.terms.maxBurstLength, '13.13: a sequence ends at MaxBurstLength');
    if (bhs.isFinal) this.burstBytes = 0;
    this.hasOpenSequence = !bhs.isFinal;
    demand(bhs.targetTransferTag === NO_TAG, '11.7.4: the tag is for the A bit alone');
    if (hasStatus) {
      demand(bhs.isFinal, '11.7.3: S goes with F');
      this.finishWith(bhs.flags, bhs.status, bhs.residualCount);
    } else {
      demand((bhs.flags & ~FLAG_FINAL) === 0, '11.7.3: residual flags go with S');
      demand(bhs.status === 0 && bhs.residualCount === 0, '11.7: status and residual go with S');
    }
  }

  onResponse({ bhs, data }: IncomingPdu): void {
    this.response = bhs.response;
    // What failed in the middle of a sequence could not be known when its last PDU went out.
    demand(!this.hasOpenSequence || bhs.status !== 0, '11.7.1: the last Data-In has F');
    if (bhs.response === 0) {
      const count = this.dataInCount + this.r2tCount;
      demand(bhs.expDataSN === count, `11.4.8: ExpDataSN ${bhs.expDataSN} after ${count} PDUs`);
    }
    if (data.length > 0) {
      const senseBytes = data.readUInt16BE(0);
      demand(senseBytes + 2 <= data.length, '11.4.7.1: SenseLength');
      this.sense = data.subarray(2, 2 + senseBytes);
    }
    this.finishWith(bhs.flags, bhs.status, bhs.residualCount);
  }

  private finishWith(flags: number, status: number, residual: number): void {
    this.status = status;
    this.isOverflow = (flags & FLAG_RESIDUAL_OVERFLOW) !== 0;
    this.isUnderflow = (flags & FLAG_RESIDUAL_UNDERFLOW) !== 0;
    this.residual = residual;
    demand(!(this.isOverflow && this.isUnderflow), '11.4.1: O and U exclude each other');
    demand(residual === 0 || this.isOverflow || this.isUnderflow, '11.4.5: a residual count has its flag');
    demand((flags & 0x18) === 0, '11.4.1: bidirectional flags are for bidirectional commands');
    if (status === 0 && this.isRead) {
      const missing = this.isUnderflow ? residual : 0;
      demand(this.receivedBytes + missing === this.received.length, '11.4.5: what did not come is the residual');
    }
    this.finish();
  }

  private finish(): void {
    this.isDone = true;
    this.onDone?.();
  }

  private sendCommand(immediate: Buffer, isFinal: boolean): void {
    const { options, dataOut, received } = this;
    const { lunHigh = 0, lunLow = 0, attribute = 1, isImmediate = false, ahs } = options;
    const isWrite = options.dataOut !== undefined;
    const flags = (isFinal ? FLAG_FINAL : 0) | (isWrite ? FLAG_COMMAND_WRITE : this.isRead ? FLAG_COMMAND_READ : 0);
    const pdu = new OutgoingPdu();
    pdu.data = immediate;
    if (ahs !== undefined) pdu.ahs = ahs;
    writeScsiCommand(
      pdu.view,
      0,
      isImmediate,
      flags | attribute,
      lunHigh,
      lunLow,
      this.initiatorTaskTag,
      isWrite ? dataOut.length : received.length,
      this.cmdSN,
      this.connection.expStatSN ?? 0,
      pdu.ahs.length,
      immediate.length,
    );
    this.cdb.copy(pdu.header, COMMAND_CDB, 0, COMMAND_CDB_BYTES);
    this.connection.send(pdu);
  }

  private sendBurst(targetTransferTag: number, start: number, end: number): void {
    const size = Math.min(this.terms.targetSegmentBytes, this.options.segmentBytes ?? this.terms.targetSegmentBytes);
    let dataSN = 0;
    for (let at = start; at < end; at += size) {
      const next = Math.min(at + size, end);
      this.sendDataOut(targetTransferTag, dataSN, at, this.dataOut.subarray(at, next), next === end);
      dataSN += 1;
    }
  }
}

/**
 * The Basic Header Segment (RFC 7143 11.2.1): where every field of every PDU stands, and a record that reads one header
 * of either direction in a dozen loads. The offsets below are the only place where the layout is written down; readers
 * here and the writers in encode.ts and encode-initiator.ts both use them. All numbers are big-endian and unsigned.
 */
import {
  COMMAND_ATTRIBUTE_MASK,
  FLAG_FINAL,
  FLAG_TEXT_CONTINUE,
  LOGIN_CSG_SHIFT,
  LOGIN_STAGE_MASK,
  LOGOUT_REASON_MASK,
  NO_TAG,
  OPCODE_IMMEDIATE,
  OPCODE_MASK,
  SNACK_TYPE_MASK,
  TMF_FUNCTION_MASK,
} from './constants.ts';

/** The length of every header without its additional segments (11.2.1). */
export const BHS_BYTES = 48;

// 11.2.1 all PDUs
export const BHS_OPCODE = 0;
export const BHS_FLAGS = 1;
/** TotalAHSLength in 4-byte words in the high byte, DataSegmentLength in bytes in the low three. */
export const BHS_LENGTHS = 4;
export const BHS_LUN_HIGH = 8;
export const BHS_LUN_LOW = 12;
export const BHS_INITIATOR_TASK_TAG = 16;

// 11.3 SCSI Command, and every numbered initiator PDU
export const COMMAND_EXPECTED_DATA_TRANSFER_LENGTH = 20;
export const INITIATOR_CMD_SN = 24;
export const INITIATOR_EXP_STAT_SN = 28;
export const COMMAND_CDB = 32;
export const COMMAND_CDB_BYTES = 16;

// 11.4 SCSI Response, and every target PDU with a status number
export const RESPONSE_RESPONSE = 2;
export const RESPONSE_STATUS = 3;
export const RESPONSE_SNACK_TAG = 20;
export const TARGET_STAT_SN = 24;
export const TARGET_EXP_CMD_SN = 28;
export const TARGET_MAX_CMD_SN = 32;
export const RESPONSE_EXP_DATA_SN = 36;
export const RESPONSE_BIDI_READ_RESIDUAL_COUNT = 40;
export const RESPONSE_RESIDUAL_COUNT = 44;

// 11.5 Task Management Function Request; 11.6 its response code stands at RESPONSE_RESPONSE
export const TMF_REFERENCED_TASK_TAG = 20;
export const TMF_REF_CMD_SN = 32;
export const TMF_EXP_DATA_SN = 36;

// 11.7 Data-Out and Data-In
export const TARGET_TRANSFER_TAG = 20;
export const DATA_SN = 36;
export const DATA_BUFFER_OFFSET = 40;
export const DATA_RESIDUAL_COUNT = 44;

// 11.8 Ready To Transfer
export const R2T_SN = 36;
export const R2T_BUFFER_OFFSET = 40;
export const R2T_DESIRED_DATA_TRANSFER_LENGTH = 44;

// 11.9 Asynchronous Message
/** AsyncEvent, AsyncVCode and the uint16 Parameter1. */
export const ASYNC_EVENT = 36;
/** uint16 Parameter2 and Parameter3. */
export const ASYNC_PARAMETERS = 40;

// 11.12 Login Request, 11.13 Login Response
export const LOGIN_VERSION_MAX = 2;
/** Version-min of a request, Version-active of a response. */
export const LOGIN_VERSION_MIN = 3;
/** ISID, 6 bytes, followed by the uint16 TSIH. */
export const LOGIN_ISID = 8;
export const LOGIN_ISID_LOW_AND_TSIH = 12;
export const LOGIN_CID = 20;
/** Status-Class and Status-Detail, one byte each. */
export const LOGIN_STATUS = 36;

// 11.14 Logout Request, 11.15 Logout Response
export const LOGOUT_CID = 20;
/** uint16 Time2Wait and Time2Retain. */
export const LOGOUT_TIMES = 40;

// 11.16 SNACK Request
export const SNACK_BEG_RUN = 40;
export const SNACK_RUN_LENGTH = 44;

// 11.17 Reject
export const REJECT_REASON = 2;
export const REJECT_DATA_SN = 36;

/**
 * One decoded header. `decode` loads all words without asking for the opcode; the getters give a word the name that it
 * has in the PDU at hand, so asking for a field the PDU does not have gives the word that stands there. One record per
 * connection is reused for every PDU.
 */
export class Bhs {
  opcode = 0;
  isImmediate = false;
  /** Byte 1 as it came. */
  flags = 0;
  byte2 = 0;
  byte3 = 0;
  totalAhsBytes = 0;
  dataSegmentBytes = 0;
  lunHigh = 0;
  lunLow = 0;
  initiatorTaskTag = NO_TAG;
  word20 = NO_TAG;
  word24 = NO_TAG;
  word28 = NO_TAG;
  word32 = NO_TAG;
  word36 = NO_TAG;
  word40 = NO_TAG;
  word44 = NO_TAG;

  /** Reads 48 bytes at `offset`; `view` covers the same memory as `bytes`, from the same start. */
  decode(bytes: Uint8Array, view: DataView, offset: number): void {
    const byte0 = bytes[offset + BHS_OPCODE]!;
    this.opcode = byte0 & OPCODE_MASK;
    this.isImmediate = (byte0 & OPCODE_IMMEDIATE) !== 0;
    this.flags = bytes[offset + BHS_FLAGS]!;
    this.byte2 = bytes[offset + RESPONSE_RESPONSE]!;
    this.byte3 = bytes[offset + RESPONSE_STATUS]!;
    const lengths = view.getUint32(offset + BHS_LENGTHS);
    this.totalAhsBytes = (lengths >>> 24) * 4;
    this.dataSegmentBytes = lengths & 0xffffff;
    this.lunHigh = view.getUint32(offset + BHS_LUN_HIGH);
    this.lunLow = view.getUint32(offset + BHS_LUN_LOW);
    this.initiatorTaskTag = view.getUint32(offset + BHS_INITIATOR_TASK_TAG);
    this.word20 = view.getUint32(offset + 20);
    this.word24 = view.getUint32(offset + 24);
    this.word28 = view.getUint32(offset + 28);
    this.word32 = view.getUint32(offset + 32);
    this.word36 = view.getUint32(offset + 36);
    this.word40 = view.getUint32(offset + 40);
    this.word44 = view.getUint32(offset + 44);
  }

  get isFinal(): boolean {
    return (this.flags & FLAG_FINAL) !== 0;
  }
  /** The C bit of Text and Login PDUs. */
  get isContinued(): boolean {
    return (this.flags & FLAG_TEXT_CONTINUE) !== 0;
  }

  // Numbers of initiator PDUs
  get cmdSN(): number {
    return this.word24;
  }
  get expStatSN(): number {
    return this.word28;
  }

  // Numbers of target PDUs
  get statSN(): number {
    return this.word24;
  }
  get expCmdSN(): number {
    return this.word28;
  }
  get maxCmdSN(): number {
    return this.word32;
  }

  // SCSI Command
  get expectedDataTransferLength(): number {
    return this.word20;
  }
  get taskAttribute(): number {
    return this.flags & COMMAND_ATTRIBUTE_MASK;
  }

  // SCSI Response and Task Management Function Response; status also in Data-In with S
  get response(): number {
    return this.byte2;
  }
  get status(): number {
    return this.byte3;
  }
  get expDataSN(): number {
    return this.word36;
  }
  get bidiReadResidualCount(): number {
    return this.word40;
  }
  get residualCount(): number {
    return this.word44;
  }

  // Task Management Function Request; expDataSN stands at the same place as in a SCSI Response
  get taskManagementFunction(): number {
    return this.flags & TMF_FUNCTION_MASK;
  }
  get referencedTaskTag(): number {
    return this.word20;
  }
  get refCmdSN(): number {
    return this.word32;
  }

  // Data-Out, Data-In, R2T, NOP and Text
  get targetTransferTag(): number {
    return this.word20;
  }
  get dataSN(): number {
    return this.word36;
  }
  get r2tSN(): number {
    return this.word36;
  }
  get bufferOffset(): number {
    return this.word40;
  }
  get desiredDataTransferLength(): number {
    return this.word44;
  }

  // Asynchronous Message
  get asyncEvent(): number {
    return this.word36 >>> 24;
  }
  get asyncVCode(): number {
    return (this.word36 >>> 16) & 0xff;
  }
  get parameter1(): number {
    return this.word36 & 0xffff;
  }
  get parameter2(): number {
    return this.word40 >>> 16;
  }
  get parameter3(): number {
    return this.word40 & 0xffff;
  }

  // Login. The ISID's six bytes are isidHigh (four) and isidLow (two).
  get csg(): number {
    return (this.flags >>> LOGIN_CSG_SHIFT) & LOGIN_STAGE_MASK;
  }
  get nsg(): number {
    return this.flags & LOGIN_STAGE_MASK;
  }
  get versionMax(): number {
    return this.byte2;
  }
  get versionMin(): number {
    return this.byte3;
  }
  get versionActive(): number {
    return this.byte3;
  }
  get isidHigh(): number {
    return this.lunHigh;
  }
  get isidLow(): number {
    return this.lunLow >>> 16;
  }
  get tsih(): number {
    return this.lunLow & 0xffff;
  }
  get cid(): number {
    return this.word20 >>> 16;
  }
  /** Status-Class << 8 | Status-Detail. */
  get loginStatus(): number {
    return this.word36 >>> 16;
  }

  // Logout
  get logoutReason(): number {
    return this.flags & LOGOUT_REASON_MASK;
  }
  get time2Wait(): number {
    return this.word40 >>> 16;
  }
  get time2Retain(): number {
    return this.word40 & 0xffff;
  }

  // SNACK
  get snackType(): number {
    return this.flags & SNACK_TYPE_MASK;
  }
  get begRun(): number {
    return this.word40;
  }
  get runLength(): number {
    return this.word44;
  }

  // Reject
  get rejectReason(): number {
    return this.byte2;
  }
}

/**
 * Writers for the Basic Header Segments a target sends (RFC 7143 11). Each overwrites all 48 bytes at `offset`, so a
 * pooled buffer keeps nothing of its former owner, and allocates nothing. The offsets are those of bhs.ts. A StatSN that
 * the PDU carries but does not consume is the caller's next one (4.2.2.2).
 */
import {
  ASYNC_EVENT,
  ASYNC_PARAMETERS,
  BHS_INITIATOR_TASK_TAG,
  BHS_LENGTHS,
  BHS_LUN_HIGH,
  BHS_LUN_LOW,
  BHS_OPCODE,
  DATA_BUFFER_OFFSET,
  DATA_RESIDUAL_COUNT,
  DATA_SN,
  LOGIN_CID,
  LOGIN_ISID,
  LOGIN_ISID_LOW_AND_TSIH,
  LOGIN_STATUS,
  LOGOUT_TIMES,
  R2T_BUFFER_OFFSET,
  R2T_DESIRED_DATA_TRANSFER_LENGTH,
  R2T_SN,
  REJECT_DATA_SN,
  RESPONSE_BIDI_READ_RESIDUAL_COUNT,
  RESPONSE_EXP_DATA_SN,
  RESPONSE_RESIDUAL_COUNT,
  RESPONSE_SNACK_TAG,
  TARGET_EXP_CMD_SN,
  TARGET_MAX_CMD_SN,
  TARGET_STAT_SN,
  TARGET_TRANSFER_TAG,
} from './bhs.ts';
import {
  DATA_SEGMENT_BYTES_MAX,
  FLAG_DATA_STATUS,
  FLAG_FINAL,
  FLAG_LOGIN_CONTINUE,
  FLAG_LOGIN_TRANSIT,
  FLAG_TEXT_CONTINUE,
  ISCSI_VERSION,
  LOGIN_CSG_SHIFT,
  NO_TAG,
  OP_ASYNC_MESSAGE,
  OP_DATA_IN,
  OP_LOGIN_RESPONSE,
  OP_LOGOUT_RESPONSE,
  OP_NOP_IN,
  OP_R2T,
  OP_REJECT,
  OP_SCSI_RESPONSE,
  OP_TASK_MANAGEMENT_RESPONSE,
  OP_TEXT_RESPONSE,
} from './constants.ts';

/**
 * 11.4 SCSI Response.
 * @param residualFlags FLAG_RESIDUAL_OVERFLOW or FLAG_RESIDUAL_UNDERFLOW (or the bidirectional ones), 0 without residual
 * @param expDataSN Data-In and R2T PDUs that were sent for the command
 */
export function writeScsiResponse(
  view: DataView,
  offset: number,
  initiatorTaskTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  response: number,
  status: number,
  residualFlags: number,
  residualCount: number,
  expDataSN: number,
  dataSegmentBytes: number,
): void {
  writeHead(view, offset, OP_SCSI_RESPONSE, FLAG_FINAL | residualFlags, response, status, dataSegmentBytes);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + RESPONSE_SNACK_TAG, 0);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + RESPONSE_EXP_DATA_SN, expDataSN);
  view.setUint32(offset + RESPONSE_BIDI_READ_RESIDUAL_COUNT, 0);
  view.setUint32(offset + RESPONSE_RESIDUAL_COUNT, residualCount);
}

/** 11.6 Task Management Function Response. */
export function writeTaskManagementResponse(
  view: DataView,
  offset: number,
  initiatorTaskTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  response: number,
): void {
  writeHead(view, offset, OP_TASK_MANAGEMENT_RESPONSE, FLAG_FINAL, response, 0, 0);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + 20, 0);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  writeRest(view, offset, 0, 0, 0);
}

/** 11.7 Data-In without status and without a request for acknowledgement, so StatSN and LUN are reserved. */
export function writeDataIn(
  view: DataView,
  offset: number,
  initiatorTaskTag: number,
  expCmdSN: number,
  maxCmdSN: number,
  dataSN: number,
  bufferOffset: number,
  dataSegmentBytes: number,
  isFinal: boolean,
): void {
  writeHead(view, offset, OP_DATA_IN, isFinal ? FLAG_FINAL : 0, 0, 0, dataSegmentBytes);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + TARGET_TRANSFER_TAG, NO_TAG);
  writeNumbers(view, offset, 0, expCmdSN, maxCmdSN);
  view.setUint32(offset + DATA_SN, dataSN);
  view.setUint32(offset + DATA_BUFFER_OFFSET, bufferOffset);
  view.setUint32(offset + DATA_RESIDUAL_COUNT, 0);
}

/** 11.7 the last Data-In of a command, F and S set: status and residual ride on it (11.7.3). */
export function writeDataInWithStatus(
  view: DataView,
  offset: number,
  initiatorTaskTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  dataSN: number,
  bufferOffset: number,
  dataSegmentBytes: number,
  status: number,
  residualFlags: number,
  residualCount: number,
): void {
  writeHead(view, offset, OP_DATA_IN, FLAG_FINAL | FLAG_DATA_STATUS | residualFlags, 0, status, dataSegmentBytes);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + TARGET_TRANSFER_TAG, NO_TAG);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + DATA_SN, dataSN);
  view.setUint32(offset + DATA_BUFFER_OFFSET, bufferOffset);
  view.setUint32(offset + DATA_RESIDUAL_COUNT, residualCount);
}

/** 11.8 Ready To Transfer. `statSN` is the next one and is not consumed. */
export function writeR2t(
  view: DataView,
  offset: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  r2tSN: number,
  bufferOffset: number,
  desiredDataTransferLength: number,
): void {
  writeHead(view, offset, OP_R2T, FLAG_FINAL, 0, 0, 0);
  writeLun(view, offset, lunHigh, lunLow);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + R2T_SN, r2tSN);
  view.setUint32(offset + R2T_BUFFER_OFFSET, bufferOffset);
  view.setUint32(offset + R2T_DESIRED_DATA_TRANSFER_LENGTH, desiredDataTransferLength);
}

/** 11.9 Asynchronous Message. */
export function writeAsyncMessage(
  view: DataView,
  offset: number,
  lunHigh: number,
  lunLow: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  asyncEvent: number,
  asyncVCode: number,
  parameter1: number,
  parameter2: number,
  parameter3: number,
  dataSegmentBytes: number,
): void {
  writeHead(view, offset, OP_ASYNC_MESSAGE, FLAG_FINAL, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, NO_TAG);
  view.setUint32(offset + 20, 0);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + ASYNC_EVENT, (asyncEvent << 24) | (asyncVCode << 16) | parameter1);
  view.setUint32(offset + ASYNC_PARAMETERS, (parameter2 << 16) | parameter3);
  view.setUint32(offset + 44, 0);
}

/** 11.11 Text Response; `targetTransferTag` is NO_TAG exactly when F is set. */
export function writeTextResponse(
  view: DataView,
  offset: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  isFinal: boolean,
  isContinued: boolean,
  dataSegmentBytes: number,
): void {
  const flags = (isFinal ? FLAG_FINAL : 0) | (isContinued ? FLAG_TEXT_CONTINUE : 0);
  writeHead(view, offset, OP_TEXT_RESPONSE, flags, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  writeRest(view, offset, 0, 0, 0);
}

/**
 * 11.13 Login Response.
 * @param isidHigh the first four bytes of the ISID
 * @param isidLow its last two bytes
 * @param status Status-Class << 8 | Status-Detail; with a class other than 0 the stages are written as given
 */
export function writeLoginResponse(
  view: DataView,
  offset: number,
  isTransit: boolean,
  isContinued: boolean,
  csg: number,
  nsg: number,
  isidHigh: number,
  isidLow: number,
  tsih: number,
  initiatorTaskTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  status: number,
  dataSegmentBytes: number,
): void {
  const stages = (csg << LOGIN_CSG_SHIFT) | (isTransit ? nsg : 0); // NSG is reserved without T (11.13.3)
  const flags = (isTransit ? FLAG_LOGIN_TRANSIT : 0) | (isContinued ? FLAG_LOGIN_CONTINUE : 0) | stages;
  writeHead(view, offset, OP_LOGIN_RESPONSE, flags, ISCSI_VERSION, ISCSI_VERSION, dataSegmentBytes);
  view.setUint32(offset + LOGIN_ISID, isidHigh);
  view.setUint32(offset + LOGIN_ISID_LOW_AND_TSIH, (isidLow << 16) | tsih);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + LOGIN_CID, 0); // reserved in a response
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + LOGIN_STATUS, status << 16);
  view.setUint32(offset + 40, 0);
  view.setUint32(offset + 44, 0);
}

/** 11.15 Logout Response; the times are seconds and reserved (0) unless the response is 0. */
export function writeLogoutResponse(
  view: DataView,
  offset: number,
  initiatorTaskTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  response: number,
  time2Wait: number,
  time2Retain: number,
): void {
  writeHead(view, offset, OP_LOGOUT_RESPONSE, FLAG_FINAL, response, 0, 0);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + 20, 0);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + 36, 0);
  view.setUint32(offset + LOGOUT_TIMES, (time2Wait << 16) | time2Retain);
  view.setUint32(offset + 44, 0);
}

/** 11.17 Reject; the data segment is the rejected PDU's header. `dataSN` is 0 but for a rejected Data/R2T SNACK. */
export function writeReject(
  view: DataView,
  offset: number,
  reason: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  dataSN: number,
  dataSegmentBytes: number,
): void {
  writeHead(view, offset, OP_REJECT, FLAG_FINAL, reason, 0, dataSegmentBytes);
  writeLun(view, offset, 0, 0);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, NO_TAG);
  view.setUint32(offset + 20, 0);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  view.setUint32(offset + REJECT_DATA_SN, dataSN);
  view.setUint32(offset + 40, 0);
  view.setUint32(offset + 44, 0);
}

/**
 * 11.19 NOP-In: an answer (tag of the NOP-Out, NO_TAG as transfer tag) or a ping (NO_TAG, and a transfer tag when an
 * answer is wanted).
 */
export function writeNopIn(
  view: DataView,
  offset: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  statSN: number,
  expCmdSN: number,
  maxCmdSN: number,
  dataSegmentBytes: number,
): void {
  writeHead(view, offset, OP_NOP_IN, FLAG_FINAL, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
  writeNumbers(view, offset, statSN, expCmdSN, maxCmdSN);
  writeRest(view, offset, 0, 0, 0);
}

function writeHead(
  view: DataView,
  offset: number,
  byte0: number,
  flags: number,
  byte2: number,
  byte3: number,
  dataSegmentBytes: number,
): void {
  view.setUint32(offset + BHS_OPCODE, (byte0 << 24) | (flags << 16) | (byte2 << 8) | byte3);
  view.setUint32(offset + BHS_LENGTHS, dataSegmentBytes & DATA_SEGMENT_BYTES_MAX); // a target sends no AHS
}

function writeLun(view: DataView, offset: number, lunHigh: number, lunLow: number): void {
  view.setUint32(offset + BHS_LUN_HIGH, lunHigh);
  view.setUint32(offset + BHS_LUN_LOW, lunLow);
}

function writeNumbers(view: DataView, offset: number, statSN: number, expCmdSN: number, maxCmdSN: number): void {
  view.setUint32(offset + TARGET_STAT_SN, statSN);
  view.setUint32(offset + TARGET_EXP_CMD_SN, expCmdSN);
  view.setUint32(offset + TARGET_MAX_CMD_SN, maxCmdSN);
}

function writeRest(view: DataView, offset: number, word36: number, word40: number, word44: number): void {
  view.setUint32(offset + 36, word36);
  view.setUint32(offset + 40, word40);
  view.setUint32(offset + 44, word44);
}

/**
 * Writers for the Basic Header Segments an initiator sends (RFC 7143 11), for the initiators of the tests, the benches
 * and the remote backend. Each overwrites all 48 bytes at `offset`; a SCSI Command's CDB is then copied to COMMAND_CDB.
 */
import {
  BHS_INITIATOR_TASK_TAG,
  BHS_LENGTHS,
  BHS_LUN_HIGH,
  BHS_LUN_LOW,
  BHS_OPCODE,
  COMMAND_EXPECTED_DATA_TRANSFER_LENGTH,
  DATA_BUFFER_OFFSET,
  DATA_SN,
  INITIATOR_CMD_SN,
  INITIATOR_EXP_STAT_SN,
  LOGIN_CID,
  LOGIN_ISID,
  LOGIN_ISID_LOW_AND_TSIH,
  LOGOUT_CID,
  SNACK_BEG_RUN,
  SNACK_RUN_LENGTH,
  TARGET_TRANSFER_TAG,
  TMF_EXP_DATA_SN,
  TMF_REF_CMD_SN,
  TMF_REFERENCED_TASK_TAG,
} from './bhs.ts';
import {
  DATA_SEGMENT_BYTES_MAX,
  FLAG_FINAL,
  FLAG_LOGIN_CONTINUE,
  FLAG_LOGIN_TRANSIT,
  FLAG_TEXT_CONTINUE,
  LOGIN_CSG_SHIFT,
  OP_DATA_OUT,
  OP_LOGIN_REQUEST,
  OP_LOGOUT_REQUEST,
  OP_NOP_OUT,
  OP_SCSI_COMMAND,
  OP_SNACK_REQUEST,
  OP_TASK_MANAGEMENT_REQUEST,
  OP_TEXT_REQUEST,
  OPCODE_IMMEDIATE,
} from './constants.ts';

/**
 * 11.3 SCSI Command with a CDB of zeros.
 * @param flags FLAG_FINAL, FLAG_COMMAND_READ, FLAG_COMMAND_WRITE and the task attribute
 * @param totalAhsBytes a multiple of 4
 */
export function writeScsiCommand(
  view: DataView,
  offset: number,
  isImmediate: boolean,
  flags: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  expectedDataTransferLength: number,
  cmdSN: number,
  expStatSN: number,
  totalAhsBytes: number,
  dataSegmentBytes: number,
): void {
  clearRest(view, offset);
  writeHead(view, offset, OP_SCSI_COMMAND | immediateBit(isImmediate), flags, 0, 0, dataSegmentBytes);
  view.setUint8(offset + BHS_LENGTHS, totalAhsBytes / 4);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + COMMAND_EXPECTED_DATA_TRANSFER_LENGTH, expectedDataTransferLength);
}

/** 11.5 Task Management Function Request. */
export function writeTaskManagementRequest(
  view: DataView,
  offset: number,
  isImmediate: boolean,
  taskManagementFunction: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  referencedTaskTag: number,
  cmdSN: number,
  expStatSN: number,
  refCmdSN: number,
  expDataSN: number,
): void {
  clearRest(view, offset);
  const byte0 = OP_TASK_MANAGEMENT_REQUEST | immediateBit(isImmediate);
  writeHead(view, offset, byte0, FLAG_FINAL | taskManagementFunction, 0, 0, 0);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + TMF_REFERENCED_TASK_TAG, referencedTaskTag);
  view.setUint32(offset + TMF_REF_CMD_SN, refCmdSN);
  view.setUint32(offset + TMF_EXP_DATA_SN, expDataSN);
}

/** 11.7 Data-Out. */
export function writeDataOut(
  view: DataView,
  offset: number,
  isFinal: boolean,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  expStatSN: number,
  dataSN: number,
  bufferOffset: number,
  dataSegmentBytes: number,
): void {
  clearRest(view, offset);
  writeHead(view, offset, OP_DATA_OUT, isFinal ? FLAG_FINAL : 0, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, 0, expStatSN); // Data-Out carries no CmdSN
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
  view.setUint32(offset + DATA_SN, dataSN);
  view.setUint32(offset + DATA_BUFFER_OFFSET, bufferOffset);
}

/** 11.10 Text Request. */
export function writeTextRequest(
  view: DataView,
  offset: number,
  isImmediate: boolean,
  isFinal: boolean,
  isContinued: boolean,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  cmdSN: number,
  expStatSN: number,
  dataSegmentBytes: number,
): void {
  clearRest(view, offset);
  const flags = (isFinal ? FLAG_FINAL : 0) | (isContinued ? FLAG_TEXT_CONTINUE : 0);
  writeHead(view, offset, OP_TEXT_REQUEST | immediateBit(isImmediate), flags, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
}

/** 11.12 Login Request; always immediate. */
export function writeLoginRequest(
  view: DataView,
  offset: number,
  isTransit: boolean,
  isContinued: boolean,
  csg: number,
  nsg: number,
  versionMax: number,
  versionMin: number,
  isidHigh: number,
  isidLow: number,
  tsih: number,
  initiatorTaskTag: number,
  cid: number,
  cmdSN: number,
  expStatSN: number,
  dataSegmentBytes: number,
): void {
  clearRest(view, offset);
  const stages = (csg << LOGIN_CSG_SHIFT) | (isTransit ? nsg : 0);
  const flags = (isTransit ? FLAG_LOGIN_TRANSIT : 0) | (isContinued ? FLAG_LOGIN_CONTINUE : 0) | stages;
  writeHead(view, offset, OP_LOGIN_REQUEST | OPCODE_IMMEDIATE, flags, versionMax, versionMin, dataSegmentBytes);
  view.setUint32(offset + LOGIN_ISID, isidHigh);
  view.setUint32(offset + LOGIN_ISID_LOW_AND_TSIH, (isidLow << 16) | tsih);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + LOGIN_CID, cid << 16);
}

/** 11.14 Logout Request. */
export function writeLogoutRequest(
  view: DataView,
  offset: number,
  isImmediate: boolean,
  logoutReason: number,
  initiatorTaskTag: number,
  cid: number,
  cmdSN: number,
  expStatSN: number,
): void {
  clearRest(view, offset);
  writeHead(view, offset, OP_LOGOUT_REQUEST | immediateBit(isImmediate), FLAG_FINAL | logoutReason, 0, 0, 0);
  writeLun(view, offset, 0, 0);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + LOGOUT_CID, cid << 16);
}

/** 11.16 SNACK Request. */
export function writeSnackRequest(
  view: DataView,
  offset: number,
  snackType: number,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  expStatSN: number,
  begRun: number,
  runLength: number,
): void {
  clearRest(view, offset);
  writeHead(view, offset, OP_SNACK_REQUEST, FLAG_FINAL | snackType, 0, 0, 0);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, 0, expStatSN); // SNACK carries no CmdSN
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
  view.setUint32(offset + SNACK_BEG_RUN, begRun);
  view.setUint32(offset + SNACK_RUN_LENGTH, runLength);
}

/** 11.18 NOP-Out: a ping (own tag, NO_TAG as transfer tag) or the answer to a NOP-In (NO_TAG, its transfer tag). */
export function writeNopOut(
  view: DataView,
  offset: number,
  isImmediate: boolean,
  lunHigh: number,
  lunLow: number,
  initiatorTaskTag: number,
  targetTransferTag: number,
  cmdSN: number,
  expStatSN: number,
  dataSegmentBytes: number,
): void {
  clearRest(view, offset);
  writeHead(view, offset, OP_NOP_OUT | immediateBit(isImmediate), FLAG_FINAL, 0, 0, dataSegmentBytes);
  writeLun(view, offset, lunHigh, lunLow);
  writeTags(view, offset, initiatorTaskTag, cmdSN, expStatSN);
  view.setUint32(offset + TARGET_TRANSFER_TAG, targetTransferTag);
}

function immediateBit(isImmediate: boolean): number {
  return isImmediate ? OPCODE_IMMEDIATE : 0;
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
  view.setUint32(offset + BHS_LENGTHS, dataSegmentBytes & DATA_SEGMENT_BYTES_MAX);
}

function writeLun(view: DataView, offset: number, lunHigh: number, lunLow: number): void {
  view.setUint32(offset + BHS_LUN_HIGH, lunHigh);
  view.setUint32(offset + BHS_LUN_LOW, lunLow);
}

function writeTags(view: DataView, offset: number, initiatorTaskTag: number, cmdSN: number, expStatSN: number): void {
  view.setUint32(offset + BHS_INITIATOR_TASK_TAG, initiatorTaskTag);
  view.setUint32(offset + INITIATOR_CMD_SN, cmdSN);
  view.setUint32(offset + INITIATOR_EXP_STAT_SN, expStatSN);
}

function clearRest(view: DataView, offset: number): void {
  view.setUint32(offset + 20, 0);
  view.setUint32(offset + 32, 0);
  view.setUint32(offset + 36, 0);
  view.setUint32(offset + 40, 0);
  view.setUint32(offset + 44, 0);
}

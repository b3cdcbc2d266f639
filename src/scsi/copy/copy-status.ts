/**
 * What can be asked about copies: RECEIVE COPY STATUS(LID1) (SPC-4 6.25) and (LID4) (6.24), RECEIVE COPY FAILURE
 * DETAILS(LID1) (6.23), RECEIVE ROD TOKEN INFORMATION (6.28, SBC-3 5.22), RECEIVE COPY OPERATING PARAMETERS (6.22).
 * A final status is told once, whole; then it is discarded.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import { encodeDescriptorSense, encodeFixedSense, SENSE_BYTES_MAX } from '../sense.ts';
import type { Task } from '../task/task.ts';
import {
  COPIES_MAX,
  COPIES_PER_NEXUS_MAX,
  COPY_SEGMENT_BYTES_MAX,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  IMPLEMENTED_DESCRIPTORS,
  INLINE_DATA_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';
import type { CopyRecord } from './copy-log.ts';
import { COPY_COMPLETED } from './copy-log.ts';

export function receiveCopyStatusLid1(task: Task): void {
  answer(task, task.command.cdb[LIST_IDENTIFIER]!, writeLid1Status);
}

export function receiveCopyStatusLid4(task: Task): void {
  answer(task, task.command.cdbView.getUint32(LIST_IDENTIFIER), writeLid4Status);
}

/** Of copies that failed alone: for another there is nothing to tell, and its status stays. */
export function receiveCopyFailureDetailsLid1(task: Task): void {
  answer(task, task.command.cdb[LIST_IDENTIFIER]!, writeFailureDetails, isFailed);
}

export function receiveRodTokenInformation(task: Task): void {
  answer(task, task.command.cdbView.getUint32(LIST_IDENTIFIER), writeRodTokenInformation);
}

export function receiveCopyOperatingParameters(task: Task): void {
  sendParameterData(task, task.command.cdbView.getUint32(ALLOCATION_LENGTH), writeOperatingParameters);
}

// The commands of SPC-4 6.22 to 6.28
const LIST_IDENTIFIER = 2;
const ALLOCATION_LENGTH = 10;
/** AVAILABLE DATA does not count itself. */
const AVAILABLE_DATA_BYTES = 4;

// SPC-4 6.25 parameter data
const LID1_STATUS_BYTES = 12;
const LID1_COPY_MANAGER_STATUS = 4;
const LID1_IN_PROGRESS = 0;
const LID1_COMPLETED_WITH_ERRORS = 2;
const LID1_SEGMENTS_PROCESSED = 5;
const LID1_TRANSFER_COUNT_UNITS = 7;
const LID1_TRANSFER_COUNT = 8;
/** Bytes, then KiB, MiB ... (SPC-4 table 202). */
const TRANSFER_COUNT_UNIT_SHIFT = 10;

// SPC-4 6.23 parameter data
const FAILURE_HEADER_BYTES = 60;
const FAILURE_COPY_COMMAND_STATUS = 56;
const FAILURE_SENSE_DATA_LENGTH = 58;

// SPC-4 6.24 parameter data
const LID4_STATUS_BYTES = 32;
const RESPONSE_TO_SERVICE_ACTION = 4;
const COPY_OPERATION_STATUS = 5;
const OPERATION_COUNTER = 6;
const ESTIMATED_STATUS_UPDATE_DELAY = 8;
const COMPLETION_STATUS = 12;
const SENSE_DATA_FIELD_LENGTH = 13;
const SENSE_DATA_LENGTH = 14;
const TRANSFER_COUNT_UNITS = 15;
const TRANSFER_COUNT = 16;
const SEGMENTS_PROCESSED = 24;
const UNITS_BYTES = 0x00;
const UNITS_LOGICAL_BLOCKS = 0xf1;
/** When to ask again about a copy that runs. */
const STATUS_UPDATE_DELAY_MS = 100;
const STATUS_CHECK_CONDITION = 0x02;

// SPC-4 6.28, behind the sense data
const ROD_TOKEN_DESCRIPTORS_LENGTH_BYTES = 4;
/** ID FOR CREATING ROD CSCD DESCRIPTOR, zero for POPULATE TOKEN. */
const ROD_CSCD_ID_BYTES = 2;

// SPC-4 6.22 parameter data
const PARAMETERS_BYTES = 44;
const SNLID_BYTE = 4;
const SNLID = 0x01;
const MAXIMUM_CSCD_COUNT = 8;
const MAXIMUM_SEGMENT_COUNT = 10;
const MAXIMUM_DESCRIPTOR_LIST_LENGTH = 12;
const MAXIMUM_SEGMENT_LENGTH = 16;
const MAXIMUM_INLINE_DATA_LENGTH = 20;
const TOTAL_CONCURRENT_COPIES = 34;
const MAXIMUM_CONCURRENT_COPIES = 36;
const IMPLEMENTED_DESCRIPTOR_LIST_LENGTH = 43;

type StatusWriter = (task: Task, record: CopyRecord, out: Buffer) => number;

function answer(
  task: Task,
  listIdentifier: number,
  write: StatusWriter,
  isToldOf: (record: CopyRecord) => boolean = always,
): void {
  const { cdbView, nexus } = task.command;
  const log = task.unit.nexusState(nexus).copies;
  const record = log?.find(listIdentifier) ?? null;
  if (log === null || record === null || !isToldOf(record)) {
    task.invalidField(LIST_IDENTIFIER, 7);
    return;
  }
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH);
  sendParameterData(task, allocationLength, (_task, out) => {
    const lengthBytes = write(task, record, out);
    const isTold = lengthBytes <= Math.min(allocationLength, task.command.dataInBytes);
    if (isTold && !record.isRunning && log.find(listIdentifier) === record) log.discard(listIdentifier);
    return lengthBytes;
  });
}

function always(): boolean {
  return true;
}

function isFailed(record: CopyRecord): boolean {
  return record.failure !== null;
}

function writeLid1Status(_task: Task, record: CopyRecord, out: Buffer): number {
  let units = 0;
  let count = record.copiedBytes;
  for (; count > 0xffffffff; units++) count = Math.floor(count / 2 ** TRANSFER_COUNT_UNIT_SHIFT);
  out.fill(0, 0, LID1_STATUS_BYTES);
  out.writeUInt32BE(LID1_STATUS_BYTES - AVAILABLE_DATA_BYTES);
  out[LID1_COPY_MANAGER_STATUS] = lid1StatusOf(record);
  out.writeUInt16BE(record.segmentsProcessed, LID1_SEGMENTS_PROCESSED);
  out[LID1_TRANSFER_COUNT_UNITS] = units;
  out.writeUInt32BE(count, LID1_TRANSFER_COUNT);
  return LID1_STATUS_BYTES;
}

function lid1StatusOf(record: CopyRecord): number {
  if (record.isRunning) return LID1_IN_PROGRESS;
  return record.status === COPY_COMPLETED ? COPY_COMPLETED : LID1_COMPLETED_WITH_ERRORS;
}

function writeFailureDetails(task: Task, record: CopyRecord, out: Buffer): number {
  out.fill(0, 0, FAILURE_HEADER_BYTES);
  const senseBytes = writeSense(task, record, out, FAILURE_HEADER_BYTES);
  const lengthBytes = FAILURE_HEADER_BYTES + senseBytes;
  out.writeUInt32BE(lengthBytes - AVAILABLE_DATA_BYTES);
  out[FAILURE_COPY_COMMAND_STATUS] = LID1_COMPLETED_WITH_ERRORS;
  out.writeUInt16BE(senseBytes, FAILURE_SENSE_DATA_LENGTH);
  return lengthBytes;
}

function writeLid4Status(task: Task, record: CopyRecord, out: Buffer): number {
  const lengthBytes = writeStatus(task, record, out);
  writeCount(out, record.copiedBytes, UNITS_BYTES);
  out.writeUInt32BE(lengthBytes - AVAILABLE_DATA_BYTES);
  return lengthBytes;
}

/** The transfer count is in blocks of the unit (SBC-3 5.22.2). */
function writeRodTokenInformation(task: Task, record: CopyRecord, out: Buffer): number {
  const { rodToken } = record;
  const at = writeStatus(task, record, out);
  writeCount(out, record.copiedBytes / task.unit.blockBytes, UNITS_LOGICAL_BLOCKS);
  const descriptorBytes = rodToken === null ? 0 : ROD_CSCD_ID_BYTES + rodToken.length;
  out.writeUInt32BE(descriptorBytes, at);
  const descriptor = at + ROD_TOKEN_DESCRIPTORS_LENGTH_BYTES;
  out.fill(0, descriptor, descriptor + descriptorBytes);
  if (rodToken !== null) out.set(rodToken, descriptor + ROD_CSCD_ID_BYTES);
  out.writeUInt32BE(descriptor + descriptorBytes - AVAILABLE_DATA_BYTES);
  return descriptor + descriptorBytes;
}

/** All but AVAILABLE DATA and the transfer count. Returns where it ends. */
function writeStatus(task: Task, record: CopyRecord, out: Buffer): number {
  out.fill(0, 0, LID4_STATUS_BYTES + SENSE_BYTES_MAX);
  out[RESPONSE_TO_SERVICE_ACTION] = record.entry.serviceAction;
  out[COPY_OPERATION_STATUS] = record.status;
  out.writeUInt16BE(record.operations & 0xffff, OPERATION_COUNTER);
  out.writeUInt32BE(record.isRunning ? STATUS_UPDATE_DELAY_MS : 0, ESTIMATED_STATUS_UPDATE_DELAY);
  out.writeUInt16BE(record.segmentsProcessed, SEGMENTS_PROCESSED);
  if (record.failure === null) return LID4_STATUS_BYTES;
  out[COMPLETION_STATUS] = STATUS_CHECK_CONDITION;
  out[SENSE_DATA_FIELD_LENGTH] = SENSE_BYTES_MAX;
  out[SENSE_DATA_LENGTH] = writeSense(task, record, out, LID4_STATUS_BYTES);
  return LID4_STATUS_BYTES + SENSE_BYTES_MAX;
}

function writeCount(out: Buffer, count: number, units: number): void {
  out[TRANSFER_COUNT_UNITS] = units;
  out.writeUInt32BE(Math.floor(count / 0x100000000), TRANSFER_COUNT);
  out.writeUInt32BE(count % 0x100000000, TRANSFER_COUNT + 4);
}

function writeSense(task: Task, { failure }: CopyRecord, out: Buffer, at: number): number {
  if (failure === null) return 0;
  const encode = task.unit.modes.isDescriptorSense ? encodeDescriptorSense : encodeFixedSense;
  return encode(failure.senseCode, out, at, failure.information, failure.fieldPointer);
}

/** No data is held, and the granularities are a byte. */
function writeOperatingParameters(_task: Task, out: Buffer): number {
  const lengthBytes = PARAMETERS_BYTES + IMPLEMENTED_DESCRIPTORS.length;
  out.fill(0, 0, lengthBytes);
  out.writeUInt32BE(lengthBytes - 4);
  out[SNLID_BYTE] = SNLID;
  out.writeUInt16BE(CSCD_DESCRIPTORS_MAX, MAXIMUM_CSCD_COUNT);
  out.writeUInt16BE(SEGMENT_DESCRIPTORS_MAX, MAXIMUM_SEGMENT_COUNT);
  out.writeUInt32BE(DESCRIPTOR_LIST_BYTES_MAX, MAXIMUM_DESCRIPTOR_LIST_LENGTH);
  out.writeUInt32BE(COPY_SEGMENT_BYTES_MAX, MAXIMUM_SEGMENT_LENGTH);
  out.writeUInt32BE(INLINE_DATA_BYTES_MAX, MAXIMUM_INLINE_DATA_LENGTH);
  out.writeUInt16BE(COPIES_MAX, TOTAL_CONCURRENT_COPIES);
  out[MAXIMUM_CONCURRENT_COPIES] = COPIES_PER_NEXUS_MAX;
  out[IMPLEMENTED_DESCRIPTOR_LIST_LENGTH] = IMPLEMENTED_DESCRIPTORS.length;
  out.set(IMPLEMENTED_DESCRIPTORS, PARAMETERS_BYTES);
  return lengthBytes;
}

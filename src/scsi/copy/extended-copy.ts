/**
 * EXTENDED COPY(LID1) (SPC-4 6.5), and the commands that ask about copies: RECEIVE COPY STATUS(LID1) (6.25) and RECEIVE COPY
 * OPERATING PARAMETERS (6.22). Copies run in the foreground: status comes when all has been copied.
 */
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import { NO_SENSE_VALUE } from '../command.ts';
import { sendParameterData } from '../parameter-data.ts';
import { receiveParameterList } from '../parameter-list.ts';
import { SENSE_OPERATION_IN_PROGRESS, SENSE_PARAMETER_LIST_LENGTH_ERROR } from '../sense.ts';
import type { Task } from '../task.ts';
import {
  COPIES_MAX,
  COPIES_PER_NEXUS_MAX,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  IMPLEMENTED_DESCRIPTORS,
  INLINE_DATA_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';
import { COPY_IN_PROGRESS, CopyLog, CopyRecord } from './copy-log.ts';
import type { CopyRequest } from './copy-parameters.ts';
import {
  CopyRefusal,
  LIST_ID_DISABLE,
  LIST_ID_HOLD,
  PARAMETER_LIST_HEADER_BYTES,
  parseCopyParameters,
} from './copy-parameters.ts';
import { CopyRun } from './copy-run.ts';

/** SPC-4 6.5: no parameter list is no error, and copies nothing. */
export function extendedCopyLid1(task: Task): void {
  const listLength = task.command.cdbView.getUint32(PARAMETER_LIST_LENGTH);
  if (listLength === 0) task.good();
  else if (listLength < PARAMETER_LIST_HEADER_BYTES || listLength > SEGMENT_BYTES_MAX) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  } else receiveParameterList(task, listLength, readCopyList);
}

/** A final status is told once; then it is discarded. */
export function receiveCopyStatusLid1(task: Task): void {
  const { cdb, cdbView, nexus } = task.command;
  const log = task.unit.nexusState(nexus).copies;
  const record = log?.find(cdb[LIST_IDENTIFIER]!) ?? null;
  if (log === null || record === null) {
    task.invalidField(LIST_IDENTIFIER, 7);
    return;
  }
  sendParameterData(task, cdbView.getUint32(ALLOCATION_LENGTH), (_task, out) => {
    if (record.status !== COPY_IN_PROGRESS) log.discard(record.listIdentifier);
    return buildCopyStatus(record, out);
  });
}

export function receiveCopyOperatingParameters(task: Task): void {
  sendParameterData(task, task.command.cdbView.getUint32(ALLOCATION_LENGTH), buildOperatingParameters);
}

// SPC-4 6.5 EXTENDED COPY(LID1) command
const PARAMETER_LIST_LENGTH = 10;

// SPC-4 6.25 RECEIVE COPY STATUS(LID1), 6.22 RECEIVE COPY OPERATING PARAMETERS
const LIST_IDENTIFIER = 2;
const ALLOCATION_LENGTH = 10;

// SPC-4 6.25 parameter data
const STATUS_BYTES = 12;
const COPY_MANAGER_STATUS = 4;
const SEGMENTS_PROCESSED = 5;
const TRANSFER_COUNT_UNITS = 7;
const TRANSFER_COUNT = 8;
/** Bytes, then KiB, MiB ... (SPC-4 table 202). */
const TRANSFER_COUNT_UNIT_SHIFT = 10;

// SPC-4 6.22 parameter data
const PARAMETERS_BYTES = 44;
const SNLID_BYTE = 4;
const SNLID = 0x01;
const MAXIMUM_CSCD_COUNT = 8;
const MAXIMUM_SEGMENT_COUNT = 10;
const MAXIMUM_DESCRIPTOR_LIST_LENGTH = 12;
const MAXIMUM_INLINE_DATA_LENGTH = 20;
const TOTAL_CONCURRENT_COPIES = 34;
const MAXIMUM_CONCURRENT_COPIES = 36;
const IMPLEMENTED_DESCRIPTOR_LIST_LENGTH = 43;

function readCopyList(task: Task, list: Buffer): void {
  const request = parseCopyParameters(list, task.lunMap);
  if (request instanceof CopyRefusal) task.checkWith(request.senseCode, NO_SENSE_VALUE, request.fieldPointer);
  else startCopy(task, request);
}

/** SPC-4 5.17.4.2: one copy at a time goes under one identifier of one I_T nexus. */
function startCopy(task: Task, request: CopyRequest): void {
  const { listIdentifier, listIdUsage, segments } = request;
  const record = new CopyRecord(listIdentifier, listIdUsage === LIST_ID_HOLD);
  if (listIdUsage === LIST_ID_DISABLE) {
    new CopyRun(task, segments, null, record).start();
    return;
  }
  const state = task.unit.nexusState(task.command.nexus);
  state.copies ??= new CopyLog();
  if (state.copies.isRunning(listIdentifier)) task.check(SENSE_OPERATION_IN_PROGRESS);
  else new CopyRun(task, segments, state.copies, record).start();
}

function buildCopyStatus(record: CopyRecord, out: Buffer): number {
  let units = 0;
  let count = record.copiedBytes;
  for (; count > 0xffffffff; units++) count = Math.floor(count / 2 ** TRANSFER_COUNT_UNIT_SHIFT);
  out.fill(0, 0, STATUS_BYTES);
  out.writeUInt32BE(STATUS_BYTES - 4);
  out[COPY_MANAGER_STATUS] = record.status;
  out.writeUInt16BE(record.segmentsProcessed, SEGMENTS_PROCESSED);
  out[TRANSFER_COUNT_UNITS] = units;
  out.writeUInt32BE(count, TRANSFER_COUNT);
  return STATUS_BYTES;
}

/** MAXIMUM SEGMENT LENGTH zero: no limit but the field's. No data is held, and the granularities are a byte. */
function buildOperatingParameters(_task: Task, out: Buffer): number {
  const lengthBytes = PARAMETERS_BYTES + IMPLEMENTED_DESCRIPTORS.length;
  out.fill(0, 0, lengthBytes);
  out.writeUInt32BE(lengthBytes - 4);
  out[SNLID_BYTE] = SNLID;
  out.writeUInt16BE(CSCD_DESCRIPTORS_MAX, MAXIMUM_CSCD_COUNT);
  out.writeUInt16BE(SEGMENT_DESCRIPTORS_MAX, MAXIMUM_SEGMENT_COUNT);
  out.writeUInt32BE(DESCRIPTOR_LIST_BYTES_MAX, MAXIMUM_DESCRIPTOR_LIST_LENGTH);
  out.writeUInt32BE(INLINE_DATA_BYTES_MAX, MAXIMUM_INLINE_DATA_LENGTH);
  out.writeUInt16BE(COPIES_MAX, TOTAL_CONCURRENT_COPIES);
  out[MAXIMUM_CONCURRENT_COPIES] = COPIES_PER_NEXUS_MAX;
  out[IMPLEMENTED_DESCRIPTOR_LIST_LENGTH] = IMPLEMENTED_DESCRIPTORS.length;
  out.set(IMPLEMENTED_DESCRIPTORS, PARAMETERS_BYTES);
  return lengthBytes;
}

/**
 * SANITIZE (SBC-3 5.24) and FORMAT UNIT (SBC-3 5.3). Both wait until no other command is at work on the medium, then start
 * the unit's MediumErasure; with IMMED status comes when it has begun, else when it has ended.
 *
 * OVERWRITE writes every block. BLOCK ERASE gives all space back to the store, which reads as zeros from then on. CRYPTO
 * ERASE does the same: a store that is not encrypted has no key that could be changed instead.
 */
import { assert } from '../../../util/assert.ts';
import { NO_SENSE_VALUE } from '../../command/command.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import {
  parameterFieldPointer,
  SENSE_INTERNAL_TARGET_FAILURE,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
} from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import { takeMediumAlone } from '../transfer/block-range.ts';
import type { ErasurePlan } from './medium-erasure.ts';

export function sanitizeOverwrite(task: Task): void {
  const listLength = task.command.cdbView.getUint16(PARAMETER_LIST_LENGTH);
  const lengthMax = OVERWRITE_HEADER_BYTES + task.unit.blockBytes;
  if (listLength <= OVERWRITE_HEADER_BYTES || listLength > lengthMax) task.invalidField(PARAMETER_LIST_LENGTH, 7);
  else if (isAgainAllowed(task)) receiveParameterList(task, listLength, readOverwriteList);
}

export function sanitizeErase(task: Task): void {
  if (task.command.cdbView.getUint16(PARAMETER_LIST_LENGTH) !== 0) task.invalidField(PARAMETER_LIST_LENGTH, 7);
  else if (isAgainAllowed(task)) start(task, { ...ZEROS, mayExitFailure: hasFlag(task, AUSE) });
}

/** As an erasure, it waits for everyone else on the medium: none begins while it is being saved that there is none. */
export function sanitizeExitFailureMode(task: Task): void {
  const exit = () => exitFailureMode(task);
  if (task.command.cdbView.getUint16(PARAMETER_LIST_LENGTH) !== 0) task.invalidField(PARAMETER_LIST_LENGTH, 7);
  else if (takeMediumAlone(task, exit)) exit();
}

export function formatUnit(task: Task): void {
  const flags = task.command.cdb[FLAGS]!;
  const headerBytes = (flags & LONGLIST) !== 0 ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
  if ((flags & FMTDATA) !== 0) receiveFormatHeader(task, headerBytes);
  else if ((flags & (LONGLIST | CMPLST)) !== 0) task.invalidField(FLAGS, FMTDATA_BIT);
  else start(task, FORMAT);
}

const FLAGS = 1;

// SBC-3 5.24.1 SANITIZE
const IMMED = 0x80;
const AUSE = 0x20;
const AUSE_BIT = 5;
const SERVICE_ACTION_TOP_BIT = 4;
const PARAMETER_LIST_LENGTH = 7;

// SBC-3 5.24.2.2 OVERWRITE parameter list
const OVERWRITE_HEADER_BYTES = 4;
const OVERWRITE_INVERT = 0x80;
const OVERWRITE_TEST = 0x60;
const OVERWRITE_COUNT_MASK = 0x1f;
const OVERWRITE_PATTERN_LENGTH = 2;

// SBC-3 5.3 FORMAT UNIT
const LONGLIST = 0x20;
const FMTDATA = 0x10;
const FMTDATA_BIT = 4;
const CMPLST = 0x08;

// SBC-3 5.3.2.2 Parameter list header
const SHORT_HEADER_BYTES = 4;
const LONG_HEADER_BYTES = 8;
const PROTECTION_FIELD_USAGE_MASK = 0x07;
const FORMAT_OPTIONS = 1;
const FORMAT_IMMED = 0x02;
const FORMAT_IP = 0x08;
const SHORT_DEFECT_LIST_LENGTH = 2;
const LONG_PROTECTION_INTERVAL = 3;
const LONG_DEFECT_LIST_LENGTH = 4;
// SBC-3 5.3.2.3 Initialization pattern descriptor
const IP_DESCRIPTOR_BYTES = 4;
const IP_TYPE_DEFAULT = 0x00;
const IP_TYPE_REPEAT = 0x01;
const IP_LENGTH = 2;

const ZEROS: ErasurePlan = {
  isFormat: false,
  pattern: null,
  passes: 1,
  isInverting: false,
  mayExitFailure: false,
};
const FORMAT: ErasurePlan = { ...ZEROS, isFormat: true };

function hasFlag(task: Task, flag: number): boolean {
  return (task.command.cdb[FLAGS]! & flag) !== 0;
}

function exitFailureMode(task: Task): void {
  const { erasure } = task.unit;
  const state = erasure.current;
  if (state === null) task.good();
  else if (erasure.isRunning)
    task.check(erasure.senseCode); // it came first
  else if (!state.plan.mayExitFailure) task.invalidField(FLAGS, SERVICE_ACTION_TOP_BIT);
  else {
    task.beginWork();
    erasure.exitFailure((isExited) => {
      if (task.endWork()) endWith(task, isExited);
    });
  }
}

/** SBC-3 4.11.4: after a failure with AUSE zero only an operation with AUSE zero may follow. */
function isAgainAllowed(task: Task): boolean {
  const state = task.unit.erasure.current;
  if (state === null || state.plan.mayExitFailure || !hasFlag(task, AUSE)) return true;
  task.invalidField(FLAGS, AUSE_BIT);
  return false;
}

function invalidParameter(task: Task, byte: number, bit: number = NO_SENSE_VALUE): void {
  task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, parameterFieldPointer(byte, bit));
}

function readOverwriteList(task: Task, list: Buffer): void {
  const flags = list[0]!;
  const passes = flags & OVERWRITE_COUNT_MASK;
  const patternBytes = list.readUInt16BE(OVERWRITE_PATTERN_LENGTH);
  const restBytes = list.length - OVERWRITE_HEADER_BYTES;
  if ((flags & OVERWRITE_TEST) !== 0) invalidParameter(task, 0, 6);
  else if (passes === 0) invalidParameter(task, 0, 4);
  else if (patternBytes === 0 || patternBytes > restBytes) invalidParameter(task, OVERWRITE_PATTERN_LENGTH);
  else {
    const pattern = list.subarray(OVERWRITE_HEADER_BYTES, OVERWRITE_HEADER_BYTES + patternBytes);
    const isInverting = (flags & OVERWRITE_INVERT) !== 0;
    start(task, { isFormat: false, pattern, passes, isInverting, mayExitFailure: hasFlag(task, AUSE) });
  }
}

/** FORMAT UNIT has no length of its list in the CDB: it is what the data-out buffer holds, up to what the header says. */
function receiveFormatHeader(task: Task, headerBytes: number): void {
  const { command, unit } = task;
  const listBytes = Math.min(command.dataOutBytes, headerBytes + IP_DESCRIPTOR_BYTES + unit.blockBytes);
  if (listBytes < headerBytes) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else receiveParameterList(task, listBytes, readFormatList);
}

function readFormatList(task: Task, list: Buffer): void {
  const isLong = hasFlag(task, LONGLIST);
  const headerBytes = isLong ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES;
  const defectBytes = isLong ? list.readUInt32BE(LONG_DEFECT_LIST_LENGTH) : list.readUInt16BE(SHORT_DEFECT_LIST_LENGTH);
  const options = list[FORMAT_OPTIONS]!;
  if ((list[0]! & PROTECTION_FIELD_USAGE_MASK) !== 0) invalidParameter(task, 0, 2);
  else if (isLong && list[LONG_PROTECTION_INTERVAL] !== 0) invalidParameter(task, LONG_PROTECTION_INTERVAL, 7);
  else if (defectBytes !== 0) invalidParameter(task, isLong ? LONG_DEFECT_LIST_LENGTH : SHORT_DEFECT_LIST_LENGTH);
  else if ((options & FORMAT_IP) === 0) start(task, FORMAT, (options & FORMAT_IMMED) !== 0);
  else readInitializationPattern(task, list, headerBytes, (options & FORMAT_IMMED) !== 0);
}

function readInitializationPattern(task: Task, list: Buffer, at: number, isImmediate: boolean): void {
  if (list.length < at + IP_DESCRIPTOR_BYTES) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return;
  }
  const type = list[at + 1]!;
  const patternBytes = list.readUInt16BE(at + IP_LENGTH);
  const patternAt = at + IP_DESCRIPTOR_BYTES;
  const isLengthRight = type === IP_TYPE_DEFAULT ? patternBytes === 0 : patternBytes > 0;
  if (list[at] !== 0) invalidParameter(task, at, 7);
  else if (type > IP_TYPE_REPEAT) invalidParameter(task, at + 1, 7);
  else if (!isLengthRight || patternBytes > task.unit.blockBytes) invalidParameter(task, at + IP_LENGTH);
  else if (list.length < patternAt + patternBytes) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else if (type === IP_TYPE_DEFAULT) start(task, FORMAT, isImmediate);
  else start(task, { ...FORMAT, pattern: list.subarray(patternAt, patternAt + patternBytes) }, isImmediate);
}

/** Waits for everyone else on the medium, then begins. */
function start(task: Task, plan: ErasurePlan, isImmediate: boolean = !plan.isFormat && hasFlag(task, IMMED)): void {
  const begin = () => beginErasure(task, plan, isImmediate);
  if (takeMediumAlone(task, begin)) begin();
}

function beginErasure(task: Task, plan: ErasurePlan, isImmediate: boolean): void {
  const { unit, context } = task;
  if (unit.erasure.isRunning) {
    task.check(unit.erasure.senseCode); // another one came first
    return;
  }
  const notReady = unit.notReady(); // the list may have come when the medium was gone: the next one is not to be erased
  if (notReady !== 0) {
    task.check(notReady);
    return;
  }
  const { generation } = task;
  task.beginWork();
  unit.erasure.begin(
    plan,
    context,
    (hasBegun) => {
      if (task.endWork() && (!hasBegun || isImmediate)) endWith(task, hasBegun);
    },
    // What goes on is the unit's work: from here on the command only waits, and may end before it, aborted.
    (isErased) => {
      if (task.generation === generation) endWith(task, isErased);
    },
  );
}

function endWith(task: Task, isGood: boolean): void {
  if (isGood) {
    task.good();
    return;
  }
  const { senseCode } = task.unit.erasure;
  assert(!task.unit.erasure.isRunning, 'what has ended runs no more');
  task.check(senseCode === 0 ? SENSE_INTERNAL_TARGET_FAILURE : senseCode);
}

/**
 * SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4 6.42, 6.27): the default self-test, which reads the first and the
 * last block from the medium, and the one diagnostic page that lists the diagnostic pages.
 */
import type { BackendIo } from '../../backend/backend.ts';
import { IO_READ } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { NO_SENSE_VALUE } from '../command/command.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import {
  parameterFieldPointer,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_LOGICAL_UNIT_FAILED_SELF_TEST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
} from '../sense.ts';
import type { Operation, Task } from '../task/task.ts';

/** Self-tests that take longer, in the foreground or the background, do not exist; nor does taking a unit offline for one. */
export function sendDiagnostic(task: Task): void {
  const { cdbView } = task.command;
  const flags = cdbView.getUint8(FLAGS);
  const listLength = cdbView.getUint16(PARAMETER_LIST_LENGTH);
  const isSelfTest = (flags & SELFTEST) !== 0;
  if (flags >>> SELF_TEST_CODE_SHIFT !== 0) task.invalidField(FLAGS, 7);
  else if (listLength > 0 && (isSelfTest || (flags & PF) === 0)) task.invalidField(PARAMETER_LIST_LENGTH, 7);
  else if (listLength > 0) receiveParameterList(task, listLength, takePage);
  else if (isSelfTest) selfTest(task);
  else task.good();
}

/**
 * Without PCV the page that the last SEND DIAGNOSTIC has asked for, which can only have been this one; where there was none the
 * answer is ours to choose (SPC-4 6.27).
 */
export function receiveDiagnosticResults(task: Task): void {
  const { cdbView } = task.command;
  const isPageCodeValid = (cdbView.getUint8(FLAGS) & PCV) !== 0;
  if (isPageCodeValid && cdbView.getUint8(RD_PAGE_CODE) !== SUPPORTED_DIAGNOSTIC_PAGES) {
    task.invalidField(RD_PAGE_CODE, 7);
    return;
  }
  sendParameterData(task, cdbView.getUint16(RD_ALLOCATION_LENGTH), buildSupportedPages);
}

// SPC-4 6.42
const FLAGS = 1;
const SELF_TEST_CODE_SHIFT = 5;
const PF = 0x10;
const SELFTEST = 0x04;
const PARAMETER_LIST_LENGTH = 3;

// SPC-4 6.27
const PCV = 0x01;
const RD_PAGE_CODE = 2;
const RD_ALLOCATION_LENGTH = 3;

// SPC-4 7.2.1, 7.2.4
const SUPPORTED_DIAGNOSTIC_PAGES = 0x00;
const PAGE_HEADER_BYTES = 4;
const PAGE_LENGTH = 2;

/** Supported Diagnostic Pages has nothing behind its header when it is sent to us. */
function takePage(task: Task, list: Buffer): void {
  if (list.length < PAGE_HEADER_BYTES) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return;
  }
  const wrong = list.subarray(0, PAGE_HEADER_BYTES).findIndex((byte) => byte !== 0);
  if (wrong < 0 && list.length === PAGE_HEADER_BYTES) task.good();
  else {
    const pointer = parameterFieldPointer(wrong < 0 ? PAGE_LENGTH : wrong, NO_SENSE_VALUE);
    task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
  }
}

function buildSupportedPages(_task: Task, out: Buffer): number {
  out.fill(0, 0, PAGE_HEADER_BYTES);
  out.writeUInt16BE(1, PAGE_LENGTH);
  out[PAGE_HEADER_BYTES] = SUPPORTED_DIAGNOSTIC_PAGES;
  return PAGE_HEADER_BYTES + 1;
}

function selfTest(task: Task): void {
  task.failureSense = SENSE_LOGICAL_UNIT_FAILED_SELF_TEST;
  task.operation = SELF_TEST;
  SELF_TEST.onSlotReady(task);
}

/** task.doneBytes counts the blocks that were read. */
const SELF_TEST: Operation = {
  onSlotReady(task) {
    task.slot = task.takeSlot(task.unit.blockBytes);
    if (task.slot === null) task.waitForSlot();
    else readBlock(task, task.ios[0], 0);
  },
  onIoDone(task, io) {
    task.doneBytes += task.unit.blockBytes;
    if (task.doneBytes > task.unit.blockBytes) task.good();
    else readBlock(task, io, task.unit.sizeBytes - task.unit.blockBytes);
  },
  onDataOut: unexpected,
  onCompareBuffer: unexpected,
};

function readBlock(task: Task, io: BackendIo, offsetBytes: number): void {
  assert(task.slot !== null, 'a self-test has memory to read into');
  task.submitData(io, IO_READ, offsetBytes, task.unit.blockBytes, task.slot);
}

function unexpected(): never {
  assert(false, 'a self-test reads and does nothing else');
}

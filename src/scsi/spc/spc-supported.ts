/**
 * REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4 6.35, 6.36). The first is printed
 * from the command table that dispatches, so it cannot say anything else than what happens.
 *
 * The list of all commands leaves out operation code 7Fh, against the letter of SPC-4 6.35.2: initiators on libiscsi (every
 * version so far) ask for the usage of whatever it names, keep 16 bytes of that, and so misread a CDB of 32. Whoever asks for
 * READ(32) and its kind by name is told of them.
 */
import { VARIABLE_LENGTH_CDB } from '../command/cdb.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import { NO_SERVICE_ACTION } from '../command/command-entry.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';

export function reportSupportedOperationCodes(task: Task): void {
  const { cdbView } = task.command;
  const options = cdbView.getUint8(OPTIONS_BYTE) & REPORTING_OPTIONS;
  const hasServiceActions = task.context
    .tableOf(task.logicalUnit)
    .hasServiceActions(cdbView.getUint8(REQUESTED_OPERATION_CODE));
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH);
  if (options === REPORT_ALL) sendParameterData(task, allocationLength, buildAll);
  else if (options > REPORT_EITHER) task.invalidField(OPTIONS_BYTE, 2);
  else if (options === REPORT_OPERATION_CODE && hasServiceActions) task.invalidField(OPTIONS_BYTE, 2);
  else if (options === REPORT_SERVICE_ACTION && !hasServiceActions) task.invalidField(OPTIONS_BYTE, 2);
  else sendParameterData(task, allocationLength, buildOne);
}

export function reportSupportedTaskManagementFunctions(task: Task): void {
  const { cdbView } = task.command;
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH);
  const isExtended = (cdbView.getUint8(OPTIONS_BYTE) & REPD) !== 0;
  if (allocationLength < TMF_BASIC_BYTES) task.invalidField(ALLOCATION_LENGTH, 7);
  else sendParameterData(task, allocationLength, isExtended ? buildExtendedFunctions : buildBasicFunctions);
}

// SPC-4 6.35.1
const OPTIONS_BYTE = 2;
const RCTD = 0x80;
const REPORTING_OPTIONS = 0x07;
const REPORT_ALL = 0;
const REPORT_OPERATION_CODE = 1;
const REPORT_SERVICE_ACTION = 2;
const REPORT_EITHER = 3;
const REQUESTED_OPERATION_CODE = 3;
const REQUESTED_SERVICE_ACTION = 4;
const ALLOCATION_LENGTH = 6;

// SPC-4 6.35.2 All_commands parameter data
const ALL_HEADER_BYTES = 4;
const DESCRIPTOR_BYTES = 8;
const DESCRIPTOR_FLAGS = 5;
const DESCRIPTOR_CTDP = 0x02;
const DESCRIPTOR_SERVACTV = 0x01;

// SPC-4 6.35.3 One_command parameter data
const ONE_HEADER_BYTES = 4;
const ONE_CTDP = 0x80;
const SUPPORT_NOT_SUPPORTED = 1;
const SUPPORT_STANDARD = 3;

// SPC-4 6.35.4 Command timeouts descriptor
const TIMEOUTS_BYTES = 12;
const TIMEOUTS_DESCRIPTOR_LENGTH = 10;
/** A store on a busy disk or behind a network answers within this, or with an error. */
const RECOMMENDED_COMMAND_TIMEOUT_S = 60;

// SPC-4 6.36
const REPD = 0x80;
const TMF_BASIC_BYTES = 4;
const TMF_EXTENDED_BYTES = 16;
const ATS = 0x80;
const ATSS = 0x40;
const CACAS = 0x20;
const CTSS = 0x10;
const LURS = 0x08;

function hasTimeouts(task: Task): boolean {
  return (task.command.cdb[OPTIONS_BYTE]! & RCTD) !== 0;
}

function buildAll(task: Task, out: Buffer): number {
  const withTimeouts = hasTimeouts(task);
  let end = ALL_HEADER_BYTES;
  for (const entry of task.context.tableOf(task.logicalUnit).entries) {
    if (isListed(entry) && entry.isOffered(task.unit)) end = writeDescriptor(entry, out, end, withTimeouts);
  }
  out.writeUInt32BE(end - ALL_HEADER_BYTES, 0);
  return end;
}

/** As the header says. */
function isListed(entry: CommandEntry): boolean {
  return entry.operationCode !== VARIABLE_LENGTH_CDB;
}

function writeDescriptor(entry: CommandEntry, out: Buffer, at: number, withTimeouts: boolean): number {
  const hasServiceAction = entry.serviceAction !== NO_SERVICE_ACTION;
  out.fill(0, at, at + DESCRIPTOR_BYTES);
  out[at] = entry.operationCode;
  if (hasServiceAction) out.writeUInt16BE(entry.serviceAction, at + 2);
  out[at + DESCRIPTOR_FLAGS] = (withTimeouts ? DESCRIPTOR_CTDP : 0) | (hasServiceAction ? DESCRIPTOR_SERVACTV : 0);
  out.writeUInt16BE(entry.cdbBytes, at + 6);
  return withTimeouts ? writeTimeouts(out, at + DESCRIPTOR_BYTES) : at + DESCRIPTOR_BYTES;
}

function buildOne(task: Task, out: Buffer): number {
  const { cdbView } = task.command;
  const operationCode = cdbView.getUint8(REQUESTED_OPERATION_CODE);
  const entry = task.context
    .tableOf(task.logicalUnit)
    .lookup(operationCode, cdbView.getUint16(REQUESTED_SERVICE_ACTION));
  out.fill(0, 0, ONE_HEADER_BYTES);
  if (entry === null || !entry.isOffered(task.unit)) {
    out[1] = SUPPORT_NOT_SUPPORTED;
    return ONE_HEADER_BYTES;
  }
  out[1] = (hasTimeouts(task) ? ONE_CTDP : 0) | SUPPORT_STANDARD;
  out.writeUInt16BE(entry.cdbBytes, 2);
  out.set(entry.usage, ONE_HEADER_BYTES);
  const end = ONE_HEADER_BYTES + entry.cdbBytes;
  return hasTimeouts(task) ? writeTimeouts(out, end) : end;
}

/** NOMINAL COMMAND PROCESSING TIMEOUT is zero, not indicated: it would depend on the store. */
function writeTimeouts(out: Buffer, at: number): number {
  out.fill(0, at, at + TIMEOUTS_BYTES);
  out.writeUInt16BE(TIMEOUTS_DESCRIPTOR_LENGTH, at);
  out.writeUInt32BE(RECOMMENDED_COMMAND_TIMEOUT_S, at + 8);
  return at + TIMEOUTS_BYTES;
}

function buildBasicFunctions(_task: Task, out: Buffer): number {
  out.fill(0, 0, TMF_BASIC_BYTES);
  out[0] = ATS | ATSS | CACAS | CTSS | LURS;
  return TMF_BASIC_BYTES;
}

function buildExtendedFunctions(task: Task, out: Buffer): number {
  out.fill(0, 0, TMF_EXTENDED_BYTES);
  buildBasicFunctions(task, out);
  out[3] = TMF_EXTENDED_BYTES - TMF_BASIC_BYTES;
  return TMF_EXTENDED_BYTES;
}

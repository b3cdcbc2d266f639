/**
 * READ DEFECT DATA(10) and (12) (SBC-3 5.17, 5.18). A store has no defects that it would tell of: both lists are empty, in
 * every format.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';

export function readDefectData10(task: Task): void {
  const { cdb, cdbView } = task.command;
  const allocationLength = cdbView.getUint16(ALLOCATION_LENGTH_10);
  if (!isFormatDefined(cdb[LISTS_10]!)) task.invalidField(LISTS_10, FORMAT_TOP_BIT);
  else sendParameterData(task, allocationLength, buildDefectList10);
}

export function readDefectData12(task: Task): void {
  const { cdb, cdbView } = task.command;
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH_12);
  if (!isFormatDefined(cdb[LISTS_12]!)) task.invalidField(LISTS_12, FORMAT_TOP_BIT);
  else sendParameterData(task, allocationLength, buildDefectList12);
}

// SBC-3 5.17.1, 5.18.1: REQ_PLIST, REQ_GLIST and DEFECT LIST FORMAT come back as they were asked for.
const LISTS_10 = 2;
const LISTS_12 = 1;
const LISTS_MASK = 0x1f;
const FORMAT_MASK = 0x07;
const FORMAT_TOP_BIT = 2;
const FORMAT_RESERVED = 0x07;
const ALLOCATION_LENGTH_10 = 7;
const ALLOCATION_LENGTH_12 = 6;

// SBC-3 5.17.2, 5.18.2
const HEADER_10_BYTES = 4;
const HEADER_12_BYTES = 8;

function isFormatDefined(lists: number): boolean {
  return (lists & FORMAT_MASK) !== FORMAT_RESERVED;
}

function buildDefectList10(task: Task, out: Buffer): number {
  out.fill(0, 0, HEADER_10_BYTES);
  out[1] = task.command.cdb[LISTS_10]! & LISTS_MASK;
  return HEADER_10_BYTES;
}

function buildDefectList12(task: Task, out: Buffer): number {
  out.fill(0, 0, HEADER_12_BYTES);
  out[1] = task.command.cdb[LISTS_12]! & LISTS_MASK;
  return HEADER_12_BYTES;
}

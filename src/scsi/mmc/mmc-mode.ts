/**
 * MODE SENSE and MODE SELECT (MMC-4 6.12, 6.13) of a CD-ROM drive: pages of error recovery, power condition, time-outs and
 * capabilities (MMC-4 7). No parameter is changeable, so MODE SELECT takes only what is so already. There are no block
 * descriptors. MODE SENSE(6), which MMC left to SPC, is what Linux (sr) asks with.
 */
import { NO_SENSE_VALUE } from '../command/command.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import {
  parameterFieldPointer,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_SAVING_PARAMETERS_NOT_SUPPORTED,
} from '../sense.ts';
import type { ParameterDataBuilder, Task } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';

export function modeSenseOfDrive6(task: Task): void {
  modeSense(task, task.command.cdb[LENGTH_6]!, buildModeData6);
}

export function modeSenseOfDrive10(task: Task): void {
  modeSense(task, task.command.cdbView.getUint16(LENGTH_10), buildModeData10);
}

export function modeSelectOfDrive10(task: Task): void {
  const listLength = task.command.cdbView.getUint16(LENGTH_10);
  const flags = task.command.cdb[FLAGS]!;
  if ((flags & PF) === 0) task.invalidField(FLAGS, 4);
  else if ((flags & SP) !== 0) task.invalidField(FLAGS, 0);
  else if (listLength === 0) task.good();
  else if (listLength > LIST_BYTES_MAX) task.invalidField(LENGTH_10, 7);
  else receiveParameterList(task, listLength, compareList);
}

const FLAGS = 1;
const PF = 0x10;
const SP = 0x01;
const PAGE_BYTE = 2;
const PAGE_CODE = 0x3f;
const SUBPAGE_CODE = 3;
const LENGTH_6 = 4;
const LENGTH_10 = 7;
const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;
const PC_CHANGEABLE = 1;
const PC_SAVED = 3;
const HEADER_6_BYTES = 4;
const HEADER_10_BYTES = 8;
const BLOCK_DESCRIPTOR_LENGTH_10 = 6;
const PAGE_HEADER_BYTES = 2;
const PAGE_BYTES_MAX = 32;
/** More than a header and all pages. */
const LIST_BYTES_MAX = 256;

/** Writes the page at `at`, whose bytes are zero, without its header; returns its length with it. */
type PageBuilder = (out: Buffer, at: number, unit: LogicalUnit) => number;

/** In ascending order. */
const PAGES: ReadonlyMap<number, PageBuilder> = new Map([
  [0x01, buildErrorRecovery],
  [0x1a, buildPowerCondition],
  [0x1d, buildTimeoutAndProtect],
  [0x2a, buildCapabilities],
]);

function modeSense(task: Task, allocationLength: number, builder: ParameterDataBuilder): void {
  const { cdb } = task.command;
  const pageCode = cdb[PAGE_BYTE]! & PAGE_CODE;
  if (pageCode !== ALL_PAGES && !PAGES.has(pageCode)) task.invalidField(PAGE_BYTE, 5);
  else if (cdb[SUBPAGE_CODE] !== 0 && cdb[SUBPAGE_CODE] !== ALL_SUBPAGES) task.invalidField(SUBPAGE_CODE, 7);
  else if (cdb[PAGE_BYTE]! >>> 6 === PC_SAVED) task.check(SENSE_SAVING_PARAMETERS_NOT_SUPPORTED);
  else sendParameterData(task, allocationLength, builder);
}

function buildModeData6(task: Task, out: Buffer): number {
  const end = writePages(task, out, HEADER_6_BYTES);
  out.fill(0, 0, HEADER_6_BYTES);
  out[0] = end - 1;
  return end;
}

function buildModeData10(task: Task, out: Buffer): number {
  const end = writePages(task, out, HEADER_10_BYTES);
  out.fill(0, 0, HEADER_10_BYTES);
  out.writeUInt16BE(end - 2, 0);
  return end;
}

function writePages(task: Task, out: Buffer, start: number): number {
  const pageByte = task.command.cdb[PAGE_BYTE]!;
  const wanted = pageByte & PAGE_CODE;
  let end = start;
  for (const [pageCode, build] of PAGES) {
    if (wanted !== ALL_PAGES && wanted !== pageCode) continue;
    const pageEnd = end + writePage(task.unit, out, end, pageCode, build);
    if (pageByte >>> 6 === PC_CHANGEABLE) out.fill(0, end + PAGE_HEADER_BYTES, pageEnd);
    end = pageEnd;
  }
  return end;
}

function writePage(unit: LogicalUnit, out: Buffer, at: number, pageCode: number, build: PageBuilder): number {
  out.fill(0, at, at + PAGE_BYTES_MAX);
  const lengthBytes = build(out, at, unit);
  out[at] = pageCode;
  out[at + 1] = lengthBytes - PAGE_HEADER_BYTES;
  return lengthBytes;
}

/** Every page of the list must be there, whole, and as it is now. */
function compareList(task: Task, list: Buffer): void {
  if (list.length < HEADER_10_BYTES) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return;
  }
  if (list.readUInt16BE(BLOCK_DESCRIPTOR_LENGTH_10) !== 0) {
    refuse(task, BLOCK_DESCRIPTOR_LENGTH_10);
    return;
  }
  const current = Buffer.alloc(PAGE_BYTES_MAX);
  for (let at = HEADER_10_BYTES; at < list.length; at += list[at + 1]! + PAGE_HEADER_BYTES) {
    const build = PAGES.get(list[at]!);
    const pageBytes = build === undefined ? 0 : writePage(task.unit, current, 0, list[at]!, build);
    if (pageBytes > list.length - at) {
      task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
      return;
    }
    if (pageBytes === 0 || current.compare(list, at, at + pageBytes, 0, pageBytes) !== 0) {
      refuse(task, at);
      return;
    }
  }
  task.good();
}

function refuse(task: Task, byte: number): void {
  const pointer = parameterFieldPointer(byte, NO_SENSE_VALUE);
  task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
}

/** The store repairs what it can without being asked. */
function buildErrorRecovery(): number {
  return 12;
}

/** Neither idle nor standby by timer. */
function buildPowerCondition(): number {
  return 12;
}

/** Minimum time-outs of the two command groups, as all commands have them (spc-supported.ts). */
function buildTimeoutAndProtect(out: Buffer, at: number): number {
  const MINIMUM_TIMEOUT_S = 60;
  out.writeUInt16BE(MINIMUM_TIMEOUT_S, at + 6);
  out.writeUInt16BE(MINIMUM_TIMEOUT_S, at + 8);
  return 10;
}

/** As the page was before MMC-4 made it legacy: Linux (sr) and Windows look here. Speeds are not stated (zero). */
function buildCapabilities(out: Buffer, at: number, unit: LogicalUnit): number {
  const READS_DVD_R_DVD_ROM_CD_RW_CD_R = 0x1b;
  const TRAY = 0x20;
  const EJECT = 0x08;
  const LOCK_STATE = 0x02;
  const LOCK = 0x01;
  out[at + 2] = READS_DVD_R_DVD_ROM_CD_RW_CD_R;
  out[at + 6] = TRAY | EJECT | LOCK | (unit.isRemovalPrevented ? LOCK_STATE : 0);
  return 22;
}

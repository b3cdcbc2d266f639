/**
 * LOG SENSE (SPC-4 6.9), and the pages that list the log pages (SPC-4 7.3.16, 7.3.17). Nothing of a log page can be set,
 * reset or saved by an initiator: there is no LOG SELECT, and SP is refused.
 */
import type { BackendSpace } from '../../../backend/backend.ts';
import { sendParameterData } from '../../command/parameter-data.ts';
import { SENSE_INTERNAL_TARGET_FAILURE } from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { LogPage } from './log-page.ts';
import { writeParameters } from './log-page.ts';
import { LOG_PAGES } from './log-pages.ts';

export function logSense(task: Task): void {
  const { cdb, cdbView } = task.command;
  const pageCode = cdb[PAGE_BYTE]! & PAGE_CODE_MASK;
  const subpageCode = cdb[SUBPAGE_CODE]!;
  const parameterPointer = cdbView.getUint16(PARAMETER_POINTER);
  const page = pageOf(task.unit, pageCode);
  if (pageCode === SUPPORTED_PAGES_CODE) sendSupportedPages(task, subpageCode, parameterPointer);
  else if (page === null) task.invalidField(PAGE_BYTE, 5);
  else if (subpageCode !== 0) task.invalidField(SUBPAGE_CODE, 7);
  else if (isThreshold(cdb[PAGE_BYTE]! >>> 6)) task.invalidField(PAGE_BYTE, 7);
  else if (parameterPointer > page.parameters.at(-1)!.code) task.invalidField(PARAMETER_POINTER, 7);
  else if (page.needsSpace) lookThenSend(task, page);
  else sendPage(task, page, null);
}

// SPC-4 6.9
const PAGE_BYTE = 2;
const PAGE_CODE_MASK = 0x3f;
const SUBPAGE_CODE = 3;
const PARAMETER_POINTER = 5;
const ALLOCATION_LENGTH = 7;

const PC_THRESHOLD = 0;
const PC_DEFAULT_THRESHOLD = 2;
const PC_DEFAULT_CUMULATIVE = 3;

const SUPPORTED_PAGES_CODE = 0x00;
const ALL_SUBPAGES = 0xff;

// SPC-4 7.3.2.1 Log page format
const PAGE_HEADER_BYTES = 4;
/** DS: the page is not saved on request. */
const DS = 0x80;
const SPF = 0x40;

function pageOf(unit: LogicalUnit, pageCode: number): LogPage | null {
  return LOG_PAGES.find((page) => page.pageCode === pageCode && page.isOffered(unit)) ?? null;
}

/** No counter has a threshold (ETC zero). */
function isThreshold(pageControl: number): boolean {
  return pageControl === PC_THRESHOLD || pageControl === PC_DEFAULT_THRESHOLD;
}

/** These pages have no parameters, so PC means nothing for them and a parameter pointer points past their end. */
function sendSupportedPages(task: Task, subpageCode: number, parameterPointer: number): void {
  const isWithSubpages = subpageCode === ALL_SUBPAGES;
  if (subpageCode !== 0 && !isWithSubpages) task.invalidField(SUBPAGE_CODE, 7);
  else if (parameterPointer !== 0) task.invalidField(PARAMETER_POINTER, 7);
  else {
    const build = isWithSubpages ? buildSupportedSubpages : buildSupportedPages;
    sendParameterData(task, task.command.cdbView.getUint16(ALLOCATION_LENGTH), build);
  }
}

function buildSupportedPages({ unit }: Task, out: Buffer): number {
  let end = PAGE_HEADER_BYTES;
  out[end++] = SUPPORTED_PAGES_CODE;
  for (const { pageCode, isOffered } of LOG_PAGES) {
    if (isOffered(unit)) out[end++] = pageCode;
  }
  return writePageHeader(out, SUPPORTED_PAGES_CODE, 0, end);
}

/** Each page with its subpage code. */
function buildSupportedSubpages({ unit }: Task, out: Buffer): number {
  let end = PAGE_HEADER_BYTES;
  end = out.writeUInt16BE(SUPPORTED_PAGES_CODE << 8, end);
  end = out.writeUInt16BE((SUPPORTED_PAGES_CODE << 8) | ALL_SUBPAGES, end);
  for (const { pageCode, isOffered } of LOG_PAGES) {
    if (isOffered(unit)) end = out.writeUInt16BE(pageCode << 8, end);
  }
  return writePageHeader(out, SUPPORTED_PAGES_CODE | SPF, ALL_SUBPAGES, end);
}

/** The store is asked first. */
function lookThenSend(task: Task, page: LogPage): void {
  task.beginWork();
  task.unit.provisioning.look((space) => {
    if (!task.endWork()) return;
    if (space === null) task.check(SENSE_INTERNAL_TARGET_FAILURE);
    else sendPage(task, page, space);
  });
}

function sendPage(task: Task, page: LogPage, space: BackendSpace | null): void {
  const { cdb, cdbView } = task.command;
  const isDefault = cdb[PAGE_BYTE]! >>> 6 === PC_DEFAULT_CUMULATIVE;
  const firstCode = cdbView.getUint16(PARAMETER_POINTER);
  sendParameterData(task, cdbView.getUint16(ALLOCATION_LENGTH), ({ unit }, out) => {
    const end = writeParameters(page, unit, space, firstCode, isDefault, out, PAGE_HEADER_BYTES);
    return writePageHeader(out, page.pageCode | DS, 0, end);
  });
}

/** Returns the length of the whole page, which ends at `end`. */
function writePageHeader(out: Buffer, pageByte: number, subpageCode: number, end: number): number {
  out[0] = pageByte;
  out[1] = subpageCode;
  out.writeUInt16BE(end - PAGE_HEADER_BYTES, 2);
  return end;
}

/**
 * MODE SENSE(6) and (10) (SPC-4 6.13, 6.14) with the pages of SPC-4 7.5 and SBC-3 6.4. Which parameters
 * are changeable stands in mode-parameters.ts.
 */

import type { LogicalUnit } from '../logical-unit.ts';
import type { ModeParameters } from '../mode-parameters.ts';
import { defaultModes, MODE_FIELDS } from '../mode-parameters.ts';
import { sendParameterData } from '../parameter-data.ts';
import { SENSE_SAVING_PARAMETERS_NOT_SUPPORTED } from '../sense.ts';
import type { Task } from '../task.ts';

export function modeSense6(task: Task): void {
  modeSense(task, task.command.cdb[ALLOCATION_LENGTH_6]!, buildModeData6);
}

export function modeSense10(task: Task): void {
  modeSense(task, task.command.cdbView.getUint16(ALLOCATION_LENGTH_10), buildModeData10);
}

// SPC-4 6.13.1, 6.14.1: the same places in both CDBs.
const FLAGS = 1;
const DBD = 0x08;
const LLBAA = 0x10;
const PAGE_BYTE = 2;
const PAGE_CODE_MASK = 0x3f;
const SUBPAGE_CODE = 3;
const ALLOCATION_LENGTH_6 = 4;
const ALLOCATION_LENGTH_10 = 7;

const PC_CURRENT = 0;
const PC_CHANGEABLE = 1;
const PC_SAVED = 3;

const ALL_PAGES = 0x3f;
const ALL_SUBPAGES = 0xff;

// SPC-4 7.5.5 Mode parameter header(6), 7.5.6 Mode parameter header(10)
const HEADER_6_BYTES = 4;
const HEADER_10_BYTES = 8;
const LONGLBA = 0x01;
const WP = 0x80;
const DPOFUA = 0x10;

// SBC-3 6.4.2 Mode parameter block descriptors
const SHORT_BLOCK_DESCRIPTOR_BYTES = 8;
const LONG_BLOCK_DESCRIPTOR_BYTES = 16;
const UINT32_MAX = 0xffffffff;

/** Writes the constant bits of a page at `at`, whose bytes are zero; returns its length. */
type PageBuilder = (out: Buffer, at: number) => number;

/** In ascending order, as ALL_PAGES returns them. */
const PAGES: ReadonlyMap<number, PageBuilder> = new Map([
  [0x01, buildReadWriteErrorRecovery],
  [0x08, buildCaching],
  [0x0a, buildControl],
  [0x1c, buildInformationalExceptions],
]);

function modeSense(task: Task, allocationLength: number, builder: (task: Task, out: Buffer) => number): void {
  const pageByte = task.command.cdb[PAGE_BYTE]!;
  const pageCode = pageByte & PAGE_CODE_MASK;
  const subpageCode = task.command.cdb[SUBPAGE_CODE]!;
  if (pageCode !== ALL_PAGES && !PAGES.has(pageCode)) task.invalidField(PAGE_BYTE, 5);
  else if (subpageCode !== 0 && subpageCode !== ALL_SUBPAGES) task.invalidField(SUBPAGE_CODE, 7);
  else if (pageByte >>> 6 === PC_SAVED && !task.unit.state.isDurable) task.check(SENSE_SAVING_PARAMETERS_NOT_SUPPORTED);
  else sendParameterData(task, allocationLength, builder);
}

function buildModeData6(task: Task, out: Buffer): number {
  const descriptorBytes = hasBlockDescriptor(task) ? writeShortDescriptor(task.unit, out, HEADER_6_BYTES) : 0;
  const end = writePages(task, out, HEADER_6_BYTES + descriptorBytes);
  out[0] = end - 1;
  out[1] = 0; // MEDIUM TYPE
  out[2] = deviceSpecificParameter(task);
  out[3] = descriptorBytes;
  return end;
}

function buildModeData10(task: Task, out: Buffer): number {
  const isLong = (task.command.cdb[FLAGS]! & LLBAA) !== 0;
  const writeDescriptor = isLong ? writeLongDescriptor : writeShortDescriptor;
  const descriptorBytes = hasBlockDescriptor(task) ? writeDescriptor(task.unit, out, HEADER_10_BYTES) : 0;
  const end = writePages(task, out, HEADER_10_BYTES + descriptorBytes);
  out.fill(0, 0, HEADER_10_BYTES);
  out.writeUInt16BE(end - 2, 0);
  out[3] = deviceSpecificParameter(task);
  out[4] = isLong && descriptorBytes > 0 ? LONGLBA : 0;
  out.writeUInt16BE(descriptorBytes, 6);
  return end;
}

function hasBlockDescriptor(task: Task): boolean {
  return (task.command.cdb[FLAGS]! & DBD) === 0;
}

/** SBC-3 6.4.1 */
function deviceSpecificParameter({ unit, command }: Task): number {
  return (unit.isWriteProtectedFor(command.nexus) ? WP : 0) | DPOFUA;
}

function writeShortDescriptor(unit: LogicalUnit, out: Buffer, at: number): number {
  out.writeUInt32BE(Math.min(unit.blockCount, UINT32_MAX), at);
  out.writeUInt32BE(unit.blockBytes, at + 4); // a reserved byte and three of LOGICAL BLOCK LENGTH
  return SHORT_BLOCK_DESCRIPTOR_BYTES;
}

function writeLongDescriptor(unit: LogicalUnit, out: Buffer, at: number): number {
  out.writeUInt32BE(Math.floor(unit.blockCount / 0x100000000), at);
  out.writeUInt32BE(unit.blockCount % 0x100000000, at + 4);
  out.writeUInt32BE(0, at + 8);
  out.writeUInt32BE(unit.blockBytes, at + 12);
  return LONG_BLOCK_DESCRIPTOR_BYTES;
}

/**
 * The page as it is now, for MODE SELECT to compare with; returns its length, 0 when there is no such page.
 * @param out at least MODE_PAGE_BYTES_MAX
 */
export function currentModePage(unit: LogicalUnit, pageCode: number, out: Buffer): number {
  const build = PAGES.get(pageCode);
  return build === undefined ? 0 : writePage(unit, out, 0, pageCode, build, PC_CURRENT);
}

/** Returns where the pages end. */
function writePages(task: Task, out: Buffer, start: number): number {
  const pageByte = task.command.cdb[PAGE_BYTE]!;
  const pageControl = pageByte >>> 6;
  const wanted = pageByte & PAGE_CODE_MASK;
  let end = start;
  for (const [pageCode, build] of PAGES) {
    if (wanted !== ALL_PAGES && wanted !== pageCode) continue;
    end = writePage(task.unit, out, end, pageCode, build, pageControl);
  }
  return end;
}

export const MODE_PAGE_BYTES_MAX = 64;
/** PS: the page can be saved. */
const PS = 0x80;
const PAGE_HEADER_BYTES = 2;

function writePage(
  unit: LogicalUnit,
  out: Buffer,
  at: number,
  pageCode: number,
  build: PageBuilder,
  pageControl: number,
): number {
  out.fill(0, at, at + MODE_PAGE_BYTES_MAX);
  const end = at + build(out, at);
  if (pageControl === PC_CHANGEABLE) out.fill(0, at, end);
  const values = pageControl === PC_CHANGEABLE ? null : valuesOf(unit, pageControl);
  for (const field of MODE_FIELDS) {
    if (field.pageCode !== pageCode) continue;
    const isSet = values === null ? field.isChangeable(unit.backend) : values[field.name];
    if (isSet) out[at + field.byte] = out[at + field.byte]! | field.mask;
  }
  out[at] = pageCode | (unit.state.isDurable ? PS : 0);
  out[at + 1] = end - at - PAGE_HEADER_BYTES;
  return end;
}

function valuesOf(unit: LogicalUnit, pageControl: number): ModeParameters {
  if (pageControl === PC_CURRENT) return unit.modes;
  const defaults = defaultModes(unit.backend);
  return pageControl === PC_SAVED ? (unit.state.current.savedModes ?? defaults) : defaults;
}

/** SBC-3 6.4.9: the store repairs what it can without being asked. */
function buildReadWriteErrorRecovery(): number {
  return 12;
}

/** SBC-3 6.4.6 Caching mode page */
function buildCaching(): number {
  return 20;
}

/**
 * SPC-4 7.5.8 Control mode page. One task set for all nexuses (TST zero), no TASK ABORTED status (TAS zero), SIMPLE commands
 * in any order (QUEUE ALGORITHM MODIFIER 1h).
 */
function buildControl(out: Buffer, at: number): number {
  const UNRESTRICTED_REORDERING_ALLOWED = 0x10;
  out[at + 3] = UNRESTRICTED_REORDERING_ALLOWED;
  return 12;
}

/** SPC-4 7.5.15: none are ever reported (MRIE zero). */
function buildInformationalExceptions(): number {
  return 12;
}

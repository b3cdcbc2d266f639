/**
 * MODE SENSE(6) and (10) (SPC-4 6.13, 6.14) with the pages of SPC-4 7.5 and SBC-3 6.4. Which parameters
 * are changeable stands in mode-parameters.ts.
 */

import { sendParameterData } from '../../command/parameter-data.ts';
import { AVAILABLE_LBA_MAPPING_RESOURCE, USED_LBA_MAPPING_RESOURCE } from '../../sbc/provisioning/provisioning.ts';
import { SENSE_SAVING_PARAMETERS_NOT_SUPPORTED } from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { ModeParameters } from '../../unit/mode-parameters.ts';
import {
  AVAILABLE_THRESHOLD_DESCRIPTOR,
  defaultModes,
  LBP_SUBPAGE,
  MODE_FIELDS,
  modeFieldMax,
  USED_THRESHOLD_DESCRIPTOR,
  writeModeField,
} from '../../unit/mode-parameters.ts';

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

interface ModePage {
  readonly pageCode: number;
  /** 0: the page itself (page_0 format, SPC-4 7.5.7). */
  readonly subpageCode: number;
  readonly build: PageBuilder;
  readonly isOffered: (unit: LogicalUnit) => boolean;
}

/** In ascending order, as ALL_PAGES and ALL_SUBPAGES return them. */
const PAGES: readonly ModePage[] = [
  { pageCode: 0x01, subpageCode: 0, build: buildReadWriteErrorRecovery, isOffered: onEveryUnit },
  { pageCode: 0x02, subpageCode: 0, build: buildDisconnectReconnect, isOffered: onEveryUnit },
  { pageCode: 0x08, subpageCode: 0, build: buildCaching, isOffered: onEveryUnit },
  { pageCode: 0x0a, subpageCode: 0, build: buildControl, isOffered: onEveryUnit },
  { pageCode: 0x0a, subpageCode: 0x01, build: buildControlExtension, isOffered: onEveryUnit },
  { pageCode: 0x1a, subpageCode: 0, build: buildPowerCondition, isOffered: onEveryUnit },
  { pageCode: 0x1c, subpageCode: 0, build: buildInformationalExceptions, isOffered: onEveryUnit },
  { pageCode: 0x1c, subpageCode: LBP_SUBPAGE, build: buildLogicalBlockProvisioning, isOffered: hasThresholds },
];

function modeSense(task: Task, allocationLength: number, builder: (task: Task, out: Buffer) => number): void {
  const pageByte = task.command.cdb[PAGE_BYTE]!;
  const pageCode = pageByte & PAGE_CODE_MASK;
  const subpageCode = task.command.cdb[SUBPAGE_CODE]!;
  if (pageCode !== ALL_PAGES && !PAGES.some((page) => page.pageCode === pageCode)) task.invalidField(PAGE_BYTE, 5);
  else if (!hasWantedPage(task, pageCode, subpageCode)) task.invalidField(SUBPAGE_CODE, 7);
  else if (pageByte >>> 6 === PC_SAVED && !task.unit.state.isDurable) task.check(SENSE_SAVING_PARAMETERS_NOT_SUPPORTED);
  else sendParameterData(task, allocationLength, builder);
}

function isPageWanted(page: ModePage, pageCode: number, subpageCode: number): boolean {
  const isCode = pageCode === ALL_PAGES || pageCode === page.pageCode;
  return isCode && (subpageCode === ALL_SUBPAGES || subpageCode === page.subpageCode);
}

/** Of all pages there are only those without subpages, or those with all subpages (SPC-4 table 217). */
function hasWantedPage({ unit }: Task, pageCode: number, subpageCode: number): boolean {
  if (pageCode === ALL_PAGES) return subpageCode === 0 || subpageCode === ALL_SUBPAGES;
  return PAGES.some((page) => page.isOffered(unit) && isPageWanted(page, pageCode, subpageCode));
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
export function currentModePage(unit: LogicalUnit, pageCode: number, subpageCode: number, out: Buffer): number {
  const page = PAGES.find((known) => known.pageCode === pageCode && known.subpageCode === subpageCode);
  return page?.isOffered(unit) === true ? writePage(unit, out, 0, page, PC_CURRENT) : 0;
}

/** Returns where the pages end. */
function writePages(task: Task, out: Buffer, start: number): number {
  const { unit, command } = task;
  const pageByte = command.cdb[PAGE_BYTE]!;
  const subpageCode = command.cdb[SUBPAGE_CODE]!;
  let end = start;
  for (const page of PAGES) {
    if (!page.isOffered(unit) || !isPageWanted(page, pageByte & PAGE_CODE_MASK, subpageCode)) continue;
    end = writePage(unit, out, end, page, pageByte >>> 6);
  }
  return end;
}

export const MODE_PAGE_BYTES_MAX = 64;
/** PS: the page can be saved. */
const PS = 0x80;
/** SPF: the header has a subpage code, and two bytes of length. */
const SPF = 0x40;
const PAGE_HEADER_BYTES = 2;
const SUBPAGE_HEADER_BYTES = 4;

function writePage(unit: LogicalUnit, out: Buffer, at: number, page: ModePage, pageControl: number): number {
  const { pageCode, subpageCode } = page;
  out.fill(0, at, at + MODE_PAGE_BYTES_MAX);
  const end = at + page.build(out, at);
  if (pageControl === PC_CHANGEABLE) out.fill(0, at, end);
  const values = pageControl === PC_CHANGEABLE ? null : valuesOf(unit, pageControl);
  for (const field of MODE_FIELDS) {
    if (field.pageCode !== pageCode || field.subpageCode !== subpageCode) continue;
    if (values !== null) writeModeField(field, values[field.name], out, at);
    else if (field.isChangeable(unit)) writeModeField(field, modeFieldMax(field), out, at);
  }
  writePageHeader(unit, out, at, page, end - at);
  return end;
}

function writePageHeader(unit: LogicalUnit, out: Buffer, at: number, page: ModePage, pageBytes: number): void {
  const { pageCode, subpageCode } = page;
  const saveable = unit.state.isDurable ? PS : 0;
  if (subpageCode === 0) {
    out[at] = pageCode | saveable;
    out[at + 1] = pageBytes - PAGE_HEADER_BYTES;
  } else {
    out[at] = pageCode | saveable | SPF;
    out[at + 1] = subpageCode;
    out.writeUInt16BE(pageBytes - SUBPAGE_HEADER_BYTES, at + 2);
  }
}

function valuesOf(unit: LogicalUnit, pageControl: number): ModeParameters {
  if (pageControl === PC_CURRENT) return unit.modes;
  return pageControl === PC_SAVED ? unit.savedModes : defaultModes(unit);
}

/** SBC-3 6.4.9: the store repairs what it can without being asked. */
function buildReadWriteErrorRecovery(): number {
  return 12;
}

/**
 * SPC-4 7.5.10: all zeros, which is no limit and no preference. iSCSI negotiates its bursts by text keys and leaves this page
 * without pages of its own (RFC 7143 5).
 */
function buildDisconnectReconnect(): number {
  return 16;
}

/** SBC-3 6.4.6 Caching mode page */
function buildCaching(): number {
  return 20;
}

/**
 * SPC-4 7.5.8 Control mode page. One task set for all nexuses (TST zero), SIMPLE commands in any order (QUEUE ALGORITHM
 * MODIFIER 1h), and a unit attention condition that is reported is cleared (UA_INTLCK_CTRL zero).
 */
function buildControl(out: Buffer, at: number): number {
  const UNRESTRICTED_REORDERING_ALLOWED = 0x10;
  out[at + 3] = UNRESTRICTED_REORDERING_ALLOWED;
  return 12;
}

/**
 * SPC-4 7.5.9 Control Extension mode page: the device clock follows the system's (TCMOS) until SET TIMESTAMP sets it, which
 * then holds (SCSIP).
 */
function buildControlExtension(out: Buffer, at: number): number {
  const TCMOS = 0x04;
  const SCSIP = 0x02;
  out[at + 4] = TCMOS | SCSIP;
  return 32;
}

/** SPC-4 7.5.13: no timer leads to a low power condition, and none can be set. */
function buildPowerCondition(): number {
  return 40;
}

/** SPC-4 7.5.15: a store predicts no failure and gives no warning, so their reporting is off and stays off. */
function buildInformationalExceptions(out: Buffer, at: number): number {
  const DEXCPT = 0x08;
  out[at + 2] = DEXCPT;
  return 12;
}

/**
 * SBC-3 6.4.9 Logical Block Provisioning mode page: a threshold for the resources that are left and one for those that are
 * used, both as a number of threshold sets (THRESHOLD TYPE zero). All nexuses are told (SITUA zero).
 */
function buildLogicalBlockProvisioning(out: Buffer, at: number): number {
  const ARM_INCREASING = 0x01;
  out[at + AVAILABLE_THRESHOLD_DESCRIPTOR + THRESHOLD_RESOURCE] = AVAILABLE_LBA_MAPPING_RESOURCE;
  out[at + USED_THRESHOLD_DESCRIPTOR] = ARM_INCREASING;
  out[at + USED_THRESHOLD_DESCRIPTOR + THRESHOLD_RESOURCE] = USED_LBA_MAPPING_RESOURCE;
  return USED_THRESHOLD_DESCRIPTOR + THRESHOLD_DESCRIPTOR_BYTES;
}

// SBC-3 6.4.9.2 Threshold descriptor; its resources are parameter codes of the Logical Block Provisioning log page
const THRESHOLD_RESOURCE = 1;
const THRESHOLD_DESCRIPTOR_BYTES = 8;

function onEveryUnit(): boolean {
  return true;
}

function hasThresholds({ provisioning }: LogicalUnit): boolean {
  return provisioning.hasThresholds;
}

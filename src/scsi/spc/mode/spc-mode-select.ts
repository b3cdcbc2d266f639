/**
 * MODE SELECT(6) and (10) (SPC-4 6.11, 6.12). The whole list is checked before the first parameter changes: a bit that is
 * not changeable must come as it is. A cache that is switched off, and a medium that becomes write protected, is flushed
 * first; what is to be saved is on stable storage before status.
 */
import { IO_FLUSH } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import { NO_SENSE_VALUE } from '../../command/command.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import { takeMediumAlone } from '../../sbc/transfer/block-range.ts';
import {
  parameterFieldPointer,
  SENSE_INTERNAL_TARGET_FAILURE,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_MODE_PARAMETERS_CHANGED,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
} from '../../sense.ts';
import type { Operation, Task } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { ModeField, ModeParameters } from '../../unit/mode-parameters.ts';
import { MODE_FIELDS, modeFieldMask, readModeField, sameModes } from '../../unit/mode-parameters.ts';
import type { UnitStateChange } from '../../unit/unit-state.ts';
import { currentModePage, MODE_PAGE_BYTES_MAX } from './spc-mode.ts';

export function modeSelect6(task: Task): void {
  modeSelect(task, task.command.cdb[LIST_LENGTH_6]!, HEADER_6);
}

export function modeSelect10(task: Task): void {
  modeSelect(task, task.command.cdbView.getUint16(LIST_LENGTH_10), HEADER_10);
}

// SPC-4 6.11, 6.12
const FLAGS = 1;
const PF = 0x10;
const PF_BIT = 4;
const SP = 0x01;
const LIST_LENGTH_6 = 4;
const LIST_LENGTH_10 = 7;

/** Where things stand in a mode parameter header (SPC-4 7.5.5, 7.5.6). */
interface HeaderLayout {
  readonly headerBytes: number;
  readonly mediumType: number;
  /** LONGLBA, or -1 when there is none. */
  readonly longLba: number;
  /** The last byte of BLOCK DESCRIPTOR LENGTH, and its first. */
  readonly descriptorLengthAt: number;
  readonly descriptorLengthBytes: 1 | 2;
}
const HEADER_6: HeaderLayout = {
  headerBytes: 4,
  mediumType: 1,
  longLba: -1,
  descriptorLengthAt: 3,
  descriptorLengthBytes: 1,
};
const HEADER_10: HeaderLayout = {
  headerBytes: 8,
  mediumType: 2,
  longLba: 4,
  descriptorLengthAt: 6,
  descriptorLengthBytes: 2,
};
const LONGLBA = 0x01;
const SHORT_DESCRIPTOR_BYTES = 8;
const LONG_DESCRIPTOR_BYTES = 16;
const UINT24_MASK = 0xffffff;
const UINT32_MAX = 0xffffffff;

const PAGE_CODE = 0x3f;
const PAGE_HEADER_BYTES = 2;
const SUBPAGE_HEADER_BYTES = 4;
/** More than all pages and a block descriptor need. */
const LIST_BYTES_MAX = 4096;

function modeSelect(task: Task, listLength: number, layout: HeaderLayout): void {
  const listByte = layout === HEADER_6 ? LIST_LENGTH_6 : LIST_LENGTH_10;
  if ((task.command.cdb[FLAGS]! & PF) === 0) task.invalidField(FLAGS, PF_BIT);
  else if (wantsSaving(task) && !task.unit.state.isDurable) task.invalidField(FLAGS, 0);
  else if (listLength === 0)
    task.good(); // SPC-4 6.11: no error
  else if (listLength > LIST_BYTES_MAX) task.invalidField(listByte, 7);
  else receiveParameterList(task, listLength, (_task, list) => readList(task, list, layout));
}

function wantsSaving(task: Task): boolean {
  return (task.command.cdb[FLAGS]! & SP) !== 0;
}

function invalid(task: Task, byte: number): void {
  const pointer = parameterFieldPointer(byte, NO_SENSE_VALUE);
  task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
}

function readList(task: Task, list: Buffer, layout: HeaderLayout): void {
  const { headerBytes, mediumType, longLba, descriptorLengthAt, descriptorLengthBytes } = layout;
  if (list.length < headerBytes) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return;
  }
  const descriptorBytes = list.readUIntBE(descriptorLengthAt, descriptorLengthBytes);
  const isLong = longLba >= 0 && (list[longLba]! & LONGLBA) !== 0;
  const wantedBytes = isLong ? LONG_DESCRIPTOR_BYTES : SHORT_DESCRIPTOR_BYTES;
  if (list[mediumType] !== 0) invalid(task, mediumType);
  else if (descriptorBytes !== 0 && descriptorBytes !== wantedBytes) invalid(task, descriptorLengthAt);
  else if (list.length < headerBytes + descriptorBytes) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else if (descriptorBytes > 0 && !isDescriptorCurrent(task.unit, list, headerBytes, isLong))
    invalid(task, headerBytes);
  else readPages(task, list, headerBytes + descriptorBytes);
}

/** The medium keeps its format: number of blocks zero ("as it is"), all ones ("the maximum") or what it has. */
function isDescriptorCurrent(unit: LogicalUnit, list: Buffer, at: number, isLong: boolean): boolean {
  const blocks = isLong ? list.readUInt32BE(at) * 2 ** 32 + list.readUInt32BE(at + 4) : list.readUInt32BE(at);
  const blockBytes = isLong ? list.readUInt32BE(at + 12) : list.readUInt32BE(at + 4) & UINT24_MASK;
  const isMaximum = isLong ? list.readUInt32BE(at) === UINT32_MAX : blocks === UINT32_MAX;
  return blockBytes === unit.blockBytes && (blocks === 0 || isMaximum || blocks === unit.blockCount);
}

type ModeChanges = Partial<Record<keyof ModeParameters, boolean | number>>;

function readPages(task: Task, list: Buffer, start: number): void {
  const changes: ModeChanges = {};
  const current = Buffer.alloc(MODE_PAGE_BYTES_MAX);
  for (let at = start; at < list.length; ) {
    const pageBytes = currentModePage(task.unit, list[at]! & PAGE_CODE, subpageCodeAt(list, at), current);
    const wrong = wrongByte(task.unit, list, at, current.subarray(0, pageBytes));
    if (wrong === LIST_TOO_SHORT) {
      task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
      return;
    }
    if (wrong !== NOTHING_WRONG) {
      invalid(task, at + wrong);
      return;
    }
    takeFields(list, at, changes);
    at += pageBytes;
  }
  apply(task, changes as Partial<ModeParameters>); // readModeField gives each its kind
}

const NOTHING_WRONG = -1;
const LIST_TOO_SHORT = -2;
const SPF = 0x40;

/** 0 for the page_0 format, and for a list that ends before the code. */
function subpageCodeAt(list: Buffer, at: number): number {
  return (list[at]! & SPF) === 0 ? 0 : (list[at + 1] ?? 0);
}

/** The first byte of the page at `at` that may not be so, LIST_TOO_SHORT or NOTHING_WRONG. PS is reserved here, and ignored. */
function wrongByte(unit: LogicalUnit, list: Buffer, at: number, current: Buffer): number {
  const isSubpage = (list[at]! & SPF) !== 0;
  const headerBytes = isSubpage ? SUBPAGE_HEADER_BYTES : PAGE_HEADER_BYTES;
  if (isSubpage && at + 1 < list.length && list[at + 1] === 0) return 1; // page_0 has a format of its own
  if (current.length === 0) return isSubpage && at + 1 < list.length ? 1 : 0;
  for (let byte = 1; byte < headerBytes; byte++) {
    if (at + byte >= list.length) return LIST_TOO_SHORT;
    if (list[at + byte] !== current[byte]) return byte;
  }
  if (list.length - at < current.length) return LIST_TOO_SHORT;
  for (let byte = headerBytes; byte < current.length; byte++) {
    const constant = 0xff & ~changeableBits(unit, list, at, byte);
    if (((list[at + byte]! ^ current[byte]!) & constant) !== 0) return byte;
  }
  const wrongField = MODE_FIELDS.find((field) => isFieldOf(field, list, at) && isReserved(field, list, at));
  return wrongField === undefined ? NOTHING_WRONG : wrongField.byte;
}

function isReserved(field: ModeField, list: Buffer, at: number): boolean {
  return readModeField(field, list, at) === field.reservedValue;
}

function changeableBits(unit: LogicalUnit, list: Buffer, at: number, byte: number): number {
  let bits = 0;
  for (const field of MODE_FIELDS) {
    if (isFieldOf(field, list, at) && field.isChangeable(unit)) bits |= modeFieldMask(field, byte);
  }
  return bits;
}

function isFieldOf(field: ModeField, list: Buffer, at: number): boolean {
  return field.pageCode === (list[at]! & PAGE_CODE) && field.subpageCode === subpageCodeAt(list, at);
}

function takeFields(list: Buffer, at: number, changes: ModeChanges): void {
  for (const field of MODE_FIELDS) {
    if (isFieldOf(field, list, at)) changes[field.name] = readModeField(field, list, at);
  }
}

function apply(task: Task, changes: Partial<ModeParameters>): void {
  const { unit } = task;
  const wanted = { ...unit.modes, ...changes };
  const finish = () => {
    if (wantsSaving(task)) saveThenSet(task, changes);
    else set(task, changes);
  };
  const endsCache = unit.modes.isWriteCacheEnabled && !wanted.isWriteCacheEnabled;
  const protects = !unit.modes.isWriteProtected && wanted.isWriteProtected;
  if ((endsCache || protects) && !unit.backend.capabilities.isWriteThrough) flushFirst(task, finish);
  else finish();
}

/** Writes that are at work end first, and others begin when the parameters hold: none is left in the cache by itself. */
function flushFirst(task: Task, finish: () => void): void {
  task.operation = new FlushFirst(finish);
  const flush = () => task.submitRange(task.ios[0], IO_FLUSH, 0, 0, false);
  if (takeMediumAlone(task, flush)) flush();
}

function saveThenSet(task: Task, changes: Partial<ModeParameters>): void {
  const { state } = task.unit;
  const change: UnitStateChange = ({ savedModes }) => ({ savedModes: { ...savedModes, ...changes } });
  task.beginWork();
  state.update(change, (isSaved) => {
    if (!task.endWork()) return;
    if (isSaved) set(task, changes);
    else task.check(SENSE_INTERNAL_TARGET_FAILURE);
  });
}

/** SPC-4 5.11: the other nexuses are told. What another command has set since this one began stays. */
function set(task: Task, changes: Partial<ModeParameters>): void {
  const { unit, command } = task;
  if (changes.isWriteCacheEnabled !== undefined) unit.cacheFlush.leaveCache();
  const wanted = { ...unit.modes, ...changes };
  if (!sameModes(unit.modes, wanted)) {
    unit.setModes(wanted);
    unit.establishAttention(SENSE_MODE_PARAMETERS_CHANGED, command.nexus);
  }
  task.good();
}

class FlushFirst implements Operation {
  readonly onIoDone: () => void;

  constructor(then: () => void) {
    this.onIoDone = then;
  }

  onSlotReady(): void {
    unexpected();
  }

  onDataOut(): void {
    unexpected();
  }

  onCompareBuffer(): void {
    unexpected();
  }
}

function unexpected(): never {
  assert(false, 'mode parameters wait for a flush alone');
}

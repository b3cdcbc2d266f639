/**
 * The mode parameters that MODE SELECT changes (SPC-4 7.5, SBC-3 6.4), and where they stand in their pages. All other bits
 * of a mode page are constant.
 */
import type { LogicalUnit } from './logical-unit.ts';

export interface ModeParameters {
  /** WCE: writes may stay in a volatile cache until they are flushed. */
  readonly isWriteCacheEnabled: boolean;
  /** D_SENSE: sense data in descriptor format. */
  readonly isDescriptorSense: boolean;
  /** SWP: software write protect. */
  readonly isWriteProtected: boolean;
  /** QERR: QERR_NONE, QERR_ALL or QERR_NEXUS. */
  readonly queueErrorManagement: number;
  /** TAS: who loses commands by another nexus' doing gets TASK ABORTED status, and no unit attention condition. */
  readonly isTaskAbortedStatus: boolean;
  /** LBPERE: thresholds that are reached are reported (SBC-3 4.7.3.7). */
  readonly isThresholdReported: boolean;
  /** Threshold descriptor of the resources that are left, and its THRESHOLD COUNT in threshold sets. */
  readonly isAvailableThresholdEnabled: boolean;
  readonly availableThresholdCount: number;
  /** The same of the resources that are used. */
  readonly isUsedThresholdEnabled: boolean;
  readonly usedThresholdCount: number;
}

// QERR: which other commands a CHECK CONDITION aborts (SPC-4 7.5.8, TST zero).
export const QERR_NONE = 0;
export const QERR_ALL = 1;
export const QERR_RESERVED = 2;
/** Those of its own I_T nexus. */
export const QERR_NEXUS = 3;

/** What somebody has saved: a parameter that is not in it has its default. */
export type SavedModes = Partial<ModeParameters>;

export interface ModeField {
  readonly pageCode: number;
  /** 0 for a page of the page_0 format. */
  readonly subpageCode: number;
  /** Offset in the page of the first byte. */
  readonly byte: number;
  /** The field's bits stand in so many bytes, as one big-endian number. */
  readonly lengthBytes: 1 | 2 | 4;
  readonly mask: number;
  readonly name: keyof ModeParameters;
  readonly isChangeable: (unit: LogicalUnit) => boolean;
  /** Of the values that fit, the one which nobody may choose, or NO_RESERVED_VALUE. */
  readonly reservedValue: number;
}

export const NO_RESERVED_VALUE = -1;

const PAGE_0 = 0;
/** Logical Block Provisioning mode page (SBC-3 6.4.9); its threshold descriptors stand in the order of their resources. */
export const LBP_SUBPAGE = 0x02;
export const AVAILABLE_THRESHOLD_DESCRIPTOR = 16;
export const USED_THRESHOLD_DESCRIPTOR = 24;
const THRESHOLD_COUNT = 4;
const UINT32_MASK = 0xffffffff;

export const MODE_FIELDS: readonly ModeField[] = [
  flag(0x01, PAGE_0, 7, 0x80, 'isThresholdReported', hasThresholds),
  flag(0x08, PAGE_0, 2, 0x04, 'isWriteCacheEnabled', hasVolatileCache),
  flag(0x0a, PAGE_0, 2, 0x04, 'isDescriptorSense', always),
  {
    pageCode: 0x0a,
    subpageCode: PAGE_0,
    byte: 3,
    lengthBytes: 1,
    mask: 0x06,
    name: 'queueErrorManagement',
    isChangeable: always,
    reservedValue: QERR_RESERVED,
  },
  flag(0x0a, PAGE_0, 4, 0x08, 'isWriteProtected', always),
  flag(0x0a, PAGE_0, 5, 0x40, 'isTaskAbortedStatus', always),
  flag(0x1c, LBP_SUBPAGE, AVAILABLE_THRESHOLD_DESCRIPTOR, 0x80, 'isAvailableThresholdEnabled', always),
  uint32(0x1c, LBP_SUBPAGE, AVAILABLE_THRESHOLD_DESCRIPTOR + THRESHOLD_COUNT, 'availableThresholdCount', always),
  flag(0x1c, LBP_SUBPAGE, USED_THRESHOLD_DESCRIPTOR, 0x80, 'isUsedThresholdEnabled', always),
  uint32(0x1c, LBP_SUBPAGE, USED_THRESHOLD_DESCRIPTOR + THRESHOLD_COUNT, 'usedThresholdCount', always),
];

/** Writes `value` into the field's bits of the page at `at`; the others stay. */
export function writeModeField(field: ModeField, value: boolean | number, page: Buffer, at: number): void {
  const { byte, lengthBytes, mask } = field;
  const others = page.readUIntBE(at + byte, lengthBytes) & ~mask;
  const bits = (Number(value) << shiftOf(mask)) & mask;
  page.writeUIntBE((others | bits) >>> 0, at + byte, lengthBytes);
}

/** What the field of the page at `at` says; a field of one bit is a boolean. */
export function readModeField(field: ModeField, page: Buffer, at: number): boolean | number {
  const { byte, lengthBytes, mask } = field;
  const bits = (page.readUIntBE(at + byte, lengthBytes) & mask) >>> 0;
  return isFlag(mask) ? bits !== 0 : bits >>> shiftOf(mask);
}

/** The bits of byte `byte` of a page that the field covers. */
export function modeFieldMask(field: ModeField, byte: number): number {
  const index = byte - field.byte;
  if (index < 0 || index >= field.lengthBytes) return 0;
  return (field.mask >>> ((field.lengthBytes - 1 - index) * 8)) & 0xff;
}

/** All bits of the field set, as its value. */
export function modeFieldMax({ mask }: ModeField): number {
  return mask >>> shiftOf(mask);
}

/** What `unit` has until somebody changes it. */
export function defaultModes({ backend, provisioning }: LogicalUnit): ModeParameters {
  const { availableThresholdCount, usedThresholdCount } = provisioning;
  return {
    isWriteCacheEnabled: !backend.capabilities.isWriteThrough,
    isDescriptorSense: false,
    isWriteProtected: false,
    queueErrorManagement: QERR_NONE,
    isTaskAbortedStatus: false,
    isThresholdReported: provisioning.hasThresholds,
    isAvailableThresholdEnabled: availableThresholdCount > 0,
    availableThresholdCount,
    isUsedThresholdEnabled: usedThresholdCount > 0,
    usedThresholdCount,
  };
}

/** `modes`, where what nobody has changed from the defaults `before` follows the defaults `after`. */
export function withDefaultsOf(modes: ModeParameters, before: ModeParameters, after: ModeParameters): ModeParameters {
  const kept = MODE_FIELDS.filter(({ name }) => modes[name] !== before[name]).map(({ name }) => [name, modes[name]]);
  return { ...after, ...(Object.fromEntries(kept) as Partial<ModeParameters>) };
}

/** Whether both have the same values. */
export function sameModes(a: ModeParameters, b: ModeParameters): boolean {
  return MODE_FIELDS.every(({ name }) => a[name] === b[name]);
}

type Changeable = ModeField['isChangeable'];
type Name = keyof ModeParameters;

function flag(
  pageCode: number,
  subpageCode: number,
  byte: number,
  mask: number,
  name: Name,
  isChangeable: Changeable,
): ModeField {
  return { pageCode, subpageCode, byte, lengthBytes: 1, mask, name, isChangeable, reservedValue: NO_RESERVED_VALUE };
}

function uint32(pageCode: number, subpageCode: number, byte: number, name: Name, isChangeable: Changeable): ModeField {
  return {
    pageCode,
    subpageCode,
    byte,
    lengthBytes: 4,
    mask: UINT32_MASK,
    name,
    isChangeable,
    reservedValue: NO_RESERVED_VALUE,
  };
}

function isFlag(mask: number): boolean {
  return (mask & (mask - 1)) === 0;
}

/** Where the lowest bit of `mask` stands. */
function shiftOf(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/** A store without one cannot be given one. */
function hasVolatileCache({ backend }: LogicalUnit): boolean {
  return !backend.capabilities.isWriteThrough;
}

function hasThresholds({ provisioning }: LogicalUnit): boolean {
  return provisioning.hasThresholds;
}

function always(): boolean {
  return true;
}

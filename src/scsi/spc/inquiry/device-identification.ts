/**
 * Device Identification VPD page 83h (SPC-4 7.8.6). All that names the unit comes from its persisted UUID, so two units
 * never show the same name; what names the target device and its ports comes from the I_T nexus.
 */
import { PROTOCOL_IDENTIFIER_ISCSI, VPD_DEVICE_IDENTIFICATION } from '../../constants.ts';
import type { Task } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { PRODUCT_BYTES, VENDOR_BYTES } from '../../unit/logical-unit.ts';
import { beginPage, VPD_HEADER_BYTES, writeAscii } from './vpd-page.ts';

/** What the identification CSCD descriptor of EXTENDED COPY has room for (SPC-4 7.6.3.1). */
export const DESIGNATOR_BYTES_MAX = 20;

/**
 * Whether page 83h of `unit` holds this designator.
 * @param associationAndType as in byte 1 of a designation descriptor, without PIV
 */
export function isDesignatedBy(
  unit: LogicalUnit,
  codeSet: number,
  associationAndType: number,
  designator: Uint8Array,
): boolean {
  const descriptors = Buffer.alloc(UNIT_DESIGNATORS_BYTES_MAX + unit.serial.length);
  const end = writeUnitDesignators(unit, descriptors, 0);
  for (let at = 0; at < end; at += DESIGNATOR + descriptors[at + 3]!) {
    if (descriptors[at] !== codeSet || descriptors[at + 1] !== associationAndType) continue;
    const start = at + DESIGNATOR;
    if (descriptors.subarray(start, start + descriptors[at + 3]!).equals(designator)) return true;
  }
  return false;
}

export function buildDeviceIdentification(task: Task, out: Buffer): number {
  const { nexus } = task.command;
  const { relativeTargetPort } = nexus.targetPort;
  let end = VPD_HEADER_BYTES;
  if (task.logicalUnit !== null) end = writeUnitDesignators(task.logicalUnit, out, end);
  end = writeTargetDeviceName(nexus.targetPortName, out, end);
  end = writePortName(out, end, nexus.targetPortName);
  end = writePortNumber(out, end, TYPE_RELATIVE_TARGET_PORT, relativeTargetPort);
  end = writePortNumber(out, end, TYPE_TARGET_PORT_GROUP, relativeTargetPort); // target-port.ts
  return finishPage(task, out, end);
}

/** The designation descriptor of the target device that has a port of that name; returns its end. */
export function writeTargetDeviceName(targetPortName: string, out: Buffer, at: number): number {
  return writeNameString(out, at, ASSOCIATION_TARGET_DEVICE, targetDeviceName(targetPortName));
}

/** The SCSI name string designator of a target port. Returns where it ends. */
export function writePortName(out: Buffer, at: number, targetPortName: string): number {
  return writeNameString(out, at, ASSOCIATION_TARGET_PORT, targetPortName);
}

// SPC-4 7.8.6.1 Designation descriptor
const DESIGNATOR = 4;
const PIV = 0x80;
const ASSOCIATION_LOGICAL_UNIT = 0x00;
const ASSOCIATION_TARGET_PORT = 0x10;
const ASSOCIATION_TARGET_DEVICE = 0x20;
const CODE_SET_BINARY = 1;
const CODE_SET_ASCII = 2;
const CODE_SET_UTF_8 = 3;
const TYPE_T10_VENDOR_ID = 1;
const TYPE_NAA = 3;
const TYPE_RELATIVE_TARGET_PORT = 4;
const TYPE_TARGET_PORT_GROUP = 5;
const TYPE_SCSI_NAME_STRING = 8;
/** SPC-5 7.7.6.11 */
const TYPE_UUID = 10;

/** NAA 3h, locally assigned: sixty bits of our own. The formats with an IEEE company identifier belong to its owner. */
const NAA_LOCALLY_ASSIGNED = 0x30;
const NAA_BYTES = 8;
const UUID_BYTES = 16;
/** Three descriptors without the serial number. */
const UNIT_DESIGNATORS_BYTES_MAX = 3 * DESIGNATOR + NAA_BYTES + VENDOR_BYTES + PRODUCT_BYTES + 2 + UUID_BYTES;
/** RFC 7143 4.2.7.1: the longest iSCSI name is 223 bytes; behind it ",t,0x" and four digits. */
const NAME_STRING_BYTES_MAX = 236;

/** All that names the unit itself. */
function writeUnitDesignators(unit: LogicalUnit, out: Buffer, at: number): number {
  return writeUuid(unit, out, writeT10VendorId(unit, out, writeNaa(unit, out, at)));
}

/** beginPage clears the page, so the descriptors are written first and put back behind the header. */
function finishPage(task: Task, out: Buffer, end: number): number {
  const header = Buffer.alloc(VPD_HEADER_BYTES);
  beginPage(task, header, VPD_DEVICE_IDENTIFICATION, 0);
  header.writeUInt16BE(end - VPD_HEADER_BYTES, 2);
  header.copy(out);
  return end;
}

function writeHeader(
  out: Buffer,
  at: number,
  codeSet: number,
  pivAssociationType: number,
  lengthBytes: number,
): number {
  const hasProtocol = (pivAssociationType & PIV) !== 0;
  out[at] = hasProtocol ? (PROTOCOL_IDENTIFIER_ISCSI << 4) | codeSet : codeSet;
  out[at + 1] = pivAssociationType;
  out[at + 2] = 0;
  out[at + 3] = lengthBytes;
  return at + DESIGNATOR;
}

/** The NAA designation descriptor of `unit`; returns its end. */
export function writeNaa(unit: LogicalUnit, out: Buffer, at: number): number {
  const start = writeHeader(out, at, CODE_SET_BINARY, ASSOCIATION_LOGICAL_UNIT | TYPE_NAA, NAA_BYTES);
  // The last eight bytes of a random UUID hold 62 random bits; NAA takes the place of the variant and two of them.
  out.set(unit.uuid.subarray(UUID_BYTES - NAA_BYTES), start);
  out[start] = NAA_LOCALLY_ASSIGNED | (out[start]! & 0x0f);
  return start + NAA_BYTES;
}

function writeT10VendorId(unit: LogicalUnit, out: Buffer, at: number): number {
  const lengthBytes = VENDOR_BYTES + PRODUCT_BYTES + unit.serial.length;
  const start = writeHeader(out, at, CODE_SET_ASCII, ASSOCIATION_LOGICAL_UNIT | TYPE_T10_VENDOR_ID, lengthBytes);
  writeAscii(out, start, VENDOR_BYTES, unit.vendor);
  writeAscii(out, start + VENDOR_BYTES, PRODUCT_BYTES, unit.product);
  writeAscii(out, start + VENDOR_BYTES + PRODUCT_BYTES, unit.serial.length, unit.serial);
  return start + lengthBytes;
}

function writeUuid(unit: LogicalUnit, out: Buffer, at: number): number {
  const lengthBytes = 2 + UUID_BYTES;
  const start = writeHeader(out, at, CODE_SET_BINARY, ASSOCIATION_LOGICAL_UNIT | TYPE_UUID, lengthBytes);
  out[start] = 0x10; // UUID TYPE 1h
  out[start + 1] = 0;
  out.set(unit.uuid, start + 2);
  return start + lengthBytes;
}

/** SPC-4 7.8.6.11: UTF-8, null-terminated and padded with nulls to a multiple of four. */
function writeNameString(out: Buffer, at: number, association: number, name: string): number {
  const start = at + DESIGNATOR;
  out.fill(0, start, start + NAME_STRING_BYTES_MAX + 4);
  const nameBytes = out.write(name, start, NAME_STRING_BYTES_MAX, 'utf8');
  const lengthBytes = (nameBytes + 4) & ~3;
  writeHeader(out, at, CODE_SET_UTF_8, PIV | association | TYPE_SCSI_NAME_STRING, lengthBytes);
  return start + lengthBytes;
}

function writePortNumber(out: Buffer, at: number, type: number, value: number): number {
  const start = writeHeader(out, at, CODE_SET_BINARY, PIV | ASSOCIATION_TARGET_PORT | type, 4);
  out.writeUInt32BE(value, start);
  return start + 4;
}

/** The iSCSI name in a target port name "name,t,0x...". */
function targetDeviceName(targetPortName: string): string {
  const comma = targetPortName.indexOf(',');
  return comma < 0 ? targetPortName : targetPortName.slice(0, comma);
}

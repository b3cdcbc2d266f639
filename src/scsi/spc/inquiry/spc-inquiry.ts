/**
 * INQUIRY (SPC-4 6.6): standard data, and the vital product data pages of SPC-4 7.8 and SBC-3 6.6. Block device pages
 * stand in sbc-vpd.ts, the identification page in device-identification.ts.
 */

import { sendParameterData } from '../../command/parameter-data.ts';
import {
  PERIPHERAL_CD_DVD,
  PERIPHERAL_DIRECT_ACCESS,
  VPD_BLOCK_DEVICE_CHARACTERISTICS,
  VPD_BLOCK_LIMITS,
  VPD_DEVICE_IDENTIFICATION,
  VPD_EXTENDED_INQUIRY_DATA,
  VPD_LOGICAL_BLOCK_PROVISIONING,
  VPD_MODE_PAGE_POLICY,
  VPD_POWER_CONDITION,
  VPD_SCSI_PORTS,
  VPD_SUPPORTED_PAGES,
  VPD_THIRD_PARTY_COPY,
  VPD_UNIT_SERIAL_NUMBER,
} from '../../constants.ts';
import { buildThirdPartyCopy } from '../../copy/third-party-copy-vpd.ts';
import { buildPowerConditionPage } from '../../sbc/power-condition.ts';
import { buildBlockDeviceCharacteristics, buildBlockLimits, buildLogicalBlockProvisioning } from '../../sbc/sbc-vpd.ts';
import { SENSE_LOGICAL_UNIT_NOT_SUPPORTED } from '../../sense.ts';
import type { ParameterDataBuilder, Task } from '../../task/task.ts';
import { ADDRESSED_ABSENT, ADDRESSED_DISK } from '../../task/task.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { PRODUCT_BYTES, REVISION_BYTES, VENDOR_BYTES } from '../../unit/logical-unit.ts';
import { buildDeviceIdentification } from './device-identification.ts';
import { buildExtendedInquiryData, buildModePagePolicy } from './extended-inquiry.ts';
import { buildScsiPorts } from './scsi-ports.ts';
import { beginPage, peripheral, VPD_HEADER_BYTES, writeAscii } from './vpd-page.ts';

export function inquiry(task: Task): void {
  const { cdbView } = task.command;
  const pageCode = cdbView.getUint8(PAGE_CODE);
  const allocationLength = cdbView.getUint16(ALLOCATION_LENGTH);
  if ((cdbView.getUint8(EVPD_BYTE) & EVPD) === 0) {
    if (pageCode === 0) sendParameterData(task, allocationLength, buildStandard);
    else task.invalidField(PAGE_CODE, 7);
    return;
  }
  const builder = pagesOf(task).get(pageCode);
  if (task.addressed === ADDRESSED_ABSENT) task.check(SENSE_LOGICAL_UNIT_NOT_SUPPORTED);
  else if (builder === undefined) task.invalidField(PAGE_CODE, 7);
  else sendParameterData(task, allocationLength, builder);
}

// SPC-4 6.6.1 INQUIRY command
const EVPD_BYTE = 1;
const EVPD = 0x01;
const PAGE_CODE = 2;
const ALLOCATION_LENGTH = 3;

// SPC-4 6.6.2 Standard INQUIRY data
const STANDARD_BYTES = 96;
const RMB_BYTE = 1;
const RMB = 0x80;
const VERSION = 2;
const VERSION_SPC_4 = 0x06;
const FORMAT_BYTE = 3;
const NORMACA = 0x20;
const HISUP = 0x10;
const RESPONSE_DATA_FORMAT = 0x02;
const ADDITIONAL_LENGTH = 4;
const ACCESS_AND_COPY_BYTE = 5;
const TPGS_IMPLICIT = 0x10;
const TPGS_EXPLICIT = 0x20;
const THIRD_PARTY_COPY = 0x08;
const MULTIP_BYTE = 6;
const MULTIP = 0x10;
const CMDQUE_BYTE = 7;
const CMDQUE = 0x02;
const T10_VENDOR_IDENTIFICATION = 8;
const PRODUCT_IDENTIFICATION = 16;
const PRODUCT_REVISION_LEVEL = 32;
const VERSION_DESCRIPTORS = 58;
/** SAM-5, SPC-4, SBC-3 or MMC-6, and iSCSI, no version claimed (SPC-4 table 144). */
const STANDARDS_OF_DISKS = [0x00a0, 0x0460, 0x04c0, 0x0960];
const STANDARDS_OF_DRIVES = [0x00a0, 0x0460, 0x04e0, 0x0960];

/** The pages of a disk in ascending order, which is the order that page 00h lists them in. */
const DISK_PAGES: ReadonlyMap<number, ParameterDataBuilder> = new Map([
  [VPD_SUPPORTED_PAGES, buildSupportedPages],
  [VPD_UNIT_SERIAL_NUMBER, buildUnitSerialNumber],
  [VPD_DEVICE_IDENTIFICATION, buildDeviceIdentification],
  [VPD_EXTENDED_INQUIRY_DATA, buildExtendedInquiryData],
  [VPD_MODE_PAGE_POLICY, buildModePagePolicy],
  [VPD_SCSI_PORTS, buildScsiPorts],
  [VPD_POWER_CONDITION, buildPowerConditionPage],
  [VPD_THIRD_PARTY_COPY, buildThirdPartyCopy],
  [VPD_BLOCK_LIMITS, buildBlockLimits],
  [VPD_BLOCK_DEVICE_CHARACTERISTICS, buildBlockDeviceCharacteristics],
  [VPD_LOGICAL_BLOCK_PROVISIONING, buildLogicalBlockProvisioning],
]);

const DRIVE_PAGES: ReadonlyMap<number, ParameterDataBuilder> = new Map([
  [VPD_SUPPORTED_PAGES, buildSupportedPages],
  [VPD_UNIT_SERIAL_NUMBER, buildUnitSerialNumber],
  [VPD_DEVICE_IDENTIFICATION, buildDeviceIdentification],
]);

const WELL_KNOWN_PAGES: ReadonlyMap<number, ParameterDataBuilder> = new Map([
  [VPD_SUPPORTED_PAGES, buildSupportedPages],
  [VPD_DEVICE_IDENTIFICATION, buildDeviceIdentification],
]);

function pagesOf(task: Task): ReadonlyMap<number, ParameterDataBuilder> {
  if (task.addressed !== ADDRESSED_DISK) return WELL_KNOWN_PAGES;
  return isDrive(task) ? DRIVE_PAGES : DISK_PAGES;
}

function isDisk({ logicalUnit }: Task): boolean {
  return logicalUnit?.deviceType === PERIPHERAL_DIRECT_ACCESS;
}

function isDrive({ logicalUnit }: Task): boolean {
  return logicalUnit?.deviceType === PERIPHERAL_CD_DVD;
}

function buildStandard(task: Task, out: Buffer): number {
  const unit = task.logicalUnit;
  out.fill(0, 0, STANDARD_BYTES);
  out[0] = peripheral(task);
  out[RMB_BYTE] = unit?.isRemovable ? RMB : 0;
  out[VERSION] = VERSION_SPC_4;
  out[FORMAT_BYTE] = HISUP | RESPONSE_DATA_FORMAT;
  out[ADDITIONAL_LENGTH] = STANDARD_BYTES - ADDITIONAL_LENGTH - 1;
  if (unit !== null) {
    out[FORMAT_BYTE] = NORMACA | HISUP | RESPONSE_DATA_FORMAT;
    out[ACCESS_AND_COPY_BYTE] = isDisk(task) ? accessSupport(unit) | THIRD_PARTY_COPY : 0;
    out[MULTIP_BYTE] = unit.portsSeenBy(task.command.nexus).length > 1 ? MULTIP : 0;
  }
  out[CMDQUE_BYTE] = CMDQUE;
  writeAscii(out, T10_VENDOR_IDENTIFICATION, VENDOR_BYTES, unit?.vendor ?? '');
  writeAscii(out, PRODUCT_IDENTIFICATION, PRODUCT_BYTES, unit?.product ?? '');
  writeAscii(out, PRODUCT_REVISION_LEVEL, REVISION_BYTES, unit?.revision ?? '');
  const standards = isDrive(task) ? STANDARDS_OF_DRIVES : STANDARDS_OF_DISKS;
  standards.forEach((standard, index) => {
    out.writeUInt16BE(standard, VERSION_DESCRIPTORS + index * 2);
  });
  return STANDARD_BYTES;
}

/** TPGS: the configuration can always change the states. */
function accessSupport({ reservations }: LogicalUnit): number {
  return TPGS_IMPLICIT | (reservations.hasExplicitAccess ? TPGS_EXPLICIT : 0);
}

function buildSupportedPages(task: Task, out: Buffer): number {
  const pages = pagesOf(task);
  const lengthBytes = beginPage(task, out, VPD_SUPPORTED_PAGES, pages.size);
  out.set([...pages.keys()], VPD_HEADER_BYTES);
  return lengthBytes;
}

/** SPC-4 7.8.15 Unit Serial Number VPD page */
function buildUnitSerialNumber(task: Task, out: Buffer): number {
  const { serial } = task.unit;
  const lengthBytes = beginPage(task, out, VPD_UNIT_SERIAL_NUMBER, serial.length);
  writeAscii(out, VPD_HEADER_BYTES, serial.length, serial);
  return lengthBytes;
}

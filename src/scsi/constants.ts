/**
 * Numbers of SPC-4 and SBC-3 that more than one file needs, under the standards' own names. Sense codes stand in
 * sense.ts, statuses and task attributes in command.ts.
 */

/** Peripheral qualifier and device type, byte 0 of INQUIRY data (SPC-4 6.6.2). */
export const PERIPHERAL_DIRECT_ACCESS = 0x00;
/** A device of MMC-6: CD-ROM, DVD-ROM. */
export const PERIPHERAL_CD_DVD = 0x05;
/** What kinds of device a logical unit can be. */
export type DeviceType = typeof PERIPHERAL_DIRECT_ACCESS | typeof PERIPHERAL_CD_DVD;
/** Qualifier 001b, or-ed to the type: a device that cannot be reached now (SPC-4 5.16.2.4.5). */
export const PERIPHERAL_NOT_CONNECTED = 0x20;
/** Peripheral device type 1Eh: well known logical unit. */
export const PERIPHERAL_WELL_KNOWN = 0x1e;
/** Qualifier 011b, type 1Fh: the target device cannot support a device at this LUN. */
export const PERIPHERAL_NOT_SUPPORTED = 0x7f;

/** PROTOCOL IDENTIFIER of iSCSI (SPC-4 7.6.1). */
export const PROTOCOL_IDENTIFIER_ISCSI = 0x05;

/** Vital product data pages (SPC-4 7.8, SBC-3 6.6). */
export const VPD_SUPPORTED_PAGES = 0x00;
export const VPD_UNIT_SERIAL_NUMBER = 0x80;
export const VPD_DEVICE_IDENTIFICATION = 0x83;
export const VPD_EXTENDED_INQUIRY_DATA = 0x86;
export const VPD_MODE_PAGE_POLICY = 0x87;
export const VPD_SCSI_PORTS = 0x88;
export const VPD_POWER_CONDITION = 0x8a;
export const VPD_THIRD_PARTY_COPY = 0x8f;
export const VPD_BLOCK_LIMITS = 0xb0;
export const VPD_BLOCK_DEVICE_CHARACTERISTICS = 0xb1;
export const VPD_LOGICAL_BLOCK_PROVISIONING = 0xb2;

/** BYTCHK field of the VERIFY and WRITE AND VERIFY commands (SBC-3 5.29). */
export const BYTCHK_NONE = 0;
export const BYTCHK_COMPARE = 1;
export const BYTCHK_RESERVED = 2;
export const BYTCHK_COMPARE_ONE_BLOCK = 3;

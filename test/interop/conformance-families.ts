/**
 * The families of libiscsi's iscsi-test-cu that this target is held to, and the tests in them that 1.19 (Debian 12, Ubuntu
 * 24.04) does not carry out on it. A test that is skipped and does not stand here, or stands here and is carried out, is a
 * failure: the list says what is so.
 */

/** In `iscsi-test-cu -l` of 1.19 and later. WriteAtomic16, reservations, copies and the like are not among them yet. */
export const FAMILIES: readonly string[] = [
  ...['Inquiry', 'Mandatory', 'ModeSense6', 'ReadCapacity10', 'ReadCapacity16', 'ReadDefectData10', 'ReadDefectData12'],
  ...['Read6', 'Read10', 'Read12', 'Read16', 'ReadOnly', 'ReportSupportedOpcodes', 'StartStopUnit', 'TestUnitReady'],
  ...['Unmap', 'Verify10', 'Verify12', 'Verify16', 'Write10', 'Write12', 'Write16', 'WriteSame10', 'WriteSame16'],
  ...['WriteVerify10', 'WriteVerify12', 'WriteVerify16'],
  ...['iSCSIcmdsn', 'iSCSIdatasn', 'iSCSIResiduals', 'iSCSITMF'],
];

/** Run where the installed version lists them, which 1.19 does not. */
export const LATER_FAMILIES: readonly string[] = ['iSCSISendTargets', 'iSCSINop'];

/** What 1.19 says about each test that it skips. */
export const SKIPPED: Readonly<Record<string, string>> = {
  // Carried out on a disk that may only be read.
  'ReadOnly.ReadOnlySBC': 'Logical unit is not write-protected. Skipping test.',
  // A disk has no tray.
  'StartStopUnit.Simple': 'Media is not removable.',
  // Block Limits VPD: WSNZ is 1.
  'WriteSame10.ZeroBlocks': 'WRITESAME10 does not support 0-blocks.',
  'WriteSame16.ZeroBlocks': 'WRITESAME16 does not support 0-blocks.',
};

/** The same on a disk that may only be read. It provisions nothing, so it has no UNMAP, and there the test gives up. */
export const SKIPPED_READ_ONLY: Readonly<Record<string, string>> = {
  'ReadOnly.ReadOnlySBC': 'UNMAP is not implemented.',
};

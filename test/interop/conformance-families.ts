/**
 * The families of libiscsi's iscsi-test-cu that this target is held to, and what 1.19 (Debian 12, Ubuntu 24.04) does not carry
 * out on it. A test that is skipped and does not stand here, or stands here and is carried out, is a failure: the list says
 * what is so.
 */

/** In `iscsi-test-cu -l` of 1.19 and later. */
export const FAMILIES: readonly string[] = [
  ...['Inquiry', 'Mandatory', 'ModeSense6', 'ReadCapacity10', 'ReadCapacity16', 'ReadDefectData10', 'ReadDefectData12'],
  ...['Read6', 'Read10', 'Read12', 'Read16', 'ReadOnly', 'ReportSupportedOpcodes', 'StartStopUnit', 'TestUnitReady'],
  ...['Unmap', 'Prefetch10', 'Prefetch16', 'Verify10', 'Verify12', 'Verify16'],
  ...['Write10', 'Write12', 'Write16', 'WriteSame10', 'WriteSame16', 'WriteVerify10', 'WriteVerify12', 'WriteVerify16'],
  ...['CompareAndWrite', 'ExtendedCopy', 'OrWrite', 'ReceiveCopyResults'],
  ...['PrinReadKeys', 'PrinReportCapabilities', 'PrinServiceactionRange'],
  ...['ProutClear', 'ProutPreempt', 'ProutRegister', 'ProutReserve', 'Reserve6'],
  ...['iSCSIcmdsn', 'iSCSIdatasn', 'iSCSIResiduals', 'iSCSITMF'],
];

/** Run where the installed version lists them, which 1.19 does not. */
export const LATER_FAMILIES: readonly string[] = ['iSCSISendTargets', 'iSCSINop'];

/**
 * Run where a logical block is a physical block: one of every kind, and GetLBAStatus, whose UnmapSingle asks elsewhere for the
 * status of a block (i + 1) and expects the answer of another (i + blocks per physical block).
 */
export const PHYSICAL_BLOCK_FAMILIES: readonly string[] = [
  ...['GetLBAStatus', 'Inquiry', 'ReadCapacity10', 'ReadCapacity16', 'Read16', 'Write16', 'WriteSame16', 'Unmap'],
  ...['Verify16', 'WriteVerify16', 'CompareAndWrite', 'OrWrite'],
];

/** Where a medium can be ejected; a disk whose medium is fixed is never asked. */
export const REMOVABLE_FAMILIES: readonly string[] = ['PreventAllow', 'StartStopUnit', 'NoMedia', 'TestUnitReady'];

/** What the suite says about each test that it skips. */
export type Skips = Readonly<Record<string, string>>;

export const SKIPPED: Skips = {
  // Carried out on a disk that may only be read.
  'ReadOnly.ReadOnlySBC': 'Logical unit is not write-protected. Skipping test.',
  // A disk has no tray.
  'StartStopUnit.Simple': 'Media is not removable.',
  // Block Limits VPD: WSNZ is 1.
  'WriteSame10.ZeroBlocks': 'WRITESAME10 does not support 0-blocks.',
  'WriteSame16.ZeroBlocks': 'WRITESAME16 does not support 0-blocks.',
};

/** What needs several logical blocks per physical block. */
export const SKIPPED_4K: Skips = {
  ...SKIPPED,
  'CompareAndWrite.InvalidDataOutSize': 'LBPPB < 2. Skipping test',
  'WriteSame16.InvalidDataOutSize': 'LBPPB < 2. Skipping test',
  'WriteSame16.UnmapUnaligned': 'LBPPB < 2. Skipping test',
};

/** A disk that may only be read provisions nothing, so it has no UNMAP, and there the test gives up. */
export const SKIPPED_READ_ONLY: Skips = { 'ReadOnly.ReadOnlySBC': 'UNMAP is not implemented.' };

/** Tests that ask for something else than the standards, with the only complaint that they may have. */
export const SUITE_FAULTS: Readonly<Record<string, RegExp>> = {
  // START zero is the stopped power condition, in which TEST UNIT READY has 02/04/02 for an answer (SBC-3 4.20, 5.25). The
  // test holds everything for GOOD that is not an ejected medium.
  'StartStopUnit.NoLoej': /^TESTUNITREADY command failed .*NOT READY\(0x02\) \/ ASCQ .*\(0x0402\)$/,
  // It also sends the POWER CONDITIONs that are reserved, and these "shall be reported as error" (SBC-3, keyword reserved).
  'StartStopUnit.PwrCnd':
    /^STARTSTOPUNIT command failed .*ILLEGAL_REQUEST\(0x05\) \/ ASCQ INVALID_FIELD_IN_CDB\(0x2400\)$/,
};

/**
 * What libiscsi's iscsi-test-cu does not carry out, in its own words, by the kind of logical unit that it is run on. A test
 * that is skipped and does not stand here, or stands here and is carried out, is a failure: the lists say what is so.
 */

/** What the suite says about each test that it skips. */
export type Skips = Readonly<Record<string, string>>;

/** What could differ where a login moves to another thread: sessions, numbering, resets, nexuses, two paths to one disk. */
export const REACTOR_FAMILIES: readonly string[] = [
  ...['Read10', 'Write10', 'CompareAndWrite', 'MultipathIO', 'Reserve6', 'ProutRegister', 'ProutPreempt'],
  ...['iSCSIcmdsn', 'iSCSIdatasn', 'iSCSIResiduals', 'iSCSITMF', 'iSCSINop', 'iSCSISendTargets'],
];

/** Families whose tests concern a medium that can be ejected. */
export const REMOVABLE_FAMILIES: readonly string[] = ['PreventAllow', 'StartStopUnit', 'NoMedia', 'TestUnitReady'];

/** Those whose commands depend on the size of a block: one of each kind. */
export const BLOCK_SIZE_FAMILIES: readonly string[] = [
  ...['GetLBAStatus', 'Inquiry', 'ReadCapacity10', 'ReadCapacity16', 'Read16', 'Write16', 'WriteSame16', 'Unmap'],
  ...['Verify16', 'WriteVerify16', 'CompareAndWrite', 'OrWrite', 'WriteAtomic16'],
];

/** Those that write nothing, with one test of SANITIZE: on a disk that may only be read the others fail, as they should. */
export const READING_FAMILIES: readonly string[] = [
  ...['Inquiry', 'Mandatory', 'ModeSense6', 'NoMedia', 'Prefetch10', 'Prefetch16', 'PreventAllow', 'PrinReadKeys'],
  ...['PrinServiceactionRange', 'PrinReportCapabilities', 'ProutRegister', 'ProutClear', 'ProutPreempt'],
  ...['Read6', 'Read10', 'Read12', 'Read16', 'ReadCapacity10', 'ReadCapacity16', 'ReadDefectData10'],
  ...['ReadDefectData12', 'ReadOnly', 'ReportSupportedOpcodes', 'Sanitize.Readonly', 'StartStopUnit'],
  ...['TestUnitReady', 'Verify10', 'Verify12', 'Verify16', 'iSCSINop', 'iSCSISendTargets'],
];

/** Tests that end the session of those behind them, which then speak of no iSCSI device: they are run by themselves. */
export const ALONE: readonly string[] = ['iSCSITMF.LUNResetSimpleAsync', 'iSCSITMF.LogoutDuringIOAsync'];

const MORE_BLOCKS_NEEDED = 'LBPPB < 2. Skipping test';
const NOT_REMOVABLE = 'Logical unit is not removable. Skipping test.';
const ONE_PATH = 'Multipath unavailable. Skipping test';
const NO_SESSION = 'Not an iSCSI device. Skipping test';
const NO_CHAP = 'This test requires an iSCSI session with CHAP_A=5';

const ALWAYS: Skips = {
  // A logical block is a physical block, and LBPPB is how many make one.
  'CompareAndWrite.InvalidDataOutSize': MORE_BLOCKS_NEEDED,
  'WriteSame10.InvalidDataOutSize': MORE_BLOCKS_NEEDED,
  'WriteSame10.UnmapUnaligned': MORE_BLOCKS_NEEDED,
  'WriteSame16.InvalidDataOutSize': MORE_BLOCKS_NEEDED,
  'WriteSame16.UnmapUnaligned': MORE_BLOCKS_NEEDED,
  // Block Limits VPD: WSNZ is 1.
  'WriteSame10.ZeroBlocks': 'WRITESAME10 does not support 0-blocks.',
  'WriteSame16.ZeroBlocks': 'WRITESAME16 does not support 0-blocks.',
  // Carried out where there is what they are about.
  'ReadOnly.ReadOnlySBC': 'Logical unit is not write-protected. Skipping test.',
  'iSCSICHAP.Simple': NO_CHAP,
  'iSCSICHAP.Invalid': NO_CHAP,
};

const ONE_PATH_ONLY: Skips = {
  'MultipathIO.Simple': ONE_PATH,
  'MultipathIO.Reset': ONE_PATH,
  'MultipathIO.CompareAndWrite': ONE_PATH,
  'MultipathIO.CompareAndWriteAsync': ONE_PATH,
};

const FIXED: Skips = {
  'StartStopUnit.Simple': 'Media is not removable.',
  'PreventAllow.Simple': NOT_REMOVABLE,
  'PreventAllow.Eject': NOT_REMOVABLE,
  'PreventAllow.ITNexusLoss': NOT_REMOVABLE,
  'PreventAllow.Logout': NOT_REMOVABLE,
  'PreventAllow.WarmReset': NOT_REMOVABLE,
  'PreventAllow.ColdReset': NOT_REMOVABLE,
  'PreventAllow.LUNReset': NOT_REMOVABLE,
  'PreventAllow.2ITNexuses': NOT_REMOVABLE,
};

/** Of later versions alone. */
export const LATER_SKIPS: Skips = {
  // Carried out on a larger disk: it copies as much as one segment may have.
  'ExtendedCopy.Large': 'device too small to handle maxlen XCOPY',
  // See ALONE.
  'iSCSITMF.LUNResetSimpleAsync': NO_SESSION,
  'iSCSITMF.LogoutDuringIOAsync': NO_SESSION,
};

export const SKIPPED: Skips = { ...ALWAYS, ...ONE_PATH_ONLY, ...FIXED };
export const SKIPPED_REMOVABLE: Skips = { ...ALWAYS, ...ONE_PATH_ONLY };
export const SKIPPED_BY_TWO_PATHS: Skips = { ...ALWAYS, ...FIXED };
export const SKIPPED_READ_ONLY: Skips = FIXED;
export const NOTHING_SKIPPED: Skips = {};

/** Tests that ask for something else than the standards, with the only complaint that they may have. */
export const SUITE_FAULTS: Readonly<Record<string, RegExp>> = {};

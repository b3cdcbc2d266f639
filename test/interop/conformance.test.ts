/**
 * libiscsi's conformance suite, iscsi-test-cu, with its destructive tests, on thin disks of 100 MiB: what is installed and,
 * where it can be had, a later version. Every family is a process of its own: 1.19 leaves the hook of a skipped COMPARE AND
 * WRITE test in place, where it spoils the families that follow. Every kind of disk has a daemon of its own: the resets of a
 * target end the sessions of all its disks.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALONE,
  BLOCK_SIZE_FAMILIES,
  LATER_SKIPS,
  NOTHING_SKIPPED,
  REACTOR_FAMILIES,
  READING_FAMILIES,
  REMOVABLE_FAMILIES,
  SKIPPED,
  SKIPPED_BY_TWO_PATHS,
  SKIPPED_READ_ONLY,
  SKIPPED_REMOVABLE,
  type Skips,
} from './conformance-families.ts';
import { parseReport } from './conformance-report.ts';
import { expectConformance, FamilyRuns } from './conformance-run.ts';
import { type ConformanceSuite, familyName, installedSuite, laterSuite } from './conformance-suite.ts';
import { DaemonProcess, type DaemonSetup, type DiskSetup, TestFolder } from './daemon-process.ts';
import { writeRandomImage } from './random-image.ts';

const KIND_MS_MAX = 350_000;
const SIZE_MIB = 100;
const BLOCK_SHIFT_4K = 12;
const CHAP_USER = 'suite';
const CHAP_SECRET = 'what-the-suite-knows';

/** A disk, how it is reached, and what is run on it. */
interface Kind {
  readonly name: string;
  readonly suite: ConformanceSuite;
  readonly families: readonly string[];
  readonly skipped: Skips;
  readonly disk: Omit<DiskSetup, 'fileName' | 'size'>;
  readonly sizeMiB?: number;
  readonly setup?: Omit<DaemonSetup, 'disks'>;
  /** Before the address in the URL. */
  readonly credentials?: string;
}

const installed = installedSuite();
const later = laterSuite();
const current = typeof later === 'string' ? installed : later;
const laterSkips = current === installed ? NOTHING_SKIPPED : LATER_SKIPS;
const iouring = { scheme: 'iouring' };

const KINDS: readonly Kind[] = [
  {
    name: 'a disk, by the installed version',
    suite: installed,
    families: allOf(installed),
    skipped: SKIPPED,
    disk: { scheme: 'file' },
  },
  {
    name: 'a disk',
    suite: current,
    families: [...allOf(current), ...(current === installed ? [] : namedOf(current, ALONE))],
    skipped: { ...SKIPPED, ...laterSkips },
    disk: iouring,
  },
  {
    name: 'a disk by two portals',
    suite: current,
    families: allOf(current),
    skipped: { ...SKIPPED_BY_TWO_PATHS, ...laterSkips },
    disk: iouring,
    setup: { otherPortals: ['127.0.0.2:0'] },
  },
  {
    name: 'a disk of a second reactor',
    suite: current,
    families: namedOf(current, REACTOR_FAMILIES),
    skipped: { ...SKIPPED_BY_TWO_PATHS, ...laterSkips },
    disk: iouring,
    setup: { otherPortals: ['127.0.0.2:0'], keys: { performance: { reactors: 2 } } },
  },
  {
    name: 'a removable disk',
    suite: current,
    families: allOf(current),
    skipped: { ...SKIPPED_REMOVABLE, ...laterSkips },
    disk: { ...iouring, isRemovable: true },
  },
  {
    name: 'a removable disk, by the installed version',
    suite: installed,
    families: namedOf(installed, REMOVABLE_FAMILIES),
    skipped: SKIPPED_REMOVABLE,
    disk: { scheme: 'file', isRemovable: true },
  },
  {
    name: 'a disk in blocks of 4096 bytes',
    suite: current,
    families: namedOf(current, BLOCK_SIZE_FAMILIES),
    skipped: SKIPPED,
    disk: { ...iouring, blockShift: BLOCK_SHIFT_4K },
  },
  {
    name: 'a disk that may only be read',
    suite: current,
    families: namedOf(current, READING_FAMILIES),
    skipped: SKIPPED_READ_ONLY,
    disk: { ...iouring, isReadOnly: true },
  },
  {
    name: 'a disk behind CHAP',
    suite: current,
    families: namedOf(current, ['iSCSICHAP']),
    skipped: NOTHING_SKIPPED,
    disk: iouring,
    setup: { targetKeys: { auth: { users: [{ user: CHAP_USER, secret: CHAP_SECRET }], algorithms: ['MD5'] } } },
    credentials: `${CHAP_USER}%${CHAP_SECRET}@`,
  },
  {
    name: 'a disk with room for the longest copy',
    suite: current,
    families: namedOf(current, ['ExtendedCopy']),
    skipped: NOTHING_SKIPPED,
    disk: iouring,
    sizeMiB: 600,
  },
  {
    name: 'a disk to sanitize',
    suite: current,
    families: namedOf(current, ['Sanitize']),
    skipped: NOTHING_SKIPPED,
    disk: iouring,
  },
];

/** Every family but Sanitize, whose one disk is enough: it takes a minute and a half. */
function allOf(suite: ConformanceSuite): string[] {
  return suite.families.filter((family) => familyName(family) !== 'Sanitize');
}

/** Families, and single tests of them, as far as the suite has them. */
function namedOf(suite: ConformanceSuite, names: readonly string[]): string[] {
  const known = suite.families.map(familyName);
  return names.filter((name) => known.includes(name.split('.')[0] as string)).map((name) => `ALL.${name}`);
}

/** Every kind at once: the suite sleeps for most of the time. */
class KindRun {
  readonly runs = new FamilyRuns();
  readonly kind: Kind;
  private readonly folder = new TestFolder();
  private daemon: DaemonProcess | null = null;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  async start(): Promise<void> {
    const { disk, sizeMiB = SIZE_MIB, setup } = this.kind;
    const fileName = 'disk.img';
    if (disk.isReadOnly === true) writeRandomImage(this.folder.join(fileName), sizeMiB * 1048576, 1);
    const disks = [{ ...disk, fileName, size: `${sizeMiB}MiB` }];
    this.daemon = await DaemonProcess.start(this.folder, { disks, ...setup });
  }

  runFamilies(): void {
    const { suite, families, credentials } = this.kind;
    const daemon = this.daemon as DaemonProcess;
    const urls = daemon.urls(0).map((url) => url.replace('iscsi://', `iscsi://${credentials ?? ''}`));
    for (const family of families) this.runs.add(this.folder, suite.command, family, urls);
  }

  async stop(): Promise<void> {
    await this.runs.settled();
    await this.daemon?.stop();
    this.folder.dispose();
  }
}

const RUNS = KINDS.filter(({ families }) => families.length > 0).map((kind) => ({ kind, run: new KindRun(kind) }));

beforeAll(async () => {
  await Promise.all(RUNS.map(({ run }) => run.start()));
  for (const { run } of RUNS) run.runFamilies();
});

afterAll(async () => {
  for (const { run } of RUNS) await run.stop();
}, KIND_MS_MAX);

describe('the report of iscsi-test-cu', () => {
  const report = [
    '    [SKIPPED] PERSISTENT RESERVE IN is not implemented.',
    'Suite: Read6',
    '  Test: Simple ...passed',
    '  Test: BeyondEol ...    [SKIPPED] No such thing.',
    'passed',
    '  Test: Rdprotect ...    [FAILED] READ6 command failed.',
    '    [FAILED] And again.',
    'FAILED',
    '    1. test_read6.c:40  - CU_ASSERT_EQUAL(ret,0)',
    '  Test: Residuals ...passed    [SKIPPED] PERSISTENT RESERVE IN is not implemented.',
    '',
    'Run Summary:    Type  Total    Ran Passed Failed Inactive',
    '              suites      1      1    n/a      0        0',
    '               tests      4      4      3      1        0',
    '             asserts    330    330    329      1      n/a',
  ];

  it('says what failed and what was skipped', () => {
    expect(parseReport('Read6', report.join('\n'))).toEqual({
      tests: { ran: 4, passed: 3, failed: 1 },
      skipped: { 'Read6.BeyondEol': 'No such thing.' },
      failed: { 'Read6.Rdprotect': ['READ6 command failed.', 'And again.'] },
    });
  });

  it('has no counts when the suite ended early', () => {
    expect(parseReport('Read6', report.slice(0, 5).join('\n')).tests).toBeNull();
  });
});

if (typeof later === 'string') {
  it(`iscsi-test-cu 1.20 is not run here: ${later}`, () => expect(later).not.toBe(''));
}

describe.each(RUNS)('iscsi-test-cu on $kind.name', ({ kind, run }) => {
  it.each(kind.families)('%s', { timeout: KIND_MS_MAX }, async (family) => {
    const isAlone = familyName(family).includes('.');
    expectConformance(family, await run.runs.result(family), isAlone ? NOTHING_SKIPPED : kind.skipped);
  });
});

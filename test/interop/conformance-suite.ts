/**
 * The versions of libiscsi's iscsi-test-cu that are run: the installed one, and the later one that scripts/libiscsi-root.sh
 * makes of Debian's packages where it can.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LATER = join(ROOT, '.cache/libiscsi-1.20');
const LATER_COMMAND = join(LATER, 'iscsi-test-cu');

export interface ConformanceSuite {
  readonly command: string;
  /** As -t takes them: "ALL.Read6". */
  readonly families: readonly string[];
}

export function installedSuite(): ConformanceSuite {
  return suiteOf('iscsi-test-cu');
}

/** The later version, or in a sentence why there is none. */
export function laterSuite(): ConformanceSuite | string {
  execFileSync(join(ROOT, 'scripts/libiscsi-root.sh'), { stdio: 'ignore' });
  return existsSync(LATER_COMMAND) ? suiteOf(LATER_COMMAND) : readFileSync(join(LATER, 'absent'), 'utf8').trim();
}

/** What follows the first dot, by which the lists of conformance-families.ts know it. */
export function familyName(family: string): string {
  return family.slice(family.indexOf('.') + 1);
}

/** ALL lacks one family of SCSI. */
const FAMILY = /^(?:ALL\.[^.\n]+|SCSI\.ReportLUNs)$/gm;

function suiteOf(command: string): ConformanceSuite {
  const list = execFileSync(command, ['-l'], { encoding: 'utf8' });
  return { command, families: [...list.matchAll(FAMILY)].map(([family]) => family) };
}

/** What iscsi-test-cu prints in its verbose mode (CUnit 2.1), taken apart. */

export interface ConformanceReport {
  /** Of the run summary; null when the suite did not come to its end. */
  readonly tests: { readonly ran: number; readonly passed: number; readonly failed: number } | null;
  /** By family and test, what the suite said instead of carrying it out. */
  readonly skipped: Readonly<Record<string, string>>;
  /** By family and test, what the suite found wrong. */
  readonly failed: Readonly<Record<string, readonly string[]>>;
}

export function parseReport(family: string, output: string): ConformanceReport {
  const skipped: Record<string, string> = {};
  const failed: Record<string, string[]> = {};
  // A test's own words stand between its name and its verdict; after that speaks the suite, cleaning up.
  for (const [, name, words, verdict] of output.matchAll(TEST)) {
    const test = `${family}.${name}`;
    const reason = /\[SKIPPED\] (.+)/.exec(words as string)?.[1];
    if (reason !== undefined) skipped[test] = reason;
    if (verdict !== 'passed') failed[test] = complaints(words as string);
  }
  return { tests: testCounts(output), skipped, failed };
}

const TEST = /^ {2}Test: (\S+) \.\.\.([\s\S]*?)(passed|(?<!\[)FAILED)/gm;
const SUMMARY = /^ +tests +\d+ +(\d+) +(\d+) +(\d+) +\d+$/m;

function complaints(words: string): string[] {
  return [...words.matchAll(/\[FAILED\] (.+)/g)].map(([, complaint]) => complaint as string);
}

function testCounts(output: string): ConformanceReport['tests'] {
  const summary = SUMMARY.exec(output);
  if (summary === null) return null;
  const [ran, passed, failed] = summary.slice(1).map(Number) as [number, number, number];
  return { ran, passed, failed };
}

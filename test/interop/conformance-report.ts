/** What iscsi-test-cu prints in its verbose mode (CUnit 2.1), taken apart. */

export interface ConformanceReport {
  /** Of the run summary; null when the suite did not come to its end. */
  readonly tests: { readonly ran: number; readonly passed: number; readonly failed: number } | null;
  /** By family and test, what the suite said instead of carrying it out. */
  readonly skipped: Readonly<Record<string, string>>;
}

export function parseReport(family: string, output: string): ConformanceReport {
  const summary = /^ +tests +\d+ +(\d+) +(\d+) +(\d+) +\d+$/m.exec(output);
  return { tests: summary === null ? null : countsOf(summary), skipped: skipsOf(family, output) };
}

function countsOf([, ...numbers]: RegExpExecArray): { ran: number; passed: number; failed: number } {
  const [ran, passed, failed] = numbers.map(Number) as [number, number, number];
  return { ran, passed, failed };
}

/** A test's own words stand between its name and its verdict; after that speaks the suite, cleaning up. */
function skipsOf(family: string, output: string): Record<string, string> {
  const skipped: Record<string, string> = {};
  for (const [, name, words] of output.matchAll(/^ {2}Test: (\S+) \.\.\.([\s\S]*?)(?:passed|FAILED)/gm)) {
    const reason = /\[SKIPPED\] (.+)/.exec(words as string)?.[1];
    if (reason !== undefined) skipped[`${family}.${name}`] = reason;
  }
  return skipped;
}

/** Runs families of iscsi-test-cu, with its destructive tests, each in a process of its own. */
import { expect } from 'vitest';
import { type ClientResult, runClient } from './client-command.ts';
import { SKIPPED, type Skips, SUITE_FAULTS } from './conformance-families.ts';
import { type ConformanceReport, parseReport } from './conformance-report.ts';
import { familyName } from './conformance-suite.ts';
import type { TestFolder } from './daemon-process.ts';

/** --dataloss and --allow-sanitize. */
const DESTRUCTIVE: readonly string[] = ['-d', '-S'];

/** The families of one logical unit, one after the other, while the tests wait for the one that they are about. */
export class FamilyRuns {
  private readonly results = new Map<string, Promise<ClientResult>>();
  private last: Promise<unknown> = Promise.resolve();

  /** @param urls one for each path to the logical unit */
  add(folder: TestFolder, command: string, family: string, urls: readonly string[]): void {
    const result = this.last.then(() => runFamily(folder, command, family, urls));
    this.results.set(family, result);
    this.last = result;
  }

  result(family: string): Promise<ClientResult> {
    const result = this.results.get(family);
    if (result === undefined) throw new Error(`${family} was never begun`);
    return result;
  }

  /** Resolves when nothing runs any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.results.values());
  }
}

export function runFamily(
  folder: TestFolder,
  command: string,
  family: string,
  urls: readonly string[],
): Promise<ClientResult> {
  return runClient(folder, command, [...DESTRUCTIVE, '-t', family, ...urls]);
}

/** Fails unless tests passed, none failed but by SUITE_FAULTS, and `skippable` is exactly what was skipped. */
export function expectConformance(family: string, result: ClientResult, skippable: Skips = SKIPPED): void {
  const { end, output } = result;
  const name = familyName(family).split('.')[0] as string;
  const { tests, skipped, failed } = parseReport(name, output);
  expect(newFaults(failed), output).toEqual([]);
  const faults = Object.keys(failed).length;
  expect(tests, output).toEqual({ ran: expect.any(Number), passed: (tests?.ran ?? 0) - faults, failed: faults });
  expect(tests?.passed, output).toBeGreaterThanOrEqual(1);
  expect(end, output).toBe(faults > 0 ? 1 : 0);
  const expected = Object.entries(skippable).filter(([test]) => test.startsWith(`${name}.`));
  expect(skipped).toEqual(Object.fromEntries(expected));
}

/** The failed tests that SUITE_FAULTS does not explain, with what was wrong. */
function newFaults(failed: ConformanceReport['failed']): string[] {
  return Object.entries(failed).flatMap(([test, complaints]) => {
    const fault = SUITE_FAULTS[test];
    if (fault === undefined || complaints.length === 0) return [`${test}: ${complaints.join('; ')}`];
    return complaints.filter((complaint) => !fault.test(complaint)).map((complaint) => `${test}: ${complaint}`);
  });
}

/** Runs one family of iscsi-test-cu, with its destructive tests, in a process of its own. */
import { expect } from 'vitest';
import { clientOutput, runClient } from './client-command.ts';
import { SKIPPED, SUITE_FAULTS } from './conformance-families.ts';
import { type ConformanceReport, parseReport } from './conformance-report.ts';
import type { DaemonProcess, TestFolder } from './daemon-process.ts';

/** The families of the installed version. */
export async function listFamilies(folder: TestFolder): Promise<string[]> {
  const list = await clientOutput(folder, 'iscsi-test-cu', ['-l']);
  return [...list.matchAll(/^ALL\.([^.\n]+)$/gm)].map(([, family]) => family as string);
}

/** Fails unless tests passed, none failed but by SUITE_FAULTS, and `skippable` is exactly what was skipped. */
export async function expectConformance(
  folder: TestFolder,
  daemon: DaemonProcess,
  family: string,
  lun: number,
  skippable = SKIPPED,
): Promise<void> {
  const { end, output } = await runClient(folder, 'iscsi-test-cu', ['-d', '-t', `ALL.${family}`, daemon.url(lun)]);
  const { tests, skipped, failed } = parseReport(family, output);
  expect(newFaults(failed), output).toEqual([]);
  const faults = Object.keys(failed).length;
  expect(tests, output).toEqual({ ran: expect.any(Number), passed: (tests?.ran ?? 0) - faults, failed: faults });
  expect(tests?.passed, output).toBeGreaterThanOrEqual(1);
  expect(end, output).toBe(faults > 0 ? 1 : 0);
  const expected = Object.entries(skippable).filter(([test]) => test.startsWith(`${family}.`));
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

#!/usr/bin/env node
/**
 * Runs every test twice, with the addon and with GOTGT_NATIVE=off, and the sanitizer tests of the C++ core where cmake is
 * installed. Ends with what failed and why, a table and, alone on the last line, "N passed, N failed": who reads only the end
 * of a long log knows what to look at. Exit code 0 only when something ran, nothing failed and, where CI=true, the addon was
 * there.
 *
 *   npm test                      everything
 *   npm test -- test/unit/scsi    what vitest selects by these words, twice
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');
const CORE_TESTS = join(ROOT, 'scripts/test-native-core.mjs');
/** Of a failed test's message: an assertion's expected and received values are in the first few lines. */
const MESSAGE_LINES = 12;
/** Of failed tests that are named: where more fail, they fail for the same reason. */
const NAMED_FAILURES = 40;
const filters = process.argv.slice(2);

process.exitCode = main();

function main() {
  const rows = [];
  const hasNative = addonIsBuilt();
  if (hasNative) rows.push(runVitest('native', {}));
  rows.push(runVitest('fallback', { GOTGT_NATIVE: 'off' }));
  if (filters.length === 0 && hasCommand('cmake')) rows.push(runCoreTests());
  const isAddonMissed = !hasNative && process.env.CI === 'true';
  report(rows, hasNative);
  const ran = sum(rows, 'passed') + sum(rows, 'failed');
  return ran === 0 || isAddonMissed || rows.some((row) => row.failed > 0) ? 1 : 0;
}

/** As the daemon will look for it. */
function addonIsBuilt() {
  const code = `process.exit(require('node-gyp-build').resolve(${JSON.stringify(ROOT)}) ? 0 : 1)`;
  return spawnSync(process.execPath, ['-e', code], { cwd: ROOT, stdio: 'ignore' }).status === 0;
}

function runVitest(name, variables) {
  say(`running the tests: ${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'gotgt-tests-'));
  const file = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { status } = run(VITEST, ['run', ...reporters, ...filters], variables);
  try {
    return countTests(name, status, JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    return { name, passed: 0, failed: 1, skipped: 0, faults: [`vitest left no report: ${error.message}`] };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file that could not be loaded, and a failure outside of any test, count as one failed test each. */
function countTests(name, status, report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  const faults = [...failedTests(report), ...broken.map((file) => fault(file.name, 'the file', file.message))];
  let failed = report.numFailedTests + broken.length;
  if (failed === 0 && status !== 0) {
    failed = 1;
    faults.push(`vitest ended with ${status ?? 'a signal'}, though no test failed`);
  }
  return { name, passed: report.numPassedTests, failed, skipped: report.numPendingTests, faults };
}

function failedTests(report) {
  return report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => fault(file.name, test.fullName, test.failureMessages.join('\n'))),
  );
}

/** Without the stack's frames that are not ours. */
function fault(file, subject, message) {
  const lines = message.split('\n').filter((line) => !/^ +at .*(node_modules|node:)|^ +at new Promise/.test(line));
  return `${relative(ROOT, file)}: ${[subject, ...lines.slice(0, MESSAGE_LINES)].join('\n    ')}`;
}

function runCoreTests() {
  const name = 'C++ core with sanitizers';
  say(`running the tests: ${name}`);
  const { status } = run(CORE_TESTS, [], {});
  const failed = status === 0 ? 0 : 1;
  return {
    name,
    passed: 1 - failed,
    failed,
    skipped: 0,
    faults: failed ? [`test-native-core.mjs ended with ${status}`] : [],
  };
}

function run(script, args, variables) {
  const env = { ...process.env, ...variables };
  if (variables.GOTGT_NATIVE === undefined) delete env.GOTGT_NATIVE;
  return spawnSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: 'inherit', env });
}

function hasCommand(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function report(rows, hasNative) {
  console.log('');
  for (const { name, faults } of rows) {
    for (const each of faults.slice(0, NAMED_FAILURES)) console.log(`${name}: ${each}`);
    if (faults.length > NAMED_FAILURES) console.log(`${name}: and ${faults.length - NAMED_FAILURES} more`);
  }
  for (const { name, passed, failed, skipped } of rows) {
    console.log(`${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
  if (!hasNative) console.log('native: not run, the addon is not built (npm run build:native says why)');
  console.log(`${sum(rows, 'passed')} passed, ${sum(rows, 'failed')} failed`);
}

function sum(rows, field) {
  return rows.reduce((total, row) => total + row[field], 0);
}

function say(text) {
  console.log(`\n== ${text}`);
}

#!/usr/bin/env node
/**
 * Builds the package: TypeScript to dist/, then the addon where it can be built. npm runs it after `npm ci` (prepare). It
 * fails only when the TypeScript does not compile: without the addon the daemon serves through node:fs.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const DIST = join(ROOT, 'dist');
const BIN = join(DIST, 'cli/main.js');
const BUILD_NATIVE = join(ROOT, 'scripts/build-native.mjs');

buildTypeScript();
buildNative();

function buildTypeScript() {
  if (!existsSync(TSC)) {
    if (existsSync(BIN)) return say('typescript is not installed; dist/ stays as it is');
    return fail('typescript is not installed and there is no dist/ yet; run: npm ci');
  }
  rmSync(DIST, { recursive: true, force: true }); // what a removed source left behind must not be shipped
  const status = run(TSC, ['-p', 'tsconfig.build.json']);
  if (status !== 0) return fail('the TypeScript does not compile');
  chmodSync(BIN, 0o755);
  say('TypeScript is in dist/');
}

/** build-native.mjs says itself why it could not build. */
function buildNative() {
  if (run(BUILD_NATIVE, ['--optional']) !== 0) say('the addon was not built; the daemon will serve through node:fs');
}

function run(script, args) {
  return spawnSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: 'inherit' }).status;
}

function say(text) {
  console.log(`build: ${text}`);
}

function fail(text) {
  console.error(`build: ${text}`);
  process.exit(1);
}

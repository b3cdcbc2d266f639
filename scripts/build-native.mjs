#!/usr/bin/env node
/**
 * Builds native/ to build/Release/gotgt_native.node, unless that was built from the very same sources already.
 *
 *   --optional   without a compiler or liburing say so in one sentence and succeed: the daemon then runs on node:fs
 *   --force      build even when nothing has changed
 *
 * Node's headers are taken from where this Node was installed; only when they are not there does node-gyp fetch them.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ADDON = join(ROOT, 'build/Release/gotgt_native.node');
const STAMP = join(ROOT, 'build/Release/gotgt_native.sources');
const isOptional = process.argv.includes('--optional');
const isForced = process.argv.includes('--force');

process.exit(main());

function main() {
  const fingerprint = fingerprintOfSources();
  if (!isForced && isUpToDate(fingerprint)) return 0;
  const missing = missingTool();
  if (missing !== null) return giveUp(missing);
  console.log('building the native addon');
  const { status, output } = runNodeGyp();
  if (status !== 0) {
    // An addon of older sources would be refused when it is loaded; the reason is plainer when there is none.
    rmSync(ADDON, { force: true });
    console.error(output);
    return giveUp('the native addon does not compile (see above)');
  }
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, fingerprint);
  return 0;
}

function giveUp(reason) {
  if (isOptional) {
    console.log(`without the native addon: ${reason}; the daemon will use node:fs`);
    return 0;
  }
  console.error(`the native addon cannot be built: ${reason}`);
  return 1;
}

function isUpToDate(fingerprint) {
  return existsSync(ADDON) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === fingerprint;
}

/** Of everything that decides what comes out. Node-API is the same in every Node, so Node's version is no part of it. */
function fingerprintOfSources() {
  const hash = createHash('sha256');
  hash.update(`${process.arch} ${process.config.variables.napi_build_version}\n`);
  const sources = readdirSync(join(ROOT, 'native')).filter((name) => /\.(cc|h)$/.test(name));
  for (const path of ['binding.gyp', 'package-lock.json', ...sources.sort().map((name) => join('native', name))]) {
    hash.update(`${path}\n`);
    if (existsSync(join(ROOT, path))) hash.update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

/** What the machine lacks, in words that say what to install; null when all is there. */
function missingTool() {
  const compiler = process.env.CXX ?? 'c++';
  if (!works(compiler.split(' '), ['--version'])) return `there is no C++ compiler (${compiler})`;
  if (!works(['make'], ['--version'])) return 'there is no make';
  if (!works(['python3'], ['--version'])) return 'there is no python3, which node-gyp needs';
  const program = '#include <liburing.h>\nint main() { io_uring ring; return io_uring_queue_init(1, &ring, 0); }\n';
  const args = ['-x', 'c++', '-', '-x', 'none', '-l:liburing.a', '-o', '/dev/null'];
  if (!works(compiler.split(' '), args, program)) return 'there is no static liburing (liburing-dev)';
  return null;
}

function works([command, ...prefix], args, input = '') {
  const { status, error } = spawnSync(command, [...prefix, ...args], { input, stdio: ['pipe', 'ignore', 'ignore'] });
  return error === undefined && status === 0;
}

function runNodeGyp() {
  const require = createRequire(import.meta.url);
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const args = [nodeGyp, 'rebuild', '--release', '--loglevel=error', ...headerArgs()];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  return { status, output: error === undefined ? `${stdout}${stderr}` : String(error) };
}

function headerArgs() {
  for (const prefix of [dirname(dirname(process.execPath)), '/usr', '/usr/local']) {
    if (isHeadersOf(join(prefix, 'include/node/node_version.h'))) return [`--nodedir=${prefix}`];
  }
  return [];
}

/** Another major version's headers may hide what we use, or belong to a Node that is not this one. */
function isHeadersOf(path) {
  if (!existsSync(path)) return false;
  const major = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(path, 'utf8'))?.[1];
  return major === process.versions.node.split('.', 1)[0];
}

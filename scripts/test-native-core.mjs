#!/usr/bin/env node
/**
 * Builds the addon's plain C++ with the address and undefined behaviour sanitizers (CMakeLists.txt) and runs its tests
 * without Node. Quiet but for one line when all is well.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(ROOT, 'build-core');

const STEPS = [
  ['cmake', '-S', ROOT, '-B', BUILD],
  ['cmake', '--build', BUILD, '--target', 'gotgt_core_test', '--parallel', '2'],
  [join(BUILD, 'gotgt_core_test')],
];

process.exitCode = main();

function main() {
  for (const [command, ...args] of STEPS) {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
    if (error === undefined && status === 0) {
      if (command.startsWith(BUILD)) process.stdout.write(stdout);
      continue;
    }
    console.error(error === undefined ? `${stdout}${stderr}` : `${command} cannot be started: ${error.message}`);
    return 1;
  }
  return 0;
}

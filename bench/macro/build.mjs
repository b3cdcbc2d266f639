/** Compiles the load generator and the floor server into build-bench/, when a source is newer than the program. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));
const OUTPUT = fileURLToPath(new URL('../../build-bench/', import.meta.url));
const FLAGS = ['-O2', '-g', '-std=gnu17', '-Wall', '-Wextra', '-Werror'];

/** @returns paths of the programs. Throws an Error that says what to install. */
export function buildPrograms() {
  mkdirSync(OUTPUT, { recursive: true });
  const load = join(OUTPUT, 'load');
  const floor = join(OUTPUT, 'floor');
  compile(load, ['load.c', 'engine-wire.c', 'engine-libiscsi.c'], ['-liscsi']);
  compile(floor, ['floor.c'], []);
  return { load, floor };
}

function compile(program, sources, libraries) {
  if (isFresh(program)) return;
  const files = sources.map((source) => join(SOURCES, source));
  const result = spawnSync('cc', [...FLAGS, '-o', program, ...files, ...libraries], { encoding: 'utf8' });
  if (result.error) throw new Error('there is no C compiler (cc); on Debian: apt-get install gcc libiscsi-dev');
  if (result.status === 0) return;
  throw new Error(`${program} could not be compiled; on Debian it needs gcc and libiscsi-dev\n${result.stderr}`);
}

function isFresh(program) {
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(SOURCES).filter((name) => /\.[ch]$/.test(name));
  return sources.every((name) => statSync(join(SOURCES, name)).mtimeMs < built);
}

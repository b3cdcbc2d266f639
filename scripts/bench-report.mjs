#!/usr/bin/env node
/** Writes docs/BENCHMARKS.md and bench/results/report.html from bench/results/*.jsonl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { html } from '../bench/report/html.mjs';
import { markdown } from '../bench/report/markdown.mjs';
import { readResults } from '../bench/report/results.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RESULTS = join(ROOT, 'bench/results');

const data = readResults(RESULTS);
write(join(ROOT, 'docs/BENCHMARKS.md'), markdown(data));
write(join(RESULTS, 'report.html'), html(data));

function write(path, text) {
  writeFileSync(path, text);
  console.log(`bench-report: ${path} is written`);
}

#!/usr/bin/env node
/** Writes docs/TUNING.md from bench/results/*-tuning.jsonl. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTuning, tuningDocument } from '../bench/report/tuning.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const page = join(ROOT, 'docs/TUNING.md');

writeFileSync(page, tuningDocument(readTuning(join(ROOT, 'bench/results'))));
console.log(`tuning-report: ${page} is written`);

#!/usr/bin/env node
/** The bin. */
import { runCommandLine } from './program.ts';

process.exitCode = await runCommandLine(process.argv.slice(2), process.stdout, process.stderr);

#!/usr/bin/env node
/**
 * Writes the table of SCSI commands in docs/SPECS.md anew, from the command table in dist/ (what is offered, and how its CDB
 * looks), from docs/specs-commands.json (clause and test), and from src/scsi (where the handler stands).
 * test/unit/specs.test.ts does the same from src/ and fails when the document says something else.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/SPECS.md');
const CLAUSES = join(ROOT, 'docs/specs-commands.json');
const VARIABLE_LENGTH_CDB = 0x7f;
const COLUMNS = ['command', 'code', 'action', 'CDB', 'units', 'clause', 'file', 'test'];

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

/** The text of docs/SPECS.md with the tables of `entries` and `driveEntries` (CommandTable.entries) in their places. */
export function withCommands(text, entries, driveEntries) {
  const clauses = JSON.parse(readFileSync(CLAUSES, 'utf8'));
  const all = [...entries, ...driveEntries];
  const superfluous = Object.keys(clauses).filter((name) => !all.some((entry) => entry.name === name));
  if (superfluous.length > 0) throw new Error(`specs-commands.json has what is no command: ${superfluous.join(', ')}`);
  const handlers = handlerFiles();
  const tableOf = (some) => {
    const rows = some.map((entry) => row(entry, clauses[entry.name], handlers.get(entry.handler.name)));
    return [COLUMNS, COLUMNS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  };
  return inPlace(inPlace(text, 'commands', tableOf(entries)), 'drive commands', tableOf(driveEntries));
}

/** A function, as what stands in the place of a pattern is looked through for "$". */
function inPlace(text, name, table) {
  const place = new RegExp(`<!-- ${name} -->\\n.*?<!-- end -->`, 's');
  return text.replace(place, () => `<!-- ${name} -->\n${table}\n<!-- end -->`);
}

async function main() {
  const { createCommandTable } = await import('../dist/scsi/command/command-table.js');
  const { createDriveCommandTable } = await import('../dist/scsi/mmc/mmc-command-table.js');
  const tables = [createCommandTable().entries, createDriveCommandTable().entries];
  writeFileSync(DOCUMENT, withCommands(readFileSync(DOCUMENT, 'utf8'), ...tables));
}

function row(entry, source, file) {
  const { name, operationCode, serviceAction, cdbBytes } = entry;
  if (source === undefined) throw new Error(`${name} stands in no line of docs/specs-commands.json`);
  if (file === undefined) throw new Error(`no file in src/scsi has the function ${entry.handler.name} of ${name}`);
  const units = entry.isOffered({ isThin: false, reservations: { hasExplicitAccess: true } }) ? 'all' : 'thin';
  const action = serviceAction < 0 ? '' : hex(serviceAction, operationCode === VARIABLE_LENGTH_CDB ? 4 : 2);
  const test = `\`${source.test}\` “${source.title}”`;
  return [name, hex(operationCode, 2), action, cdbBytes, units, source.clause, `\`${file}\``, test];
}

function hex(number, digits) {
  return `${number.toString(16).toUpperCase().padStart(digits, '0')}h`;
}

/** By the name of an exported function, where in src/scsi it stands. */
function handlerFiles() {
  const files = new Map();
  for (const entry of readdirSync(join(ROOT, 'src/scsi'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/^export function (\w+)/gm)) {
      files.set(name, relative(ROOT, path));
    }
  }
  return files;
}

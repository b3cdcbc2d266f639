/**
 * docs/SPECS.md says what is so: its table of commands is rendered from the command table and compared (UPDATE_DOCS=1 writes it
 * anew), a running target device is asked for its commands by REPORT SUPPORTED OPERATION CODES, and all that is named exists.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withCommands } from '../../scripts/specs.mjs';
import { createCommandTable } from '../../src/scsi/command/command-table.ts';
import { createDriveCommandTable } from '../../src/scsi/mmc/mmc-command-table.ts';
import { Harness } from './scsi/device-harness.ts';
import { driveWith } from './scsi/mmc/drive-harness.ts';

const { UPDATE_DOCS } = process.env;
const FILE = 'docs/SPECS.md';
const OPCODES_FILE = 'src/iscsi/codec/constants.ts';
const VARIABLE_LENGTH_CDB = 0x7f;
const SERVICE_ACTIONS = 32;
const SUPPORTED = 3;

/** "code action bytes units" of each command, from the second to the fifth column of the table. */
function documentedCommands(place: string): string[] {
  const table =
    new RegExp(`<!-- ${place} -->\\n.*?\\n.*?\\n(.*?)\\n<!-- end -->`, 's').exec(readFileSync(FILE, 'utf8'))?.[1] ?? '';
  return table.split('\n').map((line) => {
    const [, , code, action, bytes, units] = line.split('|').map((cell) => cell.trim());
    return [code, action, bytes, units].join(' ');
  });
}

/** The length of the CDB, or 0 when REPORT SUPPORTED OPERATION CODES says that there is no such command. */
function cdbBytes(harness: Harness, code: number, action: number): number {
  const { data } = harness.run([0xa3, 0x0c, 0x03, code, 0, action, 0, 0, 0xff, 0xff, 0, 0], { dataIn: 255 });
  return (data[1]! & 0x07) === SUPPORTED ? data.readUInt16BE(2) : 0;
}

/** The same of all that a running target device answers for. */
function reportedCommands(thin: Harness, thick: Harness): string[] {
  const reported: string[] = [];
  for (let code = 0; code < 256; code++) {
    const hasActions = thin.context.tableOf(thin.unit).hasServiceActions(code);
    for (let action = 0; action < (hasActions ? SERVICE_ACTIONS : 1); action++) {
      const bytes = cdbBytes(thin, code, action);
      if (bytes === 0) continue;
      const shown = hasActions ? hex(action, code === VARIABLE_LENGTH_CDB ? 4 : 2) : '';
      reported.push([hex(code, 2), shown, bytes, cdbBytes(thick, code, action) === 0 ? 'thin' : 'all'].join(' '));
    }
  }
  return reported;
}

function hex(number: number, digits: number): string {
  return `${number.toString(16).toUpperCase().padStart(digits, '0')}h`;
}

/** Whether `text` is the name of a test or of a group of tests in `source`, quotes included. */
function hasTest(source: string, text: string): boolean {
  return [`'${text}'`, `\`${text}\``, `"${text}"`].some((quoted) => source.includes(quoted));
}

describe(FILE, () => {
  it('has the commands of the command table (UPDATE_DOCS=1 writes them)', () => {
    const { entries } = createCommandTable();
    const drive = createDriveCommandTable().entries;
    const text = readFileSync(FILE, 'utf8');
    if (UPDATE_DOCS === '1') writeFileSync(FILE, withCommands(text, entries, drive));
    expect(readFileSync(FILE, 'utf8')).toBe(withCommands(text, entries, drive));
  });

  it('has what REPORT SUPPORTED OPERATION CODES of a running target device says', () => {
    const documented = documentedCommands('commands');
    expect(documented.length).toBeGreaterThan(60);
    expect(documented).toEqual(reportedCommands(new Harness(), new Harness({ unit: { isThin: false } })));
  });

  it('has what REPORT SUPPORTED OPERATION CODES of a CD-ROM drive says', () => {
    const documented = documentedCommands('drive commands');
    expect(documented.length).toBeGreaterThan(35);
    expect(documented).toEqual(reportedCommands(driveWith(), driveWith()));
  });

  it('has every opcode of iSCSI', () => {
    const opcodes = [...readFileSync(OPCODES_FILE, 'utf8').matchAll(/^export const (OP_\w+) =/gm)].map(
      ([, name]) => name,
    );
    const rows = [...readFileSync(FILE, 'utf8').matchAll(/\| `(OP_\w+)` \|/g)].map(([, name]) => name);
    expect(opcodes.length).toBe(18);
    expect(rows.sort()).toEqual(opcodes.sort());
  });

  it('names files and tests that exist', () => {
    const named = [...readFileSync(FILE, 'utf8').matchAll(/`((?:src|test|scripts|docs)\/[\w./-]+)`(?:\s“([^”]+)”)?/g)];
    expect(named.length).toBeGreaterThan(200);
    const missing = named.filter(([, path, test]) => {
      if (!existsSync(path as string)) return true;
      return test !== undefined && !hasTest(readFileSync(path as string, 'utf8'), test);
    });
    expect(missing.map(([whole]) => whole)).toEqual([]);
  });
});

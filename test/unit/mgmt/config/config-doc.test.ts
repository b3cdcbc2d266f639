/**
 * docs/CONFIG.md has every key of the schema with its description, range and default: its tables are rendered from the
 * schema and compared. UPDATE_DOCS=1 writes them anew. The examples must load.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/mgmt/config/config.ts';
import type { SchemaNode } from '../../../../src/mgmt/config/config-keys.ts';
import { ConfigFileSchema } from '../../../../src/mgmt/config/schema/schema.ts';

const { UPDATE_DOCS } = process.env;
const FILE = 'docs/CONFIG.md';
const SECTIONS = (ConfigFileSchema as unknown as SchemaNode).properties ?? {};

interface Row {
  readonly path: string;
  readonly node: SchemaNode;
  readonly isRequired: boolean;
}

/** Every key below `node`, the names of records as `<name>`; a section that is no object is a key itself. */
function rowsOf(node: SchemaNode, path: string, isRequired = false): Row[] {
  if (node.items?.properties !== undefined) return rowsOf(node.items, `${path}[]`);
  const record = Object.values(node.patternProperties ?? {})[0];
  if (record?.properties !== undefined) return rowsOf(record, `${path}.<name>`);
  if (node.properties === undefined) return [{ path, node, isRequired }];
  return Object.entries(node.properties).flatMap(([name, child]) =>
    rowsOf(child, `${path}.${name}`, node.required?.includes(name) ?? false),
  );
}

function rendered({ path, node, isRequired }: Row): string {
  const note = node.hasNoEffectYet === true ? ' Read and checked, without effect yet.' : '';
  const fallback = isRequired ? 'required' : node.default === undefined ? '' : `\`${JSON.stringify(node.default)}\``;
  return `| \`${path}\` | ${node.description}${note} | ${node.expects} | ${fallback} |`;
}

function table(section: string): string {
  const rows = rowsOf(SECTIONS[section] as SchemaNode, section).map(rendered);
  return ['| key | meaning | value | default |', '|---|---|---|---|', ...rows].join('\n');
}

function withTables(text: string): string {
  return text.replace(
    /<!-- table: (\w+) -->\n.*?<!-- end -->/gs,
    (_all, section: string) => `<!-- table: ${section} -->\n${table(section)}\n<!-- end -->`,
  );
}

describe(FILE, () => {
  it('has a table for every section of the schema', () => {
    const marks = [...readFileSync(FILE, 'utf8').matchAll(/<!-- table: (\w+) -->/g)].map(([, section]) => section);
    expect(marks.sort()).toEqual(Object.keys(SECTIONS).sort());
  });

  it('says of every key what the schema says (UPDATE_DOCS=1 writes it)', () => {
    const text = readFileSync(FILE, 'utf8');
    if (UPDATE_DOCS === '1') writeFileSync(FILE, withTables(text));
    expect(readFileSync(FILE, 'utf8')).toBe(withTables(text));
  });

  it('every key has words of its own for meaning and value', () => {
    const rows = Object.entries(SECTIONS).flatMap(([section, node]) => rowsOf(node, section));
    expect(rows.length).toBeGreaterThan(40);
    for (const { path, node } of rows) {
      expect(node.description, path).toMatch(/\.$/);
      expect(node.expects, path).toBeTruthy();
      expect(`${node.description}${node.expects}`, path).not.toContain('|');
    }
  });
});

describe('examples', () => {
  it.each(['examples/config.json', 'examples/config-multipath.json', 'examples/config-performance.json'])(
    '%s loads without a warning',
    (configFile) => {
      const nothing = { variables: {}, homeDirectory: '/', isRoot: true };
      const { warnings, targets } = loadConfig({ configFile, stateDirectory: null, host: null, port: null }, nothing);
      expect(warnings).toEqual([]);
      expect(targets.length).toBeGreaterThan(0);
    },
  );
});

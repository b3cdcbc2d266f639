/**
 * Brings the keys of a configuration to the schema's spelling. Go's JSON decoder, which gotgt reads its file with, matches
 * keys without regard to case, takes null as "not given" and passes over keys it does not know; so do we, and say so.
 */
import { keyPath } from './config-json.ts';

/** What we read of a TypeBox schema: it is plain JSON Schema with our words in it. */
export interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly type?: string;
  readonly expects?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** The key is read and checked, and nothing follows from it yet. */
  readonly hasNoEffectYet?: boolean;
}

export interface KeyNotes {
  /** The key at `path` is unknown; `nearest` is the known one it resembles, or null. */
  onUnknown(path: string, nearest: string | null): void;
  /** Two spellings of one key in the same object. */
  onTwice(path: string, other: string): void;
  /** The key at `path` (schema's spelling) stands in the file at `written`. */
  onSpelling(path: string, written: string): void;
  onNoEffect(path: string): void;
}

/** A copy of `value` with the schema's keys. What does not fit the schema is copied as it is. */
export function canonicalKeys(value: unknown, schema: SchemaNode, notes: KeyNotes, path = '', written = ''): unknown {
  if (Array.isArray(value)) return canonicalList(value, schema, notes, path, written);
  if (typeof value !== 'object' || value === null) return value;
  if (schema.properties !== undefined) return canonicalObject(value, schema.properties, notes, path, written);
  if (schema.patternProperties !== undefined) return canonicalRecord(value, schema, notes, path, written);
  return value;
}

/** The schema below `schema` for one step of a path, null where it has none. */
export function schemaStep(schema: SchemaNode, step: string): SchemaNode | null {
  if (schema.items !== undefined) return schema.items;
  if (schema.properties !== undefined) return schema.properties[step] ?? null;
  return recordValue(schema);
}

function recordValue(schema: SchemaNode): SchemaNode | null {
  return Object.values(schema.patternProperties ?? {})[0] ?? null;
}

function canonicalList(list: unknown[], schema: SchemaNode, notes: KeyNotes, path: string, written: string): unknown {
  const { items } = schema;
  if (items === undefined) return list;
  return list.map((item, i) => canonicalKeys(item, items, notes, keyPath(path, i), keyPath(written, i)));
}

function canonicalRecord(record: object, schema: SchemaNode, notes: KeyNotes, path: string, written: string): unknown {
  const copy: Record<string, unknown> = Object.create(null);
  const valueSchema = recordValue(schema) ?? {};
  for (const [name, value] of Object.entries(record)) {
    if (value === null) continue;
    copy[name] = canonicalKeys(value, valueSchema, notes, keyPath(path, name), keyPath(written, name));
    notes.onSpelling(keyPath(path, name), keyPath(written, name));
  }
  return copy;
}

function canonicalObject(
  object: object,
  properties: Readonly<Record<string, SchemaNode>>,
  notes: KeyNotes,
  path: string,
  written: string,
): unknown {
  const copy: Record<string, unknown> = Object.create(null);
  const known = Object.keys(properties);
  for (const [name, value] of Object.entries(object)) {
    const key = known.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
    if (key === undefined) {
      notes.onUnknown(keyPath(written, name), nearestWord(name, known));
      continue;
    }
    if (value === null) continue;
    const keyHere = keyPath(path, key);
    notes.onSpelling(keyHere, keyPath(written, name));
    if (key in copy) notes.onTwice(keyHere, keyPath(written, name));
    const schema = properties[key] as SchemaNode;
    if (schema.hasNoEffectYet === true && value !== false) notes.onNoEffect(keyHere);
    copy[key] = canonicalKeys(value, schema, notes, keyHere, keyPath(written, name));
  }
  return copy;
}

/** The word of `words` that takes the fewest edits to reach, null when none is near enough to be a slip. */
export function nearestWord(word: string, words: readonly string[]): string | null {
  let nearest: string | null = null;
  // A slip or two, of a long word a third; never more than half of what was written.
  let fewest = Math.min(Math.max(2, Math.floor(word.length / 3)), Math.floor(word.length / 2)) + 1;
  for (const candidate of words) {
    const edits = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (edits >= fewest) continue;
    fewest = edits;
    nearest = candidate;
  }
  return nearest;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

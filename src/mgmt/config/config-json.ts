/**
 * JSON (RFC 8259) with the place of every value, so that a fault can be shown where it stands, and with the two things
 * JSON.parse lets pass that would hide an operator's mistake: the same name twice in one object, and a "__proto__" key.
 */

/** Objects and lists within each other; more is no configuration. */
const DEPTH_MAX = 64;

export interface TextPlace {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  readonly place: TextPlace;

  constructor(place: TextPlace, message: string) {
    super(message);
    this.place = place;
  }
}

export interface JsonDocument {
  readonly value: unknown;
  /** Where the value at `path` (keyPath's spelling) begins, null for a path that is not in the text. */
  placeOf(path: string): TextPlace | null;
}

/** "storages" and 0 and "path" make storages[0].path; a name that is no plain word goes in brackets. */
export function keyPath(parent: string, name: string | number): string {
  if (typeof name === 'number') return `${parent}[${name}]`;
  if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${parent}[${JSON.stringify(name)}]`;
  return parent === '' ? name : `${parent}.${name}`;
}

/** Throws JsonFault. Objects come without a prototype. */
export function parseJson(text: string): JsonDocument {
  const reader = new JsonReader(text);
  const value = reader.read();
  return {
    value,
    placeOf: (path) => {
      const offset = reader.offsets.get(path);
      return offset === undefined ? null : placeAt(text, offset);
    },
  };
}

function placeAt(text: string, offset: number): TextPlace {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length + 1 };
}

// The lexemes that JSON.parse can be trusted with once their extent is known.
const WHITE_SPACE = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 forbids exactly these unescaped
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z.])/y;
const WORD = /(?:true|false|null)(?![0-9A-Za-z_])/y;

class JsonReader {
  readonly offsets = new Map<string, number>();
  private readonly text: string;
  private position = 0;

  constructor(text: string) {
    this.text = text;
  }

  read(): unknown {
    if (this.text.startsWith('\ufeff')) this.position = 1;
    const value = this.readValue('', 0);
    this.skipWhiteSpace();
    if (this.position < this.text.length) this.fail('the end of the file');
    return value;
  }

  private readValue(path: string, depth: number): unknown {
    this.skipWhiteSpace();
    if (depth > DEPTH_MAX) this.fail(`at most ${DEPTH_MAX} levels`);
    this.offsets.set(path, this.position);
    const first = this.text[this.position];
    if (first === '{') return this.readObject(path, depth);
    if (first === '[') return this.readList(path, depth);
    const lexeme = this.match(STRING) ?? this.match(NUMBER) ?? this.match(WORD);
    if (lexeme === null) this.fail(first === '"' ? 'a string closed by " on the same line' : 'a value');
    return JSON.parse(lexeme);
  }

  private readObject(path: string, depth: number): unknown {
    const object: Record<string, unknown> = Object.create(null);
    this.position += 1;
    if (this.skipOver('}')) return object;
    do {
      this.skipWhiteSpace();
      const start = this.position;
      const lexeme = this.match(STRING);
      if (lexeme === null) this.fail(this.text[start] === '}' ? 'no comma before }' : 'a name in "quotes"');
      const name = JSON.parse(lexeme) as string;
      if (name in object) this.failAt(start, `the name ${lexeme} stands twice in this object; only one may`);
      if (!this.skipOver(':')) this.fail(`":" after the name ${lexeme}`);
      object[name] = this.readValue(keyPath(path, name), depth + 1);
    } while (this.skipOver(','));
    if (!this.skipOver('}')) this.fail('"," or "}"');
    return object;
  }

  private readList(path: string, depth: number): unknown {
    const list: unknown[] = [];
    this.position += 1;
    if (this.skipOver(']')) return list;
    do {
      this.skipWhiteSpace();
      if (this.text[this.position] === ']') this.fail('no comma before ]');
      list.push(this.readValue(keyPath(path, list.length), depth + 1));
    } while (this.skipOver(','));
    if (!this.skipOver(']')) this.fail('"," or "]"');
    return list;
  }

  private match(lexeme: RegExp): string | null {
    lexeme.lastIndex = this.position;
    const match = lexeme.exec(this.text);
    if (match === null) return null;
    this.position += match[0].length;
    return match[0];
  }

  private skipWhiteSpace(): void {
    this.match(WHITE_SPACE);
  }

  private skipOver(character: string): boolean {
    this.skipWhiteSpace();
    if (this.text[this.position] !== character) return false;
    this.position += 1;
    return true;
  }

  private fail(expected: string): never {
    const found = this.position < this.text.length ? JSON.stringify(this.text[this.position]) : 'the end of the file';
    this.failAt(this.position, `this is not JSON: expected ${expected}, found ${found}`);
  }

  private failAt(offset: number, message: string): never {
    throw new JsonFault(placeAt(this.text, offset), message);
  }
}

/**
 * One configuration as read: its content in the schema's spelling and types, where each key stands, and the warnings that
 * came up. Whoever finds a fault in the content makes the ConfigError here, so that it names file, line and key.
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { Errors } from 'typebox/value';
import { ConfigError } from './config-error.ts';
import { type JsonDocument, JsonFault, keyPath, parseJson } from './config-json.ts';
import { canonicalKeys, type SchemaNode, schemaStep } from './config-keys.ts';
import { type ConfigFile, ConfigFileSchema } from './schema/schema.ts';
import { isSecretPath, redacted } from './section/config-secrets.ts';

/** Ten thousand targets with a disk each take 2 MiB. */
export const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

const ROOT = ConfigFileSchema as unknown as SchemaNode;

export class ConfigDocument {
  readonly source: string;
  readonly content: ConfigFile;
  readonly warnings: string[] = [];
  private readonly placeOf: (key: string) => string;

  /** @param placeOf ":line:column" of a key, or the empty string */
  constructor(source: string, content: ConfigFile, placeOf: (key: string) => string = () => '') {
    this.source = source;
    this.content = content;
    this.placeOf = placeOf;
  }

  fault(key: string, value: unknown, message: string): ConfigError {
    const shown = isSecretPath(key) ? undefined : redacted(value);
    return new ConfigError(`${this.source}${this.placeOf(key)}`, key, shown, message);
  }

  warn(key: string, message: string): void {
    this.warnings.push(`${this.source}${this.placeOf(key)}: ${key} ${message}`);
  }
}

/** Reads `file` and checks it against the schema; throws ConfigError. */
export function readConfigDocument(file: string): ConfigDocument {
  return parseConfigDocument(file, readConfigText(file));
}

/** Checks `text` against the schema; throws ConfigError. @param file for messages */
export function parseConfigDocument(file: string, text: string): ConfigDocument {
  const json = parseText(file, text);
  const spelling = new Map<string, string>();
  const noEffect: string[] = [];
  const unknown: [string, string | null][] = [];
  const twice: [string, string][] = [];
  const content = canonicalKeys(json.value, ROOT, {
    onUnknown: (path, nearest) => unknown.push([path, nearest]),
    onTwice: (path, other) => twice.push([path, other]),
    onSpelling: (path, written) => spelling.set(path, written),
    onNoEffect: (path) => noEffect.push(path),
  });
  // The content is checked right below; until then only fault() of this document is used.
  const document = new ConfigDocument(file, content as ConfigFile, (key) => placeText(json, spelling.get(key) ?? key));
  for (const [path, other] of twice) {
    throw document.fault(path, undefined, `the same key stands here a second time as ${other}; only one may`);
  }
  checkSchema(document);
  for (const [path, nearest] of unknown) {
    document.warn(path, `is not a known key and is ignored${nearest === null ? '' : `; did you mean ${nearest}?`}`);
  }
  if (noEffect.length > 0) document.warnings.push(`${file}: without effect yet: ${noEffect.join(', ')}`);
  return document;
}

function placeText(json: JsonDocument, path: string): string {
  const place = json.placeOf(path);
  return place === null ? '' : `:${place.line}:${place.column}`;
}

/** The text of `file`, not looked at yet; throws ConfigError. */
export function readConfigText(file: string): string {
  const bytes = readBytes(file);
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new ConfigError(
      file,
      '',
      undefined,
      `the file has ${bytes.length} bytes; at most ${CONFIG_BYTES_MAX} are read`,
    );
  }
  if (!isUtf8(bytes)) throw new ConfigError(file, '', undefined, 'the file is not UTF-8 text');
  return bytes.toString('utf8');
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new ConfigError(file, '', undefined, unreadable(error));
  }
}

function unreadable(error: Error & { code?: unknown }): string {
  if (error.code === 'ENOENT') return 'there is no such file; give the path of a readable JSON file';
  if (error.code === 'EACCES') return 'the file may not be read by this user; make it readable';
  if (error.code === 'EISDIR') return 'this is a directory; give the path of a JSON file';
  return `the file cannot be read: ${error.message}`;
}

function parseText(file: string, text: string): JsonDocument {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new ConfigError(`${file}:${error.place.line}:${error.place.column}`, '', undefined, error.message);
  }
}

/** Throws the first thing that does not fit the schema. */
function checkSchema(document: ConfigDocument): void {
  const [error] = Errors(ConfigFileSchema, document.content);
  if (error === undefined) return;
  const steps = pointerSteps(error.instancePath);
  if (error.keyword === 'required') steps.push(error.params.requiredProperties[0] as string);
  let key = '';
  let value: unknown = document.content;
  let schema: SchemaNode | null = ROOT;
  for (const step of steps) {
    key = keyPath(key, Array.isArray(value) ? Number(step) : step);
    value = (value as Record<string, unknown>)[step];
    schema = schema === null ? null : schemaStep(schema, step);
  }
  const expected = schema?.expects ?? schema?.description ?? error.message;
  throw document.fault(
    key,
    value,
    error.keyword === 'required' ? `missing: expected ${expected}` : `expected ${expected}`,
  );
}

/** RFC 6901: "/a~1b/0" is ["a/b", "0"]. */
function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Secrets of a configuration: where they are read from, and that no message repeats them. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CHAP_SECRET_BYTES_MAX, CHAP_SECRET_BYTES_MIN, ChapSecret } from '../../../iscsi/protocol/login/chap.ts';
import type { ConfigDocument } from '../config-document.ts';
import type { SecretEntry } from '../schema/auth-schema.ts';

/** A secret and a line end take 257 bytes; whatever is this large is another file. */
const SECRET_FILE_BYTES_MAX = 4096;
/** Read or write for group or others. */
const OPEN_TO_OTHERS = 0o066;

export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Whether the value of the key at `path` must not be printed. Below auth that is everything but what is known to be
 * harmless: a secret may stand in the wrong place.
 */
export function isSecretPath(path: string): boolean {
  if (/secret|accessKey/i.test(path)) return true;
  return /(^|\.)(auth|discoveryAuth)\b/.test(path) && !/\.(method|user|algorithms(\[[0-9]+\])?)$/.test(path);
}

/** `value` with everything replaced that may hold a secret. */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, SECRET_NAME.test(name) ? '[redacted]' : redacted(inner)]),
  );
}

/** The one of `secret`, `secretFile` and `secretEnv` that stands below `key`. */
export function readSecret(
  document: ConfigDocument,
  key: string,
  entry: SecretEntry,
  variables: Variables,
): ChapSecret {
  const { secret, secretFile, secretEnv } = entry;
  const given = [secret, secretFile, secretEnv].filter((one) => one !== undefined);
  if (given.length !== 1) {
    throw document.fault(key, undefined, 'expected exactly one of secret, secretFile and secretEnv');
  }
  if (secret !== undefined) return checked(document, `${key}.secret`, Buffer.from(secret));
  if (secretFile !== undefined) return readSecretFile(document, `${key}.secretFile`, resolve(secretFile));
  const name = secretEnv as string;
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined; // process.env inherits from Object
  if (value === undefined || value === '') {
    throw document.fault(`${key}.secretEnv`, undefined, 'the environment has no variable of this name');
  }
  return checked(document, `${key}.secretEnv`, Buffer.from(value));
}

function readSecretFile(document: ConfigDocument, key: string, file: string): ChapSecret {
  let bytes: Buffer;
  try {
    const stat = statSync(file);
    if (!stat.isFile() || stat.size > SECRET_FILE_BYTES_MAX) {
      throw document.fault(key, undefined, `expected a file of at most ${SECRET_FILE_BYTES_MAX} bytes`);
    }
    if ((stat.mode & OPEN_TO_OTHERS) !== 0) {
      document.warn(key, `names a file of mode ${octal(stat.mode)}, which is not its owner's alone: give it mode 0600`);
    }
    bytes = readFileSync(file);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw document.fault(
      key,
      undefined,
      `the file cannot be read (${String(error.code)}); make it readable to this user`,
    );
  }
  return checked(document, key, bytes.subarray(0, withoutLineEnd(bytes)));
}

function checked(document: ConfigDocument, key: string, bytes: Uint8Array): ChapSecret {
  const { length } = bytes;
  if (length >= CHAP_SECRET_BYTES_MIN && length <= CHAP_SECRET_BYTES_MAX) return new ChapSecret(bytes);
  const range = `${CHAP_SECRET_BYTES_MIN} to ${CHAP_SECRET_BYTES_MAX} bytes`;
  throw document.fault(key, undefined, `the secret has ${length} bytes; expected ${range} (RFC 7143 9.2.1)`);
}

/** Length without one line end, as an editor or echo leaves it. */
function withoutLineEnd(bytes: Uint8Array): number {
  let end = bytes.length;
  if (end > 0 && bytes[end - 1] === 0x0a) end -= 1;
  if (end < bytes.length && end > 0 && bytes[end - 1] === 0x0d) end -= 1;
  return end;
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8).padStart(3, '0')}`;
}

const SECRET_NAME = /secret|accessKey|^auth$|^discoveryAuth$/i;

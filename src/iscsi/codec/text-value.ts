/**
 * The forms a text value can have (RFC 7143 6.1): numbers, numeric ranges, booleans, lists, binary constants. A reader
 * gives null for what is none of its form; it never throws.
 */

/** An unsigned integer as decimal without leading zeros or as 0x hex, null when malformed or over 2^53-1. */
export function parseNumber(value: string): number | null {
  if (!DECIMAL.test(value) && !HEX.test(value)) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

export interface NumericRange {
  readonly low: number;
  readonly high: number;
}

/** Two numbers with a tilde between, the smaller first. */
export function parseNumericRange(value: string): NumericRange | null {
  const tilde = value.indexOf('~');
  if (tilde < 0) return null;
  const low = parseNumber(value.slice(0, tilde));
  const high = parseNumber(value.slice(tilde + 1));
  return low === null || high === null || low > high ? null : { low, high };
}

/** Exactly Yes or No. */
export function parseBoolean(value: string): boolean | null {
  if (value === 'Yes') return true;
  return value === 'No' ? false : null;
}

export function formatBoolean(isYes: boolean): string {
  return isYes ? 'Yes' : 'No';
}

/** The elements of a comma-separated list, null when one is empty. */
export function parseList(value: string): readonly string[] | null {
  const elements = value.split(',');
  return elements.includes('') ? null : elements;
}

/**
 * A binary value, 0x hex or 0b base64, as its bytes; null when malformed or longer than `lengthBytesMax`. An odd number
 * of hex digits is right-justified: 0x1a2 is 01 a2 (6.1, "decoded as a number").
 */
export function parseBinary(value: string, lengthBytesMax: number): Uint8Array | null {
  const prefix = value.slice(0, 2).toLowerCase();
  const digits = value.slice(2);
  if (prefix === '0x') return parseHex(digits, lengthBytesMax);
  return prefix === '0b' ? parseBase64(digits, lengthBytesMax) : null;
}

/** Bytes as a hex constant; every receiver of binary values must take hex (6.1). */
export function formatBinary(bytes: Uint8Array): string {
  let text = '0x';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

const DECIMAL = /^(0|[1-9][0-9]*)$/;
const HEX = /^0[xX][0-9a-fA-F]+$/;
const HEX_DIGITS = /^[0-9a-fA-F]+$/;
const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

function parseHex(digits: string, lengthBytesMax: number): Uint8Array | null {
  const lengthBytes = Math.ceil(digits.length / 2);
  if (lengthBytes > lengthBytesMax || !HEX_DIGITS.test(digits)) return null;
  const even = digits.padStart(lengthBytes * 2, '0');
  const bytes = new Uint8Array(lengthBytes);
  for (let i = 0; i < lengthBytes; i++) bytes[i] = Number.parseInt(even.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** RFC 4648 4, padded to a multiple of four, the unused bits of the last digit zero. */
function parseBase64(digits: string, lengthBytesMax: number): Uint8Array | null {
  if (digits.length === 0 || digits.length % 4 !== 0) return null;
  const paddingCount = digits.endsWith('==') ? 2 : digits.endsWith('=') ? 1 : 0;
  const lengthBytes = (digits.length / 4) * 3 - paddingCount;
  if (lengthBytes > lengthBytesMax) return null;
  const bytes = new Uint8Array(lengthBytes);
  let bits = 0;
  let bitCount = 0;
  let at = 0;
  for (let i = 0; i < digits.length - paddingCount; i++) {
    const digit = BASE64_ALPHABET.indexOf(digits[i] as string);
    if (digit < 0) return null;
    bits = ((bits << 6) | digit) & 0xffff;
    bitCount += 6;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[at++] = (bits >>> bitCount) & 0xff;
  }
  return (bits & ((1 << bitCount) - 1)) === 0 ? bytes : null;
}

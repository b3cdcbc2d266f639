/**
 * Sizes as people write them: 1073741824, "1GiB", "1.5T". As truncate(1) reads them: K, M, G, T, P and KiB ... PiB are powers
 * of 1024, KB ... PB powers of 1000.
 */

const SIZE = /^([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGTP])(i?B)?|B)?$/i;
const POWERS = 'KMGTP';

/** Bytes, or null when `text` is no size or no whole number of bytes up to 2^53-1. */
export function parseByteSize(text: string | number): number | null {
  if (typeof text === 'number') return Number.isSafeInteger(text) ? text : null;
  const match = SIZE.exec(text.trim());
  if (match === null) return null;
  const base = match[3]?.toLowerCase() === 'b' ? 1000 : 1024;
  const power = match[2] === undefined ? 0 : POWERS.indexOf(match[2].toUpperCase()) + 1;
  const bytes = Number(match[1]) * base ** power;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

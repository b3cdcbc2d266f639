/**
 * The text format (RFC 7143 6.1): key=value pairs, each closed by one zero byte, and their way over several PDUs by the
 * C bit (6.2). What a peer can get wrong is a TextFault, never an exception. Values are UTF-8; bytes that are not become
 * U+FFFD, which no name, number or keyword contains.
 */

/** What one negotiation may add up to. 6.1 asks for 8192 at least and 64 KiB for large authentication values. */
export const TEXT_BYTES_MAX = 65536;
/** PDUs one text may be cut into: TEXT_BYTES_MAX in pieces of 512 bytes (13.12, the least a peer declares), and slack. */
export const TEXT_PDUS_MAX = 256;
/** A key-name (6.1). */
export const KEY_BYTES_MAX = 63;
/** A simple-value, or one element of a list (6.1); not the encoded form of a binary value. */
export const SIMPLE_VALUE_BYTES_MAX = 255;
/** A whole value: a list, or a binary value in its hex or base64 form. */
export const VALUE_BYTES_MAX = 8192;

export interface TextPair {
  readonly key: string;
  readonly value: string;
}

export const TEXT_UNTERMINATED = 'the last pair has no closing zero byte';
export const TEXT_NO_EQUALS = 'a pair has no "="';
export const TEXT_BAD_KEY = 'a key is not a standard-label';
export const TEXT_KEY_TOO_LONG = 'a key is longer than 63 bytes';
export const TEXT_VALUE_TOO_LONG = 'a value is longer than its limit';
export const TEXT_TOO_LONG = 'the text is longer than 65536 bytes';
export type TextFault =
  | typeof TEXT_UNTERMINATED
  | typeof TEXT_NO_EQUALS
  | typeof TEXT_BAD_KEY
  | typeof TEXT_KEY_TOO_LONG
  | typeof TEXT_VALUE_TOO_LONG
  | typeof TEXT_TOO_LONG;

export interface ParsedText {
  /** Null when every pair is well-formed. */
  readonly fault: TextFault | null;
  /** In the order of the text, repeated keys included; empty with a fault. */
  readonly pairs: readonly TextPair[];
  /** The first key that came twice, or null. Whether that is an error depends on the phase (6.3, appendix C). */
  readonly duplicateKey: string | null;
}

/** Reads the complete text of one direction of an exchange, all its PDUs joined. Lone zero bytes are taken as padding. */
export function parseText(bytes: Uint8Array): ParsedText {
  if (bytes.length > TEXT_BYTES_MAX) return faulty(TEXT_TOO_LONG);
  const pairs: TextPair[] = [];
  const seen = new Set<string>();
  let duplicateKey: string | null = null;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    if (end < 0) return faulty(TEXT_UNTERMINATED);
    if (end > start) {
      const pair = parsePair(bytes, start, end);
      if (typeof pair === 'string') return faulty(pair);
      if (seen.has(pair.key)) duplicateKey ??= pair.key;
      seen.add(pair.key);
      pairs.push(pair);
    }
    start = end + 1;
  }
  return { fault: null, pairs, duplicateKey };
}

/** The text of `pairs`. Keys and values are ours, so they hold no zero byte and a key no "=". */
export function encodeText(pairs: readonly TextPair[]): Uint8Array {
  let text = '';
  for (const { key, value } of pairs) text += `${key}=${value}\0`;
  return new TextEncoder().encode(text);
}

/** Joins the data segments of a text that comes in several PDUs (C bit, 11.10.2, 11.12.2), up to TEXT_BYTES_MAX. */
export class TextAssembler {
  private pieces: Uint8Array[] = [];
  private lengthBytes = 0;

  /** Copies one data segment; false when the text has become too long, and then nothing was kept. */
  append(bytes: Uint8Array, offset: number, length: number): boolean {
    const isTooLong = this.lengthBytes + length > TEXT_BYTES_MAX || this.pieces.length === TEXT_PDUS_MAX;
    if (isTooLong) {
      this.clear();
      return false;
    }
    this.pieces.push(bytes.slice(offset, offset + length));
    this.lengthBytes += length;
    return true;
  }

  /** True between a piece and its take(). */
  get isPartial(): boolean {
    return this.pieces.length > 0;
  }

  /** The joined text, the caller's to keep; the assembler starts anew. */
  take(): Uint8Array {
    const text = new Uint8Array(this.lengthBytes);
    let offset = 0;
    for (const piece of this.pieces) {
      text.set(piece, offset);
      offset += piece.length;
    }
    this.clear();
    return text;
  }

  clear(): void {
    this.pieces = [];
    this.lengthBytes = 0;
  }
}

/** Cuts a text into data segments for the peer; every segment but the last goes out with the C bit. */
export class TextSegmenter {
  private text: Uint8Array = EMPTY;
  private offset = 0;

  /** Begins with `text`, which must not change until the last segment was taken. */
  start(text: Uint8Array): void {
    this.text = text;
    this.offset = 0;
  }

  /** True while segments remain, so after next(): the C bit of the PDU that carries what next() gave. */
  get isContinued(): boolean {
    return this.offset < this.text.length;
  }

  /** The next segment, at most `lengthBytesMax` (the peer's MaxRecvDataSegmentLength); empty after the last. */
  next(lengthBytesMax: number): Uint8Array {
    const segment = this.text.subarray(this.offset, this.offset + lengthBytesMax);
    this.offset += segment.length;
    return segment;
  }
}

const EMPTY = new Uint8Array(0);
const EQUALS = 0x3d;
const COMMA = 0x2c;
// 6.1 standard-label, with '#' for X# names (13.26). It should begin with a capital, but iSCSIProtocolLevel does not.
const KEY_NAME = /^[A-Za-z][A-Za-z0-9.\-+@_#]*$/;

function faulty(fault: TextFault): ParsedText {
  return { fault, pairs: [], duplicateKey: null };
}

function parsePair(bytes: Uint8Array, start: number, end: number): TextPair | TextFault {
  const equals = bytes.indexOf(EQUALS, start);
  if (equals < 0 || equals >= end) return TEXT_NO_EQUALS;
  if (equals - start > KEY_BYTES_MAX) return TEXT_KEY_TOO_LONG;
  const key = decodeUtf8(bytes, start, equals);
  if (!KEY_NAME.test(key)) return TEXT_BAD_KEY;
  if (isValueTooLong(bytes, equals + 1, end)) return TEXT_VALUE_TOO_LONG;
  return { key, value: decodeUtf8(bytes, equals + 1, end) };
}

/** 6.1: 255 bytes for each simple value; a binary value's limit counts its decoded bytes and is its reader's to check. */
function isValueTooLong(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > VALUE_BYTES_MAX) return true;
  for (let at = start; at <= end; ) {
    const comma = bytes.indexOf(COMMA, at);
    const elementEnd = comma < 0 || comma > end ? end : comma;
    if (elementEnd - at > SIMPLE_VALUE_BYTES_MAX && !isEncodedBinary(bytes, at)) return true;
    at = elementEnd + 1;
  }
  return false;
}

/** "0x" or "0b", in either case, begins a hex or base64 constant. */
function isEncodedBinary(bytes: Uint8Array, at: number): boolean {
  const letter = bytes[at + 1]! | 0x20;
  return bytes[at] === 0x30 && (letter === 0x78 || letter === 0x62);
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end));
}

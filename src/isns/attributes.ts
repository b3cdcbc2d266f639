/**
 * Attributes (RFC 4171 5.3): tag, length and value, all in multiples of four bytes. A message is a list of them; what they
 * mean together is up to who reads it.
 */
import { TAG_DELIMITER } from './constants.ts';
import { isnsAddressBytes } from './ip-address.ts';

export interface Attribute {
  readonly tag: number;
  /** As on the wire: a text with its NUL and padding. Empty where the attribute is only named. */
  readonly value: Uint8Array;
}

// 5.3: offsets in one attribute
const ATTRIBUTE_TAG = 0;
const ATTRIBUTE_LENGTH = 4;
const ATTRIBUTE_VALUE = 8;

const NOTHING = new Uint8Array(0);

/** An attribute without a value: the delimiter, the name of what is asked for, or a PGT of NULL. */
export function bareAttribute(tag: number): Attribute {
  return { tag, value: NOTHING };
}

/** A 4-byte unsigned number. */
export function numberAttribute(tag: number, number: number): Attribute {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, number);
  return { tag, value };
}

/** UTF-8 with a NUL, padded with zeros to four bytes (5.3.1). */
export function textAttribute(tag: number, text: string): Attribute {
  const bytes = Buffer.from(text, 'utf8');
  const value = new Uint8Array((bytes.length + 4) & ~3);
  value.set(bytes);
  return { tag, value };
}

/** An address in 16 bytes; `address` must be one that isnsAddressBytes knows. */
export function addressAttribute(tag: number, address: string): Attribute {
  return { tag, value: isnsAddressBytes(address) ?? NOTHING };
}

/** The value of a 4-byte attribute, null when it has another length. */
export function attributeNumber({ value }: Attribute): number | null {
  if (value.length !== 4) return null;
  return new DataView(value.buffer, value.byteOffset, 4).getUint32(0);
}

/** The value of a text attribute up to its first NUL. */
export function attributeText({ value }: Attribute): string {
  const end = value.indexOf(0);
  return Buffer.from(value.buffer, value.byteOffset, end === -1 ? value.length : end).toString('utf8');
}

/** The first attribute with `tag`, null when there is none. */
export function findAttribute(attributes: readonly Attribute[], tag: number): Attribute | null {
  return attributes.find((attribute) => attribute.tag === tag) ?? null;
}

/** What stands behind the delimiter (5.6); the server's answer proper. */
export function operatingAttributes(attributes: readonly Attribute[]): readonly Attribute[] {
  const delimiter = attributes.findIndex(({ tag }) => tag === TAG_DELIMITER);
  return delimiter === -1 ? [] : attributes.slice(delimiter + 1);
}

/** @param lengthBytes room to leave before the attributes, zeroed */
export function writeAttributes(attributes: readonly Attribute[], lengthBytes = 0): Uint8Array {
  const bytes = new Uint8Array(lengthBytes + attributesBytes(attributes));
  const view = new DataView(bytes.buffer);
  let offset = lengthBytes;
  for (const { tag, value } of attributes) {
    view.setUint32(offset + ATTRIBUTE_TAG, tag);
    view.setUint32(offset + ATTRIBUTE_LENGTH, value.length);
    bytes.set(value, offset + ATTRIBUTE_VALUE);
    offset += ATTRIBUTE_VALUE + value.length;
  }
  return bytes;
}

/** Bytes of `attributes` on the wire. */
export function attributesBytes(attributes: readonly Attribute[]): number {
  let bytes = 0;
  for (const { value } of attributes) bytes += ATTRIBUTE_VALUE + value.length;
  return bytes;
}

/** The attributes from `offset` to the end; their values borrow `payload`. Null: not a list of attributes. */
export function readAttributes(payload: Uint8Array, offset: number): Attribute[] | null {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const attributes: Attribute[] = [];
  while (offset < payload.length) {
    if (payload.length - offset < ATTRIBUTE_VALUE) return null;
    const tag = view.getUint32(offset + ATTRIBUTE_TAG);
    const length = view.getUint32(offset + ATTRIBUTE_LENGTH);
    offset += ATTRIBUTE_VALUE;
    if (length % 4 !== 0 || length > payload.length - offset) return null;
    attributes.push({ tag, value: payload.subarray(offset, offset + length) });
    offset += length;
  }
  return attributes;
}

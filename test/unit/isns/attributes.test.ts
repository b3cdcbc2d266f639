import { describe, expect, it } from 'vitest';
import {
  addressAttribute,
  attributeNumber,
  attributesBytes,
  attributeText,
  bareAttribute,
  numberAttribute,
  operatingAttributes,
  readAttributes,
  textAttribute,
  writeAttributes,
} from '../../../src/isns/attributes.ts';
import { isnsAddressBytes } from '../../../src/isns/ip-address.ts';

function hex(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
}

describe('attributes', () => {
  it.each([
    ['', '00000000'],
    ['a', '61000000'],
    ['abc', '61626300'],
    ['abcd', '6162636400000000'],
    ['ü', 'c3bc0000'],
  ])('the text %j ends with a NUL and is padded to whole words', (text, expected) => {
    expect(hex(textAttribute(32, text).value)).toBe(expected);
    expect(attributeText(textAttribute(32, text))).toBe(text);
  });

  it('are tag, length and value on the wire', () => {
    const attributes = [
      numberAttribute(33, 1),
      bareAttribute(0),
      textAttribute(1, 'ab'),
      addressAttribute(16, '192.0.2.1'),
    ];
    const bytes = writeAttributes(attributes);
    expect(hex(bytes)).toBe(
      [
        '00000021 00000004 00000001',
        '00000000 00000000',
        '00000001 00000004 61620000',
        '00000010 00000010 00000000 00000000 0000ffff c0000201',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
    expect(attributesBytes(attributes)).toBe(bytes.length);
    expect(readAttributes(bytes, 0)).toEqual(attributes);
  });

  it('that end too early or have a length of no whole words are none', () => {
    const bytes = writeAttributes([numberAttribute(33, 1), textAttribute(32, 'iqn.2026-11.org.example:a')]);
    for (let length = 1; length < bytes.length; length++) {
      const isWhole = length === 12;
      expect(readAttributes(bytes.subarray(0, length), 0) !== null).toBe(isWhole);
    }
    for (const length of [1, 2, 3, 5, 0xffffffff, 0xfffffffc]) {
      const damaged = bytes.slice();
      new DataView(damaged.buffer).setUint32(4, length);
      expect(readAttributes(damaged, 0)).toBeNull();
    }
  });

  it('a number of another length than four bytes is none; a text without NUL ends with its bytes', () => {
    expect(attributeNumber(bareAttribute(6))).toBeNull();
    expect(attributeNumber(textAttribute(6, 'abcd'))).toBeNull();
    expect(attributeText({ tag: 32, value: Buffer.from('abcd') })).toBe('abcd');
  });

  it('behind the delimiter are the operating ones', () => {
    const [a, b] = [numberAttribute(6, 1), numberAttribute(6, 2)];
    expect(operatingAttributes([a, bareAttribute(0), b])).toEqual([b]);
    expect(operatingAttributes([a, b])).toEqual([]);
  });
});

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '00000000000000000000ffffc0000201'],
    ['0.0.0.0', '00000000000000000000ffff00000000'],
    ['::1', '00000000000000000000000000000001'],
    ['::', '00000000000000000000000000000000'],
    ['2001:db8::1:2', '20010db8000000000000000000010002'],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['1::', '00010000000000000000000000000000'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
  ])('%s is %s', (text, expected) => {
    expect(hex(isnsAddressBytes(text))).toBe(expected);
  });

  it.each([
    ...['', 'localhost', '192.0.2.256', '192.0.2', '192.0.2.1.1', 'fe80::1%eth0', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9'],
    ...['1::2::3', '1:2:3:4:5:6:7::8:9', ':::', '12345::', 'g::', '1:2:3:4:5:6:7:192.0.2.1', '192.0.2.1::'],
  ])('%j is none', (text) => {
    expect(isnsAddressBytes(text)).toBeNull();
  });
});

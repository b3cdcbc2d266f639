/** The forms of text values (RFC 7143 6.1). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBinary,
  formatBoolean,
  parseBinary,
  parseBoolean,
  parseList,
  parseNumber,
  parseNumericRange,
} from '../../../../src/iscsi/codec/text-value.ts';
import { seededRandom } from '../../../random.ts';

const { seed } = seededRandom();

describe('a number', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    ['8192', 8192],
    ['16777215', 16777215],
    ['0x0', 0],
    ['0xfF', 255],
    ['0X0010', 16],
    ['9007199254740991', 2 ** 53 - 1],
    ['0x1fffffffffffff', 2 ** 53 - 1],
  ])('%s is read', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it.each([
    '',
    ' ',
    '-1',
    '+1',
    '01',
    '00',
    '1.0',
    '1e3',
    '0x',
    '0xg',
    'x10',
    '1 ',
    ' 1',
    '1\n',
    '1,2',
    '1~2',
    '9007199254740992',
    '0x20000000000000',
    'Infinity',
    'NaN',
    '0b11',
    '0o7',
    'Yes',
  ])('%j is none', (text) => {
    expect(parseNumber(text)).toBeNull();
  });
});

describe('a numeric range', () => {
  it('is two numbers, the smaller first', () => {
    expect(parseNumericRange('512~0x400')).toEqual({ low: 512, high: 1024 });
    expect(parseNumericRange('7~7')).toEqual({ low: 7, high: 7 });
  });

  it.each(['', '~', '1~', '~1', '2~1', '1-2', '1', '1~2~3'])('%j is none', (text) => {
    expect(parseNumericRange(text)).toBeNull();
  });
});

describe('a boolean', () => {
  it('is Yes or No', () => {
    expect(parseBoolean('Yes')).toBe(true);
    expect(parseBoolean('No')).toBe(false);
    expect([formatBoolean(true), formatBoolean(false)]).toEqual(['Yes', 'No']);
  });

  it.each(['', 'yes', 'YES', 'no', 'true', '1', 'Yes,No', 'Yes '])('is not %j', (text) => {
    expect(parseBoolean(text)).toBeNull();
  });
});

describe('a list', () => {
  it('has its elements in order', () => {
    expect(parseList('CRC32C,None')).toEqual(['CRC32C', 'None']);
    expect(parseList('None')).toEqual(['None']);
  });

  it.each(['', ',', 'None,', ',None', 'a,,b'])('%j is none', (text) => {
    expect(parseList(text)).toBeNull();
  });
});

describe('a binary value', () => {
  it.each([
    ['0x00', [0]],
    ['0xA5fe', [0xa5, 0xfe]],
    ['0X1a2', [0x01, 0xa2]],
    ['0bTWFu', [0x4d, 0x61, 0x6e]], // RFC 4648 10's alphabet, "Man"
    ['0bZm9vYg==', [0x66, 0x6f, 0x6f, 0x62]], // RFC 4648 10, "foob"
    ['0BZm9vYmE=', [0x66, 0x6f, 0x6f, 0x62, 0x61]], // RFC 4648 10, "fooba"
    ['0b+/+/', [0xfb, 0xff, 0xbf]],
  ])('%s is read', (text, bytes) => {
    expect(parseBinary(text, 1024)).toEqual(Uint8Array.from(bytes));
  });

  it.each([
    '',
    '0x',
    '0b',
    '00',
    '12',
    'ff',
    '0xg0',
    '0x 0',
    '0bZ',
    '0bZm',
    '0bZm9',
    '0bZm9=v',
    '0b====',
    '0bZh==',
    '0bZm9vYmF=',
    '0b Zm9',
  ])('%j is none', (text) => {
    expect(parseBinary(text, 1024)).toBeNull();
  });

  it('longer than allowed is none', () => {
    expect(parseBinary('0x0011', 2)).toEqual(Uint8Array.of(0, 0x11));
    expect(parseBinary('0x001122', 2)).toBeNull();
    expect(parseBinary('0bTWFu', 3)).not.toBeNull();
    expect(parseBinary('0bTWFu', 2)).toBeNull();
  });

  it('comes back as it was, from hex and from base64', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
        expect(parseBinary(formatBinary(bytes), 100)).toEqual(bytes);
        expect(parseBinary(`0b${Buffer.from(bytes).toString('base64')}`, 100)).toEqual(bytes);
      }),
      { seed },
    );
  });
});

it('no text makes a reader of values throw', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^(0[xXbB])?[0-9a-zA-Z+/=~,]{0,40}$/));
  fc.assert(
    fc.property(text, (value) => {
      parseNumber(value);
      parseNumericRange(value);
      parseBoolean(value);
      parseList(value);
      const binary = parseBinary(value, 16);
      expect(binary === null || binary.length <= 16).toBe(true);
    }),
    { seed, numRuns: 500 },
  );
});

/** The text format: whole, cut at every offset on both sides of the C bit, and fed with anything. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeText,
  KEY_BYTES_MAX,
  parseText,
  SIMPLE_VALUE_BYTES_MAX,
  TEXT_BAD_KEY,
  TEXT_BYTES_MAX,
  TEXT_KEY_TOO_LONG,
  TEXT_NO_EQUALS,
  TEXT_PDUS_MAX,
  TEXT_TOO_LONG,
  TEXT_UNTERMINATED,
  TEXT_VALUE_TOO_LONG,
  TextAssembler,
  TextSegmenter,
  VALUE_BYTES_MAX,
} from '../../../../src/iscsi/codec/text.ts';
import { seededRandom } from '../../../random.ts';
import { TEXT_VECTORS, textBytes } from '../../../vectors/iscsi/texts.ts';

const { seed } = seededRandom();

describe.each(TEXT_VECTORS)('the text of $name', ({ text, pairs: expected }) => {
  const bytes = textBytes(text);
  const pairs = expected.map(([key, value]) => ({ key, value }));

  it('is parsed in order', () => {
    expect(parseText(bytes)).toMatchObject({ fault: null, pairs });
  });

  it('is encoded to the same bytes', () => {
    expect(encodeText(pairs)).toEqual(bytes);
  });

  it('is joined from two PDUs, cut anywhere', () => {
    const assembler = new TextAssembler();
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(assembler.append(bytes, 0, cut)).toBe(true);
      expect(assembler.isPartial).toBe(true);
      expect(assembler.append(bytes, cut, bytes.length - cut)).toBe(true);
      expect(assembler.take()).toEqual(bytes);
      expect(assembler.isPartial).toBe(false);
    }
  });

  it('cut short anywhere but behind a pair is a fault', () => {
    for (let end = 1; end < bytes.length; end++) {
      const { fault } = parseText(bytes.slice(0, end));
      if (bytes[end - 1] === 0) expect(fault).toBeNull();
      else expect(fault).toBe(TEXT_UNTERMINATED);
    }
  });

  it('leaves in segments of any size, with the C bit on all but the last', () => {
    const segmenter = new TextSegmenter();
    for (let size = 1; size <= bytes.length + 1; size++) {
      segmenter.start(bytes);
      const segments = [segmenter.next(size)];
      while (segmenter.isContinued) segments.push(segmenter.next(size));
      expect(segments.length).toBe(Math.max(1, Math.ceil(bytes.length / size)));
      expect(segments.every((segment) => segment.length <= size)).toBe(true);
      expect(Buffer.concat(segments)).toEqual(Buffer.from(bytes));
    }
  });
});

describe('a text', () => {
  it('with nothing in it has no pairs', () => {
    expect(parseText(new Uint8Array(0))).toEqual({ fault: null, pairs: [], duplicateKey: null });
  });

  it('may be padded with zero bytes', () => {
    expect(parseText(textBytes('||A=b|||')).pairs).toEqual([{ key: 'A', value: 'b' }]);
  });

  it('may have "=" in a value', () => {
    expect(parseText(textBytes('A=b=c==|')).pairs).toEqual([{ key: 'A', value: 'b=c==' }]);
  });

  it('says which key came twice first', () => {
    expect(parseText(textBytes('A=1|B=1|B=2|A=2|')).duplicateKey).toBe('B');
  });

  it.each([
    ['A|', TEXT_NO_EQUALS],
    ['A=1|B|', TEXT_NO_EQUALS],
    ['A|B=1|', TEXT_NO_EQUALS],
    ['=1|', TEXT_BAD_KEY],
    ['1A=1|', TEXT_BAD_KEY],
    ['A B=1|', TEXT_BAD_KEY],
    ['A,B=1|', TEXT_BAD_KEY],
    ['Ä=1|', TEXT_BAD_KEY],
    ['A=1|B=2', TEXT_UNTERMINATED],
    ['=', TEXT_UNTERMINATED],
  ])('%j is a fault', (text, fault) => {
    expect(parseText(textBytes(text))).toEqual({ fault, pairs: [], duplicateKey: null });
  });

  it.each(['X-com.example.key', 'X#NodeArchitecture', 'iSCSIProtocolLevel', 'A+b@c_d-e.9'])('has a key %s', (key) => {
    expect(parseText(textBytes(`${key}=v|`)).pairs).toEqual([{ key, value: 'v' }]);
  });

  it('has keys up to 63 bytes', () => {
    expect(parseText(textBytes(`${'K'.repeat(KEY_BYTES_MAX)}=v|`)).fault).toBeNull();
    expect(parseText(textBytes(`${'K'.repeat(KEY_BYTES_MAX + 1)}=v|`)).fault).toBe(TEXT_KEY_TOO_LONG);
  });

  it('has simple values up to 255 bytes, alone or in a list', () => {
    const longest = 'v'.repeat(SIMPLE_VALUE_BYTES_MAX);
    expect(parseText(textBytes(`A=${longest}|`)).fault).toBeNull();
    expect(parseText(textBytes(`A=${longest},${longest}|`)).fault).toBeNull();
    expect(parseText(textBytes(`A=${longest}v|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
    expect(parseText(textBytes(`A=${longest}v,b|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
    expect(parseText(textBytes(`A=b,${longest}v|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
    expect(parseText(textBytes(`A=b|B=c,${longest}|`)).fault).toBeNull();
    expect(parseText(textBytes(`A=${longest}|B=${longest},c|`)).fault).toBeNull();
  });

  it('counts the bytes of UTF-8, not its characters', () => {
    expect(parseText(textBytes(`A=${'ü'.repeat(127)}|`)).fault).toBeNull();
    expect(parseText(textBytes(`A=${'ü'.repeat(128)}|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
  });

  it('has binary values and lists up to 8192 bytes', () => {
    for (const prefix of ['0x', '0X', '0b', '0B']) {
      const digits = 'a'.repeat(VALUE_BYTES_MAX - 2);
      expect(parseText(textBytes(`CHAP_R=${prefix}${digits}|`)).fault).toBeNull();
      expect(parseText(textBytes(`CHAP_R=${prefix}${digits}a|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
    }
    const list = `${'None,'.repeat(1638)}No`;
    expect(list.length).toBe(VALUE_BYTES_MAX);
    expect(parseText(textBytes(`AuthMethod=${list}|`)).fault).toBeNull();
    expect(parseText(textBytes(`AuthMethod=${list}n|`)).fault).toBe(TEXT_VALUE_TOO_LONG);
  });

  it('turns bytes that are no UTF-8 into U+FFFD', () => {
    const bytes = textBytes('InitiatorAlias=x|');
    bytes[15] = 0xff;
    expect(parseText(bytes).pairs).toEqual([{ key: 'InitiatorAlias', value: '\ufffd' }]);
  });

  it('has at most 65536 bytes', () => {
    expect(parseText(new Uint8Array(TEXT_BYTES_MAX)).fault).toBeNull();
    expect(parseText(new Uint8Array(TEXT_BYTES_MAX + 1)).fault).toBe(TEXT_TOO_LONG);
  });

  it('of any bytes is parsed or a fault, never an exception', () => {
    const pieces = fc.constantFrom('A', '=', '\0', ',', '0x', 'ü', 'InitiatorName', ' ', '\xff');
    const likely = fc.array(pieces, { maxLength: 60 }).map((parts) => new TextEncoder().encode(parts.join('')));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), likely), (bytes) => {
        const { fault, pairs } = parseText(bytes);
        if (fault !== null) expect(pairs).toEqual([]);
        else expect(parseText(encodeText(pairs)).pairs).toEqual(pairs);
      }),
      { seed, numRuns: 500 },
    );
  });

  it('comes back from the wire as it was', () => {
    const key = fc.stringMatching(/^[A-Z][A-Za-z0-9.+@_-]{0,62}$/);
    const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(fc.record({ key, value }), { maxLength: 20 }), (pairs) => {
        expect(parseText(encodeText(pairs))).toMatchObject({ fault: null, pairs });
      }),
      { seed },
    );
  });
});

describe('a text in many PDUs', () => {
  it('of more than 65536 bytes is refused and forgotten', () => {
    const assembler = new TextAssembler();
    const piece = new Uint8Array(8192).fill(0x41);
    for (let i = 0; i < 8; i++) expect(assembler.append(piece, 0, piece.length)).toBe(true);
    expect(assembler.append(piece, 0, 1)).toBe(false);
    expect(assembler.isPartial).toBe(false);
    expect(assembler.take().length).toBe(0);
  });

  it('of endless empty PDUs is refused', () => {
    const assembler = new TextAssembler();
    for (let i = 0; i < TEXT_PDUS_MAX; i++) expect(assembler.append(new Uint8Array(0), 0, 0)).toBe(true);
    expect(assembler.append(new Uint8Array(0), 0, 0)).toBe(false);
  });

  it('keeps its own copy of each piece', () => {
    const assembler = new TextAssembler();
    const borrowed = textBytes('xxA=1|xx');
    assembler.append(borrowed, 2, 4);
    borrowed.fill(0xff);
    expect(assembler.take()).toEqual(textBytes('A=1|'));
  });

  it('with nothing to send leaves as one empty segment', () => {
    const segmenter = new TextSegmenter();
    segmenter.start(new Uint8Array(0));
    expect(segmenter.isContinued).toBe(false);
    expect(segmenter.next(8192).length).toBe(0);
    expect(segmenter.isContinued).toBe(false);
  });
});

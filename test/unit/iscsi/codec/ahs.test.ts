/** Additional Header Segments (RFC 7143 11.2.2), whole, cut at every word, and of any bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AdditionalHeaders } from '../../../../src/iscsi/codec/ahs.ts';
import { seededRandom } from '../../../random.ts';
import { hexBytes } from '../../../vectors/iscsi/headers.ts';

const { seed } = seededRandom();

/** A 32-byte CDB: 16 more bytes, so AHSLength is 17 (11.2.2.3), four words and 20 bytes in all. */
const EXTENDED_CDB = '00110100 10111213 14151617 18191a1b 1c1d1e1f';
/** Expected Bidirectional Read Data Length 0x80000001 (11.2.2.4). */
const BIDI_READ = '00050200 80000001';

function decode(hex: string): { isWellFormed: boolean; ahs: AdditionalHeaders } {
  const bytes = hexBytes(`5a5a5a5a${hex.replaceAll(' ', '')}`);
  const ahs = new AdditionalHeaders();
  return { isWellFormed: ahs.decode(bytes, new DataView(bytes.buffer), 4, bytes.length - 4), ahs };
}

describe('additional header segments', () => {
  it('may be absent', () => {
    const { isWellFormed, ahs } = decode('');
    expect(isWellFormed).toBe(true);
    expect(ahs).toMatchObject({ extendedCdbBytes: 0, bidiReadBytes: 0 });
  });

  it('hold an extended CDB', () => {
    expect(decode(EXTENDED_CDB)).toMatchObject({
      isWellFormed: true,
      ahs: { extendedCdbOffset: 8, extendedCdbBytes: 16, bidiReadBytes: 0 },
    });
  });

  it('hold an extended CDB with padding', () => {
    const { isWellFormed, ahs } = decode('00030100 10110000');
    expect(isWellFormed).toBe(true);
    expect(ahs).toMatchObject({ extendedCdbOffset: 8, extendedCdbBytes: 2 });
  });

  it('hold a bidirectional read length', () => {
    expect(decode(BIDI_READ)).toMatchObject({ isWellFormed: true, ahs: { bidiReadBytes: 0x80000001 } });
  });

  it('may be several, and of unknown types', () => {
    expect(decode(`00013fff ${EXTENDED_CDB} ${BIDI_READ}`)).toMatchObject({
      isWellFormed: true,
      ahs: { extendedCdbOffset: 12, extendedCdbBytes: 16, bidiReadBytes: 0x80000001 },
    });
  });

  it('are malformed when cut before their end', () => {
    for (let words = 1; words < 5; words++) {
      expect(decode(EXTENDED_CDB.replaceAll(' ', '').slice(0, words * 8)).isWellFormed).toBe(false);
    }
    expect(decode('00050200').isWellFormed).toBe(false);
  });

  it.each([
    ['two extended CDBs', `${EXTENDED_CDB}${EXTENDED_CDB}`],
    ['two bidirectional lengths', `${BIDI_READ}${BIDI_READ}`],
    ['an extended CDB of no bytes', '00010100'],
    ['a bidirectional length of the wrong size', '00040200 00000001'],
    ['a length to the end of memory', 'ffff0100 00000000'],
  ])('are malformed with %s', (_, hex) => {
    expect(decode(hex).isWellFormed).toBe(false);
  });

  it('are forgotten with the next PDU', () => {
    const { ahs } = decode(`${EXTENDED_CDB}${BIDI_READ}`);
    ahs.decode(new Uint8Array(0), new DataView(new ArrayBuffer(0)), 0, 0);
    expect(ahs).toEqual(new AdditionalHeaders());
  });

  it('of any bytes stay within them', () => {
    const ahs = new AdditionalHeaders();
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 2, 5, 9, 0xff), { maxLength: 255 }), (values) => {
        const bytes = Uint8Array.from(values.slice(0, values.length & ~3));
        if (ahs.decode(bytes, new DataView(bytes.buffer), 0, bytes.length)) {
          expect(ahs.extendedCdbOffset + ahs.extendedCdbBytes).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { seed, numRuns: 500 },
    );
  });
});

/** CRC32C against the RFC's examples, and continued over every cut of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32cPortable, readDigest, writeDigest } from '../../../../src/iscsi/codec/digest.ts';
import { seededRandom } from '../../../random.ts';
import { DIGEST_VECTORS } from '../../../vectors/iscsi/digests.ts';
import { hexBytes } from '../../../vectors/iscsi/headers.ts';

const { seed } = seededRandom();

describe.each(DIGEST_VECTORS)('the digest of $name (RFC 3720 B.4)', ({ hex, digestHex }) => {
  const bytes = hexBytes(hex);
  const digest = hexBytes(digestHex);

  it('stands on the wire as printed', () => {
    const wire = new Uint8Array(6).fill(0x5a);
    writeDigest(new DataView(wire.buffer), 1, crc32cPortable(0, bytes, 0, bytes.length));
    expect(wire).toEqual(Uint8Array.from([0x5a, ...digest, 0x5a]));
  });

  it('is read from the wire as the CRC', () => {
    expect(readDigest(new DataView(digest.buffer), 0)).toBe(crc32cPortable(0, bytes, 0, bytes.length));
  });

  it('is the same when computed in two parts, cut anywhere', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const head = crc32cPortable(0, bytes, 0, cut);
      expect(crc32cPortable(head, bytes, cut, bytes.length - cut)).toBe(readDigest(new DataView(digest.buffer), 0));
    }
  });

  it('is the same when computed byte by byte', () => {
    let crc = 0;
    for (let i = 0; i < bytes.length; i++) crc = crc32cPortable(crc, bytes, i, 1);
    expect(crc).toBe(readDigest(new DataView(digest.buffer), 0));
  });
});

describe('the portable CRC32C', () => {
  it('of nothing is 0', () => {
    expect(crc32cPortable(0, new Uint8Array(0), 0, 0)).toBe(0);
  });

  it('agrees with the bitwise definition at any offset and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, skip) => {
        const offset = Math.min(skip, bytes.length);
        expect(crc32cPortable(0, bytes, offset, bytes.length - offset)).toBe(bitwise(bytes.subarray(offset)));
      }),
      { seed },
    );
  });

  it('changes with any single bit', () => {
    const bytes = hexBytes('00112233445566778899aabbccddeeff01');
    const crc = crc32cPortable(0, bytes, 0, bytes.length);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(crc32cPortable(0, bytes, 0, bytes.length)).not.toBe(crc);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  });
});

/** The polynomial division a bit at a time, x^32 + ... of RFC 7143 13.1 with its bits reversed. */
function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const isSet = ((crc ^ (byte >> bit)) & 1) === 1;
      crc = (crc >>> 1) ^ (isSet ? 0x82f63b78 : 0);
    }
  }
  return ~crc >>> 0;
}

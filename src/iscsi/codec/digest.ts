/**
 * Header and data digests: CRC32C (RFC 7143 13.1) of the header with its AHS, or of the data segment with its padding.
 * RFC 7143 numbers the bits of the remainder so that on the wire it stands little-endian, alone among all iSCSI fields:
 * the CRC of 32 zero bytes, 0x8a9136aa, is sent as aa 36 91 8a (RFC 3720 B.4).
 */

/**
 * Continues a CRC32C over bytes [offset, offset + length). Begins with 0; each result is the finished CRC of all bytes
 * so far and may be given back to go on. Unsigned 32 bits in and out.
 */
export type Crc32c = (crc: number, bytes: Uint8Array, offset: number, length: number) => number;

/** CRC32C by eight tables, eight bytes a round (Kounavis and Berry, "slicing-by-8"). For when no instruction does it. */
export const crc32cPortable: Crc32c = (crc, bytes, offset, length) => {
  const end = offset + length;
  const roundEnd = offset + (length & ~7);
  let c = ~crc;
  let i = offset;
  for (; i < roundEnd; i += 8) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c =
      TABLES[0x700 | (c & 0xff)]! ^
      TABLES[0x600 | ((c >>> 8) & 0xff)]! ^
      TABLES[0x500 | ((c >>> 16) & 0xff)]! ^
      TABLES[0x400 | (c >>> 24)]! ^
      TABLES[0x300 | bytes[i + 4]!]! ^
      TABLES[0x200 | bytes[i + 5]!]! ^
      TABLES[0x100 | bytes[i + 6]!]! ^
      TABLES[bytes[i + 7]!]!;
  }
  for (; i < end; i++) c = (c >>> 8) ^ TABLES[(c ^ bytes[i]!) & 0xff]!;
  return ~c >>> 0;
};

/**
 * Writes behind each memories[i] from starts[i] to ends[i], for i below `count`, its digest as it stands on the wire: four
 * bytes that belong to the caller.
 */
export type Seal = (
  memories: readonly Buffer[],
  starts: readonly number[],
  ends: readonly number[],
  count: number,
) => void;

export const sealPortable: Seal = (memories, starts, ends, count) => {
  for (let i = 0; i < count; i++) {
    const memory = memories[i]!;
    const end = ends[i]!;
    const crc = crc32cPortable(0, memory, starts[i]!, end - starts[i]!);
    for (let byte = 0; byte < 4; byte++) memory[end + byte] = crc >>> (8 * byte);
  }
};

/** Writes a digest as it stands on the wire. */
export function writeDigest(view: DataView, offset: number, crc: number): void {
  view.setUint32(offset, crc, true);
}

/** Reads a digest from the wire. */
export function readDigest(view: DataView, offset: number): number {
  return view.getUint32(offset, true);
}

/** The polynomial 0x11edc6f41 of 13.1, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Table k (256 entries at k * 256) advances the CRC of a byte by k further zero bytes. Signed, so it stays an integer. */
const TABLES: Int32Array = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let c = byte;
    for (let bit = 0; bit < 8; bit++) c = (c >>> 1) ^ (c & 1 ? POLYNOMIAL : 0);
    tables[byte] = c;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return tables;
}

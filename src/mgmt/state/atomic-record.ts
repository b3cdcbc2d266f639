/**
 * How a record of an atomic write lies in its journal. What a crash has left incomplete counts as none: nothing is written to
 * the disk before its record is whole.
 *
 *   | head, one sector: magic, version, place, CRC32C of all | name of the medium | before | after |
 */
import type { Crc32c } from '../../iscsi/codec/digest.ts';
import type { AtomicRecord } from '../../scsi/sbc/atomic/atomic-journal.ts';

/** What a journal begins with that holds nothing: one sector, which is written whole or not at all. */
export const NO_ATOMIC_RECORD = Buffer.alloc(512);

/** The bytes of `record`, from the start of the journal on. `before` and `after` stay its own. */
export function encodeAtomicRecord({ medium, offsetBytes, before, after }: AtomicRecord, crc32c: Crc32c): Buffer[] {
  const name = Buffer.from(medium);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeBigUInt64BE(MAGIC, HEAD_MAGIC);
  head.writeUInt32BE(VERSION, HEAD_VERSION);
  head.writeBigUInt64BE(BigInt(offsetBytes), HEAD_OFFSET);
  head.writeUInt32BE(after.length, HEAD_LENGTH);
  head.writeUInt32BE(name.length, HEAD_NAME_BYTES);
  const pieces = [head, name, before, after];
  head.writeUInt32BE(
    pieces.reduce((crc, piece) => crc32c(crc, piece, 0, piece.length), 0),
    HEAD_CRC,
  );
  return pieces;
}

/**
 * @param bytes the whole journal; kept by the record
 * @returns null when there is no whole record in it, or why it cannot be told, a sentence
 */
export function decodeAtomicRecord(bytes: Buffer, crc32c: Crc32c): AtomicRecord | null | string {
  if (bytes.length < HEAD_BYTES || bytes.readBigUInt64BE(HEAD_MAGIC) !== MAGIC) return null;
  const version = bytes.readUInt32BE(HEAD_VERSION);
  if (version !== VERSION) return `it has version ${version}, not ${VERSION}`;
  const beforeAt = HEAD_BYTES + bytes.readUInt32BE(HEAD_NAME_BYTES);
  const lengthBytes = bytes.readUInt32BE(HEAD_LENGTH);
  const end = beforeAt + 2 * lengthBytes;
  if (lengthBytes === 0 || end > bytes.length || !isWhole(bytes, end, crc32c)) return null;
  return {
    medium: bytes.toString('utf8', HEAD_BYTES, beforeAt),
    offsetBytes: Number(bytes.readBigUInt64BE(HEAD_OFFSET)),
    before: bytes.subarray(beforeAt, beforeAt + lengthBytes),
    after: bytes.subarray(beforeAt + lengthBytes, end),
  };
}

const MAGIC = 0x47_4f_54_47_54_41_57_4an; // "GOTGTAWJ"
const VERSION = 1;

// All big-endian
const HEAD_BYTES = 512;
const HEAD_MAGIC = 0;
const HEAD_VERSION = 8;
/** Of everything, with zero here. */
const HEAD_CRC = 12;
const HEAD_OFFSET = 16; // uint64
const HEAD_LENGTH = 24;
const HEAD_NAME_BYTES = 28;

function isWhole(bytes: Buffer, end: number, crc32c: Crc32c): boolean {
  const head = Buffer.from(bytes.subarray(0, HEAD_BYTES));
  head.writeUInt32BE(0, HEAD_CRC);
  return crc32c(crc32c(0, head, 0, HEAD_BYTES), bytes, HEAD_BYTES, end - HEAD_BYTES) === bytes.readUInt32BE(HEAD_CRC);
}

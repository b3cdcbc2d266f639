/**
 * Additional Header Segments (RFC 7143 11.2.2): between the BHS and the header digest, each a uint16 length of what
 * follows its type byte, the type, that many bytes, and zeros up to a multiple of four.
 */
import { AHS_BIDI_READ_LENGTH, AHS_EXTENDED_CDB, AHS_TYPE_MASK } from './constants.ts';

/** Bytes of AHSLength and AHSType. */
const AHS_HEAD_BYTES = 3;
const AHS_TYPE = 2;
// 11.2.2.3: a reserved byte, then the CDB's bytes from the 17th on
const AHS_EXTENDED_CDB_BYTES = 4;
// 11.2.2.4: a reserved byte, then a uint32
const AHS_BIDI_READ_LENGTH_VALUE = 4;
const AHS_BIDI_READ_LENGTH_LENGTH = 5;

/** What the AHS of one SCSI Command say. Reused for every PDU. */
export class AdditionalHeaders {
  /** Where the extended CDB's bytes (the 17th on) begin, and how many; 0 bytes when there is none. */
  extendedCdbOffset = 0;
  extendedCdbBytes = 0;
  /** Expected Bidirectional Read Data Length, 0 when absent. */
  bidiReadBytes = 0;

  /**
   * Reads the segments in [offset, offset + totalAhsBytes). False when they are malformed: a length beyond the end, a
   * known type twice or of the wrong length. Unknown types are skipped.
   */
  decode(bytes: Uint8Array, view: DataView, offset: number, totalAhsBytes: number): boolean {
    this.extendedCdbOffset = 0;
    this.extendedCdbBytes = 0;
    this.bidiReadBytes = 0;
    const end = offset + totalAhsBytes;
    let hasBidi = false;
    for (let at = offset; at < end; ) {
      const lengthBytes = view.getUint16(at);
      const next = at + ((AHS_HEAD_BYTES + lengthBytes + 3) & ~3);
      if (next > end) return false;
      const type = bytes[at + AHS_TYPE]! & AHS_TYPE_MASK;
      if (type === AHS_EXTENDED_CDB) {
        if (lengthBytes < 2 || this.extendedCdbBytes > 0) return false;
        this.extendedCdbOffset = at + AHS_EXTENDED_CDB_BYTES;
        this.extendedCdbBytes = lengthBytes - 1;
      } else if (type === AHS_BIDI_READ_LENGTH) {
        if (lengthBytes !== AHS_BIDI_READ_LENGTH_LENGTH || hasBidi) return false;
        this.bidiReadBytes = view.getUint32(at + AHS_BIDI_READ_LENGTH_VALUE);
        hasBidi = true;
      }
      at = next;
    }
    return true;
  }
}

/**
 * One PDU on its way from the initiator to the target, still in parts, so that a test can change any field of its header
 * before it becomes bytes. Length fields are the writer's: `header` says what it says, whatever the parts hold.
 */
import { BHS_BYTES, BHS_LENGTHS } from '../../src/iscsi/codec/bhs.ts';
import { DIGEST_BYTES } from '../../src/iscsi/codec/constants.ts';
import { crc32cPortable, writeDigest } from '../../src/iscsi/codec/digest.ts';
import { padBytes } from '../../src/iscsi/codec/framer.ts';

const NOTHING = Buffer.alloc(0);

export class OutgoingPdu {
  readonly header: Buffer = Buffer.alloc(BHS_BYTES);
  readonly view: DataView = new DataView(this.header.buffer, this.header.byteOffset, BHS_BYTES);
  /** Whole words. */
  ahs: Buffer = NOTHING;
  data: Buffer = NOTHING;
  /** Sent with a wrong digest, where that digest is in use. */
  hasBadHeaderDigest = false;
  hasBadDataDigest = false;

  get opcode(): number {
    return this.header[0]! & 0x3f;
  }

  /** Sets DataSegmentLength to what `data` holds; TotalAHSLength likewise. */
  fitLengths(): void {
    this.view.setUint32(BHS_LENGTHS, ((this.ahs.length / 4) << 24) | this.data.length);
  }

  /** The bytes on the wire. */
  encode(hasHeaderDigest: boolean, hasDataDigest: boolean): Buffer {
    const head = withDigest(Buffer.concat([this.header, this.ahs]), hasHeaderDigest, this.hasBadHeaderDigest);
    if (this.data.length === 0) return head;
    const padded = Buffer.concat([this.data, Buffer.alloc(padBytes(this.data.length))]);
    return Buffer.concat([head, withDigest(padded, hasDataDigest, this.hasBadDataDigest)]);
  }
}

function withDigest(bytes: Buffer, hasDigest: boolean, isBad: boolean): Buffer {
  if (!hasDigest) return bytes;
  const digest = Buffer.alloc(DIGEST_BYTES);
  const crc = crc32cPortable(0, bytes, 0, bytes.length);
  writeDigest(new DataView(digest.buffer, digest.byteOffset, DIGEST_BYTES), 0, isBad ? ~crc >>> 0 : crc);
  return Buffer.concat([bytes, digest]);
}

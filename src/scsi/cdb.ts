/**
 * Readers of command descriptor block fields (SPC-4 4.2). A CDB lies in a buffer of CDB_BYTES_MAX, zero behind what was
 * received, so every read is inside. 64-bit LBAs become numbers: above 2^53 the last bits are lost, but no logical unit
 * reaches there, and out of range they stay.
 */

/** LOGICAL BLOCK ADDRESS of eight bytes. */
export function lba64(cdb: DataView, offset: number): number {
  return cdb.getUint32(offset) * 0x100000000 + cdb.getUint32(offset + 4);
}

/** LOGICAL BLOCK ADDRESS of READ(6) and WRITE(6): 21 bits. */
export function lba21(cdb: DataView): number {
  return cdb.getUint32(0) & 0x1fffff;
}

/** TRANSFER LENGTH of READ(6) and WRITE(6): zero means 256 blocks (SBC-3 5.8). */
export function transferLength6(cdb: DataView): number {
  const length = cdb.getUint8(4);
  return length === 0 ? 256 : length;
}

/**
 * Readers of command descriptor block fields (SPC-4 4.2). A CDB lies in a buffer of CDB_BYTES_MAX, zero behind what was
 * received, so every read is inside. 64-bit LBAs become numbers: above 2^53 the last bits are lost, but no logical unit
 * reaches there, and out of range they stay.
 */

/** Operation code of variable length CDBs (SPC-4 4.2.3): the service action stands in bytes 8 and 9. */
export const VARIABLE_LENGTH_CDB = 0x7f;
/** Bytes in front of what ADDITIONAL CDB LENGTH counts. */
export const VARIABLE_LENGTH_HEADER_BYTES = 8;
export const ADDITIONAL_CDB_LENGTH = 7;

/** Where the flags (DPO, FUA, BYTCHK, UNMAP ...) stand: byte 1, or byte 10 of a variable length CDB (SBC-3 5). */
export function flagsByte(cdb: Uint8Array): number {
  return cdb[0] === VARIABLE_LENGTH_CDB ? 10 : 1;
}

/** LOGICAL BLOCK ADDRESS of eight bytes. */
export function lba64(cdb: DataView, offset: number): number {
  return cdb.getUint32(offset) * 0x100000000 + cdb.getUint32(offset + 4);
}

/** LOGICAL BLOCK ADDRESS of READ(6) and WRITE(6): 21 bits. */
export function lba21(cdb: DataView): number {
  return cdb.getUint32(0) & 0x1fffff;
}

/** TRANSFER LENGTH of READ(6) and WRITE(6): zero means 256 blocks (SBC-2). */
export function transferLength6(cdb: DataView): number {
  const length = cdb.getUint8(4);
  return length === 0 ? 256 : length;
}

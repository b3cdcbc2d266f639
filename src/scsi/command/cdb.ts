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

/** Normal ACA bit of the CONTROL byte (SAM-5 5.2). */
export const NACA = 0x04;
/** The CDB has no CONTROL byte that we know: its format is vendor specific, or reserved. */
export const NO_CONTROL_BYTE = -1;

/** Where the CONTROL byte stands, by the GROUP CODE of the operation code (SPC-4 4.2.5.1). */
export function controlByte(operationCode: number): number {
  if (operationCode === VARIABLE_LENGTH_CDB) return 1;
  return CONTROL_BYTES[operationCode >>> 5]!;
}

/** Whether a CHECK CONDITION of this command establishes an ACA condition. */
export function hasNaca(cdb: Uint8Array): boolean {
  const byte = controlByte(cdb[0]!);
  return byte !== NO_CONTROL_BYTE && (cdb[byte]! & NACA) !== 0;
}

const CONTROL_BYTES = [5, 9, 9, NO_CONTROL_BYTE, 15, 11, NO_CONTROL_BYTE, NO_CONTROL_BYTE];

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

/** CDBs that the tests of the protocol send (SBC-3 5, SPC-4 6); 16 bytes each, as a SCSI Command carries them. */

export function read10(lba: number, blocks: number): Buffer {
  return cdb10(0x28, lba, blocks);
}

export function write10(lba: number, blocks: number): Buffer {
  return cdb10(0x2a, lba, blocks);
}

export function synchronizeCache10(): Buffer {
  return cdb10(0x35, 0, 0);
}

/** WRITE SAME (10) of one block of data-out. */
export function writeSame10(lba: number, blocks: number): Buffer {
  return cdb10(0x41, lba, blocks);
}

/** UNMAP with its parameter list of one block descriptor. */
export function unmap(lba: number, blocks: number): { readonly cdb: Buffer; readonly dataOut: Buffer } {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x42;
  const dataOut = Buffer.alloc(24);
  cdb.writeUInt16BE(dataOut.length, 7);
  dataOut.writeUInt16BE(dataOut.length - 2, 0);
  dataOut.writeUInt16BE(16, 2);
  dataOut.writeUInt32BE(lba, 12);
  dataOut.writeUInt32BE(blocks, 16);
  return { cdb, dataOut };
}

export function inquiry(allocationLength: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x12;
  cdb.writeUInt16BE(allocationLength, 3);
  return cdb;
}

function cdb10(operationCode: number, lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = operationCode;
  cdb.writeUInt32BE(lba, 2);
  cdb.writeUInt16BE(blocks, 7);
  return cdb;
}

/** The smallest ISO 9660 image (ECMA-119): a primary volume descriptor, its root directory, and one file in it. */
import { writeFileSync } from 'node:fs';

/** As Linux shows it. */
export const ISO_FILE_NAME = 'image.bin';

/** Writes an image to `path` whose file holds `content`. */
export function writeIsoImage(path: string, content: Buffer): void {
  const fileBlocks = Math.ceil(content.length / BLOCK_BYTES);
  const image = Buffer.alloc((FILE_BLOCK + fileBlocks) * BLOCK_BYTES);
  writeVolumeDescriptor(block(image, VOLUME_DESCRIPTOR_BLOCK), FILE_BLOCK + fileBlocks);
  writeIdentifier(block(image, TERMINATOR_BLOCK), TYPE_TERMINATOR);
  writePathTables(image);
  const root = block(image, ROOT_BLOCK);
  let end = writeDirectoryRecord(root, 0, ROOT_BLOCK, BLOCK_BYTES, FLAG_DIRECTORY, '\u0000');
  end = writeDirectoryRecord(root, end, ROOT_BLOCK, BLOCK_BYTES, FLAG_DIRECTORY, '\u0001');
  writeDirectoryRecord(root, end, FILE_BLOCK, content.length, 0, `${ISO_FILE_NAME.toUpperCase()};1`);
  content.copy(image, FILE_BLOCK * BLOCK_BYTES);
  writeFileSync(path, image);
}

const BLOCK_BYTES = 2048;
const VOLUME_DESCRIPTOR_BLOCK = 16;
const TERMINATOR_BLOCK = 17;
const PATH_TABLE_L_BLOCK = 18;
const PATH_TABLE_M_BLOCK = 19;
const ROOT_BLOCK = 20;
const FILE_BLOCK = 21;
const TYPE_PRIMARY = 1;
const TYPE_TERMINATOR = 255;
const PATH_TABLE_BYTES = 10;
const FLAG_DIRECTORY = 0x02;
const DIRECTORY_RECORD_BYTES = 33;

function block(image: Buffer, number: number): Buffer {
  return image.subarray(number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES);
}

function writeIdentifier(out: Buffer, type: number): void {
  out[0] = type;
  out.write('CD001', 1, 'latin1');
  out[6] = 1; // version
}

/** ECMA-119 8.4 */
function writeVolumeDescriptor(out: Buffer, blocks: number): void {
  const IDENTIFIERS = [
    { at: 8, lengthBytes: 64 }, // system, volume
    { at: 190, lengthBytes: 623 }, // volume set to bibliographic file
  ];
  const DATES_AT = [813, 830, 847, 864];
  writeIdentifier(out, TYPE_PRIMARY);
  for (const { at, lengthBytes } of IDENTIFIERS) out.fill(0x20, at, at + lengthBytes);
  out.write('GOTGT', 40, 'latin1');
  writeBoth32(out, 80, blocks);
  writeBoth16(out, 120, 1); // volumes in the set
  writeBoth16(out, 124, 1); // which of them this is
  writeBoth16(out, 128, BLOCK_BYTES);
  writeBoth32(out, 132, PATH_TABLE_BYTES);
  out.writeUInt32LE(PATH_TABLE_L_BLOCK, 140);
  out.writeUInt32BE(PATH_TABLE_M_BLOCK, 148);
  writeDirectoryRecord(out, 156, ROOT_BLOCK, BLOCK_BYTES, FLAG_DIRECTORY, '\u0000');
  for (const at of DATES_AT) out.fill(0x30, at, at + 16); // not specified
  out[881] = 1; // file structure version
}

/** ECMA-119 6.9: the root alone, by both orders of bytes. */
function writePathTables(image: Buffer): void {
  const [little, big] = [block(image, PATH_TABLE_L_BLOCK), block(image, PATH_TABLE_M_BLOCK)];
  little[0] = 1;
  little.writeUInt32LE(ROOT_BLOCK, 2);
  little.writeUInt16LE(1, 6);
  big[0] = 1;
  big.writeUInt32BE(ROOT_BLOCK, 2);
  big.writeUInt16BE(1, 6);
}

/** ECMA-119 9.1. Returns where it ends. */
function writeDirectoryRecord(
  out: Buffer,
  at: number,
  firstBlock: number,
  lengthBytes: number,
  flags: number,
  name: string,
): number {
  const recordBytes = (DIRECTORY_RECORD_BYTES + name.length + 1) & ~1;
  out[at] = recordBytes;
  writeBoth32(out, at + 2, firstBlock);
  writeBoth32(out, at + 10, lengthBytes);
  out[at + 25] = flags;
  writeBoth16(out, at + 28, 1);
  out[at + 32] = name.length;
  out.write(name, at + DIRECTORY_RECORD_BYTES, 'latin1');
  return at + recordBytes;
}

function writeBoth32(out: Buffer, at: number, value: number): void {
  out.writeUInt32LE(value, at);
  out.writeUInt32BE(value, at + 4);
}

function writeBoth16(out: Buffer, at: number, value: number): void {
  out.writeUInt16LE(value, at);
  out.writeUInt16BE(value, at + 2);
}

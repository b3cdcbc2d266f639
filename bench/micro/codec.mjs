/** Framing, decoding and encoding of the PDUs of a READ and a WRITE. */
import { BHS_BYTES, Bhs, COMMAND_CDB } from '../../dist/iscsi/codec/bhs.js';
import { crc32cPortable } from '../../dist/iscsi/codec/digest.js';
import { writeDataInWithStatus } from '../../dist/iscsi/codec/encode.js';
import { writeScsiCommand } from '../../dist/iscsi/codec/encode-initiator.js';
import { Framer } from '../../dist/iscsi/codec/framer.js';
import { loadNative } from '../../dist/native/binding.js';

const PDUS = 32;
const READ_FLAGS = 0xc1; // F, R, SIMPLE
const DATA_BYTES = 4096;

export function codecCases() {
  const { native } = loadNative();
  const cases = [framerCase(), framerDataCase(), decodeCase(), encodeCase()];
  cases.push(crcCase('CRC32C in JavaScript, 48 bytes', crc32cPortable, BHS_BYTES));
  if (native === null) return cases;
  cases.push(crcCase('CRC32C in the addon, 48 bytes', native.crc32c, BHS_BYTES));
  cases.push(crcCase('CRC32C in the addon, 4 KiB', native.crc32c, DATA_BYTES));
  return cases;
}

/** `count` READ(10) commands, each with `dataBytes` of data segment, as a socket would give them. */
export function commandStream(count, dataBytes) {
  const pduBytes = BHS_BYTES + dataBytes;
  const bytes = Buffer.alloc(count * pduBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let i = 0; i < count; i++) {
    const at = i * pduBytes;
    writeScsiCommand(view, at, false, READ_FLAGS, 0, 0, i, DATA_BYTES, i + 1, 1, 0, dataBytes);
    view.setUint8(at + COMMAND_CDB, 0x28);
    view.setUint32(at + COMMAND_CDB + 2, i * 8);
    view.setUint16(at + COMMAND_CDB + 7, 8);
  }
  return { bytes, view };
}

function framerCase() {
  const { bytes, view } = commandStream(PDUS, 0);
  const seen = { headers: 0, onHeader: () => undefined, onPdu: () => undefined, onHeaderDigestError: () => undefined };
  const framer = new Framer(seen, crc32cPortable);
  return { name: 'framer, command without data', perCall: PDUS, run: () => framer.push(bytes, view, 0, bytes.length) };
}

function framerDataCase() {
  const { bytes, view } = commandStream(8, DATA_BYTES);
  const memory = Buffer.alloc(DATA_BYTES);
  const handler = {
    onHeader: () => framer.receiveInto(memory, 0),
    onPdu: () => undefined,
    onHeaderDigestError: () => undefined,
  };
  const framer = new Framer(handler, crc32cPortable);
  return { name: 'framer, 4 KiB of immediate data', perCall: 8, run: () => framer.push(bytes, view, 0, bytes.length) };
}

function decodeCase() {
  const { bytes, view } = commandStream(PDUS, 0);
  const bhs = new Bhs();
  const run = () => {
    for (let i = 0; i < PDUS; i++) bhs.decode(bytes, view, i * BHS_BYTES);
  };
  return { name: 'BHS decode', perCall: PDUS, run };
}

function encodeCase() {
  const view = new DataView(new ArrayBuffer(PDUS * BHS_BYTES));
  const run = () => {
    for (let i = 0; i < PDUS; i++) {
      writeDataInWithStatus(view, i * BHS_BYTES, i, i, i + 1, i + 128, 0, 0, DATA_BYTES, 0, 0, 0);
    }
  };
  return { name: 'Data-In with status, encode', perCall: PDUS, run };
}

function crcCase(name, crc32c, lengthBytes) {
  const bytes = Buffer.alloc(lengthBytes, 0x5a);
  const run = () => {
    for (let i = 0; i < PDUS; i++) crc32c(0, bytes, 0, lengthBytes);
  };
  return { name, perCall: PDUS, run };
}

/**
 * READ DISC INFORMATION (MMC-4 6.26), READ TRACK INFORMATION and READ DVD STRUCTURE (MMC-4 6.27): a finished disc with one
 * session and one track.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import { SENSE_CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT } from '../sense.ts';
import type { ParameterDataBuilder, Task } from '../task/task.ts';
import { FIRST_SESSION, FIRST_TRACK } from './disc-address.ts';
import { currentProfile, PROFILE_DVD_ROM } from './profile.ts';

export function readDiscInformation(task: Task): void {
  if ((task.command.cdb[1]! & DATA_TYPE) !== 0) task.invalidField(1, 2);
  else sendParameterData(task, task.command.cdbView.getUint16(ALLOCATION_LENGTH), buildDiscInformation);
}

export function readTrackInformation(task: Task): void {
  const { cdb, cdbView } = task.command;
  const address = cdbView.getUint32(TRACK_ADDRESS);
  if ((cdb[1]! & OPEN) !== 0) task.invalidField(1, 2);
  else if ((cdb[1]! & ADDRESS_TYPE) > ADDRESS_SESSION) task.invalidField(1, 1);
  else if (!isOnTrack(task, cdb[1]! & ADDRESS_TYPE, address)) task.invalidField(TRACK_ADDRESS, 7);
  else sendParameterData(task, cdbView.getUint16(ALLOCATION_LENGTH), buildTrackInformation);
}

/** The address is that of a BD; it does not matter here. */
export function readDiscStructure(task: Task): void {
  const { cdb, cdbView } = task.command;
  const build = STRUCTURES.get(cdb[STRUCTURE_FORMAT]!);
  if ((cdb[1]! & MEDIA_TYPE) !== MEDIA_TYPE_DVD) task.invalidField(1, 3);
  else if (currentProfile(task.unit) !== PROFILE_DVD_ROM) task.check(SENSE_CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT);
  else if (cdb[LAYER_NUMBER] !== 0) task.invalidField(LAYER_NUMBER, 7);
  else if (build === undefined) task.invalidField(STRUCTURE_FORMAT, 7);
  else sendParameterData(task, cdbView.getUint16(STRUCTURE_ALLOCATION_LENGTH), build);
}

const ALLOCATION_LENGTH = 7;

// READ DISC INFORMATION
const DATA_TYPE = 0x07;
const DISC_INFORMATION_BYTES = 34;
/** Last session complete (11b), disc finalized (10b). */
const DISC_COMPLETE = 0x0e;
/** Unrestricted use. */
const URU = 0x20;
const NO_ADDRESS = 0xffffffff;

function buildDiscInformation(_task: Task, out: Buffer): number {
  out.fill(0, 0, DISC_INFORMATION_BYTES);
  out.writeUInt16BE(DISC_INFORMATION_BYTES - 2, 0);
  out[2] = DISC_COMPLETE;
  out[3] = FIRST_TRACK; // on the disc
  out[4] = 1; // number of sessions
  out[5] = FIRST_TRACK; // of the last session
  out[6] = FIRST_TRACK; // the last of the last session
  out[7] = URU;
  out.writeUInt32BE(NO_ADDRESS, 16); // where the next session would start
  out.writeUInt32BE(NO_ADDRESS, 20); // where it would have to end
  return DISC_INFORMATION_BYTES;
}

// READ TRACK INFORMATION
const OPEN = 0x04;
const ADDRESS_TYPE = 0x03;
const ADDRESS_LBA = 0;
const ADDRESS_SESSION = 2;
const TRACK_ADDRESS = 2;
const TRACK_INFORMATION_BYTES = 36;
const TRACK_MODE_DATA = 0x04;
const DATA_MODE_1 = 0x01;
const LRA_V = 0x02;

/** Track numbers and session numbers are 1 alike. */
function isOnTrack(task: Task, type: number, address: number): boolean {
  return type === ADDRESS_LBA ? address < task.unit.blockCount : address === FIRST_TRACK;
}

function buildTrackInformation(task: Task, out: Buffer): number {
  const { blockCount } = task.unit;
  out.fill(0, 0, TRACK_INFORMATION_BYTES);
  out.writeUInt16BE(TRACK_INFORMATION_BYTES - 2, 0);
  out[2] = FIRST_TRACK;
  out[3] = FIRST_SESSION;
  out[5] = TRACK_MODE_DATA;
  out[6] = DATA_MODE_1;
  out[7] = LRA_V;
  out.writeUInt32BE(Math.min(blockCount, NO_ADDRESS), 24); // track size; it starts at 0 (byte 8)
  out.writeUInt32BE(Math.min(blockCount - 1, NO_ADDRESS), 28); // last recorded address
  return TRACK_INFORMATION_BYTES;
}

// READ DVD STRUCTURE
const MEDIA_TYPE = 0x0f;
const MEDIA_TYPE_DVD = 0x0;
const LAYER_NUMBER = 6;
const STRUCTURE_FORMAT = 7;
const STRUCTURE_ALLOCATION_LENGTH = 8;
const STRUCTURE_HEADER_BYTES = 4;
const PHYSICAL_FORMAT_BYTES = 2048;
const COPYRIGHT_BYTES = 4;
const STRUCTURE_LIST = 0xff;
const STRUCTURE_LIST_ENTRY_BYTES = 4;
/** RDS: READ DVD STRUCTURE gives it. */
const RDS = 0x40;

/** Formats by their number, in ascending order. */
const STRUCTURES: ReadonlyMap<number, ParameterDataBuilder> = new Map([
  [0x00, buildPhysicalFormat],
  [0x01, buildCopyright],
  [STRUCTURE_LIST, buildStructureList],
]);
const STRUCTURE_BYTES: ReadonlyMap<number, number> = new Map([
  [0x00, STRUCTURE_HEADER_BYTES + PHYSICAL_FORMAT_BYTES],
  [0x01, STRUCTURE_HEADER_BYTES + COPYRIGHT_BYTES],
]);

function beginStructure(out: Buffer, lengthBytes: number): number {
  out.fill(0, 0, lengthBytes);
  out.writeUInt16BE(lengthBytes - 2, 0);
  return lengthBytes;
}

/** One layer that was pressed, of the densities of a DVD-ROM (both codes zero). Sector numbers start at 30000h (ECMA-267). */
function buildPhysicalFormat(task: Task, out: Buffer): number {
  const PART_VERSION_1 = 0x01; // and book type 0: DVD-ROM
  const DISC_120_MM_RATE_NOT_SPECIFIED = 0x0f;
  const LAYER_EMBOSSED = 0x01;
  const FIRST_SECTOR = 0x030000;
  const SECTOR_MAX = 0xffffff;
  const end = beginStructure(out, STRUCTURE_HEADER_BYTES + PHYSICAL_FORMAT_BYTES);
  out[4] = PART_VERSION_1;
  out[5] = DISC_120_MM_RATE_NOT_SPECIFIED;
  out[6] = LAYER_EMBOSSED;
  out.writeUInt32BE(FIRST_SECTOR, 8);
  out.writeUInt32BE(Math.min(FIRST_SECTOR + task.unit.blockCount - 1, SECTOR_MAX), 12);
  return end;
}

/** No copyright protection, no region. */
function buildCopyright(_task: Task, out: Buffer): number {
  return beginStructure(out, STRUCTURE_HEADER_BYTES + COPYRIGHT_BYTES);
}

function buildStructureList(_task: Task, out: Buffer): number {
  const end = beginStructure(out, STRUCTURE_HEADER_BYTES + STRUCTURE_BYTES.size * STRUCTURE_LIST_ENTRY_BYTES);
  let at = STRUCTURE_HEADER_BYTES;
  for (const [format, lengthBytes] of STRUCTURE_BYTES) {
    out[at] = format;
    out[at + 1] = RDS;
    out.writeUInt16BE(lengthBytes, at + 2);
    at += STRUCTURE_LIST_ENTRY_BYTES;
  }
  return end;
}

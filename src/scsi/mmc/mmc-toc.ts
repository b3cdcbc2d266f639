/**
 * READ TOC/PMA/ATIP (MMC-4): table of contents, session information and full table of contents of a disc with one session and
 * one data track. PMA, ATIP and CD-TEXT are for discs that can be written or sung.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';
import { DATA_TRACK, FIRST_SESSION, FIRST_TRACK, writeAddress, writeMsf } from './disc-address.ts';

export function readTocPmaAtip(task: Task): void {
  const allocationLength = task.command.cdbView.getUint16(ALLOCATION_LENGTH);
  const number = task.command.cdb[TRACK_OR_SESSION]!;
  const format = formatOf(task);
  if (format > FORMAT_FULL_TOC) task.invalidField(FORMAT_BYTE, 3);
  else if (format === FORMAT_TOC && number > FIRST_TRACK && number !== LEAD_OUT) task.invalidField(TRACK_OR_SESSION, 7);
  else if (format === FORMAT_FULL_TOC && number > FIRST_SESSION) task.invalidField(TRACK_OR_SESSION, 7);
  else sendParameterData(task, allocationLength, BUILDERS[format]!);
}

const TIME_BYTE = 1;
const TIME = 0x02;
const FORMAT_BYTE = 2;
const FORMAT = 0x0f;
const TRACK_OR_SESSION = 6;
const ALLOCATION_LENGTH = 7;
/** SFF-8020i had the format in these bits of CONTROL; Linux (sr_vendor.c) asks for the session information like this. */
const CONTROL = 9;
const SFF_FORMAT_SHIFT = 6;

const FORMAT_TOC = 0;
const FORMAT_FULL_TOC = 2;
const BUILDERS = [buildToc, buildSessionInformation, buildFullToc];

const HEADER_BYTES = 4;
const TOC_DESCRIPTOR_BYTES = 8;
const FULL_TOC_DESCRIPTOR_BYTES = 11;
const LEAD_OUT = 0xaa;
const POINT_FIRST_TRACK = 0xa0;
const POINT_LAST_TRACK = 0xa1;
const POINT_LEAD_OUT = 0xa2;

function formatOf({ command }: Task): number {
  const format = command.cdb[FORMAT_BYTE]! & FORMAT;
  return format === 0 ? command.cdb[CONTROL]! >>> SFF_FORMAT_SHIFT : format;
}

function isInTime({ command }: Task): boolean {
  return (command.cdb[TIME_BYTE]! & TIME) !== 0;
}

function buildToc(task: Task, out: Buffer): number {
  let end = HEADER_BYTES;
  if (task.command.cdb[TRACK_OR_SESSION]! <= FIRST_TRACK) end = writeTrack(task, out, end, FIRST_TRACK, 0);
  end = writeTrack(task, out, end, LEAD_OUT, task.unit.blockCount);
  return finish(out, end);
}

function buildSessionInformation(task: Task, out: Buffer): number {
  return finish(out, writeTrack(task, out, HEADER_BYTES, FIRST_TRACK, 0));
}

function writeTrack(task: Task, out: Buffer, at: number, track: number, lba: number): number {
  out.fill(0, at, at + TOC_DESCRIPTOR_BYTES);
  out[at + 1] = DATA_TRACK;
  out[at + 2] = track;
  writeAddress(out, at + 4, lba, isInTime(task));
  return at + TOC_DESCRIPTOR_BYTES;
}

/** Addresses are always in time here. */
function buildFullToc(task: Task, out: Buffer): number {
  let end = HEADER_BYTES;
  end = writePoint(out, end, POINT_FIRST_TRACK);
  out[end - 3] = FIRST_TRACK; // and the disc type, which is zero: CD-ROM
  end = writePoint(out, end, POINT_LAST_TRACK);
  out[end - 3] = FIRST_TRACK;
  end = writePoint(out, end, POINT_LEAD_OUT);
  writeMsf(out, end - 3, task.unit.blockCount);
  end = writePoint(out, end, FIRST_TRACK);
  writeMsf(out, end - 3, 0);
  return finish(out, end);
}

function writePoint(out: Buffer, at: number, point: number): number {
  out.fill(0, at, at + FULL_TOC_DESCRIPTOR_BYTES);
  out[at] = FIRST_SESSION;
  out[at + 1] = DATA_TRACK;
  out[at + 3] = point;
  return at + FULL_TOC_DESCRIPTOR_BYTES;
}

/** First and last track, or first and last session. */
function finish(out: Buffer, end: number): number {
  out.writeUInt16BE(end - 2, 0);
  out[2] = FIRST_TRACK;
  out[3] = FIRST_TRACK;
  return end;
}

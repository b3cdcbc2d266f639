/**
 * GET CONFIGURATION (MMC-4 6.6) with the features of a CD-ROM and DVD-ROM drive (MMC-4 5.3). Real time streaming (0107h), which
 * the DVD-ROM profile has too, is left out: a store has no speed that could be promised.
 */

import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { currentProfile, PROFILE_CD_ROM, PROFILE_DVD_ROM } from './profile.ts';

export function getConfiguration(task: Task): void {
  const { cdbView } = task.command;
  if ((cdbView.getUint8(RT_BYTE) & RT) > RT_ONE) task.invalidField(RT_BYTE, 1);
  else sendParameterData(task, cdbView.getUint16(ALLOCATION_LENGTH), buildConfiguration);
}

// MMC-4 6.6.1
const RT_BYTE = 1;
const RT = 0x03;
const RT_CURRENT = 1;
const RT_ONE = 2;
const STARTING_FEATURE_NUMBER = 2;
const ALLOCATION_LENGTH = 7;

// MMC-4 5.2.1 Feature header, 5.2.2 Feature descriptor
const FEATURE_HEADER_BYTES = 8;
const DATA_LENGTH_BYTES = 4;
const CURRENT_PROFILE = 6;
const FEATURE_DESCRIPTOR_BYTES = 4;
const PERSISTENT = 0x02;
const CURRENT = 0x01;

interface Feature {
  readonly code: number;
  readonly version: number;
  readonly isCurrent: (unit: LogicalUnit) => boolean;
  /** Writes the feature dependent data at `at`, which is zero, and returns their length. */
  readonly build: (out: Buffer, at: number, unit: LogicalUnit) => number;
}

/** In ascending order. What is always current is persistent. */
const FEATURES: readonly Feature[] = [
  { code: 0x0000, version: 0, isCurrent: always, build: buildProfileList },
  { code: 0x0001, version: 2, isCurrent: always, build: buildCore },
  { code: 0x0002, version: 1, isCurrent: always, build: buildMorphing },
  { code: 0x0003, version: 2, isCurrent: always, build: buildRemovableMedium },
  { code: 0x0010, version: 0, isCurrent: isMediumPresent, build: buildRandomReadable },
  { code: 0x001d, version: 0, isCurrent: isCd, build: buildNothing }, // Multi-read
  { code: 0x001e, version: 2, isCurrent: isCd, build: buildCdRead },
  { code: 0x001f, version: 1, isCurrent: isDvd, build: buildDvdRead },
  { code: 0x0100, version: 0, isCurrent: always, build: buildNothing }, // Power management
  { code: 0x0105, version: 1, isCurrent: always, build: buildTimeout },
];

function buildConfiguration(task: Task, out: Buffer): number {
  const { unit } = task;
  const { cdbView } = task.command;
  const requestType = cdbView.getUint8(RT_BYTE) & RT;
  const first = cdbView.getUint16(STARTING_FEATURE_NUMBER);
  out.fill(0, 0, FEATURE_HEADER_BYTES);
  out.writeUInt16BE(currentProfile(unit), CURRENT_PROFILE);
  let end = FEATURE_HEADER_BYTES;
  for (const feature of FEATURES) {
    const isWanted = requestType === RT_ONE ? feature.code === first : feature.code >= first;
    if (isWanted && (requestType !== RT_CURRENT || feature.isCurrent(unit)))
      end = writeFeature(feature, out, end, unit);
  }
  out.writeUInt32BE(end - DATA_LENGTH_BYTES, 0);
  return end;
}

const FEATURE_BYTES_MAX = 16;

function writeFeature(
  { code, version, isCurrent, build }: Feature,
  out: Buffer,
  at: number,
  unit: LogicalUnit,
): number {
  out.fill(0, at, at + FEATURE_BYTES_MAX);
  out.writeUInt16BE(code, at);
  out[at + 2] = (version << 2) | (isCurrent === always ? PERSISTENT : 0) | (isCurrent(unit) ? CURRENT : 0);
  const lengthBytes = build(out, at + FEATURE_DESCRIPTOR_BYTES, unit);
  out[at + 3] = lengthBytes;
  return at + FEATURE_DESCRIPTOR_BYTES + lengthBytes;
}

/** Profiles stand in descending order (MMC-4 5.3.1). */
function buildProfileList(out: Buffer, at: number, unit: LogicalUnit): number {
  const PROFILES = [PROFILE_DVD_ROM, PROFILE_CD_ROM];
  PROFILES.forEach((profile, index) => {
    out.writeUInt16BE(profile, at + index * 4);
    out[at + index * 4 + 2] = currentProfile(unit) === profile ? CURRENT : 0;
  });
  return PROFILES.length * 4;
}

/** MMC-4 5.3.2 */
function buildCore(out: Buffer, at: number): number {
  const INTERFACE_SCSI = 1;
  const DBE = 0x01; // busy events: class 6 of GET EVENT STATUS NOTIFICATION
  out.writeUInt32BE(INTERFACE_SCSI, at);
  out[at + 4] = DBE;
  return 8;
}

/** MMC-4 5.3.3: operational changes are events; none are sent unasked. */
function buildMorphing(out: Buffer, at: number): number {
  const OC_EVENT = 0x02;
  out[at] = OC_EVENT;
  return 4;
}

/** MMC-4 5.3.4: a tray, which START STOP UNIT opens and closes and PREVENT ALLOW MEDIUM REMOVAL locks. */
function buildRemovableMedium(out: Buffer, at: number): number {
  const TRAY = 0x20;
  const LOAD = 0x10;
  const EJECT = 0x08;
  const LOCK = 0x01;
  out[at] = TRAY | LOAD | EJECT | LOCK;
  return 4;
}

/** MMC-4 5.3.6: any block by itself; the page of error recovery (01h) is there. */
function buildRandomReadable(out: Buffer, at: number, unit: LogicalUnit): number {
  const BLOCKING = 1;
  const PP = 0x01;
  out.writeUInt32BE(unit.blockBytes, at);
  out.writeUInt16BE(BLOCKING, at + 4);
  out[at + 6] = PP;
  return 8;
}

/** Neither DAP nor C2 flags nor CD-Text. */
function buildCdRead(): number {
  return 4;
}

/** Nothing of MMC-5's additions. */
function buildDvdRead(): number {
  return 4;
}

/** No Group 3 and no unit length: mode page 1Dh has the time-outs. */
function buildTimeout(): number {
  return 4;
}

function buildNothing(): number {
  return 0;
}

function always(): boolean {
  return true;
}

function isMediumPresent(unit: LogicalUnit): boolean {
  return unit.isMediumPresent;
}

function isCd(unit: LogicalUnit): boolean {
  return currentProfile(unit) === PROFILE_CD_ROM;
}

function isDvd(unit: LogicalUnit): boolean {
  return currentProfile(unit) === PROFILE_DVD_ROM;
}

/**
 * What kind of disc the image in a CD-ROM drive is (MMC-4 5.4 Profile definitions): the drive has two profiles, and the size
 * of the image says which is current.
 */
import type { LogicalUnit } from '../unit/logical-unit.ts';

export const PROFILE_NONE = 0x0000;
export const PROFILE_CD_ROM = 0x0008;
export const PROFILE_DVD_ROM = 0x0010;

/** A CD of 80 minutes, 75 blocks a second. What is larger is a DVD. */
export const CD_BLOCKS_MAX = 80 * 60 * 75;

export function currentProfile(unit: LogicalUnit): number {
  if (!unit.isMediumPresent) return PROFILE_NONE;
  return unit.blockCount > CD_BLOCKS_MAX ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

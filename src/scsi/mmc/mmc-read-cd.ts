/**
 * READ CD (MMC-4 6.24): the user data of mode 1 blocks, which is all that an image holds. Sync, headers, error correction and
 * sub-channels are refused rather than made up.
 */
import { readBlocks } from '../sbc/transfer/sbc-read-write.ts';
import { SENSE_CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT, SENSE_ILLEGAL_MODE_FOR_THIS_TRACK } from '../sense.ts';
import type { Task } from '../task/task.ts';
import { currentProfile, PROFILE_CD_ROM } from './profile.ts';

export function readCd(task: Task): void {
  const { cdb, cdbView } = task.command;
  const sectorType = (cdb[SECTOR_TYPE_BYTE]! & SECTOR_TYPE) >>> 2;
  const parts = cdb[MAIN_CHANNEL_BYTE]!;
  const blocks = parts === USER_DATA ? cdbView.getUint32(TRANSFER_LENGTH - 1) & UINT24_MASK : 0;
  if (currentProfile(task.unit) !== PROFILE_CD_ROM) task.check(SENSE_CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT);
  else if (sectorType > SECTOR_TYPES_MAX) task.invalidField(SECTOR_TYPE_BYTE, 4);
  else if (sectorType !== ANY_TYPE && sectorType !== MODE_1) task.check(SENSE_ILLEGAL_MODE_FOR_THIS_TRACK);
  else if ((cdb[SECTOR_TYPE_BYTE]! & DAP) !== 0) task.invalidField(SECTOR_TYPE_BYTE, 1);
  else if (parts !== USER_DATA && parts !== NO_DATA) task.invalidField(MAIN_CHANNEL_BYTE, 7);
  else if ((cdb[SUB_CHANNEL_BYTE]! & SUB_CHANNEL) !== 0) task.invalidField(SUB_CHANNEL_BYTE, 2);
  else readBlocks(task, cdbView.getUint32(LBA), blocks, TRANSFER_LENGTH);
}

const SECTOR_TYPE_BYTE = 1;
const SECTOR_TYPE = 0x1c;
const ANY_TYPE = 0;
const MODE_1 = 2;
const SECTOR_TYPES_MAX = 5;
/** Digital audio play: for audio tracks. */
const DAP = 0x02;
const LBA = 2;
const TRANSFER_LENGTH = 6;
const UINT24_MASK = 0xffffff;
const MAIN_CHANNEL_BYTE = 9;
const USER_DATA = 0x10;
const NO_DATA = 0x00;
const SUB_CHANNEL_BYTE = 10;
const SUB_CHANNEL = 0x07;

/** Which IoStatus a system call's error means: the one translation from errno to the vocabulary of stores. */
import { constants } from 'node:os';
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_NO_SPACE, IO_WRITE_PROTECTED, type IoStatus } from '../backend.ts';

const { EACCES, EDQUOT, EFBIG, EILSEQ, EIO, ENODATA, ENOSPC, EPERM, EROFS } = constants.errno;

/** Of the block layer's own words, ENODATA is a medium error and EILSEQ data that failed its integrity check. */
const STATUSES: ReadonlyMap<number, IoStatus> = new Map<number, IoStatus>([
  [EIO, IO_MEDIUM_ERROR],
  [ENODATA, IO_MEDIUM_ERROR],
  [EILSEQ, IO_MEDIUM_ERROR],
  [ENOSPC, IO_NO_SPACE],
  [EDQUOT, IO_NO_SPACE],
  [EFBIG, IO_NO_SPACE],
  [EROFS, IO_WRITE_PROTECTED],
  [EPERM, IO_WRITE_PROTECTED],
  [EACCES, IO_WRITE_PROTECTED],
]);

/** @param errno of either sign; what the table does not name means that the store as a whole failed */
export function ioStatusOfErrno(errno: number): IoStatus {
  return STATUSES.get(Math.abs(errno)) ?? IO_HARDWARE_ERROR;
}

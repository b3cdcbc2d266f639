import { constants } from 'node:os';
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_NO_SPACE, IO_WRITE_PROTECTED, type IoStatus } from './backend.ts';

const e = constants.errno;
export function ioStatusOfErrno(errno: number): IoStatus {
  switch (Math.abs(errno)) {
    case e.EIO:
      return IO_MEDIUM_ERROR;
    case e.ENOSPC:
    case e.EDQUOT:
    case e.EFBIG:
      return IO_NO_SPACE;
    case e.EROFS:
    case e.EPERM:
    case e.EACCES:
      return IO_WRITE_PROTECTED;
  }
  return IO_HARDWARE_ERROR;
}

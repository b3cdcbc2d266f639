import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_WRITE_PROTECTED,
} from '../../../../src/backend/backend.ts';
import { ioStatusOfErrno } from '../../../../src/backend/io/errno-status.ts';

describe('the status of an errno', () => {
  it.each([
    ['EIO', IO_MEDIUM_ERROR],
    ['ENODATA', IO_MEDIUM_ERROR],
    ['ENOSPC', IO_NO_SPACE],
    ['EDQUOT', IO_NO_SPACE],
    ['EFBIG', IO_NO_SPACE],
    ['EROFS', IO_WRITE_PROTECTED],
    ['EPERM', IO_WRITE_PROTECTED],
    ['EACCES', IO_WRITE_PROTECTED],
    ['ENXIO', IO_HARDWARE_ERROR],
    ['ENODEV', IO_HARDWARE_ERROR],
    ['EBADF', IO_HARDWARE_ERROR],
  ] as const)('%s, of either sign', (name, status) => {
    expect(ioStatusOfErrno(constants.errno[name])).toBe(status);
    expect(ioStatusOfErrno(-constants.errno[name])).toBe(status);
  });
});

/** Why a file or device cannot be served, in sentences for the operator: what is the matter, and what would be right. */
import { BackendError } from '../backend.ts';

/** What open(2), and writing a new file, is refused with. Another errno is told in the system's own words. */
const FAULTS: Readonly<Record<string, readonly [code: string, sentence: string]>> = {
  ENOENT: ['NOT_FOUND', 'there is no such file or folder'],
  ENOTDIR: ['NOT_FOUND', 'a part of the path is no folder'],
  EACCES: ['NOT_PERMITTED', 'this user may not open it; check owner and mode of the file and of its folders'],
  EPERM: ['NOT_PERMITTED', 'the system does not permit opening it'],
  EROFS: ['WRITE_PROTECTED', 'its file system is read-only; export it read-only'],
  EISDIR: ['NOT_A_DISK', 'it is a folder; a file or a block device is needed'],
  ELOOP: ['NOT_FOUND', 'its symbolic links lead in a circle'],
  ENAMETOOLONG: ['NOT_FOUND', 'the path is longer than the system allows'],
  ENXIO: ['NOT_FOUND', 'there is no device behind it'],
  ENOMEDIUM: ['NOT_FOUND', 'there is no medium in the device'],
  EBUSY: ['IN_USE', 'the device is in use: mounted, part of a RAID or a volume group, or served by another server'],
  ETXTBSY: ['IN_USE', 'it is a program that is running'],
  EMFILE: ['NO_DESCRIPTORS', 'this process has no file descriptor left; raise its limit (ulimit -n)'],
  ENFILE: ['NO_DESCRIPTORS', 'the system has no file descriptor left'],
  ENOSPC: ['NO_SPACE', 'its file system is full'],
  EDQUOT: ['NO_SPACE', 'the disk quota is used up'],
  EFBIG: ['NO_SPACE', 'its file system does not hold a file of this size'],
  EINVAL: ['NOT_SUPPORTED', 'its file system does not support what is asked for (for O_DIRECT: leave out "direct")'],
};

/** Makes a BackendError that names the path; passes one that already is. */
export function diskFault(path: string, cause: unknown): BackendError {
  if (cause instanceof BackendError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  const [word, sentence] = FAULTS[code ?? ''] ?? ['OPEN_FAILED', message];
  return new BackendError(word, `${path} cannot be served: ${sentence}`, { cause });
}

/** Told when it is first known, while the store is served. */
export const LOST_WRITES_NEWS =
  'a medium did not keep what was written to it: every flush of this storage fails until it is opened again, after a restart';

export function lostWritesFault(path: string, cause: unknown): BackendError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BackendError('LOST_WRITES', `the last writes to ${path} may be lost: ${reason}`, { cause });
}

export function lockedFault(path: string, isReadOnly: boolean): BackendError {
  const who = isReadOnly ? 'another server that writes to it' : 'another server';
  return new BackendError('LOCKED', `${path} is locked by ${who}: two that do not know of each other would destroy it`);
}

/** @param cause why the lock could not even be tried */
export function lockFault(path: string, cause: unknown): BackendError {
  if (!(cause instanceof BackendError)) return diskFault(path, cause);
  return new BackendError(cause.code, `${path} cannot be locked: ${cause.message}`, { cause });
}

export function missingFault(path: string): BackendError {
  return new BackendError('NOT_FOUND', `${path} does not exist; give it a size to have it created`);
}

export function notADiskFault(path: string): BackendError {
  return new BackendError('NOT_A_DISK', `${path} is neither a regular file nor a block device`);
}

export function writeProtectedFault(path: string): BackendError {
  return new BackendError('WRITE_PROTECTED', `the device ${path} takes no writes; export it read-only`);
}

export function emptyFault(path: string, blockBytes: number): BackendError {
  return new BackendError('TOO_SMALL', `${path} holds not one block of ${blockBytes} bytes; give it a size`);
}

export function tooLargeFault(path: string): BackendError {
  return new BackendError('TOO_LARGE', `${path} is larger than 2^53-1 bytes, which is the most that can be served`);
}

/** Neither cut nor grown: the one loses data, the other changes a disk whose initiators know its size. */
export function sizeFault(path: string, isBytes: number, configuredBytes: number): BackendError {
  return new BackendError(
    'SIZE_DIFFERS',
    `${path} has ${isBytes} bytes, its configured size is ${configuredBytes}: leave the size out to serve all of it, ` +
      'or change the file itself; nothing was changed',
  );
}

/** What is smaller than wanted, and no file that is ours to lengthen. */
export function tooSmallFault(path: string, isBytes: number, wantedBytes: number): BackendError {
  return new BackendError(
    'TOO_SMALL',
    `${path} has ${isBytes} bytes, ${wantedBytes} are wanted: a device, and a file that is served read-only, has to be made ` +
      'larger from outside',
  );
}

export function invalidSizeFault(sizeBytes: number, blockBytes: number): BackendError {
  return new BackendError(
    'INVALID_SIZE',
    `a size of ${sizeBytes} bytes is not possible: it is a multiple of the block size (${blockBytes}), above 0 and below 2^53`,
  );
}

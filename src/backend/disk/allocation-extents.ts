/** The data and holes of a file, as lseek(2) finds them. */
import { constants } from 'node:os';
import { type AllocationExtent, BackendError } from '../backend.ts';
import type { ExtentSeek } from './disk-tools.ts';

const { ENXIO } = constants.errno;

/** The extents of [offsetBytes, offsetBytes + lengthBytes) in order and without gaps, at most `countMax`. */
export async function readAllocationExtents(
  fd: number,
  seek: ExtentSeek,
  offsetBytes: number,
  lengthBytes: number,
  countMax: number,
): Promise<AllocationExtent[]> {
  const endBytes = offsetBytes + lengthBytes;
  const extents: AllocationExtent[] = [];
  let offset = offsetBytes;
  while (offset < endBytes && extents.length < countMax) {
    const dataBytes = await nextData(fd, seek, offset, endBytes);
    const isAllocated = dataBytes === offset;
    const next = isAllocated ? await nextHole(fd, seek, offset, endBytes) : dataBytes;
    extents.push({ offsetBytes: offset, lengthBytes: next - offset, isAllocated });
    offset = next;
  }
  return extents;
}

async function nextData(fd: number, seek: ExtentSeek, offset: number, end: number): Promise<number> {
  const found = await seek.data(fd, offset);
  if (found === -ENXIO) return end;
  return Math.min(checked(found), end);
}

async function nextHole(fd: number, seek: ExtentSeek, offset: number, end: number): Promise<number> {
  const found = checked(await seek.hole(fd, offset));
  // Somebody may have punched the hole that begins here since we asked for data; then it counts as data once more.
  return found <= offset ? end : Math.min(found, end);
}

function checked(found: number): number {
  if (found >= 0) return found;
  throw new BackendError('NOT_SUPPORTED', `the store does not tell data from holes (errno ${-found})`);
}

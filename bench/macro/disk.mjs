/**
 * The disks that are served: fully written, so no read finds a hole and no write allocates, and in the page cache. Each
 * 8 bytes hold their own index, which is what `load --verify 0` expects.
 *
 * There are two, because Linux keeps a file in pages as large as the writes that brought it in ("large folios"), and on
 * ext4 a later write of 4 KiB walks over all blocks of such a large page: 20 times the time of a small one. One disk is
 * written in small pieces, as a disk in use is, the other in large ones, as a copied image is.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';

export const DISK_BYTES = 2 ** 30;
const CHUNK_BYTES = 4 << 20;

/** Bytes of one write when a disk is made. */
export const PIECE_BYTES = { small: 4096, large: CHUNK_BYTES };

/** Writes a disk to `path` in pieces of `pieceBytes` and waits until it is on stable storage. */
export function writeDisk(path, pieceBytes, sizeBytes = DISK_BYTES) {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const words = new BigUint64Array(chunk.buffer, chunk.byteOffset, CHUNK_BYTES / 8);
  for (let i = 0; i < words.length; i++) words[i] = BigInt(i);
  const step = BigInt(words.length);
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    if (at > 0) for (let i = 0; i < words.length; i++) words[i] += step;
    for (let done = 0; done < CHUNK_BYTES; done += pieceBytes) writeSync(fd, chunk, done, pieceBytes, at + done);
  }
  fsyncSync(fd);
  closeSync(fd);
}

/**
 * The share of `path` that lies in the page cache. Others may need the memory: what was pushed out must not be measured as
 * if it were there. 1 where fincore(1) of util-linux is missing.
 */
export function cachedShare(path) {
  const { stdout, error } = spawnSync('fincore', ['-b', '-n', '-o', 'RES,SIZE', path], { encoding: 'utf8' });
  if (error !== undefined) return 1;
  const [cached, size] = stdout.trim().split(/\s+/).map(Number);
  return cached / size;
}

/** Writes back what is dirty, so that one measurement does not pay for the one before. */
export function settleDisk(path) {
  const fd = openSync(path, 'r+');
  fdatasyncSync(fd);
  closeSync(fd);
}

/**
 * The disk that is served: fully written, so no read finds a hole and no write allocates, and read once so that it lies in
 * the page cache. Each 8 bytes hold their own index, which is what `load --verify 0` expects.
 */
import { closeSync, copyFileSync, fdatasyncSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

export const DISK_BYTES = 2 ** 30;
const CHUNK_BYTES = 4 << 20;

/** Writes the disk to `path` and waits until it is on stable storage. */
export function writeDisk(path) {
  const words = new BigUint64Array(CHUNK_BYTES / 8);
  const fd = openSync(path, 'w');
  for (let at = 0; at < DISK_BYTES; at += CHUNK_BYTES) {
    const first = BigInt(at / 8);
    for (let i = 0; i < words.length; i++) words[i] = first + BigInt(i);
    writeSync(fd, words);
  }
  fsyncSync(fd);
  closeSync(fd);
}

/** A copy with blocks of its own. */
export function copyDisk(from, to) {
  copyFileSync(from, to);
  settleDisk(to);
}

/** Brings all of it into the page cache. */
export function readDisk(path) {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(path, 'r');
  for (let at = 0; at < DISK_BYTES; at += CHUNK_BYTES) readSync(fd, chunk, 0, CHUNK_BYTES, at);
  closeSync(fd);
}

/** Writes back what is dirty, so that one measurement does not pay for the one before. */
export function settleDisk(path) {
  const fd = openSync(path, 'r+');
  fdatasyncSync(fd);
  closeSync(fd);
}

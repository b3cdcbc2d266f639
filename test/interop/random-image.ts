/** Disk images of random bytes that can be had again from their seed. */
import { createCipheriv } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

const PIECE_BYTES = 1048576;

/** Writes `lengthBytes` (a multiple of 1 MiB) of random bytes to `path`: AES-128-CTR over zeros, keyed by `seed`. */
export function writeRandomImage(path: string, lengthBytes: number, seed: number): void {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed >>> 0);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(PIECE_BYTES);
  const file = openSync(path, 'w');
  try {
    for (let offset = 0; offset < lengthBytes; offset += PIECE_BYTES) writeSync(file, cipher.update(zeros));
  } finally {
    closeSync(file);
  }
}

/** The cryptography of CHAP by node:crypto. What the OpenSSL below it lacks, or forbids in FIPS mode, is not supported. */
import { createHash, getHashes, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ChapAlgorithm, ChapCrypto } from '../iscsi/protocol/login/chap.ts';

const HASHES: Readonly<Record<ChapAlgorithm['name'], string>> = {
  'SHA3-256': 'sha3-256',
  SHA256: 'sha256',
  SHA1: 'sha1',
  MD5: 'md5',
};

export class NodeChapCrypto implements ChapCrypto {
  private readonly hashes = new Set(getHashes());

  supports({ name }: ChapAlgorithm): boolean {
    return this.hashes.has(HASHES[name]);
  }

  randomBytes(lengthBytes: number): Uint8Array {
    return randomBytes(lengthBytes);
  }

  digest({ name }: ChapAlgorithm, parts: readonly Uint8Array[]): Uint8Array {
    const hash = createHash(HASHES[name]);
    for (const part of parts) hash.update(part);
    return hash.digest();
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    return a.length === b.length && timingSafeEqual(a, b);
  }
}

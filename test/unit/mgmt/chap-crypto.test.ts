/** The cryptography that CHAP gets from node:crypto. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CHAP_ALGORITHMS } from '../../../src/iscsi/protocol/login/chap.ts';
import { NodeChapCrypto } from '../../../src/mgmt/chap-crypto.ts';

const crypto = new NodeChapCrypto();

describe('the cryptography', () => {
  it.each(CHAP_ALGORITHMS)('has $name over parts in their order', (algorithm) => {
    expect(crypto.supports(algorithm)).toBe(true);
    const digest = crypto.digest(algorithm, [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('c')]);
    const name = algorithm.name === 'SHA3-256' ? 'sha3-256' : algorithm.name;
    expect(Buffer.from(digest)).toEqual(createHash(name).update('abc').digest());
    expect(digest.length).toBe(algorithm.digestBytes);
  });

  it('has random bytes of every length that is asked for', () => {
    expect([0, 1, 16, 32].map((lengthBytes) => crypto.randomBytes(lengthBytes).length)).toEqual([0, 1, 16, 32]);
    const seen = new Set(Array.from({ length: 100 }, () => Buffer.from(crypto.randomBytes(16)).toString('hex')));
    expect(seen.size).toBe(100);
  });

  it('compares, whatever the lengths', () => {
    expect(crypto.equal(Buffer.from('abc'), Buffer.from('abc'))).toBe(true);
    expect(crypto.equal(Buffer.from('abc'), Buffer.from('abd'))).toBe(false);
    expect(crypto.equal(Buffer.from('abc'), Buffer.from('abcd'))).toBe(false);
    expect(crypto.equal(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
  });
});

/** CRC32C examples of RFC 3720 B.4 (kept by RFC 7143 A.4), digest bytes in the order they are sent. */
export interface DigestVector {
  readonly name: string;
  readonly hex: string;
  readonly digestHex: string;
}

export const DIGEST_VECTORS: readonly DigestVector[] = [
  { name: '32 bytes of zeros', hex: '00'.repeat(32), digestHex: 'aa36918a' },
  { name: '32 bytes of ones', hex: 'ff'.repeat(32), digestHex: '43aba862' },
  {
    name: '32 bytes of incrementing 00..1f',
    hex: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    digestHex: '4e79dd46',
  },
  {
    name: '32 bytes of decrementing 1f..00',
    hex: '1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100',
    digestHex: '5cdb3f11',
  },
  {
    name: 'an iSCSI SCSI Read (10) Command PDU',
    hex:
      '01c00000 00000000 00000000 00000000 14000000 00000400' + '00000014 00000018 28000000 00000000 02000000 00000000',
    digestHex: '563a96d9',
  },
];

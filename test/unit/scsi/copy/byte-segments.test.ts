/** EXTENDED COPY with segment descriptors of type 0Ah, which count in bytes (SPC-4 6.4.6.14). */
import { describe, expect, it } from 'vitest';
import { COPY_SEGMENT_BYTES_MAX, SEGMENT_DESCRIPTORS_MAX } from '../../../../src/scsi/copy/copy-limits.ts';
import { BLOCK_BYTES, BLOCK_COUNT, pattern } from '../device-harness.ts';
import { blocks, GOOD, Pair, xcopy } from './copy-pair.ts';

interface ByteSegment {
  readonly bytes?: number;
  readonly from?: number;
  readonly to?: number;
  readonly fromOffset?: number;
  readonly toOffset?: number;
  readonly flags?: number;
  readonly length?: number;
}

function descriptor(segment: ByteSegment): Buffer {
  const { bytes = BLOCK_BYTES, from = 0, to = 0, fromOffset = 0, toOffset = 0, flags = 0, length = 0x1c } = segment;
  const data = Buffer.alloc(32);
  data[0] = 0x0a;
  data[1] = flags;
  data.writeUInt16BE(length, 2);
  data.writeUInt16BE(1, 6); // from LUN 0 to LUN 1
  data.writeUInt32BE(bytes, 8);
  data.writeBigUInt64BE(BigInt(from), 12);
  data.writeBigUInt64BE(BigInt(to), 20);
  data.writeUInt16BE(fromOffset, 28);
  data.writeUInt16BE(toOffset, 30);
  return data;
}

function copy(pair: Pair, segments: readonly Buffer[]): string {
  const header = Buffer.alloc(16);
  header.writeUInt16BE(pair.cscds.length * 32, 2);
  header.writeUInt32BE(Buffer.concat(segments).length, 8);
  header[0] = 1;
  return pair.run(...xcopy(Buffer.concat([header, ...pair.cscds, ...segments]))).outcome;
}

describe('a segment in bytes', () => {
  it('copies whole blocks from one unit to the other', () => {
    const pair = new Pair();
    expect(copy(pair, [descriptor({ bytes: 3 * BLOCK_BYTES, from: 5, to: 7 })])).toBe(GOOD);
    expect(blocks(pair.otherBackend, 7, 3).equals(blocks(pair.backend, 5, 3))).toBe(true);
    expect(blocks(pair.otherBackend, 6, 1).equals(Buffer.alloc(BLOCK_BYTES))).toBe(true);
    expect(blocks(pair.otherBackend, 10, 1).equals(Buffer.alloc(BLOCK_BYTES))).toBe(true);
  });

  it('of no bytes copies nothing', () => {
    const pair = new Pair();
    expect(copy(pair, [descriptor({ bytes: 0 })])).toBe(GOOD);
    expect(pair.otherBackend.log).toEqual([]);
  });

  it('stands beside one in blocks', () => {
    const pair = new Pair();
    const inBlocks = Buffer.from(descriptor({}).subarray(0, 28));
    inBlocks[0] = 0x02;
    inBlocks.writeUInt16BE(0x18, 2);
    inBlocks.writeUInt32BE(2, 8);
    const inBytes = descriptor({ from: 9, to: 2 });
    expect(copy(pair, [inBlocks, inBytes, inBlocks])).toBe(GOOD);
    expect(blocks(pair.otherBackend, 0, 2).equals(pattern(2))).toBe(true);
    expect(blocks(pair.otherBackend, 2, 1).equals(blocks(pair.backend, 9, 1))).toBe(true);
  });

  it.each([
    ['an offset within a block', { fromOffset: 1 }, 'a/26/a'],
    ['an offset within the destination', { toOffset: 511 }, 'a/26/a'],
    ['an offset past the first block', { toOffset: 512 }, '5/26/0'],
    ['a part of a block', { bytes: 511 }, 'a/26/a'],
    ['one byte past the maximum', { bytes: COPY_SEGMENT_BYTES_MAX + 1 }, '5/26/0'],
    ['more than the source has', { bytes: 1024, from: BLOCK_COUNT - 1 }, 'a/0/0'],
    ['more than the destination has', { bytes: 1024, to: BLOCK_COUNT - 1 }, 'a/0/0'],
    ['the DC bit', { flags: 2 }, '5/26/0'],
    ['the length of the other type', { length: 0x18 }, '5/26/0'],
  ])('with %s copies nothing', (_what, segment, outcome) => {
    const pair = new Pair();
    expect(copy(pair, [descriptor({}), descriptor(segment)])).toBe(outcome);
    expect(pair.otherBackend.log).toEqual([]);
    expect(pair.isQuiet).toBe(true);
  });

  it('is one of SEGMENT_DESCRIPTORS_MAX at the most, and comes whole', () => {
    const pair = new Pair();
    const many = Array.from({ length: SEGMENT_DESCRIPTORS_MAX }, () => descriptor({}));
    expect(copy(pair, many)).toBe(GOOD);
    expect(copy(pair, [...many, descriptor({})])).toBe('5/26/8');
    expect(copy(pair, [descriptor({}).subarray(0, 31)])).toBe('5/1a/0');
  });
});

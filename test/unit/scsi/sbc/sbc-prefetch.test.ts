/** PRE-FETCH, READ DEFECT DATA, and the LONG commands that do not exist. */
import { describe, expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_READ } from '../../../../src/backend/backend.ts';
import { BLOCK_COUNT, cdb10, cdb16, Harness, uint32 } from '../device-harness.ts';

describe.each([
  ['PRE-FETCH(10)', (lba: number, blocks: number, flags = 0) => cdb10(0x34, lba, blocks, flags)],
  ['PRE-FETCH(16)', (lba: number, blocks: number, flags = 0) => cdb16(0x90, lba, blocks, flags)],
])('%s', (_name, prefetch) => {
  it.each([1, 8, 2000])('reads %d blocks and meets the condition', (blocks) => {
    const harness = new Harness();
    const client = harness.run(prefetch(10, blocks));
    expect(client.outcome).toBe('status 4');
    expect(client.data).toHaveLength(0);
    const reads = harness.backend.log;
    expect(reads.every(({ op }) => op === IO_READ)).toBe(true);
    expect(reads.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBe(blocks * 512);
    expect(reads[0]!.offsetBytes).toBe(10 * 512);
    expect(harness.isQuiet).toBe(true);
  });

  it('zero blocks mean all up to the end; IMMED is accepted', () => {
    const harness = new Harness();
    expect(harness.run(prefetch(BLOCK_COUNT - 3, 0, 0x02)).outcome).toBe('status 4');
    expect(harness.backend.log[0]!.lengthBytes).toBe(3 * 512);
  });

  it('what would not fit is not read, and GOOD says so', () => {
    const harness = new Harness({ sizeBytes: 2 ** 30, storedBytes: 0 });
    expect(harness.run(prefetch(0, 32769)).outcome).toBe('status 0');
    expect(harness.run(prefetch(0, 0)).outcome).toBe('status 0');
    expect(harness.backend.log).toEqual([]);
  });

  it('the range ends with the medium; reserved bits are refused; errors are reported', () => {
    const harness = new Harness();
    expect(harness.run(prefetch(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
    expect(harness.run(prefetch(BLOCK_COUNT - 1, 2)).outcome).toBe('5/21/0');
    expect(harness.run(prefetch(0, 1, 0x08)).outcome).toBe('5/24/0');
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(prefetch(0, 1)).outcome).toBe('3/11/0');
    expect(harness.isQuiet).toBe(true);
  });
});

describe('READ DEFECT DATA', () => {
  it('both lists are empty in every format', () => {
    const harness = new Harness();
    for (const lists of [0x00, 0x08, 0x10, 0x18, 0x1b, 0x1d, 0x1e]) {
      const ten = harness.run([0x37, 0, lists, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 });
      expect([...ten.data]).toEqual([0, lists, 0, 0]);
      const twelve = harness.run([0xb7, lists, 0, 0, 0, 0, ...uint32(255), 0, 0], { dataIn: 255 });
      expect([...twelve.data]).toEqual([0, lists, 0, 0, 0, 0, 0, 0]);
    }
  });

  it('the allocation length cuts the header; zero is no error; index beyond an empty list is none', () => {
    const harness = new Harness();
    expect(harness.run([0x37, 0, 0x18, 0, 0, 0, 0, 0, 2, 0], { dataIn: 255 }).data).toHaveLength(2);
    expect(harness.run([0x37, 0, 0x18, 0, 0, 0, 0, 0, 0, 0]).outcome).toBe('status 0');
    expect(harness.run([0xb7, 0x18, 0xff, 0xff, 0xff, 0xff, ...uint32(8), 0, 0], { dataIn: 8 }).outcome).toBe(
      'status 0',
    );
  });

  it('a reserved format and reserved bits are refused', () => {
    const harness = new Harness();
    expect(harness.run([0x37, 0, 0x07, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
    expect(harness.run([0xb7, 0x07, 0, 0, 0, 0, ...uint32(255), 0, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
    expect(harness.run([0x37, 0, 0x20, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 }).outcome).toBe('5/24/0');
  });
});

it('READ LONG and WRITE LONG are refused as commands that do not exist', () => {
  const harness = new Harness();
  expect(harness.run(cdb10(0x3e, 0, 1), { dataIn: 512 }).outcome).toBe('5/20/0');
  expect(harness.run(cdb10(0x3f, 0, 1), { dataOut: Buffer.alloc(512) }).outcome).toBe('5/20/0');
  expect(harness.run(cdb16(0x9e, 0, 1, 0x11), { dataIn: 512 }).outcome).toBe('5/24/0');
  expect(harness.run(cdb16(0x9f, 0, 1, 0x11), { dataOut: Buffer.alloc(512) }).outcome).toBe('5/20/0');
});

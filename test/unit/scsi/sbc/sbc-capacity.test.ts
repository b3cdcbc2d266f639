import { describe, expect, it } from 'vitest';
import { BLOCK_COUNT, Harness, uint32 } from '../device-harness.ts';

const capacity10 = (lba = 0, pmi = 0) => [0x25, 0, ...uint32(lba), 0, 0, pmi, 0];
const capacity16 = (length = 32, lba = 0, pmi = 0) => [
  0x9e,
  0x10,
  0,
  0,
  0,
  0,
  ...uint32(lba),
  ...uint32(length),
  pmi,
  0,
];

describe('READ CAPACITY(10)', () => {
  it('returns the last LBA and the block length', () => {
    const { data } = new Harness().run(capacity10(), { dataIn: 8 });
    expect(data.toString('hex')).toBe('00001fff00000200');
  });

  it('sends to READ CAPACITY(16) when the last LBA needs more than 32 bits', () => {
    const at = (blocks: number) =>
      new Harness({ sizeBytes: blocks * 512, storedBytes: 512 }).run(capacity10(), { dataIn: 8 }).data.readUInt32BE(0);
    expect(at(2 ** 32 - 1)).toBe(0xfffffffe);
    expect(at(2 ** 32)).toBe(0xffffffff);
    expect(at(2 ** 32 + 1)).toBe(0xffffffff);
  });

  it('an LBA goes only with PMI', () => {
    const harness = new Harness();
    const client = harness.run(capacity10(1), { dataIn: 8 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer & 0xffff).toBe(2);
    expect(harness.run(capacity10(1, 1), { dataIn: 8 }).data.readUInt32BE(0)).toBe(BLOCK_COUNT - 1);
    expect(harness.run(capacity10(BLOCK_COUNT, 1), { dataIn: 8 }).outcome).toBe('5/21/0');
  });
});

describe('READ CAPACITY(16)', () => {
  it('returns 64 bits, the physical block and provisioning', () => {
    const harness = new Harness({ sizeBytes: 2 ** 45, storedBytes: 512 });
    const { data } = harness.run(capacity16(), { dataIn: 32 });
    expect(data.toString('hex')).toBe(`0000000fffffffff0000020000${'03'}${'c000'}${'00'.repeat(16)}`);
  });

  it('LBPME and LBPRZ are zero without provisioning', () => {
    expect(new Harness({ unit: { isThin: false } }).run(capacity16(), { dataIn: 32 }).data[14]).toBe(0);
  });

  it('blocks as large as the physical ones have exponent 0', () => {
    const { data } = new Harness({ unit: { blockShift: 12 } }).run(capacity16(), { dataIn: 32 });
    expect(data.readUInt32BE(8)).toBe(4096);
    expect(data[13]).toBe(0);
  });

  it('a store that only prefers larger transfers says so in page B0h, as OPTIMAL TRANSFER LENGTH GRANULARITY', () => {
    const granularity = (transferGranularityBytes: number, blockShift: number) => {
      const harness = new Harness({
        capabilities: { physicalBlockBytes: 512, transferGranularityBytes },
        unit: { blockShift },
      });
      expect(harness.run(capacity16(), { dataIn: 32 }).data[13]).toBe(0);
      return harness.run([0x12, 1, 0xb0, 0, 64, 0], { dataIn: 64 }).data.readUInt16BE(6);
    };
    expect([granularity(4096, 9), granularity(512, 12), granularity(2 ** 30, 9)]).toEqual([8, 1, 0xffff]);
  });

  it.each([0, 1, 15, 31, 32, 33, 0xffffffff])('is cut at an allocation length of %d', (length) => {
    const client = new Harness().run(capacity16(length), { dataIn: 64 });
    expect(client.outcome).toBe('status 0');
    expect(client.data.length).toBe(Math.min(32, length));
  });

  it('an LBA goes only with PMI', () => {
    expect(new Harness().run(capacity16(32, 1), { dataIn: 32 }).outcome).toBe('5/24/0');
    expect(new Harness().run(capacity16(32, 1, 1), { dataIn: 32 }).outcome).toBe('status 0');
  });
});

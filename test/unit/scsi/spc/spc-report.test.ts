import { describe, expect, it } from 'vitest';
import { Harness, nexusOf, uint32, unitOn } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';

function reportLuns(select: number, allocationLength = 0x10000): number[] {
  return [0xa0, 0, select, 0, 0, 0, ...uint32(allocationLength), 0, 0];
}

function luns(harness: Harness, select: number, options = {}): string[] {
  const client = harness.run(reportLuns(select), { dataIn: 0x10000, ...options });
  expect(client.outcome).toBe('status 0');
  const { data } = client;
  expect(data.readUInt32BE(0)).toBe(data.length - 8);
  const found = [];
  for (let at = 8; at < data.length; at += 8) found.push(data.subarray(at, at + 8).toString('hex'));
  return found;
}

describe('REPORT LUNS', () => {
  it('reports units, the well known unit, or both', () => {
    const harness = new Harness();
    harness.device.addLogicalUnit(255, unitOn(new MemoryBackend(512)));
    harness.device.addLogicalUnit(256, unitOn(new MemoryBackend(512)));
    harness.device.addLogicalUnit(16383, unitOn(new MemoryBackend(512)));
    const units = ['0000000000000000', '00ff000000000000', '4100000000000000', '7fff000000000000'];
    expect(luns(harness, 0)).toEqual(units);
    expect(luns(harness, 1)).toEqual(['c101000000000000']);
    expect(luns(harness, 2)).toEqual([...units, 'c101000000000000']);
  });

  it('answers at any LUN', () => {
    const harness = new Harness();
    expect(luns(harness, 0, { lun: 77 })).toEqual(['0000000000000000']);
    expect(luns(harness, 0, { lunHigh: 0xc1010000 })).toEqual(['0000000000000000']);
  });

  it('reports 16,384 units in one go', () => {
    const harness = new Harness();
    const unit = unitOn(new MemoryBackend(512));
    for (let lun = 1; lun <= 16383; lun++) harness.device.addLogicalUnit(lun, unit);
    const client = harness.run(reportLuns(0, 0x40000), { dataIn: 0x40000 });
    expect(client.data.length).toBe(8 + 16384 * 8);
  });

  it('other selections and an allocation length below 16 are invalid fields', () => {
    const harness = new Harness();
    for (const select of [3, 0x10, 0x11, 0x12, 0xff]) {
      const client = harness.run(reportLuns(select), { dataIn: 256 });
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer & 0xffff).toBe(2);
    }
    expect(harness.run(reportLuns(0, 15), { dataIn: 256 }).outcome).toBe('5/24/0');
    expect(harness.run(reportLuns(0, 0), { dataIn: 256 }).outcome).toBe('5/24/0');
    expect(harness.run(reportLuns(0, 16), { dataIn: 256 }).outcome).toBe('status 0');
  });

  it('leaves a unit attention pending but for the change it reports', () => {
    const harness = new Harness();
    harness.device.addLogicalUnit(1, unitOn(new MemoryBackend(512)));
    harness.device.addLogicalUnit(2, unitOn(new MemoryBackend(512)));
    expect(harness.run([0]).outcome).toBe('6/3f/e');
    expect(harness.run([0]).outcome).toBe('status 0');
    harness.device.removeLogicalUnit(2);
    luns(harness, 0);
    expect(harness.run([0]).outcome).toBe('status 0');
    expect(harness.run([0], { nexus: nexusOf('b') }).outcome).toBe('6/29/0');
  });
});

describe('addressing', () => {
  it('both forms of a LUN below 256 find the unit, no other form does', () => {
    const harness = new Harness();
    harness.device.addLogicalUnit(3, unitOn(new MemoryBackend(512)));
    harness.clearAttention(harness.nexus, 3);
    harness.clearAttention(harness.nexus, 0);
    const outcome = (lunHigh: number, lunLow = 0) => harness.run([0], { lunHigh, lunLow }).outcome;
    expect(outcome(0x00030000)).toBe('status 0');
    expect(outcome(0x40030000)).toBe('status 0');
    expect(outcome(0x01030000)).toBe('5/25/0'); // bus identifier 1
    expect(outcome(0x80030000)).toBe('5/25/0'); // logical unit addressing
    expect(outcome(0xc1020000)).toBe('5/25/0'); // another well known unit
    expect(outcome(0x00030001)).toBe('5/25/0');
    expect(outcome(0x00030000, 1)).toBe('5/25/0');
    expect(outcome(0x40040000)).toBe('5/25/0');
  });

  it('the well known unit has four commands', () => {
    const harness = new Harness();
    const at = { lunHigh: 0xc1010000, dataIn: 255 };
    expect(harness.run([0], at).outcome).toBe('status 0');
    expect(harness.run([0x12, 0, 0, 0, 255, 0], at).outcome).toBe('status 0');
    expect(harness.run([0x03, 0, 0, 0, 18, 0], at).data[2]).toBe(0);
    expect(harness.run([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], at).outcome).toBe('5/20/0');
    expect(harness.run([0x1a, 0, 0x3f, 0, 255, 0], at).outcome).toBe('5/20/0');
  });

  it('a LUN that is not there has no READ and no TEST UNIT READY', () => {
    const harness = new Harness();
    expect(harness.run([0], { lun: 9 }).outcome).toBe('5/25/0');
    expect(harness.run([0xff], { lun: 9 }).outcome).toBe('5/25/0');
    expect(harness.run([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { lun: 9, dataIn: 512 }).outcome).toBe('5/25/0');
  });
});

describe('REQUEST SENSE', () => {
  const fixed = [0x03, 0, 0, 0, 252, 0];
  const descriptor = [0x03, 1, 0, 0, 252, 0];

  it('returns a unit attention as parameter data, once', () => {
    const harness = new Harness({ keepsAttention: true });
    const client = harness.run(fixed, { dataIn: 252 });
    expect(client.outcome).toBe('status 0');
    expect(client.data.toString('hex')).toBe('70000600000000' + '0a' + '00000000' + '2900' + '00000000');
    expect(harness.run(fixed, { dataIn: 252 }).data[2]).toBe(0);
    expect(harness.run([0]).outcome).toBe('status 0');
  });

  it('has a descriptor format', () => {
    const harness = new Harness({ keepsAttention: true });
    expect(harness.run(descriptor, { dataIn: 252 }).data.toString('hex')).toBe('7206290000000000');
    expect(harness.run(descriptor, { dataIn: 252 }).data.toString('hex')).toBe('7200000000000000');
  });

  it('tells of a LUN that is not there', () => {
    const client = new Harness().run(fixed, { dataIn: 252, lun: 4 });
    expect(client.outcome).toBe('status 0');
    expect([client.data[2], client.data[12], client.data[13]]).toEqual([5, 0x25, 0]);
  });

  it('tells of a stopped unit', () => {
    const harness = new Harness();
    harness.run([0x1b, 0, 0, 0, 0, 0]);
    const { data } = harness.run(fixed, { dataIn: 252 });
    expect([data[2], data[12], data[13]]).toEqual([2, 4, 2]);
  });

  it.each([0, 1, 17, 18, 252])('is cut at an allocation length of %d', (length) => {
    const client = new Harness().run([0x03, 0, 0, 0, length, 0], { dataIn: 252 });
    expect(client.data.length).toBe(Math.min(18, length));
  });
});

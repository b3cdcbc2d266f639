import { describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { Harness, nexusOf, uint32 } from '../device-harness.ts';

const reportCdb = (length = 12) => [0xa3, 0x0f, 0, 0, 0, 0, ...uint32(length), 0, 0];
const setCdb = (length = 12) => [0xa4, 0x0f, 0, 0, 0, 0, ...uint32(length), 0, 0];
const ORIGIN_SET = 2;
const ORIGIN_OUTSIDE = 3;

function report(harness: Harness): { origin: number; timestamp: number } {
  const { data } = harness.run(reportCdb(), { dataIn: 12 });
  return { origin: data[2]!, timestamp: data.readUIntBE(4, 6) };
}

function list(timestamp: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUIntBE(timestamp, 4, 6);
  return bytes;
}

function set(harness: Harness, timestamp: number): string {
  return harness.run(setCdb(), { dataOut: list(timestamp) }).outcome;
}

describe('REPORT TIMESTAMP', () => {
  it('gives the time of day while nobody has set another, to the byte', () => {
    const harness = new Harness();
    harness.epochMs = 0x0123456789ab + 0.7;
    const { data, outcome } = harness.run(reportCdb(255), { dataIn: 255 });
    expect([outcome, data.toString('hex')]).toEqual(['status 0', '000a03000123456789ab0000']);
  });

  it.each([0, 1, 11, 12, 255])('is cut at an allocation length of %d', (length) => {
    const harness = new Harness();
    const { data, outcome, command } = harness.run(reportCdb(length), { dataIn: 255 });
    expect([outcome, data.length, command.presentedInBytes]).toEqual(['status 0', Math.min(length, 12), data.length]);
    if (data.length > 1) expect(data.readUInt16BE(0)).toBe(10);
  });
});

describe('SET TIMESTAMP', () => {
  it('sets the clock, which then goes on by itself, whatever happens to the time of day', () => {
    const harness = new Harness();
    expect(set(harness, 1_000_000)).toBe('status 0');
    expect(report(harness)).toEqual({ origin: ORIGIN_SET, timestamp: 1_000_000 });
    harness.nowMs += 2500.5;
    harness.epochMs += 3_600_000;
    expect(report(harness)).toEqual({ origin: ORIGIN_SET, timestamp: 1_002_500 });
  });

  it('is kept over a logical unit reset and the loss of the nexus', () => {
    const harness = new Harness();
    set(harness, 77_000);
    harness.manage(LOGICAL_UNIT_RESET);
    harness.device.closeNexus(harness.nexus);
    harness.device.openNexus(harness.nexus);
    harness.clearAttention(harness.nexus);
    expect(report(harness)).toEqual({ origin: ORIGIN_SET, timestamp: 77_000 });
  });

  it('is told to every other nexus, and not to the one that did it', () => {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.device.openNexus(other);
    harness.clearAttention(other);
    set(harness, 5);
    expect(harness.run([0x00]).outcome).toBe('status 0');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('6/2a/10');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('status 0');
  });

  it('a parameter list length of zero changes nothing, and tells nobody', () => {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.clearAttention(other);
    expect(harness.run(setCdb(0)).outcome).toBe('status 0');
    expect(report(harness).origin).toBe(ORIGIN_OUTSIDE);
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('status 0');
  });

  it.each([
    [1, 12, '5/1a/0'],
    [11, 12, '5/1a/0'],
    [13, 13, '5/24/0'],
    [0xffffffff, 12, '5/24/0'],
    [12, 11, '5/1a/0'], // lies about its length
    [12, 0, '5/1a/0'],
  ])('a list of %d bytes of which %d come is %s', (length, sent, expected) => {
    const harness = new Harness();
    expect(harness.run(setCdb(length), { dataOut: Buffer.alloc(sent) }).outcome).toBe(expected);
    expect(report(harness).origin).toBe(ORIGIN_OUTSIDE);
    expect(harness.isQuiet).toBe(true);
  });

  it('more data than the CDB asks for is left over', () => {
    const harness = new Harness();
    const client = harness.run(setCdb(), { dataOut: Buffer.concat([list(9), Buffer.alloc(100, 0xff)]) });
    expect([client.outcome, client.command.presentedOutBytes]).toEqual(['status 0', 12]);
    expect(report(harness).timestamp).toBe(9);
  });

  it.each([0, 1, 2, 3, 10, 11])('reserved byte %d of the list is an invalid field and is pointed at', (byte) => {
    const harness = new Harness();
    const dataOut = list(1000);
    dataOut[byte] = 1;
    const client = harness.run(setCdb(), { dataOut });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/26/0', byte]);
    expect(report(harness).origin).toBe(ORIGIN_OUTSIDE);
  });

  it('a timestamp above F0FFFFFFFFFFh is an invalid field; that one is the last', () => {
    const harness = new Harness();
    expect(set(harness, 0xf100_0000_0000)).toBe('5/26/0');
    expect(set(harness, 0xf0ff_ffff_ffff)).toBe('status 0');
    expect(report(harness).timestamp).toBe(0xf0ff_ffff_ffff);
    expect(set(harness, 0)).toBe('status 0');
    expect(report(harness).timestamp).toBe(0);
  });
});

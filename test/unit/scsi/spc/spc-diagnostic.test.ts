import { describe, expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_OK, IO_READ } from '../../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness } from '../device-harness.ts';

const PF = 0x10;
const SELFTEST = 0x04;
const PCV = 0x01;
const LAST_BYTES = (BLOCK_COUNT - 1) * BLOCK_BYTES;

const send = (flags: number, length = 0) => [0x1d, flags, 0, length >>> 8, length & 0xff, 0];
const receive = (flags: number, page: number, length = 255) => [0x1c, flags, page, length >>> 8, length & 0xff, 0];

describe('SEND DIAGNOSTIC', () => {
  it('the default self-test reads the first and the last block from the medium', () => {
    const harness = new Harness();
    expect(harness.run(send(SELFTEST)).outcome).toBe('status 0');
    expect(harness.run(send(SELFTEST | PF)).outcome).toBe('status 0');
    const reads = [0, LAST_BYTES].map((offsetBytes) => ({ op: IO_READ, offsetBytes, lengthBytes: BLOCK_BYTES }));
    expect(harness.backend.log).toMatchObject([...reads, ...reads]);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([0, LAST_BYTES])('fails when the block at byte %d cannot be read', (offsetBytes) => {
    const harness = new Harness();
    harness.backend.fault = (io) => (io.offsetBytes === offsetBytes ? IO_MEDIUM_ERROR : IO_OK);
    const client = harness.run(send(SELFTEST));
    expect([client.outcome, client.command.senseInformation]).toEqual(['4/3e/3', -1]);
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], { dataIn: 512 }).outcome).toBe('3/11/0');
    expect(harness.isQuiet).toBe(true);
  });

  it('a stopped unit has no self-test', () => {
    const harness = new Harness();
    harness.run([0x1b, 0, 0, 0, 0, 0]);
    expect(harness.run(send(SELFTEST)).outcome).toBe('2/4/2');
  });

  it('nothing asked is good', () => {
    expect(new Harness().run(send(0)).outcome).toBe('status 0');
    expect(new Harness().run(send(PF)).outcome).toBe('status 0');
  });

  it.each([1, 2, 3, 4, 5, 6, 7])('self-test code %d is an invalid field, with and without SELFTEST', (code) => {
    const harness = new Harness();
    for (const flags of [code << 5, (code << 5) | PF, (code << 5) | SELFTEST]) {
      const client = harness.run(send(flags));
      expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4f << 16) | 1]);
    }
    expect(harness.backend.log).toEqual([]);
  });

  it('asks for the list of the diagnostic pages', () => {
    const client = new Harness().run(send(PF, 4), { dataOut: Buffer.alloc(4) });
    expect([client.outcome, client.command.presentedOutBytes]).toEqual(['status 0', 4]);
  });

  it.each([
    { name: 'a list without PF', flags: 0, length: 4, sent: [0, 0, 0, 0], expected: '5/24/0', pointer: 0x4f0003 },
    {
      name: 'a list with a self-test',
      flags: PF | SELFTEST,
      length: 4,
      sent: [0, 0, 0, 0],
      expected: '5/24/0',
      pointer: 0x4f0003,
    },
    { name: 'a list of a byte', flags: PF, length: 1, sent: [0], expected: '5/1a/0', pointer: -1 },
    { name: 'a cut header', flags: PF, length: 3, sent: [0, 0, 0], expected: '5/1a/0', pointer: -1 },
    { name: 'less data than it says', flags: PF, length: 4, sent: [0, 0, 0], expected: '5/1a/0', pointer: -1 },
    { name: 'another page', flags: PF, length: 4, sent: [0x40, 0, 0, 0], expected: '5/26/0', pointer: 0 },
    { name: 'a reserved byte', flags: PF, length: 4, sent: [0, 1, 0, 0], expected: '5/26/0', pointer: 1 },
    { name: 'a page length', flags: PF, length: 4, sent: [0, 0, 0, 1], expected: '5/26/0', pointer: 3 },
    { name: 'more than the page', flags: PF, length: 5, sent: [0, 0, 0, 0, 0], expected: '5/26/0', pointer: 2 },
  ])('$name is refused', ({ flags, length, sent, expected, pointer }) => {
    const harness = new Harness();
    const client = harness.run(send(flags, length), { dataOut: Buffer.from(sent) });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual([expected, pointer]);
    expect(harness.isQuiet).toBe(true);
  });

  it('the longest list is received and refused', () => {
    const client = new Harness().run(send(PF, 0xffff), { dataOut: Buffer.alloc(0xffff) });
    expect(client.outcome).toBe('5/26/0');
  });
});

describe('RECEIVE DIAGNOSTIC RESULTS', () => {
  const PAGE_0 = '0000000100';

  it('lists the one page there is, asked by its code or by SEND DIAGNOSTIC', () => {
    const harness = new Harness();
    const run = (cdb: number[]) => harness.run(cdb, { dataIn: 255 });
    expect(run(receive(PCV, 0)).data.toString('hex')).toBe(PAGE_0);
    harness.run(send(PF, 4), { dataOut: Buffer.alloc(4) });
    expect(run(receive(0, 0)).data.toString('hex')).toBe(PAGE_0);
  });

  it('has no other page', () => {
    for (const page of [1, 0x40, 0xff]) {
      const client = new Harness().run(receive(PCV, page), { dataIn: 255 });
      expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4f << 16) | 2]);
    }
  });

  it.each([0, 1, 4, 5, 0xffff])('is cut at an allocation length of %d', (length) => {
    const { data, outcome } = new Harness().run(receive(PCV, 0, length), { dataIn: 255 });
    expect([outcome, data.toString('hex')]).toEqual(['status 0', PAGE_0.slice(0, length * 2)]);
  });
});

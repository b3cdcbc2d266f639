import { describe, expect, it } from 'vitest';
import { DATA_BUFFER_BYTES, ECHO_BUFFER_BYTES } from '../../../../src/scsi/spc/spc-buffer.ts';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { Harness, nexusOf, pattern, uint32 } from '../device-harness.ts';

const DATA = 0x02;
const DESCRIPTOR = 0x03;
const ECHO = 0x0a;
const ECHO_DESCRIPTOR = 0x0b;
const DATA_IN = 65536;

const uint24 = (value: number) => uint32(value).slice(1);

function write(mode: number, length: number, { id = 0, offset = 0 } = {}): number[] {
  return [0x3b, mode, id, ...uint24(offset), ...uint24(length), 0];
}

function read10(mode: number, length: number, { id = 0, offset = 0 } = {}): number[] {
  return [0x3c, mode, id, ...uint24(offset), ...uint24(length), 0];
}

function read16(mode: number, length: number, { id = 0, offset = 0, offsetHigh = 0 } = {}): number[] {
  return [0x9b, mode, ...uint32(offsetHigh), ...uint32(offset), ...uint32(length), id, 0];
}

const bytes = (length: number, seed = 1) => pattern(16, seed).subarray(0, length);

describe.each([
  { name: 'READ BUFFER(10)', read: read10, offsetByte: 3, idByte: 2 },
  { name: 'READ BUFFER(16)', read: read16, offsetByte: 2, idByte: 14 },
])('$name', ({ read, offsetByte, idByte }) => {
  const run = (harness: Harness, cdb: number[]) => harness.run(cdb, { dataIn: DATA_IN });

  describe('the data buffer', () => {
    it('is described by its capacity; other buffers have none', () => {
      const harness = new Harness();
      expect(run(harness, read(DESCRIPTOR, 255)).data.readUInt32BE()).toBe(DATA_BUFFER_BYTES);
      for (const id of [1, 255]) expect(run(harness, read(DESCRIPTOR, 255, { id })).data.readUInt32BE()).toBe(0);
      expect(run(harness, read(DESCRIPTOR, 3)).data.length).toBe(3);
      expect(run(harness, read(DESCRIPTOR, 4, { offset: 1 })).outcome).toBe('5/24/0');
    });

    it('is zeros, then what was written, from any offset and for every nexus', () => {
      const harness = new Harness();
      expect(run(harness, read(DATA, 0xffffff)).data.equals(Buffer.alloc(DATA_BUFFER_BYTES))).toBe(true);
      expect(harness.run(write(DATA, 100, { offset: 50 }), { dataOut: bytes(100) }).outcome).toBe('status 0');
      const other = nexusOf('b');
      harness.clearAttention(other);
      const { data } = harness.run(read(DATA, 120, { offset: 40 }), { dataIn: DATA_IN, nexus: other });
      expect(data.equals(Buffer.concat([Buffer.alloc(10), bytes(100), Buffer.alloc(10)]))).toBe(true);
      const last = DATA_BUFFER_BYTES - 1;
      expect(harness.run(write(DATA, 1, { offset: last }), { dataOut: Buffer.of(7) }).outcome).toBe('status 0');
      expect(run(harness, read(DATA, 100, { offset: last })).data).toEqual(Buffer.of(7));
      expect(run(harness, read(DATA, 0)).data.length).toBe(0);
      expect(harness.isQuiet).toBe(true);
    });

    it.each([
      { cdb: read(DATA, 1, { id: 1 }), byte: idByte },
      { cdb: read(DATA, 1, { id: 255 }), byte: idByte },
      { cdb: read(DATA, 1, { offset: DATA_BUFFER_BYTES }), byte: offsetByte },
      { cdb: read(DATA, 1, { offset: 0xffffff }), byte: offsetByte },
    ])('has no other ID and nothing behind its end: $cdb', ({ cdb, byte }) => {
      const client = run(new Harness(), cdb);
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer).toBe((0x4f << 16) | byte);
    });
  });

  describe('the echo buffer', () => {
    it('is described by its capacity and by EBOS', () => {
      const { data } = run(new Harness(), read(ECHO_DESCRIPTOR, 255));
      expect(data.readUInt32BE()).toBe(0x01000000 | ECHO_BUFFER_BYTES);
    });

    it('is nobody’s before the nexus has written to it', () => {
      const harness = new Harness();
      expect(run(harness, read(ECHO, 255)).outcome).toBe('5/2c/0');
      expect(harness.run(write(ECHO, 0)).outcome).toBe('status 0');
      expect(run(harness, read(ECHO, 255)).outcome).toBe('5/2c/0');
    });

    it.each([1, 252, 253, ECHO_BUFFER_BYTES])('gives back the %d bytes that were written, no more', (length) => {
      const harness = new Harness();
      // BUFFER ID and BUFFER OFFSET are ignored.
      const cdb = write(ECHO, length, { id: 9, offset: 77 });
      expect(harness.run(cdb, { dataOut: bytes(length) }).outcome).toBe('status 0');
      const client = run(harness, read(ECHO, 0xffffff, { id: 5, offset: 3 }));
      expect(client.data.equals(bytes(length))).toBe(true);
      expect(client.command.presentedInBytes).toBe(length);
      expect(run(harness, read(ECHO, 1)).data).toEqual(bytes(1));
      expect(harness.isQuiet).toBe(true);
    });

    it('is each nexus’ own, and gone with the nexus or a reset', () => {
      const harness = new Harness();
      const other = nexusOf('b');
      harness.device.openNexus(other);
      harness.clearAttention(other);
      harness.run(write(ECHO, 10), { dataOut: bytes(10, 1) });
      harness.run(write(ECHO, 20), { dataOut: bytes(20, 2), nexus: other });
      expect(run(harness, read(ECHO, 255)).data.equals(bytes(10, 1))).toBe(true);
      harness.device.closeNexus(other);
      harness.device.openNexus(other);
      harness.clearAttention(other);
      expect(harness.run(read(ECHO, 255), { dataIn: DATA_IN, nexus: other }).outcome).toBe('5/2c/0');
      harness.manage(LOGICAL_UNIT_RESET);
      harness.clearAttention(harness.nexus);
      expect(run(harness, read(ECHO, 255)).outcome).toBe('5/2c/0');
    });
  });

  it('has no other mode', () => {
    const harness = new Harness();
    for (let mode = 0; mode < 32; mode++) {
      if ([DATA, DESCRIPTOR, ECHO, ECHO_DESCRIPTOR].includes(mode)) continue;
      const client = run(harness, read(mode, 255));
      expect([mode, client.outcome, client.command.senseFieldPointer]).toEqual([mode, '5/24/0', (0x4c << 16) | 1]);
    }
  });
});

describe('READ BUFFER(16)', () => {
  it('an offset of more than 32 bits is behind the end of the buffer', () => {
    const client = new Harness().run(read16(DATA, 1, { offsetHigh: 1 }), { dataIn: 10 });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4f << 16) | 2]);
  });
});

describe('WRITE BUFFER', () => {
  it.each([
    { name: 'another buffer ID', cdb: write(DATA, 1, { id: 1 }), byte: 2 },
    { name: 'an offset behind the end', cdb: write(DATA, 0, { offset: DATA_BUFFER_BYTES }), byte: 3 },
    { name: 'a byte more than there is', cdb: write(DATA, DATA_BUFFER_BYTES + 1), byte: 6 },
    { name: 'an offset with a byte too much', cdb: write(DATA, DATA_BUFFER_BYTES - 9, { offset: 10 }), byte: 6 },
    { name: 'the most a CDB can say', cdb: write(DATA, 0xffffff), byte: 6 },
    { name: 'a byte more than the echo buffer has', cdb: write(ECHO, ECHO_BUFFER_BYTES + 1), byte: 6 },
  ])('$name is an invalid field, and no data is asked for', ({ cdb, byte }) => {
    const harness = new Harness();
    const client = harness.run(cdb, { dataOut: Buffer.alloc(8192) });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/24/0', (0x4f << 16) | byte]);
    expect(client.command.presentedOutBytes).toBe(0);
    expect(harness.unit.dataBuffer).toBeNull();
  });

  it('fills the whole buffer; nothing to write is good', () => {
    const harness = new Harness();
    const dataOut = bytes(DATA_BUFFER_BYTES);
    expect(harness.run(write(DATA, DATA_BUFFER_BYTES), { dataOut }).outcome).toBe('status 0');
    expect(harness.run(write(DATA, 0)).outcome).toBe('status 0');
    expect(harness.run(read10(DATA, 0xffffff), { dataIn: DATA_IN }).data.equals(dataOut)).toBe(true);
  });

  it('less data than the CDB says leaves the buffers as they are', () => {
    const harness = new Harness();
    for (const mode of [DATA, ECHO]) {
      expect(harness.run(write(mode, 10), { dataOut: Buffer.alloc(9) }).outcome).toBe('5/1a/0');
    }
    expect(harness.unit.dataBuffer).toBeNull();
    expect(harness.run(read10(ECHO, 1), { dataIn: 1 }).outcome).toBe('5/2c/0');
  });

  it('takes no microcode and nothing else: every other mode is an invalid field', () => {
    const harness = new Harness();
    for (let mode = 0; mode < 32; mode++) {
      if (mode === DATA || mode === ECHO) continue;
      const client = harness.run(write(mode, 4), { dataOut: Buffer.alloc(4) });
      expect([mode, client.outcome, client.command.senseFieldPointer]).toEqual([mode, '5/24/0', (0x4c << 16) | 1]);
    }
  });

  it('is no write to the medium: a read-only unit takes it', () => {
    const harness = new Harness({ unit: { isReadOnly: true } });
    expect(harness.run(write(ECHO, 4), { dataOut: Buffer.alloc(4) }).outcome).toBe('status 0');
    expect(harness.backend.log).toEqual([]);
  });
});

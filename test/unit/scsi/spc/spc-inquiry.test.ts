import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { encodeDescriptorSense, SENSE_LBA_OUT_OF_RANGE } from '../../../../src/scsi/sense.ts';
import { Harness, nexusOf, UUID, unitOn } from '../device-harness.ts';
import { MemoryBackend } from '../memory-backend.ts';

const WELL_KNOWN = { lunHigh: 0xc1010000, lunLow: 0 };

function inquiry(page: number | null, allocationLength = 0xffff): number[] {
  const evpd = page === null ? 0 : 1;
  return [0x12, evpd, page ?? 0, allocationLength >>> 8, allocationLength & 0xff, 0];
}

function vpd(harness: Harness, page: number, options = {}): Buffer {
  const client = harness.run(inquiry(page), { dataIn: 4096, ...options });
  expect(client.outcome).toBe('status 0');
  const { data } = client;
  expect(data[1]).toBe(page);
  expect(data.readUInt16BE(2)).toBe(data.length - 4);
  return data;
}

/** The designation descriptors of page 83h. */
function designators(page: Buffer): { codeSet: number; type: number; association: number; value: Buffer }[] {
  const found = [];
  for (let at = 4; at < page.length; at += 4 + page[at + 3]!) {
    const value = page.subarray(at + 4, at + 4 + page[at + 3]!);
    found.push({
      codeSet: page[at]! & 0x0f,
      type: page[at + 1]! & 0x0f,
      association: (page[at + 1]! >>> 4) & 3,
      value,
    });
  }
  return found;
}

describe('page 86h', () => {
  it('to the byte: all task attributes, a volatile cache, the longest sense data', () => {
    expect(vpd(new Harness(), 0x86).toString('hex')).toBe(`0086003c000701${'00'.repeat(6)}1c${'00'.repeat(50)}`);
  });

  it('has no volatile cache where writes are stable at once', () => {
    expect(vpd(new Harness({ capabilities: { isWriteThrough: true } }), 0x86)[6]).toBe(0);
  });

  it('states the sense data that is the longest', () => {
    const sense = Buffer.alloc(255);
    const longest = encodeDescriptorSense(SENSE_LBA_OUT_OF_RANGE, sense, 0, 2 ** 40, 0x400001);
    expect(vpd(new Harness(), 0x86)[13]).toBe(longest);
  });
});

describe('page 87h', () => {
  it('says that all mode pages are shared by all nexuses, and by no other unit', () => {
    expect(vpd(new Harness(), 0x87).toString('hex')).toBe('008700043fff0000');
  });
});

describe('standard INQUIRY data', () => {
  it('is the bytes of the vector', () => {
    const vector = JSON.parse(
      readFileSync(new URL('../../../vectors/scsi/standard-inquiry.json', import.meta.url), 'utf8'),
    ) as { bytes: string[] };
    const client = new Harness().run(inquiry(null), { dataIn: 4096 });
    expect(client.data.toString('hex')).toBe(vector.bytes.join('').replaceAll(' ', ''));
  });

  it.each([0, 1, 4, 5, 36, 95, 96, 97, 255])('is cut at an allocation length of %d', (allocationLength) => {
    const harness = new Harness();
    const whole = harness.run(inquiry(null), { dataIn: 4096 }).data;
    const client = harness.run(inquiry(null, allocationLength), { dataIn: 4096 });
    expect(client.outcome).toBe('status 0');
    expect(client.data.equals(whole.subarray(0, allocationLength))).toBe(true);
    expect(client.command.presentedInBytes).toBe(Math.min(96, allocationLength));
  });

  it('into a smaller data-in buffer presents what the allocation length lets through', () => {
    const client = new Harness().run(inquiry(null, 96), { dataIn: 10 });
    expect(client.data.length).toBe(10);
    expect(client.command.presentedInBytes).toBe(96);
  });

  it('says whether the medium is removable', () => {
    const client = new Harness({ unit: { isRemovable: true } }).run(inquiry(null), { dataIn: 255 });
    expect(client.data[1]).toBe(0x80);
  });

  it('a page code without EVPD is an invalid field', () => {
    const client = new Harness().run([0x12, 0, 1, 0, 255, 0], { dataIn: 255 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x4f << 16) | 2);
  });

  it('leaves a unit attention condition pending', () => {
    const harness = new Harness({ keepsAttention: true });
    expect(harness.run(inquiry(null), { dataIn: 255 }).outcome).toBe('status 0');
    expect(harness.run([0x00]).outcome).toBe('6/29/0');
  });
});

describe('vital product data', () => {
  it('page 00h lists the pages there are', () => {
    const harness = new Harness();
    const pages = [...vpd(harness, 0x00).subarray(4)];
    for (const page of [0x00, 0x80, 0x83, 0x86, 0x87, 0x8f, 0xb0, 0xb1, 0xb2]) expect(pages).toContain(page);
    expect(pages).toEqual([...pages].sort((a, b) => a - b));
    // What is not listed does not answer.
    const answering = Array.from({ length: 256 }, (_, page) => page).filter(
      (page) => harness.run(inquiry(page), { dataIn: 4096 }).outcome === 'status 0',
    );
    expect(pages).toEqual(answering);
    for (const page of pages) vpd(harness, page);
  });

  it.each([0x01, 0x81, 0x85, 0xb3, 0xb6, 0xff])('page %d does not exist', (page) => {
    expect(new Harness().run(inquiry(page), { dataIn: 255 }).outcome).toBe('5/24/0');
  });

  it('page 80h is the serial number: the UUID, or what was configured', () => {
    expect(vpd(new Harness(), 0x80).subarray(4).toString()).toBe(UUID.replaceAll('-', ''));
    expect(
      vpd(new Harness({ unit: { serial: 'S-1' } }), 0x80)
        .subarray(4)
        .toString(),
    ).toBe('S-1');
  });

  it('page 83h names unit, target device and port', () => {
    const found = designators(vpd(new Harness(), 0x83));
    const byType = (type: number, association: number) =>
      found.find((designator) => designator.type === type && designator.association === association)!.value;
    expect(byType(3, 0).toString('hex')).toBe('3706050403020100');
    expect(byType(1, 0).toString()).toBe(`GOTGT   DISK            ${UUID.replaceAll('-', '')}`);
    expect(byType(10, 0).toString('hex')).toBe(`1000${UUID.replaceAll('-', '')}`);
    expect(byType(8, 2).toString().replace(/\0+$/, '')).toBe('iqn.2000-01.test:disk');
    expect(byType(8, 1).toString().replace(/\0+$/, '')).toBe('iqn.2000-01.test:disk,t,0x0001');
    expect(byType(4, 1).toString('hex')).toBe('00000001');
    expect(byType(5, 1).toString('hex')).toBe('00000001');
    for (const { type, value } of found) {
      if (type !== 8) continue;
      expect(value.length % 4).toBe(0);
      expect(value.at(-1)).toBe(0);
    }
  });

  it('two units with different UUIDs share no designator of a unit', () => {
    const harness = new Harness();
    const other = new Harness({ unit: { uuid: '11111111-2222-4333-8444-555555555555' } });
    const names = (page: Buffer) =>
      designators(page)
        .filter(({ association }) => association === 0)
        .map(({ value }) => value.toString('hex'));
    const mine = names(vpd(harness, 0x83));
    expect(mine).toHaveLength(3);
    for (const name of names(vpd(other, 0x83))) expect(mine).not.toContain(name);
  });

  it('page B0h states the limits that are enforced', () => {
    const page = vpd(new Harness(), 0xb0);
    expect(page.length).toBe(64);
    expect(page[4]).toBe(1); // WSNZ
    expect(page.readUInt16BE(6)).toBe(8); // granularity: 4096 / 512
    expect(page.readUInt32BE(8)).toBe(65536); // maximum transfer length
    expect(page.readUInt32BE(12)).toBe(512); // optimal transfer length
    expect(page.readUInt32BE(20)).toBe(1048576); // unmap LBA count
    expect(page.readUInt32BE(24)).toBe(256); // unmap descriptors
    expect(page.readUInt32BE(28)).toBe(8); // unmap granularity
    expect(page.readUInt32BE(32)).toBe(0x80000000);
    expect(page.readBigUInt64BE(36)).toBe(65536n); // maximum write same length
  });

  it('pages B0h and B2h offer no provisioning on a unit that cannot give space back', () => {
    for (const options of [{ unit: { isThin: false } }, { capabilities: { canUnmap: false } }]) {
      const harness = new Harness(options);
      const limits = vpd(harness, 0xb0);
      expect([limits.readUInt32BE(20), limits.readUInt32BE(24), limits.readUInt32BE(28)]).toEqual([0, 0, 0]);
      expect([...vpd(harness, 0xb2).subarray(4)]).toEqual([0, 0, 0, 0]);
    }
  });

  it('page B1h says non-rotating, page B2h thin with LBPRZ', () => {
    const harness = new Harness();
    expect(vpd(harness, 0xb1).readUInt16BE(4)).toBe(1);
    expect([...vpd(harness, 0xb2).subarray(4)]).toEqual([0x0b, 0xe4, 0x02, 0x00]);
  });
});

describe('LUNs without a disk', () => {
  it('a LUN that is not there answers INQUIRY with 7Fh, vital product data with an error', () => {
    const harness = new Harness();
    expect(harness.run(inquiry(null), { dataIn: 255, lun: 5 }).data[0]).toBe(0x7f);
    expect(harness.run(inquiry(0x00), { dataIn: 255, lun: 5 }).outcome).toBe('5/25/0');
  });

  it('the REPORT LUNS well known logical unit is of type 1Eh and has pages 00h and 83h', () => {
    const harness = new Harness();
    expect(harness.run(inquiry(null), { dataIn: 255, ...WELL_KNOWN }).data[0]).toBe(0x1e);
    const pages = harness.run(inquiry(0x00), { dataIn: 255, ...WELL_KNOWN }).data;
    expect([...pages]).toEqual([0x1e, 0, 0, 2, 0x00, 0x83]);
    const names = designators(harness.run(inquiry(0x83), { dataIn: 255, ...WELL_KNOWN }).data);
    expect(names.every(({ association }) => association !== 0)).toBe(true);
    expect(harness.run(inquiry(0x80), { dataIn: 255, ...WELL_KNOWN }).outcome).toBe('5/24/0');
  });

  it('stale bytes of a slot never reach another initiator', () => {
    const harness = new Harness();
    const client = harness.run(inquiry(null), { dataIn: 255, nexus: nexusOf('b') });
    expect(client.data.includes(0xee)).toBe(false);
  });
});

describe('many logical units', () => {
  it('a thousand share one context and are found by their LUNs', () => {
    const harness = new Harness();
    const backend = new MemoryBackend(512);
    for (let lun = 1; lun < 1000; lun++) {
      harness.device.addLogicalUnit(lun, unitOn(backend, { serial: `LU${lun}` }));
    }
    expect(vpd(harness, 0x80, { lun: 999 }).subarray(4).toString()).toBe('LU999');
  });
});

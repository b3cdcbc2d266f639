import { describe, expect, it } from 'vitest';
import { BLOCK_COUNT, Harness } from '../device-harness.ts';

const DBD = 0x08;
const LLBAA = 0x10;

function sense6(
  page: number,
  options: { pc?: number; subpage?: number; flags?: number; length?: number } = {},
): number[] {
  const { pc = 0, subpage = 0, flags = 0, length = 255 } = options;
  return [0x1a, flags, (pc << 6) | page, subpage, length, 0];
}

function sense10(page: number, options: { pc?: number; flags?: number; length?: number } = {}): number[] {
  const { pc = 0, flags = 0, length = 255 } = options;
  return [0x5a, flags, (pc << 6) | page, 0, 0, 0, 0, length >>> 8, length & 0xff, 0];
}

const SPF = 0x40;

/** By page code; those in the sub_page format by page code, SPF and subpage code, such as 4A01h. */
function pagesOf(data: Buffer, start: number): Map<number, Buffer> {
  const pages = new Map<number, Buffer>();
  for (let at = start; at < data.length; ) {
    const isSubpage = (data[at]! & SPF) !== 0;
    const end = at + (isSubpage ? 4 + data.readUInt16BE(at + 2) : 2 + data[at + 1]!);
    pages.set(isSubpage ? data.readUInt16BE(at) : data[at]!, data.subarray(at, end));
    at = end;
  }
  return pages;
}

describe('MODE SENSE(6)', () => {
  it('returns header, block descriptor and all pages', () => {
    const { data, command } = new Harness().run(sense6(0x3f), { dataIn: 255 });
    expect(data[0]).toBe(data.length - 1);
    expect(data[1]).toBe(0);
    expect(data[2]).toBe(0x10); // DPOFUA
    expect(data[3]).toBe(8);
    expect(data.readUInt32BE(4)).toBe(BLOCK_COUNT);
    expect(data.readUInt32BE(8)).toBe(512);
    expect([...pagesOf(data, 12).keys()]).toEqual([0x01, 0x02, 0x08, 0x0a, 0x1a, 0x1c]);
    expect(command.presentedInBytes).toBe(data.length);
  });

  it('without a block descriptor when DBD is set', () => {
    const { data } = new Harness().run(sense6(0x08, { flags: DBD }), { dataIn: 255 });
    expect(data[3]).toBe(0);
    expect([...pagesOf(data, 4).keys()]).toEqual([0x08]);
    expect(data[0]).toBe(data.length - 1);
  });

  it.each([0, 1, 4, 12, 255])('is cut at an allocation length of %d', (length) => {
    const harness = new Harness();
    const whole = harness.run(sense6(0x3f), { dataIn: 255 }).data;
    const { data, outcome } = harness.run(sense6(0x3f, { length }), { dataIn: 255 });
    expect(outcome).toBe('status 0');
    expect(data.equals(whole.subarray(0, length))).toBe(true);
  });

  it('WCE follows the store, WP the write protection', () => {
    const wce = (options: object) => {
      const { data } = new Harness(options).run(sense6(0x08, { flags: DBD }), { dataIn: 255 });
      return [data[2]! & 0x80, pagesOf(data, 4).get(0x08)![2]! & 0x04];
    };
    expect(wce({})).toEqual([0, 4]);
    expect(wce({ capabilities: { isWriteThrough: true } })).toEqual([0, 0]);
    expect(wce({ unit: { isReadOnly: true } })).toEqual([0x80, 4]);
  });

  it('the control page has D_SENSE, QERR, SWP and TAS zero', () => {
    const { data } = new Harness().run(sense6(0x0a, { flags: DBD }), { dataIn: 255 });
    expect(pagesOf(data, 4).get(0x0a)!.toString('hex')).toBe('0a0a00100000000000000000');
  });

  it('defaults are the current values; WCE, D_SENSE, QERR, SWP and TAS are changeable; without a store nothing is saved', () => {
    const harness = new Harness();
    const run = (pc: number) => harness.run(sense6(0x3f, { pc, flags: DBD }), { dataIn: 255 });
    expect(run(2).data.equals(run(0).data)).toBe(true);
    for (const [code, page] of pagesOf(run(1).data, 4)) {
      const lbpere = '00000000008000000000';
      const masks: Record<number, string> = { 1: lbpere, 8: '04'.padEnd(36, '0'), 10: '0406084000'.padEnd(20, '0') };
      const expected = masks[code] ?? '00'.repeat(page.length - 2);
      expect([code, page.subarray(2).toString('hex')]).toEqual([code, expected]);
    }
    expect(run(3).outcome).toBe('5/39/0');
  });

  it('knows page 3Fh with all subpages, and no other subpage or page', () => {
    const harness = new Harness();
    expect(harness.run(sense6(0x3f, { subpage: 0xff }), { dataIn: 255 }).outcome).toBe('status 0');
    for (const [page, subpage] of [
      [0x3f, 0x01],
      [0x08, 0x01],
      [0x0a, 0x02],
      [0x0a, 0xfe],
    ] as const) {
      const client = harness.run(sense6(page, { subpage }), { dataIn: 255 });
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer).toBe((0x4f << 16) | 3);
    }
    for (const page of [0x00, 0x03, 0x19, 0x3e]) {
      const client = harness.run(sense6(page), { dataIn: 255 });
      expect(client.outcome).toBe('5/24/0');
      expect(client.command.senseFieldPointer).toBe((0x4d << 16) | 2);
    }
  });

  it('the page of informational exceptions says that there are none to report: DEXCPT', () => {
    const { data } = new Harness().run(sense6(0x1c, { flags: DBD }), { dataIn: 255 });
    expect(pagesOf(data, 4).get(0x1c)!.toString('hex')).toBe('1c0a08'.padEnd(24, '0'));
    const list = Buffer.concat([Buffer.alloc(4), Buffer.from('1c0a00'.padEnd(24, '0'), 'hex')]);
    const client = new Harness().run([0x15, 0x10, 0, 0, list.length, 0], { dataOut: list });
    expect([client.outcome, client.command.senseFieldPointer]).toEqual(['5/26/0', 4 + 2]);
  });

  it('finds subpages by their own code, and with their page by FFh', () => {
    const harness = new Harness();
    const keys = (page: number, subpage: number) =>
      [...pagesOf(harness.run(sense6(page, { subpage, flags: DBD }), { dataIn: 255 }).data, 4).keys()].filter(
        (key) => (key & 0x3f) === 0x0a || key >>> 8 === 0x4a,
      );
    expect(keys(0x0a, 0)).toEqual([0x0a]);
    expect(keys(0x0a, 1)).toEqual([0x4a01]);
    expect(keys(0x0a, 0xff)).toEqual([0x0a, 0x4a01]);
    expect(keys(0x3f, 0)).toEqual([0x0a]);
    expect(keys(0x3f, 0xff)).toEqual([0x0a, 0x4a01]);
  });

  it('the control extension page says that SET TIMESTAMP takes precedence, the disconnect-reconnect page nothing', () => {
    const harness = new Harness();
    const page = (code: number, subpage: number, pc = 0) =>
      harness
        .run(sense6(code, { subpage, pc, flags: DBD }), { dataIn: 255 })
        .data.subarray(4)
        .toString('hex');
    expect(page(0x0a, 1)).toBe('4a01001c06'.padEnd(64, '0'));
    expect(page(0x0a, 1, 1)).toBe('4a01001c'.padEnd(64, '0'));
    expect(page(0x02, 0)).toBe('020e'.padEnd(32, '0'));
  });

  it('a block count of more than 32 bits is FFFFFFFFh in the short descriptor', () => {
    const harness = new Harness({ sizeBytes: 2 ** 42, storedBytes: 512 });
    expect(harness.run(sense6(0x08), { dataIn: 255 }).data.readUInt32BE(4)).toBe(0xffffffff);
  });
});

describe('MODE SENSE(10)', () => {
  it('returns the longer header with the same pages', () => {
    const harness = new Harness();
    const { data } = harness.run(sense10(0x3f), { dataIn: 255 });
    expect(data.readUInt16BE(0)).toBe(data.length - 2);
    expect([data[2], data[3], data[4], data[5]]).toEqual([0, 0x10, 0, 0]);
    expect(data.readUInt16BE(6)).toBe(8);
    const short = harness.run(sense6(0x3f), { dataIn: 255 }).data;
    expect(data.subarray(8).equals(short.subarray(4))).toBe(true);
  });

  it('has a long block descriptor when LLBAA is set', () => {
    const harness = new Harness({ sizeBytes: 2 ** 42, storedBytes: 512 });
    const { data } = harness.run(sense10(0x08, { flags: LLBAA }), { dataIn: 255 });
    expect(data[4]).toBe(1);
    expect(data.readUInt16BE(6)).toBe(16);
    expect(data.readBigUInt64BE(8)).toBe(2n ** 33n);
    expect(data.readUInt32BE(20)).toBe(512);
    const none = harness.run(sense10(0x08, { flags: LLBAA | DBD }), { dataIn: 255 }).data;
    expect([none[4], none.readUInt16BE(6)]).toEqual([0, 0]);
  });
});

import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_HARDWARE_ERROR, IO_READ, IO_WRITE_ZEROES } from '../../../../src/backend/backend.ts';
import { encodeSense } from '../../../../src/scsi/sense.ts';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import type { UnitState, UnitStateStore } from '../../../../src/scsi/unit/unit-state.ts';
import { BLOCK_COUNT, cdb10, Harness, nexusOf, pattern } from '../device-harness.ts';

const PF = 0x10;
const SP = 0x01;
const CACHING = 0x08;
const CONTROL = 0x0a;

const sense6 = (page: number, pc = 0) => [0x1a, 0x08, (pc << 6) | page, 0, 255, 0];
const select6 = (length: number, flags = PF) => [0x15, flags, 0, 0, length, 0];
const select10 = (length: number, flags = PF) => [0x55, flags, 0, 0, 0, 0, 0, length >>> 8, length & 0xff, 0];

/** The page as MODE SENSE shows it, with PS as it came: reserved in MODE SELECT, so ignored. */
function page(harness: Harness, code: number, pc = 0): Buffer {
  return harness.run(sense6(code, pc), { dataIn: 255 }).data.subarray(4);
}

function withBits(bytes: Buffer, byte: number, mask: number, isSet: boolean): Buffer {
  const changed = Buffer.from(bytes);
  changed[byte] = isSet ? changed[byte]! | mask : changed[byte]! & ~mask;
  return changed;
}

const wce = (harness: Harness, isSet: boolean) => withBits(page(harness, CACHING), 2, 0x04, isSet);
const dSense = (harness: Harness, isSet: boolean) => withBits(page(harness, CONTROL), 2, 0x04, isSet);
const swp = (harness: Harness, isSet: boolean) => withBits(page(harness, CONTROL), 4, 0x08, isSet);

function select(harness: Harness, pages: readonly Buffer[], flags = PF) {
  const list = Buffer.concat([Buffer.alloc(4), ...pages]);
  return harness.run(select6(list.length, flags), { dataOut: list });
}

class Store implements UnitStateStore {
  readonly saved: UnitState[] = [];
  isBroken = false;

  save(state: UnitState, onSaved: (isSaved: boolean) => void): void {
    if (!this.isBroken) this.saved.push(state);
    onSaved(!this.isBroken);
  }
}

describe('MODE SELECT', () => {
  it('WCE zero flushes what is cached, and makes every write stable from then on', () => {
    const harness = new Harness();
    expect(select(harness, [wce(harness, false)]).outcome).toBe('status 0');
    expect(harness.backend.log.map(({ op }) => op)).toEqual([IO_FLUSH]);
    expect(page(harness, CACHING)[2]! & 4).toBe(0);
    harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    expect(harness.backend.log.at(-1)!.isFua).toBe(true);
    harness.run(cdb10(0x41, 0, 1), { dataOut: Buffer.alloc(512) });
    expect(harness.backend.log.slice(-2).map(({ op }) => op)).toEqual([IO_WRITE_ZEROES, IO_FLUSH]);
    harness.run(cdb10(0x28, 0, 1), { dataIn: 512 });
    expect(harness.backend.log.at(-1)).toMatchObject({ op: IO_READ, isFua: false });
    expect(select(harness, [wce(harness, true)]).outcome).toBe('status 0');
    harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    expect(harness.backend.log.at(-1)!.isFua).toBe(false);
    expect(harness.isQuiet).toBe(true);
  });

  it('two at once, of which one waits for a flush, both hold', () => {
    const harness = new Harness();
    const list = (bytes: Buffer) => Buffer.concat([Buffer.alloc(4), bytes]);
    const noCache = list(wce(harness, false));
    const protect = list(swp(harness, true));
    const waiting = harness.start(select6(noCache.length), { dataOut: noCache });
    expect(select(harness, [dSense(harness, true)]).outcome).toBe('status 0');
    harness.settle();
    expect(waiting.outcome).toBe('status 0');
    expect(harness.unit.modes).toMatchObject({ isWriteCacheEnabled: false, isDescriptorSense: true });
    harness.unit.setModes(harness.unit.savedModes);
    const both = [protect, noCache].map((dataOut) => harness.start(select6(dataOut.length), { dataOut }));
    harness.settle();
    expect(both.map(({ outcome }) => outcome)).toEqual(['status 0', 'status 0']);
    expect(harness.unit.modes).toMatchObject({ isWriteCacheEnabled: false, isWriteProtected: true });
    expect(harness.unit.writesThrough).toBe(true);
  });

  it('WCE zero leaves no write in the cache: those at work are flushed, those that come are stable', () => {
    const harness = new Harness();
    const early = harness.start(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    const dataOut = Buffer.concat([Buffer.alloc(4), wce(harness, false)]);
    const first = harness.start(cdb10(0x2a, 1, 1), { dataOut: pattern(1), answersDataOut: false });
    const off = harness.start(select6(dataOut.length), { dataOut });
    const late = harness.start(cdb10(0x2a, 2, 1), { dataOut: pattern(1) });
    first.answer();
    while (!off.isDone) {
      expect(harness.backend.pending.length).toBeGreaterThan(0);
      if (harness.backend.log.some(({ op }) => op === IO_FLUSH))
        expect([early, first].every(({ isDone }) => isDone)).toBe(true);
      harness.backend.complete();
      harness.tick();
    }
    expect(off.outcome).toBe('status 0');
    harness.settle();
    expect(late.outcome).toBe('status 0');
    expect(harness.backend.log.at(-1)).toMatchObject({ offsetBytes: 1024, isFua: true });
    expect(harness.isQuiet).toBe(true);
  });

  it('WCE stays when the flush fails', () => {
    const harness = new Harness();
    const off = wce(harness, false);
    harness.backend.fault = () => IO_HARDWARE_ERROR;
    expect(select(harness, [off]).outcome).toBe('4/44/0');
    expect(page(harness, CACHING)[2]! & 4).toBe(4);
  });

  it('a store that writes through cannot be given a cache', () => {
    const harness = new Harness({ capabilities: { isWriteThrough: true } });
    const client = select(harness, [wce(harness, true)]);
    expect(client.outcome).toBe('5/26/0');
    expect(client.command.senseFieldPointer).toBe(4 + 2);
  });

  it('SWP protects against writes of everybody, and its end allows them', () => {
    const harness = new Harness();
    const on = swp(harness, true);
    const off = swp(harness, false);
    expect(select(harness, [on]).outcome).toBe('status 0');
    expect(harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) }).outcome).toBe('7/27/0');
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('status 0');
    expect(harness.run(sense6(CONTROL), { dataIn: 255 }).data[2]).toBe(0x90);
    expect(select(harness, [off]).outcome).toBe('status 0');
    expect(harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) }).outcome).toBe('status 0');
  });

  it('D_SENSE gives sense data in descriptor format, with what the fixed format has', () => {
    const harness = new Harness();
    select(harness, [dSense(harness, true)]);
    const out = Buffer.alloc(64, 0xee);
    const encoded = (client: ReturnType<Harness['run']>) => out.toString('hex', 0, encodeSense(client.command, out, 0));
    expect(encoded(harness.run(cdb10(0x28, BLOCK_COUNT, 1), { dataIn: 512 }))).toBe('7205210000000000');
    expect(encoded(harness.run([0xc0]))).toBe('7205200000000000');
    expect(encoded(harness.run(cdb10(0x28, 0, 1, 0x20), { dataIn: 512 }))).toBe(
      '72052400000000080206 0000cd000100'.replace(' ', ''),
    );
    const compared = harness.run(cdb10(0x2f, 0, 1, 0x02), { dataOut: Buffer.from(Buffer.alloc(512).fill(1, 3)) });
    expect(encoded(compared)).toBe('720e1d000000000c000a80000000000000000003');
  });

  it('several pages at once, in the long form too, and an equal list changes nothing', () => {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.device.openNexus(other);
    harness.clearAttention(other);
    const descriptor = Buffer.alloc(8);
    descriptor.writeUInt32BE(512, 4);
    const header = Buffer.alloc(8);
    header[7] = 8;
    const same = Buffer.concat([header, descriptor, page(harness, CACHING), page(harness, CONTROL)]);
    expect(harness.run(select10(same.length), { dataOut: same }).outcome).toBe('status 0');
    expect(harness.run([0], { nexus: other }).outcome).toBe('status 0');
    const list = Buffer.concat([header, descriptor, wce(harness, false), dSense(harness, true)]);
    expect(harness.run(select10(list.length), { dataOut: list }).outcome).toBe('status 0');
    expect(harness.unit.modes).toMatchObject({
      isWriteCacheEnabled: false,
      isDescriptorSense: true,
      isWriteProtected: false,
    });
    expect(harness.run([0], { nexus: other }).outcome).toBe('6/2a/1');
    expect(harness.run([0]).outcome).toBe('status 0');
  });

  it('takes the number of blocks as zero, as it is or as the maximum; the block length must be right', () => {
    const harness = new Harness();
    for (const [blocks, blockBytes, outcome] of [
      [0, 512, 'status 0'],
      [BLOCK_COUNT, 512, 'status 0'],
      [0xffffffff, 512, 'status 0'],
      [BLOCK_COUNT - 1, 512, '5/26/0'],
      [0, 520, '5/26/0'],
      [0, 0, '5/26/0'],
    ] as const) {
      const list = Buffer.alloc(12);
      list[3] = 8;
      list.writeUInt32BE(blocks, 4);
      list.writeUInt32BE(blockBytes, 8);
      expect([blocks, blockBytes, harness.run(select6(12), { dataOut: list }).outcome]).toEqual([
        blocks,
        blockBytes,
        outcome,
      ]);
    }
    const long = Buffer.alloc(24);
    long[4] = 1;
    long[7] = 16;
    long.writeUInt32BE(512, 20);
    expect(harness.run(select10(24), { dataOut: long }).outcome).toBe('status 0');
  });

  it('no bit changes that is not changeable, and then none changes at all', () => {
    const harness = new Harness();
    const list = [wce(harness, false), withBits(page(harness, CONTROL), 3, 0x01, true)];
    const client = select(harness, list);
    expect(client.outcome).toBe('5/26/0');
    expect(client.command.senseFieldPointer).toBe(4 + 20 + 3);
    expect(page(harness, CACHING)[2]! & 4).toBe(4);
    for (let byte = 2; byte < 20; byte++) {
      for (let bit = 0; bit < 8; bit++) {
        if (byte === 2 && bit === 2) continue;
        expect(select(harness, [withBits(page(harness, CACHING), byte, 1 << bit, true)]).outcome).toBe('5/26/0');
      }
    }
  });

  it('lists that are short or lie are refused', () => {
    const harness = new Harness();
    const control = page(harness, CONTROL);
    for (const [list, outcome] of [
      [Buffer.alloc(3), '5/1a/0'],
      [Buffer.concat([Buffer.alloc(4), control.subarray(0, 11)]), '5/1a/0'],
      [Buffer.concat([Buffer.alloc(4), control.subarray(0, 1)]), '5/1a/0'],
      [Buffer.concat([Buffer.alloc(4), withBits(control, 1, 0x01, true)]), '5/26/0'],
      [Buffer.concat([Buffer.alloc(4), withBits(control, 0, 0x40, true)]), '5/26/0'],
      [Buffer.concat([Buffer.alloc(4), Buffer.from([0x3e, 0])]), '5/26/0'],
      [Buffer.from([0, 0, 0, 8, 0, 0, 0, 0]), '5/1a/0'],
      [Buffer.from([0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 2]), '5/26/0'],
      [Buffer.from([0, 1, 0, 0]), '5/26/0'],
    ] as const) {
      expect([list.toString('hex'), harness.run(select6(list.length), { dataOut: list }).outcome]).toEqual([
        list.toString('hex'),
        outcome,
      ]);
    }
    expect(harness.run(select6(16), { dataOut: Buffer.alloc(12) }).outcome).toBe('5/1a/0');
    expect(harness.run(select6(0)).outcome).toBe('status 0');
    expect(harness.run(select10(4097), { dataOut: Buffer.alloc(4097) }).outcome).toBe('5/24/0');
    expect(harness.run(select6(4, 0), { dataOut: Buffer.alloc(4) }).outcome).toBe('5/24/0');
    expect(harness.isQuiet).toBe(true);
  });
});

describe('saved mode parameters', () => {
  it('without a store SP is refused', () => {
    const harness = new Harness();
    expect(select(harness, [dSense(harness, true)], PF | SP).outcome).toBe('5/24/0');
  });

  it('are kept, shown, and come back with a reset and with a new unit; what is not saved does not', () => {
    const stateStore = new Store();
    const harness = new Harness({ unit: { stateStore } });
    expect(page(harness, CONTROL)[0]).toBe(0x80 | CONTROL);
    expect(select(harness, [dSense(harness, true)], PF | SP).outcome).toBe('status 0');
    expect(select(harness, [swp(harness, true)]).outcome).toBe('status 0');
    expect(page(harness, CONTROL, 3)[2]! & 4).toBe(4);
    expect(page(harness, CONTROL, 3)[4]! & 8).toBe(0);
    expect(page(harness, CONTROL, 2)[2]! & 4).toBe(0);
    harness.manage(LOGICAL_UNIT_RESET);
    harness.clearAttention(harness.nexus);
    const kept = { isWriteCacheEnabled: true, isDescriptorSense: true, isWriteProtected: false };
    expect(harness.unit.modes).toMatchObject(kept);
    const savedState = stateStore.saved.at(-1)!;
    expect(new Harness({ unit: { stateStore, savedState } }).unit.modes).toMatchObject(kept);
  });

  it('two that are saved one after the other are both kept', () => {
    const waiting: (() => void)[] = [];
    const kept: UnitState[] = [];
    const stateStore: UnitStateStore = {
      save(state, onSaved) {
        waiting.push(() => {
          kept.push(state);
          onSaved(true);
        });
      },
    };
    const harness = new Harness({ unit: { stateStore } });
    for (const bytes of [dSense(harness, true), wce(harness, false)]) {
      const dataOut = Buffer.concat([Buffer.alloc(4), bytes]);
      harness.start(select6(dataOut.length, PF | SP), { dataOut });
    }
    harness.settle();
    for (let save = waiting.shift(); save !== undefined; save = waiting.shift()) save();
    expect(kept.at(-1)!.savedModes).toMatchObject({ isDescriptorSense: true, isWriteCacheEnabled: false });
    expect(harness.unit.modes).toMatchObject({ isDescriptorSense: true, isWriteCacheEnabled: false });
  });

  it('nothing changes when they cannot be saved', () => {
    const stateStore = new Store();
    const harness = new Harness({ unit: { stateStore } });
    const list = [dSense(harness, true)];
    stateStore.isBroken = true;
    expect(select(harness, list, PF | SP).outcome).toBe('4/44/0');
    expect(harness.unit.modes.isDescriptorSense).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_READ } from '../../../../src/backend/backend.ts';
import type { UnitState, UnitStateStore } from '../../../../src/scsi/unit/unit-state.ts';
import type { CommandOptions, HarnessOptions } from '../device-harness.ts';
import { cdb10, cdb16, Harness, nexusOf, pattern } from '../device-harness.ts';

interface SenseOptions {
  readonly pc?: number;
  readonly subpage?: number;
  readonly pointer?: number;
  readonly length?: number;
  readonly dataIn?: number;
}

const CUMULATIVE = 1;
const PAGES_OF_A_THIN_DISK = [0x00, 0x02, 0x03, 0x0c, 0x0e, 0x19, 0x2f];

function logSense(harness: Harness, page: number, options: SenseOptions = {}) {
  const { pc = CUMULATIVE, subpage = 0, pointer = 0, length = 0xffff, dataIn = 0xffff } = options;
  const cdb = [0x4d, 0, (pc << 6) | page, subpage, 0, pointer >>> 8, pointer & 0xff, length >>> 8, length & 0xff, 0];
  return harness.run(cdb, { dataIn });
}

/** By parameter code: control byte and value. */
function parametersOf(data: Buffer): Map<number, { control: number; value: Buffer }> {
  const parameters = new Map<number, { control: number; value: Buffer }>();
  expect(data.readUInt16BE(2)).toBe(data.length - 4);
  for (let at = 4; at < data.length; at += 4 + data[at + 3]!) {
    const value = data.subarray(at + 4, at + 4 + data[at + 3]!);
    parameters.set(data.readUInt16BE(at), { control: data[at + 2]!, value });
  }
  return parameters;
}

const counter = (data: Buffer, code: number) => Number(parametersOf(data).get(code)!.value.readBigUInt64BE());
const statistics = (data: Buffer) => {
  const { value } = parametersOf(data).get(1)!;
  return [0, 8, 16, 24].map((at) => Number(value.readBigUInt64BE(at)));
};

describe('LOG SENSE', () => {
  it('page 00h lists the pages, page 00h/FFh each with its subpage', () => {
    const harness = new Harness();
    const pages = logSense(harness, 0).data;
    expect([...pages]).toEqual([0, 0, 0, PAGES_OF_A_THIN_DISK.length, ...PAGES_OF_A_THIN_DISK]);
    const subpages = logSense(harness, 0, { subpage: 0xff }).data;
    const [first, ...rest] = PAGES_OF_A_THIN_DISK as [number, ...number[]];
    const pairs = [first, 0, first, 0xff, ...rest.flatMap((page) => [page, 0])];
    expect([...subpages]).toEqual([0x40, 0xff, 0, pairs.length, ...pairs]);
  });

  it.each<[string, HarnessOptions]>([
    ['a unit that is not thin', { unit: { isThin: false } }],
    ['a store that cannot unmap', { capabilities: { canUnmap: false } }],
    ['a store that does not tell its space', { capabilities: { canTellSpace: false } }],
  ])('%s has no page of provisioning', (_name, options) => {
    const harness = new Harness(options);
    expect([...logSense(harness, 0).data.subarray(4)]).toEqual(PAGES_OF_A_THIN_DISK.filter((page) => page !== 0x0c));
    const client = logSense(harness, 0x0c);
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x4d << 16) | 2);
  });

  it.each(PAGES_OF_A_THIN_DISK)('every page that page 00h names is there: %i', (page) => {
    const harness = new Harness();
    const { data, outcome } = logSense(harness, page);
    expect(outcome).toBe('status 0');
    expect(data[0]! & 0x3f).toBe(page);
    expect(data.readUInt16BE(2)).toBe(data.length - 4);
    expect(harness.isQuiet).toBe(true);
  });

  it.each([
    ['page', 0x01, {}, (0x4d << 16) | 2],
    ['page', 0x3f, {}, (0x4d << 16) | 2],
    ['subpage', 0x00, { subpage: 1 }, (0x4f << 16) | 3],
    ['subpage', 0x19, { subpage: 0xff }, (0x4f << 16) | 3],
    ['PC: threshold values', 0x19, { pc: 0 }, (0x4f << 16) | 2],
    ['PC: default threshold values', 0x02, { pc: 2 }, (0x4f << 16) | 2],
    ['parameter pointer', 0x19, { pointer: 4 }, (0x4f << 16) | 5],
    ['parameter pointer', 0x19, { pointer: 0xffff }, (0x4f << 16) | 5],
    ['parameter pointer', 0x00, { pointer: 1 }, (0x4f << 16) | 5],
  ])('refuses a %s that is not there: %i %o', (_name, page, options, pointer) => {
    const client = logSense(new Harness(), page, options);
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe(pointer);
  });

  it.each([0, 1])('refuses bit %i of byte 1 (SP, PPC)', (bit) => {
    const client = new Harness().run([0x4d, 1 << bit, 0x40, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 });
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe(((0x48 | bit) << 16) | 1);
  });

  it('has no counterpart that sets or resets: LOG SELECT is no command here', () => {
    const { outcome } = new Harness().run([0x4c, 2, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    expect(outcome).toBe('5/20/0');
  });

  it('the parameter pointer says where the page begins', () => {
    const harness = new Harness();
    expect([...parametersOf(logSense(harness, 0x02).data).keys()]).toEqual([5, 6]);
    expect([...parametersOf(logSense(harness, 0x02, { pointer: 6 }).data).keys()]).toEqual([6]);
    expect([...parametersOf(logSense(harness, 0x0c, { pointer: 2 }).data).keys()]).toEqual([2]);
  });

  it.each([0, 1, 4, 11, 12, 0xffff])('is cut at an allocation length of %i and at the data-in buffer', (length) => {
    const harness = new Harness();
    const whole = logSense(harness, 0x19).data;
    const client = logSense(harness, 0x19, { length });
    expect(client.data.equals(whole.subarray(0, length))).toBe(true);
    expect(client.command.presentedInBytes).toBe(Math.min(length, whole.length));
    expect(logSense(harness, 0x19, { dataIn: length }).data.equals(whole.subarray(0, length))).toBe(true);
    expect(harness.isQuiet).toBe(true);
  });

  it('counts reads and writes of every length of CDB, by what is moved', () => {
    const harness = new Harness();
    expect(statistics(logSense(harness, 0x19).data)).toEqual([0, 0, 0, 0]);
    harness.run(cdb10(0x28, 0, 3), { dataIn: 3 * 512 });
    harness.run(cdb16(0x88, 0, 700), { dataIn: 700 * 512 });
    harness.run(cdb10(0x28, 0, 4), { dataIn: 512 });
    harness.run(cdb10(0x2a, 0, 2), { dataOut: pattern(2) });
    harness.run(cdb10(0x2a, 0, 0));
    harness.run(cdb10(0x28, 0xffffffff, 1), { dataIn: 512 });
    expect(statistics(logSense(harness, 0x19).data)).toEqual([3, 2, 2, 704]);
    expect(counter(logSense(harness, 0x03).data, 5)).toBe(704 * 512);
    expect(counter(logSense(harness, 0x02).data, 5)).toBe(2 * 512);
    expect(parametersOf(logSense(harness, 0x19).data).get(1)!.control & 3).toBe(2);
    expect(statistics(logSense(harness, 0x19, { pc: 3 }).data)).toEqual([0, 0, 0, 0]);
  });

  it('counts what the medium could not read or write, not what else fails', () => {
    const harness = new Harness();
    harness.backend.fault = () => IO_HARDWARE_ERROR;
    harness.run(cdb10(0x28, 0, 1), { dataIn: 512 });
    harness.backend.fault = (io) => (io.op === IO_READ ? IO_MEDIUM_ERROR : IO_HARDWARE_ERROR);
    harness.run(cdb10(0x28, 0, 1), { dataIn: 512 });
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    expect(counter(logSense(harness, 0x03).data, 6)).toBe(1);
    expect(counter(logSense(harness, 0x02).data, 6)).toBe(2);
  });

  it('counts WRITE AND VERIFY and WRITE ATOMIC as writes', () => {
    const harness = new Harness();
    harness.run(cdb10(0x2e, 0, 2), { dataOut: pattern(2) });
    harness.run([0x9c, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0], { dataOut: pattern(1) });
    expect(statistics(logSense(harness, 0x19).data)).toEqual([0, 2, 3, 0]);
  });

  it('tells in microseconds how long reads and writes took, and how long there was nothing to do', () => {
    const harness = new Harness();
    const timesOf = (): number[] => {
      const parameters = parametersOf(logSense(harness, 0x19).data);
      const { value } = parameters.get(1)!;
      const idle = parameters.get(2)!.value.readBigUInt64BE();
      expect(parameters.get(3)!.value.toString('hex')).toBe('0000000600000001');
      return [value.readBigUInt64BE(32), value.readBigUInt64BE(40), idle].map(Number);
    };
    const take = (ms: number, cdb: readonly number[], options: CommandOptions) => {
      const client = harness.start(cdb, options);
      harness.nowMs += ms;
      harness.settle();
      expect(client.outcome).toBe('status 0');
    };
    expect(timesOf()).toEqual([0, 0, 0]);
    take(1.5, cdb10(0x28, 0, 1), { dataIn: 512 });
    harness.nowMs += 10;
    take(2, cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    take(4, cdb10(0x2e, 0, 1), { dataOut: pattern(1) });
    take(100, cdb10(0x35, 0, 0), {});
    expect(timesOf()).toEqual([1500, 6000, 10000]);
    const first = harness.start(cdb10(0x28, 0, 1), { dataIn: 512 });
    const second = harness.start(cdb10(0x28, 0, 1), { dataIn: 512 });
    harness.nowMs += 1;
    harness.settle();
    expect([first.outcome, second.outcome]).toEqual(['status 0', 'status 0']);
    expect(timesOf()).toEqual([3500, 6000, 10000]);
  });

  it('counts how often a disk was stopped, and keeps it', () => {
    const saved: UnitState[] = [];
    const stateStore: UnitStateStore = {
      save(state, onSaved) {
        saved.push(state);
        onSaved(true);
      },
    };
    const startStop = (harness: Harness, flags: number) => harness.run([0x1b, 0, 0, 0, flags, 0]).outcome;
    const cycles = (harness: Harness) => logSense(harness, 0x0e).data.toString('hex').slice(8);
    const harness = new Harness({ unit: { stateStore } });
    for (const flags of [0, 0, 1, 1, 0, 1]) expect(startStop(harness, flags)).toBe('status 0');
    expect(cycles(harness)).toBe('00040304000000020006030400000000');
    expect(saved).toHaveLength(2);
    const again = new Harness({ unit: { stateStore, savedState: saved.at(-1)!, isRemovable: true } });
    for (const flags of [0, 2, 2, 3, 2]) expect(startStop(again, flags)).toBe('status 0');
    expect(cycles(again)).toBe('00040304000000020006030400000002');
  });

  it('a count of stops that cannot be kept does not undo the stop', () => {
    const stateStore: UnitStateStore = { save: (_state, onSaved) => onSaved(false) };
    const harness = new Harness({ unit: { stateStore } });
    expect(harness.run([0x1b, 0, 0, 0, 0, 0]).outcome).toBe('status 0');
    expect(harness.run([0, 0, 0, 0, 0, 0]).outcome).toBe('2/4/2');
  });

  it('the page of informational exceptions has none, and no temperature', () => {
    const { data } = logSense(new Harness(), 0x2f);
    expect(data.toString('hex')).toBe('af000008000003040000ffff');
  });

  it('tells what the store takes and what is left, in threshold sets', () => {
    const harness = new Harness();
    harness.backend.spaceNow = { usedBytes: 2 ** 20 + 1, availableBytes: 5 * 2 ** 20 - 1 };
    const { data } = logSense(harness, 0x0c);
    expect(data.toString('hex')).toBe('8c000018000103080000000402000000000203080000000201000000');
    harness.backend.spaceNow = { usedBytes: 0, availableBytes: 2 ** 53 };
    expect(parametersOf(logSense(harness, 0x0c).data).get(1)!.value.readUInt32BE()).toBe(0xffffffff);
  });

  it('a store that cannot tell its space now is a failure, and an abort meanwhile ends the command', () => {
    const harness = new Harness();
    harness.backend.spaceNow = null;
    expect(logSense(harness, 0x0c).outcome).toBe('4/44/0');
    const client = harness.start([0x4d, 0, 0x4c, 0, 0, 0, 0, 0, 255, 0], { dataIn: 255 });
    harness.device.abort(client.command);
    expect(client.outcome).toBe('running');
    harness.settle();
    expect(client.outcome).toBe('aborted');
    expect(harness.isQuiet).toBe(true);
  });

  it('is allowed under the reservation of another nexus, and on a unit that is write protected', () => {
    const harness = new Harness({ unit: { isReadOnly: true } });
    const other = nexusOf('b');
    harness.clearAttention(other);
    expect(harness.run([0x16, 0, 0, 0, 0, 0], { nexus: other }).outcome).toBe('status 0');
    expect(harness.run([0x00, 0, 0, 0, 0, 0]).outcome).toBe('status 18');
    expect(logSense(harness, 0x19).outcome).toBe('status 0');
  });
});

/** Nexus state, unit attentions, starting and stopping, removable media, diagnostics, cache. */
import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_HARDWARE_ERROR, IO_MEDIUM_ERROR } from '../../../src/backend/backend.ts';
import {
  SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR,
  SENSE_POWER_ON_OR_RESET_OCCURRED,
} from '../../../src/scsi/sense.ts';
import { TargetDevice } from '../../../src/scsi/target-device.ts';
import {
  ABORT_TASK_SET,
  CLEAR_TASK_SET,
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
} from '../../../src/scsi/task/task-management.ts';
import { UNIT_ATTENTIONS_MAX, UnitAttentions } from '../../../src/scsi/unit/unit-attention.ts';
import { AssertionFailure } from '../../../src/util/assert.ts';
import { BLOCK_COUNT, cdb10, cdb16, Harness, nexusOf, pattern, unitOn } from './device-harness.ts';
import { MemoryBackend } from './memory-backend.ts';

const TEST_UNIT_READY = [0x00];
const startStop = (flags: number, immed = 0) => [0x1b, immed, 0, 0, flags, 0];
const START = 0x01;
const LOEJ = 0x02;
const NO_FLUSH = 0x04;
const prevent = (value: number) => [0x1e, 0, 0, 0, value, 0];

describe('unit attentions', () => {
  it('power on is reported once to each nexus, at its first command', () => {
    const harness = new Harness({ keepsAttention: true });
    for (const nexus of [harness.nexus, nexusOf('b')]) {
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe('6/29/0');
      expect(harness.run(TEST_UNIT_READY, { nexus }).outcome).toBe('status 0');
    }
  });

  it('a nexus that is lost and comes back is told again', () => {
    const harness = new Harness();
    harness.device.closeNexus(harness.nexus);
    harness.device.openNexus(harness.nexus);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('6/29/0');
  });

  it('stands before the medium: a WRITE to a new nexus writes nothing', () => {
    const harness = new Harness({ keepsAttention: true });
    expect(harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) }).outcome).toBe('6/29/0');
    expect(harness.backend.log).toHaveLength(0);
  });

  it('a reset takes the place of everything but power on, and nothing is queued twice', () => {
    const attentions = new UnitAttentions();
    attentions.establish(SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
    attentions.establish(SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR);
    attentions.establish(SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    attentions.establish(SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    expect(attentions.take()).toBe(SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    expect(attentions.isPending).toBe(false);
    attentions.establish(SENSE_POWER_ON_OR_RESET_OCCURRED);
    attentions.establish(SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
    expect(attentions.take()).toBe(SENSE_POWER_ON_OR_RESET_OCCURRED);
    expect(attentions.take()).toBe(0);
  });

  it('the queue is bounded', () => {
    const attentions = new UnitAttentions();
    for (let ascq = 0; ascq < 50; ascq++) attentions.establish(0x063f00 + ascq);
    let count = 0;
    while (attentions.take() !== 0) count += 1;
    expect(count).toBe(UNIT_ATTENTIONS_MAX);
  });
});

describe('START STOP UNIT', () => {
  it('stops after a flush and starts again', () => {
    const harness = new Harness();
    expect(harness.run(startStop(0)).outcome).toBe('status 0');
    expect(harness.backend.log.map(({ op }) => op)).toEqual([IO_FLUSH]);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/4/2');
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('2/4/2');
    expect(harness.run([0x12, 0, 0, 0, 255, 0], { dataIn: 255 }).outcome).toBe('status 0');
    expect(harness.run(startStop(START, 1)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it('does not flush with NO_FLUSH, and does not stop when the flush fails', () => {
    const harness = new Harness();
    harness.run(startStop(NO_FLUSH));
    expect(harness.backend.log).toHaveLength(0);
    harness.run(startStop(START));
    harness.backend.fault = () => IO_HARDWARE_ERROR;
    expect(harness.run(startStop(0)).outcome).toBe('4/44/0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it.each([LOEJ, LOEJ | START])('a fixed medium is neither ejected nor loaded (%d)', (flags) => {
    const client = new Harness().run(startStop(flags));
    expect(client.outcome).toBe('5/24/0');
    expect(client.command.senseFieldPointer).toBe((0x49 << 16) | 4);
  });

  it('a removable medium that is stopped and not ejected stays ready, its cache flushed', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    expect(harness.run(startStop(0)).outcome).toBe('status 0');
    expect(harness.backend.log.map(({ op }) => op)).toEqual([IO_FLUSH]);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('status 0');
  });

  it('ejects and loads a removable medium, and tells other nexuses of the change', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    const other = nexusOf('b');
    harness.clearAttention(other);
    expect(harness.run(startStop(LOEJ)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/3a/0');
    expect(harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1) }).outcome).toBe('2/3a/0');
    expect(harness.run(startStop(LOEJ | START)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY, { nexus: other }).outcome).toBe('6/28/0');
  });
});

describe('PREVENT ALLOW MEDIUM REMOVAL', () => {
  it('that comes while an eject still flushes holds the medium', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    const eject = harness.start(startStop(LOEJ));
    expect(eject.outcome).toBe('running');
    expect(harness.start([0x1e, 0, 0, 0, 1, 0]).outcome).toBe('status 0');
    harness.settle();
    expect(eject.outcome).toBe('5/53/2');
    expect(harness.unit.isMediumPresent).toBe(true);
  });

  it('holds the medium until every nexus that prevented allows, is lost, or the unit is reset', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    const other = nexusOf('b');
    harness.clearAttention(other);
    const eject = () => harness.run(startStop(LOEJ)).outcome;
    harness.run(prevent(1));
    harness.run(prevent(1), { nexus: other });
    expect(eject()).toBe('5/53/2');
    harness.run(prevent(0));
    expect(eject()).toBe('5/53/2');
    harness.device.closeNexus(other);
    expect(eject()).toBe('status 0');
    harness.run(startStop(LOEJ | START));
    harness.run(prevent(1));
    harness.manage(LOGICAL_UNIT_RESET);
    harness.run(TEST_UNIT_READY);
    expect(eject()).toBe('status 0');
  });

  it('holds the tray too: an ejected medium is not loaded while a nexus prevents', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    harness.run(startStop(LOEJ));
    harness.run(prevent(1));
    expect(harness.run(startStop(LOEJ | START)).outcome).toBe('5/53/2');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/3a/0');
    harness.run(prevent(0));
    expect(harness.run(startStop(LOEJ | START)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it.each([
    [LOGICAL_UNIT_RESET, '6/29/3', 'status 0'],
    [TARGET_RESET, '6/29/3', 'status 0'],
    [ABORT_TASK_SET, '5/53/2', '5/53/2'],
    [CLEAR_TASK_SET, '5/53/2', '5/53/2'],
  ] as const)('task management function %d ends it when it is a reset, and not otherwise', (fn, first, second) => {
    const harness = new Harness({ unit: { isRemovable: true } });
    harness.run(prevent(1));
    harness.manage(fn);
    expect([harness.run(startStop(LOEJ)).outcome, harness.run(startStop(LOEJ)).outcome]).toEqual([first, second]);
  });

  it('obsolete values are invalid fields', () => {
    expect(new Harness().run(prevent(2)).outcome).toBe('5/24/0');
    expect(new Harness().run(prevent(3)).outcome).toBe('5/24/0');
  });
});

describe.each([
  { name: 'SYNCHRONIZE CACHE(10)', cdb: (lba: number, n: number, flags = 0) => cdb10(0x35, lba, n, flags) },
  { name: 'SYNCHRONIZE CACHE(16)', cdb: (lba: number, n: number, flags = 0) => cdb16(0x91, lba, n, flags) },
])('$name', ({ cdb }) => {
  it('flushes the range, or all to the end', () => {
    const harness = new Harness();
    expect(harness.run(cdb(4, 8)).outcome).toBe('status 0');
    expect(harness.run(cdb(4, 0, 2)).outcome).toBe('status 0');
    expect(harness.backend.log.map((io) => [io.op, io.offsetBytes, io.lengthBytes])).toEqual([
      [IO_FLUSH, 2048, 4096],
      [IO_FLUSH, 2048, (BLOCK_COUNT - 4) * 512],
    ]);
  });

  it('checks the range, and says when the flush failed', () => {
    const harness = new Harness();
    expect(harness.run(cdb(BLOCK_COUNT, 0)).outcome).toBe('5/21/0');
    expect(harness.run(cdb(BLOCK_COUNT - 1, 2)).outcome).toBe('5/21/0');
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    const client = harness.run(cdb(0, 0));
    expect(client.outcome).toBe('3/c/0');
    expect(client.command.senseInformation).toBe(-1);
  });

  it('is not good before the store is, even with IMMED', () => {
    const harness = new Harness();
    const client = harness.start(cdb(0, 0, 2));
    expect(client.isDone).toBe(false);
    harness.settle();
    expect(client.outcome).toBe('status 0');
  });
});

describe('a unit exported by two target devices', () => {
  it('has one task set and one state for both', () => {
    const harness = new Harness();
    const second = new TargetDevice(harness.context);
    second.addLogicalUnit(5, harness.unit);
    harness.clearAttention(harness.nexus);
    harness.start(cdb10(0x28, 0, 1), { dataIn: 512 });
    expect([harness.device.taskCount, second.taskCount]).toEqual([1, 1]);
    expect(second.logicalUnit(5)).toBe(harness.unit);
    harness.settle();
    expect(second.removeLogicalUnit(5)).toBe(harness.unit);
    expect(second.removeLogicalUnit(5)).toBe(null);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });
});

describe('what only our own bugs break', () => {
  it('stops at once', () => {
    expect(() => unitOn(new MemoryBackend(100))).toThrow(AssertionFailure);
    expect(() => unitOn(new MemoryBackend(512), { blockShift: 13 })).toThrow(AssertionFailure);
    expect(() => unitOn(new MemoryBackend(512), { uuid: 'abcd' })).toThrow(AssertionFailure);
    const harness = new Harness();
    expect(() => harness.device.addLogicalUnit(0, harness.unit)).toThrow(AssertionFailure);
    expect(() => harness.device.addLogicalUnit(16384, harness.unit)).toThrow(AssertionFailure);
  });
});

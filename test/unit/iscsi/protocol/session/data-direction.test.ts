/**
 * The W and R bits of a SCSI Command PDU that say another direction than its CDB, or none (RFC 7143 11.3.1): the command gets
 * no data of its own, the residual says all that it would have moved, and data that came are dropped. Nothing is written.
 */
import { describe, expect, it } from 'vitest';
import { DATA_IN, DATA_OUT } from '../../../../../src/scsi/command/command-entry.ts';
import { createCommandTable } from '../../../../../src/scsi/command/command-table.ts';
import type { TaskOptions } from '../../../../initiator/initiator-task.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';
import { emptyCdb } from '../../../scsi/bad-input/unit-kinds.ts';

const BLOCKS = 16;
const BYTES = BLOCKS * 512;
const READ = [0x28, 0, 0, 0, 0, 8, 0, 0, BLOCKS, 0];
const WRITE = [0x2a, 0, 0, 0, 0, 8, 0, 0, BLOCKS, 0];

const WAYS: readonly (readonly [string, Partial<InitiatorSettings>, Partial<TaskOptions>])[] = [
  ['immediate data', {}, {}],
  ['unsolicited data', {}, { immediateBytes: 0 }],
  ['both', { firstBurstLength: 4096 }, { immediateBytes: 512 }],
  ['data that nobody asks for', { initialR2T: true, immediateData: false }, { immediateBytes: 0, unsolicitedBytes: 0 }],
];

function start(settings: Partial<InitiatorSettings> = {}) {
  const target = new SimulatedTarget();
  const session = target.logIn(settings);
  const run = (cdb: readonly number[], options: TaskOptions = {}) => {
    const task = session.execute(Buffer.from(cdb), options);
    target.time.settle();
    return task;
  };
  run(Array.from(TEST_UNIT_READY));
  pattern(target.backend.bytes.length).copy(target.backend.bytes);
  const before = Buffer.from(target.backend.bytes);
  const expectUntouched = () => {
    expect(target.backend.bytes.equals(before)).toBe(true);
    const read = run(READ, { dataIn: BYTES });
    expect([read.status, read.residual]).toEqual([0, 0]);
    session.logOut();
    target.time.settle();
    expect(target.leftover).toBeNull();
  };
  return { run, expectUntouched };
}

describe.each(WAYS)('%s', (_name, settings, options) => {
  it('with a READ are dropped, and nothing is read', () => {
    const { run, expectUntouched } = start(settings);
    const task = run(READ, { ...options, dataOut: Buffer.alloc(BYTES, 0xff) });
    expect([task.status, task.isOverflow || task.isUnderflow]).toEqual([0, true]);
    expect(task.dataIn.length).toBe(0);
    expectUntouched();
  });

  it('with every command that takes none are dropped', () => {
    const { run, expectUntouched } = start(settings);
    for (const entry of createCommandTable().entries.filter(({ direction }) => direction !== DATA_OUT)) {
      const task = run(emptyCdb(entry), { ...options, dataOut: Buffer.alloc(BYTES, 0xff) });
      expect(task.isDone, entry.name).toBe(true);
      run([0x1b, 0, 0, 0, 1, 0]); // START STOP UNIT was one of them
    }
    expectUntouched();
  });
});

describe('a data-in buffer', () => {
  it('with a WRITE gets nothing, and nothing is written', () => {
    const { run, expectUntouched } = start();
    const task = run(WRITE, { dataIn: BYTES });
    expect([task.status, task.dataIn.length]).toEqual([0, 0]);
    expect(task.isOverflow || task.isUnderflow).toBe(true);
    expectUntouched();
  });

  it('with every command that sends none gets nothing', () => {
    const { run, expectUntouched } = start();
    const commands = createCommandTable().entries.filter(({ direction, operationCode }) => {
      return direction !== DATA_IN && !ERASING.has(operationCode);
    });
    for (const entry of commands) {
      const task = run(emptyCdb(entry), { dataIn: BYTES });
      expect([task.isDone, task.dataIn.length], entry.name).toEqual([true, 0]);
      run([0x1b, 0, 0, 0, 1, 0]);
    }
    expectUntouched();
  });
});

describe('no data buffer at all', () => {
  it.each([
    ['READ', READ],
    ['WRITE', WRITE],
  ])('of a %s is a residual overflow of all its blocks', (_name, cdb) => {
    const { run, expectUntouched } = start();
    const task = run(cdb);
    expect([task.status, task.isOverflow, task.residual]).toEqual([0, true, BYTES]);
    expectUntouched();
  });
});

/** FORMAT UNIT and SANITIZE, which need no data. */
const ERASING = new Set([0x04, 0x48]);

/**
 * Commands with parameter lists and data of the device itself, by iSCSI: what goes by R2T or unsolicited arrives whole, and
 * the residual says what the buffers of the initiator and the CDB have not in common (RFC 7143 11.4.5).
 */
import { describe, expect, it } from 'vitest';
import type { TaskOptions } from '../../../../initiator/initiator-task.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const ECHO = 0x0a;
const ECHO_BYTES = 4096;
const UNIT_ATTENTION_TIMESTAMP_CHANGED = 0x062a10;
const PARAMETER_LIST_LENGTH_ERROR = 0x051a00;
const GOOD = 0;

function start(settings: Partial<InitiatorSettings> = {}) {
  const target = new SimulatedTarget();
  const session = target.logIn(settings);
  const run = (cdb: readonly number[], options: TaskOptions = {}, user = session) => {
    const padded = Buffer.alloc(16);
    padded.set(cdb);
    const task = user.execute(padded, options);
    target.time.settle();
    return task;
  };
  run(Array.from(TEST_UNIT_READY));
  return { target, session, run };
}

const writeEcho = (bytes: number) => [0x3b, ECHO, 0, 0, 0, 0, 0, bytes >>> 8, bytes & 0xff, 0];
const readEcho = (bytes: number) => [0x3c, ECHO, 0, 0, 0, 0, 0, bytes >>> 8, bytes & 0xff, 0];

describe.each([
  { name: 'unsolicited', settings: {} },
  { name: 'by R2T', settings: { initialR2T: true, immediateData: false } },
  { name: 'in small PDUs with digests', settings: { maxRecvDataSegmentLength: 512, hasDataDigest: true } },
])('the echo buffer, $name', ({ settings }) => {
  it.each([1, 511, 512, 513, ECHO_BYTES])('gives back %d bytes as they came', (bytes) => {
    const { run } = start(settings);
    const dataOut = pattern(bytes);
    expect(run(writeEcho(bytes), { dataOut }).status).toBe(GOOD);
    const read = run(readEcho(0xffff), { dataIn: 8192 });
    expect([read.status, read.dataIn.equals(dataOut)]).toEqual([GOOD, true]);
    expect([read.isUnderflow, read.residual]).toEqual([true, 8192 - bytes]);
  });
});

describe('the residual', () => {
  it('is what the CDB wants less than the initiator sends, or more than it takes', () => {
    const { run } = start();
    const longer = run(writeEcho(100), { dataOut: pattern(600) });
    expect([longer.status, longer.isUnderflow, longer.residual]).toEqual([GOOD, true, 500]);
    const shorter = run(readEcho(100), { dataIn: 60 });
    expect([shorter.status, shorter.isOverflow, shorter.residual]).toEqual([GOOD, true, 40]);
    expect(shorter.dataIn.equals(pattern(600).subarray(0, 60))).toBe(true);
  });

  it('of a list that is too short goes with its sense data, and nothing has changed', () => {
    const { run } = start();
    run(writeEcho(100), { dataOut: pattern(100) });
    const task = run(writeEcho(200), { dataOut: Buffer.alloc(150) });
    expect([task.senseCode, task.isOverflow, task.residual]).toEqual([PARAMETER_LIST_LENGTH_ERROR, true, 50]);
    expect(run(readEcho(200), { dataIn: 200 }).dataIn.equals(pattern(100))).toBe(true);
  });
});

it('SET TIMESTAMP of one session is a unit attention of the other, and REPORT TIMESTAMP shows it to both', () => {
  const { target, run } = start();
  const other = target.logIn({ initiatorName: 'iqn.2001-04.com.example:other' });
  run(Array.from(TEST_UNIT_READY), {}, other);
  const dataOut = Buffer.alloc(12);
  dataOut.writeUIntBE(1_234_567, 4, 6);
  expect(run([0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0], { dataOut }).status).toBe(GOOD);
  expect(run(Array.from(TEST_UNIT_READY), {}, other).senseCode).toBe(UNIT_ATTENTION_TIMESTAMP_CHANGED);
  for (const user of [undefined, other]) {
    const { dataIn } = run([0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0], { dataIn: 12 }, user);
    expect([dataIn[2], dataIn.readUIntBE(4, 6)]).toEqual([2, 1_234_567]);
  }
});

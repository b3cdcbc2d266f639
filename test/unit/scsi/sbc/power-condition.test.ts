/** START STOP UNIT with a POWER CONDITION, and what REQUEST SENSE and the medium say afterwards. */
import { describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { cdb10, Harness } from '../device-harness.ts';

const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const LOEJ = 0x02;

const ACTIVE = '0/0/0';
const IDLE_A = '0/5e/3';
const IDLE_B = '0/5e/6';
const IDLE_C = '0/5e/8';
const STANDBY_Z = '0/5e/4';
const STANDBY_Y = '0/5e/a';
const STOPPED = '2/4/2';

function setCondition(harness: Harness, condition: number, modifier = 0, flags = 0): string {
  return harness.run([0x1b, 0, 0, modifier, (condition << 4) | flags, 0]).outcome;
}

/** "key/asc/ascq" of REQUEST SENSE. */
function requestSense(harness: Harness): string {
  const { data } = harness.run([0x03, 0, 0, 0, 18, 0], { dataIn: 18 });
  return [data[2]! & 0xf, data[12]!, data[13]!].map((part) => part.toString(16)).join('/');
}

describe('START STOP UNIT with a POWER CONDITION', () => {
  it.each([
    [0x1, [ACTIVE]],
    [0x2, [IDLE_A, IDLE_B, IDLE_C]],
    [0x3, [STANDBY_Z, STANDBY_Y]],
    [0x7, [ACTIVE]],
    [0xa, [IDLE_A, IDLE_B, IDLE_C]],
    [0xb, [STANDBY_Z, STANDBY_Y]],
  ])('%i leads to the condition that its modifier names; other modifiers are invalid', (condition, senses) => {
    const harness = new Harness();
    for (let modifier = 0; modifier < 16; modifier++) {
      setCondition(harness, 0x3); // somewhere else
      const outcome = setCondition(harness, condition, modifier);
      expect([outcome, requestSense(harness)]).toEqual(
        modifier < senses.length ? ['status 0', senses[modifier]] : ['5/24/0', STANDBY_Z],
      );
    }
    expect(harness.ended.at(-2)!.command.senseFieldPointer).toBe((0x4b << 16) | 3);
  });

  it.each([0x4, 0x5, 0x6, 0x8, 0x9, 0xc, 0xd, 0xe, 0xf])('%i, which is reserved, changes nothing', (condition) => {
    const harness = new Harness();
    setCondition(harness, 0x2);
    expect(setCondition(harness, condition)).toBe('status 0');
    expect(requestSense(harness)).toBe(IDLE_A);
    harness.run([0x1b, 0, 0, 0, 0, 0]);
    expect(setCondition(harness, condition)).toBe('status 0');
    expect(requestSense(harness)).toBe(STOPPED);
  });

  it('ejects nothing with LOEJ', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    for (let condition = 1; condition < 16; condition++) {
      expect(setCondition(harness, condition, 0, LOEJ)).toBe('status 0');
      expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    }
  });

  it('leads out of the stopped condition', () => {
    const harness = new Harness();
    harness.run([0x1b, 0, 0, 0, 0, 0]);
    expect(requestSense(harness)).toBe(STOPPED);
    setCondition(harness, 0x3);
    expect(requestSense(harness)).toBe(STANDBY_Z);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });
});

it('VPD page 8Ah names every condition that START STOP UNIT leads to', () => {
  const { data } = new Harness().run([0x12, 1, 0x8a, 0, 64, 0], { dataIn: 64 });
  expect(data.toString('hex')).toBe('008a000e0307'.padEnd(36, '0'));
});

describe('an idle or standby power condition', () => {
  it('outlasts TEST UNIT READY and INQUIRY, and ends with the first access to the medium', () => {
    const harness = new Harness();
    setCondition(harness, 0x3, 1);
    harness.run(TEST_UNIT_READY);
    harness.run([0x12, 0, 0, 0, 96, 0], { dataIn: 96 });
    expect(requestSense(harness)).toBe(STANDBY_Y);
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('status 0');
    expect(requestSense(harness)).toBe(ACTIVE);
  });

  it.each([
    ['START', (harness: Harness) => harness.run([0x1b, 0, 0, 0, 1, 0])],
    ['a reset', (harness: Harness) => harness.manage(LOGICAL_UNIT_RESET)],
  ])('ends with %s', (_what, act) => {
    const harness = new Harness();
    setCondition(harness, 0x2);
    act(harness);
    harness.clearAttention(harness.nexus);
    expect(requestSense(harness)).toBe(ACTIVE);
  });

  it('is what a stopped removable medium has', () => {
    const harness = new Harness({ unit: { isRemovable: true } });
    harness.run([0x1b, 0, 0, 0, 0, 0]);
    expect(requestSense(harness)).toBe(STANDBY_Z);
  });

  it('comes after a unit attention condition, which is reported first', () => {
    const harness = new Harness();
    setCondition(harness, 0x2);
    harness.unit.establishAttention(0x062a01, null);
    expect([requestSense(harness), requestSense(harness)]).toEqual(['6/2a/1', IDLE_A]);
  });
});

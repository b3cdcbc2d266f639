import { expect, it } from 'vitest';
import * as sense from '../../../src/scsi/sense.ts';
import { UNIT_ATTENTIONS_MAX, UnitAttentions } from '../../../src/scsi/unit/unit-attention.ts';

const UNIT_ATTENTION = 0x6;
const RESET = 0x29;

/** Every condition that there is, but the resets, which take the place of others. */
const CONDITIONS = Object.entries(sense).flatMap(([name, code]) => {
  const isCondition = name.startsWith('SENSE_') && typeof code === 'number' && code >>> 16 === UNIT_ATTENTION;
  return isCondition && ((code >>> 8) & 0xff) !== RESET ? [code] : [];
});

it('none of all the conditions that can be pending at once is lost, and each is told once', () => {
  const attentions = new UnitAttentions();
  for (const code of [...CONDITIONS, ...CONDITIONS]) attentions.establish(code);
  expect(CONDITIONS.map(() => attentions.take())).toEqual(CONDITIONS);
  expect(attentions.isPending).toBe(false);
  expect(CONDITIONS.length).toBeLessThan(UNIT_ATTENTIONS_MAX);
});

it('a reset stands above all that came before it', () => {
  const attentions = new UnitAttentions();
  for (const code of CONDITIONS) attentions.establish(code);
  attentions.establish(sense.SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
  expect(attentions.take()).toBe(sense.SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED);
  expect(attentions.isPending).toBe(false);
});

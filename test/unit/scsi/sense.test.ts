import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NO_SENSE_VALUE } from '../../../src/scsi/command/command.ts';
import {
  cdbFieldPointer,
  encodeDescriptorSense,
  encodeSense,
  FIXED_SENSE_BYTES,
  parameterFieldPointer,
  SENSE_MISCOMPARE_DURING_VERIFY_OPERATION,
} from '../../../src/scsi/sense.ts';
import { Harness } from './device-harness.ts';

interface Vector {
  source: string;
  senseCode: string;
  information: number;
  fieldPointer: number;
  bytes: string;
}

const VECTORS = JSON.parse(
  readFileSync(new URL('../../vectors/scsi/fixed-sense.json', import.meta.url), 'utf8'),
) as Vector[];

describe('fixed format sense data', () => {
  it.each(VECTORS)('$source', ({ senseCode, information, fieldPointer, bytes }) => {
    const { command } = new Harness().run([0xff]);
    command.senseCode = Number.parseInt(senseCode, 16);
    command.senseInformation = information;
    command.senseFieldPointer = fieldPointer;
    const out = Buffer.alloc(32, 0xee);
    expect(encodeSense(command, out, 3)).toBe(FIXED_SENSE_BYTES);
    expect(out.subarray(3, 3 + FIXED_SENSE_BYTES).toString('hex')).toBe(bytes.replaceAll(' ', ''));
    expect(out[2]).toBe(0xee);
    expect(out[3 + FIXED_SENSE_BYTES]).toBe(0xee);
  });

  it('field pointers say CDB or parameter list, and a bit when there is one', () => {
    expect(cdbFieldPointer(2, 5)).toBe(0x4d0002);
    expect(cdbFieldPointer(7, NO_SENSE_VALUE)).toBe(0x400007);
    expect(parameterFieldPointer(0x110, NO_SENSE_VALUE)).toBe(0x110);
  });
});

describe('descriptor format sense data', () => {
  it('without descriptors is eight bytes', () => {
    const out = Buffer.alloc(8, 0xee);
    expect(encodeDescriptorSense(SENSE_MISCOMPARE_DURING_VERIFY_OPERATION, out, 0)).toBe(8);
    expect(out.toString('hex')).toBe('720e1d0000000000');
  });
});

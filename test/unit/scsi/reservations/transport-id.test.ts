/** iSCSI TransportIDs (SPC-4 7.6.4.6), to the byte. */
import { describe, expect, it } from 'vitest';
import {
  readTransportIds,
  TRANSPORT_ID_INVALID,
  TRANSPORT_IDS_TRUNCATED,
  writeTransportId,
} from '../../../../src/scsi/reservations/transport-id.ts';
import { seededRandom } from '../../../random.ts';
import { transportId } from './reserve-client.ts';

const PORT = 'iqn.2000-01.test:a,i,0x00023d000001';
const LONGEST_NAME = `iqn.2000-01.test:${'x'.repeat(223 - 17)}`;

const read = (bytes: Buffer) => readTransportIds(bytes, 0, bytes.length);
const faultOf = (bytes: Buffer) => read(bytes).fault;
const portOf = (name: string) => read(transportId(name)).ids?.[0]?.initiatorPortName;

describe('a TransportID', () => {
  it.each([PORT, 'eui.02004567a425678d,i,0x000000000000', `${LONGEST_NAME},i,0xffffffffffff`])(
    'of format 01b is written as it is read: %s',
    (name) => {
      const out = Buffer.alloc(300, 0xee);
      const end = writeTransportId(name, out, 8);
      expect(out.subarray(8, end).equals(transportId(name))).toBe(true);
      expect([out[7], out[end]]).toEqual([0xee, 0xee]);
      expect(readTransportIds(out, 8, end).ids).toEqual([
        { initiatorName: name.slice(0, name.indexOf(',')), initiatorPortName: name, offset: 8 },
      ]);
    },
  );

  it('has at least twenty bytes behind its header, a multiple of four, and ends with a null', () => {
    for (let length = 5; length < 60; length++) {
      const name = 'iqn.'.padEnd(length, 'n');
      const out = Buffer.alloc(80, 0xee);
      const end = writeTransportId(name, out, 0);
      expect(end % 4).toBe(0);
      expect(end).toBeGreaterThanOrEqual(24);
      expect(out.readUInt16BE(2)).toBe(end - 4);
      expect(out.toString('latin1', 4, end)).toBe(name.padEnd(end - 4, '\0'));
      expect(out[4 + length]).toBe(0);
    }
  });

  it('of format 00b names a device', () => {
    const id = transportId('iqn.2000-01.test:a');
    expect(id[0]).toBe(0x05);
    expect(read(id).ids).toEqual([{ initiatorName: 'iqn.2000-01.test:a', initiatorPortName: null, offset: 0 }]);
  });

  it('is read in normal form: lower case, an ISID of twelve digits', () => {
    expect(portOf('IQN.2000-01.Test:A,i,0x23D000001')).toBe('iqn.2000-01.test:a,i,0x00023d000001');
    expect(portOf('iqn.2000-01.test:a,i,0x0')).toBe('iqn.2000-01.test:a,i,0x000000000000');
  });

  it('ends at its first null, whatever follows', () => {
    const id = transportId(PORT);
    const longer = Buffer.concat([id, Buffer.from('rest')]);
    longer.writeUInt16BE(longer.length - 4, 2);
    expect(read(longer).ids?.[0]?.initiatorPortName).toBe(PORT);
  });

  it.each([
    'iqn.2000-01.test:a,i,0x',
    'iqn.2000-01.test:a,i,0x0000000000001',
    'iqn.2000-01.test:a,i,0x00023d00000g',
    'iqn.2000-01.test:a,t,0x0001,i,0x1',
    'iqn.2000-01.test:a b,i,0x00023d000001',
    ',i,0x00023d000001',
    'naa,i,0x00023d000001',
    'x',
    '',
    `${LONGEST_NAME}x`,
    `${LONGEST_NAME}x,i,0x000000000001`,
  ])('is invalid with the name "%s"', (name) => {
    expect(faultOf(transportId(name))).toBe(TRANSPORT_ID_INVALID);
  });

  it('is invalid in other formats and of other protocols', () => {
    for (let first = 0; first < 256; first++) {
      const id = transportId(PORT);
      id[0] = first;
      const isValid = (first & 0xc0) === 0x40 && (first & 0x0f) === 0x05;
      expect(faultOf(id)).toBe(isValid ? 0 : TRANSPORT_ID_INVALID);
    }
  });

  it('is invalid without a null, and with a length that is no multiple of four', () => {
    const full = Buffer.alloc(24, 'iqn.2000-01.test:a');
    full.writeUInt32BE(0x05000014, 0);
    expect(faultOf(full)).toBe(TRANSPORT_ID_INVALID);
    const odd = Buffer.concat([transportId(PORT), Buffer.alloc(2)]);
    odd.writeUInt16BE(odd.length - 4, 2);
    expect(faultOf(odd)).toBe(TRANSPORT_ID_INVALID);
  });
});

describe('several TransportIDs', () => {
  const list = Buffer.concat([transportId(PORT), transportId('iqn.2000-01.test:b')]);

  it('are read one behind the other', () => {
    expect(read(list).ids?.map(({ offset }) => offset)).toEqual([0, transportId(PORT).length]);
    expect(read(Buffer.alloc(0)).ids).toEqual([]);
  });

  it('cut anywhere but between them are truncated', () => {
    for (let length = 1; length < list.length; length++) {
      const isBetween = length === transportId(PORT).length;
      expect([length, faultOf(list.subarray(0, length))]).toEqual([length, isBetween ? 0 : TRANSPORT_IDS_TRUNCATED]);
    }
  });

  it('of any bytes are read to an end', () => {
    const random = seededRandom();
    for (let run = 0; run < 2000; run++) {
      const bytes = Buffer.alloc(random.below(200));
      random.fill(bytes, 0, bytes.length);
      if (bytes.length > 4 && random.below(2) === 0) bytes.writeUInt32BE(0x45000000 + random.below(bytes.length), 0);
      expect([random.seed, [0, TRANSPORT_ID_INVALID, TRANSPORT_IDS_TRUNCATED].includes(faultOf(bytes))]).toEqual([
        random.seed,
        true,
      ]);
    }
  });
});

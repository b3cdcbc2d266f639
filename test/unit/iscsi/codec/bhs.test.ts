/** Headers of every PDU against hand-written bytes: read at any alignment, written over stale bytes and nowhere else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BHS_BYTES, Bhs, COMMAND_CDB, COMMAND_CDB_BYTES } from '../../../../src/iscsi/codec/bhs.ts';
import * as target from '../../../../src/iscsi/codec/encode.ts';
import * as initiator from '../../../../src/iscsi/codec/encode-initiator.ts';
import { seededRandom } from '../../../random.ts';
import { hexBytes, INITIATOR_HEADERS, TARGET_HEADERS } from '../../../vectors/iscsi/headers.ts';

const { seed } = seededRandom();

type Writer = (view: DataView, offset: number) => void;

const CDBS: Readonly<Record<string, string>> = {
  'SCSI Command, READ(10)': '28000000000000000200000000000000',
  'SCSI Command, WRITE(16) with immediate data and AHS': '8a000102030405060708091000000000',
};

/** The call that produces each vector. */
const WRITERS: Readonly<Record<string, Writer>> = {
  'SCSI Command, READ(10)': (view, offset) =>
    initiator.writeScsiCommand(view, offset, false, 0xc0, 0, 0, 0x14000000, 1024, 0x14, 0x18, 0, 0),
  'SCSI Command, WRITE(16) with immediate data and AHS': (view, offset) =>
    initiator.writeScsiCommand(
      view,
      offset,
      true,
      0xa1,
      0x40010203,
      0x04050607,
      0x89abcdef,
      0xfffffffe,
      0xfffffffd,
      0xfffffffc,
      20,
      0xfedcba,
    ),
  'Task Management Function Request, ABORT TASK': (view, offset) =>
    initiator.writeTaskManagementRequest(
      view,
      offset,
      true,
      1,
      0x00050000,
      0,
      0x11111111,
      0x22222222,
      0x33333333,
      0x44444444,
      0x55555555,
      0x66666666,
    ),
  'Data-Out': (view, offset) =>
    initiator.writeDataOut(
      view,
      offset,
      true,
      0x00070000,
      1,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0xe1e2e3e4,
      8192,
    ),
  'Text Request, continued': (view, offset) =>
    initiator.writeTextRequest(
      view,
      offset,
      false,
      false,
      true,
      0x00080000,
      2,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      512,
    ),
  'Login Request': (view, offset) =>
    initiator.writeLoginRequest(view, offset, true, false, 1, 3, 2, 1, 0x80123456, 0x789a, 0x0bcd, 0x2a, 9, 3, 4, 300),
  'Logout Request, close the connection': (view, offset) =>
    initiator.writeLogoutRequest(view, offset, true, 1, 0x2b, 0xfffe, 5, 6),
  'SNACK Request, status': (view, offset) =>
    initiator.writeSnackRequest(view, offset, 1, 0x00060000, 0, 0xffffffff, 0xa1a2a3a4, 7, 8, 9),
  'NOP-Out': (view, offset) => initiator.writeNopOut(view, offset, true, 0x00010000, 0, 0x101, 0xffffffff, 7, 8, 4),
  'SCSI Response, CHECK CONDITION with underflow': (view, offset) =>
    target.writeScsiResponse(
      view,
      offset,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0,
      2,
      0x02,
      0xf1f2f3f4,
      0xe1e2e3e4,
      20,
    ),
  'Task Management Function Response, function rejected': (view, offset) =>
    target.writeTaskManagementResponse(view, offset, 0xa1a2a3a4, 0xb1b2b3b4, 0xc1c2c3c4, 0xd1d2d3d4, 255),
  'Data-In, not the last': (view, offset) =>
    target.writeDataIn(view, offset, 0xa1a2a3a4, 0xc1c2c3c4, 0xd1d2d3d4, 5, 0x60000, 0xffffff, false),
  'Data-In with status and overflow': (view, offset) =>
    target.writeDataInWithStatus(
      view,
      offset,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      5,
      0xe1e2e3e4,
      512,
      8,
      0x04,
      0xf1f2f3f4,
    ),
  'Ready To Transfer': (view, offset) =>
    target.writeR2t(
      view,
      offset,
      0x00010000,
      2,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0xe1e2e3e4,
      3,
      0xf1f2f3f4,
      262144,
    ),
  'Asynchronous Message, logout requested': (view, offset) =>
    target.writeAsyncMessage(
      view,
      offset,
      0x00010000,
      2,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      255,
      2,
      0xfff3,
      0x8004,
      0xfff5,
      0,
    ),
  'Text Response, more to come': (view, offset) =>
    target.writeTextResponse(
      view,
      offset,
      0x00080000,
      2,
      0xa1a2a3a4,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0xe1e2e3e4,
      false,
      true,
      8192,
    ),
  'Login Response, to full feature phase': (view, offset) =>
    target.writeLoginResponse(
      view,
      offset,
      true,
      false,
      1,
      3,
      0x80123456,
      0xf89a,
      0x8bcd,
      0x2a,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0,
      300,
    ),
  'Login Response, target not found': (view, offset) =>
    target.writeLoginResponse(
      view,
      offset,
      false,
      false,
      1,
      3,
      0x00023d00,
      1,
      0,
      0x2a,
      0xb1b2b3b4,
      0xc1c2c3c4,
      0xd1d2d3d4,
      0x0203,
      0,
    ),
  'Logout Response': (view, offset) =>
    target.writeLogoutResponse(view, offset, 0xa1a2a3a4, 0xb1b2b3b4, 0xc1c2c3c4, 0xd1d2d3d4, 1, 0x8002, 0xff14),
  'Reject, protocol error': (view, offset) =>
    target.writeReject(view, offset, 4, 0xb1b2b3b4, 0xc1c2c3c4, 0xd1d2d3d4, 0xe1e2e3e4, 48),
  'NOP-In, a ping': (view, offset) =>
    target.writeNopIn(view, offset, 0x00010000, 2, 0xffffffff, 0xb1b2b3b4, 0xc1c2c3c4, 0xd1d2d3d4, 0xe1e2e3e4, 8),
};

const VECTORS = [...INITIATOR_HEADERS, ...TARGET_HEADERS];
const ALIGNMENTS = [0, 1, 2, 3, 4, 5, 6, 7];

describe.each(VECTORS)('$name (RFC 7143 $clause)', ({ name, hex, fields }) => {
  const header = hexBytes(hex);

  it('has 48 bytes and a writer', () => {
    expect(header.length).toBe(BHS_BYTES);
    expect(WRITERS[name]).toBeTypeOf('function');
  });

  it.each(ALIGNMENTS)('is read with every field in its place, %i bytes into a buffer', (offset) => {
    const bytes = new Uint8Array(BHS_BYTES + 16).fill(0x5a);
    bytes.set(header, offset);
    const bhs = new Bhs();
    bhs.decode(bytes, new DataView(bytes.buffer), offset);
    const read = Object.fromEntries(Object.keys(fields).map((field) => [field, bhs[field as keyof Bhs]]));
    expect(read).toEqual(fields);
  });

  it.each(ALIGNMENTS)(
    'is written over stale bytes, and no byte beside it changes, %i bytes into a buffer',
    (offset) => {
      const bytes = new Uint8Array(BHS_BYTES + 16).fill(0x5a);
      const expected = bytes.slice();
      expected.set(header, offset);
      WRITERS[name]?.(new DataView(bytes.buffer), offset);
      bytes.set(hexBytes(CDBS[name] ?? ''), offset + COMMAND_CDB);
      expect(bytes).toEqual(expected);
    },
  );
});

describe('a SCSI Command', () => {
  it('is written with a CDB of zeros', () => {
    const bytes = new Uint8Array(BHS_BYTES).fill(0xff);
    WRITERS['SCSI Command, READ(10)']?.(new DataView(bytes.buffer), 0);
    expect(bytes.slice(COMMAND_CDB, COMMAND_CDB + COMMAND_CDB_BYTES)).toEqual(new Uint8Array(COMMAND_CDB_BYTES));
  });
});

describe('a header record', () => {
  it('keeps nothing of the header before', () => {
    const bhs = new Bhs();
    const fresh = new Bhs();
    const zeros = new Uint8Array(BHS_BYTES);
    fresh.decode(zeros, new DataView(zeros.buffer), 0);
    for (const { hex } of VECTORS) {
      const header = hexBytes(hex);
      bhs.decode(header, new DataView(header.buffer), 0);
      bhs.decode(zeros, new DataView(zeros.buffer), 0);
      expect(bhs).toEqual(fresh);
    }
  });

  it('masks the reserved bit of byte 0', () => {
    const bytes = new Uint8Array(BHS_BYTES);
    bytes[0] = 0x85;
    const bhs = new Bhs();
    bhs.decode(bytes, new DataView(bytes.buffer), 0);
    expect(bhs.opcode).toBe(0x05);
    expect(bhs.isImmediate).toBe(false);
  });

  it('takes any 48 bytes', () => {
    const bhs = new Bhs();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: BHS_BYTES, maxLength: BHS_BYTES }), (bytes) => {
        bhs.decode(bytes, new DataView(bytes.buffer, bytes.byteOffset), 0);
        expect(bhs.opcode).toBeLessThanOrEqual(0x3f);
        expect(bhs.dataSegmentBytes).toBe((bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!);
        expect(bhs.totalAhsBytes).toBe(bytes[4]! * 4);
      }),
      { seed },
    );
  });

  it('gives back what a Data-Out was written with', () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const bytes = new Uint8Array(BHS_BYTES);
    const view = new DataView(bytes.buffer);
    const bhs = new Bhs();
    const length = fc.integer({ min: 0, max: 0xffffff });
    fc.assert(
      fc.property(fc.boolean(), fc.array(word, { minLength: 7, maxLength: 7 }), length, (isFinal, words, bytesOut) => {
        const [lunHigh, lunLow, itt, ttt, expStatSN, dataSN, bufferOffset] = words as [
          number,
          number,
          number,
          number,
          number,
          number,
          number,
        ];
        initiator.writeDataOut(view, 0, isFinal, lunHigh, lunLow, itt, ttt, expStatSN, dataSN, bufferOffset, bytesOut);
        bhs.decode(bytes, view, 0);
        expect(bhs).toMatchObject({ isFinal, lunHigh, lunLow, initiatorTaskTag: itt, targetTransferTag: ttt });
        expect(bhs).toMatchObject({ expStatSN, dataSN, bufferOffset, dataSegmentBytes: bytesOut });
      }),
      { seed },
    );
  });
});

/** Data to the initiator: how it is cut, where status goes, and what the residual says (RFC 7143 11.4.5, 11.7, 13.12). */
import { describe, expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_OK } from '../../../../../src/backend/backend.ts';
import { OP_DATA_IN, OP_SCSI_RESPONSE } from '../../../../../src/iscsi/codec/constants.ts';
import { inquiry, read10, write10 } from '../../../../initiator/cdb.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget } from '../../../../sim/simulated-target.ts';

function start(settings: Partial<InitiatorSettings> = {}) {
  const target = new SimulatedTarget();
  pattern(target.backend.sizeBytes).copy(target.backend.bytes);
  const session = target.logIn(settings);
  const { connection } = session;
  connection.log = [];
  return { target, session, log: connection.log, settle: () => target.time.settle() };
}

describe.each([false, true])('a READ with digests %s', (hasDigests) => {
  const digests = { hasHeaderDigest: hasDigests, hasDataDigest: hasDigests };
  it.each([
    [512, 512],
    [513, 1 << 20],
    [513, 1024],
    [1000, 512],
    [4096, 4096],
    [8192, 10_000],
    [262_144, 262_144],
    [0xffffff, 0xffffff],
  ])('is cut at MaxRecvDataSegmentLength %i and MaxBurstLength %i', (segmentBytes, maxBurstLength) => {
    const settings = { ...digests, maxRecvDataSegmentLength: segmentBytes, maxBurstLength, firstBurstLength: 512 };
    const { session, settle, target } = start(settings);
    for (const blocks of [1, 2, 3, 16, 129, 600, 1100]) {
      const task = session.execute(read10(7, blocks), { dataIn: blocks * 512 });
      settle();
      expect(task.status).toBe(0);
      expect(task.dataIn.equals(target.backend.bytes.subarray(7 * 512, (7 + blocks) * 512))).toBe(true);
    }
  });
});

describe('the end of a READ', () => {
  it('is told by the last Data-In when all went well', () => {
    const { session, settle, log } = start({ maxRecvDataSegmentLength: 1024 });
    session.execute(read10(0, 4), { dataIn: 2048 });
    settle();
    expect(log.map(({ opcode, bhs }) => [opcode, bhs.flags])).toEqual([
      [OP_DATA_IN, 0x00],
      [OP_DATA_IN, 0x81],
    ]);
  });

  it('is a response of its own when the store fails, with sense data', () => {
    const { session, settle, log, target } = start();
    target.backend.faults = { ...target.backend.faults, status: () => IO_MEDIUM_ERROR };
    const task = session.execute(read10(0, 4), { dataIn: 2048 });
    settle();
    expect(log.map(({ opcode }) => opcode)).toEqual([OP_SCSI_RESPONSE]);
    expect([task.status, task.senseCode >>> 16]).toEqual([2, 3]);
    expect(task.dataIn.length).toBe(0);
    expect([task.isUnderflow, task.residual]).toEqual([true, 2048]);
  });
});

it('a READ whose second segment fails before its first was sent says that nothing came', () => {
  const { session, settle, target } = start();
  target.backend.faults = {
    ...target.backend.faults,
    delayMs: (io) => (io.offsetBytes === 0 ? 10 : 1),
    status: (io) => (io.offsetBytes === 0 ? IO_OK : IO_MEDIUM_ERROR),
  };
  const task = session.execute(read10(0, 1024), { dataIn: 1024 * 512 });
  settle();
  expect([task.status, task.senseCode >>> 16]).toEqual([2, 3]);
  expect([task.dataIn.length, task.isUnderflow, task.residual]).toEqual([0, true, 1024 * 512]);
});

describe('the residual', () => {
  // [name, CDB, data-in buffer, data-out buffer, overflow, underflow, residual]
  const cases: readonly (readonly [string, Buffer, number, number, boolean, boolean, number])[] = [
    ['of a READ that fits', read10(0, 2), 1024, 0, false, false, 0],
    ['of a READ of less than expected', read10(0, 2), 1500, 0, false, true, 476],
    ['of a READ of more than expected', read10(0, 2), 1000, 0, true, false, 24],
    ['of a READ of nothing', read10(0, 0), 512, 0, false, true, 512],
    ['of a READ without a buffer', read10(0, 2), 0, 0, true, false, 1024],
    ['of a WRITE that fits', write10(0, 2), 0, 1024, false, false, 0],
    ['of a WRITE of less than expected', write10(0, 2), 0, 2048, false, true, 1024],
    ['of a WRITE of more than expected', write10(0, 4), 0, 1024, true, false, 1024],
    ['of a WRITE without a buffer', write10(0, 2), 0, 0, true, false, 1024],
    ['of an INQUIRY with a short allocation length', inquiry(36), 255, 0, false, true, 219],
  ];
  it.each(cases)('%s', (_name, cdb, dataIn, dataOutBytes, isOverflow, isUnderflow, residual) => {
    const { session, settle, target } = start();
    const options = dataOutBytes > 0 ? { dataOut: pattern(dataOutBytes, 9) } : { dataIn };
    const task = session.execute(cdb, options);
    settle();
    expect([task.status, task.isOverflow, task.isUnderflow, task.residual]).toEqual([
      0,
      isOverflow,
      isUnderflow,
      residual,
    ]);
    session.logOut();
    settle();
    expect(target.leftover).toBeNull();
  });

  it('of a WRITE of less than expected stands for data that is not written', () => {
    const { session, settle, target } = start();
    const before = Buffer.from(target.backend.bytes.subarray(1024, 2048));
    session.execute(write10(0, 2), { dataOut: pattern(2048, 9) });
    settle();
    expect(target.backend.bytes.subarray(0, 1024).equals(pattern(2048, 9).subarray(0, 1024))).toBe(true);
    expect(target.backend.bytes.subarray(1024, 2048).equals(before)).toBe(true);
  });
});

it('a header digest that is wrong closes the connection', () => {
  const { session, settle, target } = start({ hasHeaderDigest: true });
  session.connection.tamper = (pdu) => {
    pdu.hasBadHeaderDigest = true;
    return [pdu];
  };
  session.execute(read10(0, 1), { dataIn: 512 });
  settle();
  expect(session.isOpen).toBe(false);
  expect(target.wires[0]!.closeCause).toBe('header-digest');
  expect(target.leftover).toBeNull();
});

it('a data segment that is longer than what the target declared closes the connection', () => {
  const { session, settle, target } = start();
  const declared = session.terms!.targetSegmentBytes;
  session.execute(write10(0, 2000), { dataOut: pattern(2000 * 512), immediateBytes: declared + 4 });
  settle();
  expect(session.isOpen).toBe(false);
  expect(target.wires[0]!.closeCause).toBe('protocol-error');
  expect(target.leftover).toBeNull();
});

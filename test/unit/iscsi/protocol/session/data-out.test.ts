/** Data from the initiator: immediate, unsolicited, solicited, and every way to get it wrong (RFC 7143 4.2.5, 11.7, 11.8). */
import { describe, expect, it } from 'vitest';
import {
  NO_TAG,
  OP_DATA_OUT,
  REJECT_DATA_DIGEST_ERROR,
  REJECT_INVALID_PDU_FIELD,
  REJECT_PROTOCOL_ERROR,
  TMF_CLEAR_TASK_SET,
} from '../../../../../src/iscsi/codec/constants.ts';
import { write10 } from '../../../../initiator/cdb.ts';
import type { Tamper } from '../../../../initiator/initiator-connection.ts';
import type { InitiatorTask, TaskOptions } from '../../../../initiator/initiator-task.ts';
import { pattern } from '../../../../initiator/pattern.ts';
import type { InitiatorSettings } from '../../../../initiator/settings.ts';
import { SimulatedTarget, TEST_UNIT_READY } from '../../../../sim/simulated-target.ts';

const NOT_ENOUGH_UNSOLICITED_DATA = 0x0b0c0d;
const CRC_ERROR = 0x0b4705;
const NOTHING_UNASKED = { immediateBytes: 0, unsolicitedBytes: 0 };
const BYTES = 64 * 1024;

function start(settings: Partial<InitiatorSettings> = {}) {
  const target = new SimulatedTarget();
  const session = target.logIn(settings);
  const dataOut = pattern(BYTES);
  const write = (options: Partial<TaskOptions> = {}) => session.execute(write10(8, 128), { dataOut, ...options });
  const isOnDisk = () => target.backend.bytes.subarray(4096, 4096 + BYTES).equals(dataOut);
  const isUntouched = () => target.backend.bytes.subarray(4096, 4096 + BYTES).every((byte) => byte === 0);
  const settle = () => target.time.settle();
  const connection = session.connection;
  /** The session goes on, and leaves nothing behind. */
  const expectHealthy = () => {
    connection.tamper = null;
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect(task.status).toBe(0);
    session.logOut();
    settle();
    expect(target.leftover).toBeNull();
  };
  return { target, session, connection, write, isOnDisk, isUntouched, settle, expectHealthy };
}

/** Changes the Data-Out PDUs alone. */
function onDataOut(change: (view: DataView, index: number) => void): Tamper {
  let index = 0;
  return (pdu) => {
    if (pdu.opcode === OP_DATA_OUT) change(pdu.view, index++);
    return [pdu];
  };
}

describe('a WRITE lands on the disk', () => {
  const ways: readonly (readonly [string, Partial<InitiatorSettings>, Partial<TaskOptions>])[] = [
    ['all immediate', {}, {}],
    ['immediate, then unsolicited', {}, { immediateBytes: 512, segmentBytes: 1000 }],
    ['unsolicited alone', {}, { immediateBytes: 0 }],
    ['immediate, then solicited', { firstBurstLength: 4096 }, {}],
    ['immediate, unsolicited, solicited', { firstBurstLength: 8192, maxBurstLength: 8192 }, { immediateBytes: 700 }],
    ['less unsolicited than allowed', {}, { immediateBytes: 512, unsolicitedBytes: 1536 }],
    ['solicited alone', { initialR2T: true, immediateData: false }, {}],
    ['solicited, InitialR2T=Yes after immediate data', { initialR2T: true }, { immediateBytes: 513 }],
    ['ImmediateData=No, unsolicited', { immediateData: false, firstBurstLength: 3000 }, {}],
    ['odd bursts, one R2T at a time', { maxBurstLength: 513, firstBurstLength: 512, maxOutstandingR2T: 1 }, {}],
    ['odd bursts, many R2Ts', { maxBurstLength: 1537, firstBurstLength: 512, maxOutstandingR2T: 64 }, {}],
    ['Data-Out of 1001 bytes', { firstBurstLength: 512 }, { segmentBytes: 1001 }],
  ];
  const digests = [false, true];
  for (const hasDigests of digests) {
    it.each(ways)(`%s, digests ${hasDigests}`, (_name, settings, options) => {
      const run = start({ ...settings, hasHeaderDigest: hasDigests, hasDataDigest: hasDigests });
      const task = run.write(options);
      run.settle();
      expect(task.status).toBe(0);
      expect([task.isOverflow, task.isUnderflow, task.residual]).toEqual([false, false, 0]);
      expect(run.isOnDisk()).toBe(true);
      run.expectHealthy();
    });
  }

  it('over several segments of memory, byte for byte', () => {
    const target = new SimulatedTarget();
    const session = target.logIn({ maxBurstLength: 100_000 });
    const dataOut = pattern(1500 * 512);
    const task = session.execute(write10(1, 1500), { dataOut });
    target.time.settle();
    expect(task.status).toBe(0);
    expect(target.backend.bytes.subarray(512, 512 + dataOut.length).equals(dataOut)).toBe(true);
  });
});

describe('R2T', () => {
  it('asks for several bursts at once, up to MaxOutstandingR2T, and goes on as each is answered', () => {
    const { write, settle, isOnDisk } = start({ maxBurstLength: 8192, firstBurstLength: 512, maxOutstandingR2T: 3 });
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    for (let answered = 0; answered < 8; answered++) {
      expect(task.r2ts.length).toBe(Math.min(3, 8 - answered));
      task.answerR2t();
      settle();
    }
    expect(task.status).toBe(0);
    expect(isOnDisk()).toBe(true);
  });

  it('waits while the bursts of other commands are answered', () => {
    const { session, settle, target } = start({ maxBurstLength: 4096, firstBurstLength: 512 });
    const tasks: InitiatorTask[] = [];
    for (let i = 0; i < 6; i++) {
      const dataOut = pattern(8192, i);
      tasks.push(session.execute(write10(i * 16, 16), { dataOut, ...NOTHING_UNASKED, holdsR2ts: true }));
    }
    settle();
    for (const task of [...tasks].reverse()) {
      while (task.r2ts.length > 0) {
        task.answerR2t();
        settle();
      }
    }
    expect(tasks.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0, 0]);
    tasks.forEach(({ dataOut }, i) => {
      expect(target.backend.bytes.subarray(i * 8192, (i + 1) * 8192).equals(dataOut)).toBe(true);
    });
  });
});

describe('a burst that breaks its sequence', () => {
  // Data-Out of 8 KiB each, all solicited by one R2T.
  const faults: readonly (readonly [string, number, (view: DataView, index: number) => void])[] = [
    ['a DataSN left out', CRC_ERROR, (view, index) => index >= 3 && view.setUint32(36, index + 1)],
    ['a DataSN twice', CRC_ERROR, (view, index) => index === 3 && view.setUint32(36, 2)],
    ['a BufferOffset too high', NOT_ENOUGH_UNSOLICITED_DATA, (view, i) => i === 2 && view.setUint32(40, 3 * 8192)],
    ['a BufferOffset too low', NOT_ENOUGH_UNSOLICITED_DATA, (view, i) => i === 2 && view.setUint32(40, 8192)],
    [
      'a BufferOffset beyond the buffer',
      NOT_ENOUGH_UNSOLICITED_DATA,
      (view, i) => i === 7 && view.setUint32(40, 2 ** 31),
    ],
  ];
  it.each(faults)('%s is ABORTED COMMAND once the burst has ended', (_name, senseCode, change) => {
    const { write, settle, connection, expectHealthy } = start();
    connection.tamper = onDataOut(change);
    const task = write({ ...NOTHING_UNASKED, segmentBytes: 8192 });
    settle();
    expect([task.status, task.senseCode]).toEqual([2, senseCode]);
    expectHealthy();
  });

  it.each(faults)('%s in unsolicited data likewise', (_name, senseCode, change) => {
    const { write, settle, connection, isUntouched, expectHealthy } = start();
    connection.tamper = onDataOut(change);
    const task = write({ immediateBytes: 0, segmentBytes: 8192 });
    settle();
    expect([task.status, task.senseCode]).toEqual([2, senseCode]);
    expect(isUntouched()).toBe(true);
    expectHealthy();
  });

  it.each(faults)('%s in unsolicited data of a command whose turn has not come', (_name, senseCode, change) => {
    const { session, settle, connection, write, isUntouched, expectHealthy } = start();
    connection.tamper = onDataOut(change);
    const task = write({ immediateBytes: 0, segmentBytes: 8192, cmdSN: session.cmdSN + 1 });
    settle();
    expect(task.isDone).toBe(false);
    const gap = session.execute(TEST_UNIT_READY, { cmdSN: session.cmdSN });
    session.cmdSN += 2;
    settle();
    expect(gap.status).toBe(0);
    expect([task.status, task.senseCode]).toEqual([2, senseCode]);
    expect(isUntouched()).toBe(true);
    expectHealthy();
  });

  it('F before the end of a solicited burst', () => {
    const { write, settle, expectHealthy } = start();
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    task.sendDataOut(task.r2ts[0]!.targetTransferTag, 0, 0, task.dataOut.subarray(0, 512), true);
    settle();
    expect([task.status, task.senseCode]).toEqual([2, NOT_ENOUGH_UNSOLICITED_DATA]);
    expectHealthy();
  });

  it('data beyond the R2T', () => {
    const { write, settle, expectHealthy } = start({ maxBurstLength: 8192, firstBurstLength: 512 });
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    task.sendDataOut(task.r2ts[0]!.targetTransferTag, 0, 0, task.dataOut.subarray(0, 8704), true);
    for (const r2t of task.r2ts.splice(1)) {
      const data = task.dataOut.subarray(r2t.offset, r2t.offset + r2t.length);
      task.sendDataOut(r2t.targetTransferTag, 0, r2t.offset, data, true);
    }
    settle();
    expect([task.status, task.senseCode]).toEqual([2, NOT_ENOUGH_UNSOLICITED_DATA]);
    expectHealthy();
  });

  it('is waited for, also when another initiator ends the command meanwhile', () => {
    const { target, write, settle } = start();
    const other = target.logIn({ isidLow: 99 });
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    const { targetTransferTag } = task.r2ts[0]!;
    task.sendDataOut(targetTransferTag, 1, 0, task.dataOut.subarray(0, 512), false);
    other.manage(TMF_CLEAR_TASK_SET);
    settle();
    expect(task.isDone).toBe(false);
    task.sendDataOut(targetTransferTag, 2, 512, task.dataOut.subarray(512), true);
    settle();
    expect([task.status, task.senseCode]).toEqual([2, CRC_ERROR]);
  });

  it('a burst without F waits for it', () => {
    const { write, settle, isOnDisk, expectHealthy } = start();
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    const [r2t] = task.r2ts;
    task.sendDataOut(r2t!.targetTransferTag, 0, 0, task.dataOut, false);
    settle();
    expect(task.isDone).toBe(false);
    task.sendDataOut(r2t!.targetTransferTag, 1, BYTES, Buffer.alloc(0), true);
    settle();
    expect(task.status).toBe(0);
    expect(isOnDisk()).toBe(true);
    expectHealthy();
  });
});

describe('a Data-Out that belongs to no open burst', () => {
  it('with a Target Transfer Tag that was not given out is rejected and changes nothing', () => {
    const { session, write, settle, isOnDisk, expectHealthy } = start();
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    task.sendDataOut(task.r2ts[0]!.targetTransferTag + 1, 0, 0, Buffer.alloc(512, 0xff), false);
    settle();
    expect(session.rejects.map(({ bhs }) => bhs.rejectReason)).toEqual([REJECT_INVALID_PDU_FIELD]);
    task.answerR2t();
    settle();
    expect(task.status).toBe(0);
    expect(isOnDisk()).toBe(true);
    expectHealthy();
  });

  it('that answers R2Ts out of order is rejected', () => {
    const { session, write, settle } = start({ maxBurstLength: 8192, firstBurstLength: 512 });
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    settle();
    const [, second] = task.r2ts;
    const data = task.dataOut.subarray(second!.offset, second!.offset + second!.length);
    task.sendDataOut(second!.targetTransferTag, 0, second!.offset, data, true);
    settle();
    expect(session.rejects.map(({ bhs }) => bhs.rejectReason)).toEqual([REJECT_INVALID_PDU_FIELD]);
    expect(task.isDone).toBe(false);
  });

  it('without a tag when InitialR2T=Yes is rejected', () => {
    const { session, write, settle } = start({ initialR2T: true });
    const task = write({ ...NOTHING_UNASKED, holdsR2ts: true });
    task.sendDataOut(NO_TAG, 0, 0, Buffer.alloc(512), true);
    settle();
    expect(session.rejects.map(({ bhs }) => bhs.rejectReason)).toEqual([REJECT_PROTOCOL_ERROR]);
  });

  it('for a command that is over is read and forgotten', () => {
    const { session, write, settle, expectHealthy } = start();
    const task = write();
    settle();
    task.sendDataOut(NO_TAG, 0, 0, Buffer.alloc(60000), true);
    settle();
    expect(session.rejects).toEqual([]);
    expectHealthy();
  });
});

describe('unsolicited data that was not agreed on', () => {
  it('more immediate data than FirstBurstLength is a protocol error, and its number is used', () => {
    const { session, write, settle, isUntouched, expectHealthy } = start({ firstBurstLength: 1024 });
    const task = write({ immediateBytes: 1536 });
    settle();
    expect(task.rejectReason).toBe(REJECT_PROTOCOL_ERROR);
    expect(session.rejects.length).toBe(1);
    expect(isUntouched()).toBe(true);
    expectHealthy();
  });

  it('immediate data with ImmediateData=No is a protocol error', () => {
    const { write, settle } = start({ immediateData: false });
    const task = write({ immediateBytes: 512 });
    settle();
    expect(task.rejectReason).toBe(REJECT_PROTOCOL_ERROR);
  });

  it('a command without F when InitialR2T=Yes is a protocol error', () => {
    const { session, write, settle } = start({ initialR2T: true });
    const task = write({ immediateBytes: 512, unsolicitedBytes: 1024 });
    settle();
    expect(task.rejectReason).toBe(REJECT_PROTOCOL_ERROR);
    expect(session.rejects.length).toBe(1); // its Data-Out is forgotten
  });

  it('more unsolicited Data-Out than FirstBurstLength ends the command with ABORTED COMMAND', () => {
    const { write, settle, isUntouched, expectHealthy } = start({ firstBurstLength: 4096 });
    const task = write({ immediateBytes: 512, unsolicitedBytes: 8192, segmentBytes: 512 });
    settle();
    expect([task.status, task.senseCode]).toEqual([2, NOT_ENOUGH_UNSOLICITED_DATA]);
    expect(isUntouched()).toBe(true);
    expectHealthy();
  });

  it('immediate data in a READ is a protocol error', () => {
    const { session, settle, connection } = start();
    connection.tamper = (pdu) => {
      pdu.data = Buffer.alloc(512);
      pdu.fitLengths();
      return [pdu];
    };
    const task = session.execute(TEST_UNIT_READY);
    settle();
    expect(task.rejectReason).toBe(REJECT_PROTOCOL_ERROR);
  });
});

describe('a wrong data digest', () => {
  const settings = { hasHeaderDigest: true, hasDataDigest: true };

  it.each([0, 3, 7])('on Data-Out %i of a burst is rejected, and the command ends with CRC ERROR after it', (which) => {
    const { session, connection, write, settle, expectHealthy } = start(settings);
    let index = 0;
    connection.tamper = (pdu) => {
      pdu.hasBadDataDigest = pdu.opcode === OP_DATA_OUT && index++ === which;
      return [pdu];
    };
    const task = write({ ...NOTHING_UNASKED, segmentBytes: 8192 });
    settle();
    expect(session.rejects.map(({ bhs }) => bhs.rejectReason)).toEqual([REJECT_DATA_DIGEST_ERROR]);
    expect([task.status, task.senseCode]).toEqual([2, CRC_ERROR]);
    expectHealthy();
  });

  it('on immediate data discards the command: its number stays open, and the same command may be sent again', () => {
    const { session, connection, write, settle, isUntouched, isOnDisk, expectHealthy } = start(settings);
    connection.tamper = (pdu) => {
      pdu.hasBadDataDigest = true;
      return [pdu];
    };
    const { cmdSN } = session;
    const task = write();
    settle();
    expect(task.rejectReason).toBe(REJECT_DATA_DIGEST_ERROR);
    expect(isUntouched()).toBe(true);
    expect(session.expCmdSN).toBe(cmdSN);
    connection.tamper = null;
    const again = write({ cmdSN });
    settle();
    expect(again.status).toBe(0);
    expect(isOnDisk()).toBe(true);
    expectHealthy();
  });

  it('on immediate data forgets the unsolicited Data-Out that follows', () => {
    const { session, connection, write, settle, isUntouched } = start(settings);
    let index = 0;
    connection.tamper = (pdu) => {
      pdu.hasBadDataDigest = index++ === 0;
      return [pdu];
    };
    write({ immediateBytes: 512, segmentBytes: 4096 });
    settle();
    expect(session.rejects.length).toBe(1);
    expect(isUntouched()).toBe(true);
  });
});

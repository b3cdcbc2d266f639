/**
 * One header of each PDU, written by hand from the layout in its clause of RFC 7143, a 4-byte word at a time. Every field
 * has a value that no other field of the same PDU has, so a field read at the wrong place shows.
 */
import type { Bhs } from '../../../src/iscsi/codec/bhs.ts';

export interface HeaderVector {
  readonly name: string;
  readonly clause: string;
  readonly hex: string;
  readonly fields: Partial<Bhs>;
}

export const INITIATOR_HEADERS: readonly HeaderVector[] = [
  {
    // The only whole header printed by a standard.
    name: 'SCSI Command, READ(10)',
    clause: 'RFC 3720 B.4',
    hex:
      '01c00000 00000000 00000000 00000000 14000000 00000400' + '00000014 00000018 28000000 00000000 02000000 00000000',
    fields: {
      opcode: 0x01,
      isImmediate: false,
      isFinal: true,
      flags: 0xc0,
      taskAttribute: 0,
      totalAhsBytes: 0,
      dataSegmentBytes: 0,
      lunHigh: 0,
      lunLow: 0,
      initiatorTaskTag: 0x14000000,
      expectedDataTransferLength: 1024,
      cmdSN: 0x14,
      expStatSN: 0x18,
    },
  },
  {
    name: 'SCSI Command, WRITE(16) with immediate data and AHS',
    clause: '11.3',
    hex:
      '41a10000 05fedcba 40010203 04050607 89abcdef fffffffe' + 'fffffffd fffffffc 8a000102 03040506 07080910 00000000',
    fields: {
      opcode: 0x01,
      isImmediate: true,
      isFinal: true,
      flags: 0xa1,
      taskAttribute: 1,
      totalAhsBytes: 20,
      dataSegmentBytes: 0xfedcba,
      lunHigh: 0x40010203,
      lunLow: 0x04050607,
      initiatorTaskTag: 0x89abcdef,
      expectedDataTransferLength: 0xfffffffe,
      cmdSN: 0xfffffffd,
      expStatSN: 0xfffffffc,
    },
  },
  {
    name: 'Task Management Function Request, ABORT TASK',
    clause: '11.5',
    hex:
      '42810000 00000000 00050000 00000000 11111111 22222222' + '33333333 44444444 55555555 66666666 00000000 00000000',
    fields: {
      opcode: 0x02,
      isImmediate: true,
      taskManagementFunction: 1,
      lunHigh: 0x00050000,
      initiatorTaskTag: 0x11111111,
      referencedTaskTag: 0x22222222,
      cmdSN: 0x33333333,
      expStatSN: 0x44444444,
      refCmdSN: 0x55555555,
      expDataSN: 0x66666666,
    },
  },
  {
    name: 'Data-Out',
    clause: '11.7',
    hex:
      '05800000 00002000 00070000 00000001 a1a2a3a4 b1b2b3b4' + '00000000 c1c2c3c4 00000000 d1d2d3d4 e1e2e3e4 00000000',
    fields: {
      opcode: 0x05,
      isImmediate: false,
      isFinal: true,
      dataSegmentBytes: 8192,
      lunHigh: 0x00070000,
      lunLow: 1,
      initiatorTaskTag: 0xa1a2a3a4,
      targetTransferTag: 0xb1b2b3b4,
      expStatSN: 0xc1c2c3c4,
      dataSN: 0xd1d2d3d4,
      bufferOffset: 0xe1e2e3e4,
    },
  },
  {
    name: 'Text Request, continued',
    clause: '11.10',
    hex:
      '04400000 00000200 00080000 00000002 a1a2a3a4 b1b2b3b4' + 'c1c2c3c4 d1d2d3d4 00000000 00000000 00000000 00000000',
    fields: {
      opcode: 0x04,
      isFinal: false,
      isContinued: true,
      dataSegmentBytes: 512,
      lunHigh: 0x00080000,
      lunLow: 2,
      initiatorTaskTag: 0xa1a2a3a4,
      targetTransferTag: 0xb1b2b3b4,
      cmdSN: 0xc1c2c3c4,
      expStatSN: 0xd1d2d3d4,
    },
  },
  {
    name: 'Login Request',
    clause: '11.12',
    hex:
      '43870201 0000012c 80123456 789a0bcd 0000002a 00090000' + '00000003 00000004 00000000 00000000 00000000 00000000',
    fields: {
      opcode: 0x03,
      isImmediate: true,
      isFinal: true,
      isContinued: false,
      csg: 1,
      nsg: 3,
      versionMax: 2,
      versionMin: 1,
      dataSegmentBytes: 300,
      isidHigh: 0x80123456,
      isidLow: 0x789a,
      tsih: 0x0bcd,
      initiatorTaskTag: 0x2a,
      cid: 9,
      cmdSN: 3,
      expStatSN: 4,
    },
  },
  {
    name: 'Logout Request, close the connection',
    clause: '11.14',
    hex:
      '46810000 00000000 00000000 00000000 0000002b fffe0000' + '00000005 00000006 00000000 00000000 00000000 00000000',
    fields: {
      opcode: 0x06,
      isImmediate: true,
      logoutReason: 1,
      initiatorTaskTag: 0x2b,
      cid: 0xfffe,
      cmdSN: 5,
      expStatSN: 6,
    },
  },
  {
    name: 'SNACK Request, status',
    clause: '11.16',
    hex:
      '10810000 00000000 00060000 00000000 ffffffff a1a2a3a4' + '00000000 00000007 00000000 00000000 00000008 00000009',
    fields: {
      opcode: 0x10,
      snackType: 1,
      lunHigh: 0x00060000,
      initiatorTaskTag: 0xffffffff,
      targetTransferTag: 0xa1a2a3a4,
      expStatSN: 7,
      begRun: 8,
      runLength: 9,
    },
  },
  {
    name: 'NOP-Out',
    clause: '11.18',
    hex:
      '40800000 00000004 00010000 00000000 00000101 ffffffff' + '00000007 00000008 00000000 00000000 00000000 00000000',
    fields: {
      opcode: 0x00,
      isImmediate: true,
      isFinal: true,
      dataSegmentBytes: 4,
      lunHigh: 0x00010000,
      initiatorTaskTag: 0x101,
      targetTransferTag: 0xffffffff,
      cmdSN: 7,
      expStatSN: 8,
    },
  },
];

export const TARGET_HEADERS: readonly HeaderVector[] = [
  {
    name: 'SCSI Response, CHECK CONDITION with underflow',
    clause: '11.4',
    hex:
      '21820002 00000014 00000000 00000000 a1a2a3a4 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 e1e2e3e4 00000000 f1f2f3f4',
    fields: {
      opcode: 0x21,
      flags: 0x82,
      response: 0,
      status: 2,
      dataSegmentBytes: 20,
      initiatorTaskTag: 0xa1a2a3a4,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      expDataSN: 0xe1e2e3e4,
      bidiReadResidualCount: 0,
      residualCount: 0xf1f2f3f4,
    },
  },
  {
    name: 'Task Management Function Response, function rejected',
    clause: '11.6',
    hex:
      '2280ff00 00000000 00000000 00000000 a1a2a3a4 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 00000000 00000000 00000000',
    fields: {
      opcode: 0x22,
      response: 255,
      initiatorTaskTag: 0xa1a2a3a4,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
    },
  },
  {
    name: 'Data-In, not the last',
    clause: '11.7',
    hex:
      '25000000 00ffffff 00000000 00000000 a1a2a3a4 ffffffff' + '00000000 c1c2c3c4 d1d2d3d4 00000005 00060000 00000000',
    fields: {
      opcode: 0x25,
      isFinal: false,
      flags: 0,
      dataSegmentBytes: 0xffffff,
      initiatorTaskTag: 0xa1a2a3a4,
      targetTransferTag: 0xffffffff,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      dataSN: 5,
      bufferOffset: 0x60000,
    },
  },
  {
    name: 'Data-In with status and overflow',
    clause: '11.7.3',
    hex:
      '25850008 00000200 00000000 00000000 a1a2a3a4 ffffffff' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 00000005 e1e2e3e4 f1f2f3f4',
    fields: {
      opcode: 0x25,
      isFinal: true,
      flags: 0x85,
      status: 8,
      dataSegmentBytes: 512,
      initiatorTaskTag: 0xa1a2a3a4,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      dataSN: 5,
      bufferOffset: 0xe1e2e3e4,
      residualCount: 0xf1f2f3f4,
    },
  },
  {
    name: 'Ready To Transfer',
    clause: '11.8',
    hex:
      '31800000 00000000 00010000 00000002 a1a2a3a4 b1b2b3b4' + 'c1c2c3c4 d1d2d3d4 e1e2e3e4 00000003 f1f2f3f4 00040000',
    fields: {
      opcode: 0x31,
      isFinal: true,
      lunHigh: 0x00010000,
      lunLow: 2,
      initiatorTaskTag: 0xa1a2a3a4,
      targetTransferTag: 0xb1b2b3b4,
      statSN: 0xc1c2c3c4,
      expCmdSN: 0xd1d2d3d4,
      maxCmdSN: 0xe1e2e3e4,
      r2tSN: 3,
      bufferOffset: 0xf1f2f3f4,
      desiredDataTransferLength: 262144,
    },
  },
  {
    name: 'Asynchronous Message, logout requested',
    clause: '11.9',
    hex:
      '32800000 00000000 00010000 00000002 ffffffff 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 ff02fff3 8004fff5 00000000',
    fields: {
      opcode: 0x32,
      lunHigh: 0x00010000,
      lunLow: 2,
      initiatorTaskTag: 0xffffffff,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      asyncEvent: 255,
      asyncVCode: 2,
      parameter1: 0xfff3,
      parameter2: 0x8004,
      parameter3: 0xfff5,
    },
  },
  {
    name: 'Text Response, more to come',
    clause: '11.11',
    hex:
      '24400000 00002000 00080000 00000002 a1a2a3a4 b1b2b3b4' + 'c1c2c3c4 d1d2d3d4 e1e2e3e4 00000000 00000000 00000000',
    fields: {
      opcode: 0x24,
      isFinal: false,
      isContinued: true,
      dataSegmentBytes: 8192,
      lunHigh: 0x00080000,
      lunLow: 2,
      initiatorTaskTag: 0xa1a2a3a4,
      targetTransferTag: 0xb1b2b3b4,
      statSN: 0xc1c2c3c4,
      expCmdSN: 0xd1d2d3d4,
      maxCmdSN: 0xe1e2e3e4,
    },
  },
  {
    name: 'Login Response, to full feature phase',
    clause: '11.13',
    hex:
      '23870000 0000012c 80123456 f89a8bcd 0000002a 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 00000000 00000000 00000000',
    fields: {
      opcode: 0x23,
      isFinal: true,
      isContinued: false,
      csg: 1,
      nsg: 3,
      versionMax: 0,
      versionActive: 0,
      dataSegmentBytes: 300,
      isidHigh: 0x80123456,
      isidLow: 0xf89a,
      tsih: 0x8bcd,
      initiatorTaskTag: 0x2a,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      loginStatus: 0,
    },
  },
  {
    name: 'Login Response, target not found',
    clause: '11.13.5',
    hex:
      '23040000 00000000 00023d00 00010000 0000002a 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 02030000 00000000 00000000',
    fields: { opcode: 0x23, isFinal: false, csg: 1, nsg: 0, tsih: 0, isidLow: 1, loginStatus: 0x0203 },
  },
  {
    name: 'Logout Response',
    clause: '11.15',
    hex:
      '26800100 00000000 00000000 00000000 a1a2a3a4 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 00000000 8002ff14 00000000',
    fields: {
      opcode: 0x26,
      response: 1,
      initiatorTaskTag: 0xa1a2a3a4,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      time2Wait: 0x8002,
      time2Retain: 0xff14,
    },
  },
  {
    name: 'Reject, protocol error',
    clause: '11.17',
    hex:
      '3f800400 00000030 00000000 00000000 ffffffff 00000000' + 'b1b2b3b4 c1c2c3c4 d1d2d3d4 e1e2e3e4 00000000 00000000',
    fields: {
      opcode: 0x3f,
      rejectReason: 4,
      dataSegmentBytes: 48,
      initiatorTaskTag: 0xffffffff,
      statSN: 0xb1b2b3b4,
      expCmdSN: 0xc1c2c3c4,
      maxCmdSN: 0xd1d2d3d4,
      dataSN: 0xe1e2e3e4,
    },
  },
  {
    name: 'NOP-In, a ping',
    clause: '11.19',
    hex:
      '20800000 00000008 00010000 00000002 ffffffff b1b2b3b4' + 'c1c2c3c4 d1d2d3d4 e1e2e3e4 00000000 00000000 00000000',
    fields: {
      opcode: 0x20,
      isFinal: true,
      dataSegmentBytes: 8,
      lunHigh: 0x00010000,
      lunLow: 2,
      initiatorTaskTag: 0xffffffff,
      targetTransferTag: 0xb1b2b3b4,
      statSN: 0xc1c2c3c4,
      expCmdSN: 0xd1d2d3d4,
      maxCmdSN: 0xe1e2e3e4,
    },
  },
];

/** The bytes of a hex string, in which spaces mean nothing. */
export function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

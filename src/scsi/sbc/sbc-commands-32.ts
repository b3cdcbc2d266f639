/** The entries of the command table that SBC-3 defines with 32-byte CDBs (clause 5), each with all its columns. */
import {
  ACCESS_ACTIVE,
  ATTENTION_REPORTED,
  CommandEntry,
  DATA_IN,
  DATA_OUT,
  MEDIUM_READ,
  MEDIUM_WRITTEN,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../command/command-entry.ts';
import { ADDRESSED_DISK } from '../task/task.ts';
import { writeSame32 } from './provisioning/sbc-provisioning.ts';
import { read32, write32 } from './transfer/sbc-read-write.ts';
import { verify32, writeAndVerify32 } from './transfer/sbc-verify.ts';

export const READ_32 = new CommandEntry({
  name: 'READ(32)',
  serviceAction: 0x0009,
  usage: variableLength(0x0009, 0x18),
  direction: DATA_IN,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: read32,
});

export const VERIFY_32 = new CommandEntry({
  name: 'VERIFY(32)',
  serviceAction: 0x000a,
  usage: variableLength(0x000a, 0x16),
  direction: DATA_OUT,
  medium: MEDIUM_READ,
  reservation: RESERVATION_OF_READS,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: verify32,
});

export const WRITE_32 = new CommandEntry({
  name: 'WRITE(32)',
  serviceAction: 0x000b,
  usage: variableLength(0x000b, 0x18),
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: write32,
});

export const WRITE_AND_VERIFY_32 = new CommandEntry({
  name: 'WRITE AND VERIFY(32)',
  serviceAction: 0x000c,
  usage: variableLength(0x000c, 0x16),
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeAndVerify32,
});

export const WRITE_SAME_32 = new CommandEntry({
  name: 'WRITE SAME(32)',
  serviceAction: 0x000d,
  usage: variableLength(0x000d, 0x19),
  direction: DATA_OUT,
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  attention: ATTENTION_REPORTED,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: onEveryUnit,
  handler: writeSame32,
});

/**
 * CDB USAGE DATA of the 32-byte read and write commands, which have one layout (SBC-3 5.14). The expected tags of protection
 * information may hold anything: without protection they are ignored.
 */
function variableLength(serviceAction: number, flags: number): readonly number[] {
  const head = [0x7f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3f, 0x18, serviceAction >>> 8, serviceAction & 0xff, flags, 0x00];
  return [...head, ...new Array<number>(20).fill(0xff)];
}

function onEveryUnit(): boolean {
  return true;
}

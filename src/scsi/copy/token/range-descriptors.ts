/** The block device range descriptors of POPULATE TOKEN and WRITE USING TOKEN (SBC-3 5.7.3). */
import { NO_SENSE_VALUE } from '../../command/command.ts';
import {
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_LBA_OUT_OF_RANGE,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TOO_MANY_SEGMENT_DESCRIPTORS,
} from '../../sense.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { RANGE_DESCRIPTORS_MAX, TOKEN_TRANSFER_BYTES_MAX } from '../copy-limits.ts';
import { CopyRefusal } from '../copy-refusal.ts';
import type { ByteRange } from './rod-token.ts';

export const RANGE_DESCRIPTOR_BYTES = 16;

/** A list of a header and descriptors behind it, whose first two bytes count what follows them. */
export interface RangeListFormat {
  readonly headerBytes: number;
  /** Where BLOCK DEVICE RANGE DESCRIPTOR LENGTH stands. */
  readonly lengthByte: number;
}

/** The ranges in `list`, in their order and without empty ones, at least one; or why the list is refused. */
export function parseRanges(
  list: Buffer,
  format: RangeListFormat,
  unit: LogicalUnit,
): readonly ByteRange[] | CopyRefusal {
  const refusal = checkLengths(list, format);
  if (refusal !== null) return refusal;
  const end = format.headerBytes + wholeDescriptors(list, format);
  const ranges: ByteRange[] = [];
  for (let at = format.headerBytes; at < end; at += RANGE_DESCRIPTOR_BYTES) {
    const lba = list.readUInt32BE(at) * 0x100000000 + list.readUInt32BE(at + 4);
    const blocks = list.readUInt32BE(at + NUMBER_OF_LOGICAL_BLOCKS);
    if (lba + blocks > unit.blockCount) return new CopyRefusal(SENSE_LBA_OUT_OF_RANGE);
    if (blocks > 0) ranges.push({ offsetBytes: lba * unit.blockBytes, lengthBytes: blocks * unit.blockBytes });
  }
  return checkRanges(ranges, format);
}

// SBC-3 5.7.3
const NUMBER_OF_LOGICAL_BLOCKS = 8;
const DATA_LENGTH = 0;
const DATA_LENGTH_BYTES = 2;

function wholeDescriptors(list: Buffer, format: RangeListFormat): number {
  const lengthBytes = list.readUInt16BE(format.lengthByte);
  return lengthBytes - (lengthBytes % RANGE_DESCRIPTOR_BYTES);
}

function checkLengths(list: Buffer, { headerBytes, lengthByte }: RangeListFormat): CopyRefusal | null {
  if (list.length < headerBytes) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  const dataBytes = list.readUInt16BE(DATA_LENGTH) + DATA_LENGTH_BYTES;
  const descriptorBytes = list.readUInt16BE(lengthByte);
  if (dataBytes < headerBytes + RANGE_DESCRIPTOR_BYTES) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, DATA_LENGTH);
  }
  if (descriptorBytes < RANGE_DESCRIPTOR_BYTES) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, lengthByte);
  }
  if (descriptorBytes > RANGE_DESCRIPTORS_MAX * RANGE_DESCRIPTOR_BYTES) {
    return new CopyRefusal(SENSE_TOO_MANY_SEGMENT_DESCRIPTORS, lengthByte);
  }
  if (dataBytes < headerBytes + descriptorBytes) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, lengthByte);
  }
  return list.length < headerBytes + descriptorBytes ? new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR) : null;
}

function checkRanges(ranges: readonly ByteRange[], format: RangeListFormat): readonly ByteRange[] | CopyRefusal {
  const totalBytes = ranges.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (totalBytes === 0 || totalBytes > TOKEN_TRANSFER_BYTES_MAX || hasOverlap(ranges)) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, format.headerBytes, NO_SENSE_VALUE);
  }
  return ranges;
}

function hasOverlap(ranges: readonly ByteRange[]): boolean {
  const sorted = [...ranges].sort((a, b) => a.offsetBytes - b.offsetBytes);
  return sorted.some((range, index) => {
    const before = sorted[index - 1];
    return before !== undefined && before.offsetBytes + before.lengthBytes > range.offsetBytes;
  });
}

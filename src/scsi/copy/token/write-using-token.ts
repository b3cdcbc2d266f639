/**
 * WRITE USING TOKEN (SBC-3 5.48): writes the data that a ROD token stands for, or zeros, to some ranges of the unit. Ranges of
 * the token and of the unit are laid side by side; where either ends a segment of the copy ends.
 */
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import {
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TOKEN_DELETED,
} from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import { CopyRecord } from '../copy-log.ts';
import type { CopyEnd, CopySegment } from '../copy-parameters.ts';
import { CopyRefusal } from '../copy-refusal.ts';
import { admitCopy, startCopy } from '../run/copy-operation.ts';
import type { RangeListFormat } from './range-descriptors.ts';
import { parseRanges } from './range-descriptors.ts';
import type { ByteRange, RodToken } from './rod-token.ts';
import { ROD_TOKEN_BYTES, ROD_TYPE_BLOCK_ZERO, tokenTypeOf } from './rod-token-format.ts';

export function writeUsingToken(task: Task): void {
  const listLength = task.command.cdbView.getUint32(PARAMETER_LIST_LENGTH);
  if (listLength === 0) task.good();
  else if (listLength < FORMAT.headerBytes || listLength > SEGMENT_BYTES_MAX) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  } else receiveParameterList(task, listLength, readWriteList);
}

// SBC-3 5.48.1
const LIST_IDENTIFIER = 6;
const PARAMETER_LIST_LENGTH = 10;

// SBC-3 5.48.2
const FORMAT: RangeListFormat = { headerBytes: 536, lengthByte: 534 };
const FLAGS = 2;
const IMMED = 0x01;
const DEL_TKN = 0x02;
const OFFSET_INTO_ROD = 8;
const ROD_TOKEN = 16;

function readWriteList(task: Task, list: Buffer): void {
  const ranges = parseRanges(list, FORMAT, task.unit);
  if (ranges instanceof CopyRefusal) {
    ranges.tell(task);
    return;
  }
  const tokenBytes = list.subarray(ROD_TOKEN, ROD_TOKEN + ROD_TOKEN_BYTES);
  const isZero = tokenTypeOf(tokenBytes) === ROD_TYPE_BLOCK_ZERO;
  const token = isZero ? null : task.context.rodTokens.find(tokenBytes);
  if (typeof token === 'number') task.check(token);
  else beginWrite(task, list, ranges, token);
}

function beginWrite(task: Task, list: Buffer, ranges: readonly ByteRange[], token: RodToken | null): void {
  const segments = token === null ? zeroSegments(task, ranges) : tokenSegments(task, list, ranges, token);
  if (segments instanceof CopyRefusal) {
    segments.tell(task);
    return;
  }
  const listIdentifier = task.command.cdbView.getUint32(LIST_IDENTIFIER);
  const log = admitCopy(task, listIdentifier);
  if (log === null) return;
  const record = new CopyRecord(listIdentifier, task.entry, true);
  const flags = list[FLAGS]!;
  if (token !== null) useToken(task, token, record, (flags & DEL_TKN) !== 0);
  startCopy(task, segments, record, log, (flags & IMMED) !== 0);
}

/** A token that is deleted is so when the copy is at rest, as its data is wanted until then. */
function useToken(task: Task, token: RodToken, record: CopyRecord, isDeleted: boolean): void {
  const { rodTokens } = task.context;
  rodTokens.use(token);
  record.onEnd(() => {
    rodTokens.release(token);
    if (isDeleted) token.end(SENSE_TOKEN_DELETED);
  });
}

function zeroSegments(task: Task, ranges: readonly ByteRange[]): readonly CopySegment[] {
  return ranges.map((range) => {
    const destination = destinationOf(task, range.offsetBytes);
    return { source: null, destination, lengthBytes: range.lengthBytes, token: null };
  });
}

/** OFFSET INTO ROD counts in blocks of the unit that the token is of. */
function tokenSegments(
  task: Task,
  list: Buffer,
  ranges: readonly ByteRange[],
  token: RodToken,
): readonly CopySegment[] | CopyRefusal {
  const { unit } = token.source;
  const offsetBlocks = list.readUInt32BE(OFFSET_INTO_ROD) * 0x100000000 + list.readUInt32BE(OFFSET_INTO_ROD + 4);
  const offsetBytes = offsetBlocks * unit.blockBytes;
  const totalBytes = ranges.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (offsetBytes + totalBytes > token.lengthBytes) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, OFFSET_INTO_ROD);
  }
  const segments = layOut(task, ranges, token, offsetBytes);
  const isWhole = segments.every(({ lengthBytes }) => {
    return lengthBytes % unit.blockBytes === 0 && lengthBytes % task.unit.blockBytes === 0;
  });
  return isWhole ? segments : new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, FORMAT.headerBytes);
}

function layOut(task: Task, ranges: readonly ByteRange[], token: RodToken, offsetBytes: number): CopySegment[] {
  const segments: CopySegment[] = [];
  let sourceIndex = 0;
  let skipBytes = offsetBytes;
  for (const range of ranges) {
    for (let doneBytes = 0; doneBytes < range.lengthBytes; ) {
      const from = token.source.ranges[sourceIndex]!;
      const lengthBytes = Math.min(from.lengthBytes - skipBytes, range.lengthBytes - doneBytes);
      if (lengthBytes <= 0) {
        skipBytes -= from.lengthBytes;
        sourceIndex += 1;
        continue;
      }
      const source = sourceOf(token, from.offsetBytes + skipBytes);
      const destination = destinationOf(task, range.offsetBytes + doneBytes);
      segments.push({ source, destination, lengthBytes, token });
      skipBytes += lengthBytes;
      doneBytes += lengthBytes;
    }
  }
  return segments;
}

function sourceOf({ source, medium }: RodToken, offsetBytes: number): CopyEnd {
  const { lunMap, lun, unit } = source;
  return { lunMap, lun, unit, medium, offsetBytes, listByte: ROD_TOKEN };
}

function destinationOf({ unit, lunMap }: Task, offsetBytes: number): CopyEnd {
  return { lunMap, lun: lunMap.lunOf(unit), unit, medium: unit.backend, offsetBytes, listByte: FORMAT.headerBytes };
}

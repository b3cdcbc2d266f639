/**
 * POPULATE TOKEN (SBC-3 5.7): makes a ROD token for the data of some ranges. It waits for what is at work there, so that no
 * earlier write changes the data behind the token; then it is a matter of a moment.
 */
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import { isStillAccessible } from '../../sbc/transfer/block-range.ts';
import {
  SENSE_INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
} from '../../sense.ts';
import type { Task } from '../../task/task.ts';
import { INACTIVITY_TIMEOUT_S_DEFAULT, INACTIVITY_TIMEOUT_S_MAX } from '../copy-limits.ts';
import { COPY_COMPLETED, CopyRecord } from '../copy-log.ts';
import { CopyRefusal } from '../copy-refusal.ts';
import { admitCopy } from '../run/copy-operation.ts';
import type { RangeListFormat } from './range-descriptors.ts';
import { parseRanges } from './range-descriptors.ts';
import type { ByteRange } from './rod-token.ts';
import { ROD_TYPE_CHANGE_VULNERABLE, ROD_TYPE_POINT_IN_TIME, ROD_TYPE_POINT_IN_TIME_ANY } from './rod-token-format.ts';

export function populateToken(task: Task): void {
  const listLength = task.command.cdbView.getUint32(PARAMETER_LIST_LENGTH);
  if (listLength === 0) task.good();
  else if (listLength < FORMAT.headerBytes || listLength > SEGMENT_BYTES_MAX) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  } else receiveParameterList(task, listLength, readPopulateList);
}

// SBC-3 5.7.1
const LIST_IDENTIFIER = 6;
const PARAMETER_LIST_LENGTH = 10;

// SBC-3 5.7.2. IMMED changes nothing, as the token is there at once.
const FORMAT: RangeListFormat = { headerBytes: 16, lengthByte: 14 };
const FLAGS = 2;
const RTV = 0x02;
const INACTIVITY_TIMEOUT = 4;
const ROD_TYPE = 8;

const ROD_TYPES: ReadonlySet<number> = new Set([
  ROD_TYPE_CHANGE_VULNERABLE,
  ROD_TYPE_POINT_IN_TIME,
  ROD_TYPE_POINT_IN_TIME_ANY,
]);

function readPopulateList(task: Task, list: Buffer): void {
  const ranges = parseRanges(list, FORMAT, task.unit);
  const refusal = ranges instanceof CopyRefusal ? ranges : checkWishes(list);
  if (refusal !== null) refusal.tell(task);
  else if (!(ranges instanceof CopyRefusal)) waitForWrites(task, list, ranges);
}

/** From the first block of all ranges to the last. */
function waitForWrites(task: Task, list: Buffer, ranges: readonly ByteRange[]): void {
  const endBytes = Math.max(...ranges.map(({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes));
  task.offsetBytes = Math.min(...ranges.map(({ offsetBytes }) => offsetBytes));
  task.lengthBytes = endBytes - task.offsetBytes;
  if (!isStillAccessible(task)) return;
  const resume = () => makeToken(task, list, ranges);
  if (task.unit.ranges.exclude(task, resume)) resume();
}

function checkWishes(list: Buffer): CopyRefusal | null {
  if (list.readUInt32BE(INACTIVITY_TIMEOUT) > INACTIVITY_TIMEOUT_S_MAX) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, INACTIVITY_TIMEOUT);
  }
  const isTypeWanted = (list[FLAGS]! & RTV) !== 0;
  if (!isTypeWanted || ROD_TYPES.has(list.readUInt32BE(ROD_TYPE))) return null;
  return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, ROD_TYPE);
}

function makeToken(task: Task, list: Buffer, ranges: readonly ByteRange[]): void {
  const { command, unit, lunMap } = task;
  const listIdentifier = command.cdbView.getUint32(LIST_IDENTIFIER);
  const log = admitCopy(task, listIdentifier);
  if (log === null) return;
  const inactivityS = list.readUInt32BE(INACTIVITY_TIMEOUT) || INACTIVITY_TIMEOUT_S_DEFAULT;
  const token = task.context.rodTokens.create({
    unit,
    lun: lunMap.lunOf(unit),
    lunMap,
    ranges,
    targetPortName: command.nexus.targetPortName,
    inactivityMs: inactivityS * 1000,
  });
  if (token === null) {
    task.check(SENSE_INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN);
    return;
  }
  const record = new CopyRecord(listIdentifier, task.entry, true);
  record.copiedBytes = token.lengthBytes;
  record.rodToken = token.bytes;
  log.begin(record);
  record.end(COPY_COMPLETED, null);
  log.end(record);
  task.good();
}

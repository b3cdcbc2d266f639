/** REPORT TIMESTAMP and SET TIMESTAMP (SPC-4 6.38, 6.46). The clock itself stands in device-clock.ts. */
import { NO_SENSE_VALUE } from '../command/command.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import {
  parameterFieldPointer,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TIMESTAMP_CHANGED,
} from '../sense.ts';
import type { Task } from '../task/task.ts';

export function reportTimestamp(task: Task): void {
  sendParameterData(task, task.command.cdbView.getUint32(LENGTH_BYTE), buildTimestamp);
}

export function setTimestamp(task: Task): void {
  const listLength = task.command.cdbView.getUint32(LENGTH_BYTE);
  if (listLength === 0)
    task.good(); // SPC-4 6.46: no change
  else if (listLength < TIMESTAMP_BYTES) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else if (listLength > TIMESTAMP_BYTES) task.invalidField(LENGTH_BYTE, 7);
  else receiveParameterList(task, listLength, takeTimestamp);
}

// SPC-4 6.38, 6.46: the same places in both CDBs, and in both kinds of parameter data.
const LENGTH_BYTE = 6;
const TIMESTAMP_BYTES = 12;
/** TIMESTAMP PARAMETER DATA LENGTH does not count itself. */
const TIMESTAMP_PARAMETER_DATA_LENGTH = TIMESTAMP_BYTES - 2;
const TIMESTAMP_ORIGIN = 2;
const TIMESTAMP = 4;
const TIMESTAMP_FIELD_BYTES = 6;
/** The first byte of TIMESTAMP may not be larger. */
const TIMESTAMP_TOP_BYTE_MAX = 0xf0;

function buildTimestamp(task: Task, out: Buffer): number {
  const { deviceClock } = task.unit;
  out.fill(0, 0, TIMESTAMP_BYTES);
  out.writeUInt16BE(TIMESTAMP_PARAMETER_DATA_LENGTH, 0);
  out[TIMESTAMP_ORIGIN] = deviceClock.origin;
  out.writeUIntBE(deviceClock.timestamp(task.context.wallClock), TIMESTAMP, TIMESTAMP_FIELD_BYTES);
  return TIMESTAMP_BYTES;
}

function takeTimestamp(task: Task, list: Buffer): void {
  const { unit, command, context } = task;
  const wrong = wrongByte(list);
  if (wrong >= 0) {
    const pointer = parameterFieldPointer(wrong, NO_SENSE_VALUE);
    task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
    return;
  }
  unit.deviceClock.set(context.wallClock, list.readUIntBE(TIMESTAMP, TIMESTAMP_FIELD_BYTES));
  unit.establishAttention(SENSE_TIMESTAMP_CHANGED, command.nexus);
  task.good();
}

/** The first byte that is reserved and not zero, or too large; -1 when all is well. */
function wrongByte(list: Buffer): number {
  return list.findIndex((byte, at) => {
    if (at === TIMESTAMP) return byte > TIMESTAMP_TOP_BYTE_MAX;
    const isTimestamp = at > TIMESTAMP && at < TIMESTAMP + TIMESTAMP_FIELD_BYTES;
    return !isTimestamp && byte !== 0;
  });
}

/**
 * WRITE BUFFER, READ BUFFER(10) and (16) (SPC-4 6.49, 6.18; SPC-5 for the last): the data buffer of a logical unit, and an
 * echo buffer for each I_T nexus, so that none overwrites another's. Both are memory for tests of the way to us, made when
 * first written to. There is no microcode to be downloaded and no error history: those modes are invalid fields.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import { SENSE_COMMAND_SEQUENCE_ERROR } from '../sense.ts';
import type { ParameterDataBuilder, Task } from '../task/task.ts';

/** Capacity of the one data buffer of a logical unit, which has BUFFER ID 0. */
export const DATA_BUFFER_BYTES = 4096;
/** Capacity of an echo buffer; BUFFER CAPACITY of its descriptor has 13 bits. */
export const ECHO_BUFFER_BYTES = 4096;

export function writeBuffer(task: Task): void {
  const { cdb, cdbView } = task.command;
  const lengthBytes = cdbView.getUint32(WB_PARAMETER_LIST_LENGTH - 1) & UINT24_MASK;
  switch (cdb[MODE_BYTE]! & MODE) {
    case MODE_DATA:
      writeData(task, cdbView.getUint32(OFFSET_10 - 1) & UINT24_MASK, lengthBytes);
      return;
    case MODE_ECHO:
      writeEcho(task, lengthBytes);
      return;
    default:
      task.invalidField(MODE_BYTE, MODE_TOP_BIT);
  }
}

export function readBuffer10(task: Task): void {
  const { cdb, cdbView } = task.command;
  const offset = cdbView.getUint32(OFFSET_10 - 1) & UINT24_MASK;
  const allocationLength = cdbView.getUint32(ALLOCATION_LENGTH_10 - 1) & UINT24_MASK;
  readBuffer(task, PLACES_10, cdb[PLACES_10.bufferID]!, offset, allocationLength);
}

export function readBuffer16(task: Task): void {
  const { cdb, cdbView } = task.command;
  const offset = cdbView.getUint32(OFFSET_16) * 2 ** 32 + cdbView.getUint32(OFFSET_16 + 4);
  readBuffer(task, PLACES_16, cdb[PLACES_16.bufferID]!, offset, cdbView.getUint32(ALLOCATION_LENGTH_16));
}

/** Where the fields that may be wrong stand in a CDB. */
interface BufferPlaces {
  readonly bufferID: number;
  readonly offset: number;
}

// SPC-4 6.18, 6.49
const MODE_BYTE = 1;
const MODE = 0x1f;
const MODE_TOP_BIT = 4;
const OFFSET_10 = 3;
const ALLOCATION_LENGTH_10 = 6;
const WB_PARAMETER_LIST_LENGTH = 6;
const UINT24_MASK = 0xffffff;
const PLACES_10: BufferPlaces = { bufferID: 2, offset: OFFSET_10 };
// SPC-5 READ BUFFER(16)
const OFFSET_16 = 2;
const ALLOCATION_LENGTH_16 = 10;
const PLACES_16: BufferPlaces = { bufferID: 14, offset: OFFSET_16 };

const MODE_DATA = 0x02;
const MODE_DESCRIPTOR = 0x03;
const MODE_ECHO = 0x0a;
const MODE_ECHO_DESCRIPTOR = 0x0b;

const DATA_BUFFER_ID = 0;
const DESCRIPTOR_BYTES = 4;
/** EBOS: what an I_T nexus reads from its echo buffer is what it has written. */
const EBOS = 0x01;

function readBuffer(task: Task, places: BufferPlaces, id: number, offset: number, allocationLength: number): void {
  switch (task.command.cdb[MODE_BYTE]! & MODE) {
    case MODE_DATA:
      if (isDataBuffer(task, places, id, offset)) sendParameterData(task, allocationLength, dataFrom(offset));
      return;
    case MODE_DESCRIPTOR:
      if (offset !== 0) task.invalidField(places.offset, 7);
      else sendParameterData(task, allocationLength, id === DATA_BUFFER_ID ? buildDescriptor : buildNoDescriptor);
      return;
    case MODE_ECHO:
      if (echoOf(task) === null) task.check(SENSE_COMMAND_SEQUENCE_ERROR);
      else sendParameterData(task, allocationLength, buildEcho);
      return;
    case MODE_ECHO_DESCRIPTOR:
      if (offset !== 0) task.invalidField(places.offset, 7);
      else sendParameterData(task, allocationLength, buildEchoDescriptor);
      return;
    default:
      task.invalidField(MODE_BYTE, MODE_TOP_BIT);
  }
}

function writeData(task: Task, offset: number, lengthBytes: number): void {
  if (!isDataBuffer(task, PLACES_10, task.command.cdb[PLACES_10.bufferID]!, offset)) return;
  if (lengthBytes > DATA_BUFFER_BYTES - offset) task.invalidField(WB_PARAMETER_LIST_LENGTH, 7);
  else if (lengthBytes === 0) task.good();
  else {
    receiveParameterList(task, lengthBytes, ({ unit }, list) => {
      unit.dataBuffer ??= Buffer.alloc(DATA_BUFFER_BYTES);
      list.copy(unit.dataBuffer, offset);
      task.good();
    });
  }
}

/** BUFFER ID and BUFFER OFFSET are ignored. */
function writeEcho(task: Task, lengthBytes: number): void {
  if (lengthBytes > ECHO_BUFFER_BYTES) task.invalidField(WB_PARAMETER_LIST_LENGTH, 7);
  else if (lengthBytes === 0) task.good();
  else {
    receiveParameterList(task, lengthBytes, (_task, list) => {
      task.unit.nexusState(task.command.nexus).echoBuffer = list;
      task.good();
    });
  }
}

/** Ends the task when there is no such buffer, or nothing at `offset` in it. */
function isDataBuffer(task: Task, places: BufferPlaces, id: number, offset: number): boolean {
  if (id !== DATA_BUFFER_ID) task.invalidField(places.bufferID, 7);
  else if (offset >= DATA_BUFFER_BYTES) task.invalidField(places.offset, 7);
  else return true;
  return false;
}

function echoOf(task: Task): Buffer | null {
  return task.unit.nexusState(task.command.nexus).echoBuffer;
}

/** The data buffer from `offset` to its end; zeros when nobody has written to it. */
function dataFrom(offset: number): ParameterDataBuilder {
  return ({ unit }, out) => {
    const lengthBytes = DATA_BUFFER_BYTES - offset;
    out.fill(0, 0, lengthBytes);
    unit.dataBuffer?.copy(out, 0, offset);
    return lengthBytes;
  };
}

/** As much as was written, and when another command of the nexus has written meanwhile, that. */
function buildEcho(task: Task, out: Buffer): number {
  return echoOf(task)?.copy(out) ?? 0;
}

/** OFFSET BOUNDARY zero: any byte. */
function buildDescriptor(_task: Task, out: Buffer): number {
  out.writeUInt32BE(DATA_BUFFER_BYTES, 0);
  return DESCRIPTOR_BYTES;
}

function buildNoDescriptor(_task: Task, out: Buffer): number {
  out.writeUInt32BE(0, 0);
  return DESCRIPTOR_BYTES;
}

function buildEchoDescriptor(_task: Task, out: Buffer): number {
  out.writeUInt32BE(ECHO_BUFFER_BYTES, 0);
  out[0] = EBOS;
  return DESCRIPTOR_BYTES;
}

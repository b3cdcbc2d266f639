/**
 * Parameter lists from the application client (SPC-4 4.2.5.5): received whole, in memory of their own, so that a command
 * holds no slot while it does what the list asks for.
 */
import { assert } from '../../util/assert.ts';
import type { Slot } from '../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import { SENSE_PARAMETER_LIST_LENGTH_ERROR } from '../sense.ts';
import type { Operation, Task } from '../task/task.ts';

/** Goes on with the list in task.parameterList; begins an operation of its own or ends the task. */
export type ParameterListReader = (task: Task, list: Buffer) => void;

/**
 * Receives the `lengthBytes` that the CDB names and hands them to `reader`; with less in the data-out buffer the task ends
 * with PARAMETER LIST LENGTH ERROR.
 * @param lengthBytes from the CDB, 1 to SEGMENT_BYTES_MAX: whoever calls has a limit of its own
 */
export function receiveParameterList(task: Task, lengthBytes: number, reader: ParameterListReader): void {
  assert(lengthBytes > 0 && lengthBytes <= SEGMENT_BYTES_MAX, 'a parameter list fits one segment');
  const { command } = task;
  command.presentedOutBytes = lengthBytes;
  if (command.dataOutBytes < lengthBytes) {
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    return;
  }
  task.operation = new ParameterListReception(reader);
  task.requestDataOut(0, lengthBytes);
}

class ParameterListReception implements Operation {
  private readonly reader: ParameterListReader;

  constructor(reader: ParameterListReader) {
    this.reader = reader;
  }

  onDataOut(task: Task, slot: Slot, _bufferOffset: number, lengthBytes: number): void {
    const list = Buffer.from(slot.memory.subarray(slot.dataOffset, slot.dataOffset + lengthBytes));
    slot.release();
    task.parameterList = list;
    this.reader(task, list);
  }

  onSlotReady(): void {
    unexpected();
  }

  onIoDone(): void {
    unexpected();
  }

  onCompareBuffer(): void {
    unexpected();
  }
}

function unexpected(): never {
  assert(false, 'a parameter list comes by Data-Out alone');
}

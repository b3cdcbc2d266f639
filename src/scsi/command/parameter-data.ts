/**
 * Parameter data to the application client (SPC-4 4.2.5.6): built in the reactor's scratch memory, cut to the allocation
 * length, copied to a slot. The slot comes first, so what is built need not survive a wait for memory.
 */
import { assert } from '../../util/assert.ts';
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import type { Operation, ParameterDataBuilder, Task } from '../task/task.ts';

/**
 * Ends `task` with GOOD and what `builder` makes. The CDB must have been checked: from here nothing fails.
 * @param allocationLength bytes, from the CDB; zero is no error
 */
export function sendParameterData(task: Task, allocationLength: number, builder: ParameterDataBuilder): void {
  task.allocationLength = allocationLength;
  task.builder = builder;
  task.operation = PARAMETER_DATA;
  PARAMETER_DATA.onSlotReady(task);
}

const PARAMETER_DATA: Operation = {
  onSlotReady(task) {
    const limitBytes = Math.min(task.allocationLength, task.command.dataInBytes, SEGMENT_BYTES_MAX);
    if (limitBytes > 0) {
      task.slot = task.takeSlot(limitBytes);
      if (task.slot === null) {
        task.waitForSlot();
        return;
      }
    }
    send(task);
  },
  onDataOut: unexpected,
  onIoDone: unexpected,
  onCompareBuffer: unexpected,
};

function send(task: Task): void {
  const { builder, command, slot } = task;
  const { scratch } = task.context;
  assert(builder !== null, 'parameter data has a builder');
  const lengthBytes = builder(task, scratch);
  assert(lengthBytes <= scratch.length, 'parameter data fits the scratch memory');
  command.presentedInBytes = Math.min(lengthBytes, task.allocationLength);
  const sendBytes = Math.min(command.presentedInBytes, command.dataInBytes);
  if (slot !== null && sendBytes > 0) {
    scratch.copy(slot.memory, slot.dataOffset, 0, sendBytes);
    command.finalSlot = slot;
    command.finalBytes = sendBytes;
    task.slot = null;
  }
  task.good();
}

function unexpected(): never {
  assert(false, 'parameter data waits for slots alone');
}

/** MECHANISM STATUS (MMC-4 6.11) and SET CD SPEED: a drive with one tray, whose disc does not turn. */
import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';

export function mechanismStatus(task: Task): void {
  sendParameterData(task, task.command.cdbView.getUint16(ALLOCATION_LENGTH), buildMechanismStatus);
}

/** A hint at most: the store is as fast as it is. */
export function setCdSpeed(task: Task): void {
  task.good();
}

const ALLOCATION_LENGTH = 8;
const HEADER_BYTES = 8;
const DOOR_OPEN = 0x10;

/** No changer: no slots and no slot table. */
function buildMechanismStatus(task: Task, out: Buffer): number {
  out.fill(0, 0, HEADER_BYTES);
  out[1] = task.unit.isMediumPresent ? 0 : DOOR_OPEN;
  return HEADER_BYTES;
}

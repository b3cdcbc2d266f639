/**
 * REPORT ALL ROD TOKENS (SPC-4 6.34): the valid tokens of the unit, as management tokens, without what makes them usable.
 * Each logical unit is a copy manager of its own here.
 */
import { sendParameterData } from '../../command/parameter-data.ts';
import type { Task } from '../../task/task.ts';
import { MANAGEMENT_TOKEN_BYTES } from './rod-token-format.ts';

export function reportAllRodTokens(task: Task): void {
  sendParameterData(task, task.command.cdbView.getUint32(ALLOCATION_LENGTH), writeTokens);
}

const ALLOCATION_LENGTH = 10;
const HEADER_BYTES = 8;
/** AVAILABLE DATA does not count itself. */
const AVAILABLE_DATA_BYTES = 4;

function writeTokens(task: Task, out: Buffer): number {
  const tokens = task.context.rodTokens.validOf(task.unit);
  const lengthBytes = HEADER_BYTES + tokens.length * MANAGEMENT_TOKEN_BYTES;
  out.fill(0, 0, HEADER_BYTES);
  out.writeUInt32BE(lengthBytes - AVAILABLE_DATA_BYTES);
  tokens.forEach(({ bytes }, index) => {
    out.set(bytes.subarray(0, MANAGEMENT_TOKEN_BYTES), HEADER_BYTES + index * MANAGEMENT_TOKEN_BYTES);
  });
  return lengthBytes;
}

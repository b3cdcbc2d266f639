/** What all vital product data pages share (SPC-4 7.8.1): the header, and ASCII fields (SPC-4 4.3.1). */
import { PERIPHERAL_NOT_CONNECTED, PERIPHERAL_NOT_SUPPORTED, PERIPHERAL_WELL_KNOWN } from '../../constants.ts';
import { STATE_UNAVAILABLE } from '../../port/target-port.ts';
import type { Task } from '../../task/task.ts';
import { ADDRESSED_DISK, ADDRESSED_WELL_KNOWN } from '../../task/task.ts';

export const VPD_HEADER_BYTES = 4;

/** Peripheral qualifier and device type of what the task's LUN stands for. */
export function peripheral(task: Task): number {
  if (task.addressed === ADDRESSED_DISK) {
    const isUnavailable = task.command.nexus.targetPort.access.state === STATE_UNAVAILABLE;
    return isUnavailable ? PERIPHERAL_NOT_CONNECTED | task.unit.deviceType : task.unit.deviceType;
  }
  return task.addressed === ADDRESSED_WELL_KNOWN ? PERIPHERAL_WELL_KNOWN : PERIPHERAL_NOT_SUPPORTED;
}

/** Starts a page with `pageLength` zeros behind its header; returns its whole length. */
export function beginPage(task: Task, out: Buffer, pageCode: number, pageLength: number): number {
  out.fill(0, 0, VPD_HEADER_BYTES + pageLength);
  out[0] = peripheral(task);
  out[1] = pageCode;
  out.writeUInt16BE(pageLength, 2);
  return VPD_HEADER_BYTES + pageLength;
}

/** Writes `text` left-aligned and padded with spaces; what is not printable ASCII becomes a space. */
export function writeAscii(out: Buffer, offset: number, lengthBytes: number, text: string): void {
  for (let i = 0; i < lengthBytes; i++) {
    const code = i < text.length ? text.charCodeAt(i) : SPACE;
    out[offset + i] = code >= SPACE && code <= TILDE ? code : SPACE;
  }
}

const SPACE = 0x20;
const TILDE = 0x7e;

/** SCSI Ports VPD page 88h (SPC-4 7.8.14): every target port by which this initiator could reach the unit, with its name. */
import { VPD_SCSI_PORTS } from '../../constants.ts';
import type { TargetPort } from '../../port/target-port.ts';
import type { Task } from '../../task/task.ts';
import { writePortName } from './device-identification.ts';
import { beginPage, VPD_HEADER_BYTES } from './vpd-page.ts';

export function buildScsiPorts(task: Task, out: Buffer): number {
  let end = VPD_HEADER_BYTES;
  for (const port of task.unit.portsSeenBy(task.command.nexus)) {
    if (end + PORT_BYTES_MAX > PAGE_BYTES_MAX) break;
    end = writePort(port, out, end);
  }
  const header = Buffer.alloc(VPD_HEADER_BYTES);
  beginPage(task, header, VPD_SCSI_PORTS, 0);
  header.writeUInt16BE(end - VPD_HEADER_BYTES, 2);
  header.copy(out);
  return end;
}

// SPC-4 7.8.14 SCSI port designation descriptor
const RELATIVE_PORT_IDENTIFIER = 2;
const TARGET_PORT_DESCRIPTORS_LENGTH = 10;
/** The INITIATOR PORT TRANSPORTID is not there: its length is zero. */
const TARGET_PORT_DESCRIPTORS = 12;
/** A header of four bytes and a name string of 240. */
const PORT_BYTES_MAX = TARGET_PORT_DESCRIPTORS + 4 + 240;
/** What INQUIRY's two bytes of ALLOCATION LENGTH can ask for. */
const PAGE_BYTES_MAX = 0xffff;

function writePort({ name, relativeTargetPort }: TargetPort, out: Buffer, at: number): number {
  out.fill(0, at, at + TARGET_PORT_DESCRIPTORS);
  out.writeUInt16BE(relativeTargetPort, at + RELATIVE_PORT_IDENTIFIER);
  const start = at + TARGET_PORT_DESCRIPTORS;
  const end = writePortName(out, start, name);
  out.writeUInt16BE(end - start, at + TARGET_PORT_DESCRIPTORS_LENGTH);
  return end;
}

/** Third-party Copy VPD page 8Fh (SPC-4 7.8.17): the descriptors that are mandatory for EXTENDED COPY(LID1). */
import { VPD_THIRD_PARTY_COPY } from '../constants.ts';
import { beginPage, VPD_HEADER_BYTES } from '../spc/vpd-page.ts';
import type { Task } from '../task.ts';
import {
  COPIES_MAX,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  IMPLEMENTED_DESCRIPTORS,
  INLINE_DATA_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';

export function buildThirdPartyCopy(task: Task, out: Buffer): number {
  const operationCodes = [0x83, 0x84];
  const commands = operationCodes.flatMap((code) => {
    const { entries } = task.context.table;
    const actions = entries.filter(({ operationCode }) => operationCode === code);
    return [code, actions.length, ...actions.map(({ serviceAction }) => serviceAction)];
  });
  const descriptors = [
    ...descriptor(SUPPORTED_COMMANDS, [commands.length, ...commands]),
    ...descriptor(PARAMETER_DATA, parameterData()),
    ...descriptor(SUPPORTED_DESCRIPTORS, [IMPLEMENTED_DESCRIPTORS.length, ...IMPLEMENTED_DESCRIPTORS]),
    ...descriptor(SUPPORTED_CSCD_DESCRIPTOR_IDS, [0, 0]), // none beside those of the CSCD descriptor list
    ...descriptor(GENERAL_COPY_OPERATIONS, generalCopyOperations()),
  ];
  const lengthBytes = beginPage(task, out, VPD_THIRD_PARTY_COPY, descriptors.length);
  out.set(descriptors, VPD_HEADER_BYTES);
  return lengthBytes;
}

// THIRD-PARTY COPY DESCRIPTOR TYPE (SPC-4 table 645)
const SUPPORTED_COMMANDS = 0x0001;
const PARAMETER_DATA = 0x0004;
const SUPPORTED_DESCRIPTORS = 0x0008;
const SUPPORTED_CSCD_DESCRIPTOR_IDS = 0x000c;
const GENERAL_COPY_OPERATIONS = 0x8001;

// SPC-4 7.8.17.5, 7.8.17.10; offsets behind the descriptor's header
const PARAMETER_DATA_BYTES = 28;
const GENERAL_COPY_OPERATIONS_BYTES = 32;
const MAXIMUM_CSCD_DESCRIPTOR_COUNT = 4;
const MAXIMUM_SEGMENT_DESCRIPTOR_COUNT = 6;
const MAXIMUM_DESCRIPTOR_LIST_LENGTH = 8;
const MAXIMUM_INLINE_DATA_LENGTH = 12;
const TOTAL_CONCURRENT_COPIES = 0;
const MAXIMUM_IDENTIFIED_CONCURRENT_COPIES = 4;

/** Every descriptor is a multiple of four bytes long (SPC-4 7.8.17.2). */
function descriptor(type: number, data: Iterable<number>): number[] {
  const bytes = [...data];
  while (bytes.length % 4 !== 0) bytes.push(0);
  return [type >>> 8, type & 0xff, bytes.length >>> 8, bytes.length & 0xff, ...bytes];
}

function parameterData(): Buffer {
  const data = Buffer.alloc(PARAMETER_DATA_BYTES);
  data.writeUInt16BE(CSCD_DESCRIPTORS_MAX, MAXIMUM_CSCD_DESCRIPTOR_COUNT);
  data.writeUInt16BE(SEGMENT_DESCRIPTORS_MAX, MAXIMUM_SEGMENT_DESCRIPTOR_COUNT);
  data.writeUInt32BE(DESCRIPTOR_LIST_BYTES_MAX, MAXIMUM_DESCRIPTOR_LIST_LENGTH);
  data.writeUInt32BE(INLINE_DATA_BYTES_MAX, MAXIMUM_INLINE_DATA_LENGTH);
  return data;
}

/** No limit to a segment's length; granularities of a byte. */
function generalCopyOperations(): Buffer {
  const data = Buffer.alloc(GENERAL_COPY_OPERATIONS_BYTES);
  data.writeUInt32BE(COPIES_MAX, TOTAL_CONCURRENT_COPIES);
  data.writeUInt32BE(COPIES_MAX, MAXIMUM_IDENTIFIED_CONCURRENT_COPIES);
  return data;
}

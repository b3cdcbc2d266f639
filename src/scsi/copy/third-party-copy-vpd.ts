/**
 * Third-party Copy VPD page 8Fh (SPC-4 7.8.17): the descriptors that are mandatory for EXTENDED COPY(LID1) and (LID4), and
 * those of ROD tokens (SBC-3 6.6.6), by which Windows finds that it may use them.
 */
import { VPD_THIRD_PARTY_COPY } from '../constants.ts';
import { beginPage, VPD_HEADER_BYTES } from '../spc/inquiry/vpd-page.ts';
import type { Task } from '../task/task.ts';
import {
  COPIES_MAX,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  IMPLEMENTED_DESCRIPTORS,
  INACTIVITY_TIMEOUT_S_DEFAULT,
  INACTIVITY_TIMEOUT_S_MAX,
  INLINE_DATA_BYTES_MAX,
  RANGE_DESCRIPTORS_MAX,
  SEGMENT_DESCRIPTORS_MAX,
  TOKEN_TRANSFER_BYTES_MAX,
  TOKEN_TRANSFER_BYTES_OPTIMAL,
} from './copy-limits.ts';
import { ROD_TYPE_BLOCK_ZERO, ROD_TYPE_CHANGE_VULNERABLE } from './token/rod-token-format.ts';

export function buildThirdPartyCopy(task: Task, out: Buffer): number {
  const operationCodes = [0x83, 0x84];
  const commands = operationCodes.flatMap((code) => {
    const { entries } = task.context.table;
    const actions = entries.filter(({ operationCode }) => operationCode === code);
    return [code, actions.length, ...actions.map(({ serviceAction }) => serviceAction)];
  });
  const descriptors = [
    ...descriptor(BLOCK_DEVICE_ROD_TOKEN_LIMITS, rodTokenLimits(task.unit.blockBytes)),
    ...descriptor(SUPPORTED_COMMANDS, [commands.length, ...commands]),
    ...descriptor(PARAMETER_DATA, parameterData()),
    ...descriptor(SUPPORTED_DESCRIPTORS, [IMPLEMENTED_DESCRIPTORS.length, ...IMPLEMENTED_DESCRIPTORS]),
    ...descriptor(SUPPORTED_CSCD_DESCRIPTOR_IDS, [0, 0]), // none beside those of the CSCD descriptor list
    ...descriptor(ROD_TOKEN_FEATURES, rodTokenFeatures()),
    ...descriptor(SUPPORTED_ROD_TYPES, supportedRodTypes()),
    ...descriptor(GENERAL_COPY_OPERATIONS, generalCopyOperations()),
  ];
  const lengthBytes = beginPage(task, out, VPD_THIRD_PARTY_COPY, descriptors.length);
  out.set(descriptors, VPD_HEADER_BYTES);
  return lengthBytes;
}

// THIRD-PARTY COPY DESCRIPTOR TYPE (SPC-4 table 645)
const BLOCK_DEVICE_ROD_TOKEN_LIMITS = 0x0000;
const SUPPORTED_COMMANDS = 0x0001;
const PARAMETER_DATA = 0x0004;
const SUPPORTED_DESCRIPTORS = 0x0008;
const SUPPORTED_CSCD_DESCRIPTOR_IDS = 0x000c;
const ROD_TOKEN_FEATURES = 0x0106;
const SUPPORTED_ROD_TYPES = 0x0108;
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

// SBC-3 6.6.6.3
const ROD_TOKEN_LIMITS_BYTES = 32;
const MAXIMUM_RANGE_DESCRIPTORS = 6;
const MAXIMUM_INACTIVITY_TIMEOUT = 8;
const DEFAULT_INACTIVITY_TIMEOUT = 12;
const MAXIMUM_TOKEN_TRANSFER_SIZE = 16;
const OPTIMAL_TRANSFER_COUNT = 24;

// SPC-4 7.8.17.8; the block device part behind it is SBC-3 6.6.6.4
const ROD_TOKEN_FEATURES_BYTES = 44;
const MINIMUM_TOKEN_LIFETIME = 12;
const MAXIMUM_TOKEN_LIFETIME = 16;
const MAXIMUM_TOKEN_INACTIVITY_TIMEOUT = 20;
const TYPE_SPECIFIC_FEATURES_LENGTH = 42;
const BLOCK_FEATURES_BYTES = 48;
const BLOCK_FEATURES_HEADER_BYTES = 4;
const BLOCK_FEATURES_LENGTH = 2;
const BLOCK_MAXIMUM_BYTES = 8;
const BLOCK_OPTIMAL_BYTES = 16;
const BLOCK_OPTIMAL_BYTES_TO_TOKEN = 24;
const BLOCK_OPTIMAL_BYTES_FROM_TOKEN = 32;

// SPC-4 7.8.17.9
const ROD_TYPE_DESCRIPTOR_BYTES = 64;
const ROD_TYPES_HEADER_BYTES = 4;
const ROD_TYPE_DESCRIPTORS_LENGTH = 2;
const ROD_TYPE_FLAGS = 4;
const TOKEN_OUT = 0x01;
const TOKEN_IN = 0x02;

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

/** In blocks of the unit. */
function rodTokenLimits(blockBytes: number): Buffer {
  const data = Buffer.alloc(ROD_TOKEN_LIMITS_BYTES);
  data.writeUInt16BE(RANGE_DESCRIPTORS_MAX, MAXIMUM_RANGE_DESCRIPTORS);
  data.writeUInt32BE(INACTIVITY_TIMEOUT_S_MAX, MAXIMUM_INACTIVITY_TIMEOUT);
  data.writeUInt32BE(INACTIVITY_TIMEOUT_S_DEFAULT, DEFAULT_INACTIVITY_TIMEOUT);
  writeCount(data, TOKEN_TRANSFER_BYTES_MAX / blockBytes, MAXIMUM_TOKEN_TRANSFER_SIZE);
  writeCount(data, TOKEN_TRANSFER_BYTES_OPTIMAL / blockBytes, OPTIMAL_TRANSFER_COUNT);
  return data;
}

/** REMOTE TOKENS zero: tokens of other copy managers are not known here. A token lives while it is used. */
function rodTokenFeatures(): Buffer {
  const data = Buffer.alloc(ROD_TOKEN_FEATURES_BYTES + BLOCK_FEATURES_BYTES);
  data.writeUInt32BE(1, MINIMUM_TOKEN_LIFETIME);
  data.writeUInt32BE(0xffffffff, MAXIMUM_TOKEN_LIFETIME);
  data.writeUInt32BE(INACTIVITY_TIMEOUT_S_MAX, MAXIMUM_TOKEN_INACTIVITY_TIMEOUT);
  data.writeUInt16BE(BLOCK_FEATURES_BYTES, TYPE_SPECIFIC_FEATURES_LENGTH);
  const block = data.subarray(ROD_TOKEN_FEATURES_BYTES);
  block.writeUInt16BE(BLOCK_FEATURES_BYTES - BLOCK_FEATURES_HEADER_BYTES, BLOCK_FEATURES_LENGTH);
  writeCount(block, TOKEN_TRANSFER_BYTES_MAX, BLOCK_MAXIMUM_BYTES);
  writeCount(block, TOKEN_TRANSFER_BYTES_OPTIMAL, BLOCK_OPTIMAL_BYTES);
  writeCount(block, TOKEN_TRANSFER_BYTES_MAX, BLOCK_OPTIMAL_BYTES_TO_TOKEN);
  writeCount(block, TOKEN_TRANSFER_BYTES_OPTIMAL, BLOCK_OPTIMAL_BYTES_FROM_TOKEN);
  return data;
}

/** The zero token is only taken: everybody knows it. */
function supportedRodTypes(): Buffer {
  const data = Buffer.alloc(ROD_TYPES_HEADER_BYTES + 2 * ROD_TYPE_DESCRIPTOR_BYTES);
  data.writeUInt16BE(2 * ROD_TYPE_DESCRIPTOR_BYTES, ROD_TYPE_DESCRIPTORS_LENGTH);
  data.writeUInt32BE(ROD_TYPE_CHANGE_VULNERABLE, ROD_TYPES_HEADER_BYTES);
  data[ROD_TYPES_HEADER_BYTES + ROD_TYPE_FLAGS] = TOKEN_IN | TOKEN_OUT;
  data.writeUInt32BE(ROD_TYPE_BLOCK_ZERO, ROD_TYPES_HEADER_BYTES + ROD_TYPE_DESCRIPTOR_BYTES);
  data[ROD_TYPES_HEADER_BYTES + ROD_TYPE_DESCRIPTOR_BYTES + ROD_TYPE_FLAGS] = TOKEN_IN;
  return data;
}

function writeCount(data: Buffer, count: number, at: number): void {
  data.writeUInt32BE(Math.floor(count / 0x100000000), at);
  data.writeUInt32BE(count % 0x100000000, at + 4);
}

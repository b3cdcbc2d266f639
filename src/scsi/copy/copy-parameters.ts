/**
 * The parameter list of EXTENDED COPY(LID1) (SPC-4 6.5, 6.4.3 to 6.4.6), checked as a whole before a byte is copied: a list
 * that is wrong anywhere copies nothing.
 *
 *   | header (16) | CSCD descriptors (32 each) | segment descriptors (28 each) | inline data, of which we take none |
 *
 * A copy source or destination (CSCD) is found only among the logical units that the initiator's own target device exports:
 * nobody reaches by a copy what they could not reach by READ and WRITE.
 */
import type { Backend } from '../../backend/backend.ts';
import { NO_SENSE_VALUE } from '../command.ts';
import type { LogicalUnit } from '../logical-unit.ts';
import type { LunMap } from '../lun-map.ts';
import {
  parameterFieldPointer,
  SENSE_COPY_ABORTED,
  SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE,
  SENSE_INCORRECT_COPY_TARGET_DEVICE_TYPE,
  SENSE_INLINE_DATA_LENGTH_EXCEEDED,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TOO_MANY_SEGMENT_DESCRIPTORS,
  SENSE_TOO_MANY_TARGET_DESCRIPTORS,
  SENSE_UNEXPECTED_INEXACT_SEGMENT,
  SENSE_UNREACHABLE_COPY_TARGET,
  SENSE_UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE,
  SENSE_UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE,
} from '../sense.ts';
import { DESIGNATOR_BYTES_MAX, isDesignatedBy } from '../spc/device-identification.ts';
import {
  BLOCK_TO_BLOCK,
  BLOCK_TO_BLOCK_BYTES,
  CSCD_DESCRIPTOR_BYTES,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  IDENTIFICATION_CSCD,
  INLINE_DATA_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';

export const PARAMETER_LIST_HEADER_BYTES = 16;

/** LIST ID USAGE (SPC-4 table 129). */
export const LIST_ID_HOLD = 0;
export const LIST_ID_DISCARD = 2;
export const LIST_ID_DISABLE = 3;

/** One block to block segment with its units found, in bytes. */
export interface CopySegment {
  readonly source: CopyEnd;
  readonly destination: CopyEnd;
  readonly lengthBytes: number;
}

export interface CopyEnd {
  readonly lun: number;
  readonly unit: LogicalUnit;
  /** The medium that was in the unit when the copy was asked for. */
  readonly medium: Backend;
  readonly offsetBytes: number;
  /** Where the parameter list names it: the field pointer of what goes wrong with it. */
  readonly listByte: number;
}

export interface CopyRequest {
  readonly listIdentifier: number;
  readonly listIdUsage: number;
  readonly segments: readonly CopySegment[];
}

/** Why a list is refused. */
export class CopyRefusal {
  readonly senseCode: number;
  readonly fieldPointer: number;

  constructor(senseCode: number, listByte: number = NO_SENSE_VALUE, bit: number = NO_SENSE_VALUE) {
    this.senseCode = senseCode;
    this.fieldPointer = listByte === NO_SENSE_VALUE ? NO_SENSE_VALUE : parameterFieldPointer(listByte, bit);
  }
}

/** The request in `list`, its segments in order and none of them empty, or why it is none. */
export function parseCopyParameters(list: Buffer, lunMap: LunMap): CopyRequest | CopyRefusal {
  const refusal = checkHeader(list);
  if (refusal !== null) return refusal;
  const cscds = parseCscds(list, lunMap);
  if (cscds instanceof CopyRefusal) return cscds;
  const segments = parseSegments(list, cscds);
  if (segments instanceof CopyRefusal) return segments;
  return { listIdentifier: list[LIST_IDENTIFIER]!, listIdUsage: listIdUsageOf(list), segments };
}

// SPC-4 6.5 EXTENDED COPY(LID1) parameter list. PRIORITY and STR are hints that we do not need.
const LIST_IDENTIFIER = 0;
const LIST_ID_USAGE_BYTE = 1;
const LIST_ID_USAGE_SHIFT = 3;
const LIST_ID_USAGE_RESERVED = 1;
const LIST_ID_USAGE_TOP_BIT = 4;
const CSCD_DESCRIPTOR_LIST_LENGTH = 2;
const SEGMENT_DESCRIPTOR_LIST_LENGTH = 8;
const INLINE_DATA_LENGTH = 12;

// SPC-4 6.4.5.1 CSCD descriptor, 7.6.3.1 Identification CSCD descriptor. LU ID TYPE and NUL are ignored (SPC-4 6.4.5.1).
const DEVICE_TYPE_BYTE = 1;
const DEVICE_TYPE_MASK = 0x1f;
const DIRECT_ACCESS = 0x00;
const CODE_SET = 4;
const ASSOCIATION_AND_TYPE = 5;
const DESIGNATOR_LENGTH = 7;
const DESIGNATOR = 8;
const DISK_BLOCK_LENGTH = 29;

// SPC-4 6.4.6.5 Block device to block device segment descriptor
const SEGMENT_FLAGS = 1;
const DC = 0x02;
const CAT = 0x01;
const DESCRIPTOR_LENGTH = 2;
const DESCRIPTOR_HEADER_BYTES = 4;
const SOURCE_CSCD_DESCRIPTOR_ID = 4;
const DESTINATION_CSCD_DESCRIPTOR_ID = 6;
const BLOCK_DEVICE_NUMBER_OF_BLOCKS = 10;
const SOURCE_LOGICAL_BLOCK_ADDRESS = 12;
const DESTINATION_LOGICAL_BLOCK_ADDRESS = 20;

/** What a CSCD descriptor names: a unit, or why there is none, which matters only to a segment that uses it. */
type Cscd = { readonly lun: number; readonly unit: LogicalUnit } | number;

function listIdUsageOf(list: Buffer): number {
  return (list[LIST_ID_USAGE_BYTE]! >>> LIST_ID_USAGE_SHIFT) & 3;
}

function checkHeader(list: Buffer): CopyRefusal | null {
  if (list.length < PARAMETER_LIST_HEADER_BYTES) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  const cscdBytes = list.readUInt16BE(CSCD_DESCRIPTOR_LIST_LENGTH);
  const segmentBytes = list.readUInt32BE(SEGMENT_DESCRIPTOR_LIST_LENGTH);
  const inlineBytes = list.readUInt32BE(INLINE_DATA_LENGTH);
  const listBytes = cscdBytes + segmentBytes;
  if (listBytes > DESCRIPTOR_LIST_BYTES_MAX) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  if (inlineBytes > INLINE_DATA_BYTES_MAX)
    return new CopyRefusal(SENSE_INLINE_DATA_LENGTH_EXCEEDED, INLINE_DATA_LENGTH);
  if (PARAMETER_LIST_HEADER_BYTES + listBytes > list.length) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  return checkListIdentifier(list);
}

function checkListIdentifier(list: Buffer): CopyRefusal | null {
  const usage = listIdUsageOf(list);
  if (usage === LIST_ID_USAGE_RESERVED) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, LIST_ID_USAGE_BYTE, LIST_ID_USAGE_TOP_BIT);
  }
  if (usage !== LIST_ID_DISABLE || list[LIST_IDENTIFIER] === 0) return null;
  return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, LIST_IDENTIFIER);
}

function parseCscds(list: Buffer, lunMap: LunMap): readonly Cscd[] | CopyRefusal {
  const lengthBytes = list.readUInt16BE(CSCD_DESCRIPTOR_LIST_LENGTH);
  if (lengthBytes > CSCD_DESCRIPTORS_MAX * CSCD_DESCRIPTOR_BYTES) {
    return new CopyRefusal(SENSE_TOO_MANY_TARGET_DESCRIPTORS, CSCD_DESCRIPTOR_LIST_LENGTH);
  }
  const end = PARAMETER_LIST_HEADER_BYTES + lengthBytes;
  const cscds: Cscd[] = [];
  for (let at = PARAMETER_LIST_HEADER_BYTES; at < end; at += CSCD_DESCRIPTOR_BYTES) {
    if (list[at] !== IDENTIFICATION_CSCD) return new CopyRefusal(SENSE_UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE, at);
    if (at + CSCD_DESCRIPTOR_BYTES > end) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    const cscd = parseCscd(list, at, lunMap);
    if (cscd instanceof CopyRefusal) return cscd;
    cscds.push(cscd);
  }
  return cscds;
}

/** DISK BLOCK LENGTH is what the initiator has counted in: with another one than the unit's it means other blocks. */
function parseCscd(list: Buffer, at: number, lunMap: LunMap): Cscd | CopyRefusal {
  if (list[at + DESIGNATOR_LENGTH]! > DESIGNATOR_BYTES_MAX) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + DESIGNATOR_LENGTH);
  }
  if ((list[at + DEVICE_TYPE_BYTE]! & DEVICE_TYPE_MASK) !== DIRECT_ACCESS)
    return SENSE_INCORRECT_COPY_TARGET_DEVICE_TYPE;
  const found = findUnit(list, at, lunMap);
  if (found === null) return SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE;
  if (found.unit.deviceType !== DIRECT_ACCESS) return SENSE_INCORRECT_COPY_TARGET_DEVICE_TYPE;
  const blockBytes = list.readUIntBE(at + DISK_BLOCK_LENGTH, 3);
  if (blockBytes === 0 || blockBytes === found.unit.blockBytes) return found;
  return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + DISK_BLOCK_LENGTH);
}

function findUnit(list: Buffer, at: number, lunMap: LunMap): { lun: number; unit: LogicalUnit } | null {
  const codeSet = list[at + CODE_SET]! & 0x0f;
  const associationAndType = list[at + ASSOCIATION_AND_TYPE]! & 0x3f;
  const start = at + DESIGNATOR;
  const designator = list.subarray(start, start + list[at + DESIGNATOR_LENGTH]!);
  let found: { lun: number; unit: LogicalUnit } | null = null;
  lunMap.visit((unit, lun) => {
    if (found === null && isDesignatedBy(unit, codeSet, associationAndType, designator)) found = { lun, unit };
  });
  return found;
}

function parseSegments(list: Buffer, cscds: readonly Cscd[]): readonly CopySegment[] | CopyRefusal {
  const start = PARAMETER_LIST_HEADER_BYTES + list.readUInt16BE(CSCD_DESCRIPTOR_LIST_LENGTH);
  const end = start + list.readUInt32BE(SEGMENT_DESCRIPTOR_LIST_LENGTH);
  if (end - start > SEGMENT_DESCRIPTORS_MAX * BLOCK_TO_BLOCK_BYTES) {
    return new CopyRefusal(SENSE_TOO_MANY_SEGMENT_DESCRIPTORS, SEGMENT_DESCRIPTOR_LIST_LENGTH);
  }
  const segments: CopySegment[] = [];
  for (let at = start; at < end; at += BLOCK_TO_BLOCK_BYTES) {
    if (list[at] !== BLOCK_TO_BLOCK) return new CopyRefusal(SENSE_UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, at);
    if (at + BLOCK_TO_BLOCK_BYTES > end) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    const segment = parseSegment(list, at, cscds);
    if (segment instanceof CopyRefusal) return segment;
    segments.push(segment);
  }
  return segments;
}

/** With DC zero the blocks are the source's, else the destination's (SPC-4 6.4.6.5). We pad nothing and concatenate nothing. */
function parseSegment(list: Buffer, at: number, cscds: readonly Cscd[]): CopySegment | CopyRefusal {
  const flags = list[at + SEGMENT_FLAGS]!;
  if ((flags & ~(DC | CAT)) !== 0) return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + SEGMENT_FLAGS);
  if (list.readUInt16BE(at + DESCRIPTOR_LENGTH) !== BLOCK_TO_BLOCK_BYTES - DESCRIPTOR_HEADER_BYTES) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + DESCRIPTOR_LENGTH);
  }
  const source = parseEnd(list, at, SOURCE_CSCD_DESCRIPTOR_ID, SOURCE_LOGICAL_BLOCK_ADDRESS, cscds);
  if (source instanceof CopyRefusal) return source;
  const destination = parseEnd(list, at, DESTINATION_CSCD_DESCRIPTOR_ID, DESTINATION_LOGICAL_BLOCK_ADDRESS, cscds);
  if (destination instanceof CopyRefusal) return destination;
  const counted = (flags & DC) === 0 ? source.unit : destination.unit;
  const lengthBytes = list.readUInt16BE(at + BLOCK_DEVICE_NUMBER_OF_BLOCKS) * counted.blockBytes;
  return checkRanges({ source, destination, lengthBytes }, at);
}

function parseEnd(
  list: Buffer,
  at: number,
  idOffset: number,
  lbaOffset: number,
  cscds: readonly Cscd[],
): CopyEnd | CopyRefusal {
  const listByte = at + idOffset;
  const cscd = cscds[list.readUInt16BE(listByte)];
  if (cscd === undefined) return new CopyRefusal(SENSE_UNREACHABLE_COPY_TARGET, listByte);
  if (typeof cscd === 'number') return new CopyRefusal(cscd, listByte);
  const lba = list.readUInt32BE(at + lbaOffset) * 0x100000000 + list.readUInt32BE(at + lbaOffset + 4);
  const { lun, unit } = cscd;
  return { lun, unit, medium: unit.backend, offsetBytes: lba * unit.blockBytes, listByte };
}

function checkRanges(segment: CopySegment, at: number): CopySegment | CopyRefusal {
  const { source, destination, lengthBytes } = segment;
  if (source.offsetBytes + lengthBytes > source.unit.sizeBytes) {
    return new CopyRefusal(SENSE_COPY_ABORTED, at + SOURCE_LOGICAL_BLOCK_ADDRESS);
  }
  if (destination.offsetBytes + lengthBytes > destination.unit.sizeBytes) {
    return new CopyRefusal(SENSE_COPY_ABORTED, at + DESTINATION_LOGICAL_BLOCK_ADDRESS);
  }
  if (lengthBytes % source.unit.blockBytes === 0 && lengthBytes % destination.unit.blockBytes === 0) return segment;
  return new CopyRefusal(SENSE_UNEXPECTED_INEXACT_SEGMENT, at + BLOCK_DEVICE_NUMBER_OF_BLOCKS);
}

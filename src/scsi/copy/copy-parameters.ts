/**
 * The parameter list of EXTENDED COPY(LID1) and (LID4) (SPC-4 6.4.5, 6.4.6), checked as a whole before a byte is copied: a
 * list that is wrong anywhere copies nothing.
 *
 *   | header | CSCD descriptors (32 each) | segment descriptors (28 or 32) | inline data, of which we take none |
 *
 * A copy source or destination (CSCD) is found only among the logical units that the initiator's own target device exports:
 * nobody reaches by a copy what they could not reach by READ and WRITE.
 */
import type { Backend } from '../../backend/backend.ts';
import type { LunMap } from '../lun-map.ts';
import {
  SENSE_COPY_ABORTED,
  SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE,
  SENSE_INCORRECT_COPY_TARGET_DEVICE_TYPE,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TOO_MANY_SEGMENT_DESCRIPTORS,
  SENSE_UNEXPECTED_INEXACT_SEGMENT,
  SENSE_UNREACHABLE_COPY_TARGET,
  SENSE_UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE,
  SENSE_UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE,
} from '../sense.ts';
import { DESIGNATOR_BYTES_MAX, isDesignatedBy } from '../spc/inquiry/device-identification.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import {
  BLOCK_TO_BLOCK,
  BLOCK_TO_BLOCK_BYTES,
  BYTES_TO_BYTES,
  BYTES_TO_BYTES_BYTES,
  COPY_SEGMENT_BYTES_MAX,
  CSCD_DESCRIPTOR_BYTES,
  IDENTIFICATION_CSCD,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';
import type { CopyListHeader } from './copy-list-header.ts';
import { CopyRefusal } from './copy-refusal.ts';
import type { RodToken } from './token/rod-token.ts';

/** Blocks to copy from one end to the other, in bytes. */
export interface CopySegment {
  /** Null: zeros. */
  readonly source: CopyEnd | null;
  readonly destination: CopyEnd;
  readonly lengthBytes: number;
  /** The token whose data the source is, and which the source's blocks must still be; null without one. */
  readonly token: RodToken | null;
}

export interface CopyEnd {
  readonly lunMap: LunMap;
  /** Where `lunMap` had the unit. */
  readonly lun: number;
  readonly unit: LogicalUnit;
  /** The medium that was in the unit when the copy was asked for. */
  readonly medium: Backend;
  readonly offsetBytes: number;
  /** Where the parameter list names it: the field pointer of what goes wrong with it. */
  readonly listByte: number;
}

/** A unit that is no longer exported may have lost its store; another medium in it is none of this copy's. */
export function isThere({ lunMap, lun, unit, medium }: CopyEnd): boolean {
  return lunMap.get(lun) === unit && unit.backend === medium;
}

/**
 * The segments that `list` asks for, in order; or why it asks for none. Its header has been checked.
 * @param lunMap what may be source or destination
 */
export function parseCopyParameters(
  list: Buffer,
  header: CopyListHeader,
  lunMap: LunMap,
): readonly CopySegment[] | CopyRefusal {
  const cscds = parseCscds(list, header, lunMap);
  return cscds instanceof CopyRefusal ? cscds : parseSegments(list, header, cscds, lunMap);
}

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

// SPC-4 6.4.6.14 Block device to block device with offset segment descriptor; ends and addresses as above
const NUMBER_OF_BYTES = 8;
const SOURCE_BLOCK_DEVICE_BYTE_OFFSET = 28;
const DESTINATION_BLOCK_DEVICE_BYTE_OFFSET = 30;

/** What a CSCD descriptor names: a unit, or why there is none, which matters only to a segment that uses it. */
type Cscd = { readonly lun: number; readonly unit: LogicalUnit } | number;

function parseCscds(list: Buffer, header: CopyListHeader, lunMap: LunMap): readonly Cscd[] | CopyRefusal {
  const { headerBytes, cscdBytes } = header;
  const end = headerBytes + cscdBytes;
  const cscds: Cscd[] = [];
  for (let at = headerBytes; at < end; at += CSCD_DESCRIPTOR_BYTES) {
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

function parseSegments(
  list: Buffer,
  { headerBytes, cscdBytes, segmentBytes }: CopyListHeader,
  cscds: readonly Cscd[],
  lunMap: LunMap,
): readonly CopySegment[] | CopyRefusal {
  const start = headerBytes + cscdBytes;
  const end = start + segmentBytes;
  const segments: CopySegment[] = [];
  for (let at = start; at < end; ) {
    const descriptorBytes = SEGMENT_DESCRIPTOR_BYTES.get(list[at]!);
    if (descriptorBytes === undefined) {
      return new CopyRefusal(SENSE_UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE, at);
    }
    if (segments.length === SEGMENT_DESCRIPTORS_MAX) return new CopyRefusal(SENSE_TOO_MANY_SEGMENT_DESCRIPTORS, at);
    if (at + descriptorBytes > end) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
    const segment = parseSegment(list, at, descriptorBytes, cscds, lunMap);
    if (segment instanceof CopyRefusal) return segment;
    segments.push(segment);
    at += descriptorBytes;
  }
  return segments;
}

const SEGMENT_DESCRIPTOR_BYTES: ReadonlyMap<number, number> = new Map([
  [BLOCK_TO_BLOCK, BLOCK_TO_BLOCK_BYTES],
  [BYTES_TO_BYTES, BYTES_TO_BYTES_BYTES],
]);

/** We pad nothing and concatenate nothing. */
function parseSegment(
  list: Buffer,
  at: number,
  descriptorBytes: number,
  cscds: readonly Cscd[],
  lunMap: LunMap,
): CopySegment | CopyRefusal {
  const flags = list[at + SEGMENT_FLAGS]!;
  const flagsMask = list[at] === BLOCK_TO_BLOCK ? DC | CAT : CAT;
  if ((flags & ~flagsMask) !== 0) return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + SEGMENT_FLAGS);
  if (list.readUInt16BE(at + DESCRIPTOR_LENGTH) !== descriptorBytes - DESCRIPTOR_HEADER_BYTES) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + DESCRIPTOR_LENGTH);
  }
  const source = parseEnd(list, at, SOURCE_CSCD_DESCRIPTOR_ID, SOURCE_LOGICAL_BLOCK_ADDRESS, cscds, lunMap);
  if (source instanceof CopyRefusal) return source;
  const destination = parseEnd(
    list,
    at,
    DESTINATION_CSCD_DESCRIPTOR_ID,
    DESTINATION_LOGICAL_BLOCK_ADDRESS,
    cscds,
    lunMap,
  );
  if (destination instanceof CopyRefusal) return destination;
  if (list[at] === BYTES_TO_BYTES) return parseBytes(list, at, source, destination);
  // With DC zero the blocks are the source's, else the destination's (SPC-4 6.4.6.5).
  const counted = (flags & DC) === 0 ? source.unit : destination.unit;
  const lengthBytes = list.readUInt16BE(at + BLOCK_DEVICE_NUMBER_OF_BLOCKS) * counted.blockBytes;
  return checkRanges(at, source, destination, lengthBytes);
}

/** An offset lies in the first block; one that is not its start would leave a part of it. */
function parseBytes(list: Buffer, at: number, source: CopyEnd, destination: CopyEnd): CopySegment | CopyRefusal {
  const lengthBytes = list.readUInt32BE(at + NUMBER_OF_BYTES);
  if (lengthBytes > COPY_SEGMENT_BYTES_MAX) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + NUMBER_OF_BYTES);
  }
  const offsets = [
    [SOURCE_BLOCK_DEVICE_BYTE_OFFSET, source.unit],
    [DESTINATION_BLOCK_DEVICE_BYTE_OFFSET, destination.unit],
  ] as const;
  for (const [field, { blockBytes }] of offsets) {
    const offset = list.readUInt16BE(at + field);
    if (offset >= blockBytes) return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, at + field);
    if (offset !== 0) return new CopyRefusal(SENSE_UNEXPECTED_INEXACT_SEGMENT, at + field);
  }
  return checkRanges(at, source, destination, lengthBytes);
}

function parseEnd(
  list: Buffer,
  at: number,
  idOffset: number,
  lbaOffset: number,
  cscds: readonly Cscd[],
  lunMap: LunMap,
): CopyEnd | CopyRefusal {
  const listByte = at + idOffset;
  const cscd = cscds[list.readUInt16BE(listByte)];
  if (cscd === undefined) return new CopyRefusal(SENSE_UNREACHABLE_COPY_TARGET, listByte);
  if (typeof cscd === 'number') return new CopyRefusal(cscd, listByte);
  const lba = list.readUInt32BE(at + lbaOffset) * 0x100000000 + list.readUInt32BE(at + lbaOffset + 4);
  const { lun, unit } = cscd;
  return { lunMap, lun, unit, medium: unit.backend, offsetBytes: lba * unit.blockBytes, listByte };
}

function checkRanges(
  at: number,
  source: CopyEnd,
  destination: CopyEnd,
  lengthBytes: number,
): CopySegment | CopyRefusal {
  if (source.offsetBytes + lengthBytes > source.unit.sizeBytes) {
    return new CopyRefusal(SENSE_COPY_ABORTED, at + SOURCE_LOGICAL_BLOCK_ADDRESS);
  }
  if (destination.offsetBytes + lengthBytes > destination.unit.sizeBytes) {
    return new CopyRefusal(SENSE_COPY_ABORTED, at + DESTINATION_LOGICAL_BLOCK_ADDRESS);
  }
  if (lengthBytes % source.unit.blockBytes === 0 && lengthBytes % destination.unit.blockBytes === 0) {
    return { source, destination, lengthBytes, token: null };
  }
  return new CopyRefusal(SENSE_UNEXPECTED_INEXACT_SEGMENT, at + BLOCK_DEVICE_NUMBER_OF_BLOCKS);
}

/**
 * The headers in front of the CSCD and segment descriptors of EXTENDED COPY: sixteen bytes with LID1 (SPC-4 6.5), and with
 * LID4 sixteen and a header CSCD descriptor of thirty-two, forty-eight in all (SPC-4 6.4).
 */
import {
  SENSE_INLINE_DATA_LENGTH_EXCEEDED,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_PARAMETER_LIST_LENGTH_ERROR,
  SENSE_TOO_MANY_SEGMENT_DESCRIPTORS,
  SENSE_TOO_MANY_TARGET_DESCRIPTORS,
} from '../sense.ts';
import {
  BYTES_TO_BYTES_BYTES,
  CSCD_DESCRIPTOR_BYTES,
  CSCD_DESCRIPTORS_MAX,
  DESCRIPTOR_LIST_BYTES_MAX,
  INLINE_DATA_BYTES_MAX,
  SEGMENT_DESCRIPTORS_MAX,
} from './copy-limits.ts';
import { CopyRefusal } from './copy-refusal.ts';

export const LID1_HEADER_BYTES = 16;
export const LID4_HEADER_BYTES = 48;

/** LIST ID USAGE (SPC-4 table 129). */
export const LIST_ID_HOLD = 0;
export const LIST_ID_DISCARD = 2;
export const LIST_ID_DISABLE = 3;

export interface CopyListHeader {
  readonly headerBytes: number;
  readonly listIdentifier: number;
  readonly listIdUsage: number;
  /** Status comes as soon as the list has been checked; the copy goes on in the background. */
  readonly isImmediate: boolean;
  readonly cscdBytes: number;
  readonly segmentBytes: number;
}

/** @param list as long as the CDB says, perhaps too short */
export function parseLid1Header(list: Buffer): CopyListHeader | CopyRefusal {
  if (list.length < LID1_HEADER_BYTES) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  const header: CopyListHeader = {
    headerBytes: LID1_HEADER_BYTES,
    listIdentifier: list[LID1_LIST_IDENTIFIER]!,
    listIdUsage: listIdUsageOf(list),
    isImmediate: false,
    cscdBytes: list.readUInt16BE(LID1.cscdLength),
    segmentBytes: list.readUInt32BE(LID1.segmentLength),
  };
  const inlineBytes = list.readUInt32BE(LID1.inlineLength);
  return checkHeader(list, header, inlineBytes, LID1) ?? header;
}

/** As parseLid1Header. */
export function parseLid4Header(list: Buffer): CopyListHeader | CopyRefusal {
  if (list.length < LID4_HEADER_BYTES) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  const refusal = checkLid4Format(list);
  if (refusal !== null) return refusal;
  const header: CopyListHeader = {
    headerBytes: LID4_HEADER_BYTES,
    listIdentifier: list.readUInt32BE(LID4_LIST_IDENTIFIER),
    listIdUsage: listIdUsageOf(list),
    isImmediate: (list[LID4_FLAGS]! & IMMED) !== 0,
    cscdBytes: list.readUInt16BE(LID4.cscdLength),
    segmentBytes: list.readUInt16BE(LID4.segmentLength),
  };
  if (header.isImmediate && header.listIdUsage === LIST_ID_DISABLE) return invalidUsage(); // nobody could ask for its end
  const inlineBytes = list.readUInt16BE(LID4.inlineLength);
  return checkHeader(list, header, inlineBytes, LID4) ?? header;
}

// Both: PRIORITY and STR are hints that we do not need.
const LIST_ID_USAGE_BYTE = 1;
const LIST_ID_USAGE_SHIFT = 3;
const LIST_ID_USAGE_RESERVED = 1;
const LIST_ID_USAGE_TOP_BIT = 4;

interface LengthBytes {
  readonly listIdentifier: number;
  readonly cscdLength: number;
  readonly segmentLength: number;
  readonly inlineLength: number;
}

// SPC-4 6.5 EXTENDED COPY(LID1) parameter list
const LID1_LIST_IDENTIFIER = 0;
const LID1: LengthBytes = {
  listIdentifier: LID1_LIST_IDENTIFIER,
  cscdLength: 2,
  segmentLength: 8,
  inlineLength: 12,
};

// SPC-4 6.4 EXTENDED COPY(LID4) parameter list
const PARAMETER_LIST_FORMAT = 0;
const FORMAT_01H = 0x01;
const HEADER_CSCD_DESCRIPTOR_LIST_LENGTH = 2;
const LID4_FLAGS = 15;
const IMMED = 0x01;
const G_SENSE = 0x02;
const G_SENSE_BIT = 1;
const HEADER_CSCD_DESCRIPTOR_TYPE_CODE = 16;
const EXTENSION_DESCRIPTOR = 0xff;
const LID4_LIST_IDENTIFIER = 20;
const LID4: LengthBytes = {
  listIdentifier: LID4_LIST_IDENTIFIER,
  cscdLength: 42,
  segmentLength: 44,
  inlineLength: 46,
};

function listIdUsageOf(list: Buffer): number {
  return (list[LIST_ID_USAGE_BYTE]! >>> LIST_ID_USAGE_SHIFT) & 3;
}

/** G_SENSE asks for sense data with GOOD status, which we never send. */
function checkLid4Format(list: Buffer): CopyRefusal | null {
  if (list[PARAMETER_LIST_FORMAT] !== FORMAT_01H) return invalidField(PARAMETER_LIST_FORMAT);
  if (list.readUInt16BE(HEADER_CSCD_DESCRIPTOR_LIST_LENGTH) !== CSCD_DESCRIPTOR_BYTES) {
    return invalidField(HEADER_CSCD_DESCRIPTOR_LIST_LENGTH);
  }
  if ((list[LID4_FLAGS]! & G_SENSE) !== 0) {
    return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, LID4_FLAGS, G_SENSE_BIT);
  }
  const typeCode = list[HEADER_CSCD_DESCRIPTOR_TYPE_CODE];
  return typeCode === EXTENSION_DESCRIPTOR ? null : invalidField(HEADER_CSCD_DESCRIPTOR_TYPE_CODE);
}

function checkHeader(
  list: Buffer,
  { headerBytes, listIdentifier, listIdUsage, cscdBytes, segmentBytes }: CopyListHeader,
  inlineBytes: number,
  at: LengthBytes,
): CopyRefusal | null {
  const listBytes = cscdBytes + segmentBytes;
  if (listBytes > DESCRIPTOR_LIST_BYTES_MAX) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  if (inlineBytes > INLINE_DATA_BYTES_MAX) return new CopyRefusal(SENSE_INLINE_DATA_LENGTH_EXCEEDED, at.inlineLength);
  if (headerBytes + listBytes > list.length) return new CopyRefusal(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  if (listIdUsage === LIST_ID_USAGE_RESERVED) return invalidUsage();
  if (listIdUsage === LIST_ID_DISABLE && listIdentifier !== 0) return invalidField(at.listIdentifier);
  if (cscdBytes > CSCD_DESCRIPTORS_MAX * CSCD_DESCRIPTOR_BYTES) {
    return new CopyRefusal(SENSE_TOO_MANY_TARGET_DESCRIPTORS, at.cscdLength);
  }
  if (segmentBytes <= SEGMENT_DESCRIPTORS_MAX * BYTES_TO_BYTES_BYTES) return null;
  return new CopyRefusal(SENSE_TOO_MANY_SEGMENT_DESCRIPTORS, at.segmentLength);
}

function invalidUsage(): CopyRefusal {
  return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, LIST_ID_USAGE_BYTE, LIST_ID_USAGE_TOP_BIT);
}

function invalidField(listByte: number): CopyRefusal {
  return new CopyRefusal(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, listByte);
}

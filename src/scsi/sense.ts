/**
 * Sense data (SPC-4 4.5). Inside the device server a sense key, additional sense code and qualifier travel as one number,
 * key << 16 | asc << 8 | ascq; it becomes bytes once, when the transport builds its response.
 */
import type { BackendIo } from '../backend/backend.ts';
import {
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_OUT_OF_RANGE,
  IO_READ,
  IO_WRITE_PROTECTED,
} from '../backend/backend.ts';
import { assert } from '../util/assert.ts';
import type { ScsiCommand } from './command/command.ts';
import { NO_SENSE_VALUE } from './command/command.ts';

const NO_SENSE = 0x0;
const NOT_READY = 0x2;
const MEDIUM_ERROR = 0x3;
const HARDWARE_ERROR = 0x4;
const ILLEGAL_REQUEST = 0x5;
const UNIT_ATTENTION = 0x6;
const DATA_PROTECT = 0x7;
const COPY_ABORTED = 0xa;
const ABORTED_COMMAND = 0xb;
const MISCOMPARE = 0xe;

// SPC-4 annex D. SENSE_ and the standard's words.
export const SENSE_NO_ADDITIONAL_INFORMATION = sense(NO_SENSE, 0x00, 0x00);
export const SENSE_IDLE_CONDITION_ACTIVATED_BY_COMMAND = sense(NO_SENSE, 0x5e, 0x03);
export const SENSE_STANDBY_CONDITION_ACTIVATED_BY_COMMAND = sense(NO_SENSE, 0x5e, 0x04);
export const SENSE_IDLE_B_CONDITION_ACTIVATED_BY_COMMAND = sense(NO_SENSE, 0x5e, 0x06);
export const SENSE_IDLE_C_CONDITION_ACTIVATED_BY_COMMAND = sense(NO_SENSE, 0x5e, 0x08);
export const SENSE_STANDBY_Y_CONDITION_ACTIVATED_BY_COMMAND = sense(NO_SENSE, 0x5e, 0x0a);
export const SENSE_INITIALIZING_COMMAND_REQUIRED = sense(NOT_READY, 0x04, 0x02);
export const SENSE_MANUAL_INTERVENTION_REQUIRED = sense(NOT_READY, 0x04, 0x03);
export const SENSE_ASYMMETRIC_ACCESS_STATE_TRANSITION = sense(NOT_READY, 0x04, 0x0a);
export const SENSE_TARGET_PORT_IN_STANDBY_STATE = sense(NOT_READY, 0x04, 0x0b);
export const SENSE_TARGET_PORT_IN_UNAVAILABLE_STATE = sense(NOT_READY, 0x04, 0x0c);
export const SENSE_FORMAT_IN_PROGRESS = sense(NOT_READY, 0x04, 0x04);
export const SENSE_SANITIZE_IN_PROGRESS = sense(NOT_READY, 0x04, 0x1b);
export const SENSE_MEDIUM_NOT_PRESENT = sense(NOT_READY, 0x3a, 0x00);
export const SENSE_WRITE_ERROR = sense(MEDIUM_ERROR, 0x0c, 0x00);
export const SENSE_UNRECOVERED_READ_ERROR = sense(MEDIUM_ERROR, 0x11, 0x00);
export const SENSE_FORMAT_COMMAND_FAILED = sense(MEDIUM_ERROR, 0x31, 0x01);
export const SENSE_SANITIZE_COMMAND_FAILED = sense(MEDIUM_ERROR, 0x31, 0x03);
export const SENSE_INTERNAL_TARGET_FAILURE = sense(HARDWARE_ERROR, 0x44, 0x00);
export const SENSE_LOGICAL_UNIT_FAILED_SELF_TEST = sense(HARDWARE_ERROR, 0x3e, 0x03);
export const SENSE_SET_TARGET_PORT_GROUPS_COMMAND_FAILED = sense(HARDWARE_ERROR, 0x67, 0x0a);
export const SENSE_OPERATION_IN_PROGRESS = sense(ILLEGAL_REQUEST, 0x00, 0x16);
export const SENSE_INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT = sense(ILLEGAL_REQUEST, 0x0e, 0x03);
export const SENSE_PARAMETER_LIST_LENGTH_ERROR = sense(ILLEGAL_REQUEST, 0x1a, 0x00);
export const SENSE_INVALID_COMMAND_OPERATION_CODE = sense(ILLEGAL_REQUEST, 0x20, 0x00);
export const SENSE_LBA_OUT_OF_RANGE = sense(ILLEGAL_REQUEST, 0x21, 0x00);
export const SENSE_UNSUPPORTED_TOKEN_TYPE = sense(ILLEGAL_REQUEST, 0x23, 0x01);
export const SENSE_TOKEN_UNKNOWN = sense(ILLEGAL_REQUEST, 0x23, 0x04);
export const SENSE_TOKEN_CORRUPT = sense(ILLEGAL_REQUEST, 0x23, 0x05);
export const SENSE_TOKEN_REVOKED = sense(ILLEGAL_REQUEST, 0x23, 0x06);
export const SENSE_TOKEN_EXPIRED = sense(ILLEGAL_REQUEST, 0x23, 0x07);
export const SENSE_TOKEN_DELETED = sense(ILLEGAL_REQUEST, 0x23, 0x09);
export const SENSE_INVALID_TOKEN_LENGTH = sense(ILLEGAL_REQUEST, 0x23, 0x0a);
export const SENSE_INVALID_FIELD_IN_CDB = sense(ILLEGAL_REQUEST, 0x24, 0x00);
export const SENSE_LOGICAL_UNIT_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x25, 0x00);
export const SENSE_INVALID_FIELD_IN_PARAMETER_LIST = sense(ILLEGAL_REQUEST, 0x26, 0x00);
export const SENSE_INVALID_RELEASE_OF_PERSISTENT_RESERVATION = sense(ILLEGAL_REQUEST, 0x26, 0x04);
export const SENSE_TOO_MANY_TARGET_DESCRIPTORS = sense(ILLEGAL_REQUEST, 0x26, 0x06);
export const SENSE_UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE = sense(ILLEGAL_REQUEST, 0x26, 0x07);
export const SENSE_TOO_MANY_SEGMENT_DESCRIPTORS = sense(ILLEGAL_REQUEST, 0x26, 0x08);
export const SENSE_UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE = sense(ILLEGAL_REQUEST, 0x26, 0x09);
export const SENSE_INLINE_DATA_LENGTH_EXCEEDED = sense(ILLEGAL_REQUEST, 0x26, 0x0b);
export const SENSE_COMMAND_SEQUENCE_ERROR = sense(ILLEGAL_REQUEST, 0x2c, 0x00);
export const SENSE_CANNOT_READ_MEDIUM_INCOMPATIBLE_FORMAT = sense(ILLEGAL_REQUEST, 0x30, 0x02);
export const SENSE_SAVING_PARAMETERS_NOT_SUPPORTED = sense(ILLEGAL_REQUEST, 0x39, 0x00);
export const SENSE_INVALID_MESSAGE_ERROR = sense(ILLEGAL_REQUEST, 0x49, 0x00);
export const SENSE_MEDIUM_REMOVAL_PREVENTED = sense(ILLEGAL_REQUEST, 0x53, 0x02);
export const SENSE_INSUFFICIENT_RESOURCES = sense(ILLEGAL_REQUEST, 0x55, 0x03);
export const SENSE_INSUFFICIENT_REGISTRATION_RESOURCES = sense(ILLEGAL_REQUEST, 0x55, 0x04);
export const SENSE_INSUFFICIENT_RESOURCES_TO_CREATE_ROD_TOKEN = sense(ILLEGAL_REQUEST, 0x55, 0x0d);
export const SENSE_ILLEGAL_MODE_FOR_THIS_TRACK = sense(ILLEGAL_REQUEST, 0x64, 0x00);
export const SENSE_MEDIUM_MAY_HAVE_CHANGED = sense(UNIT_ATTENTION, 0x28, 0x00);
export const SENSE_MODE_PARAMETERS_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x01);
export const SENSE_POWER_ON_OR_RESET_OCCURRED = sense(UNIT_ATTENTION, 0x29, 0x00);
export const SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED = sense(UNIT_ATTENTION, 0x29, 0x03);
export const SENSE_RESERVATIONS_PREEMPTED = sense(UNIT_ATTENTION, 0x2a, 0x03);
export const SENSE_RESERVATIONS_RELEASED = sense(UNIT_ATTENTION, 0x2a, 0x04);
export const SENSE_REGISTRATIONS_PREEMPTED = sense(UNIT_ATTENTION, 0x2a, 0x05);
export const SENSE_CAPACITY_DATA_HAS_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x09);
export const SENSE_TIMESTAMP_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x10);
export const SENSE_ASYMMETRIC_ACCESS_STATE_CHANGED = sense(UNIT_ATTENTION, 0x2a, 0x06);
export const SENSE_IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED = sense(UNIT_ATTENTION, 0x2a, 0x07);
export const SENSE_COMMANDS_CLEARED_BY_ANOTHER_INITIATOR = sense(UNIT_ATTENTION, 0x2f, 0x00);
export const SENSE_THIN_PROVISIONING_SOFT_THRESHOLD_REACHED = sense(UNIT_ATTENTION, 0x38, 0x07);
export const SENSE_REPORTED_LUNS_DATA_HAS_CHANGED = sense(UNIT_ATTENTION, 0x3f, 0x0e);
export const SENSE_WRITE_PROTECTED = sense(DATA_PROTECT, 0x27, 0x00);
export const SENSE_SPACE_ALLOCATION_FAILED_WRITE_PROTECT = sense(DATA_PROTECT, 0x27, 0x07);
export const SENSE_PERSISTENT_RESERVATION_INFORMATION_LOST = sense(DATA_PROTECT, 0x44, 0x01);
export const SENSE_COPY_ABORTED = sense(COPY_ABORTED, 0x00, 0x00);
export const SENSE_UNREACHABLE_COPY_TARGET = sense(COPY_ABORTED, 0x08, 0x04);
export const SENSE_THIRD_PARTY_DEVICE_FAILURE = sense(COPY_ABORTED, 0x0d, 0x01);
export const SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE = sense(COPY_ABORTED, 0x0d, 0x02);
export const SENSE_INCORRECT_COPY_TARGET_DEVICE_TYPE = sense(COPY_ABORTED, 0x0d, 0x03);
export const SENSE_UNEXPECTED_INEXACT_SEGMENT = sense(COPY_ABORTED, 0x26, 0x0a);
export const SENSE_MISCOMPARE_DURING_VERIFY_OPERATION = sense(MISCOMPARE, 0x1d, 0x00);
/** For the transport: the initiator's data did not come as it should (SPC-4 annex D). */
export const SENSE_NOT_ENOUGH_UNSOLICITED_DATA = sense(ABORTED_COMMAND, 0x0c, 0x0d);
export const SENSE_PROTOCOL_SERVICE_CRC_ERROR = sense(ABORTED_COMMAND, 0x47, 0x05);

/** Length of fixed format sense data (SPC-4 4.5.3). */
export const FIXED_SENSE_BYTES = 18;
/** Length of descriptor format sense data without descriptors (SPC-4 4.5.2.1). */
export const DESCRIPTOR_SENSE_BYTES = 8;
/** The longest sense data: descriptor format with an Information (12) and a Sense key specific descriptor (8). */
export const SENSE_BYTES_MAX = DESCRIPTOR_SENSE_BYTES + 12 + 8;

export function isUnitAttention(senseCode: number): boolean {
  return senseCode >>> 16 === UNIT_ATTENTION;
}

/**
 * A field pointer for ScsiCommand.senseFieldPointer (SPC-4 4.5.2.4.2): C/D = 1, the error is in the CDB.
 * @param byte offset in the CDB of the field's first byte
 * @param bit the field's most significant bit, 0 to 7, or NO_SENSE_VALUE when the field is of whole bytes
 */
export function cdbFieldPointer(byte: number, bit: number): number {
  return (SKS_COMMAND_DATA << 16) | fieldPointer(byte, bit);
}

/** As cdbFieldPointer, for a field in the parameter list (C/D = 0). */
export function parameterFieldPointer(byte: number, bit: number): number {
  return fieldPointer(byte, bit);
}

/**
 * Writes the sense data of a command that ended with CHECK CONDITION, in the format that D_SENSE asks for.
 * @param out at least SENSE_BYTES_MAX from `offset`; every byte of the sense data is written
 * @returns its length
 */
export function encodeSense(command: ScsiCommand, out: Uint8Array, offset: number): number {
  const { senseCode, senseInformation, senseFieldPointer } = command;
  assert(senseCode !== 0, 'sense data goes with CHECK CONDITION');
  const encode = command.isSenseDescriptor ? encodeDescriptorSense : encodeFixedSense;
  return encode(senseCode, out, offset, senseInformation, senseFieldPointer);
}

/**
 * Fixed format sense data (SPC-4 4.5.3). Returns FIXED_SENSE_BYTES.
 * @param information INFORMATION, or NO_SENSE_VALUE
 * @param pointer the sense-key specific field with its flags above 16 bits, or NO_SENSE_VALUE
 */
export function encodeFixedSense(
  senseCode: number,
  out: Uint8Array,
  offset: number,
  information: number = NO_SENSE_VALUE,
  pointer: number = NO_SENSE_VALUE,
): number {
  out.fill(0, offset, offset + FIXED_SENSE_BYTES);
  out[offset + RESPONSE_CODE] = FIXED_CURRENT;
  out[offset + SENSE_KEY] = senseCode >>> 16;
  out[offset + ADDITIONAL_SENSE_LENGTH] = FIXED_SENSE_BYTES - ADDITIONAL_SENSE_LENGTH - 1;
  out[offset + ADDITIONAL_SENSE_CODE] = senseCode >>> 8;
  out[offset + ADDITIONAL_SENSE_CODE + 1] = senseCode;
  encodeInformation(information, out, offset);
  if (pointer !== NO_SENSE_VALUE) encodeSenseKeySpecific(pointer, out, offset + SENSE_KEY_SPECIFIC);
  return FIXED_SENSE_BYTES;
}

/**
 * Descriptor format sense data (SPC-4 4.5.2.1), with an Information and a Sense key specific descriptor where there is
 * something to put in. Returns its length, at most SENSE_BYTES_MAX.
 */
export function encodeDescriptorSense(
  senseCode: number,
  out: Uint8Array,
  offset: number,
  information: number = NO_SENSE_VALUE,
  pointer: number = NO_SENSE_VALUE,
): number {
  out.fill(0, offset, offset + DESCRIPTOR_SENSE_BYTES);
  out[offset] = DESCRIPTOR_CURRENT;
  out[offset + 1] = senseCode >>> 16;
  out[offset + 2] = senseCode >>> 8;
  out[offset + 3] = senseCode;
  let end = offset + DESCRIPTOR_SENSE_BYTES;
  if (information !== NO_SENSE_VALUE) end = encodeInformationDescriptor(information, out, end);
  if (pointer !== NO_SENSE_VALUE) end = encodeSenseKeySpecificDescriptor(pointer, out, end);
  out[offset + ADDITIONAL_SENSE_LENGTH] = end - offset - DESCRIPTOR_SENSE_BYTES;
  return end - offset;
}

/** What the application client is told of an io that did not end with IO_OK. */
export function senseOfIo(io: BackendIo): number {
  switch (io.status) {
    case IO_MEDIUM_ERROR:
      return io.op === IO_READ ? SENSE_UNRECOVERED_READ_ERROR : SENSE_WRITE_ERROR;
    case IO_HARDWARE_ERROR:
      return SENSE_INTERNAL_TARGET_FAILURE;
    case IO_NO_SPACE:
      return SENSE_SPACE_ALLOCATION_FAILED_WRITE_PROTECT;
    case IO_WRITE_PROTECTED:
      return SENSE_WRITE_PROTECTED;
    case IO_OUT_OF_RANGE:
      return SENSE_LBA_OUT_OF_RANGE;
    default:
      assert(false, 'only a failed io has sense data');
  }
}

// SPC-4 4.5.3 Fixed format sense data
const RESPONSE_CODE = 0;
const SENSE_KEY = 2;
const INFORMATION = 3;
const ADDITIONAL_SENSE_LENGTH = 7;
const ADDITIONAL_SENSE_CODE = 12;
const SENSE_KEY_SPECIFIC = 15;

// SPC-4 4.5.2 Descriptor format sense data
const DESCRIPTOR_INFORMATION = 0x00;
const INFORMATION_DESCRIPTOR_BYTES = 12;
const DESCRIPTOR_SENSE_KEY_SPECIFIC = 0x02;
const SENSE_KEY_SPECIFIC_DESCRIPTOR_BYTES = 8;

const FIXED_CURRENT = 0x70;
const DESCRIPTOR_CURRENT = 0x72;
const VALID = 0x80;
const SKSV = 0x80;
const SKS_COMMAND_DATA = 0x40;
const SKS_BIT_POINTER_VALID = 0x08;

function sense(key: number, asc: number, ascq: number): number {
  return (key << 16) | (asc << 8) | ascq;
}

function fieldPointer(byte: number, bit: number): number {
  return bit === NO_SENSE_VALUE ? byte : ((SKS_BIT_POINTER_VALID | bit) << 16) | byte;
}

function encodeSenseKeySpecific(pointer: number, out: Uint8Array, at: number): void {
  out[at] = SKSV | (pointer >>> 16);
  out[at + 1] = pointer >>> 8;
  out[at + 2] = pointer;
}

/** SPC-4 4.5.2.2 */
function encodeInformationDescriptor(information: number, out: Uint8Array, at: number): number {
  out.fill(0, at, at + INFORMATION_DESCRIPTOR_BYTES);
  out[at] = DESCRIPTOR_INFORMATION;
  out[at + 1] = INFORMATION_DESCRIPTOR_BYTES - 2;
  out[at + 2] = VALID;
  for (let byte = 0, rest = information; byte < 8; byte++, rest = Math.floor(rest / 256))
    out[at + 11 - byte] = rest % 256;
  return at + INFORMATION_DESCRIPTOR_BYTES;
}

/** SPC-4 4.5.2.4 */
function encodeSenseKeySpecificDescriptor(pointer: number, out: Uint8Array, at: number): number {
  out.fill(0, at, at + SENSE_KEY_SPECIFIC_DESCRIPTOR_BYTES);
  out[at] = DESCRIPTOR_SENSE_KEY_SPECIFIC;
  out[at + 1] = SENSE_KEY_SPECIFIC_DESCRIPTOR_BYTES - 2;
  encodeSenseKeySpecific(pointer, out, at + 4);
  return at + SENSE_KEY_SPECIFIC_DESCRIPTOR_BYTES;
}

/** INFORMATION has four bytes in this format; a value that does not fit leaves VALID at zero (SPC-4 4.5.3). */
function encodeInformation(information: number, out: Uint8Array, offset: number): void {
  if (information === NO_SENSE_VALUE || information > 0xffffffff) return;
  out[offset + RESPONSE_CODE] = FIXED_CURRENT | VALID;
  out[offset + INFORMATION] = information >>> 24;
  out[offset + INFORMATION + 1] = information >>> 16;
  out[offset + INFORMATION + 2] = information >>> 8;
  out[offset + INFORMATION + 3] = information;
}

/**
 * The 512 bytes of a ROD token (SPC-4 5.17.6.3, SBC-3 4.28.4 for the part of block devices). What makes it impossible to
 * guess stands at its end, in EXTENDED ROD TOKEN DATA.
 *
 *   | type, length, identifier (16) | creator unit (32) | bytes represented (48) | capacity (32) | target device | 0 | random (64) |
 */

import { writeCapacityProperties } from '../../sbc/sbc-capacity.ts';
import { writeNaa, writeTargetDeviceName } from '../../spc/inquiry/device-identification.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { IDENTIFICATION_CSCD } from '../copy-limits.ts';

export const ROD_TOKEN_BYTES = 512;
/** ROD TOKEN LENGTH: what follows it. */
export const ROD_TOKEN_LENGTH = 0x01f8;
/** What REPORT ALL ROD TOKENS tells of a token. */
export const MANAGEMENT_TOKEN_BYTES = 96;
export const IDENTIFIER_BYTES = 8;
export const RANDOM_BYTES = 64;

/** ROD types (SPC-4 table 105). */
export const ROD_TYPE_CHANGE_VULNERABLE = 0x00800001;
/** "Point in time copy - default": the copy manager chooses the kind. */
export const ROD_TYPE_POINT_IN_TIME = 0x00800000;
export const ROD_TYPE_POINT_IN_TIME_ANY = 0x0080ffff;
/** A token that nobody has to make: zeros, as many as are wanted (SBC-3 4.28.4). */
export const ROD_TYPE_BLOCK_ZERO = 0xffff0001;

/**
 * @param random IDENTIFIER_BYTES + RANDOM_BYTES bytes
 * @param targetPortName of the port through which the token was asked for
 */
export function encodeRodToken(
  unit: LogicalUnit,
  lengthBytes: number,
  targetPortName: string,
  random: Uint8Array,
): Uint8Array {
  const token = Buffer.alloc(ROD_TOKEN_BYTES);
  writeTargetDeviceName(targetPortName, token, TARGET_DEVICE_DESCRIPTOR);
  token.writeUInt32BE(ROD_TYPE_CHANGE_VULNERABLE, ROD_TYPE);
  token.writeUInt16BE(ROD_TOKEN_LENGTH, TOKEN_LENGTH);
  token.set(random.subarray(0, IDENTIFIER_BYTES), COPY_MANAGER_ROD_TOKEN_IDENTIFIER);
  token[CREATOR_LOGICAL_UNIT_DESCRIPTOR] = IDENTIFICATION_CSCD;
  writeNaa(unit, token, CREATOR_LOGICAL_UNIT_DESCRIPTOR + CSCD_DESIGNATION_DESCRIPTOR);
  token.writeUIntBE(unit.blockBytes, CREATOR_LOGICAL_UNIT_DESCRIPTOR + CSCD_DISK_BLOCK_LENGTH, 3);
  token.writeBigUInt64BE(BigInt(lengthBytes), NUMBER_OF_BYTES_REPRESENTED + 8);
  writeCapacityProperties(unit, token, DEVICE_TYPE_SPECIFIC_DATA);
  token.set(random.subarray(IDENTIFIER_BYTES), RANDOM);
  return token;
}

export function tokenTypeOf(bytes: Buffer): number {
  return bytes.readUInt32BE(ROD_TYPE);
}

export function tokenLengthOf(bytes: Buffer): number {
  return bytes.readUInt16BE(TOKEN_LENGTH);
}

/** What tells a token from all others, as a key. */
export function randomPartOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + RANDOM, RANDOM_BYTES).toString('latin1');
}

// SPC-4 table 107
const ROD_TYPE = 0;
const TOKEN_LENGTH = 6;
const COPY_MANAGER_ROD_TOKEN_IDENTIFIER = 8;
const CREATOR_LOGICAL_UNIT_DESCRIPTOR = 16;
const NUMBER_OF_BYTES_REPRESENTED = 48; // sixteen bytes
const DEVICE_TYPE_SPECIFIC_DATA = 96;
const TARGET_DEVICE_DESCRIPTOR = 128; // at most 4 and 228 bytes
const RANDOM = ROD_TOKEN_BYTES - RANDOM_BYTES;

// SPC-4 6.4.5.1, 7.6.3.1
const CSCD_DESIGNATION_DESCRIPTOR = 4;
const CSCD_DISK_BLOCK_LENGTH = 29;

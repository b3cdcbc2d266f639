/**
 * What the copy manager takes (SPC-4 5.17): the parameter data of RECEIVE COPY OPERATING PARAMETERS and the Third-party
 * Copy VPD page state these numbers, and who parses a parameter list enforces them.
 */
import { TASKS_PER_LOGICAL_UNIT_MAX } from '../task/task-set.ts';

/** A clone has two; enough for a consolidation of some disks into one. */
export const CSCD_DESCRIPTORS_MAX = 16;
/** With 65535 blocks each, more than an initiator gives to one command. */
export const SEGMENT_DESCRIPTORS_MAX = 64;
export const CSCD_DESCRIPTOR_BYTES = 32;
export const BLOCK_TO_BLOCK_BYTES = 28;
export const BYTES_TO_BYTES_BYTES = 32;
export const DESCRIPTOR_LIST_BYTES_MAX =
  CSCD_DESCRIPTORS_MAX * CSCD_DESCRIPTOR_BYTES + SEGMENT_DESCRIPTORS_MAX * BYTES_TO_BYTES_BYTES;
/** What a descriptor that counts in blocks of 4096 bytes can ask for: no other has more. */
export const COPY_SEGMENT_BYTES_MAX = 65535 * 4096;
/** The standard has inline and embedded data for streams alone (SPC-4 table 131). */
export const INLINE_DATA_BYTES_MAX = 0;
/** As many copies as one logical unit takes commands. */
export const COPIES_MAX = TASKS_PER_LOGICAL_UNIT_MAX;
/** Copies with a list identifier at once, in the background too; the LIST IDENTIFIER of LID1 has one byte. */
export const COPIES_PER_NEXUS_MAX = 255;
/** Ended copies of one I_T nexus whose status is held; the oldest gives way. */
export const HELD_STATUSES_MAX = 16;

/** A piece that goes from store to store: an abort waits for one, and one command of others alone on its blocks does. */
export const IN_STORE_BYTES_MAX = 16777216;

/** Descriptor type codes (SPC-4 table 130). */
export const BLOCK_TO_BLOCK = 0x02;
/** Block device to block device, with an offset: counted in bytes. */
export const BYTES_TO_BYTES = 0x0a;
export const IDENTIFICATION_CSCD = 0xe4;
/** In ascending order. */
export const IMPLEMENTED_DESCRIPTORS: readonly number[] = [BLOCK_TO_BLOCK, BYTES_TO_BYTES, IDENTIFICATION_CSCD];

/** One file in as many fragments; Windows sends no more (SBC-3 4.28). */
export const RANGE_DESCRIPTORS_MAX = 64;
/** Of one token or one WRITE USING TOKEN: it should be done in the four seconds for which Windows waits. */
export const TOKEN_TRANSFER_BYTES_MAX = 268435456;
export const TOKEN_TRANSFER_BYTES_OPTIMAL = 67108864;
/** A token that is not used ends after this time, unless the initiator has asked for another. */
export const INACTIVITY_TIMEOUT_S_DEFAULT = 60;
export const INACTIVITY_TIMEOUT_S_MAX = 600;
/** Tokens for data of one logical unit, at some KiB each; the oldest gives way. */
export const TOKENS_PER_UNIT_MAX = 256;

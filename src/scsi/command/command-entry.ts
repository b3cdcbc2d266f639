/**
 * What the command table states of one command. Every column must be given; none has a default that could let a command
 * past a check nobody thought of.
 */

import type { Addressed, Task } from '../task/task.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import { ADDITIONAL_CDB_LENGTH, controlByte, NACA, NO_CONTROL_BYTE, VARIABLE_LENGTH_CDB } from './cdb.ts';
import type { ScsiCommand } from './command.ts';
import { NO_SENSE_VALUE } from './command.ts';

/** Which way a command's data goes. */
export const DATA_NONE = 0;
export const DATA_IN = 1;
export const DATA_OUT = 2;
export type DataDirection = typeof DATA_NONE | typeof DATA_IN | typeof DATA_OUT;

/** What a command does to the medium, and so what must be true before it runs. */
export const MEDIUM_UNTOUCHED = 0;
export const MEDIUM_READ = 1;
export const MEDIUM_WRITTEN = 2;
export type MediumAccess = typeof MEDIUM_UNTOUCHED | typeof MEDIUM_READ | typeof MEDIUM_WRITTEN;

/** When a command from an I_T nexus without the reservation conflicts with it (SPC-4 table 65, SBC-3 table 13). */
export const RESERVATION_NEVER_CONFLICTS = 0;
/** Allowed under Write Exclusive types, conflicts under Exclusive Access types. */
export const RESERVATION_OF_READS = 1;
/** Conflicts under every type. */
export const RESERVATION_OF_WRITES = 2;
/** START STOP UNIT: allowed with START one and POWER CONDITION zero, else as writes. */
export const RESERVATION_OF_START_STOP = 3;
/** PREVENT ALLOW MEDIUM REMOVAL: allowed with PREVENT zero, else as writes. */
export const RESERVATION_OF_PREVENT = 4;
/** TEST UNIT READY: allowed under every type, conflicts with a RESERVE of SPC-2. */
export const RESERVATION_OF_TEST_UNIT_READY = 5;
/** PERSISTENT RESERVE IN and OUT: a RESERVE of any nexus conflicts; else the service action decides (SPC-4 table 66). */
export const RESERVATION_DECIDED_BY_ACTION = 6;
/** RESERVE and RELEASE: the command decides (SPC-4 5.13.3). */
export const RESERVATION_DECIDED_BY_RESERVE = 7;
export type ReservationRule =
  | typeof RESERVATION_NEVER_CONFLICTS
  | typeof RESERVATION_OF_READS
  | typeof RESERVATION_OF_WRITES
  | typeof RESERVATION_OF_START_STOP
  | typeof RESERVATION_OF_PREVENT
  | typeof RESERVATION_OF_TEST_UNIT_READY
  | typeof RESERVATION_DECIDED_BY_ACTION
  | typeof RESERVATION_DECIDED_BY_RESERVE;

/** Whether a pending unit attention condition ends the command (SAM-5 5.14). */
export const ATTENTION_REPORTED = 0;
/** INQUIRY, REPORT LUNS and REQUEST SENSE run as if there were none. */
export const ATTENTION_LEFT_PENDING = 1;
export type AttentionRule = typeof ATTENTION_REPORTED | typeof ATTENTION_LEFT_PENDING;

/**
 * The last of the target port asymmetric access states, in this order, in which the command is carried out (SPC-4 5.16.2.4,
 * 5.16.2.5). A column that is less than TargetPort.restriction ends the command.
 */
export const ACCESS_ACTIVE = 0;
export const ACCESS_STANDBY = 1;
export const ACCESS_UNAVAILABLE = 2;
export const ACCESS_TRANSITIONING = 3;
export type AccessRule =
  | typeof ACCESS_ACTIVE
  | typeof ACCESS_STANDBY
  | typeof ACCESS_UNAVAILABLE
  | typeof ACCESS_TRANSITIONING;

export const NO_SERVICE_ACTION = -1;

export interface CommandDescription {
  readonly name: string;
  /** SERVICE ACTION field, or NO_SERVICE_ACTION. */
  readonly serviceAction: number;
  /**
   * CDB USAGE DATA (SPC-4 6.35.3): the operation code, then one mask a byte of the bits that are evaluated. Where the
   * service action stands, its value. Its length is the CDB's. NACA, which every command has, is left out.
   */
  readonly usage: readonly number[];
  readonly direction: DataDirection;
  readonly medium: MediumAccess;
  readonly reservation: ReservationRule;
  readonly attention: AttentionRule;
  readonly access: AccessRule;
  /** The furthest from a disk that a LUN may stand for. */
  readonly reach: Addressed;
  /** Whether `unit` has this command at all. */
  readonly isOffered: (unit: LogicalUnit) => boolean;
  readonly handler: (task: Task) => void;
}

/** Words that are looked at: CDBs of fixed length end within four, those of variable length that we know have eight. */
const FIXED_CDB_WORDS = 4;
const VARIABLE_CDB_WORDS = 8;
const SERVICE_ACTION_MASK = 0x1f;
/** Where SERVICE ACTION of a variable length CDB ends. */
const SERVICE_ACTION_END = 10;

export class CommandEntry {
  readonly name: string;
  readonly operationCode: number;
  readonly serviceAction: number;
  readonly usage: Uint8Array;
  readonly direction: DataDirection;
  readonly medium: MediumAccess;
  readonly reservation: ReservationRule;
  readonly attention: AttentionRule;
  readonly access: AccessRule;
  readonly reach: Addressed;
  readonly isOffered: (unit: LogicalUnit) => boolean;
  readonly handler: (task: Task) => void;
  /** The bits of each CDB word that must be zero. */
  private readonly reserved: Uint32Array;

  constructor(description: CommandDescription) {
    this.name = description.name;
    this.operationCode = description.usage[0]!;
    this.serviceAction = description.serviceAction;
    this.usage = usageWithNaca(description.usage);
    this.direction = description.direction;
    this.medium = description.medium;
    this.reservation = description.reservation;
    this.attention = description.attention;
    this.access = description.access;
    this.reach = description.reach;
    this.isOffered = description.isOffered;
    this.handler = description.handler;
    this.reserved = reservedWords(this.usage, description.serviceAction !== NO_SERVICE_ACTION);
  }

  get cdbBytes(): number {
    return this.usage.length;
  }

  /**
   * The first reserved bit that is set in `command`'s CDB, as byte * 8 + bit, or NO_SENSE_VALUE. Bytes behind the CDB's
   * length are the transport's padding.
   */
  reservedBit(command: ScsiCommand): number {
    const { reserved } = this;
    for (let word = 0; word < reserved.length; word++) {
      const wrong = command.cdbView.getUint32(word * 4) & reserved[word]!;
      if (wrong !== 0) {
        const leading = Math.clz32(wrong);
        return (word * 4 + (leading >>> 3)) * 8 + 7 - (leading & 7);
      }
    }
    return NO_SENSE_VALUE;
  }
}

function usageWithNaca(usage: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(usage);
  const byte = controlByte(usage[0]!);
  if (byte !== NO_CONTROL_BYTE) bytes[byte] = bytes[byte]! | NACA;
  return bytes;
}

function reservedWords(usage: Uint8Array, hasServiceAction: boolean): Uint32Array {
  const words = usage[0] === VARIABLE_LENGTH_CDB ? VARIABLE_CDB_WORDS : FIXED_CDB_WORDS;
  const bytes = new Uint8Array(words * 4);
  for (let i = 1; i < usage.length; i++) bytes[i] = ~usage[i]!;
  if (words === VARIABLE_CDB_WORDS)
    bytes.fill(0, ADDITIONAL_CDB_LENGTH, SERVICE_ACTION_END); // told apart by these
  else if (hasServiceAction) bytes[1] = bytes[1]! & ~SERVICE_ACTION_MASK;
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: words }, (_, word) => view.getUint32(word * 4));
}

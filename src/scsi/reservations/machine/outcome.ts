/** What a PERSISTENT RESERVE OUT service action comes to: values alone, nothing has happened yet. */
import { NO_SENSE_VALUE } from '../../command/command.ts';
import {
  cdbFieldPointer,
  parameterFieldPointer,
  SENSE_INVALID_FIELD_IN_CDB,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
} from '../../sense.ts';
import type { ReservationState } from './reservation-state.ts';

/** A unit attention condition for the I_T nexus of that name. */
export interface Attention {
  readonly name: string;
  readonly senseCode: number;
}

export interface Conflict {
  readonly kind: 'conflict';
}

export interface Refusal {
  readonly kind: 'refusal';
  readonly senseCode: number;
  readonly fieldPointer: number;
}

export interface Done {
  readonly kind: 'done';
  /** The same object when nothing changes. */
  readonly next: ReservationState;
  readonly attentions: readonly Attention[];
  /** Names of the nexuses whose registrations were preempted, for PREEMPT AND ABORT. */
  readonly preempted: ReadonlySet<string>;
}

export type Outcome = Conflict | Refusal | Done;

/** RESERVATION CONFLICT status. */
export const CONFLICT: Conflict = { kind: 'conflict' };
const NOBODY: ReadonlySet<string> = new Set();

export function done(next: ReservationState, attentions: readonly Attention[] = [], preempted = NOBODY): Done {
  return { kind: 'done', next, attentions, preempted };
}

export function refuse(senseCode: number): Refusal {
  return { kind: 'refusal', senseCode, fieldPointer: NO_SENSE_VALUE };
}

/** INVALID FIELD IN PARAMETER LIST */
export function refuseParameter(byte: number, bit: number = NO_SENSE_VALUE): Refusal {
  return {
    kind: 'refusal',
    senseCode: SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
    fieldPointer: parameterFieldPointer(byte, bit),
  };
}

/** INVALID FIELD IN CDB */
export function refuseCdb(byte: number, bit: number): Refusal {
  return { kind: 'refusal', senseCode: SENSE_INVALID_FIELD_IN_CDB, fieldPointer: cdbFieldPointer(byte, bit) };
}

/** The same condition for every name of `names` but `except`. */
export function attentionsFor(names: Iterable<string>, except: string, senseCode: number): Attention[] {
  const attentions: Attention[] = [];
  for (const name of names) {
    if (name !== except) attentions.push({ name, senseCode });
  }
  return attentions;
}

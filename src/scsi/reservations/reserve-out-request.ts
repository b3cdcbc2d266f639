/** What a PERSISTENT RESERVE OUT command asks for, and what its service actions may have to know besides the state. */
import { assert } from '../../util/assert.ts';
import type { Outcome } from './machine/outcome.ts';
import { refuseCdb } from './machine/outcome.ts';
import type { NexusName, PersistentReservation } from './machine/reservation-state.ts';
import { isAllRegistrants, isReservationType, LU_SCOPE } from './machine/reservation-state.ts';
import type { ReserveOutList } from './reserve-out-list.ts';

/** A target port through which the logical unit can be reached. */
export interface TargetPort {
  /** "iqn...,t,0x" and 4 hex digits. */
  readonly name: string;
  /** 1 to 65535 */
  readonly relativeTargetPort: number;
}

/** What a service action may have to know besides the state. */
export interface ReservationSurroundings {
  readonly targetPorts: Iterable<TargetPort>;
  /** Names of the initiator ports known to the device server. */
  readonly initiatorPortNames: Iterable<string>;
  /** The logical unit can keep reservations over a loss of power. */
  readonly canPersist: boolean;
}

export interface ReserveOutRequest {
  readonly serviceAction: number;
  readonly scope: number;
  readonly type: number;
  /** The I_T nexus that the command came by. */
  readonly nexus: NexusName;
  readonly list: ReserveOutList;
}

/** SPC-4 6.15.3.3, 6.15.3.4: a fault of SCOPE or TYPE where they count, or null. */
export function scopeTypeFault(request: ReserveOutRequest): Outcome | null {
  if (request.scope !== LU_SCOPE) return refuseCdb(SCOPE_TYPE, 7);
  return isReservationType(request.type) ? null : refuseCdb(SCOPE_TYPE, 3);
}

/** A reservation of the request's type, which has been checked, held by the request's nexus. */
export function reservationOf({ type, nexus }: ReserveOutRequest): PersistentReservation {
  assert(isReservationType(type), 'the type has been checked');
  return { type, holder: isAllRegistrants(type) ? null : nexus.name };
}

const SCOPE_TYPE = 2;

/**
 * The service actions of PERSISTENT RESERVE OUT (SPC-4 5.13) as pure functions: from a state and a request to a new state
 * and what others must be told, or to the status that refuses it. Registering stands in registering.ts, preempting in
 * preempting.ts.
 */
import { assert } from '../../util/assert.ts';
import {
  SENSE_INVALID_RELEASE_OF_PERSISTENT_RESERVATION,
  SENSE_RESERVATIONS_PREEMPTED,
  SENSE_RESERVATIONS_RELEASED,
} from '../sense.ts';
import type { Outcome } from './machine/outcome.ts';
import { attentionsFor, CONFLICT, done, refuse, refuseParameter } from './machine/outcome.ts';
import { preempt } from './machine/preempting.ts';
import { register, registerAndMove } from './machine/registering.ts';
import type { Registration, ReservationState } from './machine/reservation-state.ts';
import { isForRegistrants, isHolder, isSameKey, isZeroKey, LU_SCOPE } from './machine/reservation-state.ts';
import type { ReserveOutList } from './reserve-out-list.ts';
import {
  ALL_TG_PT_BIT,
  APTPL_BIT,
  BASIC_FLAGS,
  CLEAR,
  PREEMPT,
  PREEMPT_AND_ABORT,
  REGISTER,
  REGISTER_AND_IGNORE_EXISTING_KEY,
  REGISTER_AND_MOVE,
  RELEASE,
  REPLACE_LOST_RESERVATION,
  RESERVATION_KEY,
  RESERVE,
  SERVICE_ACTION_RESERVATION_KEY,
  SPEC_I_PT_BIT,
} from './reserve-out-list.ts';
import type { ReservationSurroundings, ReserveOutRequest } from './reserve-out-request.ts';
import { reservationOf, scopeTypeFault } from './reserve-out-request.ts';

export function persistentReserveOut(
  state: ReservationState,
  request: ReserveOutRequest,
  surroundings: ReservationSurroundings,
): Outcome {
  switch (request.serviceAction) {
    case REGISTER:
      return register(state, request, surroundings, false);
    case REGISTER_AND_IGNORE_EXISTING_KEY:
      return register(state, request, surroundings, true);
    case REGISTER_AND_MOVE:
      return registerAndMove(state, request, surroundings);
    case REPLACE_LOST_RESERVATION:
      return replaceLost(state, request, surroundings);
    default:
      return ofRegistered(state, request);
  }
}

/** The service actions that only a registered nexus may send, with its key (SPC-4 5.13.7, 6.16.3). */
function ofRegistered(state: ReservationState, request: ReserveOutRequest): Outcome {
  const { nexus, list } = request;
  const own = state.registrations.get(nexus.name);
  if (own === undefined || !isSameKey(own.key, list.key)) return CONFLICT;
  if (list.hasSpecIPt) return refuseParameter(BASIC_FLAGS, SPEC_I_PT_BIT);
  switch (request.serviceAction) {
    case RESERVE:
      return reserve(state, request);
    case RELEASE:
      return release(state, request);
    case CLEAR:
      return clear(state, request);
    case PREEMPT:
    case PREEMPT_AND_ABORT:
      return preempt(state, request);
    default:
      assert(false, 'the command table knows the service actions');
  }
}

/** SPC-4 5.13.9 Reserving */
function reserve(state: ReservationState, request: ReserveOutRequest): Outcome {
  const fault = scopeTypeFault(request);
  if (fault !== null) return fault;
  const { reservation } = state;
  if (reservation === null) return done({ ...state, reservation: reservationOf(request) });
  const isSame = isHolder(state, request.nexus.name) && reservation.type === request.type;
  return isSame ? done(state) : CONFLICT;
}

/** SPC-4 5.13.11.2.2 Releasing */
function release(state: ReservationState, request: ReserveOutRequest): Outcome {
  const { reservation, registrations } = state;
  const { name } = request.nexus;
  if (reservation === null || !isHolder(state, name)) return done(state);
  if (request.scope !== LU_SCOPE || request.type !== reservation.type) {
    return refuse(SENSE_INVALID_RELEASE_OF_PERSISTENT_RESERVATION);
  }
  const told = isForRegistrants(reservation.type) ? registrations.keys() : [];
  return done({ ...state, reservation: null }, attentionsFor(told, name, SENSE_RESERVATIONS_RELEASED));
}

/** SPC-4 5.13.11.2.7 Clearing */
function clear(state: ReservationState, request: ReserveOutRequest): Outcome {
  const attentions = attentionsFor(state.registrations.keys(), request.nexus.name, SENSE_RESERVATIONS_PREEMPTED);
  const generation = (state.generation + 1) >>> 0;
  return done({ ...state, registrations: new Map(), reservation: null, generation }, attentions);
}

/** SPC-4 5.13.11.3 Replacing lost reservations */
function replaceLost(
  state: ReservationState,
  request: ReserveOutRequest,
  surroundings: ReservationSurroundings,
): Outcome {
  const { nexus, list } = request;
  if (!state.isLost) {
    const isRegistered = state.registrations.has(nexus.name);
    return isRegistered ? refuse(SENSE_INVALID_RELEASE_OF_PERSISTENT_RESERVATION) : CONFLICT;
  }
  const fault = scopeTypeFault(request) ?? replaceLostListFault(list, surroundings);
  if (fault !== null) return fault;
  const registration: Registration = { ...nexus, key: list.serviceActionKey };
  return done({
    isAptpl: list.isAptpl,
    isLost: false,
    registrations: new Map([[nexus.name, registration]]),
    reservation: reservationOf(request),
    generation: 0,
  });
}

function replaceLostListFault(list: ReserveOutList, { canPersist }: ReservationSurroundings): Outcome | null {
  if (!isZeroKey(list.key)) return refuseParameter(RESERVATION_KEY);
  if (isZeroKey(list.serviceActionKey)) return refuseParameter(SERVICE_ACTION_RESERVATION_KEY);
  if (list.hasSpecIPt) return refuseParameter(BASIC_FLAGS, SPEC_I_PT_BIT);
  if (list.isAllTgPt) return refuseParameter(BASIC_FLAGS, ALL_TG_PT_BIT);
  return list.isAptpl && !canPersist ? refuseParameter(BASIC_FLAGS, APTPL_BIT) : null;
}

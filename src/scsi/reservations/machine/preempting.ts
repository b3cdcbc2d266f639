/** PREEMPT and PREEMPT AND ABORT (SPC-4 5.13.11.2.4 to 5.13.11.2.6) as a pure function. */
import { SENSE_REGISTRATIONS_PREEMPTED, SENSE_RESERVATIONS_RELEASED } from '../../sense.ts';
import { SERVICE_ACTION_RESERVATION_KEY } from '../reserve-out-list.ts';
import type { ReserveOutRequest } from '../reserve-out-request.ts';
import { reservationOf, scopeTypeFault } from '../reserve-out-request.ts';
import type { Outcome } from './outcome.ts';
import { attentionsFor, CONFLICT, done, refuseParameter } from './outcome.ts';
import type { PersistentReservation, ReservationKey, ReservationState } from './reservation-state.ts';
import { isSameKey, isZeroKey } from './reservation-state.ts';

/** The request's nexus is registered with the request's key. SPC-4 table 72, figure 9. */
export function preempt(state: ReservationState, request: ReserveOutRequest): Outcome {
  const { reservation } = state;
  const { serviceActionKey } = request.list;
  if (reservation === null) return removeRegistrations(state, request);
  const isZero = isZeroKey(serviceActionKey);
  if (reservation.holder === null) {
    return isZero ? preemptReservation(state, reservation, request) : removeRegistrations(state, request);
  }
  if (isZero) return refuseParameter(SERVICE_ACTION_RESERVATION_KEY);
  const holder = state.registrations.get(reservation.holder);
  return holder !== undefined && isSameKey(holder.key, serviceActionKey)
    ? preemptReservation(state, reservation, request)
    : removeRegistrations(state, request);
}

/** 5.13.11.2.4.3: the reservation becomes the request's; its own registration stays in any case. */
function preemptReservation(
  state: ReservationState,
  preempted: PersistentReservation,
  request: ReserveOutRequest,
): Outcome {
  const fault = scopeTypeFault(request);
  if (fault !== null) return fault;
  const { name } = request.nexus;
  const isOfAll = preempted.holder === null;
  const removed = namesWith(state, isOfAll ? null : request.list.serviceActionKey);
  removed.delete(name);
  const registrations = without(state, removed);
  const attentions = attentionsFor(removed, name, SENSE_REGISTRATIONS_PREEMPTED);
  if (preempted.type !== request.type) {
    attentions.push(...attentionsFor(registrations.keys(), name, SENSE_RESERVATIONS_RELEASED));
  }
  const generation = (state.generation + 1) >>> 0;
  return done({ ...state, registrations, reservation: reservationOf(request), generation }, attentions, removed);
}

/** 5.13.11.2.5: the request's own registration goes with the others; SCOPE and TYPE do not count. */
function removeRegistrations(state: ReservationState, request: ReserveOutRequest): Outcome {
  const removed = namesWith(state, request.list.serviceActionKey);
  if (removed.size === 0) return CONFLICT;
  const registrations = without(state, removed);
  // Only an all registrants reservation can lose its holders here, with the last of them.
  const reservation = registrations.size === 0 ? null : state.reservation;
  const attentions = attentionsFor(removed, request.nexus.name, SENSE_REGISTRATIONS_PREEMPTED);
  const generation = (state.generation + 1) >>> 0;
  return done({ ...state, registrations, reservation, generation }, attentions, removed);
}

/** The names registered with `key`, or all when it is null. */
function namesWith(state: ReservationState, key: ReservationKey | null): Set<string> {
  const names = new Set<string>();
  for (const registration of state.registrations.values()) {
    if (key === null || isSameKey(registration.key, key)) names.add(registration.name);
  }
  return names;
}

function without(state: ReservationState, removed: ReadonlySet<string>): ReservationState['registrations'] {
  return new Map([...state.registrations].filter(([name]) => !removed.has(name)));
}

/**
 * REGISTER, REGISTER AND IGNORE EXISTING KEY and REGISTER AND MOVE (SPC-4 5.13.7, 5.13.8, 5.13.11.2.3) as pure functions.
 */
import { SENSE_INSUFFICIENT_REGISTRATION_RESOURCES, SENSE_RESERVATIONS_RELEASED } from '../../sense.ts';
import {
  APTPL_BIT,
  BASIC_FLAGS,
  MOVE_FLAGS,
  MOVE_RELATIVE_TARGET_PORT_IDENTIFIER,
  MOVE_TRANSPORT_ID,
  SERVICE_ACTION_RESERVATION_KEY,
  SPEC_I_PT_BIT,
} from '../reserve-out-list.ts';
import type { ReservationSurroundings, ReserveOutRequest } from '../reserve-out-request.ts';
import type { TransportId } from '../transport-id.ts';
import type { Outcome } from './outcome.ts';
import { attentionsFor, CONFLICT, done, refuse, refuseCdb, refuseParameter } from './outcome.ts';
import type { NexusName, Registration, ReservationKey, ReservationState } from './reservation-state.ts';
import {
  isForRegistrants,
  isSameKey,
  isZeroKey,
  nexusName,
  REGISTRATIONS_PER_LOGICAL_UNIT_MAX,
} from './reservation-state.ts';

/** Tables 67 and 68. */
export function register(
  state: ReservationState,
  request: ReserveOutRequest,
  surroundings: ReservationSurroundings,
  ignoresKey: boolean,
): Outcome {
  const { nexus, list } = request;
  const own = state.registrations.get(nexus.name);
  if (!ignoresKey && !isSameKey(own?.key ?? NO_KEY, list.key)) return CONFLICT;
  if (list.hasSpecIPt && (ignoresKey || own !== undefined)) return refuseParameter(BASIC_FLAGS, SPEC_I_PT_BIT);
  if (list.isAptpl && !surroundings.canPersist) return refuseParameter(BASIC_FLAGS, APTPL_BIT);
  const targetPorts = targetPortsOf(request, surroundings);
  if (isZeroKey(list.serviceActionKey)) {
    return own === undefined ? done(state) : unregister(state, request, targetPorts, ignoresKey);
  }
  const initiatorPorts = initiatorPortsOf(state, request, surroundings, targetPorts);
  if (!(initiatorPorts instanceof Set)) return initiatorPorts;
  const nexuses = nexusesOf(initiatorPorts, targetPorts);
  // ALL_TG_PT is as good as the same request through each port, each with its own registration (6.16.3).
  if (!ignoresKey && nexuses.some(({ name }) => !isSameKey(state.registrations.get(name)?.key ?? NO_KEY, list.key))) {
    return CONFLICT;
  }
  return registerAll(state, nexuses, list.serviceActionKey, list.isAptpl);
}

/** Table 70 and what follows it. */
export function registerAndMove(
  state: ReservationState,
  request: ReserveOutRequest,
  surroundings: ReservationSurroundings,
): Outcome {
  const { nexus, list } = request;
  const { reservation } = state;
  const own = state.registrations.get(nexus.name);
  if (own === undefined || !isSameKey(own.key, list.key)) return CONFLICT;
  if (reservation === null) return refuseCdb(SERVICE_ACTION_BYTE, SERVICE_ACTION_TOP_BIT);
  if (reservation.holder !== nexus.name) return CONFLICT; // an all registrants type has no holder to move it from
  if (isZeroKey(list.serviceActionKey)) return refuseParameter(SERVICE_ACTION_RESERVATION_KEY);
  if (list.isAptpl && !surroundings.canPersist) return refuseParameter(MOVE_FLAGS, APTPL_BIT);
  const targetPort = [...surroundings.targetPorts].find((port) => port.relativeTargetPort === list.relativeTargetPort);
  if (targetPort === undefined) return refuseParameter(MOVE_RELATIVE_TARGET_PORT_IDENTIFIER);
  const initiatorPortName = movedTo(request);
  if (initiatorPortName === null) return refuseParameter(MOVE_TRANSPORT_ID);
  const destination = nexusName(initiatorPortName, targetPort.name);
  const registered = registerAll(state, [destination], list.serviceActionKey, list.isAptpl);
  if (registered.kind !== 'done') return registered;
  const registrations = new Map(registered.next.registrations);
  if (list.isUnreg) registrations.delete(nexus.name);
  return done({ ...registered.next, registrations, reservation: { ...reservation, holder: destination.name } });
}

const NO_KEY: ReservationKey = { high: 0, low: 0 };
const SERVICE_ACTION_BYTE = 1;
const SERVICE_ACTION_TOP_BIT = 4;

/** The one initiator port that the TransportID names, another than the request's own; null when it does not. */
function movedTo({ list, nexus }: ReserveOutRequest): string | null {
  const { ids } = list.transportIds;
  // A device, format 00b, is no port to move to; and the list is of one TransportID.
  if (ids === null || ids.length !== 1) return null;
  const initiatorPortName = ids[0]?.initiatorPortName ?? null;
  return initiatorPortName === nexus.initiatorPortName ? null : initiatorPortName;
}

/** Names of the target ports that the registration is for (table 69). */
function targetPortsOf({ list, nexus }: ReserveOutRequest, { targetPorts }: ReservationSurroundings): Set<string> {
  const names = new Set([nexus.targetPortName]);
  if (list.isAllTgPt) for (const { name } of targetPorts) names.add(name);
  return names;
}

/** Names of the initiator ports that the registration is for, its own first; or why there are none. */
function initiatorPortsOf(
  state: ReservationState,
  { list, nexus }: ReserveOutRequest,
  surroundings: ReservationSurroundings,
  targetPorts: ReadonlySet<string>,
): Set<string> | Outcome {
  const names = new Set([nexus.initiatorPortName]);
  const { transportIds } = list;
  if (transportIds.ids === null) return refuseParameter(transportIds.offset);
  for (const id of transportIds.ids) {
    const specified = portsOf(id, state, surroundings);
    if (specified.length === 0) return refuseParameter(id.offset);
    // Table 67 footnote b: none of them may be registered.
    const isRegistered = nexusesOf(specified, targetPorts).some(({ name }) => state.registrations.has(name));
    if (isRegistered) return refuseParameter(id.offset);
    for (const name of specified) names.add(name);
  }
  return names;
}

/** SPC-4 7.6.4.6: one port, or all known ports of the device. A port need not be known to be named. */
function portsOf(id: TransportId, state: ReservationState, surroundings: ReservationSurroundings): string[] {
  if (id.initiatorPortName !== null) return [id.initiatorPortName];
  const known = new Set(surroundings.initiatorPortNames);
  for (const { initiatorPortName } of state.registrations.values()) known.add(initiatorPortName);
  return [...known].filter((name) => name.startsWith(`${id.initiatorName},`));
}

function nexusesOf(initiatorPorts: Iterable<string>, targetPorts: Iterable<string>): NexusName[] {
  return [...initiatorPorts].flatMap((initiator) => [...targetPorts].map((target) => nexusName(initiator, target)));
}

function registerAll(
  state: ReservationState,
  nexuses: readonly NexusName[],
  key: ReservationKey,
  isAptpl: boolean,
): Outcome {
  const registrations = new Map<string, Registration>(state.registrations);
  for (const { initiatorPortName, targetPortName, name } of nexuses) {
    registrations.set(name, { initiatorPortName, targetPortName, name, key });
  }
  if (registrations.size > REGISTRATIONS_PER_LOGICAL_UNIT_MAX) return refuse(SENSE_INSUFFICIENT_REGISTRATION_RESOURCES);
  return done({ ...state, registrations, isAptpl, generation: (state.generation + 1) >>> 0 });
}

/**
 * 5.13.11.2.3: for each of the target ports; where nothing is registered there is nothing to remove. A port registered
 * with another key than the request's, which came through one of the others, conflicts.
 */
function unregister(
  state: ReservationState,
  { nexus, list }: ReserveOutRequest,
  targetPorts: ReadonlySet<string>,
  ignoresKey: boolean,
): Outcome {
  const registrations = new Map(state.registrations);
  for (const { name } of nexusesOf([nexus.initiatorPortName], targetPorts)) {
    const registration = registrations.get(name);
    if (registration !== undefined && !ignoresKey && !isSameKey(registration.key, list.key)) return CONFLICT;
    registrations.delete(name);
  }
  const { reservation } = state;
  const generation = (state.generation + 1) >>> 0;
  const next = { ...state, registrations, isAptpl: list.isAptpl, generation };
  const isKept = reservation?.holder === null ? registrations.size > 0 : registrations.has(reservation?.holder ?? '');
  if (reservation === null || isKept) return done(next);
  const told = isForRegistrants(reservation.type) ? registrations.keys() : [];
  return done({ ...next, reservation: null }, attentionsFor(told, nexus.name, SENSE_RESERVATIONS_RELEASED));
}

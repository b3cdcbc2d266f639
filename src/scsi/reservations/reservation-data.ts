/** PERSISTENT RESERVE IN (SPC-4 6.15): what its service actions report. */
import { sendParameterData } from '../command/parameter-data.ts';
import type { ParameterDataBuilder, Task } from '../task/task.ts';
import type { Registration, ReservationState } from './machine/reservation-state.ts';
import { isHolder, LU_SCOPE } from './machine/reservation-state.ts';
import { writeTransportId } from './transport-id.ts';

export function readKeys(task: Task): void {
  report(task, buildKeys);
}

export function readReservation(task: Task): void {
  report(task, buildReservation);
}

export function reportCapabilities(task: Task): void {
  report(task, buildCapabilities);
}

export function readFullStatus(task: Task): void {
  report(task, buildFullStatus);
}

const ALLOCATION_LENGTH = 7;
const HEADER_BYTES = 8;
const KEY_BYTES = 8;

// SPC-4 6.15.3 READ RESERVATION
const RESERVATION_BYTES = 16;

// SPC-4 6.15.4 REPORT CAPABILITIES
const CAPABILITIES_BYTES = 8;
const RLR_C = 0x80;
const CRH = 0x10;
const SIP_C = 0x08;
const ATP_C = 0x04;
const PTPL_C = 0x01;
const TMV = 0x80;
/** Table 208, 100b: what may be allowed under Write Exclusive types is, and so is TEST UNIT READY under all. */
const ALLOW_COMMANDS = 0x40;
const PTPL_A = 0x01;
/** WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX; EX_AC_AR */
const TYPE_MASK = 0xea01;

// SPC-4 6.15.5 READ FULL STATUS, full status descriptor
const FLAGS = 12;
const R_HOLDER = 0x01;
const SCOPE_TYPE = 13;
const RELATIVE_TARGET_PORT_IDENTIFIER = 18;
const ADDITIONAL_DESCRIPTOR_LENGTH = 20;
const DESCRIPTOR_BYTES = 24;

function report(task: Task, builder: ParameterDataBuilder): void {
  sendParameterData(task, task.command.cdbView.getUint16(ALLOCATION_LENGTH), builder);
}

/** PRGENERATION and ADDITIONAL LENGTH. Returns `end`. */
function writeHeader(state: ReservationState, out: Buffer, end: number): number {
  out.writeUInt32BE(state.generation, 0);
  out.writeUInt32BE(end - HEADER_BYTES, 4);
  return end;
}

function writeKey({ key }: Registration, out: Buffer, at: number): number {
  out.writeUInt32BE(key.high, at);
  out.writeUInt32BE(key.low, at + 4);
  return at + KEY_BYTES;
}

function buildKeys(task: Task, out: Buffer): number {
  const { state } = task.unit.reservations;
  let end = HEADER_BYTES;
  for (const registration of state.registrations.values()) end = writeKey(registration, out, end);
  return writeHeader(state, out, end);
}

function buildReservation(task: Task, out: Buffer): number {
  const { state } = task.unit.reservations;
  const { reservation, registrations } = state;
  if (reservation === null) return writeHeader(state, out, HEADER_BYTES);
  out.fill(0, HEADER_BYTES, HEADER_BYTES + RESERVATION_BYTES);
  // An all registrants type has no key of its own (5.13.10).
  const holder = reservation.holder === null ? undefined : registrations.get(reservation.holder);
  if (holder !== undefined) writeKey(holder, out, HEADER_BYTES);
  out[HEADER_BYTES + SCOPE_TYPE] = (LU_SCOPE << 4) | reservation.type;
  return writeHeader(state, out, HEADER_BYTES + RESERVATION_BYTES);
}

function buildCapabilities(task: Task, out: Buffer): number {
  const { store, state } = task.unit.reservations;
  out.writeUInt16BE(CAPABILITIES_BYTES, 0);
  out[2] = RLR_C | CRH | SIP_C | ATP_C | (store === null ? 0 : PTPL_C);
  out[3] = TMV | ALLOW_COMMANDS | (state.isAptpl ? PTPL_A : 0);
  out.writeUInt16BE(TYPE_MASK, 4);
  out.writeUInt16BE(0, 6);
  return CAPABILITIES_BYTES;
}

function buildFullStatus(task: Task, out: Buffer): number {
  const { reservations } = task.unit;
  let end = HEADER_BYTES;
  for (const registration of reservations.state.registrations.values()) {
    end = writeDescriptor(task, registration, out, end);
  }
  return writeHeader(reservations.state, out, end);
}

/** ALL_TG_PT is zero: each target port has a registration of its own. */
function writeDescriptor(task: Task, registration: Registration, out: Buffer, at: number): number {
  const { reservations } = task.unit;
  const { state } = reservations;
  out.fill(0, at, at + DESCRIPTOR_BYTES);
  writeKey(registration, out, at);
  if (state.reservation !== null && isHolder(state, registration.name)) {
    out[at + FLAGS] = R_HOLDER;
    out[at + SCOPE_TYPE] = (LU_SCOPE << 4) | state.reservation.type;
  }
  const port = reservations.relativeTargetPort(registration.targetPortName);
  out.writeUInt16BE(port, at + RELATIVE_TARGET_PORT_IDENTIFIER);
  const end = writeTransportId(registration.initiatorPortName, out, at + DESCRIPTOR_BYTES);
  out.writeUInt32BE(end - at - DESCRIPTOR_BYTES, at + ADDITIONAL_DESCRIPTOR_LENGTH);
  return end;
}

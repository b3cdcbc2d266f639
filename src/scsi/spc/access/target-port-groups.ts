/**
 * REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4 6.37, 6.45). The groups are those of every target that exports
 * the unit, since initiators put the paths to a unit together whatever target they lead through; but an initiator neither
 * hears of targets nor changes targets by which it could not reach the unit.
 */
import { NO_SENSE_VALUE } from '../../command/command.ts';
import { sendParameterData } from '../../command/parameter-data.ts';
import { receiveParameterList } from '../../command/parameter-list.ts';
import type { AccessState, PortAccess, TargetPort } from '../../port/target-port.ts';
import {
  ACCESS_STATUS_ALTERED_BY_COMMAND,
  STATE_ACTIVE_NON_OPTIMIZED,
  STATE_ACTIVE_OPTIMIZED,
  STATE_STANDBY,
  STATE_TRANSITIONING,
  STATE_UNAVAILABLE,
} from '../../port/target-port.ts';
import type { TargetPorts } from '../../port/target-ports.ts';
import {
  parameterFieldPointer,
  SENSE_ASYMMETRIC_ACCESS_STATE_CHANGED,
  SENSE_ASYMMETRIC_ACCESS_STATE_TRANSITION,
  SENSE_INVALID_FIELD_IN_PARAMETER_LIST,
  SENSE_SET_TARGET_PORT_GROUPS_COMMAND_FAILED,
} from '../../sense.ts';
import type { Task } from '../../task/task.ts';

export function reportTargetPortGroups(task: Task): void {
  const { cdbView } = task.command;
  const format = cdbView.getUint8(FORMAT_BYTE) >>> FORMAT_SHIFT;
  if (format > FORMAT_EXTENDED) task.invalidField(FORMAT_BYTE, 7);
  else sendParameterData(task, cdbView.getUint32(ALLOCATION_LENGTH), buildTargetPortGroups);
}

export function setTargetPortGroups(task: Task): void {
  const { cdbView } = task.command;
  const lengthBytes = cdbView.getUint32(PARAMETER_LIST_LENGTH);
  const isWhole = lengthBytes >= LIST_HEADER_BYTES && (lengthBytes - LIST_HEADER_BYTES) % SET_DESCRIPTOR_BYTES === 0;
  if (lengthBytes === 0) task.good();
  else if (!isWhole || lengthBytes > LIST_BYTES_MAX) task.invalidField(PARAMETER_LIST_LENGTH, 7);
  else receiveParameterList(task, lengthBytes, takeList);
}

// SPC-4 6.37
const FORMAT_BYTE = 1;
const FORMAT_SHIFT = 5;
const FORMAT_EXTENDED = 1;
const ALLOCATION_LENGTH = 6;
const LENGTH_HEADER_BYTES = 4;
const EXTENDED_HEADER_BYTES = 8;
const EXTENDED_FORMAT_TYPE = 0x10;
const GROUP_DESCRIPTOR_BYTES = 8;
const PREF = 0x80;
const PORT_DESCRIPTOR_BYTES = 4;
/** T_SUP, U_SUP, S_SUP, AN_SUP, AO_SUP; neither O_SUP nor LBD_SUP. */
const SUPPORTED_STATES = 0x8f;

// SPC-4 6.45
const PARAMETER_LIST_LENGTH = 6;
const LIST_HEADER_BYTES = 4;
const SET_DESCRIPTOR_BYTES = 4;
const STATE_MASK = 0x0f;
const STATE_TOP_BIT = 3;
/** Descriptors of one list: more groups than any unit is behind. */
const SET_DESCRIPTORS_MAX = 1024;
const LIST_BYTES_MAX = LIST_HEADER_BYTES + SET_DESCRIPTORS_MAX * SET_DESCRIPTOR_BYTES;

function buildTargetPortGroups({ unit, command }: Task, out: Buffer): number {
  const isExtended = command.cdb[FORMAT_BYTE]! >>> FORMAT_SHIFT === FORMAT_EXTENDED;
  out.fill(0, 0, EXTENDED_HEADER_BYTES);
  if (isExtended) out[LENGTH_HEADER_BYTES] = EXTENDED_FORMAT_TYPE; // IMPLICIT TRANSITION TIME zero: not indicated
  let end = isExtended ? EXTENDED_HEADER_BYTES : LENGTH_HEADER_BYTES;
  for (const port of unit.portsSeenBy(command.nexus)) end = writeGroup(port, out, end);
  out.writeUInt32BE(end - LENGTH_HEADER_BYTES, 0);
  return end;
}

function writeGroup(port: TargetPort, out: Buffer, at: number): number {
  const end = at + GROUP_DESCRIPTOR_BYTES + PORT_DESCRIPTOR_BYTES;
  out.fill(0, at, end);
  out[at] = (port.isPreferred ? PREF : 0) | port.access.state;
  out[at + 1] = SUPPORTED_STATES;
  out.writeUInt16BE(port.relativeTargetPort, at + 2);
  out[at + 5] = port.access.statusCode;
  out[at + 7] = 1; // TARGET PORT COUNT
  out.writeUInt16BE(port.relativeTargetPort, at + GROUP_DESCRIPTOR_BYTES + 2);
  return end;
}

interface ListFault {
  readonly byte: number;
  /** NO_SENSE_VALUE: a field of whole bytes. */
  readonly bit: number;
}

function takeList(task: Task, list: Buffer): void {
  const wanted = new Map<TargetPort, AccessState>();
  const fault = readList(task, list, wanted);
  if (fault !== null) {
    const pointer = parameterFieldPointer(fault.byte, fault.bit);
    task.checkWith(SENSE_INVALID_FIELD_IN_PARAMETER_LIST, NO_SENSE_VALUE, pointer);
  } else if ([...wanted.keys()].some(isTransitioning)) {
    task.check(SENSE_ASYMMETRIC_ACCESS_STATE_TRANSITION);
  } else {
    change(task, wanted);
  }
}

/** Fills `wanted` with what the list asks for; nothing is changed when any of it cannot be. */
function readList({ unit, command }: Task, list: Buffer, wanted: Map<TargetPort, AccessState>): ListFault | null {
  const ports = unit.portsSeenBy(command.nexus);
  for (let at = LIST_HEADER_BYTES; at < list.length; at += SET_DESCRIPTOR_BYTES) {
    const state = list[at]! & STATE_MASK;
    if (!isSettable(state)) return { byte: at, bit: STATE_TOP_BIT };
    const group = list.readUInt16BE(at + 2);
    const port = ports.find(({ relativeTargetPort }) => relativeTargetPort === group);
    // Named twice, a group would have to be in two states.
    if (port === undefined || !port.siblings.isExplicit || wanted.has(port))
      return { byte: at + 2, bit: NO_SENSE_VALUE };
    wanted.set(port, state);
  }
  return null;
}

function isSettable(state: number): state is AccessState {
  switch (state) {
    case STATE_ACTIVE_OPTIMIZED:
    case STATE_ACTIVE_NON_OPTIMIZED:
    case STATE_STANDBY:
    case STATE_UNAVAILABLE:
      return true;
    default:
      return false;
  }
}

function isTransitioning({ access, siblings }: TargetPort): boolean {
  return access.state === STATE_TRANSITIONING || siblings.isChanging;
}

/** Target after target, each in one step; what was done before a failure stays (SPC-4 5.16.2.5). */
function change(task: Task, wanted: ReadonlyMap<TargetPort, AccessState>): void {
  const byTarget = new Map<TargetPorts, Map<TargetPort, PortAccess>>();
  for (const [port, state] of wanted) {
    if (port.access.state === state) continue;
    const changes = byTarget.get(port.siblings) ?? new Map<TargetPort, PortAccess>();
    byTarget.set(port.siblings, changes.set(port, { state, statusCode: ACCESS_STATUS_ALTERED_BY_COMMAND }));
  }
  task.beginWork();
  changeNext(task, [...byTarget]);
}

type TargetChange = readonly [TargetPorts, ReadonlyMap<TargetPort, PortAccess>];

/** The states are the operator's business as well: they change even when the command is aborted meanwhile. */
function changeNext(task: Task, rest: readonly TargetChange[]): void {
  const [next, ...others] = rest;
  if (next === undefined) {
    if (task.endWork()) task.good();
    return;
  }
  const [ports, changes] = next;
  if (ports.isChanging) return fail(task); // the configuration was read again while another target's change was saved
  const { nexus } = task.command;
  ports.change(changes, (isChanged) => {
    if (!isChanged) return fail(task);
    for (const port of changes.keys()) port.announce(SENSE_ASYMMETRIC_ACCESS_STATE_CHANGED, nexus);
    changeNext(task, others);
  });
}

function fail(task: Task): void {
  if (task.endWork()) task.check(SENSE_SET_TARGET_PORT_GROUPS_COMMAND_FAILED);
}

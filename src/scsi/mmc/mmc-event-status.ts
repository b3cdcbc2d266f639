/**
 * GET EVENT STATUS NOTIFICATION (MMC-4 6.7), polled: what happened to the medium since this nexus asked last, and what that
 * changed in the drive's features. Power and busy state are there to be read; they have no events.
 */
import { sendParameterData } from '../command/parameter-data.ts';
import type { Task } from '../task/task.ts';
import { MEDIA_NO_CHANGE } from './media-event.ts';

export function getEventStatusNotification(task: Task): void {
  const { cdbView } = task.command;
  // Asynchronous notification is optional, and its absence is said like this.
  if ((cdbView.getUint8(POLLED_BYTE) & POLLED) === 0) task.invalidField(POLLED_BYTE, 0);
  else sendParameterData(task, cdbView.getUint16(ALLOCATION_LENGTH), buildEvent);
}

// MMC-4 6.7.1
const POLLED_BYTE = 1;
const POLLED = 0x01;
const NOTIFICATION_CLASS_REQUEST = 4;
const ALLOCATION_LENGTH = 7;

// MMC-4 6.7.2.1 Event header
const HEADER_BYTES = 4;
const LENGTH_FIELD_BYTES = 2;
const CLASS_BYTE = 2;
const NEA = 0x80;
const SUPPORTED_CLASSES_BYTE = 3;
const DESCRIPTOR_BYTES = 4;

const CLASS_OPERATIONAL_CHANGE = 1;
const CLASS_POWER_MANAGEMENT = 2;
const CLASS_MEDIA = 4;
const CLASS_DEVICE_BUSY = 6;
/** By priority, which is that of the numbers. */
const CLASSES = [CLASS_OPERATIONAL_CHANGE, CLASS_POWER_MANAGEMENT, CLASS_MEDIA, CLASS_DEVICE_BUSY] as const;
type EventClass = (typeof CLASSES)[number];
const SUPPORTED_CLASSES = CLASSES.reduce((bits, one) => bits | (1 << one), 0);

function buildEvent(task: Task, out: Buffer): number {
  const eventClass = chooseClass(task, task.command.cdb[NOTIFICATION_CLASS_REQUEST]!);
  out.fill(0, 0, HEADER_BYTES + DESCRIPTOR_BYTES);
  out[SUPPORTED_CLASSES_BYTE] = SUPPORTED_CLASSES;
  if (eventClass === null) {
    out.writeUInt16BE(HEADER_BYTES - LENGTH_FIELD_BYTES, 0);
    out[CLASS_BYTE] = NEA;
    return HEADER_BYTES;
  }
  out.writeUInt16BE(HEADER_BYTES + DESCRIPTOR_BYTES - LENGTH_FIELD_BYTES, 0);
  out[CLASS_BYTE] = eventClass;
  describe(task, eventClass, out);
  return HEADER_BYTES + DESCRIPTOR_BYTES;
}

/** The first class that was asked for and has an event, else the first that was asked for; null: none is supported. */
function chooseClass(task: Task, requested: number): EventClass | null {
  const wanted = CLASSES.filter((one) => (requested & (1 << one)) !== 0);
  return wanted.find((one) => hasEvent(task, one)) ?? wanted[0] ?? null;
}

function hasEvent(task: Task, eventClass: EventClass): boolean {
  const state = task.unit.nexusState(task.command.nexus);
  if (eventClass === CLASS_OPERATIONAL_CHANGE) return state.hasFeatureChange;
  return eventClass === CLASS_MEDIA && state.mediaEvent !== MEDIA_NO_CHANGE;
}

function describe(task: Task, eventClass: EventClass, out: Buffer): void {
  switch (eventClass) {
    case CLASS_OPERATIONAL_CHANGE:
      describeOperationalChange(task, out);
      return;
    case CLASS_POWER_MANAGEMENT:
      out[HEADER_BYTES + 1] = POWER_STATUS_ACTIVE;
      return;
    case CLASS_MEDIA:
      describeMedia(task, out);
      return;
    case CLASS_DEVICE_BUSY: // not busy
      return;
  }
}

// MMC-4 6.7.2.2
const OPERATIONAL_CHANGED = 0x02;
const PERSISTENT_PREVENTED = 0x80;
const FEATURE_CHANGE = 0x0001;
// MMC-4 6.7.2.3
const POWER_STATUS_ACTIVE = 0x01;
// MMC-4 6.7.2.5
const MEDIA_PRESENT = 0x02;
const TRAY_OPEN = 0x01;

function describeOperationalChange(task: Task, out: Buffer): void {
  const state = task.unit.nexusState(task.command.nexus);
  out[HEADER_BYTES] = state.hasFeatureChange ? OPERATIONAL_CHANGED : 0;
  out[HEADER_BYTES + 1] = state.preventsPersistently ? PERSISTENT_PREVENTED : 0;
  out.writeUInt16BE(state.hasFeatureChange ? FEATURE_CHANGE : 0, HEADER_BYTES + 2);
  if (isSeen(task)) state.hasFeatureChange = false;
}

function describeMedia(task: Task, out: Buffer): void {
  const { unit, command } = task;
  const state = unit.nexusState(command.nexus);
  out[HEADER_BYTES] = state.mediaEvent;
  out[HEADER_BYTES + 1] = unit.isMediumPresent ? MEDIA_PRESENT : TRAY_OPEN;
  if (isSeen(task)) state.mediaEvent = MEDIA_NO_CHANGE;
}

/** An event of which the initiator gets no byte stays. */
function isSeen({ allocationLength }: Task): boolean {
  return allocationLength > HEADER_BYTES;
}

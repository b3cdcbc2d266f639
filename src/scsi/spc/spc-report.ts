/**
 * REPORT LUNS, REQUEST SENSE and TEST UNIT READY (SPC-4 6.33, 6.39, 6.47).
 */
import { NO_SENSE_VALUE } from '../command/command.ts';
import { sendParameterData } from '../command/parameter-data.ts';
import { encodeLunHigh, REPORT_LUNS_WELL_KNOWN_HIGH } from '../lun-map.ts';
import {
  encodeDescriptorSense,
  encodeFixedSense,
  SENSE_LOGICAL_UNIT_NOT_SUPPORTED,
  SENSE_NO_ADDITIONAL_INFORMATION,
  SENSE_REPORTED_LUNS_DATA_HAS_CHANGED,
} from '../sense.ts';
import type { Task } from '../task/task.ts';
import { ADDRESSED_ABSENT } from '../task/task.ts';

export function testUnitReady(task: Task): void {
  const notReady = task.logicalUnit === null ? 0 : task.logicalUnit.notReady();
  if (notReady === 0) task.good();
  else task.check(notReady);
}

export function reportLuns(task: Task): void {
  const { cdbView } = task.command;
  const allocationLength = cdbView.getUint32(RL_ALLOCATION_LENGTH);
  if (cdbView.getUint8(RL_SELECT_REPORT) > SELECT_ALL) task.invalidField(RL_SELECT_REPORT, 7);
  else if (allocationLength < RL_ALLOCATION_LENGTH_MIN) task.invalidField(RL_ALLOCATION_LENGTH, 7);
  else sendParameterData(task, allocationLength, buildReportLuns);
}

export function requestSense(task: Task): void {
  const { cdbView } = task.command;
  const isDescriptor = (cdbView.getUint8(RS_DESC_BYTE) & RS_DESC) !== 0;
  sendParameterData(
    task,
    cdbView.getUint8(RS_ALLOCATION_LENGTH),
    isDescriptor ? buildDescriptorSense : buildFixedSense,
  );
}

// SPC-4 6.33 REPORT LUNS
const RL_SELECT_REPORT = 2;
const RL_ALLOCATION_LENGTH = 6;
const RL_ALLOCATION_LENGTH_MIN = 16;
const RL_HEADER_BYTES = 8;
const RL_ENTRY_BYTES = 8;
const SELECT_LOGICAL_UNITS = 0;
const SELECT_WELL_KNOWN = 1;
const SELECT_ALL = 2;

// SPC-4 6.39 REQUEST SENSE
const RS_DESC_BYTE = 1;
const RS_DESC = 0x01;
const RS_ALLOCATION_LENGTH = 4;

function buildReportLuns(task: Task, out: Buffer): number {
  const selected = task.command.cdbView.getUint8(RL_SELECT_REPORT);
  let end = RL_HEADER_BYTES;
  if (selected !== SELECT_WELL_KNOWN) {
    task.lunMap.visit((unit, lun) => {
      end = writeLun(out, end, encodeLunHigh(lun));
      // Who has seen the inventory need not be told that it has changed (SPC-4 6.33).
      unit.clearAttention(task.command.nexus, SENSE_REPORTED_LUNS_DATA_HAS_CHANGED);
    });
  }
  if (selected !== SELECT_LOGICAL_UNITS) end = writeLun(out, end, REPORT_LUNS_WELL_KNOWN_HIGH);
  out.writeUInt32BE(end - RL_HEADER_BYTES, 0);
  out.writeUInt32BE(0, 4);
  return end;
}

function writeLun(out: Buffer, at: number, lunHigh: number): number {
  out.writeUInt32BE(lunHigh, at);
  out.writeUInt32BE(0, at + 4);
  return at + RL_ENTRY_BYTES;
}

function buildFixedSense(task: Task, out: Buffer): number {
  const senseCode = pollSense(task);
  return encodeFixedSense(senseCode, out, 0, informationOf(task, senseCode), progressOf(task, senseCode));
}

function buildDescriptorSense(task: Task, out: Buffer): number {
  const senseCode = pollSense(task);
  return encodeDescriptorSense(senseCode, out, 0, informationOf(task, senseCode), progressOf(task, senseCode));
}

function informationOf({ logicalUnit }: Task, senseCode: number): number {
  return logicalUnit?.provisioning.informationOf(senseCode) ?? NO_SENSE_VALUE;
}

/** How far an erasure of the medium has come (SPC-4 4.5.2.4.4); initiators poll for it. */
function progressOf(task: Task, senseCode: number): number {
  const erasure = task.logicalUnit?.erasure;
  return erasure?.isRunning === true && erasure.senseCode === senseCode ? erasure.progress : NO_SENSE_VALUE;
}

/** A pending unit attention condition, which is thereby reported; else the state of the port, then of the unit. */
function pollSense(task: Task): number {
  const { logicalUnit } = task;
  if (task.addressed === ADDRESSED_ABSENT) return SENSE_LOGICAL_UNIT_NOT_SUPPORTED;
  if (logicalUnit === null) return SENSE_NO_ADDITIONAL_INFORMATION;
  const attention = logicalUnit.nexusState(task.command.nexus).attentions.take();
  const { senseCode } = task.command.nexus.targetPort;
  return attention || senseCode || logicalUnit.inaccessible() || logicalUnit.lowPowerCondition;
}

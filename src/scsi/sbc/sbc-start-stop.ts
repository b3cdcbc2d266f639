/**
 * START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.25, 5.10), and SEND DIAGNOSTIC (SPC-4 6.42).
 */
import { IO_FLUSH } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { PERIPHERAL_DIRECT_ACCESS } from '../constants.ts';
import { SENSE_MEDIUM_REMOVAL_PREVENTED } from '../sense.ts';
import type { Operation, Task } from '../task.ts';
import { verifyMedium } from './sbc-verify.ts';

/** IMMED is accepted and changes nothing: starting is instant, and a stop is reported when the cache is on the medium. */
export function startStopUnit(task: Task): void {
  const flags = task.command.cdb[START_STOP_FLAGS]!;
  const powerCondition = flags >>> 4;
  if (powerCondition !== START_VALID) setPowerCondition(task, powerCondition);
  else if ((flags & LOEJ) !== 0 && !task.unit.isRemovable) task.invalidField(START_STOP_FLAGS, 1);
  else if ((flags & LOEJ) !== 0 && task.unit.isRemovalPrevented) task.check(SENSE_MEDIUM_REMOVAL_PREVENTED);
  else if ((flags & START) !== 0) start(task, (flags & LOEJ) !== 0);
  else stop(task, flags);
}

export function preventAllowMediumRemoval(task: Task): void {
  const { unit, command } = task;
  const prevent = command.cdb[PREVENT_BYTE]!;
  const isPersistent = (prevent & PREVENT_PERSISTENT) !== 0;
  if (isPersistent && unit.deviceType === PERIPHERAL_DIRECT_ACCESS) {
    task.invalidField(PREVENT_BYTE, 1);
    return;
  }
  const state = unit.nexusState(command.nexus);
  if (isPersistent) state.preventsPersistently = (prevent & PREVENT_REMOVAL) !== 0;
  else state.preventsRemoval = (prevent & PREVENT_REMOVAL) !== 0;
  task.good();
}

/** The default self-test reads the first block from the medium; no other self-test and no diagnostic page exists. */
export function sendDiagnostic(task: Task): void {
  const { cdbView } = task.command;
  const flags = cdbView.getUint8(DIAGNOSTIC_FLAGS);
  if (flags >>> 5 !== 0) task.invalidField(DIAGNOSTIC_FLAGS, 7);
  else if (cdbView.getUint16(DIAGNOSTIC_LIST_LENGTH) !== 0) task.invalidField(DIAGNOSTIC_LIST_LENGTH, 7);
  else if ((flags & SELFTEST) === 0) task.good();
  else selfTest(task);
}

// SBC-3 5.25
const START_STOP_FLAGS = 4;
const NO_FLUSH = 0x04;
const LOEJ = 0x02;
const START = 0x01;
const START_VALID = 0x0;
const POWER_ACTIVE = 0x1;
const POWER_IDLE = 0x2;
const POWER_STANDBY = 0x3;
const POWER_LU_CONTROL = 0x7;
const POWER_FORCE_IDLE_0 = 0xa;
const POWER_FORCE_STANDBY_0 = 0xb;

// SBC-3 5.10
const PREVENT_BYTE = 4;
const PREVENT_REMOVAL = 0x01;
/** MMC-6; reserved in SBC-3. */
const PREVENT_PERSISTENT = 0x02;

// SPC-4 6.42
const DIAGNOSTIC_FLAGS = 1;
const SELFTEST = 0x04;
const DIAGNOSTIC_LIST_LENGTH = 3;

/** SBC-3 4.20: from idle and standby any command leads back to active by itself, so they are not told apart from it. */
function setPowerCondition(task: Task, powerCondition: number): void {
  switch (powerCondition) {
    case POWER_ACTIVE:
    case POWER_IDLE:
    case POWER_STANDBY:
    case POWER_LU_CONTROL:
    case POWER_FORCE_IDLE_0:
    case POWER_FORCE_STANDBY_0:
      task.unit.isStopped = false;
      task.good();
      return;
    default:
      task.invalidField(START_STOP_FLAGS, 7);
  }
}

function start(task: Task, isLoad: boolean): void {
  const { unit } = task;
  if (isLoad) unit.loadMedium(task.command.nexus);
  unit.isStopped = false;
  task.good();
}

function stop(task: Task, flags: number): void {
  const { unit } = task;
  if ((flags & NO_FLUSH) !== 0 || unit.isReadOnly) {
    finishStop(task);
  } else {
    task.operation = STOP;
    task.submitRange(task.ios[0], IO_FLUSH, 0, 0, false);
  }
}

function finishStop(task: Task): void {
  const { unit } = task;
  if ((task.command.cdb[START_STOP_FLAGS]! & LOEJ) === 0) unit.isStopped = true;
  else unit.ejectMedium();
  task.good();
}

const STOP: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone: finishStop,
  onCompareBuffer: unexpected,
};

function selfTest(task: Task): void {
  task.offsetBytes = 0;
  task.lengthBytes = task.unit.blockBytes;
  verifyMedium(task);
}

function unexpected(): never {
  assert(false, 'a stop is a flush alone');
}

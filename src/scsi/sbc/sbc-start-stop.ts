/**
 * START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3 5.25, 5.10).
 */
import { IO_FLUSH } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import { PERIPHERAL_DIRECT_ACCESS } from '../constants.ts';
import { SENSE_MEDIUM_REMOVAL_PREVENTED, SENSE_STANDBY_CONDITION_ACTIVATED_BY_COMMAND } from '../sense.ts';
import type { Operation, Task } from '../task/task.ts';
import type { CycleCounts, UnitStateChange } from '../unit/unit-state.ts';
import { NO_CYCLES } from '../unit/unit-state.ts';
import { POWER_ACTIVE, POWER_UNCHANGED, POWER_UNKNOWN, requestedPowerCondition } from './power-condition.ts';

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

// SBC-3 5.25
const START_STOP_FLAGS = 4;
const NO_FLUSH = 0x04;
const LOEJ = 0x02;
const START = 0x01;
const START_VALID = 0x0;
const MODIFIER_BYTE = 3;
const MODIFIER_MASK = 0x0f;

// SBC-3 5.10
const PREVENT_BYTE = 4;
const PREVENT_REMOVAL = 0x01;
/** MMC-6; reserved in SBC-3. */
const PREVENT_PERSISTENT = 0x02;

function setPowerCondition(task: Task, condition: number): void {
  const { unit } = task;
  const requested = requestedPowerCondition(condition, task.command.cdb[MODIFIER_BYTE]! & MODIFIER_MASK);
  if (requested === POWER_UNKNOWN) {
    task.invalidField(MODIFIER_BYTE, 3);
    return;
  }
  if (requested !== POWER_UNCHANGED) {
    unit.isStopped = false;
    unit.lowPowerCondition = requested;
  }
  task.good();
}

function start(task: Task, isLoad: boolean): void {
  const { unit } = task;
  if (isLoad) unit.loadMedium(task.command.nexus);
  unit.isStopped = false;
  unit.lowPowerCondition = POWER_ACTIVE;
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

/**
 * A removable medium has no spindle here, as a memory card has none: it does not stop, as little as a card does, and goes to
 * standby, from which any access to the medium leads back by itself. So a host that stops what it does not eject does not
 * lock out others, and a medium that is not ready is one that is not there. A fixed disk stops (SBC-3 4.20).
 */
function finishStop(task: Task): void {
  const { unit } = task;
  const isEject = (task.command.cdb[START_STOP_FLAGS]! & LOEJ) !== 0;
  if (isEject && unit.isRemovalPrevented)
    task.check(SENSE_MEDIUM_REMOVAL_PREVENTED); // since the flush began
  else if (isEject) {
    const isUnloaded = unit.isMediumPresent;
    unit.ejectMedium();
    endCounted(task, isUnloaded ? { stops: 0, unloads: 1 } : NO_CYCLES);
  } else if (unit.isRemovable) {
    unit.lowPowerCondition = SENSE_STANDBY_CONDITION_ACTIVATED_BY_COMMAND;
    task.good();
  } else {
    const isStopping = !unit.isStopped;
    unit.isStopped = true;
    endCounted(task, isStopping ? { stops: 1, unloads: 0 } : NO_CYCLES);
  }
}

/** Keeps the counts for the Start-Stop Cycle Counter log page; that they cannot be kept does not undo the stop. */
function endCounted(task: Task, { stops, unloads }: CycleCounts): void {
  const { state } = task.unit;
  if (stops + unloads === 0) {
    task.good();
    return;
  }
  const count: UnitStateChange = ({ cycles = NO_CYCLES }) => {
    return { cycles: { stops: cycles.stops + stops, unloads: cycles.unloads + unloads } };
  };
  task.beginWork();
  state.update(count, () => {
    if (task.endWork()) task.good();
  });
}

const STOP: Operation = {
  onSlotReady: unexpected,
  onDataOut: unexpected,
  onIoDone: finishStop,
  onCompareBuffer: unexpected,
};

function unexpected(): never {
  assert(false, 'a stop is a flush alone');
}

/**
 * PERSISTENT RESERVE OUT (SPC-4 6.16) as a command: its list, its turn, its saving, what others are told, and the commands
 * that PREEMPT AND ABORT ends.
 */

import { NO_SENSE_VALUE } from '../command/command.ts';
import { receiveParameterList } from '../command/parameter-list.ts';
import { SENSE_INTERNAL_TARGET_FAILURE, SENSE_PARAMETER_LIST_LENGTH_ERROR } from '../sense.ts';
import { abortOthers } from '../task/aborted-tasks.ts';
import type { Task } from '../task/task.ts';
import { settle } from '../task/task.ts';
import { ABORT_TASK_SET, TaskManagementRequest } from '../task/task-management.ts';
import type { LogicalUnit } from '../unit/logical-unit.ts';
import type { Done, Outcome } from './machine/outcome.ts';
import { CONFLICT } from './machine/outcome.ts';
import { persistentReserveOut as perform } from './persistent-reserve-out.ts';
import type { ReserveOutList } from './reserve-out-list.ts';
import {
  BASIC_LIST_BYTES,
  PARAMETER_LIST_BYTES_MAX,
  PREEMPT_AND_ABORT,
  readReserveOutList,
} from './reserve-out-list.ts';

export function persistentReserveOut(task: Task): void {
  const { command } = task;
  const lengthBytes = command.cdbView.getUint32(PARAMETER_LIST_LENGTH);
  if (lengthBytes < BASIC_LIST_BYTES || lengthBytes > PARAMETER_LIST_BYTES_MAX) {
    command.presentedOutBytes = lengthBytes;
    task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  } else {
    receiveParameterList(task, lengthBytes, takeList);
  }
}

const PARAMETER_LIST_LENGTH = 5;
const SCOPE_TYPE = 2;

function takeList(task: Task, bytes: Buffer): void {
  const list = readReserveOutList(task.entry.serviceAction, bytes);
  if (list === null) task.check(SENSE_PARAMETER_LIST_LENGTH_ERROR);
  else task.unit.reservations.inTurn(task, () => takeTurn(task, list));
}

function takeTurn(task: Task, list: ReserveOutList): void {
  const outcome = outcomeOf(task, list);
  switch (outcome.kind) {
    case 'conflict':
      task.conflict();
      return;
    case 'refusal':
      task.checkWith(outcome.senseCode, NO_SENSE_VALUE, outcome.fieldPointer);
      return;
    case 'done':
      if (outcome.next === task.unit.reservations.state) task.good();
      else commit(task, outcome);
  }
}

function outcomeOf({ unit, command, entry }: Task, list: ReserveOutList): Outcome {
  const { reservations } = unit;
  // SPC-2 5.5.1; a RESERVE may have come in while this command waited.
  if (reservations.isLegacyReserved) return CONFLICT;
  const scopeType = command.cdb[SCOPE_TYPE]!;
  const { serviceAction } = entry;
  const request = { serviceAction, scope: scopeType >>> 4, type: scopeType & 0x0f, nexus: command.nexus, list };
  return perform(reservations.state, request, {
    targetPorts: reservations.targetPorts,
    initiatorPortNames: unit.initiatorPortNames(),
    canPersist: reservations.store !== null,
  });
}

/** What is done is done for all of it, even when the command itself is aborted while its change is being saved. */
function commit(task: Task, outcome: Done): void {
  const { unit } = task;
  const doesAbort = task.entry.serviceAction === PREEMPT_AND_ABORT;
  task.beginWork();
  unit.reservations.commit(outcome.next, (isCommitted) => {
    if (isCommitted) announce(unit, outcome);
    if (isCommitted && doesAbort) abortPreempted(task, outcome.preempted);
    else if (!task.endWork()) return;
    else if (isCommitted) task.good();
    else task.check(SENSE_INTERNAL_TARGET_FAILURE);
  });
}

function announce(unit: LogicalUnit, { attentions }: Done): void {
  for (const { name, senseCode } of attentions) unit.establishAttentionByName(name, senseCode);
}

/** SPC-4 5.13.11.2.6: the command ends when none of the preempted nexuses' commands can touch the store any more. */
function abortPreempted(task: Task, preempted: ReadonlySet<string>): void {
  const { unit, command } = task;
  for (const name of preempted) unit.allowRemovalByName(name);
  const owner = {
    onTaskManagementDone: () => {
      if (task.endWork()) task.good();
    },
  };
  const request = new TaskManagementRequest(
    owner,
    command.nexus,
    ABORT_TASK_SET,
    command.lunHigh,
    command.lunLow,
    null,
  );
  request.pendingCount = 1;
  const isPreempted = (other: Task) => other !== task && preempted.has(other.command.nexus.name);
  abortOthers(unit, isPreempted, command.nexus, request);
  const { faultedNexus } = unit.taskSet;
  if (faultedNexus !== null && preempted.has(faultedNexus.name)) unit.taskSet.clearAca(); // SAM-5 5.9.5
  settle(request);
}

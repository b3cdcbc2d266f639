/**
 * RESERVE(6), RESERVE(10), RELEASE(6) and RELEASE(10) as SPC-2 7.21 to 7.24 have them, with the exceptions of SPC-4 5.13.3
 * (CRH). The whole logical unit for the nexus that asks: third parties and extents were optional and are gone.
 */
import type { Task } from '../task/task.ts';

export function reserve(task: Task): void {
  task.unit.reservations.inTurn(task, reserveInTurn);
}

export function release(task: Task): void {
  task.unit.reservations.inTurn(task, releaseInTurn);
}

function reserveInTurn(task: Task): void {
  const { reservations } = task.unit;
  const { nexus } = task.command;
  if (reservations.isExemptFromLegacy(nexus)) task.good();
  else if (reservations.state.registrations.size > 0) task.conflict();
  else if (reservations.reserveLegacy(nexus)) task.good();
  else task.conflict();
}

/** SPC-2 7.22: from whoever holds no reservation it is no error and changes nothing. */
function releaseInTurn(task: Task): void {
  const { reservations } = task.unit;
  const { nexus } = task.command;
  if (!reservations.isExemptFromLegacy(nexus) && reservations.state.registrations.size > 0) {
    task.conflict();
    return;
  }
  reservations.releaseLegacy(nexus);
  task.good();
}

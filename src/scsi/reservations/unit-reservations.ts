/**
 * The reservations of one logical unit: the state of persistent reservations, a RESERVE of SPC-2, and the order in which
 * commands change them. A change that must survive a loss of power is saved first; until it is, the old state holds and
 * other reservation commands wait for their turn.
 */
import { assert } from '../../util/assert.ts';
import type { ScsiCommand } from '../command/command.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import type { Nexus } from '../nexus.ts';
import type { TargetPort } from '../port/target-port.ts';
import { SENSE_PERSISTENT_RESERVATION_INFORMATION_LOST } from '../sense.ts';
import type { Task } from '../task/task.ts';
import type { ReservationState, SavedReservations } from './machine/reservation-state.ts';
import { isForRegistrants, isHolder, NO_RESERVATIONS } from './machine/reservation-state.ts';
import { conflictsWithLegacy, conflictsWithPersistent, isAllowedWhenLost } from './reservation-conflict.ts';

/** Where reservations are kept over a loss of power. */
export interface ReservationStore {
  /**
   * Keeps `reservations` in place of what was kept before, on stable storage.
   * @param onSaved called once, later: whether they are kept. When not, what was kept before still is.
   */
  save(reservations: SavedReservations, onSaved: (isSaved: boolean) => void): void;
}

/** Among sense codes, which are positive: RESERVATION CONFLICT status. */
export const OBSTACLE_RESERVATION_CONFLICT = -1;

interface Waiting {
  readonly task: Task;
  readonly generation: number;
  readonly run: (task: Task) => void;
}

export class UnitReservations {
  readonly store: ReservationStore | null;
  private current: ReservationState;
  /** Who holds a RESERVE(6) or RESERVE(10); gone with the nexus. */
  private legacyHolder: Nexus | null = null;
  /** A saving is under way. */
  private isBusy = false;
  private readonly waiting: Waiting[] = [];
  private readonly ports = new Map<string, TargetPort>();

  /** @param saved what `store` has kept, null when that is nothing */
  constructor(store: ReservationStore | null, saved: SavedReservations | null) {
    this.store = store;
    this.current = saved === null ? NO_RESERVATIONS : { ...saved, generation: 0 };
  }

  get state(): ReservationState {
    return this.current;
  }

  get isLegacyReserved(): boolean {
    return this.legacyHolder !== null;
  }

  /** The target ports through which the unit can be reached. */
  get targetPorts(): Iterable<TargetPort> {
    return this.ports.values();
  }

  addTargetPort(port: TargetPort): void {
    this.ports.set(port.name, port);
  }

  /** Some of them lets SET TARGET PORT GROUPS change its state. */
  get hasExplicitAccess(): boolean {
    for (const { siblings } of this.ports.values()) if (siblings.isExplicit) return true;
    return false;
  }

  /** RELATIVE TARGET PORT IDENTIFIER, or 0, which is no port's, for a port that the unit no longer has. */
  relativeTargetPort(targetPortName: string): number {
    return this.ports.get(targetPortName)?.relativeTargetPort ?? 0;
  }

  /** 0, a sense code, or OBSTACLE_RESERVATION_CONFLICT for a command that becomes enabled. */
  obstacleTo(entry: CommandEntry, command: ScsiCommand): number {
    const { legacyHolder, current } = this;
    if (legacyHolder === null && current.reservation === null && !current.isLost) return 0;
    if (current.isLost) return isAllowedWhenLost(command) ? 0 : SENSE_PERSISTENT_RESERVATION_INFORMATION_LOST;
    const isConflict =
      legacyHolder === null
        ? conflictsWithPersistent(entry, command, current)
        : conflictsWithLegacy(entry, command, legacyHolder);
    return isConflict ? OBSTACLE_RESERVATION_CONFLICT : 0;
  }

  /** Calls `run` for `task` when no change is being saved any more; not at all when the task has ended by then. */
  inTurn(task: Task, run: (task: Task) => void): void {
    if (this.isBusy) this.waiting.push({ task, generation: task.generation, run });
    else run(task);
  }

  /**
   * Makes `next` the state, after it has been saved if it must be.
   * @param onCommitted called with whether that was possible, at once when nothing has to be saved
   */
  commit(next: ReservationState, onCommitted: (isCommitted: boolean) => void): void {
    assert(!this.isBusy, 'changes of reservations take turns');
    const mustSave = this.current.isAptpl || this.current.isLost || next.isAptpl;
    if (this.store === null || !mustSave) {
      assert(!next.isAptpl, 'only a store keeps reservations over a loss of power');
      this.current = next;
      onCommitted(true);
      return;
    }
    this.isBusy = true;
    this.store.save(next, (isSaved) => {
      assert(this.isBusy, 'a saving ends once');
      this.isBusy = false;
      if (isSaved) this.current = next;
      onCommitted(isSaved);
      this.continueWaiting();
    });
  }

  /** SPC-4 5.13.3: RESERVE and RELEASE change nothing and are GOOD. */
  isExemptFromLegacy(nexus: Nexus): boolean {
    const { reservation, registrations } = this.current;
    if (isHolder(this.current, nexus.name)) return true;
    return reservation !== null && isForRegistrants(reservation.type) && registrations.has(nexus.name);
  }

  /** RESERVE; false: another nexus holds it. */
  reserveLegacy(nexus: Nexus): boolean {
    if (this.legacyHolder !== null && this.legacyHolder !== nexus) return false;
    this.legacyHolder = nexus;
    return true;
  }

  /** RELEASE, or the loss of `nexus`; null: a reset. */
  releaseLegacy(nexus: Nexus | null): void {
    if (nexus === null || this.legacyHolder === nexus) this.legacyHolder = null;
  }

  private continueWaiting(): void {
    while (!this.isBusy) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      if (next.task.generation === next.generation) next.run(next.task);
    }
  }
}

/**
 * What a logical unit keeps over a restart besides its reservations: erasures that have not come to their end, saved mode
 * parameters, and how often it was stopped. Changes are saved one after the other, each before it is acknowledged.
 */

import type { ErasureState } from '../sbc/erase/medium-erasure.ts';
import type { SavedModes } from './mode-parameters.ts';

/** Media of one drive whose erasure has not come to its end: no operator has more of them lying about. */
export const ERASED_MEDIA_MAX = 64;

export interface UnitState {
  /** Of each medium that is not whole one, whether it is in the unit now or not; at most ERASED_MEDIA_MAX. */
  readonly erasures: readonly ErasureState[];
  /** Null: nobody has saved any. */
  readonly savedModes: SavedModes | null;
  /** Left out: never. */
  readonly cycles?: CycleCounts;
}

/** How often the unit has been stopped, and its medium unloaded, in its life. */
export interface CycleCounts {
  readonly stops: number;
  readonly unloads: number;
}

export const NO_CYCLES: CycleCounts = { stops: 0, unloads: 0 };

/** Where that is kept. */
export interface UnitStateStore {
  /**
   * Keeps `state` in place of what was kept before, on stable storage; called again only after onSaved.
   * @param onSaved called once, later: whether it is kept. When not, what was kept before still is.
   */
  save(state: UnitState, onSaved: (isSaved: boolean) => void): void;
}

export const NO_UNIT_STATE: UnitState = { erasures: [], savedModes: null };

/** What changes, by what has been kept when its turn comes: others may have changed that meanwhile. */
export type UnitStateChange = (kept: UnitState) => Partial<UnitState>;

interface Change {
  readonly change: UnitStateChange;
  readonly onSaved: (isSaved: boolean) => void;
}

export class UnitStateKeeper {
  private readonly store: UnitStateStore | null;
  private state: UnitState;
  private readonly changes: Change[] = [];

  /** @param state what `store` has kept */
  constructor(store: UnitStateStore | null, state: UnitState) {
    this.store = store;
    this.state = state;
  }

  /** Whether anything outlives a restart. */
  get isDurable(): boolean {
    return this.store !== null;
  }

  get current(): UnitState {
    return this.state;
  }

  /** Makes `change` durable where there is a store, then calls `onSaved`, perhaps at once; after a failure all is as before. */
  update(change: UnitStateChange, onSaved: (isSaved: boolean) => void): void {
    if (this.store === null) {
      this.state = { ...this.state, ...change(this.state) };
      onSaved(true);
      return;
    }
    this.changes.push({ change, onSaved });
    if (this.changes.length === 1) this.saveNext(this.store);
  }

  private saveNext(store: UnitStateStore): void {
    const [next] = this.changes;
    if (next === undefined) return;
    const wanted = { ...this.state, ...next.change(this.state) };
    store.save(wanted, (isSaved) => {
      if (isSaved) this.state = wanted;
      next.onSaved(isSaved); // may bring a change, which waits behind this one like any other
      this.changes.shift();
      this.saveNext(store);
    });
  }
}

/** The keeper of what a unit has over a restart, on a store that takes one state at a time and answers when the test says. */
import { describe, expect, it } from 'vitest';
import {
  NO_UNIT_STATE,
  type UnitState,
  UnitStateKeeper,
  type UnitStateStore,
} from '../../../src/scsi/unit/unit-state.ts';

class SlowStore implements UnitStateStore {
  readonly saved: UnitState[] = [];
  private onSaved: ((isSaved: boolean) => void) | null = null;

  save(state: UnitState, onSaved: (isSaved: boolean) => void): void {
    expect(this.onSaved, 'one saving at a time').toBeNull();
    this.saved.push(state);
    this.onSaved = onSaved;
  }

  get isSaving(): boolean {
    return this.onSaved !== null;
  }

  answer(isSaved = true): void {
    const { onSaved } = this;
    this.onSaved = null;
    onSaved?.(isSaved);
  }
}

const stop = ({ cycles }: UnitState) => ({ cycles: { stops: (cycles?.stops ?? 0) + 1, unloads: 0 } });
const stopsOf = ({ saved }: SlowStore) => saved.map(({ cycles }) => cycles?.stops);

describe('changes of what a unit keeps', () => {
  it.each([true, false])('one that the end of another brings is saved once (the other saved: %s)', (isFirstSaved) => {
    const store = new SlowStore();
    const keeper = new UnitStateKeeper(store, NO_UNIT_STATE);
    const ended: string[] = [];
    keeper.update(stop, () => {
      ended.push('first');
      keeper.update(stop, (isSaved) => ended.push(`second ${isSaved}`));
    });
    store.answer(isFirstSaved);
    store.answer();
    expect(store.isSaving).toBe(false);
    expect(ended).toEqual(['first', 'second true']);
    expect(stopsOf(store)).toEqual(isFirstSaved ? [1, 2] : [1, 1]);
    expect(keeper.current.cycles?.stops).toBe(isFirstSaved ? 2 : 1);
  });

  it('one that the end of another brings comes after those that waited', () => {
    const store = new SlowStore();
    const keeper = new UnitStateKeeper(store, NO_UNIT_STATE);
    const ended: string[] = [];
    keeper.update(stop, () => {
      ended.push('first');
      keeper.update(stop, () => ended.push('third'));
    });
    keeper.update(stop, () => ended.push('second'));
    for (let i = 0; i < 3; i++) store.answer();
    expect(ended).toEqual(['first', 'second', 'third']);
    expect(stopsOf(store)).toEqual([1, 2, 3]);
    expect(store.isSaving).toBe(false);
  });
});

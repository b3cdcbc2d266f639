/** Reservations that outlive a loss of power: saved before their status, unchanged when that fails, one after the other. */
import { describe, expect, it } from 'vitest';
import type { SavedReservations } from '../../../../src/scsi/reservations/machine/reservation-state.ts';
import type { ReservationStore } from '../../../../src/scsi/reservations/unit-reservations.ts';
import { ABORT_TASK, LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { cdb10, Harness } from '../device-harness.ts';
import {
  APTPL,
  CLEAR,
  CONFLICT,
  connect,
  GOOD,
  PREEMPT_AND_ABORT,
  portNexus,
  REGISTER,
  REGISTER_AND_IGNORE,
  REGISTER_AND_MOVE,
  RESERVE,
  readKeys,
  readReservation,
  registerAs,
  reserveOut,
  startReserveOut,
  transportId,
  WE,
  WE_RO,
} from './reserve-client.ts';

/** Saves when it is told to. */
class SlowStore implements ReservationStore {
  kept: SavedReservations | null = null;
  readonly open: { reservations: SavedReservations; onSaved: (isSaved: boolean) => void }[] = [];

  save(reservations: SavedReservations, onSaved: (isSaved: boolean) => void): void {
    if (this.open.length > 0) throw new Error('reservations are saved one after the other');
    this.open.push({ reservations, onSaved });
  }

  finish(isSaved = true): void {
    const saving = this.open.shift();
    if (saving === undefined) throw new Error('nothing is being saved');
    if (isSaved) this.kept = saving.reservations;
    saving.onSaved(isSaved);
  }
}

const a = portNexus('a');
const b = portNexus('b');
const c = portNexus('c');

function start(kept: SavedReservations | null = null): { harness: Harness; store: SlowStore } {
  const store = new SlowStore();
  store.kept = kept;
  const harness = new Harness({ unit: { reservationStore: store, savedReservations: kept } });
  connect(harness, a, b, c);
  return { harness, store };
}

/** a is registered with 1, persistently; b with 2. */
function registered(): { harness: Harness; store: SlowStore } {
  const { harness, store } = start();
  for (const [nexus, saKey] of [[a, 1] as const, [b, 2] as const]) {
    const client = startReserveOut(harness, nexus, REGISTER, { saKey, flags: APTPL });
    store.finish();
    expect(client.outcome).toBe(GOOD);
  }
  return { harness, store };
}

describe('with APTPL', () => {
  it('every change is saved before its status, and holds from then on', () => {
    const { harness, store } = registered();
    const client = startReserveOut(harness, a, RESERVE, { key: 1, type: WE });
    expect([client.outcome, store.open.length]).toEqual(['running', 1]);
    expect(readReservation(harness, b)).toBe(null);
    expect(harness.run(cdb10(0x2a, 0, 0), { nexus: b }).outcome).toBe(GOOD);
    store.finish();
    expect(client.outcome).toBe(GOOD);
    expect(harness.run(cdb10(0x2a, 0, 0), { nexus: b }).outcome).toBe(CONFLICT);
    expect(store.kept).toMatchObject({ isAptpl: true, isLost: false, reservation: { type: WE, holder: a.name } });
    expect([...(store.kept?.registrations.values() ?? [])].map(({ key }) => key)).toEqual([
      { high: 0, low: 1 },
      { high: 0, low: 2 },
    ]);
  });

  it('what changes nothing is not saved', () => {
    const { harness, store } = registered();
    expect(reserveOut(harness, c, REGISTER, {}).outcome).toBe(GOOD);
    expect(reserveOut(harness, a, 2, { key: 1, type: WE }).outcome).toBe(GOOD);
    expect(reserveOut(harness, a, RESERVE, { key: 9, type: WE }).outcome).toBe(CONFLICT);
    expect(store.open).toHaveLength(0);
  });

  it('a change that cannot be saved is a hardware error and has not happened', () => {
    const { harness, store } = registered();
    const client = startReserveOut(harness, a, CLEAR, { key: 1 });
    store.finish(false);
    expect(client.outcome).toBe('4/44/0');
    expect(readKeys(harness, a)).toEqual({ generation: 2, keys: [1, 2] });
    expect(harness.run([0x00], { nexus: b }).outcome).toBe(GOOD); // no unit attention
    const again = startReserveOut(harness, a, CLEAR, { key: 1 });
    store.finish();
    expect([again.outcome, harness.run([0x00], { nexus: b }).outcome]).toEqual([GOOD, '6/2a/3']);
  });

  it('is over when the last registration says so: that is saved, later changes are not', () => {
    const { harness, store } = registered();
    const client = startReserveOut(harness, b, REGISTER_AND_IGNORE, { saKey: 2 });
    store.finish();
    expect([client.outcome, store.kept?.isAptpl]).toEqual([GOOD, false]);
    expect(reserveOut(harness, a, RESERVE, { key: 1, type: WE }).outcome).toBe(GOOD);
    expect(store.open).toHaveLength(0);
  });

  it('REGISTER AND MOVE has a bit of its own', () => {
    const { harness, store } = registered();
    const ids = transportId(c.initiatorPortName);
    startReserveOut(harness, a, RESERVE, { key: 1, type: WE });
    store.finish();
    startReserveOut(harness, a, REGISTER_AND_MOVE, { key: 1, saKey: 3, ids, flags: 0 });
    store.finish();
    expect(store.kept?.isAptpl).toBe(false);
    startReserveOut(harness, c, REGISTER_AND_MOVE, {
      key: 3,
      saKey: 4,
      ids: transportId(b.initiatorPortName),
      flags: APTPL,
    });
    store.finish();
    expect(store.kept).toMatchObject({ isAptpl: true, reservation: { type: WE, holder: b.name } });
  });

  it('is found again after a restart, but for PRGENERATION', () => {
    const { harness, store } = registered();
    startReserveOut(harness, a, RESERVE, { key: 1, type: WE_RO });
    store.finish();
    const { harness: restarted } = start(store.kept);
    expect(readKeys(restarted, c)).toEqual({ generation: 0, keys: [1, 2] });
    expect(readReservation(restarted, c)).toEqual({ key: 1, scope: 0, type: WE_RO });
    const write = (nexus: typeof a) => restarted.run(cdb10(0x2a, 0, 0), { nexus }).outcome;
    expect([write(a), write(b), write(c)]).toEqual([GOOD, GOOD, CONFLICT]);
  });
});

describe('while a change is being saved', () => {
  it('others wait for their turn, and see what it has made', () => {
    const { harness, store } = registered();
    const first = startReserveOut(harness, a, RESERVE, { key: 1, type: WE });
    const second = startReserveOut(harness, b, RESERVE, { key: 2, type: WE });
    const third = startReserveOut(harness, c, REGISTER, { saKey: 3, flags: APTPL });
    const fourth = startReserveOut(harness, c, REGISTER, { key: 3, saKey: 4, flags: APTPL });
    store.finish();
    expect([first, second, third, fourth].map(({ outcome }) => outcome)).toEqual([
      GOOD,
      CONFLICT,
      'running',
      'running',
    ]);
    store.finish();
    store.finish();
    expect([third.outcome, fourth.outcome, readKeys(harness, a).keys]).toEqual([GOOD, GOOD, [1, 2, 4]]);
  });

  it('RESERVE of SPC-2 waits too', () => {
    const { harness, store } = start();
    const first = startReserveOut(harness, a, REGISTER, { saKey: 1, flags: APTPL });
    const reserve = harness.start([0x16, 0, 0, 0, 0, 0], { nexus: b });
    expect(reserve.isDone).toBe(false);
    store.finish();
    expect([first.outcome, reserve.outcome]).toEqual([GOOD, CONFLICT]);
  });

  it('and a RESERVE that came in first makes the next conflict', () => {
    const { harness, store } = registered();
    const unregister = startReserveOut(harness, a, CLEAR, { key: 1 });
    const reserve = harness.start([0x16, 0, 0, 0, 0, 0], { nexus: c });
    const register = startReserveOut(harness, c, REGISTER, { saKey: 1 });
    store.finish();
    expect([unregister, reserve, register].map(({ outcome }) => outcome)).toEqual([GOOD, GOOD, CONFLICT]);
  });

  it('the command cannot end, whatever aborts it; the change happens', () => {
    const { harness, store } = registered();
    const client = startReserveOut(harness, a, RESERVE, { key: 1, type: WE });
    const abort = harness.manage(ABORT_TASK, { nexus: a, target: client });
    expect([client.outcome, abort.doneCount]).toEqual(['running', 0]);
    store.finish();
    expect([client.outcome, abort.doneCount]).toEqual(['aborted', 1]);
    expect(readReservation(harness, b)?.key).toBe(1);
    expect(harness.isQuiet).toBe(true);
  });

  it('one that waits for its turn ends at once when aborted, and never happens', () => {
    const { harness, store } = registered();
    startReserveOut(harness, a, RESERVE, { key: 1, type: WE });
    const waiting = startReserveOut(harness, b, CLEAR, { key: 2 });
    harness.device.abort(waiting.command);
    expect(waiting.outcome).toBe('aborted');
    store.finish();
    expect(readKeys(harness, a).keys).toEqual([1, 2]);
    expect(store.open).toHaveLength(0);
  });

  it('a reset waits for it', () => {
    const { harness, store } = registered();
    const client = startReserveOut(harness, a, CLEAR, { key: 1 });
    const reset = harness.manage(LOGICAL_UNIT_RESET, { nexus: b });
    expect(reset.doneCount).toBe(0);
    store.finish(false);
    expect([client.outcome, reset.doneCount]).toEqual(['aborted', 1]);
    harness.run([0x00], { nexus: a });
    expect(readKeys(harness, a).keys).toEqual([1, 2]);
  });

  it('PREEMPT AND ABORT aborts when it is saved, also when it was aborted itself', () => {
    const { harness, store } = registered();
    const command = harness.start(cdb10(0x28, 0, 1), { nexus: b, dataIn: 512 });
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    harness.device.abort(client.command);
    expect(command.command.isAborted).toBe(false);
    store.finish();
    expect([command.command.isAborted, client.outcome]).toEqual([true, 'running']);
    harness.settle();
    expect([command.outcome, client.outcome]).toEqual(['aborted', 'aborted']);
    expect(readKeys(harness, a).keys).toEqual([1]);
  });
});

describe('without APTPL', () => {
  it('nothing is saved', () => {
    const { harness, store } = start();
    registerAs(harness, a, 1);
    expect(reserveOut(harness, a, RESERVE, { key: 1, type: WE }).outcome).toBe(GOOD);
    expect(store.open).toHaveLength(0);
  });
});

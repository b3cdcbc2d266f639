/** PREEMPT AND ABORT (SPC-4 5.13.11.2.6): ends when the preempted commands can touch the store no more. */
import { beforeEach, describe, expect, it } from 'vitest';
import { TASK_HEAD_OF_QUEUE } from '../../../../src/scsi/command/command.ts';
import { LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { BLOCK_BYTES, cdb10, Harness } from '../device-harness.ts';
import {
  CONFLICT,
  connect,
  GOOD,
  PREEMPT,
  PREEMPT_AND_ABORT,
  portNexus,
  RESERVE,
  readKeys,
  readReservation,
  registerAs,
  reserveOut,
  reserveOutCdb,
  reserveOutList,
  startReserveOut,
  takeAttentions,
  WE,
  WE_AR,
} from './reserve-client.ts';

const a = portNexus('a');
const b = portNexus('b');
const c = portNexus('c');
const dataOut = Buffer.alloc(BLOCK_BYTES, 0x77);
let harness: Harness;

const write = (nexus: typeof a, lba: number, attribute: 0 | 1 = 0) =>
  harness.start(cdb10(0x2a, lba, 1), { nexus, dataOut, attribute });

beforeEach(() => {
  harness = new Harness({ unit: { isRemovable: true } });
  connect(harness, a, b, c);
  registerAs(harness, a, 1);
  registerAs(harness, b, 2);
  registerAs(harness, c, 3);
});

describe('PREEMPT AND ABORT', () => {
  it('waits for the store to let go of the preempted commands, then is good', () => {
    reserveOut(harness, b, RESERVE, { key: 2, type: WE });
    const preempted = [write(b, 0), write(b, 1)];
    const own = write(a, 2); // conflicts: b holds the reservation
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2, type: WE });
    expect([own.outcome, client.outcome, ...preempted.map(({ outcome }) => outcome)]).toEqual([
      CONFLICT,
      'running',
      'running',
      'running',
    ]);
    harness.backend.complete();
    expect(client.outcome).toBe('running');
    harness.settle();
    expect([client.outcome, ...preempted.map(({ outcome }) => outcome)]).toEqual([GOOD, 'aborted', 'aborted']);
    expect(readReservation(harness, a)).toEqual({ key: 1, scope: 0, type: WE });
    expect(takeAttentions(harness, b)).toEqual(['2a/5', '2f/0']);
    expect(takeAttentions(harness, c)).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });

  it('spares the commands of others and its own', () => {
    const others = [write(c, 0), write(a, 1)];
    const preempted = write(b, 2);
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    harness.settle();
    expect([...others, preempted, client].map(({ outcome }) => outcome)).toEqual([GOOD, GOOD, 'aborted', GOOD]);
  });

  it('from the head of the queue ends commands that have not begun, and begins none of them', () => {
    const begun = write(c, 0);
    const dormant = [write(b, 1, 1), write(b, 2)];
    const list = reserveOutList(PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    const cdb = reserveOutCdb(PREEMPT_AND_ABORT, 0, list.length);
    const client = harness.start(cdb, { nexus: a, dataOut: list, attribute: TASK_HEAD_OF_QUEUE });
    expect([client, ...dormant].map(({ outcome }) => outcome)).toEqual([GOOD, 'aborted', 'aborted']);
    harness.settle();
    expect([begun.outcome, harness.backend.log.length]).toEqual([GOOD, 1]);
  });

  it('behind an ordered command of who is preempted waits for it as any command does', () => {
    const dormant = write(b, 3, 1);
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    harness.settle();
    expect([dormant.outcome, client.outcome]).toEqual([GOOD, GOOD]);
  });

  it('of all registrants by key zero aborts for all but itself', () => {
    reserveOut(harness, b, RESERVE, { key: 2, type: WE_AR });
    const commands = [write(a, 0), write(b, 1), write(c, 2)];
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 0, type: WE });
    harness.settle();
    expect(commands.map(({ outcome }) => outcome)).toEqual([GOOD, 'aborted', 'aborted']);
    expect([client.outcome, readKeys(harness, a).keys]).toEqual([GOOD, [1]]);
    expect([takeAttentions(harness, b), takeAttentions(harness, c)]).toEqual([
      ['2a/5', '2f/0'],
      ['2a/5', '2f/0'],
    ]);
  });

  it('allows the removal that the preempted had prevented', () => {
    harness.run([0x1e, 0, 0, 0, 1, 0], { nexus: b });
    reserveOut(harness, a, PREEMPT, { key: 1, saKey: 3 });
    expect(harness.unit.isRemovalPrevented).toBe(true);
    reserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    expect(harness.unit.isRemovalPrevented).toBe(false);
  });

  it('aborts nothing when it conflicts', () => {
    const command = write(b, 0);
    const conflicting = reserveOut(harness, a, PREEMPT_AND_ABORT, { key: 9, saKey: 2 });
    expect([conflicting.outcome, command.outcome]).toEqual([CONFLICT, GOOD]);
    expect(reserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 9 }).outcome).toBe(CONFLICT);
  });

  it('does not abort where PREEMPT does not', () => {
    const command = write(b, 0);
    const client = startReserveOut(harness, a, PREEMPT, { key: 1, saKey: 2 });
    expect([client.outcome, command.outcome]).toEqual([GOOD, 'running']);
    harness.settle();
    expect(command.outcome).toBe(GOOD);
  });

  it('ends once when it is itself aborted while it waits', () => {
    const command = write(b, 0);
    const client = startReserveOut(harness, a, PREEMPT_AND_ABORT, { key: 1, saKey: 2 });
    const management = harness.manage(LOGICAL_UNIT_RESET, { nexus: c });
    expect(management.doneCount).toBe(0);
    harness.settle();
    expect([client.outcome, command.outcome, management.doneCount]).toEqual(['aborted', 'aborted', 1]);
    expect(harness.unit.taskCount).toBe(0);
    expect(harness.isQuiet).toBe(true);
  });
});

/** Blocking by task attribute (SAM-5 8.6), and every task management function with its effect (SAM-5 7). */
import { describe, expect, it } from 'vitest';
import type { TaskAttribute } from '../../../src/scsi/command/command.ts';
import { TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from '../../../src/scsi/command/command.ts';
import {
  ABORT_TASK,
  ABORT_TASK_SET,
  CLEAR_ACA,
  CLEAR_TASK_SET,
  FUNCTION_COMPLETE,
  INCORRECT_LOGICAL_UNIT_NUMBER,
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
} from '../../../src/scsi/task/task-management.ts';
import { TASKS_PER_LOGICAL_UNIT_MAX } from '../../../src/scsi/task/task-set.ts';
import type { Client, CommandOptions } from './device-harness.ts';
import { cdb10, Harness, nexusOf, pattern, unitOn } from './device-harness.ts';
import { MemoryBackend } from './memory-backend.ts';

function readOf(
  harness: Harness,
  lba: number,
  attribute: TaskAttribute = TASK_SIMPLE,
  options: CommandOptions = {},
): Client {
  return harness.start(cdb10(0x28, lba, 1), { dataIn: 512, attribute, ...options });
}

/** LBAs of the ios in the store: which commands have begun. */
function begun(harness: Harness): number[] {
  return harness.backend.pending.map(({ offsetBytes }) => offsetBytes / 512);
}

function outcomeOf(client: Client | null): string {
  return client === null ? 'never started' : client.outcome;
}

function completeLba(harness: Harness, lba: number): void {
  harness.backend.complete(begun(harness).indexOf(lba));
}

describe('task attributes', () => {
  it('SIMPLE commands all begin at once', () => {
    const harness = new Harness();
    for (const lba of [1, 2, 3]) readOf(harness, lba);
    expect(begun(harness)).toEqual([1, 2, 3]);
  });

  it('ORDERED waits for all older ones and holds back all SIMPLE newer ones', () => {
    const harness = new Harness();
    readOf(harness, 1);
    readOf(harness, 2);
    readOf(harness, 3, TASK_ORDERED);
    readOf(harness, 4);
    readOf(harness, 5);
    expect(begun(harness)).toEqual([1, 2]);
    completeLba(harness, 1);
    expect(begun(harness)).toEqual([2]);
    completeLba(harness, 2);
    expect(begun(harness)).toEqual([3]);
    completeLba(harness, 3);
    expect(begun(harness)).toEqual([4, 5]);
  });

  it('ORDERED alone begins at once, one behind the other', () => {
    const harness = new Harness();
    for (const lba of [1, 2, 3]) readOf(harness, lba, TASK_ORDERED);
    expect(begun(harness)).toEqual([1]);
    completeLba(harness, 1);
    expect(begun(harness)).toEqual([2]);
    completeLba(harness, 2);
    expect(begun(harness)).toEqual([3]);
  });

  it('HEAD OF QUEUE begins at once and holds back what has not begun', () => {
    const harness = new Harness();
    readOf(harness, 1);
    readOf(harness, 2, TASK_ORDERED);
    readOf(harness, 3, TASK_HEAD_OF_QUEUE);
    readOf(harness, 4, TASK_HEAD_OF_QUEUE);
    readOf(harness, 5);
    expect(begun(harness)).toEqual([1, 3, 4]);
    completeLba(harness, 1);
    completeLba(harness, 3);
    expect(begun(harness)).toEqual([4]);
    completeLba(harness, 4);
    expect(begun(harness)).toEqual([2]);
    completeLba(harness, 2);
    expect(begun(harness)).toEqual([5]);
  });

  it('commands that need no store go through a dormant queue in one go', () => {
    const harness = new Harness();
    readOf(harness, 1);
    const clients = Array.from({ length: 100 }, (_, i) =>
      harness.start([0x00], { attribute: i % 3 === 0 ? TASK_ORDERED : TASK_SIMPLE }),
    );
    expect(clients.every(({ isDone }) => !isDone)).toBe(true);
    completeLba(harness, 1);
    expect(clients.every(({ isDone }) => isDone)).toBe(true);
    expect(harness.ended.slice(1)).toEqual(clients);
    expect(harness.unit.taskCount).toBe(0);
  });

  it('ACA without an ACA condition is an invalid message', () => {
    expect(readOf(new Harness(), 0, TASK_ACA).outcome).toBe('5/49/0');
  });

  it('logical units do not hold each other back', () => {
    const harness = new Harness();
    const other = new MemoryBackend(4096);
    harness.device.addLogicalUnit(1, unitOn(other));
    harness.clearAttention(harness.nexus, 1);
    harness.clearAttention(harness.nexus, 0);
    readOf(harness, 1, TASK_ORDERED);
    readOf(harness, 2, TASK_ORDERED, { lun: 1 });
    expect(other.pending).toHaveLength(1);
  });

  it('a full task set says TASK SET FULL and takes commands again later', () => {
    const harness = new Harness();
    readOf(harness, 1);
    for (let i = 1; i < TASKS_PER_LOGICAL_UNIT_MAX; i++) harness.start([0x00], { attribute: TASK_ORDERED });
    expect(harness.start([0x00]).outcome).toBe('status 28');
    expect(harness.unit.taskCount).toBe(TASKS_PER_LOGICAL_UNIT_MAX);
    harness.settle();
    expect(harness.unit.taskCount).toBe(0);
    expect(harness.run([0x00]).outcome).toBe('status 0');
  });

  it('unit attention is looked at when a command becomes enabled', () => {
    const harness = new Harness();
    const nexus = nexusOf('b');
    readOf(harness, 1);
    const waiting = harness.start([0x00], { nexus, attribute: TASK_ORDERED });
    harness.unit.nexusState(nexus).attentions.take();
    completeLba(harness, 1);
    expect(waiting.outcome).toBe('status 0');
  });
});

describe('ABORT TASK', () => {
  it('ends a dormant command at once', () => {
    const harness = new Harness();
    readOf(harness, 1);
    const dormant = readOf(harness, 2, TASK_ORDERED);
    const newer = readOf(harness, 3);
    const management = harness.manage(ABORT_TASK, { target: dormant });
    expect(dormant.outcome).toBe('aborted');
    expect(management.response).toBe(FUNCTION_COMPLETE);
    expect(newer.isDone).toBe(false);
    expect(begun(harness)).toEqual([1, 3]);
  });

  it('ends a command that waits for Data-Out at once; what still comes is given back', () => {
    const harness = new Harness();
    const client = harness.start(cdb10(0x2a, 0, 1), { dataOut: pattern(1), answersDataOut: false });
    expect(harness.manage(ABORT_TASK, { target: client }).doneCount).toBe(1);
    expect(client.outcome).toBe('aborted');
    client.answer();
    expect(harness.backend.log).toHaveLength(0);
    expect(harness.isQuiet).toBe(true);
  });

  it('ends a command that waits for a slot at once', () => {
    const harness = new Harness({ slotClasses: [{ capacityBytes: 4096, count: 2 }] });
    const taken = harness.pool.take(512, harness.holder)!;
    const client = readOf(harness, 1);
    expect(begun(harness)).toEqual([]);
    expect(harness.manage(ABORT_TASK, { target: client }).response).toBe(FUNCTION_COMPLETE);
    expect(client.outcome).toBe('aborted');
    taken.release();
    harness.settle();
    expect(harness.isQuiet).toBe(true);
  });

  it('is answered after the store, when the command is there', () => {
    const harness = new Harness();
    const blocks = 1024;
    const client = harness.start(cdb10(0x28, 0, blocks), { dataIn: blocks * 512 });
    expect(harness.backend.pending).toHaveLength(2);
    const first = harness.manage(ABORT_TASK, { target: client });
    const second = harness.manage(LOGICAL_UNIT_RESET);
    harness.backend.complete();
    expect([first.doneCount, second.doneCount, client.isDone]).toEqual([0, 0, false]);
    harness.backend.complete();
    expect([first.doneCount, second.doneCount, client.outcome]).toEqual([1, 1, 'aborted']);
    expect(harness.ended).toEqual([client]);
    expect(client.data.length).toBe(0);
    expect(harness.isQuiet).toBe(true);
  });

  it('of a command that has ended, or of none, is complete', () => {
    const harness = new Harness();
    const client = harness.run([0x00]);
    expect(harness.manage(ABORT_TASK, { target: client }).response).toBe(FUNCTION_COMPLETE);
    expect(harness.manage(ABORT_TASK).response).toBe(FUNCTION_COMPLETE);
  });

  it('leaves no unit attention behind', () => {
    const harness = new Harness();
    harness.manage(ABORT_TASK, { target: readOf(harness, 1) });
    harness.settle();
    expect(harness.run([0x00]).outcome).toBe('status 0');
  });
});

describe('task sets', () => {
  function two(): { harness: Harness; other: ReturnType<typeof nexusOf>; mine: Client; theirs: Client } {
    const harness = new Harness();
    const other = nexusOf('b');
    harness.clearAttention(other);
    return { harness, other, mine: readOf(harness, 1), theirs: readOf(harness, 2, TASK_SIMPLE, { nexus: other }) };
  }

  it('ABORT TASK SET ends the commands of its nexus alone', () => {
    const { harness, other, mine, theirs } = two();
    const dormant = readOf(harness, 3, TASK_ORDERED);
    const management = harness.manage(ABORT_TASK_SET);
    expect(dormant.outcome).toBe('aborted');
    expect(management.doneCount).toBe(0);
    harness.settle();
    expect([mine.outcome, theirs.outcome]).toEqual(['aborted', 'status 0']);
    expect(management.doneCount).toBe(1);
    expect(harness.run([0x00]).outcome).toBe('status 0');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('status 0');
  });

  it('CLEAR TASK SET ends all, and tells the others', () => {
    const { harness, other, mine, theirs } = two();
    const management = harness.manage(CLEAR_TASK_SET);
    harness.settle();
    expect([mine.outcome, theirs.outcome]).toEqual(['aborted', 'aborted']);
    expect(management.doneCount).toBe(1);
    expect(harness.run([0x00]).outcome).toBe('status 0');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('6/2f/0');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('status 0');
  });

  it('LOGICAL UNIT RESET ends all, and tells everyone', () => {
    const { harness, other, mine, theirs } = two();
    harness.manage(LOGICAL_UNIT_RESET);
    harness.settle();
    expect([mine.outcome, theirs.outcome]).toEqual(['aborted', 'aborted']);
    expect(harness.run([0x00]).outcome).toBe('6/29/3');
    expect(harness.run([0x00]).outcome).toBe('status 0');
    expect(harness.run([0x00], { nexus: other }).outcome).toBe('6/29/3');
  });

  it('TARGET RESET resets every unit', () => {
    const harness = new Harness();
    const backend = new MemoryBackend(4096);
    harness.device.addLogicalUnit(7, unitOn(backend));
    harness.clearAttention(harness.nexus, 7);
    harness.clearAttention(harness.nexus, 0);
    const mine = readOf(harness, 0);
    const far = readOf(harness, 0, TASK_SIMPLE, { lun: 7 });
    const management = harness.manage(TARGET_RESET, { lun: 99 });
    harness.settle();
    expect(management.doneCount).toBe(0);
    backend.complete();
    expect([mine.outcome, far.outcome, management.doneCount]).toEqual(['aborted', 'aborted', 1]);
    expect(harness.run([0x00]).outcome).toBe('6/29/3');
    expect(harness.run([0x00], { lun: 7 }).outcome).toBe('6/29/3');
  });

  it('a reset with nothing to abort is complete at once; so is CLEAR ACA', () => {
    const harness = new Harness();
    expect(harness.manage(LOGICAL_UNIT_RESET)).toMatchObject({ doneCount: 1, response: FUNCTION_COMPLETE });
    expect(harness.manage(CLEAR_ACA)).toMatchObject({ doneCount: 1, response: FUNCTION_COMPLETE });
  });

  it.each([ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET] as const)(
    'function %d for a LUN that is not there says so',
    (fn) => {
      const management = new Harness().manage(fn, { lun: 5 });
      expect(management).toMatchObject({ doneCount: 1, response: INCORRECT_LOGICAL_UNIT_NUMBER });
    },
  );

  it('an abort in the name of the transport ends a command without a function', () => {
    const harness = new Harness();
    const client = readOf(harness, 1);
    harness.device.abort(client.command);
    harness.device.abort(client.command);
    expect(client.outcome).toBe('running');
    harness.settle();
    expect(client.outcome).toBe('aborted');
    harness.device.abort(client.command);
    expect(harness.isQuiet).toBe(true);
  });

  it('a command that failed and then is aborted reports nothing', () => {
    const harness = new Harness();
    harness.backend.fault = () => 1;
    const client = harness.start(cdb10(0x28, 0, 1024), { dataIn: 1024 * 512 });
    harness.backend.complete();
    harness.device.abort(client.command);
    harness.backend.complete();
    expect(client.outcome).toBe('aborted');
    expect(client.command.senseCode).toBe(0);
  });

  it('a transport that starts a new command when told of an end does not lose it to the same reset', () => {
    const harness = new Harness();
    const clients = [1, 2, 3].map((lba) => readOf(harness, lba, lba === 1 ? TASK_SIMPLE : TASK_ORDERED));
    let late: Client | null = null;
    const last = clients[2]!;
    const end = last.onCommandDone.bind(last);
    last.onCommandDone = (command) => {
      end(command);
      late = readOf(harness, 9);
    };
    harness.manage(ABORT_TASK_SET);
    harness.settle();
    expect(clients.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted', 'aborted']);
    expect(outcomeOf(late)).toBe('status 0');
    expect(harness.unit.taskCount).toBe(0);
  });
});

/** The ACA condition (SAM-5 5.9), and what a CHECK CONDITION or an abort does to the commands of others (QERR, TAS). */
import { describe, expect, it } from 'vitest';
import type { TaskAttribute } from '../../../src/scsi/command/command.ts';
import { TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from '../../../src/scsi/command/command.ts';
import type { Nexus } from '../../../src/scsi/nexus.ts';
import {
  ABORT_TASK,
  ABORT_TASK_SET,
  CLEAR_ACA,
  CLEAR_TASK_SET,
  FUNCTION_COMPLETE,
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
} from '../../../src/scsi/task/task-management.ts';
import { QERR_ALL, QERR_NEXUS } from '../../../src/scsi/unit/mode-parameters.ts';
import { type Client, cdb10, Harness, nexusOf, pattern } from './device-harness.ts';

const NACA = 0x04;
const ACA_ACTIVE = 'status 30';
const BUSY = 'status 8';
const GOOD = 'status 0';
const TASK_ABORTED = 'status 40';
const LBA_OUT_OF_RANGE = '5/21/0';
const BEYOND = 0x7fffffff;

class Setup {
  readonly harness = new Harness();
  readonly other = nexusOf('b');

  constructor() {
    this.harness.device.openNexus(this.other);
    this.harness.clearAttention(this.other);
  }

  get mine(): Nexus {
    return this.harness.nexus;
  }

  read(lba: number, nexus: Nexus = this.mine, attribute: TaskAttribute = TASK_SIMPLE): Client {
    return this.harness.start(cdb10(0x28, lba, 1), { dataIn: 512, nexus, attribute });
  }

  /** A command that fails, with NACA. */
  fail(nexus: Nexus = this.mine, attribute: TaskAttribute = TASK_SIMPLE): Client {
    return this.harness.start(withNaca(cdb10(0x28, BEYOND, 1)), { dataIn: 512, nexus, attribute });
  }

  test(nexus: Nexus = this.mine, attribute: TaskAttribute = TASK_SIMPLE, control = 0): string {
    return told(this.harness.run([0x00, 0, 0, 0, 0, control], { nexus, attribute }));
  }

  /** Control mode page with QERR and TAS as given. */
  control(queueErrorManagement: number, isTaskAborted: boolean): void {
    const page = [0x0a, 0x0a, 0, 0x10 | (queueErrorManagement << 1), 0, isTaskAborted ? 0x40 : 0, 0, 0, 0, 0, 0, 0];
    const dataOut = Buffer.from([0, 0, 0, 0, ...page]);
    expect(this.harness.run([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut }).outcome).toBe(GOOD);
    this.harness.clearAttention(this.other);
  }
}

function withNaca(cdb: readonly number[]): number[] {
  return [...cdb.slice(0, -1), cdb.at(-1)! | NACA];
}

function told(client: Client): string {
  return client.isDone && client.command.isAborted && client.status !== 0
    ? `status ${client.status.toString(16)}`
    : client.outcome;
}

function begun(harness: Harness): number[] {
  return harness.backend.pending.map(({ offsetBytes }) => offsetBytes / 512);
}

describe('an ACA condition', () => {
  it('follows CHECK CONDITION with NACA alone', () => {
    const setup = new Setup();
    expect(setup.harness.run(cdb10(0x28, BEYOND, 1), { dataIn: 512 }).outcome).toBe(LBA_OUT_OF_RANGE);
    expect(setup.test(setup.mine, TASK_SIMPLE, NACA)).toBe(GOOD);
    expect(setup.test()).toBe(GOOD);
    expect(setup.fail().outcome).toBe(LBA_OUT_OF_RANGE);
    expect(setup.test()).toBe(ACA_ACTIVE);
  });

  it.each([
    ['an operation code that is not there', [0xff, 0, 0, 0, 0, NACA], false],
    ['an operation code of ten bytes that is not there', [0x5b, 0, 0, 0, 0, 0, 0, 0, 0, NACA], true],
    ['a reserved bit', [0x00, 1, 0, 0, 0, NACA], true],
    ['reserved bits of the CONTROL byte beside NACA', [0x00, 0, 0, 0, 0, 0x3f], true],
  ])('after %s', (_, cdb, isEstablished) => {
    const setup = new Setup();
    setup.harness.run(cdb);
    expect(setup.test()).toBe(isEstablished ? ACA_ACTIVE : GOOD);
  });

  it('follows a unit attention condition and an unknown ACA attribute, too', () => {
    const setup = new Setup();
    setup.harness.unit.establishAttention(0x062901, null);
    expect(setup.test(setup.mine, TASK_SIMPLE, NACA)).toBe('6/29/1');
    expect(setup.test()).toBe(ACA_ACTIVE);
    setup.harness.manage(CLEAR_ACA);
    expect(setup.test(setup.mine, TASK_ACA, NACA)).toBe('5/49/0');
    expect(setup.test()).toBe(ACA_ACTIVE);
  });

  it('takes from its nexus one command with the ACA attribute, and no other', () => {
    const setup = new Setup();
    setup.fail();
    for (const attribute of [TASK_SIMPLE, TASK_ORDERED, TASK_HEAD_OF_QUEUE] as const) {
      expect(setup.test(setup.mine, attribute)).toBe(ACA_ACTIVE);
      expect(setup.test(setup.mine, attribute, NACA)).toBe(ACA_ACTIVE);
    }
    const first = setup.read(1, setup.mine, TASK_ACA);
    expect(setup.test(setup.mine, TASK_ACA)).toBe(ACA_ACTIVE);
    setup.harness.settle();
    expect(first.outcome).toBe(GOOD);
    expect(setup.test(setup.mine, TASK_ACA)).toBe(GOOD);
    expect(setup.harness.run([0xff], {}).outcome).toBe(ACA_ACTIVE);
  });

  it('tells other nexuses BUSY, or ACA ACTIVE when they know of NACA', () => {
    const setup = new Setup();
    setup.fail();
    expect(setup.test(setup.other)).toBe(BUSY);
    expect(setup.test(setup.other, TASK_HEAD_OF_QUEUE)).toBe(BUSY);
    expect(setup.test(setup.other, TASK_SIMPLE, NACA)).toBe(ACA_ACTIVE);
    expect(setup.test(setup.other, TASK_ACA)).toBe(ACA_ACTIVE);
  });

  it('holds back what has not begun and the status of what has, of all nexuses, until CLEAR ACA', () => {
    const setup = new Setup();
    const { harness, other } = setup;
    const running = [setup.read(1), setup.read(2, other)];
    const dormant = [setup.read(3, other, TASK_ORDERED), setup.read(4)];
    setup.fail(setup.mine, TASK_HEAD_OF_QUEUE);
    harness.settle();
    expect([...running, ...dormant].map(told)).toEqual(Array(4).fill('running'));
    expect(harness.pool.isIdle).toBe(false);
    const management = harness.manage(CLEAR_ACA);
    expect(management).toMatchObject({ doneCount: 1, response: FUNCTION_COMPLETE });
    expect(running.map(told)).toEqual([GOOD, GOOD]);
    expect(begun(harness)).toEqual([3]);
    harness.settle();
    expect(dormant.map(told)).toEqual([GOOD, GOOD]);
    expect(harness.ended.map((client) => client.command.cdb[5])).toEqual([0xff, 1, 2, 3, 4]);
    expect(harness.isQuiet).toBe(true);
  });

  it('begins nothing when the command that held others back fails, or is aborted', () => {
    const setup = new Setup();
    const { harness } = setup;
    harness.backend.fault = ({ offsetBytes }) => (offsetBytes === 512 ? 1 : 0);
    harness.start(withNaca(cdb10(0x28, 1, 1)), { dataIn: 512, attribute: TASK_ORDERED });
    const ordered = setup.read(2, setup.mine, TASK_ORDERED);
    const last = setup.read(3);
    harness.settle();
    expect([setup.test(setup.other), ordered.outcome, last.outcome]).toEqual([BUSY, 'running', 'running']);
    harness.manage(ABORT_TASK, { target: ordered });
    expect(begun(harness)).toEqual([]);
    harness.manage(CLEAR_ACA);
    harness.settle();
    expect([ordered.outcome, last.outcome]).toEqual(['aborted', GOOD]);
  });

  it('lets an ACA command overtake what is blocked, also where a range is held alone', () => {
    const setup = new Setup();
    const { harness } = setup;
    const compare = [0x89, ...Array<number>(12).fill(0), 1, 0, 0];
    const blocked = harness.start(compare, { dataOut: Buffer.alloc(1024) });
    setup.fail(setup.other);
    const aca = harness.start(cdb10(0x2a, 0, 1), { dataOut: pattern(1), nexus: setup.other, attribute: TASK_ACA });
    harness.settle();
    expect([blocked.outcome, aca.outcome]).toEqual(['running', GOOD]);
    harness.manage(CLEAR_ACA, { nexus: setup.other });
    expect(blocked.outcome).toBe(GOOD);
  });

  it('follows the next CHECK CONDITION among the blocked commands, before newer ones end', () => {
    const setup = new Setup();
    const { harness, other } = setup;
    harness.backend.fault = ({ offsetBytes }) => (offsetBytes === 2 * 512 ? 1 : 0);
    const blocked = [1, 2, 3].map((lba) => harness.start(withNaca(cdb10(0x28, lba, 1)), { dataIn: 512, nexus: other }));
    setup.fail();
    harness.settle();
    expect(blocked.map(told)).toEqual(Array(3).fill('running'));
    harness.manage(CLEAR_ACA);
    expect(blocked.map((client) => client.isDone)).toEqual([true, true, false]);
    expect(blocked[1]!.status).toBe(2);
    expect(setup.test()).toBe(BUSY);
    expect(setup.test(other)).toBe(ACA_ACTIVE);
    harness.manage(CLEAR_ACA);
    expect(setup.test()).toBe(BUSY);
    harness.manage(CLEAR_ACA, { nexus: other });
    expect(told(blocked[2]!)).toBe(GOOD);
    expect(setup.test()).toBe(GOOD);
  });

  it('leaves REQUEST SENSE and INQUIRY to the ACA attribute', () => {
    const setup = new Setup();
    setup.fail();
    for (const cdb of [
      [0x03, 0, 0, 0, 18, 0],
      [0x12, 0, 0, 0, 96, 0],
    ]) {
      expect(setup.harness.run(cdb, { dataIn: 96 }).outcome).toBe(ACA_ACTIVE);
      expect(setup.harness.run(cdb, { dataIn: 96, attribute: TASK_ACA }).outcome).toBe(GOOD);
    }
  });
});

describe('the end of an ACA condition', () => {
  const ENDS: readonly [string, (setup: Setup) => void][] = [
    ['CLEAR ACA', ({ harness }) => harness.manage(CLEAR_ACA)],
    ['LOGICAL UNIT RESET', ({ harness, other }) => harness.manage(LOGICAL_UNIT_RESET, { nexus: other })],
    ['TARGET RESET', ({ harness, other }) => harness.manage(TARGET_RESET, { nexus: other })],
    ['loss of the faulted nexus', ({ harness, mine }) => harness.device.closeNexus(mine)],
    ['CHECK CONDITION of the ACA command', (setup) => setup.harness.run([0xff], { attribute: TASK_ACA })],
  ];

  it.each(ENDS)('is %s', (_, end) => {
    const setup = new Setup();
    setup.fail();
    expect(setup.test(setup.other)).toBe(BUSY);
    end(setup);
    setup.harness.clearAttention(setup.other);
    expect(setup.test(setup.other)).toBe(GOOD);
  });

  const NO_ENDS: readonly [string, (setup: Setup) => void][] = [
    ['CLEAR ACA of another nexus', ({ harness, other }) => harness.manage(CLEAR_ACA, { nexus: other })],
    ['ABORT TASK SET', ({ harness }) => harness.manage(ABORT_TASK_SET)],
    ['CLEAR TASK SET', ({ harness, other }) => harness.manage(CLEAR_TASK_SET, { nexus: other })],
    ['loss of another nexus', ({ harness, other }) => harness.device.closeNexus(other)],
    ['an ACA command that is GOOD', (setup) => setup.test(setup.mine, TASK_ACA, NACA)],
    ['CHECK CONDITION of the ACA command with NACA', (setup) => setup.fail(setup.mine, TASK_ACA)],
  ];

  it.each(NO_ENDS)('is not %s', (_, act) => {
    const setup = new Setup();
    setup.fail();
    act(setup);
    expect(setup.test()).toBe(ACA_ACTIVE);
    setup.harness.manage(CLEAR_ACA);
    expect([GOOD, '6/2f/0']).toContain(setup.test());
  });

  it('by CLEAR ACA aborts the ACA command, and waits for the store', () => {
    const setup = new Setup();
    setup.fail();
    const aca = setup.read(1, setup.mine, TASK_ACA);
    const management = setup.harness.manage(CLEAR_ACA);
    expect([management.doneCount, aca.outcome]).toEqual([0, 'running']);
    setup.harness.settle();
    expect([management.doneCount, aca.outcome]).toEqual([1, 'aborted']);
    expect(setup.test()).toBe(GOOD);
  });

  it('of a nexus that is fenced off is PREEMPT AND ABORT, which others need not wait with', () => {
    const setup = new Setup();
    const { harness, mine, other } = setup;
    const reserve = (nexus: Nexus, action: number, key: number, actionKey: number, type = 0) => {
      const dataOut = Buffer.alloc(24);
      dataOut[7] = key;
      dataOut[15] = actionKey;
      return harness.start([0x5f, action, type, 0, 0, 0, 0, 0, 24, 0], { dataOut, nexus });
    };
    reserve(mine, 0, 0, 1);
    reserve(other, 0, 0, 2);
    reserve(mine, 1, 1, 0, 5);
    const blocked = setup.read(1);
    setup.fail();
    harness.settle();
    expect(reserve(other, 4, 2, 1, 5).outcome).toBe(BUSY);
    expect(reserve(other, 5, 2, 1, 5).outcome).toBe(GOOD);
    expect(blocked.outcome).toBe('aborted');
    expect(setup.test(other)).toBe(GOOD);
  });
});

describe('aborting during an ACA condition', () => {
  it.each([ABORT_TASK, ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET] as const)(
    'function %d ends a blocked command whose data wait',
    (fn) => {
      const setup = new Setup();
      const blocked = setup.read(1);
      const dormant = setup.read(2, setup.mine, TASK_ORDERED);
      setup.fail(setup.mine, TASK_HEAD_OF_QUEUE);
      setup.harness.settle();
      const management = setup.harness.manage(fn, { target: blocked });
      expect([management.doneCount, blocked.outcome, blocked.data.length]).toEqual([1, 'aborted', 0]);
      expect(dormant.outcome).toBe(fn === ABORT_TASK ? 'running' : 'aborted');
      setup.harness.manage(CLEAR_ACA);
      setup.harness.settle();
      expect(setup.harness.unit.taskCount).toBe(0);
      expect(setup.harness.isQuiet).toBe(true);
    },
  );
});

describe('QERR', () => {
  function failing(queueErrorManagement: number, isTaskAborted: boolean, hasNaca: boolean) {
    const setup = new Setup();
    setup.control(queueErrorManagement, isTaskAborted);
    const clients = [setup.read(1), setup.read(2, setup.other), setup.read(3, setup.other, TASK_ORDERED)];
    const cdb = cdb10(0x28, BEYOND, 1);
    const options = { dataIn: 512, attribute: TASK_HEAD_OF_QUEUE as TaskAttribute };
    const failed = setup.harness.start(hasNaca ? withNaca(cdb) : cdb, options);
    setup.harness.settle();
    expect(failed.outcome).toBe(LBA_OUT_OF_RANGE);
    return { setup, told: clients.map(told) };
  }

  it('01b aborts all commands of the task set; others learn by unit attention', () => {
    const { setup, told: outcomes } = failing(QERR_ALL, false, false);
    expect(outcomes).toEqual(['aborted', 'aborted', 'aborted']);
    expect([setup.test(setup.other), setup.test(setup.other), setup.test()]).toEqual(['6/2f/0', GOOD, GOOD]);
  });

  it('01b with TAS gives others TASK ABORTED instead', () => {
    const { setup, told: outcomes } = failing(QERR_ALL, true, false);
    expect(outcomes).toEqual(['aborted', TASK_ABORTED, TASK_ABORTED]);
    expect([setup.test(setup.other), setup.test()]).toEqual([GOOD, GOOD]);
  });

  it('11b aborts the commands of the same nexus; others go on, or are blocked with NACA', () => {
    expect(failing(QERR_NEXUS, true, false).told).toEqual(['aborted', GOOD, GOOD]);
    const { setup, told: outcomes } = failing(QERR_NEXUS, true, true);
    expect(outcomes).toEqual(['aborted', 'running', 'running']);
    setup.harness.manage(CLEAR_ACA);
    setup.harness.settle();
    expect(setup.harness.unit.taskCount).toBe(0);
  });

  it('10b is reserved', () => {
    const { harness } = new Setup();
    const dataOut = Buffer.from([0, 0, 0, 0, 0x0a, 0x0a, 0, 0x14, 0, 0, 0, 0, 0, 0, 0, 0]);
    const client = harness.run([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut });
    expect(client.outcome).toBe('5/26/0');
    expect(client.command.senseFieldPointer & 0xffff).toBe(7);
  });
});

describe('TAS', () => {
  it.each([
    ['CLEAR TASK SET', CLEAR_TASK_SET, GOOD],
    ['LOGICAL UNIT RESET', LOGICAL_UNIT_RESET, '6/29/3'],
  ] as const)('%s gives the commands of others TASK ABORTED status', (_, fn, next) => {
    const setup = new Setup();
    setup.control(0, true);
    const clients = [setup.read(1), setup.read(2, setup.other), setup.read(3, setup.other, TASK_ORDERED)];
    setup.harness.manage(fn);
    setup.harness.settle();
    expect(clients.map(told)).toEqual(['aborted', TASK_ABORTED, TASK_ABORTED]);
    expect(clients.map(({ data }) => data.length)).toEqual([0, 0, 0]);
    expect(setup.test(setup.other)).toBe(next);
  });

  it('is nothing to a command that its own nexus has aborted first', () => {
    const setup = new Setup();
    setup.control(0, true);
    const client = setup.read(1, setup.other);
    setup.harness.manage(ABORT_TASK, { target: client, nexus: setup.other });
    setup.harness.manage(CLEAR_TASK_SET);
    setup.harness.settle();
    expect(told(client)).toBe('aborted');
  });
});

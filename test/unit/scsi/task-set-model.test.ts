/**
 * Random commands of several nexuses with every attribute, with and without NACA and QERR, task management and ends of ios
 * in any order, held against what SAM-5 8.6 and 5.9 promise after each step. SEED= repeats a run.
 */
import { describe, expect, it } from 'vitest';
import { TASK_ACA, TASK_HEAD_OF_QUEUE, TASK_ORDERED, TASK_SIMPLE } from '../../../src/scsi/command/command.ts';
import type { Nexus } from '../../../src/scsi/nexus.ts';
import {
  ABORT_TASK,
  ABORT_TASK_SET,
  CLEAR_ACA,
  CLEAR_TASK_SET,
  LOGICAL_UNIT_RESET,
} from '../../../src/scsi/task/task-management.ts';
import { QERR_ALL, QERR_NEXUS, QERR_NONE } from '../../../src/scsi/unit/mode-parameters.ts';
import { type SeededRandom, seededRandom } from '../../random.ts';
import { type Client, cdb10, Harness, type Management, nexusOf } from './device-harness.ts';

const RUNS = 150;
const STEPS = 60;
const ATTRIBUTES = [TASK_SIMPLE, TASK_SIMPLE, TASK_SIMPLE, TASK_ORDERED, TASK_HEAD_OF_QUEUE, TASK_ACA] as const;
const FUNCTIONS = [ABORT_TASK, ABORT_TASK_SET, CLEAR_ACA, CLEAR_ACA, CLEAR_ACA, CLEAR_TASK_SET] as const;
const CHECK_CONDITION = 0x02;
const BUSY = 0x08;
const ACA_ACTIVE = 0x30;
const TASK_ABORTED = 0x40;

interface Sent {
  readonly client: Client;
  readonly nexus: Nexus;
  readonly hasNaca: boolean;
  readonly lba: number;
  /** Its io has been seen in the store. */
  hasBegun: boolean;
}

class Model {
  readonly harness = new Harness();
  readonly nexuses = [this.harness.nexus, nexusOf('b'), nexusOf('c')];
  readonly managements: Management[] = [];
  /** In the order of arrival. */
  sent: Sent[] = [];
  private readonly random: SeededRandom;
  private readonly isTaskAborted: boolean;
  private nextLba = 1;

  constructor(random: SeededRandom) {
    this.random = random;
    const { unit, backend, device } = this.harness;
    for (const nexus of this.nexuses) {
      device.openNexus(nexus);
      this.harness.clearAttention(nexus);
    }
    this.isTaskAborted = random.below(2) === 0;
    const queueErrorManagement = [QERR_NONE, QERR_NONE, QERR_ALL, QERR_NEXUS][random.below(4)]!;
    unit.setModes({ ...unit.modes, queueErrorManagement, isTaskAbortedStatus: this.isTaskAborted });
    backend.fault = () => (random.below(6) === 0 ? 1 : 0);
  }

  get faulted(): Nexus | null {
    return this.harness.unit.taskSet.faultedNexus;
  }

  step(): void {
    const choice = this.random.below(10);
    const { backend } = this.harness;
    if (choice < 5) this.send();
    else if (choice < 9 && backend.pending.length > 0) backend.complete(this.random.below(backend.pending.length));
    else if (choice === 9) this.manage();
    this.check();
  }

  /** Clears what is in the way until every command has ended. */
  finish(): void {
    for (let round = 0; this.sent.some(({ client }) => !client.isDone); round++) {
      expect(round).toBeLessThan(STEPS + 1);
      this.harness.settle();
      this.check();
      if (this.faulted !== null) this.managements.push(this.harness.manage(CLEAR_ACA, { nexus: this.faulted }));
    }
    this.harness.settle();
    expect(this.managements.map(({ doneCount }) => doneCount)).toEqual(this.managements.map(() => 1));
    expect(this.harness.unit.taskCount).toBe(0);
    expect(this.harness.isQuiet).toBe(true);
  }

  private send(): void {
    const nexus = this.nexuses[this.random.below(3)]!;
    const attribute = ATTRIBUTES[this.random.below(ATTRIBUTES.length)]!;
    const hasNaca = this.random.below(3) === 0;
    const lba = this.nextLba++;
    const before = this.faulted;
    const hasAca = this.sent.some(({ client }) => !client.isDone && client.command.attribute === TASK_ACA);
    const cdb = cdb10(0x28, lba, 1);
    cdb[9] = hasNaca ? 0x04 : 0;
    const client = this.harness.start(cdb, { dataIn: 512, nexus, attribute });
    this.sent.push({ client, nexus, hasNaca, lba, hasBegun: false });
    if (before === null) {
      if (attribute === TASK_ACA) expect(client.outcome).toBe('5/49/0');
      else expect([BUSY, ACA_ACTIVE]).not.toContain(client.isDone ? client.status : 0);
    } else if (nexus === before && attribute === TASK_ACA && !hasAca) {
      expect(this.isInStore(lba) || client.status === CHECK_CONDITION).toBe(true); // enabled at once
    } else {
      const isBusy = nexus !== before && attribute !== TASK_ACA && !hasNaca;
      expect([client.isDone, client.status]).toEqual([true, isBusy ? BUSY : ACA_ACTIVE]);
    }
  }

  private manage(): void {
    const nexus = this.nexuses[this.random.below(3)]!;
    const fn = this.random.below(12) === 0 ? LOGICAL_UNIT_RESET : FUNCTIONS[this.random.below(FUNCTIONS.length)]!;
    const before = this.faulted;
    const mine = this.sent.filter((sent) => sent.nexus === nexus);
    const target = fn === ABORT_TASK ? mine[this.random.below(Math.max(1, mine.length))]?.client : undefined;
    const options = target === undefined ? { nexus } : { nexus, target };
    this.managements.push(this.harness.manage(fn, options));
    const isEnd = fn === LOGICAL_UNIT_RESET || (fn === CLEAR_ACA && nexus === before);
    if (before !== null && !isEnd) expect(this.faulted).toBe(before);
    if (fn === LOGICAL_UNIT_RESET) expect(this.faulted).toBeNull();
  }

  private isInStore(lba: number): boolean {
    return this.harness.backend.pending.some(({ offsetBytes }) => offsetBytes === lba * 512);
  }

  private check(): void {
    const inStore = new Set(this.harness.backend.pending.map(({ offsetBytes }) => offsetBytes / 512));
    for (const sent of this.sent) this.checkBegin(sent, inStore.has(sent.lba));
    for (const sent of this.sent) if (sent.client.isDone) this.checkEnd(sent);
    this.checkStalled(inStore);
    this.sent = this.sent.filter(({ client }) => !client.isDone);
  }

  /** SAM-5 8.6: what begins in this step has nothing in front of it that holds it back. */
  private checkBegin(sent: Sent, isInStore: boolean): void {
    if (!isInStore || sent.hasBegun) return;
    sent.hasBegun = true;
    const { attribute } = sent.client.command;
    if (attribute !== TASK_SIMPLE && attribute !== TASK_ORDERED) return;
    const older = this.sent.slice(0, this.sent.indexOf(sent)).filter(({ client }) => !client.isDone);
    if (attribute === TASK_ORDERED) expect(older).toHaveLength(0);
    expect(older.every(({ client }) => client.command.attribute !== TASK_ORDERED)).toBe(true);
  }

  private checkEnd({ client }: Sent): void {
    const { isAborted, status } = client.command;
    if (isAborted) expect(this.isTaskAborted ? [0, TASK_ABORTED] : [0]).toContain(status);
    if (isAborted) expect(client.data.length).toBe(0);
  }

  /** Whoever is not done waits for the store, for an older or HEAD OF QUEUE command, or for the end of an ACA condition. */
  private checkStalled(inStore: ReadonlySet<number>): void {
    const open = this.sent.filter(({ client }) => !client.isDone);
    if (open.length > 0 && inStore.size === 0) expect(this.faulted).not.toBeNull();
    if (this.faulted === null) expect(open.every((sent) => !sent.hasBegun || inStore.has(sent.lba))).toBe(true);
  }
}

describe('a task set', () => {
  it('keeps the promises of SAM-5 in random runs', () => {
    const { seed } = seededRandom();
    for (let run = 0; run < RUNS; run++) {
      const model = new Model(seededRandom(seed + run));
      try {
        for (let step = 0; step < STEPS; step++) model.step();
        model.finish();
      } catch (error) {
        throw new Error(`SEED=${seed + run}`, { cause: error });
      }
    }
  });

  it('ends no blocked command while an ACA condition lasts', () => {
    const { seed } = seededRandom();
    for (let run = 0; run < RUNS; run++) {
      const random = seededRandom(seed + run);
      const harness = new Harness();
      const nexuses = [harness.nexus, nexusOf('b')];
      for (const nexus of nexuses) harness.clearAttention(nexus);
      const clients = Array.from({ length: 1 + random.below(20) }, (_, lba) => {
        const attribute = ATTRIBUTES[random.below(5)]!;
        return harness.start(cdb10(0x28, lba, 1), { dataIn: 512, nexus: nexuses[random.below(2)]!, attribute });
      });
      harness.start([0x08, 0x1f, 0xff, 0xff, 1, 0x04], { dataIn: 512, attribute: TASK_HEAD_OF_QUEUE });
      while (harness.backend.pending.length > 0) harness.backend.complete(random.below(harness.backend.pending.length));
      const order = () => clients.map(({ isDone }) => isDone);
      expect(order(), `SEED=${seed + run}`).toEqual(clients.map(() => false));
      harness.manage(CLEAR_ACA);
      harness.settle();
      expect(
        clients.map(({ outcome }) => outcome),
        `SEED=${seed + run}`,
      ).toEqual(clients.map(() => 'status 0'));
      expect(harness.isQuiet).toBe(true);
    }
  });
});

/**
 * Copies in both directions between two units and within one, with COMPARE AND WRITE over the same blocks and hardly any
 * memory: whatever the order in which the stores answer, everything ends. Waiting in a circle would show as no progress.
 */
import { expect, it } from 'vitest';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import type { Client } from '../device-harness.ts';
import { BLOCK_BYTES, BLOCK_COUNT, Harness, uint32, unitOn } from '../device-harness.ts';
import { CopyingBackend } from './copying-backend.ts';

const { SEED: chosen } = process.env;
const SEED = Number(chosen ?? Date.now() % 2 ** 31);
const ROUNDS = 20;
const COMMANDS = 60;
const OTHER_UUID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeee01';
const SLOT_CLASSES = [
  { capacityBytes: 4096, count: 6 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 7 },
];

class Contention {
  readonly stores = [0, 1].map(() => new CopyingBackend(BLOCK_BYTES * BLOCK_COUNT)) as [CopyingBackend, CopyingBackend];
  readonly harness = new Harness({ slotClasses: SLOT_CLASSES, backend: this.stores[0] });
  readonly other = this.stores[1];
  readonly clients: Client[] = [];
  private state: number;

  /** @param canCopy the stores copy among themselves, where nobody is in their way */
  constructor(seed: number, canCopy: boolean) {
    this.state = seed;
    for (const store of this.stores) store.canCopy = canCopy;
    this.harness.device.addLogicalUnit(1, unitOn(this.other, { uuid: OTHER_UUID }));
    this.harness.clearAttention(this.harness.nexus, 1);
    this.harness.clearAttention(this.harness.nexus);
  }

  /** A number from 0 to below `limit` (Numerical Recipes' linear congruential generator). */
  random(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }

  startOne(id: number): void {
    const isCopy = this.random(2) === 0;
    const [cdb, dataOut] = isCopy ? this.copy(id) : this.compareAndWrite();
    this.clients.push(this.harness.start(cdb, { dataOut, answersDataOut: false, lun: this.random(2) }));
  }

  /** One thing that could happen next; false when nothing can. */
  step(): boolean {
    const { harness } = this;
    harness.tick();
    const asking = this.clients.filter(({ isDone, requests }) => !isDone && requests.length > 0);
    if (asking.length > 0 && asking[this.random(asking.length)]!.tryAnswer()) return true;
    const copying = this.stores.filter(({ copies }) => copies.length > 0);
    if (copying.length > 0 && this.random(3) === 0) {
      const store = copying[this.random(copying.length)]!;
      store.endCopy(this.random(4) > 0, this.random(store.copies.length));
      return true;
    }
    const stores = this.stores.filter(({ pending }) => pending.length > 0);
    const store = stores[this.random(stores.length)];
    if (store !== undefined) store.complete(this.random(store.pending.length));
    else if (copying.length > 0) copying[0]!.endCopy();
    else return asking.some((client) => client.tryAnswer());
    return true;
  }

  private copy(id: number): [number[], Buffer] {
    const uuids = [this.harness.unit.uuid, this.harness.device.logicalUnit(1)!.uuid];
    const cscds = uuids.map((uuid) => Buffer.from([0xe4, 0, 0, 0, 1, 10, 0, 18, 0x10, 0, ...uuid, 0, 0, 0, 0, 2, 0]));
    const segment = Buffer.alloc(28);
    segment[0] = 2;
    segment[3] = 0x18;
    segment[5] = this.random(2);
    segment[7] = this.random(2);
    segment.writeUInt16BE(this.random(1500), 10);
    segment.writeUInt32BE(this.random(100), 16);
    segment.writeUInt32BE(this.random(100), 24);
    const list = Buffer.concat([
      Buffer.from([id, 0x10, 0, 64, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0]),
      ...cscds,
      segment,
    ]);
    return [[0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(list.length), 0, 0], list];
  }

  private compareAndWrite(): [number[], Buffer] {
    const lba = this.random(1000);
    const blocks = 1 + this.random(255);
    return [[0x89, 0, 0, 0, 0, 0, ...uint32(lba), 0, 0, 0, blocks, 0, 0], Buffer.alloc(2 * blocks * BLOCK_BYTES)];
  }
}

it.each([
  ['through memory', false],
  ['from store to store', true],
])(`copies %s and COMPARE AND WRITE never wait for each other in a circle (SEED=${SEED})`, (_, canCopy) => {
  for (let round = 0; round < ROUNDS; round++) {
    const contention = new Contention(SEED + round, canCopy);
    for (let id = 0; id < COMMANDS; id++) contention.startOne(id);
    while (contention.clients.some(({ isDone }) => !isDone)) {
      if (!contention.step()) throw new Error(`round ${round} stands still`);
    }
    const outcomes = new Set(contention.clients.map(({ outcome }) => outcome));
    expect([...outcomes].filter((outcome) => outcome !== 'status 0')).toEqual([]);
    expect(contention.harness.isQuiet).toBe(true);
  }
});

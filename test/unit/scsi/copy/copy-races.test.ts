/**
 * Copies raced by writes to their source, whatever the order in which the stores answer. Each block of the source says which
 * write was the last to it. What a WRITE USING TOKEN says it has written is what stood in the blocks when the token was made;
 * what EXTENDED COPY has copied stood in the block at some time of the copy.
 */
import { expect, it } from 'vitest';
import type { Client } from '../device-harness.ts';
import { BLOCK_BYTES, cdb10, Harness, uint32, unitOn } from '../device-harness.ts';
import { OTHER_UUID } from './copy-pair.ts';
import { CopyingBackend } from './copying-backend.ts';

const { SEED: chosen } = process.env;
const SEED = Number(chosen ?? Date.now() % 2 ** 31);
const ROUNDS = 40;
const ACTIONS = 80;
const SOURCE_BLOCKS = 1600;
/** As many as keep their status. */
const TOKEN_WRITES_MAX = 14;
const COPIES_MAX = 12;
const REGION_BLOCKS = 700;
/** More than all writes at once need. */
const SLOT_CLASSES = [
  { capacityBytes: 4096, count: 2 * ACTIONS },
  { capacityBytes: 65536, count: 2 * ACTIONS },
  { capacityBytes: 262144, count: 32 },
];

interface Token {
  readonly bytes: Buffer;
  readonly versions: readonly number[];
}

interface TokenWrite {
  readonly id: number;
  readonly to: number;
  /** That should be there, if they are. */
  readonly versions: readonly number[];
  readonly client: Client;
}

interface Copy {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly client: Client;
  readonly versionsBefore: readonly number[];
  /** Writes that were under way when it began; those with a greater number came later. */
  readonly underWay: ReadonlySet<number>;
  readonly lastVersion: number;
}

class Race {
  readonly stores = [SOURCE_BLOCKS, REGION_BLOCKS * (TOKEN_WRITES_MAX + COPIES_MAX)].map(
    (blocks) => new CopyingBackend(blocks * BLOCK_BYTES),
  ) as [CopyingBackend, CopyingBackend];
  readonly harness = new Harness({ backend: this.stores[0], slotClasses: SLOT_CLASSES });
  readonly tokenWrites: TokenWrite[] = [];
  readonly copies: Copy[] = [];
  private readonly tokens: Token[] = [];
  private readonly populating: { readonly id: number; readonly client: Client; readonly ranges: [number, number][] }[] =
    [];
  private readonly writes: { readonly version: number; readonly client: Client }[] = [];
  private version = 0;
  private lastId = 1000;
  private state: number;

  constructor(seed: number, canCopy: boolean) {
    this.state = seed;
    for (const store of this.stores) store.canCopy = canCopy;
    this.harness.device.addLogicalUnit(1, unitOn(this.stores[1], { uuid: OTHER_UUID }));
    this.harness.clearAttention(this.harness.nexus, 1);
    this.harness.clearAttention(this.harness.nexus);
  }

  act(): void {
    const choice = this.random(10);
    if (choice < 4) this.write();
    else if (choice < 6) this.populate();
    else if (choice < 8 && this.tokenWrites.length < TOKEN_WRITES_MAX) this.writeUsingToken();
    else if (this.copies.length < COPIES_MAX) this.copy();
  }

  /** One thing that could happen next; false when nothing can. */
  step(): boolean {
    this.harness.tick();
    this.takeTokens();
    const ready = this.stores.filter(({ pending, copies }) => pending.length + copies.length > 0);
    const store = ready[this.random(ready.length)];
    if (store === undefined) return false;
    const { pending, copies } = store;
    if (copies.length > 0 && (pending.length === 0 || this.random(2) === 0)) {
      store.endCopy(this.random(5) > 0, this.random(copies.length));
    } else store.complete(this.random(pending.length));
    return true;
  }

  /** What stands in the blocks of `store`. */
  versionsIn(store: CopyingBackend, lba: number, count: number): number[] {
    return Array.from({ length: count }, (_, index) => store.bytes.readUInt32BE((lba + index) * BLOCK_BYTES));
  }

  /** How many blocks RECEIVE ROD TOKEN INFORMATION says are written. */
  writtenBlocks(id: number): number {
    const cdb = [0x84, 7, ...uint32(id), 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    const client = this.harness.run(cdb, { dataIn: 1024, lun: 1 });
    expect(client.outcome).toBe('status 0');
    return Number(client.data.readBigUInt64BE(16));
  }

  /** A number from 0 to below `limit` (Numerical Recipes' linear congruential generator). */
  random(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }

  private write(): void {
    const count = 1 + this.random(40);
    const lba = this.random(SOURCE_BLOCKS - count);
    this.version += 1;
    const dataOut = Buffer.alloc(count * BLOCK_BYTES);
    for (let at = 0; at < dataOut.length; at += BLOCK_BYTES) dataOut.writeUInt32BE(this.version, at);
    this.writes.push({ version: this.version, client: this.harness.start(cdb10(0x2a, lba, count), { dataOut }) });
  }

  private populate(): void {
    const first = this.random(700);
    const second = first + 100 + this.random(500);
    const ranges: [number, number][] = [
      [second, 1 + this.random(300)],
      [first, 1 + this.random(100)],
    ];
    const list = Buffer.alloc(48);
    list.writeUInt16BE(46, 0);
    this.writeRanges(list, 14, 16, ranges);
    this.lastId += 1;
    const cdb = [0x83, 0x10, 0, 0, 0, 0, ...uint32(this.lastId), ...uint32(list.length), 0, 0];
    this.populating.push({ id: this.lastId, client: this.harness.start(cdb, { dataOut: list }), ranges });
    this.takeTokens();
  }

  /** At once when they are made: later the blocks may be others. */
  private takeTokens(): void {
    for (const populated of this.populating.splice(0)) {
      const { id, client, ranges } = populated;
      if (!client.isDone) this.populating.push(populated);
      else {
        const cdb = [0x84, 7, ...uint32(id), 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
        const bytes = this.harness.start(cdb, { dataIn: 1024 }).data.subarray(38);
        const versions = ranges.flatMap(([lba, count]) => this.versionsIn(this.stores[0], lba, count));
        this.tokens.push({ bytes, versions });
      }
    }
  }

  private writeUsingToken(): void {
    const token = this.tokens[this.random(this.tokens.length)];
    if (token === undefined) return;
    const offset = this.random(token.versions.length);
    const count = 1 + this.random(token.versions.length - offset);
    const id = this.tokenWrites.length + 1;
    const to = id * REGION_BLOCKS - REGION_BLOCKS;
    const half = Math.ceil(count / 2);
    const list = Buffer.alloc(536 + 32);
    list.writeUInt16BE(list.length - 2, 0);
    list.writeBigUInt64BE(BigInt(offset), 8);
    token.bytes.copy(list, 16);
    this.writeRanges(list, 534, 536, [
      [to, half],
      [to + half, count - half],
    ]);
    list[2] = this.random(2);
    const cdb = [0x83, 0x11, 0, 0, 0, 0, ...uint32(id), ...uint32(list.length), 0, 0];
    const client = this.harness.start(cdb, { dataOut: list, lun: 1 });
    const isRefused = client.isDone && client.status !== 0;
    if (!isRefused) this.tokenWrites.push({ id, to, versions: token.versions.slice(offset, offset + count), client });
  }

  private copy(): void {
    const uuids = [this.harness.unit.uuid, this.harness.device.logicalUnit(1)!.uuid];
    const cscds = uuids.map((uuid) => Buffer.from([0xe4, 0, 0, 0, 1, 10, 0, 18, 0x10, 0, ...uuid, 0, 0, 0, 0, 2, 0]));
    const count = 1 + this.random(REGION_BLOCKS);
    const from = this.random(SOURCE_BLOCKS - count);
    const to = (TOKEN_WRITES_MAX + this.copies.length) * REGION_BLOCKS;
    const segment = Buffer.from([
      2,
      0,
      0,
      0x18,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...uint32(from),
      0,
      0,
      0,
      0,
      ...uint32(to),
    ]);
    segment.writeUInt16BE(count, 10);
    const header = Buffer.from([0, 0x18, 0, 64, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0]);
    const dataOut = Buffer.concat([header, ...cscds, segment]);
    const versionsBefore = this.versionsIn(this.stores[0], from, count);
    const underWay = new Set(this.writes.filter(({ client }) => !client.isDone).map(({ version }) => version));
    const cdb = [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(dataOut.length), 0, 0];
    const client = this.harness.start(cdb, { dataOut });
    this.copies.push({ from, to, count, client, versionsBefore, underWay, lastVersion: this.version });
  }

  private writeRanges(list: Buffer, lengthByte: number, at: number, ranges: readonly [number, number][]): void {
    list.writeUInt16BE(16 * ranges.length, lengthByte);
    ranges.forEach(([lba, count], index) => {
      list.writeUInt32BE(lba, at + 16 * index + 4);
      list.writeUInt32BE(count, at + 16 * index + 8);
    });
  }
}

it.each([
  ['through memory', false],
  ['from store to store', true],
])(`copies %s bring what they should, whatever is written meanwhile (SEED=${SEED})`, (_, canCopy) => {
  const outcomes = new Set<string>();
  for (let round = 0; round < ROUNDS; round++) {
    const race = new Race(SEED + round, canCopy);
    for (let action = 0; action < ACTIONS; action++) {
      race.act();
      for (let steps = race.random(4); steps > 0; steps--) race.step();
    }
    while (race.step());
    for (const { id, to, versions, client } of race.tokenWrites) {
      outcomes.add(client.outcome);
      const written = race.writtenBlocks(id);
      expect(race.versionsIn(race.stores[1], to, written)).toEqual(versions.slice(0, written));
    }
    for (const copy of race.copies) {
      expect(copy.client.outcome).toBe('status 0');
      const copied = race.versionsIn(race.stores[1], copy.to, copy.count);
      const wrong = copied.filter((version, index) => {
        const isNew = version > copy.lastVersion || copy.underWay.has(version);
        return !isNew && version !== copy.versionsBefore[index];
      });
      expect(wrong).toEqual([]);
    }
    expect(race.harness.isQuiet).toBe(true);
  }
  expect(outcomes).toContain('status 0');
  expect(outcomes).toContain('5/23/6');
});

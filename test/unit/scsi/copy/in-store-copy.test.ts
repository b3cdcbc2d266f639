/** Copies between stores that can copy among themselves: what they are asked for, when they are not, and who must wait. */
import { describe, expect, it } from 'vitest';
import { IN_STORE_BYTES_MAX } from '../../../../src/scsi/copy/copy-limits.ts';
import { COPY_THREADS_MAX } from '../../../../src/scsi/copy/run/copy-buffers.ts';
import { ABORT_TASK, LOGICAL_UNIT_RESET } from '../../../../src/scsi/task/task-management.ts';
import { BLOCK_BYTES, BLOCK_COUNT, cdb10, nexusOf, pattern, uint32 } from '../device-harness.ts';
import type { Segment } from './copy-pair.ts';
import { blocks, GOOD, Pair, segmentBytes } from './copy-pair.ts';
import { CopyingBackend } from './copying-backend.ts';

class StorePair extends Pair {
  constructor(sizeBytes = BLOCK_BYTES * BLOCK_COUNT) {
    super({}, sizeBytes, (bytes) => new CopyingBackend(bytes));
  }

  get source(): CopyingBackend {
    return this.backend as CopyingBackend;
  }

  get destination(): CopyingBackend {
    return this.otherBackend as CopyingBackend;
  }

  override settle(): void {
    for (;;) {
      super.settle();
      const store = [this.source, this.destination].find(({ copies }) => copies.length > 0);
      if (store === undefined) return;
      store.endCopy();
    }
  }
}

function logs(pair: StorePair): number {
  return pair.source.log.length + pair.destination.log.length;
}

describe('a copy from store to store', () => {
  it('moves no byte through memory', () => {
    const pair = new StorePair();
    expect(pair.copy([{ blocks: 3000, from: 7, to: 100 }]).outcome).toBe(GOOD);
    expect(blocks(pair.destination, 100, 3000).equals(blocks(pair.source, 7, 3000))).toBe(true);
    expect(logs(pair)).toBe(0);
    expect(pair.isQuiet).toBe(true);
  });

  it('goes in pieces of which an abort waits for one', () => {
    const size = 3 * IN_STORE_BYTES_MAX;
    const pair = new StorePair(size);
    const segments = [0, 1].map(
      (part): Segment => ({ source: 1, destination: 1, blocks: 40000, from: part, to: 45000 + part }),
    );
    const client = pair.startCopy(segments);
    expect(pair.destination.copies.map(({ lengthBytes }) => lengthBytes)).toEqual([IN_STORE_BYTES_MAX]);
    const management = pair.manage(ABORT_TASK, { target: client });
    expect(client.isDone).toBe(false);
    pair.destination.endCopy();
    expect([client.outcome, management.doneCount, pair.destination.copies.length]).toEqual(['aborted', 1, 0]);
    expect(pair.isQuiet).toBe(true);
  });

  it('within a unit is one where the ranges do not overlap', () => {
    const pair = new StorePair();
    expect(pair.copy([{ destination: 0, blocks: 100, from: 0, to: 100 }]).outcome).toBe(GOOD);
    expect(logs(pair)).toBe(0);
    const before = blocks(pair.source, 0, 2000);
    expect(pair.copy([{ destination: 0, blocks: 2000, from: 0, to: 1999 }]).outcome).toBe(GOOD);
    expect(logs(pair)).toBeGreaterThan(0);
    expect(blocks(pair.source, 1999, 2000).equals(before)).toBe(true);
  });

  it('that fails goes on through memory, and as stores again behind that', () => {
    const pair = new StorePair();
    const client = pair.startCopy([{ blocks: 1000 }, { blocks: 1000, from: 2000, to: 2000 }]);
    pair.destination.endCopy(false);
    pair.settle();
    expect(client.outcome).toBe(GOOD);
    expect(blocks(pair.destination, 0, 1000).equals(blocks(pair.source, 0, 1000))).toBe(true);
    expect(blocks(pair.destination, 2000, 1000).equals(blocks(pair.source, 2000, 1000))).toBe(true);
    expect(pair.source.log).toHaveLength(2);
  });

  it('is none where a store cannot, or has to write through', () => {
    const pair = new StorePair();
    pair.destination.canCopy = false;
    expect(pair.copy([{ blocks: 10 }]).outcome).toBe(GOOD);
    pair.destination.canCopy = true;
    const unit = pair.device.logicalUnit(1);
    unit?.setModes({ ...unit.modes, isWriteCacheEnabled: false });
    expect(pair.copy([{ blocks: 10 }], { id: 2 }).outcome).toBe(GOOD);
    expect(pair.destination.log.map(({ isFua }) => isFua)).toEqual([false, true]);
  });

  it('takes few threads, however many copies there are', () => {
    const pair = new StorePair();
    const clients = Array.from({ length: 20 }, (_, id) =>
      pair.startCopy([{ blocks: 10, from: 1, to: 10 * id }], { id }),
    );
    expect(pair.destination.copies).toHaveLength(COPY_THREADS_MAX);
    pair.settle();
    expect(clients.every(({ outcome }) => outcome === GOOD)).toBe(true);
    expect(logs(pair)).toBe(0);
  });
});

describe('while stores copy', () => {
  it.each([0, 1])('COMPARE AND WRITE on the range of unit %d waits', (lun) => {
    const pair = new StorePair();
    const client = pair.startCopy([{ blocks: 10 }]);
    const store = lun === 0 ? pair.source : pair.destination;
    const old = blocks(store, 3, 1);
    const cdb = [0x89, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0];
    const dataOut = Buffer.concat([lun === 0 ? old : blocks(pair.source, 3, 1), Buffer.alloc(BLOCK_BYTES, 0x5a)]);
    const atomic = pair.start(cdb, { dataOut, lun });
    expect(logs(pair)).toBe(0);
    pair.settle();
    expect([client.outcome, atomic.outcome]).toEqual([GOOD, GOOD]);
    expect(store.bytes[3 * BLOCK_BYTES]).toBe(0x5a);
    if (lun === 0) expect(blocks(pair.destination, 3, 1).equals(old)).toBe(true);
  });

  it('a destination that another has alone is not waited for with the source held', () => {
    const pair = new StorePair();
    const dataOut = Buffer.concat([blocks(pair.destination, 3, 1), Buffer.alloc(BLOCK_BYTES, 0x5a)]);
    const atomic = pair.start([0x89, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0], { dataOut, lun: 1 });
    const client = pair.startCopy([{ blocks: 10 }]);
    expect(pair.destination.copies).toEqual([]);
    expect(pair.source.pending).toHaveLength(1);
    pair.settle();
    expect([client.outcome, atomic.outcome]).toEqual([GOOD, GOOD]);
    expect(blocks(pair.destination, 0, 10).equals(blocks(pair.source, 0, 10))).toBe(true);
  });

  it('a reset of either unit ends the copy when the stores are done', () => {
    for (const lun of [0, 1]) {
      const pair = new StorePair();
      const client = pair.startCopy([{ blocks: 10 }, { blocks: 10 }]);
      const management = pair.manage(LOGICAL_UNIT_RESET, { lun });
      expect(management.doneCount).toBe(0);
      pair.destination.endCopy();
      expect(management.doneCount).toBe(1);
      expect(client.outcome).toBe(lun === 0 ? 'aborted' : 'a/d/1');
      expect(pair.isQuiet).toBe(true);
    }
  });
});

it('at the end of the reactor a copy in the background is over when the stores are', () => {
  const pair = new StorePair();
  const header = Buffer.alloc(48);
  header[0] = 1;
  header[3] = 32;
  header[15] = 1;
  header[16] = 0xff;
  header[43] = 64;
  header[45] = 28;
  const dataOut = Buffer.concat([header, ...pair.cscds, segmentBytes({ blocks: 10 })]);
  const cdb = [0x83, 1, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(dataOut.length), 0, 0];
  expect(pair.start(cdb, { dataOut }).outcome).toBe(GOOD);
  pair.context.stopBackground();
  expect(pair.context.backgroundCopies.size).toBe(1);
  pair.destination.endCopy();
  expect(pair.context.backgroundCopies.size).toBe(0);
  expect(pair.isQuiet).toBe(true);
});

describe('what forbids a READ or a WRITE', () => {
  it('a reservation of another nexus forbids the copy, too', () => {
    for (const lun of [0, 1]) {
      const pair = new StorePair();
      const b = nexusOf('b');
      pair.device.openNexus(b);
      pair.clearAttention(b, lun);
      const client = pair.startCopy([{ blocks: 10 }, { blocks: 10, to: 20 }]);
      expect(pair.run([0x16, 0, 0, 0, 0, 0], { nexus: b, lun }).outcome).toBe(GOOD);
      pair.settle();
      expect(client.outcome).toBe('a/d/1');
      expect(blocks(pair.destination, 20, 10).every((byte) => byte === 0)).toBe(true);
    }
  });
});

describe('by token', () => {
  function populate(pair: StorePair, lba: number, count: number): Buffer {
    const list = Buffer.alloc(32);
    list.writeUInt16BE(30, 0);
    list.writeUInt16BE(16, 14);
    list.writeUInt32BE(lba, 20);
    list.writeUInt32BE(count, 24);
    expect(pair.run([0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0], { dataOut: list }).outcome).toBe(GOOD);
    const cdb = [0x84, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
    return pair.run(cdb, { dataIn: 1024 }).data.subarray(38);
  }

  function startWrite(pair: StorePair, token: Buffer, lba: number, count: number, lun = 1) {
    const list = Buffer.alloc(552);
    list.writeUInt16BE(550, 0);
    token.copy(list, 16);
    list.writeUInt16BE(16, 534);
    list.writeUInt32BE(lba, 540);
    list.writeUInt32BE(count, 544);
    return pair.start([0x83, 0x11, 0, 0, 0, 0, 0, 0, 0, 2, ...uint32(list.length), 0, 0], { dataOut: list, lun });
  }

  it('stores copy as well', () => {
    const pair = new StorePair();
    const client = startWrite(pair, populate(pair, 10, 1000), 500, 1000);
    pair.settle();
    expect(client.outcome).toBe(GOOD);
    expect(blocks(pair.destination, 500, 1000).equals(blocks(pair.source, 10, 1000))).toBe(true);
    expect(logs(pair)).toBe(0);
  });

  it('what was written while the stores copied is not taken for the token’s data', () => {
    const pair = new StorePair();
    const client = startWrite(pair, populate(pair, 10, 1000), 500, 1000);
    const write = pair.start(cdb10(0x2a, 20, 1), { dataOut: Buffer.alloc(BLOCK_BYTES, 0xaa) });
    pair.source.complete();
    pair.destination.endCopy();
    pair.settle();
    expect([write.outcome, client.outcome]).toEqual([GOOD, '5/23/6']);
    const { data } = pair.run([0x84, 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0], { dataIn: 1024, lun: 1 });
    expect(data.readBigUInt64BE(16)).toBe(0n);
  });

  it('over its own blocks goes through memory, and is right as far as it says', () => {
    const pair = new StorePair();
    pattern(BLOCK_COUNT).copy(pair.source.bytes);
    const before = blocks(pair.source, 0, 100);
    const client = startWrite(pair, populate(pair, 0, 100), 50, 100, 0);
    pair.settle();
    expect(client.outcome).toBe(GOOD); // one piece
    expect(blocks(pair.source, 50, 100).equals(before)).toBe(true);
    expect(pair.source.copies).toEqual([]);
    expect(pair.source.log).toHaveLength(2);
  });
});

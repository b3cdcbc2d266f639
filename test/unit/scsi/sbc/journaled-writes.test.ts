/** WRITE ATOMIC of more than a physical block, which goes by the unit's journal. */
import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_MEDIUM_ERROR, IO_NO_SPACE, IO_OK, IO_READ, IO_WRITE } from '../../../../src/backend/backend.ts';
import { ABORT_TASK } from '../../../../src/scsi/task/task-management.ts';
import { SEGMENT_BYTES_MAX, SlotHolder } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, type Client, type CommandOptions, cdb10, cdb16, Harness, pattern } from '../device-harness.ts';
import { MemoryJournal, recordIn } from './memory-journal.ts';

const LIMIT_BLOCKS = 2048;
const NOT_ACCESSIBLE = '2/4/3';

/** A disk with a journal; journal and store answer in turns. */
class Disk {
  readonly journal = new MemoryJournal();
  readonly harness: Harness;

  constructor(blockShift = 9) {
    this.harness = new Harness({ unit: { atomicJournal: this.journal, blockShift } });
  }

  start(cdb: readonly number[], options: CommandOptions = {}): Client {
    return this.harness.start(cdb, options);
  }

  run(cdb: readonly number[], options: CommandOptions = {}): Client {
    const client = this.start(cdb, options);
    this.settle();
    return client;
  }

  settle(): void {
    do this.harness.settle();
    while (this.journal.complete());
  }

  /** Ends what is asked of the store or of the journal, until a write is under way. */
  untilWriting(): void {
    const { backend } = this.harness;
    while (backend.pending[0]?.op !== IO_WRITE) {
      if (backend.pending.length > 0) backend.complete();
      else if (!this.journal.complete()) throw new Error('nothing goes on');
      this.harness.tick();
    }
  }

  blocks(lba: number, count: number): Buffer {
    return this.harness.backend.bytes.subarray(lba * BLOCK_BYTES, (lba + count) * BLOCK_BYTES);
  }

  get ops(): number[] {
    return this.harness.backend.log.map(({ op }) => op);
  }
}

function writeAtomic(lba: number, blocks: number, boundary = 0, flags = 0): number[] {
  const cdb = cdb16(0x9c, lba, 0, flags);
  cdb.splice(10, 4, boundary >>> 8, boundary & 0xff, blocks >>> 8, blocks & 0xff);
  return cdb;
}

describe('WRITE ATOMIC(16) with a journal', () => {
  it.each([
    [9, LIMIT_BLOCKS],
    [12, 256],
  ])('Block Limits says 1 MiB, at any place: blocks of 2^%d bytes', (blockShift, blocks) => {
    const limits = new Disk(blockShift).run([0x12, 1, 0xb0, 0, 255, 0], { dataIn: 255 }).data;
    expect([44, 48, 52, 56, 60].map((at) => limits.readUInt32BE(at))).toEqual([blocks, 1, 0, 0, 0]);
  });

  it.each([2, 9, 256, SEGMENT_BYTES_MAX / BLOCK_BYTES + 1, LIMIT_BLOCKS])(
    'writes %d blocks, recorded first',
    (blocks) => {
      const disk = new Disk();
      pattern(blocks, 1).copy(disk.blocks(7, blocks));
      disk.journal.onKeep = (record) => {
        expect(record.offsetBytes).toBe(7 * BLOCK_BYTES);
        expect(record.before.equals(pattern(blocks, 1)) && record.after.equals(pattern(blocks, 2))).toBe(true);
        expect(disk.ops).not.toContain(IO_WRITE);
      };
      const client = disk.run(writeAtomic(7, blocks), { dataOut: pattern(blocks, 2) });
      expect(client.outcome).toBe('status 0');
      expect(client.command.presentedOutBytes).toBe(blocks * BLOCK_BYTES);
      expect(disk.blocks(7, blocks).equals(pattern(blocks, 2))).toBe(true);
      expect([disk.ops[0], disk.ops.at(-1)]).toEqual([IO_FLUSH, IO_FLUSH]);
      expect(disk.journal.log).toEqual(['keep', 'clear']);
      expect(disk.harness.isQuiet).toBe(true);
    },
  );

  it('is not GOOD before the journal is clear', () => {
    const disk = new Disk();
    const client = disk.start(writeAtomic(7, 9), { dataOut: pattern(9) });
    disk.untilWriting();
    disk.harness.settle();
    expect([disk.journal.log, client.outcome]).toEqual([['keep', 'clear'], 'running']);
    disk.settle();
    expect(client.outcome).toBe('status 0');
  });

  it('one sector of 512 bytes needs no journal; two do, in one physical block too', () => {
    const disk = new Disk();
    expect(disk.run(writeAtomic(8, 1), { dataOut: pattern(1) }).outcome).toBe('status 0');
    expect(disk.journal.log).toEqual([]);
    expect(disk.run(writeAtomic(8, 2), { dataOut: pattern(2) }).outcome).toBe('status 0');
    expect(disk.journal.log).toEqual(['keep', 'clear']);
  });

  it('a logical block of 4,096 bytes is more than a sector', () => {
    const disk = new Disk(12);
    expect(disk.run(writeAtomic(1, 1), { dataOut: pattern(8) }).outcome).toBe('status 0');
    expect(disk.journal.log).toEqual(['keep', 'clear']);
  });

  it('one block more than the limit, a boundary, too little data and bad flags are refused', () => {
    const disk = new Disk();
    const tooLong = disk.run(writeAtomic(0, LIMIT_BLOCKS + 1), { dataOut: pattern(LIMIT_BLOCKS + 1) });
    expect([tooLong.outcome, tooLong.command.senseFieldPointer & 0xffff]).toEqual(['5/24/0', 12]);
    expect(disk.run(writeAtomic(0, 16, 1), { dataOut: pattern(16) }).outcome).toBe('5/24/0');
    expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(15) }).outcome).toBe('5/e/3');
    expect(disk.run(writeAtomic(0, 16, 0, 0x20), { dataOut: pattern(16) }).outcome).toBe('5/24/0');
    expect([disk.ops, disk.journal.log]).toEqual([[], []]);
  });

  it('more data than the CDB asks for is left where it is', () => {
    const disk = new Disk();
    expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(20) }).outcome).toBe('status 0');
    expect(disk.blocks(0, 16).equals(pattern(20).subarray(0, 16 * BLOCK_BYTES))).toBe(true);
    expect(disk.blocks(16, 4).every((byte) => byte === 0)).toBe(true);
  });

  it('no read and no write comes between', () => {
    const disk = new Disk();
    const write = disk.start(writeAtomic(0, 16), { dataOut: pattern(16, 1) });
    const read = disk.start(cdb10(0x28, 15, 1), { dataIn: BLOCK_BYTES });
    const plain = disk.start(cdb10(0x2a, 15, 2), { dataOut: pattern(2, 9) });
    disk.untilWriting();
    expect(disk.harness.backend.pending).toHaveLength(1);
    disk.settle();
    expect([write.outcome, read.outcome, plain.outcome]).toEqual(['status 0', 'status 0', 'status 0']);
    expect(read.data.equals(pattern(16, 1).subarray(15 * BLOCK_BYTES))).toBe(true);
    expect(disk.blocks(15, 2).equals(pattern(2, 9))).toBe(true);
  });

  it('an abort in the middle waits until all is written', () => {
    const disk = new Disk();
    const client = disk.start(writeAtomic(0, 16), { dataOut: pattern(16) });
    disk.untilWriting();
    const management = disk.harness.manage(ABORT_TASK, { target: client });
    expect(management.doneCount).toBe(0);
    disk.settle();
    expect([management.doneCount, client.outcome]).toEqual([1, 'aborted']);
    expect(disk.blocks(0, 16).equals(pattern(16))).toBe(true);
    expect(disk.journal.log).toEqual(['keep', 'clear']);
    expect(disk.harness.isQuiet).toBe(true);
  });

  it('one that waits for its data keeps no other connection waiting', () => {
    const disk = new Disk();
    const stalled = disk.start(writeAtomic(0, 16), { dataOut: pattern(16), answersDataOut: false });
    const behind = disk.start(writeAtomic(100, 16), { dataOut: pattern(16, 2) });
    Object.assign(disk.harness, { holder: new SlotHolder() });
    const other = disk.run(writeAtomic(200, 16), { dataOut: pattern(16, 3) });
    expect([other.outcome, behind.outcome]).toEqual(['status 0', 'running']);
    disk.harness.manage(ABORT_TASK, { target: stalled });
    disk.settle();
    expect([stalled.outcome, behind.outcome]).toEqual(['aborted', 'status 0']);
    expect(disk.harness.isQuiet).toBe(true);
  });

  it('one that waits for its turn can be aborted', () => {
    const disk = new Disk();
    const first = disk.start(writeAtomic(0, 16), { dataOut: pattern(16), answersDataOut: false });
    const second = disk.start(writeAtomic(100, 16), { dataOut: pattern(16) });
    disk.harness.manage(ABORT_TASK, { target: second });
    expect(second.outcome).toBe('aborted');
    first.answer();
    disk.settle();
    expect(first.outcome).toBe('status 0');
    expect(disk.harness.isQuiet).toBe(true);
  });

  it('a write that fails half way is undone', () => {
    const disk = new Disk();
    const { backend } = disk.harness;
    pattern(600, 1).copy(disk.blocks(0, 600));
    let writes = 0;
    backend.fault = ({ op }) => (op === IO_WRITE && ++writes === 2 ? IO_NO_SPACE : IO_OK);
    const client = disk.run(writeAtomic(0, 600), { dataOut: pattern(600, 2) });
    expect(client.outcome).toBe('7/27/7');
    expect(disk.blocks(0, 600).equals(pattern(600, 1))).toBe(true);
    expect(disk.journal.log).toEqual(['keep', 'clear']);
    expect(disk.run([0, 0, 0, 0, 0, 0]).outcome).toBe('status 0');
  });

  it('what is there cannot be read, or be flushed: nothing is written', () => {
    for (const failing of [IO_READ, IO_FLUSH]) {
      const disk = new Disk();
      disk.harness.backend.fault = ({ op }) => (op === failing ? IO_MEDIUM_ERROR : IO_OK);
      expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(16) }).outcome).toMatch(/^3\//);
      expect([disk.ops.includes(IO_WRITE), disk.journal.log]).toEqual([false, []]);
      expect(disk.harness.isQuiet).toBe(true);
    }
  });

  it('a journal that cannot be written ends the command, and harms nothing', () => {
    const disk = new Disk();
    disk.journal.succeeds = (what) => what === 'clear';
    expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(16) }).outcome).toBe('4/44/0');
    expect([disk.ops.includes(IO_WRITE), disk.journal.log]).toEqual([false, ['keep', 'clear']]);
    disk.journal.succeeds = () => true;
    expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(16) }).outcome).toBe('status 0');
  });

  it('a journal that cannot be cleared closes the medium: a later write would be undone at the next start', () => {
    const disk = new Disk();
    disk.journal.succeeds = (what) => what === 'keep';
    const behind = [writeAtomic(0, 16), writeAtomic(100, 16)].map((cdb) => {
      Object.assign(disk.harness, { holder: new SlotHolder() });
      return disk.start(cdb, { dataOut: pattern(16) });
    });
    const plain = disk.start(cdb10(0x2a, 3, 1), { dataOut: pattern(1) });
    disk.settle();
    expect(behind.map(({ outcome }) => outcome)).toEqual(['4/44/0', NOT_ACCESSIBLE]);
    expect(plain.outcome).toBe(NOT_ACCESSIBLE);
    expect(disk.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe(NOT_ACCESSIBLE);
    expect(disk.run([0, 0, 0, 0, 0, 0]).outcome).toBe(NOT_ACCESSIBLE);
    expect(disk.run([0x12, 0, 0, 0, 36, 0], { dataIn: 36 }).outcome).toBe('status 0');
    expect(disk.journal.complaints).toHaveLength(1);
    expect(disk.harness.isQuiet).toBe(true);
  });

  it('an undoing that fails closes the medium, and leaves the record for the next start', () => {
    const disk = new Disk();
    let isFailing = false;
    disk.harness.backend.fault = ({ op }) => {
      isFailing ||= op === IO_WRITE;
      return isFailing ? IO_MEDIUM_ERROR : IO_OK;
    };
    expect(disk.run(writeAtomic(0, 16), { dataOut: pattern(16) }).outcome).toBe('3/c/0');
    expect(disk.run([0, 0, 0, 0, 0, 0]).outcome).toBe(NOT_ACCESSIBLE);
    expect(
      recordIn(disk.journal.bytes.afterPowerLoss({ seed: 0, below: () => 0, fill: () => undefined })),
    ).not.toBeNull();
  });

  it('recovery leaves a store alone that holds neither what was there nor what was written', () => {
    const disk = new Disk();
    pattern(16, 5).copy(disk.blocks(0, 16));
    const record = { medium: '', offsetBytes: 0, before: pattern(16, 1), after: pattern(16, 2) };
    let isOver = false;
    disk.harness.unit.atomicWrites.recover(disk.harness.context, record, () => {
      isOver = true;
    });
    disk.settle();
    expect([isOver, disk.ops.includes(IO_WRITE), disk.journal.log]).toEqual([true, false, []]);
    expect(disk.run([0, 0, 0, 0, 0, 0]).outcome).toBe(NOT_ACCESSIBLE);
    expect(disk.journal.complaints).toHaveLength(1);
  });

  it('recovery mends what is left of a store that was cut', () => {
    const disk = new Disk();
    const { backend, unit, context } = disk.harness;
    const lba = unit.blockCount - 8;
    pattern(4, 2).copy(disk.blocks(lba, 4));
    pattern(8, 1).copy(disk.blocks(lba + 4, 4), 0, 4 * BLOCK_BYTES);
    unit.resize(backend.sizeBytes - 2 * BLOCK_BYTES);
    const record = { medium: '', offsetBytes: lba * BLOCK_BYTES, before: pattern(8, 1), after: pattern(4, 2) };
    unit.atomicWrites.recover(
      context,
      { ...record, after: Buffer.concat([record.after, pattern(4, 3)]) },
      () => undefined,
    );
    disk.settle();
    expect(disk.blocks(lba, 6).equals(pattern(8, 1).subarray(0, 6 * BLOCK_BYTES))).toBe(true);
    expect([unit.atomicWrites.isBroken, disk.journal.log]).toEqual([false, ['clear']]);
  });
});

/** What waits for what: through commands, as an initiator sees it. The store answers only when the test lets it. */
import { describe, expect, it } from 'vitest';
import { LOGICAL_UNIT_RESET } from '../../../src/scsi/task/task-management.ts';
import { cdb10, cdb16, Harness, pattern } from './device-harness.ts';

const read = (harness: Harness, lba: number, blocks = 1) =>
  harness.start(cdb10(0x28, lba, blocks), { dataIn: blocks * 512 });
const write = (harness: Harness, lba: number, blocks = 1) =>
  harness.start(cdb10(0x2a, lba, blocks), { dataOut: pattern(blocks) });
const orWrite = (harness: Harness, lba: number, blocks = 1) =>
  harness.start(cdb16(0x8b, lba, blocks), { dataOut: pattern(blocks) });
const lbas = (harness: Harness) => harness.backend.pending.map((io) => io.offsetBytes / 512);

describe('range locks', () => {
  it('commands that only share go on together', () => {
    const harness = new Harness();
    write(harness, 0, 4);
    read(harness, 0, 4);
    write(harness, 2, 4);
    expect(harness.backend.pending).toHaveLength(3);
    harness.settle();
  });

  it('one that excludes waits for those that share its range and for no others', () => {
    const harness = new Harness();
    write(harness, 0, 4);
    const beside = orWrite(harness, 4);
    const waiting = orWrite(harness, 3);
    expect(lbas(harness)).toEqual([0, 4]);
    harness.backend.complete(1); // what it reads; the reactor's compare buffer is free again
    expect(lbas(harness)).toEqual([0, 4]);
    harness.backend.complete(0);
    expect(lbas(harness)).toEqual([4, 3]);
    harness.settle();
    expect([beside.outcome, waiting.outcome]).toEqual(['status 0', 'status 0']);
    expect(harness.isQuiet).toBe(true);
  });

  it('nobody overtakes one that waits to exclude, so it does not wait for ever', () => {
    const harness = new Harness();
    read(harness, 0, 2);
    const alone = orWrite(harness, 1, 2);
    const late = read(harness, 2);
    const elsewhere = read(harness, 0);
    expect(lbas(harness)).toEqual([0, 0]);
    harness.backend.complete(0);
    harness.backend.complete(0);
    expect(elsewhere.isDone).toBe(true);
    expect(lbas(harness)).toEqual([1]);
    expect(late.isDone).toBe(false);
    harness.settle();
    expect([alone.outcome, late.outcome]).toEqual(['status 0', 'status 0']);
  });

  it('readers that waited for the same one begin together', () => {
    const harness = new Harness();
    orWrite(harness, 0, 8);
    for (let lba = 0; lba < 4; lba++) read(harness, lba);
    expect(lbas(harness)).toEqual([0]);
    harness.backend.complete();
    harness.backend.complete();
    expect(lbas(harness)).toEqual([0, 1, 2, 3]);
    harness.settle();
  });

  it('UNMAP and WRITE SAME wait too, UNMAP for everything between its descriptors', () => {
    const harness = new Harness();
    harness.backend.bytes.fill(0xaa);
    orWrite(harness, 50);
    const list = Buffer.alloc(40);
    list.writeUInt16BE(38, 0);
    list.writeUInt16BE(32, 2);
    list.writeBigUInt64BE(10n, 8);
    list.writeUInt32BE(1, 16);
    list.writeBigUInt64BE(90n, 24);
    list.writeUInt32BE(2, 32);
    const unmap = harness.start([0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0], { dataOut: list });
    const same = harness.start(cdb10(0x41, 50, 1), { dataOut: Buffer.alloc(512) });
    expect(lbas(harness)).toEqual([50]);
    harness.settle();
    expect([unmap.outcome, same.outcome]).toEqual(['status 0', 'status 0']);
    expect(harness.backend.bytes.subarray(50 * 512, 51 * 512).every((byte) => byte === 0)).toBe(true);
    expect(harness.isQuiet).toBe(true);
  });

  it('a waiting command holds no memory and can be aborted', () => {
    const harness = new Harness();
    const first = orWrite(harness, 0);
    const waiting = Array.from({ length: 100 }, () => write(harness, 0));
    const alone = orWrite(harness, 0);
    for (const client of waiting) harness.device.abort(client.command);
    expect(waiting.every((client) => client.outcome === 'aborted')).toBe(true);
    harness.settle();
    expect([first.outcome, alone.outcome]).toEqual(['status 0', 'status 0']);
    expect(harness.isQuiet).toBe(true);
  });

  it('a reset ends holders and waiters, and the range is free afterwards', () => {
    const harness = new Harness();
    orWrite(harness, 0);
    orWrite(harness, 0);
    read(harness, 0);
    const management = harness.manage(LOGICAL_UNIT_RESET);
    harness.settle();
    expect(management.doneCount).toBe(1);
    harness.clearAttention(harness.nexus);
    const after = orWrite(harness, 0);
    harness.settle();
    expect(after.outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });

  it('a CDB that is wrong is refused without waiting', () => {
    const harness = new Harness();
    orWrite(harness, 0);
    expect(read(harness, 8192).outcome).toBe('5/21/0');
    harness.settle();
  });
});

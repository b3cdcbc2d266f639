/**
 * What the io_uring store does with results that a healthy file does not give. The contract over real files stands in
 * test/conformance.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type BackendIo,
  IO_FLUSH,
  IO_HARDWARE_ERROR,
  IO_MEDIUM_ERROR,
  IO_NO_SPACE,
  IO_OK,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_PROTECTED,
  IO_WRITE_ZEROES,
} from '../../../src/backend/backend.ts';
import { type DiskFile, openDiskFile } from '../../../src/backend/disk/disk-file.ts';
import { PAST_PAGE_CACHE, pageCacheAccess } from '../../../src/backend/disk/page-cache-access.ts';
import { UringBackend } from '../../../src/backend/uring.ts';
import { loadNative } from '../../../src/native/binding.ts';
import {
  RING_FDATASYNC,
  RING_FIXED_FILE,
  RING_INLINE,
  RING_MAY_WAIT,
  RING_PINNED,
  RING_PUNCH_HOLE,
  RING_READ,
  RING_WRITE,
  RING_WRITE_DSYNC,
  RING_WRITE_ZEROS,
  RING_ZERO_RANGE,
  Ring,
} from '../../../src/native/ring.ts';
import { RING_LAYOUT } from '../../../src/native/ring-layout.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';
import { ScriptedRing, type Submission } from '../native/scripted-ring.ts';
import { RecordingOwner } from './recording-owner.ts';

const { EAGAIN, EINTR, EIO, ENOSPC, EOPNOTSUPP, EROFS } = constants.errno;
const MIB = 2 ** 20;
const SIZE = 64 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'gotgt-uring-'));
const memoryFolder = mkdtempSync('/dev/shm/gotgt-uring-');
afterAll(() => {
  for (const each of [folder, memoryFolder]) rmSync(each, { recursive: true });
});

describe('the io_uring store', () => {
  const memory = Buffer.alloc(MIB);
  let kernel: ScriptedRing;
  let ring: Ring<BackendIo>;
  let deferred: (() => void)[];
  let batch: TickBatch;
  let owner: RecordingOwner;
  let disks: DiskFile[];
  let notes: string[];

  beforeEach(() => {
    deferred = [];
    disks = [];
    notes = [];
    batch = new TickBatch((work) => deferred.push(work));
    kernel = new ScriptedRing(32);
    ring = new Ring<BackendIo>(kernel, memory, batch);
    owner = new RecordingOwner();
  });
  afterEach(async () => {
    for (const disk of disks) await disk.close();
  });

  async function open({
    isReadOnly = false,
    isThin = true,
    isDirect = false,
    queueDepth = 32,
    name = 'disk',
    polledRing = null as Ring<BackendIo> | null,
    readFlags = 0,
    writeFlags = 0,
  } = {}) {
    const disk = await openDisk(join(folder, name), isReadOnly, isThin);
    const access = isDirect ? PAST_PAGE_CACHE : { readFlags, writeFlags, writeUnitBytes: 4096, engine: 'test' };
    const note = (level: string, message: string): void => {
      notes.push(`${level}: ${message}`);
    };
    return new UringBackend(disk, { ring, polledRing, batch, isDirect, access, queueDepth, note });
  }

  async function openDisk(path: string, isReadOnly = false, isThin = true): Promise<DiskFile> {
    const spec = { path, sizeBytes: SIZE, blockBytes: 512, isReadOnly, isThin, isDirect: false };
    const disk = await openDiskFile(spec, { native: loadNative().native, note: () => undefined });
    disks.push(disk);
    return disk;
  }

  /** The end of the tick: what was marked is flushed. */
  function endTick(): void {
    for (const work of deferred.splice(0)) work();
  }

  /** The loop wakes: the oldest `count` submissions have `result`. Then the tick ends. */
  function wake(result: number | ((submission: Submission) => number), count = kernel.held.length): void {
    ring.deliver(kernel.complete(count, typeof result === 'number' ? () => result : result));
    endTick();
  }

  const whole = ({ lengthBytes }: Submission) => lengthBytes;
  const statuses = () => owner.ended.map(({ status }) => status);
  const held = () =>
    kernel.held.map(({ opcode, lengthBytes, offsetBytes, argument }) => [opcode, lengthBytes, offsetBytes, argument]);

  it('submits what one tick brings in one call, and ends nothing before', async () => {
    const store = await open();
    for (let i = 0; i < 8; i++) store.submit(owner.io(IO_READ, i * 4096, 4096, memory));
    kernel.answer = whole;
    expect([kernel.enters, owner.ended]).toEqual([[], []]);
    endTick();
    expect(kernel.enters).toEqual([8]);
    expect(statuses()).toEqual(new Array(8).fill(IO_OK));
  });

  it('goes on where a short transfer stopped', async () => {
    const store = await open();
    const io = owner.io(IO_WRITE, 8192, 4096, memory);
    io.memoryOffset = 512;
    store.submit(io);
    endTick();
    wake(1000);
    expect(held()).toEqual([[RING_WRITE, 3096, 9192, 1512]]);
    wake(3000);
    expect(held()).toEqual([[RING_WRITE, 96, 12192, 4512]]);
    expect(owner.ended).toEqual([]);
    wake(96);
    expect(statuses()).toEqual([IO_OK]);
  });

  it('a read that meets the end of the file is a medium error, never zeros', async () => {
    const store = await open();
    store.submit(owner.io(IO_READ, 0, 4096, memory));
    endTick();
    wake(512);
    wake(0);
    expect(statuses()).toEqual([IO_MEDIUM_ERROR]);
  });

  it.each([
    [EIO, IO_MEDIUM_ERROR],
    [ENOSPC, IO_NO_SPACE],
    [EROFS, IO_WRITE_PROTECTED],
  ])('errno %i ends a write with status %i', async (errno, status) => {
    const store = await open();
    store.submit(owner.io(IO_WRITE, 0, 4096, memory));
    endTick();
    wake(-errno);
    expect(statuses()).toEqual([status]);
  });

  it('starts an interrupted transfer again, but not for ever', async () => {
    const store = await open();
    store.submit(owner.io(IO_READ, 0, 4096, memory));
    endTick();
    wake(-EINTR);
    expect(held()).toEqual([[RING_READ, 4096, 0, 0]]);
    for (let tries = 0; tries < 100 && owner.ended.length === 0; tries++) wake(-EINTR);
    expect(statuses()).toEqual([IO_HARDWARE_ERROR]);
  });

  it('a FUA write is stable when it completes; one after lost writes is refused', async () => {
    const store = await open();
    const fua = () => Object.assign(owner.io(IO_WRITE, 0, 4096, memory), { isFua: true });
    store.submit(fua());
    endTick();
    expect(held()).toEqual([[RING_WRITE_DSYNC, 4096, 0, 0]]);
    wake(4096);
    store.submit(owner.io(IO_FLUSH, 0, 0));
    endTick();
    wake(-EIO);
    store.submit(fua());
    store.submit(owner.io(IO_FLUSH, 0, 0));
    endTick();
    expect(kernel.held).toEqual([]);
    expect(statuses()).toEqual([IO_OK, IO_HARDWARE_ERROR, IO_HARDWARE_ERROR, IO_HARDWARE_ERROR]);
  });

  it('flushes that come while one is at work share the next', async () => {
    const store = await open();
    store.submit(owner.io(IO_FLUSH, 0, 0));
    endTick();
    for (let i = 0; i < 5; i++) store.submit(owner.io(IO_FLUSH, 0, 0));
    endTick();
    expect(held()).toEqual([[RING_FDATASYNC, 0, 0, 0]]);
    wake(0);
    expect(owner.ended).toHaveLength(1);
    expect(held()).toEqual([[RING_FDATASYNC, 0, 0, 0]]);
    wake(0);
    expect(statuses()).toEqual(new Array(6).fill(IO_OK));
  });

  it('keeps what the ring or its own depth has no room for, in order, and refuses nothing', async () => {
    const store = await open({ queueDepth: 4 });
    for (let i = 0; i < 10; i++) store.submit(owner.io(IO_READ, i * 512, 512, memory));
    endTick();
    const offsets: number[] = [];
    while (kernel.held.length > 0) {
      expect(kernel.held.length).toBeLessThanOrEqual(4);
      offsets.push(...kernel.held.map(({ offsetBytes }) => offsetBytes));
      wake(whole);
    }
    expect(offsets).toEqual(Array.from({ length: 10 }, (_, index) => index * 512));
    expect(statuses()).toEqual(new Array(10).fill(IO_OK));
  });

  it('a store that finds the ring full gets its turn when another’s I/O ends', async () => {
    const first = await open();
    const second = await open({ name: 'second' });
    for (let i = 0; i < 40; i++) first.submit(owner.io(IO_READ, i * 512, 512, memory));
    second.submit(owner.io(IO_READ, 100 * 512, 512, memory));
    endTick();
    expect(kernel.held).toHaveLength(32);
    for (let turns = 0; turns < 20 && kernel.held.length > 0; turns++) wake(whole, Math.min(4, kernel.held.length));
    expect(owner.ended).toHaveLength(41);
    expect(ring.inFlight).toBe(0);
  });

  it('unmap punches a hole, and writes zeros where that is refused', async () => {
    const store = await open();
    expect(store.capabilities.canUnmap).toBe(true);
    store.submit(owner.io(IO_UNMAP, 4096, 3 * MIB));
    endTick();
    expect(held()).toEqual([[RING_PUNCH_HOLE, 0, 4096, 3 * MIB]]);
    wake(-EOPNOTSUPP);
    expect(held()).toEqual([[RING_WRITE_ZEROS, MIB, 4096, 0]]);
    wake(MIB);
    wake(MIB - 512);
    expect(held()).toEqual([[RING_WRITE_ZEROS, MIB, 2 * MIB + 4096 - 512, 0]]);
    wake(MIB);
    wake(512);
    expect(statuses()).toEqual([IO_OK]);
  });

  it('zeros keep their space unless they may be unmapped; a file system without zero range is asked once', async () => {
    const store = await open();
    const zeros = (lengthBytes: number, mayUnmap: boolean) =>
      store.submit(Object.assign(owner.io(IO_WRITE_ZEROES, 0, lengthBytes), { mayUnmap }));
    zeros(2 * MIB, true);
    zeros(4096, false);
    zeros(2 * MIB, false);
    endTick();
    expect(held().map(([opcode]) => opcode)).toEqual([RING_PUNCH_HOLE, RING_WRITE_ZEROS, RING_ZERO_RANGE]);
    wake(({ opcode, lengthBytes }) => (opcode === RING_ZERO_RANGE ? -EOPNOTSUPP : lengthBytes));
    wake(whole);
    wake(whole);
    expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK]);
    zeros(2 * MIB, false);
    endTick();
    expect(held()).toEqual([[RING_WRITE_ZEROS, MIB, 0, 0]]);
    wake(whole);
    wake(whole);
  });

  it('a thick store never gives space back', async () => {
    const store = await open({ isThin: false });
    store.submit(owner.io(IO_UNMAP, 0, 4096));
    endTick();
    expect(held()).toEqual([[RING_WRITE_ZEROS, 4096, 0, 0]]);
    wake(whole);
    expect(statuses()).toEqual([IO_OK]);
  });

  it('O_DIRECT transfers use the pinned arena', async () => {
    const store = await open({ isDirect: true });
    store.submit(owner.io(IO_READ, 0, 4096, memory));
    store.submit(owner.io(IO_WRITE, 0, 4096, memory));
    endTick();
    expect(held().map(([opcode]) => opcode)).toEqual([RING_READ | RING_PINNED, RING_WRITE | RING_PINNED]);
    expect(store.capabilities.engine).toBe('io_uring, O_DIRECT');
    wake(whole);
  });

  it('every operation finds its file by the ring’s table, and close takes it out', async () => {
    kernel.files.push(77, null);
    const store = await open({ isDirect: true });
    const fixed = RING_FIXED_FILE | (1 << RING_LAYOUT.fileIndexShift);
    const fua = owner.io(IO_WRITE, 0, 4096, memory);
    fua.isFua = true;
    store.submit(fua);
    store.submit(owner.io(IO_READ, 0, 4096, memory));
    store.submit(owner.io(IO_WRITE, 0, 4096, memory));
    store.submit(owner.io(IO_FLUSH, 0, 0));
    store.submit(owner.io(IO_UNMAP, 0, 65536));
    endTick();
    const transfers = [RING_WRITE_DSYNC, RING_READ, RING_WRITE].map((opcode) => opcode | RING_PINNED | fixed);
    const others = [RING_FDATASYNC, RING_PUNCH_HOLE | fixed];
    expect(held().map(([opcode]) => opcode)).toEqual([...transfers, ...others]);
    wake(({ opcode, lengthBytes }) => ((opcode & 255) === RING_PUNCH_HOLE ? -EOPNOTSUPP : lengthBytes));
    expect(held()).toEqual([[RING_WRITE_ZEROS | fixed, 65536, 0, 0]]);
    const [{ fd }] = kernel.held as [Submission];
    expect(kernel.files).toEqual([77, fd]);
    const closed = store.close();
    await new Promise(setImmediate);
    expect(kernel.files).toEqual([77, fd]); // a zero write is still in flight
    wake(whole);
    await closed;
    disks = [];
    expect([kernel.files, notes]).toEqual([[77, null], []]);
    expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK, IO_OK, IO_OK]);
  });

  it('a store that finds no place in the table works by its descriptor', async () => {
    kernel.files.push(77);
    const store = await open();
    store.submit(owner.io(IO_READ, 0, 4096, memory));
    endTick();
    expect(held()).toEqual([[RING_READ, 4096, 0, 0]]);
    wake(whole);
    await store.close();
    disks = [];
    expect([kernel.files, notes, statuses()]).toEqual([[77], [], [IO_OK]]);
  });

  it('a file that the kernel does not give up is noted, and closed all the same', async () => {
    kernel.files.push(null);
    kernel.unregisterResult = -EIO;
    await (await open()).close();
    disks = [];
    expect(notes).toEqual([expect.stringMatching(/^warn: .*registered file/)]);
  });

  describe('with a polled ring', () => {
    let polledKernel: ScriptedRing;
    let polledRing: Ring<BackendIo>;

    beforeEach(() => {
      polledKernel = new ScriptedRing(32);
      polledRing = new Ring<BackendIo>(polledKernel, memory, batch);
    });

    const openPolled = () => open({ isDirect: true, polledRing });
    const opcodesOf = ({ held }: ScriptedRing) => held.map(({ opcode }) => opcode);
    /** The loop turns: all that the polled ring holds has `result`. Then the tick ends. */
    function turn(result: (submission: Submission) => number, count = polledKernel.held.length): void {
      polledRing.deliver(polledKernel.complete(Math.min(count, polledKernel.held.length), result));
      endTick();
    }

    it('reads and writes go there, everything else to the other', async () => {
      kernel.files.push(null);
      polledKernel.files.push(66, null);
      const store = await openPolled();
      expect(store.capabilities.engine).toBe('io_uring, O_DIRECT, polled');
      const fua = owner.io(IO_WRITE, 8192, 4096, memory);
      fua.isFua = true;
      for (const io of [owner.io(IO_READ, 0, 4096, memory), owner.io(IO_WRITE, 4096, 4096, memory), fua])
        store.submit(io);
      store.submit(owner.io(IO_FLUSH, 0, 0));
      store.submit(owner.io(IO_UNMAP, 65536, 65536));
      store.submit(owner.io(IO_WRITE_ZEROES, 0, 4096));
      endTick();
      const place = RING_PINNED | RING_FIXED_FILE | (1 << RING_LAYOUT.fileIndexShift);
      expect(opcodesOf(polledKernel)).toEqual([RING_READ, RING_WRITE, RING_WRITE_DSYNC].map((each) => each | place));
      const others = [RING_PUNCH_HOLE, RING_WRITE_ZEROS].map((each) => each | RING_FIXED_FILE);
      expect(opcodesOf(kernel)).toEqual([RING_FDATASYNC, ...others]);
      turn(whole);
      wake(whole);
      expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK, IO_OK, IO_OK, IO_OK]);
      await store.close();
      disks = [];
      expect([kernel.files, polledKernel.files, notes]).toEqual([[null], [66, null], []]);
    });

    it('a short transfer goes on there', async () => {
      const store = await openPolled();
      store.submit(owner.io(IO_READ, 0, 4096, memory));
      endTick();
      turn(() => 512);
      expect(polledKernel.held).toMatchObject([{ lengthBytes: 3584, offsetBytes: 512, argument: 512 }]);
      turn(whole);
      expect(statuses()).toEqual([IO_OK]);
    });

    it('what a device refuses is done by the other ring, as all that follows, and told once', async () => {
      const store = await openPolled();
      for (let i = 0; i < 4; i++) store.submit(owner.io(IO_WRITE, i * 4096, 4096, memory));
      endTick();
      turn(whole, 1);
      turn(() => -EOPNOTSUPP, 2);
      expect(held()).toEqual([
        [RING_WRITE | RING_PINNED, 4096, 4096, 0],
        [RING_WRITE | RING_PINNED, 4096, 8192, 0],
      ]);
      expect(notes).toEqual([expect.stringMatching(/^warn: .*not polled/)]);
      expect(store.capabilities).toMatchObject({ engine: 'io_uring, O_DIRECT', canUnmap: true });
      store.submit(owner.io(IO_READ, 0, 4096, memory));
      endTick();
      turn(() => -EOPNOTSUPP); // the last of those that were under way
      expect(opcodesOf(polledKernel)).toEqual([]);
      expect(kernel.held).toHaveLength(4);
      wake(whole);
      expect(notes).toHaveLength(1);
      expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK, IO_OK, IO_OK]);
    });

    it('what a full queue turned away is done by the other ring, alone', async () => {
      const store = await openPolled();
      store.submit(owner.io(IO_WRITE, 0, 4096, memory));
      endTick();
      turn(() => -EAGAIN);
      expect([opcodesOf(polledKernel), held()]).toEqual([[], [[RING_WRITE | RING_PINNED, 4096, 0, 0]]]);
      store.submit(owner.io(IO_READ, 0, 4096, memory));
      endTick();
      expect(opcodesOf(polledKernel)).toEqual([RING_READ | RING_PINNED]);
      turn(whole);
      wake(whole);
      expect([statuses(), notes]).toEqual([[IO_OK, IO_OK], []]);
    });

    it('what the other ring cannot do either is an error', async () => {
      const store = await openPolled();
      store.submit(owner.io(IO_WRITE, 0, 4096, memory));
      endTick();
      turn(() => -EOPNOTSUPP);
      wake(-EOPNOTSUPP);
      expect(statuses()).toEqual([IO_HARDWARE_ERROR]);
    });

    it('the rest of a transfer that was refused in the middle is done by the other ring', async () => {
      const store = await openPolled();
      store.submit(owner.io(IO_WRITE, 0, 8192, memory));
      endTick();
      turn(() => 4096);
      turn(() => -EOPNOTSUPP);
      expect(held()).toEqual([[RING_WRITE | RING_PINNED, 4096, 4096, 4096]]);
      wake(whole);
      expect(statuses()).toEqual([IO_OK]);
    });

    it('waits for room in whichever ring has none', async () => {
      const store = await open({ isDirect: true, polledRing, queueDepth: 100 });
      const other = await open({ isDirect: true, polledRing, queueDepth: 100, name: 'other' });
      for (let i = 0; i < 40; i++) other.submit(owner.io(IO_READ, i * 512, 512, memory));
      store.submit(owner.io(IO_READ, 0, 512, memory));
      endTick();
      expect(polledKernel.held).toHaveLength(32);
      for (let turns = 0; turns < 30 && polledKernel.held.length > 0; turns++) turn(whole, 1 + (turns % 3));
      while (polledKernel.held.length > 0) turn(whole);
      expect(owner.ended).toHaveLength(41);
      expect([polledRing.inFlight, ring.inFlight]).toEqual([0, 0]);
    });
  });

  it('reads and whole pages are tried inline, anything else is the ring alone', async () => {
    const writeFlags = RING_INLINE | RING_MAY_WAIT;
    const store = await open({ readFlags: RING_INLINE, writeFlags });
    store.submit(owner.io(IO_READ, 512, 512, memory));
    store.submit(owner.io(IO_WRITE, 4096, 8192, memory));
    store.submit(owner.io(IO_WRITE, 4096, 512, memory));
    store.submit(owner.io(IO_WRITE, 512, 4096, memory));
    const fua = owner.io(IO_WRITE, 0, 4096, memory);
    fua.isFua = true;
    store.submit(fua);
    store.submit(owner.io(IO_FLUSH, 0, 0));
    endTick();
    const opcodes = () => held().map(([opcode]) => opcode);
    expect(opcodes()).toEqual([
      RING_READ | RING_INLINE,
      RING_WRITE | writeFlags,
      RING_WRITE,
      RING_WRITE,
      RING_WRITE_DSYNC,
      RING_FDATASYNC,
    ]);
    // What a plain write left over may wait for anything: the ring goes on with it.
    wake(({ lengthBytes, opcode }) => (opcode & RING_INLINE && lengthBytes === 8192 ? 4096 : lengthBytes), 6);
    expect(held()).toEqual([[RING_WRITE, 4096, 8192, 4096]]);
    wake(whole);
    expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK, IO_OK, IO_OK, IO_OK]);
  });

  it('while fallocate holds the file, no write is tried inline', async () => {
    const store = await open({ writeFlags: RING_INLINE | RING_MAY_WAIT });
    store.submit(owner.io(IO_UNMAP, 0, 65536));
    store.submit(owner.io(IO_WRITE, 65536, 4096, memory));
    endTick();
    const opcodes = () => held().map(([opcode]) => opcode);
    expect(opcodes()).toEqual([RING_PUNCH_HOLE, RING_WRITE]);
    wake(-EOPNOTSUPP, 1); // zeros are written instead, and a write may be tried again
    store.submit(owner.io(IO_WRITE, 65536, 4096, memory));
    endTick();
    expect(opcodes()).toEqual([RING_WRITE, RING_WRITE_ZEROS, RING_WRITE | RING_INLINE | RING_MAY_WAIT]);
    wake(whole);
    expect(statuses()).toEqual([IO_OK, IO_OK, IO_OK]);
  });

  it('how the page cache is used follows from the file system', async () => {
    const inline = 'io_uring, cached reads and writes inline';
    if (statfsSync(folder).type === 0xef53) {
      expect(await pageCacheAccess(await openDisk(join(folder, 'access')))).toEqual({
        readFlags: RING_INLINE,
        writeFlags: RING_INLINE | RING_MAY_WAIT,
        writeUnitBytes: 4096,
        engine: inline,
      });
    }
    const tmpfs = await pageCacheAccess(await openDisk(join(memoryFolder, 'access')));
    expect([tmpfs.readFlags, tmpfs.writeFlags, tmpfs.engine]).toEqual([0, 0, 'io_uring']);
  });

  it('a read-only store takes no write and has nothing to flush', async () => {
    await (await open()).close();
    disks = [];
    const store = await open({ isReadOnly: true });
    for (const op of [IO_WRITE, IO_UNMAP, IO_WRITE_ZEROES, IO_FLUSH] as const) {
      store.submit(owner.io(op, 0, op === IO_FLUSH ? 0 : 512, memory));
    }
    expect(owner.ended).toEqual([]);
    endTick();
    expect(kernel.held).toEqual([]);
    expect(statuses()).toEqual([IO_WRITE_PROTECTED, IO_WRITE_PROTECTED, IO_WRITE_PROTECTED, IO_OK]);
  });

  it('memory outside the arena is our own bug and stops us', async () => {
    const store = await open();
    expect(() => store.submit(owner.io(IO_READ, 0, 512, Buffer.alloc(512)))).toThrow(/arena/);
  });

  it('close waits for what is in flight', async () => {
    const store = await open();
    store.submit(owner.io(IO_READ, 0, 512, memory));
    endTick();
    let isClosed = false;
    const closed = store.close().then(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    wake(512);
    await closed;
    disks = [];
    expect(statuses()).toEqual([IO_OK]);
  });
});

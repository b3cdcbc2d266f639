/** The ring on real files: results, errors, waiting for room, and the operations of an old kernel. */
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  openRing,
  RING_CANCEL,
  RING_DEPTH_MAX,
  RING_FDATASYNC,
  RING_FSYNC,
  RING_PINNED,
  RING_PUNCH_HOLE,
  RING_READ,
  RING_WRITE,
  RING_WRITE_DSYNC,
  RING_WRITE_ZEROS,
  RING_ZERO_RANGE,
  type Ring,
  type RingOptions,
  type RingOwner,
} from '../../src/native/ring.ts';
import { describeRing, expectSentence, runChild, TEST_ARENA_BYTES } from './native-suite.ts';

const { EBADF, EINVAL, ENOSYS, EOPNOTSUPP } = os.errno;
/** <linux/io_uring.h> */
const SETUP_IOPOLL = 1;
const SETUP_SQPOLL = 2;
const BLOCK = 4096;

/** Starts I/O and resolves with each result. */
class Starter implements RingOwner<(result: number) => void> {
  readonly ring: Ring<(result: number) => void>;
  rooms = 0;
  onRoom: () => void = () => undefined;

  constructor(ring: Ring<(result: number) => void>) {
    this.ring = ring;
  }

  run(opcode: number, fd: number, lengthBytes: number, offsetBytes: number, argument = 0): Promise<number> {
    return new Promise((resolve) => {
      this.ring.start(this, resolve, opcode, fd, lengthBytes, offsetBytes, argument);
    });
  }

  onRingDone(item: (result: number) => void, result: number): void {
    item(result);
  }

  onRingRoom(): void {
    this.rooms += 1;
    this.onRoom();
  }
}

describeRing('a ring', (rig) => {
  const folder = mkdtempSync(join(tmpdir(), 'gotgt-ring-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const { memory } = rig.arena;

  function openFile(name: string, bytes: Buffer, flags = constants.O_RDWR): number {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return openSync(path, flags);
  }

  /** Through the page cache where the file system has no O_DIRECT. */
  function openDirect(name: string): number {
    try {
      return openSync(join(folder, name), constants.O_RDWR | constants.O_DIRECT);
    } catch {
      return openSync(join(folder, name), constants.O_RDWR);
    }
  }

  describe.each([
    ['with all that this kernel has', {}],
    ['with what Linux 5.1 has', { baseOpsOnly: true }],
    ['with a submission thread that is mostly asleep', { sqPollIdleMs: 1 }],
    ['with a submission thread that is mostly awake', { sqPollIdleMs: 1000 }],
    ['with a submission thread asked of Linux 5.1', { sqPollIdleMs: 1, baseOpsOnly: true }],
  ] as const)('%s', (_name, options) => {
    const { baseOpsOnly = false, sqPollIdleMs = 0 } = options as Partial<RingOptions>;
    const io = new Starter(rig.open(options));

    it('says what it has', () => {
      const { features, depth } = io.ring;
      expect(depth).toBeGreaterThanOrEqual(64);
      if (baseOpsOnly) expect(features).toMatchObject({ hasPlainReadWrite: false, hasFallocate: false, setupFlags: 0 });
      const hasThread = (features.setupFlags & SETUP_SQPOLL) !== 0;
      const isAsked = sqPollIdleMs > 0;
      expect(hasThread).toBe(isAsked && features.sqPollRefusal === 0);
      if (isAsked && baseOpsOnly) expect(features.sqPollRefusal).toBe(-ENOSYS);
    });

    it('completes every one of as many as there is room for, again and again', async () => {
      const fd = openFile('many', Buffer.alloc(64 * BLOCK, 3));
      const flags = io.ring.registerFile(fd);
      for (let round = 0; round < 8; round++) {
        const count = io.ring.depth - io.ring.inFlight;
        const results = Array.from({ length: count }, (_, index) =>
          io.run(RING_READ | flags, fd, BLOCK, (index % 64) * BLOCK, (index % 64) * BLOCK),
        );
        expect(new Set(await Promise.all(results))).toEqual(new Set([BLOCK]));
      }
      expect(memory.subarray(0, 64 * BLOCK).every((byte) => byte === 3)).toBe(true);
      expect(io.ring.unregisterFile(flags)).toBeNull();
      closeSync(fd);
    });

    it('writes and reads back, plain and stable', async () => {
      const fd = openFile('data', Buffer.alloc(4 * BLOCK));
      memory.fill('a', 0, BLOCK).fill('b', BLOCK, 2 * BLOCK);
      const written = [
        io.run(RING_WRITE, fd, BLOCK, 0, 0),
        io.run(RING_WRITE_DSYNC, fd, BLOCK, 2 * BLOCK, BLOCK),
        io.run(RING_WRITE_DSYNC | RING_PINNED, fd, BLOCK, 3 * BLOCK, BLOCK),
      ];
      expect(await Promise.all(written)).toEqual([BLOCK, BLOCK, BLOCK]);
      expect(await io.run(RING_READ, fd, 4 * BLOCK, 0, 8 * BLOCK)).toBe(4 * BLOCK);
      const expected = Buffer.concat(['a', '\0', 'b', 'b'].map((letter) => Buffer.alloc(BLOCK, letter)));
      expect(memory.subarray(8 * BLOCK, 12 * BLOCK).equals(expected)).toBe(true);
      expect(readFileSync(join(folder, 'data')).equals(expected)).toBe(true);
      closeSync(fd);
    });

    it('a read that meets the end of the file is short, then 0', async () => {
      const fd = openFile('short', Buffer.alloc(5000, 1));
      expect(await io.run(RING_READ, fd, 2 * BLOCK, 0, 0)).toBe(5000);
      expect(await io.run(RING_READ, fd, BLOCK, 5000, 0)).toBe(0);
      closeSync(fd);
    });

    it('syncs a range, a range beyond 4 GiB and the whole file', async () => {
      const fd = openFile('sync', Buffer.alloc(BLOCK));
      expect(await io.run(RING_FDATASYNC, fd, 0, 0, 0)).toBe(0);
      expect(await io.run(RING_FSYNC, fd, 0, BLOCK, BLOCK)).toBe(0);
      expect(await io.run(RING_FDATASYNC, fd, 0, 2 ** 40, 2 ** 41)).toBe(0);
      closeSync(fd);
    });

    it('punches holes, zeroes ranges and writes zeros without changing the size', async () => {
      const fd = openFile('zeros', Buffer.alloc(4 * BLOCK, 7));
      const results = [
        await io.run(RING_PUNCH_HOLE, fd, 0, 0, BLOCK),
        await io.run(RING_ZERO_RANGE, fd, 0, BLOCK, BLOCK),
      ];
      for (const result of results) expect([0, -EOPNOTSUPP]).toContain(result);
      expect(await io.run(RING_WRITE_ZEROS, fd, BLOCK, 2 * BLOCK)).toBe(BLOCK);
      const isZero = [results[0] === 0, results[1] === 0, true, false];
      const expected = Buffer.concat(isZero.map((zero) => Buffer.alloc(BLOCK, zero ? 0 : 7)));
      expect(readFileSync(join(folder, 'zeros')).equals(expected)).toBe(true);
      closeSync(fd);
    });

    it('gives the errno of each operation, and goes on behind it', async () => {
      const fd = openFile('readonly', Buffer.alloc(BLOCK, 9), constants.O_RDONLY);
      const results = await Promise.all([
        io.run(RING_READ, 9999, BLOCK, 0),
        io.run(RING_WRITE, fd, BLOCK, 0),
        io.run(RING_PUNCH_HOLE, fd, 0, 0, BLOCK),
        io.run(RING_FDATASYNC, 9999, 0, 0),
        io.run(RING_READ, fd, BLOCK, 0),
      ]);
      expect(results).toEqual([-EBADF, -EBADF, -EBADF, -EBADF, BLOCK]);
      closeSync(fd);
    });
  });

  it('a polled ring reads and writes past the page cache, or answers that this cannot be polled', async () => {
    const io = new Starter(rig.open({ isPolled: true }));
    expect(io.ring.features.setupFlags & SETUP_IOPOLL).not.toBe(0);
    const fd = openFile('polled', Buffer.alloc(8 * BLOCK, 6));
    const direct = openDirect('polled');
    memory.fill('p', BLOCK, 2 * BLOCK);
    for (const opcode of [RING_READ, RING_WRITE, RING_WRITE_DSYNC]) {
      expect([BLOCK, -EOPNOTSUPP]).toContain(await io.run(opcode, direct, BLOCK, BLOCK, BLOCK));
    }
    expect(await io.run(RING_READ, fd, BLOCK, 0)).toBe(-EOPNOTSUPP); // through the page cache
    expect(await io.run(RING_FDATASYNC, fd, 0, 0)).toBe(-EINVAL);
    expect(await io.run(RING_READ, 9999, BLOCK, 0)).toBe(-EBADF);
    for (const each of [fd, direct]) closeSync(each);
  });

  it('a registered file works without its descriptor, until it leaves the table', async () => {
    const io = new Starter(rig.open());
    const { features } = io.ring;
    const fd = openFile('registered', Buffer.alloc(2 * BLOCK, 5));
    const flags = io.ring.registerFile(fd);
    expect(flags !== 0).toBe(features.filesMax > 0);
    memory.fill('r', 0, BLOCK);
    expect(await io.run(RING_WRITE | flags, fd, BLOCK, BLOCK, 0)).toBe(BLOCK);
    expect(await io.run(RING_FDATASYNC | flags, fd, 0, 0)).toBe(0);
    expect(await io.run(RING_READ | flags, fd, 2 * BLOCK, 0, 8 * BLOCK)).toBe(2 * BLOCK);
    const expected = Buffer.concat([Buffer.alloc(BLOCK, 5), Buffer.alloc(BLOCK, 'r')]);
    expect(memory.subarray(8 * BLOCK, 10 * BLOCK).equals(expected)).toBe(true);
    expect(readFileSync(join(folder, 'registered')).equals(expected)).toBe(true);
    expect(io.ring.unregisterFile(flags)).toBeNull();
    if (flags !== 0) expect(io.ring.unregisterFile(flags)).toMatch(/errno 22/);
    expect(await io.run(RING_READ, fd, BLOCK, 0)).toBe(BLOCK);
    closeSync(fd);
  });

  it('gives out every place of the table once, and again when it is free', () => {
    const ring = rig.open();
    const { filesMax } = ring.features;
    const fd = openFile('places', Buffer.alloc(BLOCK));
    const places = Array.from({ length: filesMax }, () => ring.registerFile(fd));
    expect(new Set(places).size).toBe(filesMax);
    expect(ring.registerFile(fd)).toBe(0);
    const [, second] = places;
    if (second !== undefined) {
      expect(ring.unregisterFile(second)).toBeNull();
      expect(ring.registerFile(9999)).toBe(0);
      expect(ring.registerFile(fd)).toBe(second);
    }
    closeSync(fd);
  });

  it('a ring with what Linux 5.1 has knows no files', () => {
    const ring = rig.open({ baseOpsOnly: true });
    expect([ring.features.filesMax, ring.registerFile(0)]).toEqual([0, 0]);
  });

  it('the table is no larger than this process may have descriptors', async () => {
    const { stdout } = await runChild(
      'console.log(native.openRing(native.createArena(4096), { depth: 32 }, () => {}).features.filesMax);',
      [],
      '-n 100',
    );
    expect(Number(stdout)).toBeLessThanOrEqual(100);
  });

  it('pins the arena, or says why not; a second time too', () => {
    const ring = rig.open();
    for (const reason of [ring.pinArena(), ring.pinArena()]) if (reason !== null) expectSentence(reason);
  });

  it('gives room back to those who wait, in turn', async () => {
    const ring = rig.open<(result: number) => void>({ depth: 32 });
    const first = new Starter(ring);
    const second = new Starter(ring);
    const fd = openFile('room', Buffer.alloc(BLOCK));
    const results: Promise<number>[] = [];
    while (ring.hasRoom) results.push(first.run(RING_READ, fd, BLOCK, 0));
    expect(ring.inFlight).toBe(ring.depth);
    const late = new Promise<number>((resolve) => {
      second.onRoom = () => resolve(second.run(RING_READ, fd, BLOCK, 0));
    });
    ring.waitForRoom(second);
    expect(await Promise.all(results)).toEqual(new Array(ring.depth).fill(BLOCK));
    expect(await late).toBe(BLOCK);
    expect(second.rooms).toBe(1);
    expect(ring.inFlight).toBe(0);
    closeSync(fd);
  });

  it('cancels by token', async () => {
    const ring = rig.open<(result: number) => void>();
    const io = new Starter(ring);
    const result = await new Promise<number>((resolve) => {
      const token = ring.start(io, () => undefined, RING_READ, 9999, 1, 0, 0);
      // Whatever was first, the cancel itself is answered.
      ring.start(io, resolve, RING_CANCEL, -1, 0, 0, token);
    });
    expect(result).toBeLessThanOrEqual(0);
  });

  it('stops the process’ work rather than taking a submission outside the arena', async () => {
    const ring = rig.open<(result: number) => void>();
    const io = new Starter(ring);
    ring.start(io, () => undefined, RING_READ, 0, 2, 0, TEST_ARENA_BYTES - 1);
    expect(() => ring.flushBatch()).toThrow(/errno 22/);
    await new Promise(setImmediate); // the batch that start() asked for
  });

  it('refuses a depth that the kernel does not have, in a sentence', () => {
    for (const depth of [0, RING_DEPTH_MAX + 1]) {
      const { ring, reason } = openRing({ ...rig, depth });
      expect(ring).toBeNull();
      expect(reason).toMatch(/1 to 32768/);
    }
  });

  it('answers -EBADF, or nothing, once it is closed', () => {
    const native = rig.native.openRing(rig.arena, { depth: 32 }, () => undefined);
    if (typeof native === 'number') throw new Error(`no ring: ${native}`);
    native.close();
    native.close();
    expect(native.enter(0)).toBe(-EBADF);
    expect(native.registerArena()).toBe(-EBADF);
    expect([native.registerFile(0), native.unregisterFile(0)]).toEqual([-EBADF, 0]);
    expect(native.inFlight()).toBe(0);
  });

  it('a method called on another object throws instead of crashing', () => {
    const native = rig.native.openRing(rig.arena, { depth: 32 }, () => undefined);
    if (typeof native === 'number') throw new Error(`no ring: ${native}`);
    expect(() => native.enter.call({} as never, 0)).toThrow(TypeError);
    expect(() => native.registerFile('0' as never)).toThrow(TypeError);
    expect(() => native.unregisterFile(-1)).toThrow(TypeError);
    expect(() => new (native.constructor as new () => unknown)()).toThrow(TypeError);
    native.close();
  });
});

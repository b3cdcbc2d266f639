import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { NativeAddon, NativeArena } from '../../../src/native/native-addon.ts';
import { openRing, RING_FIXED_FILE, RING_READ, Ring, type RingOwner } from '../../../src/native/ring.ts';
import { RING_LAYOUT } from '../../../src/native/ring-layout.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';
import { ScriptedRing } from './scripted-ring.ts';

const { EINVAL, EMFILE, ENOMEM, ENOSYS, EPERM } = constants.errno;
const memory = Buffer.alloc(4096);

class Recorder implements RingOwner<string> {
  readonly log: string[] = [];
  onDone: (item: string) => void = () => undefined;

  onRingDone(item: string, result: number): void {
    this.log.push(`${item} ${result}`);
    this.onDone(item);
  }

  onRingRoom(): void {
    this.log.push('room');
  }
}

function setUp(depth = 4) {
  const deferred: (() => void)[] = [];
  const batch = new TickBatch((work) => deferred.push(work));
  const kernel = new ScriptedRing(depth);
  const ring = new Ring<string>(kernel, memory, batch);
  const recorder = new Recorder();
  const start = (item: string) => ring.start(recorder, item, RING_READ, 3, 512, 0, 0);
  const endTick = () => {
    for (const work of deferred.splice(0)) work();
  };
  return { kernel, ring, recorder, start, endTick };
}

describe('opening a ring', () => {
  const arena: NativeArena = { memory, numaNode: -1, hasHugePages: false, reason: null };

  it.each([
    [ENOSYS, /no io_uring/],
    [EPERM, /kernel\.io_uring_disabled/],
    [ENOMEM, /ulimit -l/],
    [EINVAL, /1 to 32768/],
    [EMFILE, /ulimit -n/],
    [9999, /errno 9999/],
  ])('errno %i is answered with a sentence', (errno, sentence) => {
    const native = { openRing: () => -errno } as unknown as NativeAddon;
    const { ring, reason } = openRing({ native, arena, batch: new TickBatch(() => undefined), depth: 4 });
    expect(ring).toBeNull();
    expect(reason).toMatch(sentence);
  });

  it.each([
    [0, null],
    [ENOSYS, /sqPollIdleMs.*older than 5\.11/],
    [EPERM, /CAP_SYS_NICE/],
    [9999, /errno 9999/],
  ])('a submission thread refused with errno %i is a sentence, and the ring works without', (errno, sentence) => {
    const kernel = new ScriptedRing(4);
    kernel.features.sqPollRefusal = -errno;
    const native = { openRing: () => kernel } as unknown as NativeAddon;
    const opening = openRing({ native, arena, batch: new TickBatch(() => undefined), depth: 4, sqPollIdleMs: 10 });
    expect(opening.ring).not.toBeNull();
    if (sentence === null) expect(opening.refusal).toBeNull();
    else expect(opening.refusal).toMatch(sentence);
  });

  it('delivers what the loop reports', () => {
    const kernel = new ScriptedRing(4);
    let report: (count: number) => void = () => undefined;
    const native = {
      openRing: (_arena: unknown, _options: unknown, onCompletions: (count: number) => void) => {
        report = onCompletions;
        return kernel;
      },
    } as unknown as NativeAddon;
    const { ring, reason } = openRing<string>({ native, arena, batch: new TickBatch((work) => work()), depth: 4 });
    expect(reason).toBeNull();
    const recorder = new Recorder();
    ring?.start(recorder, 'a', RING_READ, 3, 512, 0, 0);
    report(kernel.complete(1, () => 512));
    expect(recorder.log).toEqual(['a 512']);
  });
});

describe('a ring', () => {
  it('gives each result to who started it, by item, in any order', () => {
    const { kernel, recorder, ring, start, endTick } = setUp();
    for (const item of ['a', 'b', 'c']) start(item);
    endTick();
    kernel.held.reverse();
    ring.deliver(kernel.complete(3, ({ token }) => token));
    expect(recorder.log.map((line) => line.split(' ')[0])).toEqual(['c', 'b', 'a']);
    expect(ring.inFlight).toBe(0);
  });

  it('I/O started from a completion is submitted with the same tick, and disturbs no other completion', () => {
    const { kernel, recorder, ring, start, endTick } = setUp();
    recorder.onDone = (item) => {
      if (item.length === 1) start(`${item}-again`);
    };
    start('a');
    start('b');
    endTick();
    ring.deliver(kernel.complete(2, () => 512));
    expect(recorder.log).toEqual(['a 512', 'b 512']);
    endTick();
    expect(kernel.enters).toEqual([2, 2]);
    ring.deliver(kernel.complete(2, () => 1));
    expect(recorder.log.slice(2).sort()).toEqual(['a-again 1', 'b-again 1']);
  });

  it('has room for its depth, and then stops us', () => {
    const { ring, start, endTick } = setUp(4);
    for (const item of ['a', 'b', 'c', 'd']) start(item);
    expect(ring.hasRoom).toBe(false);
    expect(() => start('e')).toThrow(/room/);
    endTick();
  });

  it('stops us when the kernel refuses to work', () => {
    const { ring } = setUp();
    expect(() => ring.deliver(-EINVAL)).toThrow(`errno ${EINVAL}`);
  });

  it('answers with the flags of a registered file, with none where there is no place, and says what the kernel keeps', () => {
    const { kernel, ring } = setUp();
    expect(ring.registerFile(7)).toBe(0);
    expect(ring.unregisterFile(0)).toBeNull();
    kernel.files.push(9, null);
    const flags = ring.registerFile(7);
    expect(flags).toBe(RING_FIXED_FILE | (1 << RING_LAYOUT.fileIndexShift));
    expect(kernel.files).toEqual([9, 7]);
    expect(ring.unregisterFile(flags)).toBeNull();
    expect(kernel.files).toEqual([9, null]);
    expect(ring.unregisterFile(flags)).toMatch(`errno ${EINVAL}`);
  });

  it('says why the arena is not pinned', () => {
    const { kernel, ring } = setUp();
    expect(ring.pinArena()).toBeNull();
    kernel.registerResult = -ENOMEM;
    expect(ring.pinArena()).toMatch(/ulimit -l/);
    kernel.registerResult = -EPERM;
    expect(ring.pinArena()).toMatch(`errno ${EPERM}`);
  });
});

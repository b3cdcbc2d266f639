/** SANITIZE and FORMAT UNIT. The store answers only when the test lets it, so what runs behind a command can be watched. */
import { describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_MEDIUM_ERROR, IO_WRITE, IO_WRITE_ZEROES } from '../../../../src/backend/backend.ts';
import { OVERWRITE_MS_MIN } from '../../../../src/scsi/sbc/erase/medium-erasure.ts';
import { ABORT_TASK_SET, LOGICAL_UNIT_RESET, TARGET_RESET } from '../../../../src/scsi/task/task-management.ts';
import { ERASED_MEDIA_MAX, type UnitState, type UnitStateStore } from '../../../../src/scsi/unit/unit-state.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { BLOCK_BYTES, cdb10, Harness, pattern } from '../device-harness.ts';

const OVERWRITE = 0x01;
const BLOCK_ERASE = 0x02;
const CRYPTO_ERASE = 0x03;
const EXIT_FAILURE_MODE = 0x1f;
const IMMED = 0x80;
const AUSE = 0x20;
const UNIT_BYTES = 4 * SEGMENT_BYTES_MAX;
const PLAN = { isFormat: false, pattern: null, passes: 1, isInverting: false, mayExitFailure: false };

function sanitize(action: number, listLength = 0, flags = 0): number[] {
  return [0x48, flags | action, 0, 0, 0, 0, 0, listLength >>> 8, listLength & 0xff, 0];
}

function overwriteList(fill: Buffer, flags = 1, length = fill.length): Buffer {
  return Buffer.concat([Buffer.from([flags, 0, length >>> 8, length & 0xff]), fill]);
}

class Store implements UnitStateStore {
  readonly saved: UnitState[] = [];
  isBroken = false;

  save(state: UnitState, onSaved: (isSaved: boolean) => void): void {
    if (!this.isBroken) this.saved.push(state);
    onSaved(!this.isBroken);
  }
}

/** Says that a state is saved when the test wants it. */
class LateStore implements UnitStateStore {
  private readonly answers: ((isSaved: boolean) => void)[] = [];

  save(_state: UnitState, onSaved: (isSaved: boolean) => void): void {
    this.answers.push(onSaved);
  }

  answer(): void {
    this.answers.shift()?.(true);
  }
}

function filled(options: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness({ sizeBytes: UNIT_BYTES, ...options });
  harness.backend.bytes.fill(0x61);
  return harness;
}

const TEST_UNIT_READY = [0, 0, 0, 0, 0, 0];
const REQUEST_SENSE = [3, 0, 0, 0, 252, 0];

describe('SANITIZE', () => {
  it.each([BLOCK_ERASE, CRYPTO_ERASE])('service action %d leaves zeros and gives the space back', (action) => {
    const harness = filled();
    expect(harness.run(sanitize(action)).outcome).toBe('status 0');
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(harness.backend.log.map(({ op, lengthBytes, mayUnmap }) => [op, lengthBytes, mayUnmap])).toEqual([
      [IO_WRITE_ZEROES, UNIT_BYTES, true],
      [IO_FLUSH, 0, false],
    ]);
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });

  it.each([1, 4, 7, 512])('OVERWRITE repeats a pattern of %d bytes in every block', (length) => {
    const harness = filled();
    const fill = pattern(1, 3).subarray(0, length);
    const list = overwriteList(fill);
    expect(harness.run(sanitize(OVERWRITE, list.length), { dataOut: list }).outcome).toBe('status 0');
    const block = Buffer.from(Array.from({ length: BLOCK_BYTES }, (_, at) => fill[at % length]!));
    for (const lba of [0, 1, 511, 512, UNIT_BYTES / BLOCK_BYTES - 1]) {
      expect(harness.backend.bytes.subarray(lba * BLOCK_BYTES, (lba + 1) * BLOCK_BYTES).equals(block)).toBe(true);
    }
    expect(harness.isQuiet).toBe(true);
  });

  it('OVERWRITE makes as many passes as it says, every other inverted', () => {
    const harness = filled();
    const list = overwriteList(Buffer.from([0x0f]), 0x80 | 2);
    expect(harness.run(sanitize(OVERWRITE, list.length), { dataOut: list }).outcome).toBe('status 0');
    expect(harness.backend.log.filter(({ op }) => op === IO_WRITE)).toHaveLength(8);
    expect(harness.backend.bytes.every((byte) => byte === 0xf0)).toBe(true);
  });

  it.each([0, 1, 4, 517, 0xffff])('OVERWRITE refuses a list of %d bytes', (length) => {
    const harness = filled();
    const client = harness.run(sanitize(OVERWRITE, length), { dataOut: Buffer.alloc(length, 1) });
    expect(client.outcome).toBe('5/24/0');
    expect(harness.backend.log).toEqual([]);
  });

  it('OVERWRITE refuses a count of zero, a test pattern, and a pattern length of zero or beyond the list', () => {
    const harness = filled();
    const fill = Buffer.alloc(8, 1);
    for (const list of [
      overwriteList(fill, 0),
      overwriteList(fill, 0x21),
      overwriteList(fill, 1, 0),
      overwriteList(fill, 1, 9),
    ]) {
      expect(harness.run(sanitize(OVERWRITE, list.length), { dataOut: list }).outcome).toBe('5/26/0');
    }
    expect(harness.run(sanitize(OVERWRITE, 12), { dataOut: Buffer.alloc(11, 1) }).outcome).toBe('5/1a/0');
    expect(harness.backend.log).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });

  it('the others refuse any list; unknown service actions and reserved bits are refused', () => {
    const harness = filled();
    for (const action of [BLOCK_ERASE, CRYPTO_ERASE, EXIT_FAILURE_MODE]) {
      expect(harness.run(sanitize(action, 8), { dataOut: Buffer.alloc(8) }).outcome).toBe('5/24/0');
    }
    for (const action of [0, 4, 0x1e]) expect(harness.run(sanitize(action)).outcome).toBe('5/24/0');
    expect(harness.run(sanitize(BLOCK_ERASE, 0, 0x40)).outcome).toBe('5/24/0');
    expect(harness.backend.log).toEqual([]);
  });

  it('a write protected unit is not erased, and BLOCK ERASE needs a thin one', () => {
    expect(filled({ unit: { isReadOnly: true } }).run(sanitize(BLOCK_ERASE)).outcome).toBe('7/27/0');
    expect(filled({ unit: { isThin: false } }).run(sanitize(BLOCK_ERASE)).outcome).toBe('5/24/0');
  });

  it('while it runs the medium is not ready, and progress shows', () => {
    const harness = filled();
    const list = overwriteList(Buffer.from([1]));
    const client = harness.start(sanitize(OVERWRITE, list.length, IMMED), { dataOut: list });
    expect(client.outcome).toBe('status 0');
    harness.backend.complete();
    for (const cdb of [TEST_UNIT_READY, cdb10(0x28, 0, 1), [0x1b, 0, 0, 0, 1, 0], sanitize(BLOCK_ERASE)]) {
      const refused = harness.start(cdb, { dataIn: 512 });
      expect(refused.outcome).toBe('2/4/1b');
      expect(refused.command.senseFieldPointer).toBe(16384);
    }
    const sense = harness.start(REQUEST_SENSE, { dataIn: 252 });
    expect([...sense.data.subarray(12, 18)]).toEqual([0x04, 0x1b, 0, 0x80, 0x40, 0x00]);
    for (const cdb of [
      [0x12, 0, 0, 0, 96, 0],
      [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0],
    ]) {
      expect(harness.start(cdb, { dataIn: 96 }).outcome).toBe('status 0');
    }
    harness.settle();
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(harness.isQuiet).toBe(true);
  });

  it('waits for the writes that are at work, and those behind it wait or are refused', () => {
    const harness = filled();
    const before = harness.start(cdb10(0x2a, 0, 1), { dataOut: pattern(1) });
    const erase = harness.start(sanitize(BLOCK_ERASE, 0, IMMED));
    const behind = harness.start(cdb10(0x2a, 1, 1), { dataOut: pattern(1) });
    expect(erase.isDone).toBe(false);
    harness.backend.complete();
    expect([before.outcome, erase.outcome, behind.outcome]).toEqual(['status 0', 'status 0', '2/4/1b']);
    harness.settle();
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('neither abort nor reset ends it', () => {
    const harness = filled();
    const erase = harness.start(sanitize(BLOCK_ERASE));
    harness.device.abort(erase.command);
    harness.manage(LOGICAL_UNIT_RESET);
    harness.clearAttention(harness.nexus);
    expect(harness.run([0x12, 0, 0, 0, 96, 0], { dataIn: 96 }).outcome).toBe('status 0');
    harness.settle();
    expect(erase.outcome).toBe('aborted');
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it('after a failure all is refused but SANITIZE; EXIT FAILURE MODE is refused without AUSE', () => {
    const harness = filled();
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(sanitize(BLOCK_ERASE)).outcome).toBe('3/31/3');
    expect(harness.run(cdb10(0x28, 0, 1), { dataIn: 512 }).outcome).toBe('3/31/3');
    expect(harness.run(sanitize(EXIT_FAILURE_MODE)).outcome).toBe('5/24/0');
    expect(harness.run(sanitize(BLOCK_ERASE, 0, AUSE)).outcome).toBe('5/24/0');
    harness.backend.fault = () => 0;
    expect(harness.run(sanitize(BLOCK_ERASE)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it('with AUSE the failure can be left', () => {
    const harness = filled();
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(sanitize(BLOCK_ERASE, 0, AUSE)).outcome).toBe('3/31/3');
    harness.backend.fault = () => 0;
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('3/31/3');
    expect(harness.run(sanitize(EXIT_FAILURE_MODE)).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(harness.run(sanitize(EXIT_FAILURE_MODE)).outcome).toBe('status 0');
  });
});

describe('EXIT FAILURE MODE that is being saved', () => {
  const FAILED = { plan: { ...PLAN, mayExitFailure: true }, medium: '', isFailed: true };
  const broken = (stateStore: UnitStateStore) =>
    filled({ unit: { stateStore, savedState: { erasures: [FAILED], savedModes: null } } });

  it('comes to its end before another erasure begins', () => {
    const stateStore = new LateStore();
    const harness = broken(stateStore);
    const exit = harness.start(sanitize(EXIT_FAILURE_MODE));
    const erase = harness.start(sanitize(BLOCK_ERASE));
    expect(harness.unit.erasure.isRunning).toBe(false);
    stateStore.answer();
    expect(exit.outcome).toBe('status 0');
    expect(harness.unit.erasure.isRunning).toBe(true);
    for (let i = 0; i < 2; i++) {
      stateStore.answer();
      harness.settle();
    }
    expect(erase.outcome).toBe('status 0');
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(harness.isQuiet).toBe(true);
  });

  it('is enough for a second one', () => {
    const stateStore = new LateStore();
    const harness = broken(stateStore);
    const exits = [harness.start(sanitize(EXIT_FAILURE_MODE)), harness.start(sanitize(EXIT_FAILURE_MODE))];
    stateStore.answer();
    expect(exits.map(({ outcome }) => outcome)).toEqual(['status 0', 'status 0']);
  });

  it('is refused when an erasure was asked for before it', () => {
    const stateStore = new LateStore();
    const harness = broken(stateStore);
    const erase = harness.start(sanitize(OVERWRITE, 6), { dataOut: overwriteList(Buffer.from([1, 2])) });
    const exit = harness.start(sanitize(EXIT_FAILURE_MODE));
    expect(harness.unit.erasure.isRunning).toBe(true);
    expect(exit.outcome).toBe('2/4/1b');
    for (let i = 0; i < 2; i++) {
      stateStore.answer();
      harness.settle();
    }
    expect(erase.outcome).toBe('status 0');
  });
});

describe('an erasure over a restart', () => {
  it('is saved before the first block is erased and when it has ended', () => {
    const stateStore = new Store();
    const harness = filled({ unit: { stateStore } });
    harness.start(sanitize(BLOCK_ERASE, 0, IMMED));
    expect(stateStore.saved.map(({ erasures }) => erasures[0]?.isFailed)).toEqual([false]);
    harness.settle();
    expect(stateStore.saved.map(({ erasures }) => erasures[0]?.isFailed)).toEqual([false, undefined]);
  });

  it('begins anew with the unit', () => {
    const stateStore = new Store();
    const plan = { isFormat: false, pattern: Buffer.from([7]), passes: 1, isInverting: false, mayExitFailure: false };
    const savedState: UnitState = { erasures: [{ plan, medium: '', isFailed: false }], savedModes: null };
    const harness = filled({ unit: { stateStore, savedState }, keepsAttention: true });
    harness.start(TEST_UNIT_READY);
    expect(harness.start(TEST_UNIT_READY).outcome).toBe('2/4/1b');
    harness.settle();
    expect(harness.backend.bytes.every((byte) => byte === 7)).toBe(true);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(stateStore.saved).toEqual([{ erasures: [], savedModes: null }]);
  });

  it('does not begin on another medium than it was begun on', () => {
    const plan = { isFormat: false, pattern: Buffer.from([7]), passes: 1, isInverting: false, mayExitFailure: false };
    const savedState: UnitState = { erasures: [{ plan, medium: '/one.img', isFailed: false }], savedModes: null };
    const another = filled({ unit: { savedState, mediumName: '/another.img', isRemovable: true } });
    const before = Buffer.from(another.backend.bytes);
    expect(another.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(another.backend.bytes.equals(before)).toBe(true);
    const one = filled({ unit: { savedState, mediumName: '/one.img', isRemovable: true }, keepsAttention: true });
    one.settle();
    expect(one.backend.bytes.every((byte) => byte === 7)).toBe(true);
  });

  it('begins anew when the medium that it was begun on is back in the drive', () => {
    const first = new Store();
    const begun = filled({ unit: { isRemovable: true, mediumName: '/a.img', stateStore: first } });
    begun.start(sanitize(BLOCK_ERASE, 0, IMMED));
    const savedState = first.saved.at(-1)!;
    const harness = filled({ unit: { isRemovable: true, mediumName: '/b.img', stateStore: new Store(), savedState } });
    harness.unit.ejectMedium();
    harness.unit.changeMedium(begun.backend, { mediumName: '/a.img', isReadOnly: false, isThin: true });
    harness.run(TEST_UNIT_READY);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/4/1b');
    begun.backend.pending.splice(0, 1); // of the daemon that is no more
    while (begun.backend.pending.length > 0) begun.backend.complete();
    expect(begun.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(harness.backend.log).toEqual([]);
    expect(harness.unit.erasure.current).toBeNull();
  });

  it('is kept for each medium by itself', () => {
    const stateStore = new Store();
    const plan = { isFormat: true, pattern: null, passes: 1, isInverting: false, mayExitFailure: false };
    const a = { plan, medium: '/a.img', isFailed: false };
    const c = { plan, medium: '/c.img', isFailed: true };
    const savedState: UnitState = { erasures: [a, c], savedModes: null };
    const unit = { isRemovable: true, mediumName: '/b.img', stateStore, savedState };
    const harness = filled({ unit });
    const media = () => stateStore.saved.at(-1)!.erasures.map(({ medium, isFailed }) => `${medium} ${isFailed}`);
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(sanitize(BLOCK_ERASE, 0, AUSE)).outcome).toBe('3/31/3');
    expect(media()).toEqual(['/a.img false', '/c.img true', '/b.img true']);
    harness.backend.fault = () => 0;
    expect(harness.run(sanitize(EXIT_FAILURE_MODE)).outcome).toBe('status 0');
    expect(media()).toEqual(['/a.img false', '/c.img true']);
    expect(harness.run(sanitize(BLOCK_ERASE)).outcome).toBe('status 0');
    expect(media()).toEqual(['/a.img false', '/c.img true']);
    // A start with the first in the drive finishes it, and leaves what is known of the other.
    const later = { ...unit, mediumName: '/a.img', savedState: stateStore.saved.at(-1)! };
    const again = filled({ unit: later, keepsAttention: true });
    again.settle();
    expect(again.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(media()).toEqual(['/c.img true']);
  });

  it('of more media than can be remembered does not begin', () => {
    const plan = { isFormat: true, pattern: null, passes: 1, isInverting: false, mayExitFailure: false };
    const erasures = Array.from({ length: ERASED_MEDIA_MAX }, (_, i) => ({ plan, medium: `/${i}`, isFailed: true }));
    const unit = { isRemovable: true, mediumName: '/b.img', savedState: { erasures, savedModes: null } };
    const harness = filled({ unit });
    expect(harness.run(sanitize(BLOCK_ERASE)).outcome).toBe('4/44/0');
    expect(harness.backend.log).toEqual([]);
    const known = filled({ unit: { ...unit, mediumName: '/0' }, keepsAttention: true });
    known.run(TEST_UNIT_READY);
    expect(known.run(sanitize(BLOCK_ERASE)).outcome).toBe('status 0');
  });

  it('stays failed', () => {
    const plan = { isFormat: false, pattern: null, passes: 1, isInverting: false, mayExitFailure: true };
    const harness = filled({
      unit: { savedState: { erasures: [{ plan, medium: '', isFailed: true }], savedModes: null } },
      keepsAttention: true,
    });
    harness.run(TEST_UNIT_READY);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('3/31/3');
    expect(harness.backend.log).toEqual([]);
  });

  it('does not begin when it cannot be saved', () => {
    const stateStore = new Store();
    stateStore.isBroken = true;
    const harness = filled({ unit: { stateStore } });
    expect(harness.run(sanitize(BLOCK_ERASE, 0, IMMED)).outcome).toBe('4/44/0');
    expect(harness.backend.log).toEqual([]);
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it('submits nothing more once the reactor ends, and holds nothing', () => {
    const harness = filled();
    const list = overwriteList(Buffer.from([1]));
    harness.start(sanitize(OVERWRITE, list.length, IMMED), { dataOut: list });
    harness.context.stopBackground();
    harness.settle();
    expect(harness.backend.log).toHaveLength(1);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('FORMAT UNIT', () => {
  const format = (flags = 0) => [0x04, flags, 0, 0, 0, 0];

  it('without data leaves zeros', () => {
    const harness = filled();
    expect(harness.run(format()).outcome).toBe('status 0');
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('with IMMED runs behind the command, and TEST UNIT READY says so', () => {
    const harness = filled();
    const client = harness.start(format(0x10), { dataOut: Buffer.from([0, 0x02, 0, 0]) });
    expect(client.outcome).toBe('status 0');
    expect(harness.start(TEST_UNIT_READY).outcome).toBe('2/4/4');
    harness.settle();
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });

  it('takes an initialization pattern, behind the short and the long header', () => {
    const harness = filled();
    const short = Buffer.from([0, 0x88, 0, 0, 0, 1, 0, 2, 0xab, 0xcd]);
    expect(harness.run(format(0x10), { dataOut: short }).outcome).toBe('status 0');
    expect(harness.backend.bytes.readUInt32BE(UNIT_BYTES - 4)).toBe(0xabcdabcd);
    const long = Buffer.from([0, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x55]);
    expect(harness.run(format(0x30), { dataOut: long }).outcome).toBe('status 0');
    expect(harness.backend.bytes.every((byte) => byte === 0x55)).toBe(true);
  });

  it('refuses protection information, defect lists, and lists that are short or lie', () => {
    const harness = filled();
    for (const [flags, list, outcome] of [
      [0x80, [], '5/24/0'],
      [0x20, [], '5/24/0'],
      [0x08, [], '5/24/0'],
      [0x10, [0, 0, 0], '5/1a/0'],
      [0x30, [0, 0, 0, 0, 0, 0, 0], '5/1a/0'],
      [0x10, [1, 0x80, 0, 0], '5/26/0'],
      [0x10, [0, 0x80, 0, 8], '5/26/0'],
      [0x30, [0, 0x80, 0, 0, 0, 0, 0, 8], '5/26/0'],
      [0x30, [0, 0x80, 0, 1, 0, 0, 0, 0], '5/26/0'],
      [0x10, [0, 0x88, 0, 0], '5/1a/0'],
      [0x10, [0, 0x88, 0, 0, 0, 2, 0, 1, 9], '5/26/0'],
      [0x10, [0, 0x88, 0, 0, 0, 1, 0, 0], '5/26/0'],
      [0x10, [0, 0x88, 0, 0, 0, 1, 2, 1, 9], '5/26/0'],
      [0x10, [0, 0x88, 0, 0, 0, 1, 0, 2, 9], '5/1a/0'],
      [0x10, [0, 0x88, 0, 0, 0x20, 1, 0, 1, 9], '5/26/0'],
    ] as const) {
      const client = harness.run(format(flags), { dataOut: Buffer.from(list) });
      expect([flags, ...list, client.outcome]).toEqual([flags, ...list, outcome]);
    }
    expect(harness.backend.log).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });

  it('that fails leaves the medium inaccessible until one succeeds', () => {
    const harness = filled();
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    expect(harness.run(format()).outcome).toBe('3/31/1');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('3/31/1');
    harness.backend.fault = () => 0;
    expect(harness.run(format()).outcome).toBe('status 0');
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
  });
});

describe('SANITIZE with timers', () => {
  /** What waits, and for how many milliseconds. */
  function timed(sizeBytes = UNIT_BYTES) {
    const harness = filled({ sizeBytes });
    const waiting: { readonly ms: number; readonly work: () => void }[] = [];
    harness.context.delay = (ms, work) => waiting.push({ ms, work });
    return { harness, waiting };
  }
  const overwrite = (harness: Harness) =>
    harness.start(sanitize(OVERWRITE, 8), { dataOut: overwriteList(Buffer.from('abcd')) });

  it('OVERWRITE is in progress for OVERWRITE_MS_MIN, over a reset too', () => {
    const { harness, waiting } = timed();
    const client = overwrite(harness);
    harness.settle();
    expect(waiting.map(({ ms }) => ms)).toEqual([OVERWRITE_MS_MIN]);
    expect([client.isDone, harness.run(TEST_UNIT_READY).outcome]).toEqual([false, '2/4/1b']);
    harness.manage(LOGICAL_UNIT_RESET);
    harness.run(REQUEST_SENSE, { dataIn: 252 });
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/4/1b');
    waiting[0]!.work();
    harness.settle();
    expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
    expect(harness.backend.log.at(-1)?.op).toBe(IO_FLUSH);
  });

  it.each([ABORT_TASK_SET, LOGICAL_UNIT_RESET, TARGET_RESET] as const)(
    'task management function %d ends the command alone',
    (tmf) => {
      const { harness, waiting } = timed();
      const client = overwrite(harness);
      harness.settle();
      harness.manage(tmf);
      expect(client.outcome).toBe('aborted');
      harness.run(REQUEST_SENSE, { dataIn: 252 });
      expect(harness.run(TEST_UNIT_READY).outcome).toBe('2/4/1b');
      waiting[0]!.work();
      harness.settle();
      expect(harness.run(TEST_UNIT_READY).outcome).toBe('status 0');
      expect(harness.backend.bytes.subarray(0, 8).toString()).toBe('abcdabcd');
      expect(harness.isQuiet).toBe(true);
    },
  );

  it('a store that takes longer adds nothing', () => {
    const { harness, waiting } = timed();
    const client = overwrite(harness);
    harness.nowMs += OVERWRITE_MS_MIN;
    harness.settle();
    expect([waiting.length, client.outcome]).toEqual([0, 'status 0']);
  });

  it('BLOCK ERASE and CRYPTO ERASE are over as soon as they can', () => {
    const { harness, waiting } = timed();
    for (const action of [BLOCK_ERASE, CRYPTO_ERASE]) expect(harness.run(sanitize(action)).outcome).toBe('status 0');
    expect(waiting).toHaveLength(0);
  });

  it('nothing is submitted any more when the reactor has ended meanwhile', () => {
    const { harness, waiting } = timed();
    overwrite(harness);
    harness.settle();
    const before = harness.backend.log.length;
    harness.context.stopBackground();
    waiting[0]!.work();
    harness.settle();
    expect(harness.backend.log).toHaveLength(before);
  });
});

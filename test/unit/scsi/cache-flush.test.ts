/**
 * A reset, and the start of the daemon, bring back saved mode parameters. Where those end the write cache or protect the medium,
 * nothing that was acknowledged from the cache may be lost behind an initiator that reads WCE zero.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { IO_FLUSH, IO_MEDIUM_ERROR, IO_OK, IO_WRITE } from '../../../src/backend/backend.ts';
import {
  LOGICAL_UNIT_RESET,
  TARGET_RESET,
  type TaskManagementFunction,
} from '../../../src/scsi/task/task-management.ts';
import type { SavedModes } from '../../../src/scsi/unit/mode-parameters.ts';
import { cdb10, Harness, nexusOf, pattern } from './device-harness.ts';

const GOOD = 'status 0';
const RESET = '6/29/3';
const MODES_CHANGED = '6/2a/1';
const other = nexusOf('b');

/** A disk whose saved parameters are `savedModes`, with a write in its cache and both initiators at work. */
function cached(savedModes: SavedModes, isCacheOn = true): Harness {
  const harness = new Harness({ unit: { savedState: { erasures: [], savedModes } } });
  harness.unit.setModes({ ...harness.unit.modes, isWriteCacheEnabled: isCacheOn, isWriteProtected: false });
  harness.device.openNexus(other);
  harness.clearAttention(other);
  expect(write(harness)).toBe(GOOD);
  harness.backend.log.length = 0;
  return harness;
}

function write(harness: Harness, nexus = harness.nexus): string {
  return harness.run(cdb10(0x2a, 0, 1), { dataOut: pattern(1), nexus }).outcome;
}

function startWrite(harness: Harness, lba = 0) {
  return harness.start(cdb10(0x2a, lba, 1), { dataOut: pattern(1), nexus: other });
}

/** WCE as MODE SENSE tells it. */
function wce(harness: Harness, pageControl = 0): boolean {
  const cdb = [0x1a, 0x08, (pageControl << 6) | 0x08, 0, 255, 0];
  return (harness.start(cdb, { dataIn: 255, nexus: other }).data[6]! & 0x04) !== 0;
}

/** MODE SELECT of the Caching page. */
function select(harness: Harness, isCacheOn: boolean) {
  const dataOut = harness.start([0x1a, 0x08, 0x08, 0, 255, 0], { dataIn: 255, nexus: other }).data;
  dataOut.fill(0, 0, 4);
  dataOut[6] = isCacheOn ? dataOut[6]! | 0x04 : dataOut[6]! & ~0x04;
  return harness.start([0x15, 0x10, 0, 0, dataOut.length, 0], { dataOut, nexus: other });
}

function attentions(harness: Harness, nexus = other): string[] {
  const told: string[] = [];
  for (let outcome = ''; outcome !== GOOD; told.push(outcome)) outcome = harness.start([0x00], { nexus }).outcome;
  return told.slice(0, -1);
}

const ops = ({ backend }: Harness) => backend.log.map(({ op, isFua }) => [op, isFua]);

describe.each<[string, TaskManagementFunction]>([
  ['LOGICAL UNIT RESET', LOGICAL_UNIT_RESET],
  ['a reset of the target', TARGET_RESET],
])('%s that ends the write cache', (_, fn) => {
  let harness: Harness;
  beforeEach(() => {
    harness = cached({ isWriteCacheEnabled: false, isDescriptorSense: true });
  });

  it('flushes before WCE reads zero, and before it is answered', () => {
    const reset = harness.manage(fn);
    expect([attentions(harness), reset.doneCount, wce(harness), wce(harness, 3)]).toEqual([[RESET], 0, true, false]);
    expect(harness.unit.modes.isDescriptorSense).toBe(true); // the others are back at once
    expect(ops(harness)).toEqual([[IO_FLUSH, false]]);
    harness.settle();
    expect([reset.doneCount, reset.response, attentions(harness), wce(harness)]).toEqual([
      1,
      0,
      [MODES_CHANGED],
      false,
    ]);
    expect(attentions(harness, harness.nexus)).toEqual([RESET, MODES_CHANGED]);
    expect(write(harness)).toBe(GOOD);
    expect(ops(harness).at(-1)).toEqual([IO_WRITE, true]);
  });

  it('leaves no write in the cache that comes while it flushes', () => {
    const old = startWrite(harness, 4);
    harness.manage(fn);
    attentions(harness);
    const client = startWrite(harness, 5);
    expect(ops(harness)).toEqual([
      [IO_WRITE, false],
      [IO_FLUSH, false],
      [IO_WRITE, true],
    ]);
    harness.settle();
    expect([old.outcome, client.outcome]).toEqual(['aborted', GOOD]);
  });

  it('leaves WCE one, and says so, when the flush fails: what was acknowledged may be lost', () => {
    harness.backend.fault = ({ op }) => (op === IO_FLUSH ? IO_MEDIUM_ERROR : IO_OK);
    const reset = harness.manage(fn);
    harness.settle();
    expect([reset.doneCount, attentions(harness), wce(harness)]).toEqual([1, [RESET], true]);
    expect(write(harness, other)).toBe(GOOD);
    expect(ops(harness).at(-1)).toEqual([IO_WRITE, false]);
    expect(harness.run(cdb10(0x35, 0, 0), { nexus: other }).outcome).toMatch(/^3\//);
    // The next one tries again.
    harness.backend.fault = () => IO_OK;
    harness.manage(fn);
    harness.settle();
    attentions(harness);
    expect(wce(harness)).toBe(false);
  });

  it('twice in a row flushes once, and both are answered then', () => {
    const resets = [harness.manage(fn), harness.manage(fn)];
    expect(resets.map(({ doneCount }) => doneCount)).toEqual([0, 0]);
    harness.settle();
    expect(resets.map(({ doneCount }) => doneCount)).toEqual([1, 1]);
    expect(ops(harness)).toEqual([[IO_FLUSH, false]]);
    attentions(harness);
    expect(wce(harness)).toBe(false);
  });

  it('does not overrule who chooses a cache meanwhile', () => {
    harness.manage(fn);
    attentions(harness);
    expect(select(harness, true).outcome).toBe(GOOD);
    startWrite(harness);
    expect(ops(harness).at(-1)).toEqual([IO_WRITE, false]);
    harness.settle();
    expect([attentions(harness), wce(harness)]).toEqual([[], true]);
  });

  it('after somebody has chosen a cache flushes again, for what was written since', () => {
    harness.manage(fn);
    attentions(harness);
    select(harness, true);
    startWrite(harness);
    harness.backend.complete(1);
    const again = harness.manage(fn);
    attentions(harness);
    harness.backend.complete();
    expect([again.doneCount, wce(harness)]).toEqual([0, true]);
    expect(ops(harness).at(-1)).toEqual([IO_FLUSH, false]);
    harness.settle();
    attentions(harness);
    expect([again.doneCount, wce(harness)]).toEqual([1, false]);
  });

  it('lets MODE SELECT end the cache with a flush of its own, and fail by itself', () => {
    harness.manage(fn);
    attentions(harness);
    const flushes: number[] = [];
    harness.backend.fault = ({ op }) => (op === IO_FLUSH && flushes.push(op) === 2 ? IO_MEDIUM_ERROR : IO_OK);
    const client = select(harness, false);
    harness.settle();
    expect(client.outcome).toMatch(/^3\//);
    attentions(harness);
    expect(wce(harness)).toBe(false);
  });
});

describe('a reset', () => {
  it('flushes before a medium counts as protected that was not', () => {
    const harness = cached({ isWriteProtected: true });
    const reset = harness.manage(LOGICAL_UNIT_RESET);
    expect(attentions(harness)).toEqual([RESET]);
    expect([write(harness, other), reset.doneCount]).toEqual(['7/27/0', 1]);
    expect(ops(harness)).toEqual([[IO_FLUSH, false]]);
    expect(wce(harness)).toBe(true);
  });

  it.each([
    ['nothing changes the cache', {}, true],
    ['there was none', { isWriteCacheEnabled: false, isWriteProtected: true }, false],
    ['it begins', { isWriteCacheEnabled: true }, false],
  ])('is answered at once, without a flush, when %s', (_, savedModes, isCacheOn) => {
    const harness = cached(savedModes, isCacheOn);
    expect(harness.manage(LOGICAL_UNIT_RESET).doneCount).toBe(1);
    expect(ops(harness)).toEqual([]);
  });
});

describe('the start', () => {
  const start = (savedModes: SavedModes) => {
    const harness = new Harness({ unit: { savedState: { erasures: [], savedModes } }, keepsAttention: true });
    const ready: boolean[] = [];
    harness.unit.powerOn(() => ready.push(harness.unit.modes.isWriteCacheEnabled));
    return { harness, ready };
  };

  it('with WCE zero flushes what was written from a cache before', () => {
    const { harness, ready } = start({ isWriteCacheEnabled: false });
    expect([ready, ops(harness)]).toEqual([[], [[IO_FLUSH, false]]]);
    harness.settle();
    expect(ready).toEqual([false]);
    expect(attentions(harness, harness.nexus)).toEqual(['6/29/0']);
  });

  it('with WCE zero has a cache, and says so, when that cannot be flushed', () => {
    const { harness, ready } = start({ isWriteCacheEnabled: false });
    harness.backend.fault = () => IO_MEDIUM_ERROR;
    harness.settle();
    expect(ready).toEqual([true]);
    expect(harness.unit.savedModes.isWriteCacheEnabled).toBe(false);
  });

  it('with WCE one does not wait', () => {
    const { harness, ready } = start({});
    expect([ready, ops(harness)]).toEqual([[true], []]);
  });
});

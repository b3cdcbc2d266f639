import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadNative } from '../../../src/native/binding.ts';
import { layoutDifferences, RING_LAYOUT } from '../../../src/native/ring-layout.ts';

describe('loading the addon', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'gotgt-binding-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function putAddon(bytes: string): void {
    mkdirSync(join(root, 'build/Release'), { recursive: true });
    writeFileSync(join(root, 'build/Release/gotgt_native.node'), bytes);
  }

  it('GOTGT_NATIVE=off is the reason when it is set, also where there is an addon', () => {
    expect(loadNative({ GOTGT_NATIVE: 'off' })).toEqual({ native: null, reason: 'GOTGT_NATIVE=off' });
  });

  it('any other value of GOTGT_NATIVE changes nothing', () => {
    expect(loadNative({ GOTGT_NATIVE: 'on' }, root).reason).toMatch(/was not built/);
  });

  it('says that the addon was not built where there is none', () => {
    expect(loadNative({}, root)).toEqual({ native: null, reason: expect.stringMatching(/was not built .*liburing/) });
  });

  it('gives the linker’s first line when the file is damaged', () => {
    putAddon('this is no shared object');
    const { native, reason } = loadNative({}, root);
    expect(native).toBeNull();
    expect(reason).toMatch(/^the native addon does not load: [^\n]+$/);
  });
});

describe('the ring layout', () => {
  it('fits when every number is the same', () => {
    expect(layoutDifferences({ ...RING_LAYOUT })).toEqual([]);
  });

  it('names each number that differs, is missing or is new', () => {
    const { version, ...rest } = RING_LAYOUT;
    expect(layoutDifferences({ ...rest, opRead: 77, opNew: 1 })).toEqual(['opNew', 'opRead', 'version']);
    expect(version).toBeGreaterThan(0);
  });

  it('differs from an addon that has none', () => {
    expect(layoutDifferences({})).toHaveLength(Object.keys(RING_LAYOUT).length);
  });
});

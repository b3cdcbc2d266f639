/**
 * Suites over the addon. With GOTGT_NATIVE=off, without an addon, or where the kernel forbids io_uring, a suite becomes a
 * test of the answer that the daemon gets instead, and of what it then does without.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/binding.ts';
import type { NativeAddon, NativeArena } from '../../src/native/native-addon.ts';
import { openRing, type Ring, type RingOptions } from '../../src/native/ring.ts';
import { TickBatch } from '../../src/util/tick-batch.ts';
import { PATIENCE_MS } from '../patience.ts';

export const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const TEST_ARENA_BYTES = 1048576;

/** Runs `suite` with the addon, or tests that its absence is explained. */
export function describeNative(name: string, suite: (native: NativeAddon) => void): void {
  const { native, reason } = loadNative();
  describe(name, () => {
    if (native !== null) suite(native);
    else it('is done without the addon, for a reason in one sentence', () => expectSentence(reason));
  });
}

export interface RingRig {
  readonly native: NativeAddon;
  readonly arena: NativeArena;
  readonly batch: TickBatch;
  /** Opens a ring that is closed after the suite. */
  open<Item>(options?: Partial<RingOptions>): Ring<Item>;
}

/** Runs `suite` where io_uring works, or tests that its absence is explained. */
export function describeRing(name: string, suite: (rig: RingRig) => void): void {
  describeNative(name, (native) => {
    const arena = native.createArena(TEST_ARENA_BYTES);
    const batch = new TickBatch((work) => process.nextTick(work));
    const opened: Ring<unknown>[] = [];
    const tried = openRing({ native, arena, batch, depth: 1 });
    if (tried.ring === null) {
      it('is done without io_uring, for a reason in one sentence', () => expectSentence(tried.reason));
      return;
    }
    opened.push(tried.ring);
    afterAll(() => {
      for (const ring of opened) ring.close();
    });
    suite({
      native,
      arena,
      batch,
      open: <Item>(options = {}): Ring<Item> => {
        const { ring } = openRing<Item>({ native, arena, batch, depth: 64, ...options });
        if (ring === null) throw new Error('a second ring does not open');
        opened.push(ring);
        return ring;
      },
    });
  });
}

export function expectSentence(reason: string | null): void {
  expect(reason).toMatch(/^[^\n]{10,300}[^.\n]$/);
}

/** The file that binding.ts loads. */
export function addonPath(): string {
  const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as { resolve(root: string): string };
  return nodeGypBuild.resolve(PACKAGE_ROOT);
}

export interface ChildResult {
  /** Exit code or signal. */
  readonly end: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs CommonJS `script` in a process of its own, where `native` is the addon.
 * @param limits options of ulimit(1) for it
 */
export function runChild(script: string, flags: readonly string[] = [], limits = '-c 0'): Promise<ChildResult> {
  const source = `const native = require(${JSON.stringify(addonPath())});\n${script}`;
  const command = ['-c', `ulimit ${limits} && exec "$@"`, 'sh', process.execPath, ...flags, '-e', source];
  const child = spawn('sh', command, { timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ end: signal ?? code, stdout: stdout.trim(), stderr }));
  });
}

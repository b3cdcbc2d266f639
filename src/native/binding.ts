/**
 * The only loader of the addon. Whoever gets no addon gets one sentence instead and does its work on node:fs and node:net.
 * Loading keeps nothing: each caller (a reactor, a test) asks once and passes the answer down.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from './native-addon.ts';
import { layoutDifferences } from './ring-layout.ts';

export interface NativeLoad {
  readonly native: NativeAddon | null;
  /** Why there is no addon, one sentence without a full stop; null when there is. */
  readonly reason: string | null;
}

/** Where prebuilds/ and build/ lie: two folders up from src/native and from dist/native alike. */
const PACKAGE_ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param env GOTGT_NATIVE=off does without the addon
 * @param packageRoot the folder that holds prebuilds/ or build/Release
 */
export function loadNative(env: NodeJS.ProcessEnv = process.env, packageRoot: string = PACKAGE_ROOT): NativeLoad {
  const { GOTGT_NATIVE } = env;
  if (GOTGT_NATIVE === 'off') return without('GOTGT_NATIVE=off');
  const require = createRequire(import.meta.url);
  const nodeGypBuild = require('node-gyp-build') as NodeGypBuild;
  let path: string;
  try {
    path = nodeGypBuild.resolve(packageRoot);
  } catch {
    // node-gyp-build says "not found" by throwing; its message lists platform tags that help nobody here.
    return without('the native addon was not built (it needs a C++ compiler and liburing; see npm run build:native)');
  }
  return loadFile(path, require);
}

interface NodeGypBuild {
  resolve(root: string): string;
}

function loadFile(path: string, require: NodeJS.Require): NativeLoad {
  let native: NativeAddon;
  try {
    native = require(path) as NativeAddon;
  } catch (cause) {
    // The dynamic linker's refusal: another architecture, an older libc, a damaged file.
    return without(`the native addon does not load: ${firstLine(cause)}`);
  }
  const differences = layoutDifferences(native.layout ?? {});
  if (differences.length === 0) return { native, reason: null };
  return without(`the native addon was built from other sources (${differences.join(', ')} differ); build it again`);
}

function without(reason: string): NativeLoad {
  return { native: null, reason };
}

function firstLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n', 1)[0] as string;
}

/** Every kind of store by its scheme, and how each is opened. */
import type { Ring } from '../native/ring.ts';
import { type Backend, BackendError, type BackendIo } from './backend.ts';
import { openFileBackend } from './file.ts';
import { NullBackend } from './null.ts';
import type { StorageContext, StorageSpec } from './storage-spec.ts';
import { openUring } from './uring.ts';

export interface BackendContext extends StorageContext {
  /** The reactor's, over the arena that every BackendIo.memory is; null where there is none. */
  readonly ring: Ring<BackendIo> | null;
  /** The reactor's second, over the same arena, whose completions are looked for; null where none was asked for. */
  readonly polledRing: Ring<BackendIo> | null;
  /** Why there is no ring, a sentence without a full stop; null when there is one. */
  readonly ringReason: string | null;
}

type Opener = (spec: StorageSpec, context: BackendContext) => Promise<Backend>;

const OPENERS: ReadonlyMap<string, Opener> = new Map<string, Opener>([
  ['file', openFileBackend],
  ['iouring', openIouring],
  ['null', async (spec, { batch }) => new NullBackend(spec, batch)],
]);

export const STORAGE_SCHEMES: readonly string[] = [...OPENERS.keys()];

/** Opens the store that `spec` names. Rejects with BackendError; then nothing of it stays open, locked or half made. */
export async function openBackend(spec: StorageSpec, context: BackendContext): Promise<Backend> {
  const opener = OPENERS.get(spec.scheme);
  if (opener === undefined) {
    const known = STORAGE_SCHEMES.join(', ');
    throw new BackendError('NOT_SUPPORTED', `there is no store of the kind "${spec.scheme}"; known are ${known}`);
  }
  return opener(spec, context);
}

async function openIouring(spec: StorageSpec, context: BackendContext): Promise<Backend> {
  const { native, ring, ringReason, note } = context;
  if (native !== null && ring !== null) return openUring(spec, { ...context, native, ring });
  note('warn', 'io_uring is not used for this storage, node:fs is', { path: spec.path, reason: ringReason });
  return openFileBackend(spec, context);
}

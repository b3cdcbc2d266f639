/**
 * What a store needs around it to be tested: a reactor's batch, arena and pool, the addon and a ring where there are any
 * (GOTGT_NATIVE=off does without), and a folder for its files.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Backend,
  BackendIo,
  IO_FLUSH,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_ZEROES,
  type IoOp,
  type IoOwner,
} from '../../../src/backend/backend.ts';
import type { BackendContext } from '../../../src/backend/registry.ts';
import type { Note, StorageSpec } from '../../../src/backend/storage-spec.ts';
import { loadNative } from '../../../src/native/binding.ts';
import { openRing, type Ring, type RingOpening } from '../../../src/native/ring.ts';
import { arenaBytes, type Slot, type SlotClass, SlotHolder, SlotPool } from '../../../src/util/slot-pool.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';

/** One holder gets half of a class: 512 small slots, 16 large ones. */
const CLASSES: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 1024 },
  { capacityBytes: 262144, count: 32 },
];

/** Less than the contract has in flight, so that stores wait for room too. */
const RING_DEPTH = 256;
const NO_ADDON: RingOpening<BackendIo> = { ring: null, reason: 'there is no addon', refusal: null };

export interface Transfer {
  readonly op: IoOp;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly slot?: Slot;
  readonly isFua?: boolean;
  readonly mayUnmap?: boolean;
}

/** How the rings are opened. */
export interface RigRings {
  readonly sqPollIdleMs?: number;
  /** There is a polled ring too. */
  readonly isPolled?: boolean;
}

export class BackendRig {
  readonly native = loadNative().native;
  readonly batch = new TickBatch((work) => process.nextTick(work));
  readonly notes: string[] = [];
  readonly note: Note = (_level, message) => this.notes.push(message);
  readonly folder: string;
  readonly pool: SlotPool;
  readonly ring: Ring<BackendIo> | null;
  readonly ringReason: string | null;
  readonly polledRing: Ring<BackendIo> | null;
  private readonly holder = new SlotHolder();

  constructor(parentFolder = tmpdir(), { sqPollIdleMs = 0, isPolled = false }: RigRings = {}) {
    this.folder = mkdtempSync(join(parentFolder, 'gotgt-backend-'));
    const bytes = arenaBytes(CLASSES);
    const { native, batch } = this;
    const arena = native === null ? null : native.createArena(bytes);
    const memory = arena === null ? Buffer.alloc(bytes) : arena.memory;
    const open = (options: RigRings): RingOpening<BackendIo> =>
      native === null || arena === null ? NO_ADDON : openRing({ native, arena, batch, depth: RING_DEPTH, ...options });
    const opening = open({ sqPollIdleMs });
    this.ring = opening.ring;
    this.ringReason = opening.reason;
    this.polledRing = isPolled ? open({ isPolled }).ring : null;
    this.pool = new SlotPool(memory, CLASSES, this.batch);
  }

  get context(): BackendContext {
    const { batch, native, ring, polledRing, ringReason, note } = this;
    return { batch, native, ring, polledRing, ringReason, note };
  }

  /** After every store has been closed. */
  close(): void {
    this.ring?.close();
    this.polledRing?.close();
    rmSync(this.folder, { recursive: true });
  }

  spec(scheme: string, changes: Partial<StorageSpec> = {}): StorageSpec {
    return {
      scheme,
      path: join(this.folder, 'disk.img'),
      sizeBytes: 64 * 2 ** 20,
      blockBytes: 512,
      isReadOnly: false,
      isThin: true,
      isDirect: false,
      queueDepth: null,
      ...changes,
    };
  }

  takeSlot(lengthBytes: number): Slot {
    const slot = this.pool.take(lengthBytes, this.holder);
    if (slot === null) throw new Error('the test holds too many slots');
    return slot;
  }
}

/** Submits I/O and remembers what must not happen: an end before submit() returned, or a second one. */
export class Submitter implements IoOwner {
  /** What went wrong, for the test to find empty. */
  readonly faults: string[] = [];
  private readonly backend: Backend;
  private readonly waiting = new Map<BackendIo, (io: BackendIo) => void>();
  private isSubmitting = false;

  constructor(backend: Backend) {
    this.backend = backend;
  }

  get inFlight(): number {
    return this.waiting.size;
  }

  submit(transfer: Transfer): Promise<BackendIo> {
    const io = new BackendIo(this);
    io.op = transfer.op;
    io.offsetBytes = transfer.offsetBytes;
    io.lengthBytes = transfer.lengthBytes;
    io.isFua = transfer.isFua ?? false;
    io.mayUnmap = transfer.mayUnmap ?? false;
    io.slot = transfer.slot ?? null;
    io.memory = io.slot?.memory ?? null;
    io.memoryOffset = io.slot?.dataOffset ?? 0;
    const done = new Promise<BackendIo>((resolve) => this.waiting.set(io, resolve));
    this.isSubmitting = true;
    this.backend.submit(io);
    this.isSubmitting = false;
    return done;
  }

  onIoDone(io: BackendIo): void {
    if (this.isSubmitting) this.faults.push('an I/O ended before submit returned');
    const resolve = this.waiting.get(io);
    if (resolve === undefined) this.faults.push('an I/O ended twice');
    this.waiting.delete(io);
    resolve?.(io);
  }

  read(offsetBytes: number, lengthBytes: number, slot: Slot): Promise<BackendIo> {
    return this.submit({ op: IO_READ, offsetBytes, lengthBytes, slot });
  }

  write(offsetBytes: number, lengthBytes: number, slot: Slot, isFua = false): Promise<BackendIo> {
    return this.submit({ op: IO_WRITE, offsetBytes, lengthBytes, slot, isFua });
  }

  flush(): Promise<BackendIo> {
    return this.submit({ op: IO_FLUSH, offsetBytes: 0, lengthBytes: 0 });
  }

  unmap(offsetBytes: number, lengthBytes: number): Promise<BackendIo> {
    return this.submit({ op: IO_UNMAP, offsetBytes, lengthBytes });
  }

  writeZeroes(offsetBytes: number, lengthBytes: number, mayUnmap: boolean): Promise<BackendIo> {
    return this.submit({ op: IO_WRITE_ZEROES, offsetBytes, lengthBytes, mayUnmap });
  }
}

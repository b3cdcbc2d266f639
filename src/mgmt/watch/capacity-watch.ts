/**
 * Sees that a store has become larger or smaller while it is served (a file was lengthened, a volume extended), and has its
 * logical unit say so. Where the configuration names a size, that is what is served: the file grows when the configuration
 * says so, and what grows by itself does not change the disk. Nothing is ever made smaller from here.
 */
import { BackendError } from '../../backend/backend.ts';
import type { Note } from '../../backend/storage-spec.ts';
import type { LogicalUnit } from '../../scsi/unit/logical-unit.ts';
import type { StorageConfig } from '../config/configuration.ts';

/** How long a disk that has grown goes unnoticed at the most. */
export const CAPACITY_CHECK_MS = 5000;

export interface WatchedStorage {
  readonly unit: LogicalUnit;
  /** As it is served now. */
  storage: StorageConfig;
}

export class CapacityWatch {
  private readonly note: Note;
  private readonly checkMs: number;
  private readonly watched: Watched[] = [];
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(note: Note, checkMs: number = CAPACITY_CHECK_MS) {
    this.note = note;
    this.checkMs = checkMs;
  }

  watch(served: WatchedStorage): void {
    this.watched.push(new Watched(served, this.note));
    this.timer ??= setInterval(() => this.checkIdle(), this.checkMs).unref();
  }

  /** Looks at every store now. */
  async check(): Promise<void> {
    await Promise.all(this.watched.map((watched) => watched.check()));
  }

  /** Takes over the sizes of a configuration that was read again, and looks at every store. What cannot be is in the log. */
  async takeSizes(storages: readonly StorageConfig[]): Promise<void> {
    await Promise.all(
      this.watched.map((watched) => {
        // A drive whose medium could not be changed keeps the size of the one that is in it.
        const { identityKey, path } = watched.served.storage;
        const changed = storages.find((storage) => storage.identityKey === identityKey && storage.path === path);
        return changed === undefined ? watched.check() : watched.takeSize(changed.sizeBytes);
      }),
    );
  }

  /** The stores are about to be closed. */
  stop(): void {
    this.isStopped = true;
    if (this.timer !== null) clearInterval(this.timer);
    for (const watched of this.watched) watched.isStopped = true;
  }

  /** A store that does not answer is not asked again meanwhile. */
  private checkIdle(): void {
    if (this.isStopped) return;
    for (const watched of this.watched) {
      if (!watched.isBusy) void watched.check();
    }
  }
}

/** What was found does not fit what was asked for. */
type Fault = string | null;

class Watched {
  readonly served: WatchedStorage;
  isStopped = false;
  private readonly note: Note;
  /** What is asked of the store, one thing after the other. */
  private work: Promise<void> = Promise.resolve();
  private workCount = 0;
  /** The complaint that was logged last: it is not repeated with every check. */
  private lastFault: Fault = null;

  constructor(served: WatchedStorage, note: Note) {
    this.served = served;
    this.note = note;
  }

  get isBusy(): boolean {
    return this.workCount > 0;
  }

  check(): Promise<void> {
    return this.afterOthers(async () => {
      this.complain(await this.look(this.served.storage.sizeBytes, null));
    });
  }

  /** @param sizeBytes of the configuration; null: all that is there */
  takeSize(sizeBytes: number | null): Promise<void> {
    if (sizeBytes === this.served.storage.sizeBytes) return this.check();
    return this.afterOthers(async () => {
      const fault = await this.look(sizeBytes, sizeBytes);
      if (fault === null) this.served.storage = { ...this.served.storage, sizeBytes };
      else this.complain(`the size stays as it was: ${fault}`);
    });
  }

  private afterOthers(step: () => Promise<void>): Promise<void> {
    this.workCount += 1;
    this.work = this.work.then(step).finally(() => {
      this.workCount -= 1;
    });
    return this.work;
  }

  /**
   * Measures the store and has the unit take its size.
   * @param configuredBytes what may be served of it; null: all
   * @param wantedBytes what a smaller file is lengthened to; null: nothing
   */
  private async look(configuredBytes: number | null, wantedBytes: number | null): Promise<Fault> {
    const { unit } = this.served;
    const { backend } = unit;
    if (!isSettled(unit)) return wantedBytes === null ? null : 'its medium is being erased or changed';
    let isBytes: number;
    try {
      isBytes = await backend.measure(wantedBytes);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return error.message;
    }
    if (this.isStopped || unit.backend !== backend || !isSettled(unit)) return null;
    return this.take(isBytes - (isBytes % unit.blockBytes), configuredBytes);
  }

  private take(sizeBytes: number, configuredBytes: number | null): Fault {
    const { unit, storage } = this.served;
    if (sizeBytes === 0) return 'not one block is left of it; it is served as it was, and what is gone cannot be read';
    if (configuredBytes !== null && sizeBytes > configuredBytes) {
      return (
        `it has ${sizeBytes} bytes, its configured size is ${configuredBytes}; the rest is not served until the configuration ` +
        'says so, and a disk that is served is not made smaller'
      );
    }
    const fromBytes = unit.sizeBytes;
    if (sizeBytes === fromBytes) return null;
    unit.resize(sizeBytes);
    const { deviceID, path } = storage;
    const level = sizeBytes < fromBytes ? 'warn' : 'info';
    this.note(level, 'a storage has another size now', { deviceID, path, fromBytes, sizeBytes });
    return null;
  }

  private complain(fault: Fault): void {
    const { deviceID, path } = this.served.storage;
    if (fault !== null && fault !== this.lastFault) this.note('warn', fault, { deviceID, path });
    this.lastFault = fault;
  }
}

/** What erases a medium, or changes it, has begun with the size it has. */
function isSettled({ erasure, isMediumChanging }: LogicalUnit): boolean {
  return !erasure.isRunning && !isMediumChanging;
}

/** Looks from time to time whether slots are short, and who keeps them then (iscsi/protocol/full-feature/peer-watch.ts). */
import type { TargetRegistry } from '../../iscsi/protocol/session/target-registry.ts';
import type { SlotPool } from '../../util/slot-pool.ts';

export const SLOT_WATCH_MS = 1000;

/** Who waits for a slot says so once: as many looks later peers are still hurried that had their data in a store before. */
export const HURRIED_LOOKS = 10;

export class SlotWatch {
  private readonly pool: SlotPool;
  private readonly registry: Pick<TargetRegistry, 'hurry'>;
  private readonly timer: NodeJS.Timeout;
  private looksLeft = 0;

  /** Looks every SLOT_WATCH_MS until stop(). */
  constructor(pool: SlotPool, registry: Pick<TargetRegistry, 'hurry'>) {
    this.pool = pool;
    this.registry = registry;
    // The process ends without waiting for it.
    this.timer = setInterval(() => this.look(), SLOT_WATCH_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    if (this.pool.takeStarvation()) this.looksLeft = HURRIED_LOOKS;
    if (this.looksLeft === 0) return;
    this.looksLeft -= 1;
    this.registry.hurry();
  }
}

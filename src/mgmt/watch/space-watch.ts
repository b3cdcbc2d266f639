/**
 * Looks from time to time whether thin units have reached a threshold (scsi/sbc/provisioning/provisioning.ts): what others take of the
 * file system below them, no write of theirs shows.
 */
import type { LogicalUnit } from '../../scsi/unit/logical-unit.ts';

export const SPACE_WATCH_MS = 5000;

export class SpaceWatch {
  private readonly units: LogicalUnit[] = [];
  private timer: NodeJS.Timeout | null = null;

  /** Looks at once, and every SPACE_WATCH_MS until stop(). */
  add(unit: LogicalUnit): void {
    this.units.push(unit);
    unit.provisioning.lookIfWatched();
    // The process ends without waiting for it.
    this.timer ??= setInterval(() => this.look(), SPACE_WATCH_MS).unref();
  }

  /** Before the stores are closed. */
  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private look(): void {
    for (const unit of this.units) unit.provisioning.lookIfWatched();
  }
}

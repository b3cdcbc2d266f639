/**
 * The device clock of a logical unit, which REPORT TIMESTAMP reads: the system's clock until an initiator sets it, and then that
 * time and what has passed since. Neither a reset nor the loss of an I_T nexus changes it; a new start does.
 */
import type { WallClock } from '../../util/clock.ts';

/** Milliseconds since 1970 have six bytes in a timestamp. */
export const TIMESTAMP_MAX = 2 ** 48 - 1;

export class DeviceClock {
  /** What SET TIMESTAMP said, null while nobody has, and when by the monotonic clock: the system's may be put right later. */
  private setTimestamp: number | null = null;
  private setAtMs = 0;

  /** TIMESTAMP ORIGIN. */
  get origin(): number {
    return this.setTimestamp === null ? ORIGIN_OUTSIDE : ORIGIN_SET_TIMESTAMP;
  }

  timestamp(clock: WallClock): number {
    const ms = this.setTimestamp === null ? clock.epochMs() : this.setTimestamp + clock.nowMs() - this.setAtMs;
    return Math.max(0, Math.floor(ms)) % (TIMESTAMP_MAX + 1);
  }

  set(clock: WallClock, timestamp: number): void {
    this.setTimestamp = timestamp;
    this.setAtMs = clock.nowMs();
  }
}

// SPC-4 6.38
const ORIGIN_SET_TIMESTAMP = 0x02;
/** By other means than SET TIMESTAMP. */
const ORIGIN_OUTSIDE = 0x03;

/**
 * The NOP-In by which a Response Fence asks what one connection has delivered (RFC 7143 4.2.2.3, 11.19). The answer lies behind all
 * that is on its way in both directions: where that moves it is waited for, and where nothing does the connection is dead.
 */
import { NO_TAG } from '../../codec/constants.ts';
import type { PhaseHost } from '../connection/phase.ts';
import { TIMER_FENCE } from '../connection/sink.ts';

const TICK_MS = 2000;

/**
 * Ticks in a row in which nothing moves. With the first, in which the NOP-In itself leaves, 10 s: less than initiators wait for
 * the answer to a reset, which comes by another connection of theirs.
 */
const SILENT_TICKS_MAX = 4;

/** 30 s, which is what initiators give a command: so long the answers of all others wait for one that is busy. */
const TICKS_MAX = 15;

export class FenceProbe {
  private readonly host: PhaseHost;
  /** What the answer repeats; NO_TAG when none is waited for. */
  private targetTransferTag = NO_TAG;
  private tickCount = 0;
  private silentTickCount = 0;

  constructor(host: PhaseHost) {
    this.host = host;
  }

  ask(targetTransferTag: number): void {
    this.targetTransferTag = targetTransferTag;
    this.tickCount = 0;
    this.silentTickCount = 0;
    this.host.writer.nopIn(0, 0, NO_TAG, targetTransferTag, null);
    this.host.armTimer(TIMER_FENCE, TICK_MS);
  }

  /** An answer has come, perhaps that of another NOP-In. */
  onAnswer(targetTransferTag: number): void {
    if (targetTransferTag !== this.targetTransferTag) return;
    this.targetTransferTag = NO_TAG;
    this.host.armTimer(TIMER_FENCE, 0);
  }

  onTimer(): void {
    this.tickCount += 1;
    this.silentTickCount = this.host.takeHasMoved() ? 0 : this.silentTickCount + 1;
    if (this.tickCount === TICKS_MAX || this.silentTickCount === SILENT_TICKS_MAX) {
      return this.host.close('keepalive-timeout');
    }
    this.host.armTimer(TIMER_FENCE, TICK_MS);
  }
}

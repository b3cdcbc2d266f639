/**
 * The NOP-In by which a Response Fence asks what one connection has delivered (RFC 7143 4.2.2.3, 11.19). The answer lies behind all
 * that is on its way in both directions: while that moves it is waited for, and where nothing does the connection is dead.
 */
import { NO_TAG } from '../../codec/constants.ts';
import type { PhaseHost } from '../connection/phase.ts';
import { TIMER_FENCE, TIMER_SILENCE } from '../connection/sink.ts';

/** Less than initiators wait for the answer to a reset, which comes by another connection of theirs. */
const SILENCE_MS = 8000;

/** What initiators give a command: so long the answers of all connections wait for one that is busy. */
const ANSWER_MS = 30_000;

export class FenceProbe {
  private readonly host: PhaseHost;
  /** What the answer repeats; NO_TAG when none is waited for. */
  private targetTransferTag = NO_TAG;

  constructor(host: PhaseHost) {
    this.host = host;
  }

  ask(targetTransferTag: number): void {
    this.targetTransferTag = targetTransferTag;
    this.host.writer.nopIn(0, 0, NO_TAG, targetTransferTag, null);
    this.host.armTimer(TIMER_SILENCE, SILENCE_MS);
    this.host.armTimer(TIMER_FENCE, ANSWER_MS);
  }

  /** An answer has come, perhaps that of another NOP-In. */
  onAnswer(targetTransferTag: number): void {
    if (targetTransferTag !== this.targetTransferTag) return;
    this.targetTransferTag = NO_TAG;
    this.host.armTimer(TIMER_SILENCE, 0);
    this.host.armTimer(TIMER_FENCE, 0);
  }
}

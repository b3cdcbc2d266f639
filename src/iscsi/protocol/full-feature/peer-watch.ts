/**
 * Whether a peer that others wait for is alive. A Response Fence waits for all that this connection has delivered, and asks by a NOP-In
 * (RFC 7143 4.2.2.3, 11.19), whose answer lies behind what is on its way in both directions. And where slots are short, everybody waits
 * for the peers that do not take what is sent to them, or do not send what they were asked for. While something moves it is
 * waited for; where nothing does the connection is dead.
 */
import { NO_TAG } from '../../codec/constants.ts';
import type { PhaseHost } from '../connection/phase.ts';
import { TIMER_FENCE, TIMER_SILENCE } from '../connection/sink.ts';

/** Less than initiators wait for the answer to a reset, which comes by another connection of theirs. */
const SILENCE_MS = 8000;

/** What initiators give a command: so long the answers of all connections wait for one that is busy. */
const ANSWER_MS = 30_000;

export class PeerWatch {
  private readonly host: PhaseHost;
  /** Whether slots wait for this peer. */
  private readonly keepsSlots: () => boolean;
  /** What the answer to the NOP-In repeats; NO_TAG when none is waited for. */
  private targetTransferTag = NO_TAG;
  private isHurried = false;

  constructor(host: PhaseHost, keepsSlots: () => boolean) {
    this.host = host;
    this.keepsSlots = keepsSlots;
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
    if (!this.isHurried) this.host.armTimer(TIMER_SILENCE, 0);
    this.host.armTimer(TIMER_FENCE, 0);
  }

  /** Others lack the slots that this peer keeps. */
  hurry(): void {
    if (this.isHurried || !this.keepsSlots()) return;
    this.isHurried = true;
    if (this.targetTransferTag === NO_TAG) this.host.armTimer(TIMER_SILENCE, SILENCE_MS);
  }

  /** Nothing has moved for SILENCE_MS. */
  onSilence(): void {
    if (this.targetTransferTag !== NO_TAG || this.keepsSlots()) return this.host.close('keepalive-timeout');
    this.isHurried = false;
    this.host.armTimer(TIMER_SILENCE, 0);
  }
}

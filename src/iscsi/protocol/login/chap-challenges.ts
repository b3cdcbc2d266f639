/**
 * The challenges that are out for an answer, over all connections. An initiator must not hand one of them back to have us
 * compute the response it owes (RFC 7143 9.2.1, reflection), be it on the same connection or on another.
 */

/**
 * Logins that wait for their CHAP_R at one time: the connections of two full portals. Past it the oldest is forgotten, which
 * belongs to a connection that went away without an answer.
 */
export const CHALLENGES_MAX = 8192;

/** Told of every challenge; asked whether one that an initiator sends is ours. */
export interface OutstandingChallenges {
  issue(challenge: Uint8Array): void;
  /** An answer has come; the challenge is never used again. */
  retire(challenge: Uint8Array): void;
  isOutstanding(challenge: Uint8Array): boolean;
}

/** Those of one thread. */
export class ChapChallenges implements OutstandingChallenges {
  /** In the order they were issued. */
  private readonly outstanding = new Set<string>();

  issue(challenge: Uint8Array): void {
    this.outstanding.add(keyOf(challenge));
    if (this.outstanding.size <= CHALLENGES_MAX) return;
    const [oldest] = this.outstanding;
    if (oldest !== undefined) this.outstanding.delete(oldest);
  }

  retire(challenge: Uint8Array): void {
    this.outstanding.delete(keyOf(challenge));
  }

  isOutstanding(challenge: Uint8Array): boolean {
    return this.outstanding.has(keyOf(challenge));
  }

  get count(): number {
    return this.outstanding.size;
  }
}

function keyOf(challenge: Uint8Array): string {
  return Buffer.from(challenge.buffer, challenge.byteOffset, challenge.length).toString('latin1');
}

/**
 * The CHAP challenges that are out for an answer, over all reactors of the process: a table of their fingerprints in shared
 * memory. A challenge is random, so its first eight bytes tell it from all others.
 */
import { CHALLENGES_MAX, type OutstandingChallenges } from '../iscsi/protocol/login/chap-challenges.ts';

/** An entry that holds no challenge. */
const FREE = 0n;

export class SharedChallenges implements OutstandingChallenges {
  /** What another thread makes its SharedChallenges from. */
  readonly memory: SharedArrayBuffer;
  private readonly table: BigUint64Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CHALLENGES_MAX * BigUint64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.table = new BigUint64Array(memory);
  }

  /** Where the table is full, the challenge takes the place of one that is forgotten. */
  issue(challenge: Uint8Array): void {
    const { table } = this;
    const fingerprint = fingerprintOf(challenge);
    const home = Number(fingerprint % BigInt(table.length));
    for (let step = 0; step < table.length; step++) {
      const index = (home + step) % table.length;
      if (Atomics.compareExchange(table, index, FREE, fingerprint) === FREE) return;
    }
    Atomics.store(table, home, fingerprint);
  }

  retire(challenge: Uint8Array): void {
    const fingerprint = fingerprintOf(challenge);
    const index = this.find(fingerprint);
    if (index >= 0) Atomics.compareExchange(this.table, index, fingerprint, FREE);
  }

  isOutstanding(challenge: Uint8Array): boolean {
    return this.find(fingerprintOf(challenge)) >= 0;
  }

  /** Entries in the way at issue() may have gone since: the whole table is looked through. */
  private find(fingerprint: bigint): number {
    for (let index = 0; index < this.table.length; index++) {
      if (Atomics.load(this.table, index) === fingerprint) return index;
    }
    return -1;
  }
}

/** Never FREE. What an initiator sends may be shorter than any challenge of ours. */
function fingerprintOf(challenge: Uint8Array): bigint {
  const first = new Uint8Array(BigUint64Array.BYTES_PER_ELEMENT);
  first.set(challenge.subarray(0, first.length));
  return new DataView(first.buffer).getBigUint64(0) || 1n;
}

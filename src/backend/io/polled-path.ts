/**
 * The way of a store's reads and writes past the page cache to a ring whose completions are looked for, not announced. Not
 * every device can be polled, and what lies between may say so only when it is asked to: then nothing of that I/O has lasted
 * that cannot be done again, and the store does all of it by its other ring from then on.
 */
import { constants } from 'node:os';
import type { Ring, RingOwner } from '../../native/ring.ts';
import type { BackendIo } from '../backend.ts';

const { EOPNOTSUPP } = constants.errno;

export interface PolledStore extends RingOwner<BackendIo> {
  /** `io` is to be started again, by the other ring. */
  onPollRefused(io: BackendIo): void;
}

export class PolledPath implements RingOwner<BackendIo> {
  /** False once the device has refused. */
  isOpen = true;
  readonly ring: Ring<BackendIo>;
  private readonly store: PolledStore;
  private readonly fd: number;
  private readonly fileFlags: number;
  private readonly onRefused: () => void;

  /** @param onRefused called once, when polling is over */
  constructor(ring: Ring<BackendIo>, store: PolledStore, fd: number, onRefused: () => void) {
    this.ring = ring;
    this.store = store;
    this.fd = fd;
    this.fileFlags = ring.registerFile(fd);
    this.onRefused = onRefused;
  }

  /** See Ring.start. */
  start(io: BackendIo, opcode: number, lengthBytes: number, offsetBytes: number, memoryOffset: number): void {
    this.ring.start(this, io, opcode | this.fileFlags, this.fd, lengthBytes, offsetBytes, memoryOffset);
  }

  /** Before the descriptor is closed; see Ring.unregisterFile. */
  leave(): string | null {
    return this.ring.unregisterFile(this.fileFlags);
  }

  onRingDone(io: BackendIo, result: number): void {
    if (result !== -EOPNOTSUPP) {
      this.store.onRingDone(io, result);
      return;
    }
    if (this.isOpen) this.onRefused();
    this.isOpen = false;
    this.store.onPollRefused(io);
  }

  onRingRoom(): void {
    this.store.onRingRoom();
  }
}

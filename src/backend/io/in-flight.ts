/** The I/O that a store owns: submitted and not yet given back. What close() waits for. */
import { assert } from '../../util/assert.ts';
import type { BackendIo, IoStatus } from '../backend.ts';

export class InFlight {
  private count = 0;
  private whenIdle: (() => void)[] = [];

  /** Takes `io` over from its submitter; asserts that it lies in a store of `sizeBytes`. */
  begin(io: BackendIo, sizeBytes: number): void {
    assert(io.offsetBytes >= 0, 'an I/O lies in its store');
    assert(io.offsetBytes + io.lengthBytes <= sizeBytes, 'an I/O ends in its store');
    this.count += 1;
    io.doneBytes = 0;
  }

  /** Gives `io` back to its owner. Never called before the submit() that took it has returned. */
  end(io: BackendIo, status: IoStatus): void {
    assert(this.count > 0, 'an I/O ends once');
    io.status = status;
    this.count -= 1;
    io.owner.onIoDone(io);
    this.tellWhenIdle();
  }

  /** A question to the store that is no I/O is under way. */
  hold(): void {
    this.count += 1;
  }

  /** It has been answered. */
  release(): void {
    assert(this.count > 0, 'a question is answered once');
    this.count -= 1;
    this.tellWhenIdle();
  }

  /** Resolves once nothing is in flight. */
  idle(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.whenIdle.push(resolve));
  }

  private tellWhenIdle(): void {
    if (this.count > 0 || this.whenIdle.length === 0) return;
    for (const tell of this.whenIdle.splice(0)) tell();
  }
}

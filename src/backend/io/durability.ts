/**
 * Remembers that a store has lost writes. Linux reports a failed write-back to a descriptor once and then marks the pages
 * clean: a second fdatasync says 0 although the data never reached the medium. So the first failure stands until the store
 * is opened again: no flush and no forced unit access may report success over data that may be gone.
 */
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_OK, type IoStatus } from '../backend.ts';

export class Durability {
  private readonly onLost: () => void;
  private hasLostWrites = false;

  /** @param onLost called once, when it is first known */
  constructor(onLost: () => void) {
    this.onLost = onLost;
  }

  /** True when flushes and FUA writes have to fail with IO_HARDWARE_ERROR without being tried. */
  get isLost(): boolean {
    return this.hasLostWrites;
  }

  /** The status of a flush that ended with `errno` (0: no error). Any failure of a flush means lost writes. */
  statusOfFlush(errno: number): IoStatus {
    if (errno !== 0) this.lose();
    return this.hasLostWrites ? IO_HARDWARE_ERROR : IO_OK;
  }

  /**
   * The status of a FUA write whose own result is `status`. A medium that failed one is not trusted with others; ENOSPC and the
   * like may pass. What was lost before, a flush is told all the same, by its own descriptor (DiskFile.flushFd).
   */
  statusOfFuaWrite(status: IoStatus): IoStatus {
    if (status === IO_MEDIUM_ERROR || status === IO_HARDWARE_ERROR) this.lose();
    return status === IO_OK && this.hasLostWrites ? IO_HARDWARE_ERROR : status;
  }

  private lose(): void {
    if (this.hasLostWrites) return;
    this.hasLostWrites = true;
    this.onLost();
  }
}

/**
 * What an operator hears of I/O that a medium failed: the first at once, then a line a minute at most, with how many there were
 * meanwhile. What a full or write-protected store refuses is no failure of the medium.
 */
import { getSystemErrorName } from 'node:util';
import { type Clock, monotonicClock } from '../../util/clock.ts';
import { QuietPeriod } from '../../util/quiet-period.ts';
import { type BackendIo, IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_READ, type IoStatus } from '../backend.ts';
import type { Note } from '../storage-spec.ts';
import { ioStatusOfErrno } from './errno-status.ts';

export const FAILURE_QUIET_MS = 60_000;

/** In place of an errno: there are no bytes where the store has to have some. */
export const END_OF_FILE = 0;

export class FailureNews {
  private readonly note: Note;
  private readonly path: string;
  private readonly quiet: QuietPeriod;

  /** @param path of the store, for the operator */
  constructor(note: Note, path: string, clock: Clock = monotonicClock) {
    this.note = note;
    this.path = path;
    this.quiet = new QuietPeriod(clock, FAILURE_QUIET_MS);
  }

  /**
   * The status of a transfer that failed.
   * @param errno of either sign, or END_OF_FILE, which a file that was cut behind our back has too early
   */
  statusOf(io: BackendIo, errno: number): IoStatus {
    const status = errno === END_OF_FILE ? IO_MEDIUM_ERROR : ioStatusOfErrno(errno);
    if (status === IO_MEDIUM_ERROR || status === IO_HARDWARE_ERROR) this.count(io, errno);
    return status;
  }

  private count({ op, offsetBytes, lengthBytes }: BackendIo, errno: number): void {
    const failures = this.quiet.count();
    if (failures === 0) return;
    const { path } = this;
    const reason = errno === END_OF_FILE ? 'the file ends before' : getSystemErrorName(-Math.abs(errno));
    const message = op === IO_READ ? 'a storage could not be read' : 'a storage could not be written';
    this.note('error', message, { path, offsetBytes, lengthBytes, reason, failures });
  }
}

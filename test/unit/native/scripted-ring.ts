/**
 * A NativeRing whose kernel is the test: it keeps what was submitted, and completes it with the results that the test
 * wants. So short transfers, refusals and a full ring can be had at will, and without io_uring.
 */
import { constants } from 'node:os';
import type { NativeRing } from '../../../src/native/native-addon.ts';
import { RING_LAYOUT } from '../../../src/native/ring-layout.ts';

export interface Submission {
  readonly opcode: number;
  readonly fd: number;
  readonly lengthBytes: number;
  readonly token: number;
  readonly offsetBytes: number;
  readonly argument: number;
}

export class ScriptedRing implements NativeRing {
  readonly features = {
    hasPlainReadWrite: true,
    hasFallocate: true,
    hasCancel: true,
    setupFlags: 0,
    filesMax: 0,
    sqPollRefusal: 0,
  };
  readonly depth: number;
  readonly submissions: ArrayBuffer;
  readonly completions: ArrayBuffer;
  /** Everything submitted and not yet completed, oldest first. */
  readonly held: Submission[] = [];
  /** How many submissions each enter() brought. */
  readonly enters: number[] = [];
  registerResult = 0;
  /** The table of registered files: descriptors, null where there is a place. */
  readonly files: (number | null)[] = [];
  unregisterResult = 0;
  /** When set, enter() completes what it takes at once with this. */
  answer: ((submission: Submission) => number) | null = null;

  constructor(depth: number) {
    this.depth = depth;
    this.submissions = new ArrayBuffer(depth * RING_LAYOUT.submissionBytes);
    this.completions = new ArrayBuffer(depth * RING_LAYOUT.completionBytes);
  }

  enter(count: number): number {
    this.enters.push(count);
    for (let index = 0; index < count; index++) this.held.push(this.decode(index));
    const { answer } = this;
    return answer === null ? 0 : this.complete(this.held.length, answer);
  }

  /** Completes the oldest `count`. Returns what the loop would pass to Ring.deliver. */
  complete(count: number, result: (submission: Submission) => number): number {
    const view = new DataView(this.completions);
    this.held.splice(0, count).forEach((submission, index) => {
      const at = index * RING_LAYOUT.completionBytes;
      view.setUint32(at + RING_LAYOUT.completionToken, submission.token, true);
      view.setInt32(at + RING_LAYOUT.completionResult, result(submission), true);
    });
    return count;
  }

  inFlight(): number {
    return this.held.length;
  }

  registerArena(): number {
    return this.registerResult;
  }

  registerFile(fd: number): number {
    const index = this.files.indexOf(null);
    if (index < 0) return -constants.errno.ENFILE;
    this.files[index] = fd;
    return index;
  }

  unregisterFile(index: number): number {
    if (typeof this.files[index] !== 'number') return -constants.errno.EINVAL;
    this.files[index] = null;
    return this.unregisterResult;
  }

  close(): void {
    this.held.length = 0;
  }

  private decode(index: number): Submission {
    const view = new DataView(this.submissions, index * RING_LAYOUT.submissionBytes);
    return {
      opcode: view.getUint32(RING_LAYOUT.submissionOpcode, true),
      fd: view.getInt32(RING_LAYOUT.submissionFd, true),
      lengthBytes: view.getUint32(RING_LAYOUT.submissionLength, true),
      token: view.getUint32(RING_LAYOUT.submissionToken, true),
      offsetBytes: view.getFloat64(RING_LAYOUT.submissionOffset, true),
      argument: view.getFloat64(RING_LAYOUT.submissionArgument, true),
    };
  }
}

/** Requests of a session start in the order of their CmdSN (RFC 7143 4.2.2.1), whatever they are. */

export interface OrderedRequest {
  readonly cmdSN: number;
  /** Its turn has come. */
  start(): void;
  /** Its turn will not come: its number was taken, or its session is gone. */
  drop(): void;
}

/** Uses a number up: the command that had it was aborted, or rejected without becoming a task. */
export class SkippedRequest implements OrderedRequest {
  readonly cmdSN: number;

  constructor(cmdSN: number) {
    this.cmdSN = cmdSN;
  }

  start(): void {
    // The number is used up; there is nothing to do.
  }

  drop(): void {
    // Nothing is held.
  }
}

/** Something small to do in its turn. */
export class DeferredRequest implements OrderedRequest {
  readonly cmdSN: number;
  private readonly run: () => void;

  constructor(cmdSN: number, run: () => void) {
    this.cmdSN = cmdSN;
    this.run = run;
  }

  start(): void {
    this.run();
  }

  drop(): void {
    // Nothing is held.
  }
}

/**
 * CmdSN of one session (RFC 7143 4.2.2.1): which number comes next, and how far ahead the initiator may go. MaxCmdSN opens
 * by one for each command that has ended, so no more than `depth` commands are ever between reception and status, and it
 * never moves back.
 */
import { serialAdd, serialLess, serialLessOrEqual } from '../../../util/serial32.ts';

/** The request is the next in order. */
export const CMDSN_NEXT = 0;
/** The request is within the window, but others must come first. */
export const CMDSN_AHEAD = 1;
/** Outside the window or seen before: ignored silently (4.2.2.1). */
export const CMDSN_OUTSIDE = 2;
export type CmdSNOrder = typeof CMDSN_NEXT | typeof CMDSN_AHEAD | typeof CMDSN_OUTSIDE;

export class CommandWindow {
  expCmdSN: number;
  private readonly depth: number;
  private highestMaxCmdSN: number;
  private activeCount = 0;

  /** @param initialCmdSN of the leading login @param depth 1 to 1024 */
  constructor(initialCmdSN: number, depth: number) {
    this.expCmdSN = initialCmdSN;
    this.depth = depth;
    this.highestMaxCmdSN = serialAdd(initialCmdSN, depth - 1);
  }

  order(cmdSN: number): CmdSNOrder {
    if (cmdSN === this.expCmdSN) return serialLessOrEqual(cmdSN, this.maxCmdSN) ? CMDSN_NEXT : CMDSN_OUTSIDE;
    if (serialLess(cmdSN, this.expCmdSN) || serialLess(this.maxCmdSN, cmdSN)) return CMDSN_OUTSIDE;
    return CMDSN_AHEAD;
  }

  /** The request with ExpCmdSN was taken. */
  advance(): void {
    this.expCmdSN = serialAdd(this.expCmdSN, 1);
  }

  /** A numbered SCSI command begins; its place in the window stays taken until onCommandEnded(). */
  onCommandBegun(): void {
    this.activeCount += 1;
  }

  onCommandEnded(): void {
    this.activeCount -= 1;
  }

  /** What goes out as MaxCmdSN now; expCmdSN - 1 when the window is closed. */
  get maxCmdSN(): number {
    const max = serialAdd(this.expCmdSN, this.depth - this.activeCount - 1);
    if (serialLess(this.highestMaxCmdSN, max)) this.highestMaxCmdSN = max;
    return this.highestMaxCmdSN;
  }
}

/**
 * Unit attention conditions (SAM-5 5.14) of one logical unit for one I_T nexus, as a short queue of packed sense codes.
 * Resets stand above everything else: establishing one clears what came before, which it makes meaningless.
 */
import { SENSE_POWER_ON_OR_RESET_OCCURRED } from '../sense.ts';

/** More different conditions than we ever establish; a longer queue would only repeat itself. */
export const UNIT_ATTENTIONS_MAX = 16;

export class UnitAttentions {
  private readonly queue: number[] = [];

  get isPending(): boolean {
    return this.queue.length > 0;
  }

  /** Adds a condition; one that is pending already is not added twice. */
  establish(senseCode: number): void {
    if (this.queue.includes(senseCode)) return;
    // POWER ON, RESET ... (29h 00h) already says all that a later reset would say.
    if (isReset(senseCode)) {
      if (this.queue[0] === SENSE_POWER_ON_OR_RESET_OCCURRED) return;
      this.queue.length = 0;
    }
    if (this.queue.length < UNIT_ATTENTIONS_MAX) this.queue.push(senseCode);
  }

  /** Removes and returns the condition to be reported next, 0 when there is none. */
  take(): number {
    return this.queue.shift() ?? 0;
  }

  /** Clears one condition without reporting it. */
  clear(senseCode: number): void {
    const index = this.queue.indexOf(senseCode);
    if (index >= 0) this.queue.splice(index, 1);
  }
}

/** Additional sense code 29h: power on, reset, bus device reset. */
function isReset(senseCode: number): boolean {
  return ((senseCode >>> 8) & 0xff) === 0x29;
}

/** Something that happens again and again, and is told once in a while: the first time at once, then once a period at most. */
import type { Clock } from './clock.ts';

export class QuietPeriod {
  private readonly clock: Clock;
  private readonly periodMs: number;
  private endsMs = Number.NEGATIVE_INFINITY;
  private untoldCount = 0;

  constructor(clock: Clock, periodMs: number) {
    this.clock = clock;
    this.periodMs = periodMs;
  }

  /**
   * It has happened once more.
   * @returns 0: it is not to be told now; else how often it has happened since it was told, this time included
   */
  count(): number {
    this.untoldCount += 1;
    const nowMs = this.clock.nowMs();
    if (nowMs < this.endsMs) return 0;
    const { untoldCount } = this;
    this.endsMs = nowMs + this.periodMs;
    this.untoldCount = 0;
    return untoldCount;
  }
}

/**
 * When a reactor's event loop polls instead of sleeping. An initiator that has one command under way at a time waits for each
 * answer before it sends the next, which then comes within microseconds: to fall asleep and be woken takes longer than that,
 * on both sides. With several commands under way there is work meanwhile, the more the longer we look away: no polling then.
 *
 * What is not worth it ends by itself: each poll in vain doubles the count of commands until the next is tried.
 */
import type { NativeBusyPoll } from './native-addon.ts';

/** So many reads in a row that each brought one command tell that the initiator has one under way at a time. */
const SINGLES_MIN = 64;
/** A command whose data takes more reads than this takes its time anyway. */
const DATA_READS_MAX = 4;
/** What is there after so few looks was sent before our answer can have arrived. */
const HASTY_LOOKS_MAX = 2;
/** After polls in vain: commands without one, at the most. */
const PAUSE_MAX = 1024;

export class BusyPoll {
  private readonly native: NativeBusyPoll;
  private readonly microseconds: number;
  private singles = 0;
  /** Reads since the last command. */
  private dataReads = 0;
  private isPolling = false;
  /** Commands that the last poll in vain has cost the next one, and how many of them are still to come. */
  private pause = 0;
  private pausedFor = 0;

  /** @param microseconds how long to wait for the next command, at the most */
  constructor(native: NativeBusyPoll, microseconds: number) {
    this.native = native;
    this.microseconds = microseconds;
  }

  /** A socket was read; what it brought is about to be worked on. */
  beginRead(): void {
    if (!this.isPolling) return;
    this.isPolling = false;
    const looks = this.native.looks();
    if (looks >= 0 && looks <= HASTY_LOOKS_MAX) this.singles = 0;
    this.pause = looks < 0 ? Math.min(Math.max(1, this.pause * 2), PAUSE_MAX) : 0;
    this.pausedFor = this.pause;
  }

  /** It was worked on. @param pduCount PDUs whose headers it brought */
  endRead(pduCount: number): void {
    if (pduCount === 1) this.onSingle();
    else if (pduCount > 1 || ++this.dataReads > DATA_READS_MAX) this.singles = 0;
  }

  /** Something was sent. When the store took its time, the wait for the next command begins only here. */
  onWrite(): void {
    if (this.isPolling) this.native.pollFor(this.microseconds);
  }

  close(): void {
    this.native.close();
  }

  private onSingle(): void {
    this.singles += 1;
    this.dataReads = 0;
    if (this.pausedFor > 0) this.pausedFor -= 1;
    else if (this.singles >= SINGLES_MIN) this.poll();
  }

  private poll(): void {
    this.isPolling = true;
    this.native.pollFor(this.microseconds);
  }
}

/**
 * The Response Fence of a session with several connections (RFC 7143 4.2.2.3): every response before a fenced one has
 * reached the initiator when that is sent, and none after it is sent before it has arrived. Over one connection TCP's order is
 * the fence.
 *
 * Whether responses have arrived is asked by a NOP-In: its answer acknowledges all that was sent before by that connection.
 */
import type { SessionMember } from './session.ts';

/** A response that may have to wait. */
export interface FenceableResponse {
  /** Whether it is fenced, and not merely held by the fence of another. */
  readonly isFenced: boolean;
  /** The connection that it goes by. */
  readonly member: SessionMember;
  /** Sends it. */
  sendHeld(): void;
}

export class ResponseFence {
  /** There are several connections, or responses wait: every response goes by hold(). */
  isWatching = false;
  private readonly members: readonly SessionMember[];
  private readonly nextTag: () => number;
  /** What waits in its order; the tasks and task management functions of a session bound it. */
  private readonly held: FenceableResponse[] = [];
  /** The fenced response whose turn has come, until it is sent. */
  private fenced: FenceableResponse | null = null;
  /** Connections that have not answered yet, and the Target Transfer Tag that they answer with. */
  private readonly asked = new Map<SessionMember, number>();
  private isUp = false;
  private isAdvancing = false;

  /**
   * @param members the connections of the session, which the session keeps up to date
   * @param nextTag an unused Target Transfer Tag
   */
  constructor(members: readonly SessionMember[], nextTag: () => number) {
    this.members = members;
    this.nextTag = nextTag;
  }

  /** Keeps `response` if it has to wait: then sendHeld() follows, or forget() by who has ended it otherwise. */
  hold(response: FenceableResponse): boolean {
    if (!this.isUp && !response.isFenced) return false;
    this.isUp = true;
    this.held.push(response);
    this.advance();
    return true;
  }

  /** A held response that is not to be sent any more. */
  forget(response: FenceableResponse): void {
    const index = this.held.indexOf(response);
    if (index >= 0) this.held.splice(index, 1);
    if (this.fenced !== response) return;
    this.fenced = null;
    this.asked.clear(); // what has arrived does not matter to the others
    this.advance();
  }

  /** The answer to a NOP-In has come by `member`. */
  onAnswer(member: SessionMember, targetTransferTag: number): void {
    if (this.asked.get(member) !== targetTransferTag) return;
    this.asked.delete(member);
    this.advance();
  }

  onMemberAdded(): void {
    this.watch();
  }

  /** `member` delivers nothing any more; its tasks end, and forget what they have here. */
  onMemberGone(member: SessionMember): void {
    this.asked.delete(member);
    for (const response of this.held.filter((each) => each.member === member)) this.forget(response);
    if (this.fenced?.member === member) this.forget(this.fenced);
    this.advance();
    this.watch();
  }

  private advance(): void {
    // Who sends may end a task, and with it a session: what comes of it is seen by the loop that is under way.
    if (this.isAdvancing || !this.isUp) return;
    this.isAdvancing = true;
    while (this.asked.size === 0 && this.isUp) this.step();
    this.isAdvancing = false;
    this.watch();
  }

  private watch(): void {
    this.isWatching = this.isUp || this.members.length > 1;
  }

  /** Everything that was sent has arrived: the next response may leave. */
  private step(): void {
    const { fenced } = this;
    if (fenced !== null) {
      const { member } = fenced;
      this.fenced = null;
      fenced.sendHeld(); // it may be another response from here on
      return this.ask(member);
    }
    const next = this.held.shift();
    if (next === undefined) this.isUp = false;
    else if (!next.isFenced) next.sendHeld();
    else {
      this.fenced = next;
      for (const member of this.members) this.ask(member);
    }
  }

  private ask(member: SessionMember): void {
    if (!this.members.includes(member)) return;
    const tag = this.nextTag();
    this.asked.set(member, tag);
    member.askForAnswer(tag);
  }
}

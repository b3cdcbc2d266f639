/** What a reactor lends to all its connections: memory to receive into, a way to send from its own memories, a loop that polls. */
import type { BusyPoll } from '../native/busy-poll.ts';
import type { Sender } from '../native/sender.ts';

/**
 * Behind a large Data-Out that was received into its slot comes a header, and mostly the next large one: with a short read
 * between the two, no more of that than this has to be copied into its slot.
 */
const BETWEEN_DIRECT_BYTES = 2048;

export class LentMemory {
  /** The memory that slots lie in: what is received is copied within it. */
  readonly memory: Buffer;
  /** Of all of `memory`. */
  readonly view: DataView;
  /** Where in `memory` the receive buffer begins. */
  readonly start: number;
  /** The receive buffer. */
  readonly receive: Buffer;
  /** The first bytes of `receive`. */
  readonly shortReceive: Buffer;
  /** Whose read was the last. */
  lastReader: object | null = null;
  /** Null without the addon. */
  readonly sender: Sender | null;
  /** Null without the addon, and when the loop shall always sleep. */
  readonly busyPoll: BusyPoll | null;

  /** @param receiveBytes what one read takes at the most; from `start` on they are the receive buffer's alone */
  constructor(memory: Buffer, start: number, receiveBytes: number, sender: Sender | null, busyPoll: BusyPoll | null) {
    this.memory = memory;
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.start = start;
    this.receive = memory.subarray(start, start + receiveBytes);
    this.shortReceive = this.receive.subarray(0, BETWEEN_DIRECT_BYTES);
    this.sender = sender;
    this.busyPoll = busyPoll;
  }
}

/** What a reactor lends to all its connections: memory to receive into, and a way to send from its own memories. */
import type { Sender } from '../native/sender.ts';

/**
 * Behind a large Data-Out that was received into its slot comes a header, and mostly the next large one: with a short read
 * between the two, no more of that than this has to be copied into its slot.
 */
const BETWEEN_DIRECT_BYTES = 2048;

export class LentMemory {
  readonly receive: Buffer;
  /** The same bytes as `receive`. */
  readonly view: DataView;
  /** The first bytes of `receive`. */
  readonly shortReceive: Buffer;
  /** Null without the addon. */
  readonly sender: Sender | null;

  /** @param receiveBytes what one read takes at the most */
  constructor(receiveBytes: number, sender: Sender | null) {
    this.receive = Buffer.alloc(receiveBytes);
    this.view = new DataView(this.receive.buffer, this.receive.byteOffset, receiveBytes);
    this.shortReceive = this.receive.subarray(0, BETWEEN_DIRECT_BYTES);
    this.sender = sender;
  }
}

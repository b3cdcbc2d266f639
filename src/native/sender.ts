/**
 * Sends what lies in a reactor's own memories (the arena, the header blocks) to a socket with one system call: no view is
 * made per piece, and nothing is queued. It is the first try; what the socket does not take belongs to its stream, behind
 * which nothing may be sent here until it has left.
 */
import type { NativeSender } from './native-addon.ts';
import { RING_LAYOUT } from './ring-layout.ts';

const PIECE_DOUBLES = RING_LAYOUT.pieceBytes / 8;
const MEMORY = RING_LAYOUT.pieceMemory / 8;
const START = RING_LAYOUT.pieceStart / 8;
const END = RING_LAYOUT.pieceEnd / 8;
const PIECES_MAX = RING_LAYOUT.piecesMax;

export class Sender {
  private readonly native: NativeSender;
  private readonly memories: readonly Buffer[];
  private readonly pieces: Float64Array;

  /** @param native made with `memories` */
  constructor(native: NativeSender, memories: readonly Buffer[]) {
    this.native = native;
    this.memories = memories;
    this.pieces = new Float64Array(native.pieces);
  }

  /**
   * Sends memories[i] from starts[i] to ends[i], for each i below `pieceCount`, in order.
   * @returns bytes that the socket took: all of it, a part, or 0 when there is no room, a piece lies elsewhere, or the
   *   socket is broken, which its stream then finds out
   */
  send(
    fd: number,
    memories: readonly Buffer[],
    starts: readonly number[],
    ends: readonly number[],
    pieceCount: number,
  ): number {
    const count = Math.min(pieceCount, PIECES_MAX);
    const { pieces } = this;
    for (let i = 0; i < count; i++) {
      const memory = this.memories.indexOf(memories[i]!);
      if (memory < 0) return 0;
      const at = i * PIECE_DOUBLES;
      pieces[at + MEMORY] = memory;
      pieces[at + START] = starts[i]!;
      pieces[at + END] = ends[i]!;
    }
    return Math.max(0, this.native.send(fd, count));
  }
}

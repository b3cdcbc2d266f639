/**
 * Sends what lies in a reactor's own memories (the arena, the header blocks) to a socket with one system call: no view is
 * made per piece, and nothing is queued. Digests are written the same way, all of a batch at once. It is the first try; what the socket does not take belongs to its stream, behind
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
   * Writes the digest (RFC 7143 13.1) behind memories[i] from starts[i] to ends[i], for each i below `pieceCount`.
   * @returns false when a piece lies elsewhere; others may have been sealed then
   */
  seal(memories: readonly Buffer[], starts: readonly number[], ends: readonly number[], pieceCount: number): boolean {
    for (let first = 0; first < pieceCount; first += PIECES_MAX) {
      const count = Math.min(pieceCount - first, PIECES_MAX);
      if (!this.lay(memories, starts, ends, first, count) || this.native.seal(count) !== 0) return false;
    }
    return true;
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
    return this.lay(memories, starts, ends, 0, count) ? Math.max(0, this.native.send(fd, count)) : 0;
  }

  /** Into the table that C++ reads. False when a piece lies elsewhere. */
  private lay(
    memories: readonly Buffer[],
    starts: readonly number[],
    ends: readonly number[],
    first: number,
    count: number,
  ): boolean {
    const { pieces } = this;
    for (let i = 0; i < count; i++) {
      const memory = this.memories.indexOf(memories[first + i]!);
      if (memory < 0) return false;
      const at = i * PIECE_DOUBLES;
      pieces[at + MEMORY] = memory;
      pieces[at + START] = starts[first + i]!;
      pieces[at + END] = ends[first + i]!;
    }
    return true;
  }
}

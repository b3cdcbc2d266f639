/**
 * The shared memory of the ring and the sender, as native/ring_layout.h declares it: the one place in TypeScript that knows an offset of it.
 * binding.ts compares every number here with what the loaded addon was compiled with, and does without the addon when
 * one differs, so a stale build cannot write where we do not look.
 *
 *   submissions  depth entries of 32 bytes:  | opcode u32 | fd i32 | length u32 | token u32 | offset f64 | argument f64 |
 *   completions  depth entries of 8 bytes:   | token u32 | result i32 |
 *   pieces       piecesMax entries of 24 bytes: | memory f64 | start f64 | end f64 |
 *
 * All in the machine's byte order; a double holds every file offset of a store (at most 2^53-1) exactly.
 */
export const RING_LAYOUT = {
  version: 6,
  submissionBytes: 32,
  submissionOpcode: 0,
  submissionFd: 4,
  submissionLength: 8,
  submissionToken: 12,
  submissionOffset: 16,
  submissionArgument: 24,
  completionBytes: 8,
  completionToken: 0,
  completionResult: 4,
  opNop: 0,
  opRead: 1,
  opWrite: 2,
  opWriteDsync: 3,
  opFsync: 4,
  opFdatasync: 5,
  opPunchHole: 6,
  opZeroRange: 7,
  opWriteZeros: 8,
  opCancel: 9,
  pinnedFlag: 256,
  inlineFlag: 512,
  mayWaitFlag: 1024,
  fixedFileFlag: 2048,
  fileIndexShift: 16,
  zeroRegionBytes: 1048576,
  depthMax: 32768,
  pieceBytes: 24,
  pieceMemory: 0,
  pieceStart: 8,
  pieceEnd: 16,
  piecesMax: 256,
} as const;

export type RingLayout = Readonly<Record<keyof typeof RING_LAYOUT, number>>;

/** The names whose numbers differ between `compiled` and ours; empty when an addon fits. */
export function layoutDifferences(compiled: Readonly<Record<string, number>>): string[] {
  const names = new Set([...Object.keys(RING_LAYOUT), ...Object.keys(compiled)]);
  const ours: Readonly<Record<string, number>> = RING_LAYOUT;
  return [...names].filter((name) => ours[name] !== compiled[name]).sort();
}

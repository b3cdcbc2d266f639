/**
 * States what only a bug of our own can break. It stays on in production: on a broken task set, pool or ring the
 * process stops rather than writing wrong data.
 */
export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** Throws AssertionFailure when `condition` is false. What a peer or an operator can cause is never asserted. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

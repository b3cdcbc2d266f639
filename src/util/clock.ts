/** Time for everything below the composition root: real in the daemon, virtual in a simulation. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; fractions allowed. */
  nowMs(): number;
}

/** The time of day, which the operator may set. */
export interface WallClock extends Clock {
  /** Milliseconds since 1970-01-01T00:00Z. */
  epochMs(): number;
}

export const monotonicClock: Clock = {
  nowMs: () => performance.now(),
};

export const systemClock: WallClock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
};

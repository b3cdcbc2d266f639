/** The port between a connection's state machine and whatever carries its bytes: TCP, the simulator, a fuzzer. */
import type { OutputBatch } from './output.ts';

/** What a connection asks the transport to wake it for. Each kind is one timer; arming it again replaces it. */
export const TIMER_LOGIN = 0;
export const TIMER_KEEPALIVE = 1;
export const TIMER_LOGOUT = 2;
export const TIMER_FENCE = 3;
/** Begins anew with whatever is received, and whatever that was written leaves. */
export const TIMER_SILENCE = 4;
export type TimerKind =
  | typeof TIMER_LOGIN
  | typeof TIMER_KEEPALIVE
  | typeof TIMER_LOGOUT
  | typeof TIMER_FENCE
  | typeof TIMER_SILENCE;
export const TIMER_KINDS = 5;

/**
 * Why a connection ends. 'peer' and 'transport' come from below (end of stream, a socket error), 'handed-over' as
 * well (another reactor has the connection from here on), the rest from the protocol.
 */
export type CloseCause =
  | 'peer'
  | 'transport'
  | 'logout'
  | 'login-refused'
  | 'login-timeout'
  | 'keepalive-timeout'
  | 'protocol-error'
  | 'header-digest'
  | 'reinstated'
  | 'target-reset'
  | 'out-of-resources'
  | 'shutdown'
  | 'handed-over';

export interface ConnectionSink {
  /** Writes the batch's pieces in order. Its memory is the transport's until connection.onWritten(batch). */
  write(batch: OutputBatch): void;
  /** Closes once everything written so far has left, or after a while when it does not leave. onClosed() follows. */
  close(cause: CloseCause): void;
  /** No onBytes() until resumeReading(). */
  pauseReading(): void;
  resumeReading(): void;
  /** onTimer(kind) after `ms`; 0 disarms. */
  armTimer(kind: TimerKind, ms: number): void;
}

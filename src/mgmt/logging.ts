/** The daemon's log: pino's JSON lines, or the same in colour where a person reads them on a terminal. */
import type { EventEmitter } from 'node:events';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './daemon-options.ts';

/** What is needed of a log by those who write to it. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

const STDOUT = 1;

/**
 * @param isTerminal whether a person reads it (process.stdout.isTTY)
 * @param destination a descriptor or a file
 */
export async function createLogger(
  level: LogLevel,
  isTerminal: boolean,
  destination: number | string = STDOUT,
): Promise<Logger> {
  // Synchronous: a line that says why the process stops must not stay in a buffer.
  if (!isTerminal) return pino({ level }, durable(pino.destination({ dest: destination, sync: true })));
  const { PinoPretty } = await import('pino-pretty');
  const pretty = PinoPretty({
    destination,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return pino({ level }, pretty);
}

/** Whoever read the log is gone (EPIPE), or its disk is full: lines are lost, the disks are served on. */
function durable(destination: DestinationStream): DestinationStream {
  (destination as EventEmitter & DestinationStream).on('error', () => undefined);
  return destination;
}

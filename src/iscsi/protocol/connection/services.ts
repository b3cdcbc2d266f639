/** What a reactor lends to the connections that live on it. Nothing here is shared between reactors. */
import type { Clock } from '../../../util/clock.ts';
import type { SlotPool } from '../../../util/slot-pool.ts';
import type { TickBatch } from '../../../util/tick-batch.ts';
import type { Crc32c } from '../../codec/digest.ts';
import type { SessionQuota } from '../session/session-quota.ts';
import type { TaskStore } from '../session/task.ts';
import type { OutputStore } from './output.ts';

/** Limits that an operator may set; each has a default in mgmt. */
export interface ProtocolLimits {
  /** Commands of one session between reception and status; the command window (RFC 7143 4.2.2.1). 1 to 1024. */
  readonly commandWindow: number;
  /** A connection that has not finished its login by then is closed. Milliseconds. */
  readonly loginTimeoutMs: number;
  /** Silence after which a NOP-In asks whether the peer is alive; silent for as long again, it is closed. 0: never. */
  readonly keepaliveMs: number;
  readonly sessions: SessionQuota;
}

/** What the protocol tells those who watch it. Nothing here is on the path of a READ or WRITE. */
export interface ProtocolObserver {
  /** An event worth a log line; `fields` are plain data. */
  note(
    level: 'debug' | 'info' | 'warn',
    event: string,
    fields: Readonly<Record<string, string | number | boolean>>,
  ): void;
}

export interface ProtocolServices {
  readonly pool: SlotPool;
  readonly batch: TickBatch;
  readonly outputs: OutputStore;
  readonly tasks: TaskStore;
  readonly clock: Clock;
  readonly crc32c: Crc32c;
  readonly limits: ProtocolLimits;
  readonly observer: ProtocolObserver;
}

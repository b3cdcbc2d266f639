/** A network with one iSNS server on it, and time, for the client's state machine. */
import { IsnsClient, type IsnsSink } from '../../../src/isns/client.ts';
import { MiniServer } from './mini-server.ts';

export const ENTITY = 'host.example.org';

export class ScriptedSink implements IsnsSink {
  readonly server = new MiniServer();
  readonly client: IsnsClient;
  readonly notes: string[] = [];
  /** When each connection was tried, milliseconds. */
  readonly connects: number[] = [];
  nowMs = 0;
  isServerUp = true;
  /** The server neither accepts nor refuses. */
  isDark = false;
  isStopped = false;
  chance = 0;
  private isConnected = false;
  private dueMs: number | null = null;
  private work: (() => void)[] = [];

  constructor(registrationPeriodS = 300) {
    this.client = new IsnsClient({ entity: ENTITY, registrationPeriodS }, this);
  }

  /** Lets everything happen that needs no time. */
  settle(): void {
    for (let step = this.work.shift(); step !== undefined; step = this.work.shift()) step();
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const end = this.nowMs + ms;
    this.settle();
    while (this.dueMs !== null && this.dueMs <= end) {
      this.nowMs = this.dueMs;
      this.dueMs = null;
      this.client.onTimer();
      this.settle();
    }
    this.nowMs = end;
  }

  /** Milliseconds until the timer fires, null when none is armed. */
  get timerMs(): number | null {
    return this.dueMs === null ? null : this.dueMs - this.nowMs;
  }

  /** The server restarts without its memory. */
  crashServer(): void {
    this.server.entities.clear();
    this.cut('ECONNRESET');
  }

  cut(cause: string): void {
    if (!this.isConnected) return;
    this.isConnected = false;
    this.client.onClosed(cause);
  }

  /** Bytes out of the blue. */
  fromServer(bytes: Uint8Array): void {
    this.client.onBytes(bytes);
    this.settle();
  }

  // IsnsSink

  connect(): void {
    this.connects.push(this.nowMs);
    if (this.isDark) return;
    this.work.push(() => {
      if (this.isServerUp) {
        this.isConnected = true;
        this.server.reset();
        this.client.onConnected();
      } else this.client.onClosed('ECONNREFUSED');
    });
  }

  write(bytes: Uint8Array): void {
    this.work.push(() => {
      if (!this.isConnected) return;
      for (const answer of this.server.receive(bytes)) if (this.isConnected) this.client.onBytes(answer);
    });
  }

  disconnect(): void {
    this.isConnected = false;
  }

  armTimer(ms: number): void {
    this.dueMs = this.nowMs + ms;
  }

  disarmTimer(): void {
    this.dueMs = null;
  }

  note(_level: string, message: string, fields: { readonly cause?: unknown }): void {
    this.notes.push('cause' in fields ? `${message}: ${fields.cause}` : message);
  }

  random(): number {
    return this.chance;
  }

  onStopped(): void {
    this.isStopped = true;
  }
}

/**
 * A connection between an initiator and the target: a ConnectionSink on one side, a Wire on the other. It behaves as the
 * TCP transport does (receives large data segments straight into slots, owns a batch until it was written), and holds the
 * protocol to the port: nothing is written after close(), no timer is armed on a closed connection, and what was handed
 * over does not change before it has left.
 */
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import type { Connection } from '../../src/iscsi/protocol/connection/connection.ts';
import type { OutputBatch } from '../../src/iscsi/protocol/connection/output.ts';
import {
  type CloseCause,
  type ConnectionSink,
  TIMER_KINDS,
  TIMER_SILENCE,
  type TimerKind,
} from '../../src/iscsi/protocol/connection/sink.ts';
import type { InitiatorConnection, Wire } from '../initiator/initiator-connection.ts';
import { demand } from '../initiator/violation.ts';
import type { SimulatedEvent, SimulatedTime } from './simulated-time.ts';

/** Causes after which what was not sent yet is lost (transport/tcp-connection.ts). */
const ABRUPT: ReadonlySet<CloseCause> = new Set(['reinstated', 'keepalive-timeout', 'login-timeout', 'header-digest']);

export interface WireOptions {
  /** How long a piece is on its way. */
  readonly delayMs: () => number;
  /** How many of `available` bytes the target's next read takes, at least 1. */
  readonly readBytes: (available: number) => number;
  /** May change the bytes on their way; called for each piece as it was sent. */
  readonly damage: (bytes: Buffer, isToTarget: boolean) => void;
  /** How often each piece arrives; called as `damage` is. */
  readonly copies: (bytes: Buffer, isToTarget: boolean) => number;
  /** Hears of everything that is delivered, in order. */
  readonly trace: (kind: string, bytes: Buffer) => void;
}

export const WIRE_OPTIONS_DEFAULT: WireOptions = {
  delayMs: () => 0,
  readBytes: (available) => available,
  damage: () => undefined,
  copies: () => 1,
  trace: () => undefined,
};

interface Sent {
  readonly batch: OutputBatch;
  readonly crc: number;
}

export class SimulatedWire implements ConnectionSink, Wire {
  /** The initiator's end reads nothing: what the target writes stays with the transport. */
  isStalled = false;
  closeCause: CloseCause | null = null;
  isClosed = false;
  isPaused = false;
  /** Everything the initiator has sent, when a test wants it. */
  sentBytes: Buffer[] | null = null;
  private readonly time: SimulatedTime;
  private readonly options: WireOptions;
  private target: Connection | null = null;
  private initiator: InitiatorConnection | null = null;
  private readonly toTarget: Buffer[] = [];
  private readonly toInitiator: Sent[] = [];
  private readonly timers: (SimulatedEvent | null)[] = new Array<SimulatedEvent | null>(TIMER_KINDS).fill(null);
  /** Of TIMER_SILENCE; 0 when it is not armed. */
  private silenceMs = 0;
  private isReading = false;
  private isWriting = false;
  private readonly receiveBuffer = Buffer.alloc(65536);
  private readonly receiveView = new DataView(this.receiveBuffer.buffer, this.receiveBuffer.byteOffset, 65536);

  constructor(time: SimulatedTime, options: Partial<WireOptions> = {}) {
    this.time = time;
    this.options = { ...WIRE_OPTIONS_DEFAULT, ...options };
  }

  attach(target: Connection, initiator: InitiatorConnection | null): void {
    this.target = target;
    this.initiator = initiator;
  }

  get armedTimerCount(): number {
    return this.timers.filter((timer) => timer !== null).length;
  }

  /** Bytes with the transport that the initiator has not taken. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { batch } of this.toInitiator) bytes += batch.ownBytes;
    return bytes;
  }

  /** The connection breaks; both ends learn of it. */
  cut(): void {
    this.time.schedule(0, () => this.finish('transport'));
  }

  // Wire

  send(bytes: Buffer): void {
    if (this.isClosed) return;
    const own = Buffer.from(bytes);
    this.sentBytes?.push(bytes);
    this.options.damage(own, true);
    for (let left = this.options.copies(own, true); left > 0; left--) this.toTarget.push(Buffer.from(own));
    this.readLater();
  }

  close(): void;
  close(cause: CloseCause): void;
  close(cause?: CloseCause): void {
    if (cause === undefined) {
      this.time.schedule(0, () => this.finish('peer'));
      return;
    }
    demand(this.closeCause === null, 'the port is closed once');
    this.closeCause = cause;
    if (ABRUPT.has(cause) || this.toInitiator.length === 0) this.time.schedule(0, () => this.finish(cause));
  }

  // ConnectionSink

  write(batch: OutputBatch): void {
    demand(!this.isClosed && this.closeCause === null, 'nothing is written after close()');
    demand(batch.pieceCount > 0, 'a batch has pieces');
    this.toInitiator.push({ batch, crc: crcOf(batch) });
    this.writeLater();
  }

  pauseReading(): void {
    demand(!this.isPaused, 'reading is paused once');
    this.isPaused = true;
  }

  resumeReading(): void {
    demand(this.isPaused, 'only paused reading is resumed');
    this.isPaused = false;
    this.readLater();
  }

  armTimer(kind: TimerKind, ms: number): void {
    demand(!this.isClosed, 'no timer is armed on a closed connection');
    this.disarm(kind);
    if (kind === TIMER_SILENCE) this.silenceMs = ms;
    if (ms === 0) return;
    this.timers[kind] = this.time.schedule(
      ms,
      () => {
        this.timers[kind] = null;
        this.target?.onTimer(kind);
      },
      true,
    );
  }

  /** The initiator reads again. */
  resume(): void {
    this.isStalled = false;
    this.writeLater();
  }

  private readLater(): void {
    if (this.isReading || this.isPaused || this.toTarget.length === 0) return;
    this.isReading = true;
    this.time.schedule(this.options.delayMs(), () => this.read());
  }

  private read(): void {
    this.isReading = false;
    if (this.isClosed || this.isPaused) return;
    const [first] = this.toTarget;
    const target = this.target;
    if (first === undefined || target === null) return;
    const { framer } = target;
    const direct = framer.directBytes;
    const most = direct > 0 ? Math.min(direct, first.length) : Math.min(first.length, this.receiveBuffer.length);
    const count = Math.min(most, this.options.readBytes(most));
    const bytes = first.subarray(0, count);
    if (count === first.length) this.toTarget.shift();
    else this.toTarget[0] = first.subarray(count);
    this.options.trace('>', bytes);
    this.onMoved();
    if (direct > 0) {
      (framer.directMemory as Uint8Array).set(bytes, framer.directOffset);
      target.onDirectBytes(count);
    } else {
      this.receiveBuffer.set(bytes);
      target.onBytes(this.receiveBuffer, this.receiveView, 0, count);
      this.receiveBuffer.fill(0xdb, 0, count); // it was borrowed
    }
    this.readLater();
  }

  private writeLater(): void {
    if (this.isWriting || this.isStalled || this.toInitiator.length === 0) return;
    this.isWriting = true;
    this.time.schedule(this.options.delayMs(), () => this.writeNow());
  }

  private writeNow(): void {
    this.isWriting = false;
    if (this.isClosed || this.isStalled) return;
    const sent = this.toInitiator.shift();
    if (sent === undefined) return;
    const { batch, crc } = sent;
    demand(crc === crcOf(batch), 'what was handed to the transport does not change');
    const bytes = Buffer.concat(pieces(batch));
    this.onMoved();
    this.target?.onWritten(batch);
    this.options.damage(bytes, false);
    for (let left = this.options.copies(bytes, false); left > 0; left--) {
      this.options.trace('<', bytes);
      this.initiator?.onBytes(bytes);
    }
    if (this.toInitiator.length === 0 && this.closeCause !== null) this.finish(this.closeCause);
    else this.writeLater();
  }

  private onMoved(): void {
    if (this.silenceMs > 0) this.armTimer(TIMER_SILENCE, this.silenceMs);
  }

  private finish(cause: CloseCause): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closeCause ??= cause;
    for (let kind = 0; kind < TIMER_KINDS; kind++) this.disarm(kind);
    for (const { batch } of this.toInitiator.splice(0)) this.target?.onWritten(batch);
    this.target?.onClosed(cause);
    this.initiator?.onClosed();
  }

  private disarm(kind: number): void {
    const timer = this.timers[kind];
    if (timer) this.time.cancel(timer);
    this.timers[kind] = null;
  }
}

function pieces(batch: OutputBatch): Buffer[] {
  const memories = batch.memories.slice(0, batch.pieceCount);
  return memories.map((memory, index) => memory.subarray(batch.starts[index], batch.ends[index]));
}

function crcOf(batch: OutputBatch): number {
  let crc = 0;
  for (const piece of pieces(batch)) crc = crc32cPortable(crc, piece, 0, piece.length);
  return crc;
}

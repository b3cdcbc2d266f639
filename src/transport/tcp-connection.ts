/**
 * One TCP connection: carries bytes between a socket and the protocol's Connection. Where the socket was made from a
 * descriptor, the kernel reads into memory of our choice: the reactor's one receive buffer, or, for a large Data-Out, the
 * command's own slot. Reading is synchronous with its callback, so one buffer serves every connection.
 */
import { Socket } from 'node:net';
import type { Connection } from '../iscsi/protocol/connection/connection.ts';
import type { OutputBatch } from '../iscsi/protocol/connection/output.ts';
import {
  type CloseCause,
  type ConnectionSink,
  TIMER_KINDS,
  TIMER_SILENCE,
  type TimerKind,
} from '../iscsi/protocol/connection/sink.ts';
import type { BusyPoll } from '../native/busy-poll.ts';
import type { Sender } from '../native/sender.ts';
import { RingQueue } from '../util/ring-queue.ts';
import type { LentMemory } from './lent-memory.ts';

/** How long what was written last may take to leave before the socket is torn down. */
const CLOSE_GRACE_MS = 1000;
/** Causes after which nobody waits for what was written: the peer is dead, or has a new connection. */
const ABRUPT: ReadonlySet<CloseCause> = new Set(['reinstated', 'keepalive-timeout', 'login-timeout', 'header-digest']);

/** A first text of 64 KiB, the headers of its 256 Login Requests, and what one read brings besides. */
const KEPT_BYTES_MAX = 65536 + 256 * 64 + 65536;

/**
 * The commands that one read brings of the only connection at work are taken in two parts, so that its initiator has the
 * first answers while we work on the rest; else one of the two would always wait for the other. Not for fewer than eight
 * commands, nor for so many bytes that there is data among them: of that more comes meanwhile.
 */
const PORTION_BYTES_MIN = 384;
const PORTIONED_BYTES_MAX = 8192;

export class TcpConnection implements ConnectionSink {
  private readonly socket: Socket;
  /** -1: the socket was not made from a descriptor. */
  private readonly fd: number;
  private readonly sender: Sender | null;
  private readonly busyPoll: BusyPoll | null;
  /** Everything that was received, while the connection may still be handed over; else null. */
  private kept: Buffer[] | null = null;
  private keptBytes = 0;
  private onGiven: ((fd: number, received: Buffer) => void) | null = null;
  private readonly onEnd: (connection: TcpConnection) => void;
  private connection: Connection | null = null;
  private readonly inFlight = new RingQueue<OutputBatch>(8);
  private readonly timers: (NodeJS.Timeout | null)[] = new Array<NodeJS.Timeout | null>(TIMER_KINDS).fill(null);
  private closeTimer: NodeJS.Timeout | null = null;
  private cause: CloseCause = 'peer';
  private isReceivingDirect = false;
  private readonly onWriteDone: () => void;

  private constructor(
    fd: number,
    lent: LentMemory | null,
    makeSocket: (self: TcpConnection) => Socket,
    onEnd: (connection: TcpConnection) => void,
  ) {
    this.fd = fd;
    this.sender = lent === null ? null : lent.sender;
    this.busyPoll = lent === null ? null : lent.busyPoll;
    this.onEnd = onEnd;
    this.onWriteDone = () => this.reportWritten();
    this.socket = makeSocket(this);
    this.socket.on('error', () => {
      this.cause = 'transport'; // 'close' follows and is the end of it
    });
    this.socket.on('timeout', () => this.connection?.onTimer(TIMER_SILENCE));
    this.socket.on('end', () => this.socket.destroy());
    this.socket.on('close', () => this.finish());
  }

  /** @param fd a connected descriptor, taken over */
  static fromDescriptor(fd: number, lent: LentMemory, onEnd: (connection: TcpConnection) => void): TcpConnection {
    return new TcpConnection(
      fd,
      lent,
      (self) => {
        const onread = {
          buffer: () => self.nextBuffer(lent),
          callback: (count: number) => self.onRead(count, lent),
        };
        return new Socket({ fd, onread, readable: true, writable: true } as ConstructorParameters<typeof Socket>[0]);
      },
      onEnd,
    );
  }

  /** @param socket a connected socket, taken over */
  static fromSocket(socket: Socket, onEnd: (connection: TcpConnection) => void): TcpConnection {
    return new TcpConnection(
      -1,
      null,
      (self) => {
        socket.on('data', (chunk: Buffer) => {
          const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
          self.connection?.onBytes(chunk, view, 0, chunk.length);
        });
        return socket;
      },
      onEnd,
    );
  }

  /** The protocol's side; bytes arrive from here on. */
  start(connection: Connection): void {
    this.connection = connection;
    this.socket.resume();
  }

  /** Keeps what is received until stopKeeping() or handOver(). Only where the socket was made from a descriptor. */
  keepReceived(): void {
    this.kept = [];
  }

  stopKeeping(): void {
    this.kept = null;
  }

  /**
   * Reads nothing more, and once all that was written has left, gives the connection away: `onGiven` gets the descriptor, to
   * be duplicated during the call, and everything that was received since keepReceived().
   */
  handOver(onGiven: (fd: number, received: Buffer) => void): void {
    this.socket.pause();
    this.onGiven = onGiven;
    // What this tick has to say is written at its end.
    setImmediate(() => this.give());
  }

  /** Tears the socket down now. */
  destroy(): void {
    this.socket.destroy();
  }

  // ConnectionSink

  write(batch: OutputBatch): void {
    const sentBytes = this.sendAtOnce(batch);
    const { pieceCount, starts, ends } = batch;
    let first = 0;
    let leftBytes = sentBytes;
    for (; first < pieceCount; first++) {
      const lengthBytes = (ends[first] as number) - (starts[first] as number);
      if (leftBytes < lengthBytes) break;
      leftBytes -= lengthBytes;
    }
    if (first === pieceCount) this.connection?.onWritten(batch);
    else this.writeFrom(batch, first, leftBytes);
    this.busyPoll?.onWrite();
  }

  close(cause: CloseCause): void {
    this.cause = cause;
    this.kept = null;
    if (ABRUPT.has(cause)) {
      this.socket.destroy();
      return;
    }
    this.socket.end();
    this.closeTimer ??= setTimeout(() => this.socket.destroy(), CLOSE_GRACE_MS);
  }

  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    if (!this.socket.destroyed) this.socket.resume();
  }

  armTimer(kind: TimerKind, ms: number): void {
    if (kind === TIMER_SILENCE) {
      this.socket.setTimeout(ms); // knows how far a long write has come
      return;
    }
    const timer = this.timers[kind];
    if (timer) clearTimeout(timer);
    this.timers[kind] = ms === 0 ? null : setTimeout(() => this.connection?.onTimer(kind), ms);
  }

  /**
   * Past the stream, which must hold nothing of ours then: what it holds has to leave before. Bytes that are not sent, for
   * whatever reason, are the stream's to send; a broken socket it finds out by itself.
   */
  private sendAtOnce({ memories, starts, ends, pieceCount }: OutputBatch): number {
    const { sender } = this;
    if (sender === null || this.inFlight.length > 0 || this.socket.destroyed) return 0;
    return sender.send(this.fd, memories, starts, ends, pieceCount);
  }

  /** Writes the batch through the stream, from `skippedBytes` of piece `first` on. */
  private writeFrom(batch: OutputBatch, first: number, skippedBytes: number): void {
    this.inFlight.push(batch);
    const { socket } = this;
    const last = batch.pieceCount - 1;
    if (last > first) socket.cork();
    for (let i = first; i <= last; i++) {
      const start = (batch.starts[i] as number) + (i === first ? skippedBytes : 0);
      const piece = (batch.memories[i] as Buffer).subarray(start, batch.ends[i]);
      if (i === last) socket.write(piece, this.onWriteDone);
      else socket.write(piece);
    }
    if (last > first) socket.uncork();
  }

  private nextBuffer(lent: LentMemory): Uint8Array {
    const framer = this.connection?.framer;
    const directBytes = framer === undefined ? 0 : framer.directBytes;
    const wasReceivingDirect = this.isReceivingDirect;
    this.isReceivingDirect = directBytes > 0 && this.kept === null;
    if (framer === undefined || !this.isReceivingDirect) return wasReceivingDirect ? lent.shortReceive : lent.receive;
    const memory = framer.directMemory as Uint8Array;
    return memory.subarray(framer.directOffset, framer.directOffset + directBytes);
  }

  private onRead(count: number, lent: LentMemory): boolean {
    const { connection } = this;
    if (connection === null) return true;
    if (this.kept !== null) this.keep(this.kept, lent.receive.subarray(0, count));
    const isAlone = lent.lastReader === this;
    lent.lastReader = this;
    const portion = isAlone ? portionBytes(count) : count;
    connection.framer.pduCount = 0;
    this.busyPoll?.beginRead();
    if (this.isReceivingDirect) this.take(connection, lent, 0, count);
    else for (let at = 0; at < count; at += portion) this.take(connection, lent, at, Math.min(at + portion, count));
    this.busyPoll?.endRead(connection.framer.pduCount);
    return true;
  }

  private take(connection: Connection, lent: LentMemory, start: number, end: number): void {
    const { batch } = connection.services;
    batch.begin();
    if (this.isReceivingDirect) connection.onDirectBytes(end);
    else connection.onBytes(lent.memory, lent.view, lent.start + start, lent.start + end);
    batch.end();
  }

  private reportWritten(): void {
    const batch = this.inFlight.shift();
    // After 'close' everything has been given back already.
    if (batch !== null) this.connection?.onWritten(batch);
    if (this.onGiven !== null) this.give();
  }

  private keep(kept: Buffer[], bytes: Uint8Array): void {
    this.keptBytes += bytes.length;
    if (this.keptBytes > KEPT_BYTES_MAX) this.socket.destroy();
    else kept.push(Buffer.from(bytes));
  }

  private give(): void {
    const { onGiven, kept } = this;
    if (onGiven === null || kept === null || this.inFlight.length > 0 || this.socket.destroyed) return;
    this.onGiven = null;
    this.kept = null;
    onGiven(this.fd, Buffer.concat(kept));
    this.cause = 'handed-over';
    this.socket.destroy(); // closes this descriptor, and no more: the duplicate keeps the connection
  }

  private finish(): void {
    for (const timer of this.timers) if (timer) clearTimeout(timer);
    if (this.closeTimer !== null) clearTimeout(this.closeTimer);
    const { connection } = this;
    if (connection !== null) {
      for (let batch = this.inFlight.shift(); batch !== null; batch = this.inFlight.shift())
        connection.onWritten(batch);
      connection.onClosed(this.cause);
    }
    this.onEnd(this);
  }
}

function portionBytes(receivedBytes: number): number {
  return receivedBytes > PORTIONED_BYTES_MAX ? receivedBytes : Math.max(PORTION_BYTES_MIN, (receivedBytes + 1) >> 1);
}

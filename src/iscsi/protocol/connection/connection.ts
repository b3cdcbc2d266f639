/**
 * One iSCSI connection without its socket (RFC 7143 4.3): bytes come in by onBytes, PDUs are cut and handed to the phase the
 * connection is in, and what is to be said leaves once a tick as one batch. The transport below is a ConnectionSink.
 */
import type { BatchMember } from '../../../util/tick-batch.ts';
import { Bhs } from '../../codec/bhs.ts';
import { type FrameHandler, Framer } from '../../codec/framer.ts';
import { CommandWindow } from '../session/command-window.ts';
import { Output, type OutputBatch } from './output.ts';
import { PduWriter } from './pdu-writer.ts';
import type { Phase, PhaseHost } from './phase.ts';
import type { ProtocolServices } from './services.ts';
import type { CloseCause, ConnectionSink, TimerKind } from './sink.ts';

/**
 * Answers outside of slots (headers, sense data, text) that may wait for a peer that does not read. Above it the connection
 * stops reading until half of it has gone.
 */
const PENDING_BYTES_MAX = 262144;

export class Connection implements FrameHandler, BatchMember, PhaseHost {
  isMarked = false;
  readonly services: ProtocolServices;
  readonly bhs: Bhs = new Bhs();
  readonly framer: Framer;
  readonly writer: PduWriter;
  readonly remoteAddress: string;
  readonly localAddress: string;
  private readonly sink: ConnectionSink;
  private readonly output: Output;
  private phase: Phase | null = null;
  private isClosing: CloseCause | null = null;
  private isCloseSent = false;
  private isClosed = false;
  private isPaused = false;
  private hasHeard = false;

  constructor(services: ProtocolServices, sink: ConnectionSink, remoteAddress: string, localAddress: string) {
    this.services = services;
    this.sink = sink;
    this.remoteAddress = remoteAddress;
    this.localAddress = localAddress;
    this.framer = new Framer(this, services.crc32c);
    this.output = new Output(services.outputs);
    // Until the first Login Request gives both numbers their start.
    const window = new CommandWindow(0, services.limits.commandWindow);
    this.writer = new PduWriter(this.output, window, 0, services.crc32c, services.batch, this);
  }

  // From the transport.

  /** Bytes [start, end) were received; borrowed for this call. `view` covers the same memory as `bytes`. */
  onBytes(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    this.hasHeard = true;
    this.framer.push(bytes, view, start, end);
  }

  /** `count` bytes were received where framer.directMemory said. */
  onDirectBytes(count: number): void {
    this.hasHeard = true;
    this.framer.onDirectBytes(count);
  }

  /** The transport needs `batch` no more: it was written, or the connection is gone. */
  onWritten(batch: OutputBatch): void {
    this.output.finish(batch);
    if (!this.isPaused || this.output.pendingBytes > PENDING_BYTES_MAX / 2 || this.isClosed) return;
    this.isPaused = false;
    this.sink.resumeReading();
  }

  onTimer(kind: TimerKind): void {
    if (this.isClosing === null && this.phase !== null) this.phase.onTimer(kind);
  }

  /** The transport's connection is gone; it reports every batch as written before or after this. */
  onClosed(cause: CloseCause): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.framer.stop();
    const { phase } = this;
    this.phase = null;
    if (phase !== null) phase.onClosed();
    this.output.close();
    this.services.observer.note('debug', 'connection closed', {
      remote: this.remoteAddress,
      cause: this.isClosing ?? cause,
    });
  }

  // FrameHandler

  onHeader(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): void {
    this.bhs.decode(bytes, view, offset);
    if (this.phase !== null) this.phase.onHeader(bytes, view, offset, ahsBytes, dataBytes);
  }

  onPdu(isIntact: boolean): void {
    if (this.phase !== null) this.phase.onPdu(isIntact);
  }

  onHeaderDigestError(): void {
    this.close('header-digest'); // RFC 7143 7.8: with ErrorRecoveryLevel 0 there is no other way back into step
  }

  // BatchMember

  flushBatch(): void {
    if (this.isClosed) return;
    // What a store still answers after the farewell: a socket that was ended takes nothing more.
    if (this.isCloseSent) return this.output.finish(this.output.take());
    if (!this.output.isEmpty) this.sink.write(this.output.take());
    if (this.output.pendingBytes > PENDING_BYTES_MAX && !this.isPaused) {
      this.isPaused = true;
      this.sink.pauseReading();
    }
    if (this.isClosing === null) return;
    this.isCloseSent = true;
    this.sink.close(this.isClosing);
  }

  // PhaseHost

  armTimer(kind: TimerKind, ms: number): void {
    this.sink.armTimer(kind, ms);
  }

  takeHasHeard(): boolean {
    const { hasHeard } = this;
    this.hasHeard = false;
    return hasHeard;
  }

  close(cause: CloseCause): void {
    if (this.isClosing !== null || this.isClosed) return;
    this.isClosing = cause;
    this.framer.stop();
    this.services.batch.markConnection(this);
  }

  enter(phase: Phase): void {
    this.phase = phase;
  }
}

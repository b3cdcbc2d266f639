/**
 * A connection is in one phase at a time: login (RFC 7143 6.2), full feature (4.3), or closing. The phase decides what each
 * PDU means; the connection under it frames bytes and writes batches.
 */
import type { Bhs } from '../../codec/bhs.ts';
import type { Framer } from '../../codec/framer.ts';
import type { PduWriter } from './pdu-writer.ts';
import type { ProtocolServices } from './services.ts';
import type { CloseCause, TimerKind } from './sink.ts';

export interface Phase {
  /** A header has come; see FrameHandler.onHeader. `host.bhs` holds it decoded. */
  onHeader(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): void;
  /** The PDU of the last header is complete. */
  onPdu(isIntact: boolean): void;
  onTimer(kind: TimerKind): void;
  /** The connection is gone: give up what it held. */
  onClosed(): void;
}

/** What a phase may do with its connection. */
export interface PhaseHost {
  readonly services: ProtocolServices;
  readonly bhs: Bhs;
  readonly framer: Framer;
  readonly writer: PduWriter;
  /** "address:port" of both ends, IPv6 in brackets. */
  readonly remoteAddress: string;
  readonly localAddress: string;
  armTimer(kind: TimerKind, ms: number): void;
  /** Whether anything was received since the last time this was asked. */
  takeHasHeard(): boolean;
  /** Writes what is queued, then closes; nothing that arrives is looked at any more. */
  close(cause: CloseCause): void;
  enter(phase: Phase): void;
}

/**
 * Cuts a byte stream into PDUs (RFC 7143 11.1), whatever the pieces it arrives in. Nothing of the stream is kept but a
 * header that came in parts: data segments go straight to where the handler wants them, so one receive buffer can serve
 * every connection of a reactor.
 *
 *   | BHS 48 | AHS 0..1020 | header digest 0/4 | data segment | pad 0..3 | data digest 0/4 |
 *
 * A large data segment can also be received past this class: the transport asks directDestination() and reports
 * onDirectBytes(), and the kernel writes the payload where the store will take it from.
 */
import { assert } from '../../util/assert.ts';
import { BHS_BYTES } from './bhs.ts';
import type { Crc32c } from './digest.ts';

const TOTAL_AHS_WORDS = 4; // RFC 7143 11.2.1.5: TotalAHSLength in 4-byte words
const DATA_SEGMENT_LENGTH = 4; // the low 24 bits of the word at 4 (11.2.1.6)
const AHS_BYTES_MAX = 255 * 4;
const DIGEST_BYTES = 4;
const HEADER_BYTES_MAX = BHS_BYTES + AHS_BYTES_MAX + DIGEST_BYTES;
/** Below this a copy out of the receive buffer is cheaper than a read of its own. */
const DIRECT_BYTES_MIN = 8192;

export interface FrameHandler {
  /**
   * A header is complete and its digest is right. `bytes` is borrowed for this call only. To keep the data segment the
   * handler calls framer.receiveInto(); otherwise it is read and thrown away. It may call framer.stop().
   */
  onHeader(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): void;
  /** The data segment (perhaps empty) of the last header is complete; with `isIntact` false its digest was wrong. */
  onPdu(isIntact: boolean): void;
  /** A header digest was wrong: where the next PDU starts cannot be known any more (RFC 7143 7.8). */
  onHeaderDigestError(): void;
}

export class Framer {
  /** Set at the end of login (RFC 7143 13.1); holds from the next PDU on. */
  hasHeaderDigest = false;
  hasDataDigest = false;
  /** Headers that were handed on since the transport, which counts them, set it to 0. */
  pduCount = 0;
  private readonly handler: FrameHandler;
  private readonly crc32c: Crc32c;
  private isStopped = false;
  // A header that came in parts.
  private readonly header = new Uint8Array(HEADER_BYTES_MAX);
  private readonly headerView = new DataView(this.header.buffer);
  private headerFill = 0;
  // The data segment under way; dataLeft + tailLeft > 0 means that one is.
  private memory: Uint8Array | null = null;
  private memoryOffset = 0;
  private dataLeft = 0;
  private tailLeft = 0;
  private crc = 0;
  private readonly tail = new Uint8Array(3 + DIGEST_BYTES);
  private tailFill = 0;

  constructor(handler: FrameHandler, crc32c: Crc32c) {
    this.handler = handler;
    this.crc32c = crc32c;
  }

  /** No further call of the handler, whatever arrives. */
  stop(): void {
    this.isStopped = true;
  }

  /** From within onHeader: the data segment goes to memory[offset...], which must hold all of it until onPdu. */
  receiveInto(memory: Uint8Array, offset: number): void {
    this.memory = memory;
    this.memoryOffset = offset;
  }

  /** Takes bytes[start, end), borrowed for this call. `view` covers the same bytes as `bytes`. */
  push(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    let at = start;
    while (at < end && !this.isStopped) {
      if (this.dataLeft > 0) at = this.takeData(bytes, at, end);
      else if (this.tailLeft > 0) at = this.takeTail(bytes, at, end);
      else at = this.takeHeader(bytes, view, at, end);
    }
  }

  /**
   * Bytes of the data segment under way that may be received straight into directMemory at directOffset;
   * 0 when the next bytes belong into push().
   */
  get directBytes(): number {
    return this.memory !== null && this.dataLeft >= DIRECT_BYTES_MIN && !this.isStopped ? this.dataLeft : 0;
  }

  get directMemory(): Uint8Array | null {
    return this.memory;
  }

  get directOffset(): number {
    return this.memoryOffset;
  }

  /** `count` bytes, at most directBytes, were received at directOffset. */
  onDirectBytes(count: number): void {
    if (this.isStopped) return; // the read had begun before stop()
    assert(this.memory !== null && count <= this.dataLeft, 'direct bytes belong to the data segment under way');
    if (this.hasDataDigest) this.crc = this.crc32c(this.crc, this.memory, this.memoryOffset, count);
    this.advanceData(count);
  }

  private takeHeader(bytes: Uint8Array, view: DataView, at: number, end: number): number {
    if (this.headerFill === 0 && end - at >= BHS_BYTES) {
      const wholeBytes = this.wholeHeaderBytes(bytes[at + TOTAL_AHS_WORDS] as number);
      if (end - at >= wholeBytes) {
        this.onWholeHeader(bytes, view, at, wholeBytes);
        return at + wholeBytes;
      }
    }
    return this.collectHeader(bytes, at, end);
  }

  private collectHeader(bytes: Uint8Array, at: number, end: number): number {
    const wanted =
      this.headerFill < BHS_BYTES ? BHS_BYTES : this.wholeHeaderBytes(this.header[TOTAL_AHS_WORDS] as number);
    const count = Math.min(wanted - this.headerFill, end - at);
    this.header.set(bytes.subarray(at, at + count), this.headerFill);
    this.headerFill += count;
    if (this.headerFill >= BHS_BYTES) {
      const wholeBytes = this.wholeHeaderBytes(this.header[TOTAL_AHS_WORDS] as number);
      if (this.headerFill === wholeBytes) {
        this.headerFill = 0;
        this.onWholeHeader(this.header, this.headerView, 0, wholeBytes);
      }
    }
    return at + count;
  }

  private wholeHeaderBytes(ahsWords: number): number {
    return BHS_BYTES + ahsWords * 4 + (this.hasHeaderDigest ? DIGEST_BYTES : 0);
  }

  private onWholeHeader(bytes: Uint8Array, view: DataView, offset: number, wholeBytes: number): void {
    const digestedBytes = this.hasHeaderDigest ? wholeBytes - DIGEST_BYTES : wholeBytes;
    if (this.hasHeaderDigest) {
      const crc = this.crc32c(0, bytes, offset, digestedBytes);
      if (crc !== view.getUint32(offset + digestedBytes, true)) {
        this.stop();
        this.handler.onHeaderDigestError();
        return;
      }
    }
    const dataBytes = view.getUint32(offset + DATA_SEGMENT_LENGTH) & 0xffffff;
    this.memory = null;
    this.dataLeft = dataBytes;
    this.tailLeft = dataBytes === 0 ? 0 : padBytes(dataBytes) + (this.hasDataDigest ? DIGEST_BYTES : 0);
    this.tailFill = 0;
    this.crc = 0;
    this.pduCount += 1;
    this.handler.onHeader(bytes, view, offset, digestedBytes - BHS_BYTES, dataBytes);
    if (dataBytes === 0 && !this.isStopped) this.handler.onPdu(true);
  }

  private takeData(bytes: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.dataLeft, end - at);
    if (this.hasDataDigest) this.crc = this.crc32c(this.crc, bytes, at, count);
    if (this.memory !== null) this.copy(this.memory, bytes, at, count);
    this.advanceData(count);
    return at + count;
  }

  /** A transport that receives into the very memory that slots lie in spares a view per data segment. */
  private copy(memory: Uint8Array, bytes: Uint8Array, at: number, count: number): void {
    if (memory === bytes) memory.copyWithin(this.memoryOffset, at, at + count);
    else memory.set(bytes.subarray(at, at + count), this.memoryOffset);
  }

  private advanceData(count: number): void {
    this.memoryOffset += count;
    this.dataLeft -= count;
    if (this.dataLeft === 0 && this.tailLeft === 0) this.handler.onPdu(true);
  }

  private takeTail(bytes: Uint8Array, at: number, end: number): number {
    const count = Math.min(this.tailLeft, end - at);
    for (let i = 0; i < count; i++) this.tail[this.tailFill + i] = bytes[at + i] as number;
    this.tailFill += count;
    this.tailLeft -= count;
    if (this.tailLeft === 0) this.handler.onPdu(!this.hasDataDigest || this.isDataIntact());
    return at + count;
  }

  private isDataIntact(): boolean {
    const padded = this.tailFill - DIGEST_BYTES;
    const crc = padded > 0 ? this.crc32c(this.crc, this.tail, 0, padded) : this.crc;
    const tail = this.tail;
    const digest = tail[padded]! | (tail[padded + 1]! << 8) | (tail[padded + 2]! << 16) | (tail[padded + 3]! << 24);
    return crc === digest >>> 0;
  }
}

/** Zero bytes that follow a data segment of `dataBytes` to make it whole words (RFC 7143 11.1). */
export function padBytes(dataBytes: number): number {
  return -dataBytes & 3;
}

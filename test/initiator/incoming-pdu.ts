/** One PDU as it came from the target, and the reader that cuts them out of the stream. */
import { BHS_BYTES, Bhs } from '../../src/iscsi/codec/bhs.ts';
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import { type FrameHandler, Framer } from '../../src/iscsi/codec/framer.ts';

export class IncomingPdu {
  readonly bhs: Bhs;
  /** The 48 bytes of its header. */
  readonly header: Buffer;
  readonly data: Buffer;

  constructor(bhs: Bhs, header: Buffer, data: Buffer) {
    this.bhs = bhs;
    this.header = header;
    this.data = data;
  }

  get opcode(): number {
    return this.bhs.opcode;
  }
}

export interface PduConsumer {
  /** A PDU is complete and its digests were right. */
  onPdu(pdu: IncomingPdu): void;
  /** A digest was wrong; at ErrorRecoveryLevel 0 that is the end of the connection. */
  onDigestError(): void;
}

export class PduReader implements FrameHandler {
  readonly framer = new Framer(this, crc32cPortable);
  private readonly consumer: PduConsumer;
  private bhs = new Bhs();
  private header: Buffer = Buffer.alloc(0);
  private data: Buffer = Buffer.alloc(0);

  constructor(consumer: PduConsumer) {
    this.consumer = consumer;
  }

  /** Borrowed for this call. */
  push(bytes: Buffer): void {
    this.framer.push(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  }

  onHeader(bytes: Uint8Array, view: DataView, offset: number, _ahsBytes: number, dataBytes: number): void {
    this.bhs = new Bhs();
    this.bhs.decode(bytes, view, offset);
    this.header = Buffer.from(bytes.slice(offset, offset + BHS_BYTES));
    this.data = Buffer.alloc(dataBytes);
    if (dataBytes > 0) this.framer.receiveInto(this.data, 0);
  }

  onPdu(isIntact: boolean): void {
    if (isIntact) this.consumer.onPdu(new IncomingPdu(this.bhs, this.header, this.data));
    else this.onHeaderDigestError();
  }

  onHeaderDigestError(): void {
    this.framer.stop();
    this.consumer.onDigestError();
  }
}

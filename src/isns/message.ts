/**
 * iSNSP messages and the PDUs that carry them (RFC 4171 5.1, 5.2). A message of any length is cut into PDUs without regard
 * to its attributes and put together again here; nothing that a peer sends makes this hold more than MESSAGE_BYTES_MAX.
 */
import { FLAG_AUTHENTICATION_BLOCK, FLAG_FIRST_PDU, FLAG_LAST_PDU, ISNSP_VERSION } from './constants.ts';

// 5.1: offsets in the PDU header
const PDU_VERSION = 0;
const PDU_FUNCTION_ID = 2;
const PDU_LENGTH = 4;
const PDU_FLAGS = 6;
const PDU_TRANSACTION_ID = 8;
const PDU_SEQUENCE_ID = 10;
export const PDU_HEADER_BYTES = 12;
/** 5.1.3: two bytes of length, a multiple of four. */
export const PDU_PAYLOAD_BYTES_MAX = 65532;
/** The answer to the largest registration that we send is a fraction of it. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;

export interface Message {
  readonly functionId: number;
  /** Without FLAG_FIRST_PDU and FLAG_LAST_PDU. */
  readonly flags: number;
  readonly transactionId: number;
  /** All PDUs' payloads together; the first four bytes of a response are its status. */
  readonly payload: Uint8Array;
}

/**
 * @param payload a multiple of four bytes
 * @param pduPayloadBytes where to cut, a multiple of four
 */
export function writeMessage(message: Message, pduPayloadBytes = PDU_PAYLOAD_BYTES_MAX): Uint8Array {
  const { payload } = message;
  const pduCount = Math.max(1, Math.ceil(payload.length / pduPayloadBytes));
  const bytes = new Uint8Array(payload.length + pduCount * PDU_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (let sequenceId = 0; sequenceId < pduCount; sequenceId++) {
    const part = payload.subarray(sequenceId * pduPayloadBytes, (sequenceId + 1) * pduPayloadBytes);
    const ends = (sequenceId === 0 ? FLAG_FIRST_PDU : 0) | (sequenceId === pduCount - 1 ? FLAG_LAST_PDU : 0);
    view.setUint16(offset + PDU_VERSION, ISNSP_VERSION);
    view.setUint16(offset + PDU_FUNCTION_ID, message.functionId);
    view.setUint16(offset + PDU_LENGTH, part.length);
    view.setUint16(offset + PDU_FLAGS, message.flags | ends);
    view.setUint16(offset + PDU_TRANSACTION_ID, message.transactionId);
    view.setUint16(offset + PDU_SEQUENCE_ID, sequenceId);
    bytes.set(part, offset + PDU_HEADER_BYTES);
    offset += PDU_HEADER_BYTES + part.length;
  }
  return bytes;
}

/** Gets bytes as they arrive, gives whole messages. After a fault nothing more comes out: close the connection. */
export class MessageReader {
  /** What the peer did wrong, words for the log; null while all is well. */
  fault: string | null = null;
  private readonly buffer = new Uint8Array(PDU_HEADER_BYTES + 0xffff);
  private readonly view = new DataView(this.buffer.buffer);
  private fillBytes = 0;
  private parts: Uint8Array[] = [];
  private partsBytes = 0;
  private first: Omit<Message, 'payload'> | null = null;

  /** @param onMessage gets memory of its own */
  push(chunk: Uint8Array, onMessage: (message: Message) => void): void {
    let offset = 0;
    while (offset < chunk.length && this.fault === null) {
      const count = Math.min(this.wantedBytes(), chunk.length - offset);
      this.buffer.set(chunk.subarray(offset, offset + count), this.fillBytes);
      this.fillBytes += count;
      offset += count;
      this.readHeaderAndPayload(onMessage);
    }
  }

  /** Bytes up to the end of the header, or of the PDU once its header is here. */
  private wantedBytes(): number {
    if (this.fillBytes < PDU_HEADER_BYTES) return PDU_HEADER_BYTES - this.fillBytes;
    return PDU_HEADER_BYTES + this.view.getUint16(PDU_LENGTH) - this.fillBytes;
  }

  private readHeaderAndPayload(onMessage: (message: Message) => void): void {
    if (this.fillBytes < PDU_HEADER_BYTES) return;
    if (this.fillBytes === PDU_HEADER_BYTES) this.fault = this.headerFault();
    if (this.fault !== null || this.wantedBytes() > 0) return;
    const payload = this.buffer.slice(PDU_HEADER_BYTES, this.fillBytes);
    this.fillBytes = 0;
    this.addPart(payload, onMessage);
  }

  private headerFault(): string | null {
    const { view, first } = this;
    const flags = view.getUint16(PDU_FLAGS);
    if (view.getUint16(PDU_VERSION) !== ISNSP_VERSION) return `version ${view.getUint16(PDU_VERSION)}`;
    if (view.getUint16(PDU_LENGTH) % 4 !== 0) return 'a PDU length that is no multiple of four';
    if ((flags & FLAG_AUTHENTICATION_BLOCK) !== 0) return 'an authentication block, which is not supported';
    if (((flags & FLAG_FIRST_PDU) !== 0) !== (first === null)) return 'a PDU out of order';
    if (view.getUint16(PDU_SEQUENCE_ID) !== this.parts.length) return 'a PDU out of order';
    const isForeign =
      first !== null &&
      (first.functionId !== view.getUint16(PDU_FUNCTION_ID) ||
        first.transactionId !== view.getUint16(PDU_TRANSACTION_ID));
    if (isForeign) return 'PDUs of two messages mixed';
    return this.partsBytes + view.getUint16(PDU_LENGTH) > MESSAGE_BYTES_MAX
      ? `a message of more than ${MESSAGE_BYTES_MAX} bytes`
      : null;
  }

  private addPart(payload: Uint8Array, onMessage: (message: Message) => void): void {
    const { view } = this;
    const flags = view.getUint16(PDU_FLAGS);
    this.first ??= {
      functionId: view.getUint16(PDU_FUNCTION_ID),
      flags: flags & ~(FLAG_FIRST_PDU | FLAG_LAST_PDU),
      transactionId: view.getUint16(PDU_TRANSACTION_ID),
    };
    this.parts.push(payload);
    this.partsBytes += payload.length;
    if ((flags & FLAG_LAST_PDU) === 0) return;
    const message = { ...this.first, payload: joined(this.parts, this.partsBytes) };
    this.first = null;
    this.parts = [];
    this.partsBytes = 0;
    onMessage(message);
  }
}

function joined(parts: readonly Uint8Array[], lengthBytes: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const whole = new Uint8Array(lengthBytes);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

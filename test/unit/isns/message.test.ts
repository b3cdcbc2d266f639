/** PDUs as bytes: written as the RFC draws them, read whole, byte by byte and damaged in every place. */
import { describe, expect, it } from 'vitest';
import { MESSAGE_BYTES_MAX, type Message, MessageReader, writeMessage } from '../../../src/isns/message.ts';

const MESSAGE: Message = {
  functionId: 0x8001,
  flags: 0x4000,
  transactionId: 0x1234,
  payload: Uint8Array.from([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
};

function read(chunks: readonly Uint8Array[]): { messages: Message[]; fault: string | null } {
  const reader = new MessageReader();
  const messages: Message[] = [];
  for (const chunk of chunks) reader.push(chunk, (message) => messages.push(message));
  return { messages, fault: reader.fault };
}

/** One PDU written by hand. */
function pdu(
  fields: Partial<Record<'version' | 'functionId' | 'length' | 'flags' | 'id' | 'sequence', number>>,
  payloadBytes = 4,
) {
  const { version = 1, functionId = 0x8001, length = payloadBytes, flags = 0x4c00, id = 7, sequence = 0 } = fields;
  const bytes = new Uint8Array(12 + payloadBytes);
  const view = new DataView(bytes.buffer);
  for (const [i, field] of [version, functionId, length, flags, id, sequence].entries()) view.setUint16(2 * i, field);
  return bytes;
}

describe('one message', () => {
  it('in one PDU has both flags and sequence 0', () => {
    expect(Buffer.from(writeMessage(MESSAGE)).toString('hex')).toBe(
      '0001 8001 000c 4c00 1234 0000 00000000 01020304 05060708'.replaceAll(' ', ''),
    );
  });

  it('in three PDUs has the first flag on the first, the last on the last, and counts', () => {
    expect(Buffer.from(writeMessage(MESSAGE, 4)).toString('hex')).toBe(
      [
        '0001 8001 0004 4400 1234 0000 00000000',
        '0001 8001 0004 4000 1234 0001 01020304',
        '0001 8001 0004 4800 1234 0002 05060708',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('without a payload is one PDU', () => {
    const bytes = writeMessage({ ...MESSAGE, payload: new Uint8Array(0) });
    expect(read([bytes])).toEqual({ messages: [{ ...MESSAGE, payload: new Uint8Array(0) }], fault: null });
  });

  it('is read whole, byte by byte and cut at every place, of one PDU or of three', () => {
    for (const pduBytes of [65532, 4]) {
      const bytes = writeMessage(MESSAGE, pduBytes);
      const whole = { messages: [MESSAGE], fault: null };
      expect(read([bytes])).toEqual(whole);
      expect(read([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
      for (let cut = 1; cut < bytes.length; cut++) {
        expect(read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(whole);
        expect(read([bytes.subarray(0, cut)])).toEqual({ messages: [], fault: null });
      }
    }
  });

  it('of more than 64 KiB goes and comes in several PDUs', () => {
    const payload = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
    expect(read([writeMessage({ ...MESSAGE, payload })])).toEqual({ messages: [{ ...MESSAGE, payload }], fault: null });
  });

  it('two in one chunk are two', () => {
    const bytes = writeMessage(MESSAGE);
    expect(read([Buffer.concat([bytes, bytes])]).messages).toEqual([MESSAGE, MESSAGE]);
  });
});

describe('what is not iSNSP is a fault', () => {
  it.each([
    ['another version', [pdu({ version: 2 })], 'version 2'],
    ['a length of no whole words', [pdu({ length: 3 })], 'no multiple of four'],
    ['an authentication block', [pdu({ flags: 0x6c00 })], 'authentication block'],
    ['a beginning that is none', [pdu({ flags: 0x4800 })], 'out of order'],
    ['a beginning with a later number', [pdu({ sequence: 1 })], 'out of order'],
    ['a second beginning', [pdu({ flags: 0x4400 }), pdu({ flags: 0x4400, sequence: 1 })], 'out of order'],
    ['a PDU left out', [pdu({ flags: 0x4400 }), pdu({ flags: 0x4800, sequence: 2 })], 'out of order'],
    ['another function', [pdu({ flags: 0x4400 }), pdu({ flags: 0x4800, sequence: 1, functionId: 0x8002 })], 'mixed'],
    ['another transaction', [pdu({ flags: 0x4400 }), pdu({ flags: 0x4800, sequence: 1, id: 8 })], 'mixed'],
  ])('%s', (_what, chunks, fault) => {
    const result = read([...chunks, writeMessage(MESSAGE)]);
    expect(result.fault).toContain(fault);
    expect(result.messages).toEqual([]);
  });

  it('a message without end stops at its limit', () => {
    const reader = new MessageReader();
    const count = Math.floor(MESSAGE_BYTES_MAX / 65532);
    const pieces = Array.from({ length: count + 1 }, (_, i) =>
      pdu({ flags: i === 0 ? 0x4400 : 0x4000, sequence: i }, 65532),
    );
    for (const [i, piece] of pieces.entries()) {
      reader.push(piece, () => expect.unreachable());
      expect(reader.fault === null).toBe(i < count);
    }
  });

  it('empty PDUs without end stop where their numbers end', () => {
    const reader = new MessageReader();
    for (let i = 0; i < 65536; i++)
      reader.push(pdu({ flags: i === 0 ? 0x4400 : 0x4000, sequence: i }, 0), () => expect.unreachable());
    expect(reader.fault).toBeNull();
    reader.push(pdu({ flags: 0x4000, sequence: 0 }, 0), () => expect.unreachable());
    expect(reader.fault).toContain('out of order');
  });
});

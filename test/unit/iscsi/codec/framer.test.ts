/**
 * The framer cuts the same PDUs out of a stream however it arrives: whole, byte by byte, cut at every offset, with
 * digests and additional headers, and with large data segments received past it.
 */
import { describe, expect, it } from 'vitest';
import { BHS_BYTES } from '../../../../src/iscsi/codec/bhs.ts';
import { crc32cPortable } from '../../../../src/iscsi/codec/digest.ts';
import { type FrameHandler, Framer, padBytes } from '../../../../src/iscsi/codec/framer.ts';
import { OutgoingPdu } from '../../../initiator/outgoing-pdu.ts';
import { pattern } from '../../../initiator/pattern.ts';
import { seededRandom } from '../../../random.ts';

interface Seen {
  readonly header: string;
  readonly ahs: string;
  readonly data: string;
  readonly isIntact: boolean;
}

/** Keeps what it is told; data goes into memory with guards on both sides. */
class Recorder implements FrameHandler {
  readonly framer = new Framer(this, crc32cPortable);
  readonly seen: Seen[] = [];
  headerDigestErrors = 0;
  /** Data segments that are read and thrown away. */
  isDiscarding = false;
  stopsAt = Number.POSITIVE_INFINITY;
  headerCount = 0;
  private header = '';
  private ahs = '';
  private memory: Buffer = Buffer.alloc(0);
  private dataBytes = 0;

  constructor(hasHeaderDigest: boolean, hasDataDigest: boolean) {
    this.framer.hasHeaderDigest = hasHeaderDigest;
    this.framer.hasDataDigest = hasDataDigest;
  }

  onHeader(bytes: Uint8Array, view: DataView, offset: number, ahsBytes: number, dataBytes: number): void {
    this.headerCount += 1;
    expect(view.getUint8(offset)).toBe(bytes[offset]);
    const from = Buffer.from(bytes);
    this.header = from.toString('hex', offset, offset + BHS_BYTES);
    this.ahs = from.toString('hex', offset + BHS_BYTES, offset + BHS_BYTES + ahsBytes);
    this.dataBytes = dataBytes;
    this.memory = Buffer.alloc(dataBytes + 16, 0xa5);
    if (!this.isDiscarding && dataBytes > 0) this.framer.receiveInto(this.memory, 8);
    if (this.headerCount >= this.stopsAt) this.framer.stop();
  }

  onPdu(isIntact: boolean): void {
    const guards = Buffer.concat([this.memory.subarray(0, 8), this.memory.subarray(8 + this.dataBytes)]);
    expect(guards.every((byte) => byte === 0xa5)).toBe(true);
    const data = this.memory.toString('hex', 8, 8 + this.dataBytes);
    this.seen.push({ header: this.header, ahs: this.ahs, data: this.isDiscarding ? '' : data, isIntact });
  }

  onHeaderDigestError(): void {
    this.headerDigestErrors += 1;
  }

  /** Borrowed memory: it is overwritten after the call. */
  push(bytes: Buffer): void {
    const lent = Buffer.concat([Buffer.alloc(5, 0x11), bytes]);
    this.framer.push(lent, new DataView(lent.buffer, lent.byteOffset, lent.length), 5, lent.length);
    lent.fill(0xee);
  }
}

function pdu(seed: number, ahsBytes: number, dataBytes: number): OutgoingPdu {
  const made = new OutgoingPdu();
  pattern(BHS_BYTES, seed).copy(made.header);
  made.ahs = pattern(ahsBytes, seed + 1);
  made.data = pattern(dataBytes, seed + 2);
  made.fitLengths();
  return made;
}

function expected(made: OutgoingPdu): Seen {
  const { header, ahs, data } = made;
  return { header: header.toString('hex'), ahs: ahs.toString('hex'), data: data.toString('hex'), isIntact: true };
}

const SHAPES: readonly OutgoingPdu[] = [
  pdu(1, 0, 0),
  pdu(2, 0, 1),
  pdu(3, 0, 2),
  pdu(4, 0, 3),
  pdu(5, 0, 4),
  pdu(6, 4, 0),
  pdu(7, 12, 7),
  pdu(8, 1020, 5),
  pdu(9, 0, 130),
];

const DIGESTS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

describe.each(DIGESTS)('with header digest %s and data digest %s', (hasHeaderDigest, hasDataDigest) => {
  const stream = Buffer.concat(SHAPES.map((made) => made.encode(hasHeaderDigest, hasDataDigest)));
  const all = SHAPES.map(expected);

  it('a stream in one piece', () => {
    const recorder = new Recorder(hasHeaderDigest, hasDataDigest);
    recorder.push(stream);
    expect(recorder.seen).toEqual(all);
  });

  it('a stream byte by byte', () => {
    const recorder = new Recorder(hasHeaderDigest, hasDataDigest);
    for (const byte of stream) recorder.push(Buffer.from([byte]));
    expect(recorder.seen).toEqual(all);
  });

  it('a stream cut at every offset', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const recorder = new Recorder(hasHeaderDigest, hasDataDigest);
      recorder.push(stream.subarray(0, cut));
      recorder.push(stream.subarray(cut));
      expect(recorder.seen.length, `cut at ${cut}`).toBe(all.length);
      expect(recorder.seen.every((seen, i) => JSON.stringify(seen) === JSON.stringify(all[i]))).toBe(true);
    }
  });

  it('a stream that lies in the very memory its data segments go to, cut at every offset', () => {
    const [slotStart, slotBytes, receiveStart] = [8, 256, 4096];
    const arena = Buffer.alloc(receiveStart + stream.length);
    const view = new DataView(arena.buffer, arena.byteOffset, arena.length);
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const data: string[] = [];
      let dataBytes = 0;
      const framer: Framer = new Framer(
        {
          onHeader: (_bytes, _view, _offset, _ahsBytes, bytes) => {
            dataBytes = bytes;
            arena.fill(0xa5, 0, slotStart + slotBytes);
            framer.receiveInto(arena, slotStart);
          },
          onPdu: (isIntact) => {
            expect(isIntact).toBe(true);
            expect([arena[slotStart - 1], arena[slotStart + dataBytes]]).toEqual([0xa5, 0xa5]);
            data.push(arena.toString('hex', slotStart, slotStart + dataBytes));
          },
          onHeaderDigestError: () => expect.unreachable(),
        },
        crc32cPortable,
      );
      framer.hasHeaderDigest = hasHeaderDigest;
      framer.hasDataDigest = hasDataDigest;
      for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
        part.copy(arena, receiveStart);
        framer.push(arena, view, receiveStart, receiveStart + part.length);
      }
      expect(data, `cut at ${cut}`).toEqual(all.map((seen) => seen.data));
    }
  });

  it('a stream in random pieces, with data segments that nobody wants', () => {
    const random = seededRandom();
    for (let round = 0; round < 50; round++) {
      const recorder = new Recorder(hasHeaderDigest, hasDataDigest);
      recorder.isDiscarding = true;
      for (let at = 0; at < stream.length; ) {
        const next = Math.min(stream.length, at + random.below(120));
        recorder.push(stream.subarray(at, next));
        at = next;
      }
      expect(recorder.seen, `SEED=${random.seed}`).toEqual(all.map((seen) => ({ ...seen, data: '' })));
    }
  });

  it('a data segment that is received directly, in turns with pieces that are pushed', () => {
    const random = seededRandom();
    const made = [pdu(1, 4, 30_001), pdu(2, 0, 8192), pdu(3, 0, 8191), pdu(4, 0, 0)];
    const bytes = Buffer.concat(made.map((each) => each.encode(hasHeaderDigest, hasDataDigest)));
    let directCount = 0;
    for (let round = 0; round < 30; round++) {
      const recorder = new Recorder(hasHeaderDigest, hasDataDigest);
      const { framer } = recorder;
      for (let at = 0; at < bytes.length; ) {
        const direct = framer.directBytes;
        const count = Math.min(bytes.length - at, 1 + random.below(9000));
        if (direct > 0 && random.below(4) > 0) {
          const taken = Math.min(direct, count);
          (framer.directMemory as Uint8Array).set(bytes.subarray(at, at + taken), framer.directOffset);
          framer.onDirectBytes(taken);
          directCount += 1;
          at += taken;
        } else {
          recorder.push(bytes.subarray(at, at + count));
          at += count;
        }
      }
      expect(recorder.seen.length, `SEED=${random.seed}`).toBe(made.length);
      expect(recorder.seen.every((seen, i) => seen.data === made[i]!.data.toString('hex') && seen.isIntact)).toBe(true);
    }
    expect(directCount).toBeGreaterThan(0);
  });
});

describe('a wrong data digest', () => {
  it('is told with the PDU, and the next one is right', () => {
    const bad = pdu(1, 0, 21);
    bad.hasBadDataDigest = true;
    const recorder = new Recorder(true, true);
    recorder.push(Buffer.concat([bad, pdu(2, 0, 9)].map((made) => made.encode(true, true))));
    expect(recorder.seen.map(({ isIntact }) => isIntact)).toEqual([false, true]);
  });

  it.each([0, 10, 20, 21, 22, 23, 24, 27])('is what a change of byte %i of segment, padding or digest makes', (at) => {
    const bytes = pdu(1, 0, 21).encode(true, true);
    bytes[BHS_BYTES + 4 + at]! ^= 0x10;
    const recorder = new Recorder(true, true);
    recorder.push(bytes);
    expect(recorder.seen.map(({ isIntact }) => isIntact)).toEqual([false]);
  });

  it('is found in a segment that was received directly', () => {
    const made = pdu(1, 0, 20_000);
    made.hasBadDataDigest = true;
    const bytes = made.encode(false, true);
    const recorder = new Recorder(false, true);
    recorder.push(bytes.subarray(0, BHS_BYTES));
    const { framer } = recorder;
    (framer.directMemory as Uint8Array).set(bytes.subarray(BHS_BYTES, BHS_BYTES + 20_000), framer.directOffset);
    framer.onDirectBytes(20_000);
    recorder.push(bytes.subarray(BHS_BYTES + 20_000));
    expect(recorder.seen.map(({ isIntact }) => isIntact)).toEqual([false]);
  });
});

describe('a wrong header digest', () => {
  it.each([0, 5, 47, 48, 55, 56, 59])(
    'is what a change of byte %i of header, AHS or digest makes; it is the end',
    (at) => {
      // 5: a length too long by 16 MiB would otherwise be waited for.
      const bytes = Buffer.concat([pdu(1, 8, 0), pdu(2, 0, 0)].map((made) => made.encode(true, false)));
      bytes[at]! ^= 0x01;
      const recorder = new Recorder(true, false);
      recorder.push(bytes);
      expect([recorder.headerDigestErrors, recorder.seen.length]).toEqual([1, 0]);
      recorder.push(pdu(3, 0, 0).encode(true, false));
      expect([recorder.headerDigestErrors, recorder.headerCount]).toEqual([1, 0]);
    },
  );
});

describe('a framer that was stopped', () => {
  it('in a header tells nothing more of what follows', () => {
    const recorder = new Recorder(false, false);
    recorder.stopsAt = 2;
    recorder.push(Buffer.concat(SHAPES.map((made) => made.encode(false, false))));
    recorder.push(SHAPES[0]!.encode(false, false));
    expect([recorder.headerCount, recorder.seen.length]).toEqual([2, 1]);
  });

  it('in the middle of a data segment asks for no direct bytes, and takes those under way without a word', () => {
    const recorder = new Recorder(false, false);
    const { framer } = recorder;
    recorder.push(pdu(1, 0, 20_000).encode(false, false).subarray(0, BHS_BYTES));
    expect(framer.directBytes).toBe(20_000);
    framer.stop();
    expect(framer.directBytes).toBe(0);
    framer.onDirectBytes(20_000);
    expect(recorder.seen.length).toBe(0);
  });
});

it('padding makes whole words', () => {
  expect([0, 1, 2, 3, 4, 5, 262_143].map(padBytes)).toEqual([0, 3, 2, 1, 0, 3, 1]);
});

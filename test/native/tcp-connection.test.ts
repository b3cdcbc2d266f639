/**
 * What a connection sends, through the addon's sender first and its stream for the rest, against real sockets: every byte
 * once and in order, every batch reported once, whatever the socket takes at a time.
 */
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import type { Connection } from '../../src/iscsi/protocol/connection/connection.ts';
import { OutputBatch } from '../../src/iscsi/protocol/connection/output.ts';
import { BusyPoll } from '../../src/native/busy-poll.ts';
import type { NativeListener, NativeSender } from '../../src/native/native-addon.ts';
import { RING_LAYOUT } from '../../src/native/ring-layout.ts';
import { Sender } from '../../src/native/sender.ts';
import { LentMemory } from '../../src/transport/lent-memory.ts';
import { TcpConnection } from '../../src/transport/tcp-connection.ts';
import { TickBatch } from '../../src/util/tick-batch.ts';
import { describeNative } from './native-suite.ts';

const MEMORY_BYTES = 8 << 20;

describeNative('a TCP connection that sends', (native) => {
  let listener: NativeListener;
  let client: Socket;
  let ends: Promise<unknown>[];
  const written: OutputBatch[] = [];
  /** What was received, an empty one for each flush. */
  const parts: Buffer[] = [];
  let closes: number;

  beforeEach(() => {
    written.length = 0;
    parts.length = 0;
    closes = 0;
    ends = [];
  });
  afterEach(async () => {
    client.destroy();
    listener.close();
    await Promise.all(ends);
  });

  /** A connection to `client`, and what it tells the protocol. */
  async function open(
    sender: Sender | null,
    lastReader: object | null = null,
    busyPoll: BusyPoll | null = null,
  ): Promise<TcpConnection> {
    const lent = new LentMemory(Buffer.alloc(65536), 0, 65536, sender, busyPoll);
    lent.lastReader = lastReader;
    const accepted = new Promise<TcpConnection>((resolve) => {
      const accept = (fd: number) => {
        let onEnd: (value?: unknown) => void = () => undefined;
        ends.push(
          new Promise((end) => {
            onEnd = end;
          }),
        );
        resolve(TcpConnection.fromDescriptor(fd, lent, () => onEnd()));
      };
      const opened = native.listen({ address: '127.0.0.1', port: 0 }, accept, () => undefined);
      if (typeof opened === 'number') throw new Error(`does not listen: ${opened}`);
      listener = opened;
    });
    client = connect({ host: '127.0.0.1', port: listener.port });
    const tcp = await accepted;
    const protocol = {
      services: { batch: new TickBatch((work) => process.nextTick(work)) },
      // Each byte 1 is a PDU, where that counts.
      framer: { directBytes: 0, pduCount: 0 },
      onBytes: (bytes: Buffer, _view: DataView, start: number, end: number) => {
        for (let at = start; at < end; at++) if (bytes[at] === 1) protocol.framer.pduCount += 1;
        parts.push(Buffer.from(bytes.subarray(start, end)));
        // Its answers leave before the next part is looked at.
        protocol.services.batch.markConnection({ isMarked: false, flushBatch: () => parts.push(Buffer.alloc(0)) });
      },
      onWritten: (batch: OutputBatch) => written.push(batch),
      onClosed: () => {
        closes += 1;
      },
    };
    tcp.start(protocol as unknown as Connection);
    return tcp;
  }

  function patterned(lengthBytes: number, seed: number): Buffer {
    const memory = Buffer.alloc(lengthBytes);
    for (let i = 0; i < lengthBytes; i++) memory[i] = (i * 31 + (i >> 8) * 17 + seed) & 0xff;
    return memory;
  }

  function batchOf(...pieces: [Buffer, number, number][]): OutputBatch {
    const batch = new OutputBatch();
    for (const [memory, start, end] of pieces) batch.addPiece(memory, start, end);
    return batch;
  }

  function bytesOf(batches: readonly OutputBatch[]): Buffer {
    const pieces = batches.flatMap(({ memories, starts, ends: stops, pieceCount }) =>
      memories.slice(0, pieceCount).map((memory, i) => memory.subarray(starts[i], stops[i])),
    );
    return Buffer.concat(pieces);
  }

  function received(lengthBytes: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let have = 0;
      client.on('data', (chunk) => {
        chunks.push(chunk);
        have += chunk.length;
        if (have >= lengthBytes) resolve(Buffer.concat(chunks));
      });
      client.on('error', reject);
    });
  }

  /** Each once, in order, within `turns` of the event loop. Compared by identity: what they hold is large. */
  async function allWritten(batches: readonly OutputBatch[], turns = 100): Promise<void> {
    for (let turn = 0; turn < turns && written.length < batches.length; turn++) await new Promise(setImmediate);
    expect(written.map((batch) => batches.indexOf(batch))).toEqual([...batches.keys()]);
  }

  function senderOf(...memories: Buffer[]): Sender {
    return new Sender(native.createSender(memories), memories);
  }

  it('a batch that the socket takes whole is written when write() returns', async () => {
    const [slots, headers] = [patterned(65536, 1), patterned(4096, 2)];
    const tcp = await open(senderOf(slots, headers));
    const batch = batchOf([headers, 0, 48], [slots, 4096, 8192], [headers, 48, 96], [slots, 100, 101]);
    const arrived = received(48 + 4096 + 48 + 1);
    tcp.write(batch);
    await allWritten([batch], 0);
    expect(bytesOf([batch]).equals(await arrived)).toBe(true);
  });

  it('a reader that stops gets every byte in order once it goes on, and holds what it was not sent', async () => {
    const slots = patterned(MEMORY_BYTES, 3);
    const tcp = await open(senderOf(slots));
    client.pause();
    const batches: OutputBatch[] = [];
    for (let at = 0, i = 0; at + 131072 <= MEMORY_BYTES; at += 131072, i++) {
      const batch = batchOf([slots, at, at + 48], [slots, at + 48, at + 100000], [slots, at + 100000, at + 131072]);
      batches.push(batch);
      tcp.write(batch);
      if (i % 8 === 0) await new Promise(setImmediate);
    }
    const whole = written.length;
    expect(whole).toBeGreaterThan(0);
    expect(whole).toBeLessThan(batches.length);
    const arrived = received(MEMORY_BYTES);
    client.resume();
    expect(bytesOf(batches).equals(await arrived)).toBe(true);
    await allWritten(batches);
  });

  it('a peer that goes with bytes under way gives every batch back once', async () => {
    const slots = patterned(MEMORY_BYTES, 4);
    const tcp = await open(senderOf(slots));
    client.pause();
    const batches = Array.from({ length: 20 }, (_, i) => batchOf([slots, i * 400000, i * 400000 + 400000]));
    for (const batch of batches) tcp.write(batch);
    expect(written.length).toBeLessThan(batches.length);
    client.resetAndDestroy();
    await Promise.all(ends);
    expect(closes).toBe(1);
    await allWritten(batches);
    const late = batchOf([slots, 0, 48]);
    tcp.write(late); // not to the descriptor, which may be another's by now
    expect(written.length).toBe(batches.length);
    await allWritten([...batches, late]); // its stream has refused it
  });

  it('memory that the sender does not know leaves through the stream, in its place', async () => {
    const [slots, text] = [patterned(65536, 5), patterned(3000, 6)];
    const tcp = await open(senderOf(slots));
    const batches = [
      batchOf([slots, 0, 4144]),
      batchOf([slots, 5000, 5048], [text, 0, 3000], [slots, 0, 7]),
      batchOf([slots, 9000, 9100]),
    ];
    const arrived = received(4144 + 48 + 3000 + 7 + 100);
    for (const batch of batches) tcp.write(batch);
    expect(bytesOf(batches).equals(await arrived)).toBe(true);
    await allWritten(batches);
  });

  it('more pieces than one call takes leave in order', async () => {
    const slots = patterned(65536, 7);
    const tcp = await open(senderOf(slots));
    const many = Array.from({ length: RING_LAYOUT.piecesMax * 2 + 3 }, (_, i): [Buffer, number, number] => [
      slots,
      i * 16,
      i * 16 + 9,
    ]);
    const batches = [batchOf(...many), batchOf([slots, 0, 100])];
    const arrived = received(many.length * 9 + 100);
    for (const batch of batches) tcp.write(batch);
    expect(bytesOf(batches).equals(await arrived)).toBe(true);
  });

  /** Takes no more than `limits` says, call by call; a negative number is an errno. */
  class LimitedSender implements NativeSender {
    readonly pieces: ArrayBuffer;
    private readonly inner: NativeSender;
    private readonly limits: number[];

    constructor(inner: NativeSender, limits: number[]) {
      this.inner = inner;
      this.pieces = inner.pieces;
      this.limits = limits;
    }

    seal(count: number): number {
      return this.inner.seal(count);
    }

    send(fd: number, count: number): number {
      let left = this.limits.shift() ?? Number.POSITIVE_INFINITY;
      if (left <= 0) return left;
      const table = new Float64Array(this.pieces);
      for (let i = 0; i < count; i++) {
        const length = Math.min(left, (table[i * 3 + 2] as number) - (table[i * 3 + 1] as number));
        table[i * 3 + 2] = (table[i * 3 + 1] as number) + length;
        left -= length;
      }
      return this.inner.send(fd, count);
    }
  }

  it('wherever the socket stops taking, the stream goes on at the next byte', async () => {
    const slots = patterned(4096, 8);
    const pieces: [Buffer, number, number][] = [
      [slots, 0, 3],
      [slots, 10, 10],
      [slots, 20, 25],
      [slots, 30, 31],
    ];
    const cuts = [-11, -32, -104, 0, 1, 2, 3, 4, 7, 8, 9];
    const limits = cuts.slice();
    const tcp = await open(new Sender(new LimitedSender(native.createSender([slots]), limits), [slots]));
    const batches = cuts.map(() => batchOf(...pieces));
    const arrived = received(cuts.length * 9);
    for (const batch of batches) {
      tcp.write(batch);
      while (!written.includes(batch)) await new Promise(setImmediate);
    }
    expect(limits).toEqual([]);
    expect(bytesOf(batches).equals(await arrived)).toBe(true);
    await allWritten(batches);
  });

  it('without a sender all of it leaves through the stream', async () => {
    const slots = patterned(65536, 9);
    const tcp = await open(null);
    const batches = [batchOf([slots, 0, 48], [slots, 4096, 8192]), batchOf([slots, 1, 2])];
    const arrived = received(48 + 4096 + 1);
    for (const batch of batches) tcp.write(batch);
    expect(written).toEqual([]);
    expect(bytesOf(batches).equals(await arrived)).toBe(true);
  });

  it('what one read brings of the connection that was read last is taken in two parts, commands alone', async () => {
    await open(null, { anotherConnection: true });
    const sizes = async (lengthBytes: number) => {
      parts.length = 0;
      const sent = patterned(lengthBytes, lengthBytes);
      client.write(sent);
      const have = () => parts.reduce((sum, { length }) => sum + length, 0);
      while (have() < lengthBytes) await new Promise(setImmediate);
      expect(Buffer.concat(parts).equals(sent)).toBe(true);
      return parts.map(({ length }) => length);
    };
    expect(await sizes(1536)).toEqual([1536, 0]); // another's read was the last
    expect(await sizes(1536)).toEqual([768, 0, 768, 0]);
    expect(await sizes(501)).toEqual([384, 0, 117, 0]);
    expect(await sizes(384)).toEqual([384, 0]);
    expect(await sizes(1)).toEqual([1, 0]);
    expect(await sizes(8193)).toEqual([8193, 0]);
    expect(await sizes(8191)).toEqual([4096, 0, 4095, 0]);
  });

  it('polls for what comes next once PDUs come one by one, and from what it sends', async () => {
    let polls = 0;
    const pollFor = () => {
      polls += 1;
    };
    const loop = { pollFor, looks: () => 20, close: () => undefined };
    const tcp = await open(null, null, new BusyPoll(loop, 100));
    const receive = async (...bytes: number[]) => {
      parts.length = 0;
      client.write(Buffer.from(bytes));
      while (parts.length < 2) await new Promise(setImmediate); // the bytes, and their flush
    };
    for (let i = 0; i < 63; i++) await receive(1, 0);
    expect(polls).toBe(0);
    await receive(1);
    expect(polls).toBe(1);
    tcp.write(batchOf([Buffer.from('answer'), 0, 6]));
    expect(polls).toBe(2);
    await receive(0);
    expect(polls).toBe(2);
    await receive(1, 1);
    await receive(1);
    expect(polls).toBe(2);
  });

  it('a sender seals what lies in its memories, however many pieces there are, and says when one lies elsewhere', () => {
    const memory = patterned(4096, 1);
    const expected = Buffer.from(memory);
    const [memories, starts, ends]: [Buffer[], number[], number[]] = [[], [], []];
    for (let at = 0; at + 12 <= memory.length; at += 12) {
      memories.push(memory);
      starts.push(at);
      ends.push(at + 8);
      expected.writeUInt32LE(crc32cPortable(0, expected, at, 8), at + 8);
    }
    const sender = senderOf(memory);
    expect(sender.seal(memories, starts, ends, starts.length)).toBe(true);
    expect(memory.equals(expected)).toBe(true);
    expect(sender.seal([memory, Buffer.alloc(64)], [0, 0], [8, 8], 2)).toBe(false);
    expect(sender.seal([memory], [0], [memory.length], 1)).toBe(false);
    expect(memory.equals(expected)).toBe(true);
  });

  it('a sender takes Uint8Arrays alone, and answers for what is no socket', () => {
    expect(() => native.createSender([[] as unknown as Uint8Array])).toThrow(TypeError);
    expect(() => native.createSender({} as unknown as Uint8Array[])).toThrow(TypeError);
    const sender = native.createSender([Buffer.alloc(16)]);
    new Float64Array(sender.pieces).set([0, 0, 17]);
    expect(sender.send(0, 1)).toBe(-22);
    expect(sender.send(-1, 0)).toBe(-9);
    const { send } = sender;
    expect(() => send.call({} as NativeSender, 0, 0)).toThrow();
  });
});

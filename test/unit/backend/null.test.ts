import { describe, expect, it } from 'vitest';
import { IO_OK, IO_READ, IO_WRITE } from '../../../src/backend/backend.ts';
import { NULL_SIZE_BYTES_DEFAULT, NullBackend } from '../../../src/backend/null.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';
import { RecordingOwner } from './recording-owner.ts';

const SPEC = { sizeBytes: null, blockBytes: 512, isReadOnly: false, isThin: true };

describe('null store', () => {
  const batch = new TickBatch((work) => process.nextTick(work));

  it('has the size it was given, else 1 TiB', () => {
    expect(new NullBackend(SPEC, batch).sizeBytes).toBe(NULL_SIZE_BYTES_DEFAULT);
    expect(new NullBackend({ ...SPEC, sizeBytes: 1024 }, batch).sizeBytes).toBe(1024);
  });

  it.each([0, 100, 2 ** 53, -512])('a size of %d is a fault', (sizeBytes) => {
    expect(() => new NullBackend({ ...SPEC, sizeBytes }, batch)).toThrow(`${sizeBytes} bytes`);
  });

  it('forgets what is written: the memory of a read is filled with zeros, and no byte beside it', async () => {
    const store = new NullBackend(SPEC, batch);
    const owner = new RecordingOwner();
    const memory = Buffer.alloc(1536, 0xff);
    const [write, read] = [owner.io(IO_WRITE, 2 ** 39, 512, memory), owner.io(IO_READ, 2 ** 39, 512, memory)] as const;
    read.memoryOffset = 512;
    store.submit(write);
    store.submit(read);
    expect(owner.ended).toEqual([]);
    await store.close();
    expect(owner.ended).toEqual([write, read]);
    expect([write.status, read.status]).toEqual([IO_OK, IO_OK]);
    expect(memory.equals(Buffer.alloc(1536, 0xff).fill(0, 512, 1024))).toBe(true);
  });

  it('an I/O behind its end stops the process', () => {
    const store = new NullBackend({ ...SPEC, sizeBytes: 1024 }, batch);
    expect(() => store.submit(new RecordingOwner().io(IO_READ, 1024, 512, Buffer.alloc(512)))).toThrow('in its store');
  });

  it('has nothing allocated', async () => {
    const store = new NullBackend(SPEC, batch);
    const extents = await new Promise((resolve) => store.allocation(512, 4096, 10, resolve));
    expect(extents).toEqual([{ offsetBytes: 512, lengthBytes: 4096, isAllocated: false }]);
    expect(store.capabilities).toMatchObject({ canUnmap: true, isReadOnly: false, isWriteThrough: true });
    expect(new NullBackend({ ...SPEC, isThin: false }, batch).capabilities.canUnmap).toBe(false);
  });
});

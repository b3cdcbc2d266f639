/** Contract: a store tells how large it is by now, grows when it is asked to, and serves what it was told to serve. */
import { statSync, truncateSync } from 'node:fs';
import { expect, it } from 'vitest';
import { IO_OK, IO_OUT_OF_RANGE } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';

export function describeSizes(bench: Bench): void {
  it('is served as large as before until it is told otherwise, then to its new end', async () => {
    const backend = await bench.backend({ sizeBytes: 8 * MIB });
    const { path } = bench.spec();
    expect(await backend.measure(null)).toBe(8 * MIB);
    truncateSync(path, 16 * MIB);
    expect(await backend.measure(null)).toBe(16 * MIB);
    expect(backend.sizeBytes).toBe(8 * MIB);
    backend.resize(16 * MIB);
    expect(backend.sizeBytes).toBe(16 * MIB);
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(4096);
    bytesOf(slot, 4096).fill(7);
    expect((await store.write(16 * MIB - 4096, 4096, slot)).status).toBe(IO_OK);
    bytesOf(slot, 4096).fill(0);
    expect((await store.read(16 * MIB - 4096, 4096, slot)).status).toBe(IO_OK);
    expect(bytesOf(slot, 4096).every((byte) => byte === 7)).toBe(true);
  });

  it('grows to what is wanted without taking space, and never becomes smaller', async () => {
    const backend = await bench.backend({ sizeBytes: 8 * MIB });
    const { path } = bench.spec();
    expect(await backend.measure(64 * MIB)).toBe(64 * MIB);
    expect(statSync(path).size).toBe(64 * MIB);
    expect(statSync(path).blocks * 512).toBeLessThan(8 * MIB);
    expect(await backend.measure(MIB)).toBe(64 * MIB);
    expect(statSync(path).size).toBe(64 * MIB);
  });

  it('answers for what is not served any more that it is out of range, and leaves the file alone', async () => {
    const backend = await bench.backend({ sizeBytes: 8 * MIB });
    const { path } = bench.spec();
    const store = bench.submitter(backend);
    const slot = bench.rig.takeSlot(4096);
    truncateSync(path, 4 * MIB);
    expect(await backend.measure(null)).toBe(4 * MIB);
    backend.resize(4 * MIB);
    expect((await store.write(4 * MIB, 4096, slot)).status).toBe(IO_OUT_OF_RANGE);
    expect((await store.write(4 * MIB - 2048, 4096, slot)).status).toBe(IO_OUT_OF_RANGE);
    expect((await store.read(8 * MIB - 4096, 4096, slot)).status).toBe(IO_OUT_OF_RANGE);
    expect((await store.unmap(5 * MIB, MIB)).status).toBe(IO_OUT_OF_RANGE);
    expect(statSync(path).size).toBe(4 * MIB);
    expect((await store.write(4 * MIB - 4096, 4096, slot)).status).toBe(IO_OK);
    expect((await store.flush()).status).toBe(IO_OK);
  });

  it('a file that is served read-only is not grown', async () => {
    await (await bench.backend({ sizeBytes: 8 * MIB })).close();
    const backend = await bench.backend({ sizeBytes: null, isReadOnly: true });
    await expect(backend.measure(16 * MIB)).rejects.toMatchObject({ name: 'BackendError', code: 'TOO_SMALL' });
    expect(statSync(bench.spec().path).size).toBe(8 * MIB);
  });

  it('once it is closed says what it had', async () => {
    const backend = await bench.backend({ sizeBytes: 8 * MIB });
    const measured = backend.measure(null);
    await backend.close();
    expect([await measured, await backend.measure(16 * MIB)]).toEqual([8 * MIB, 8 * MIB]);
  });
}

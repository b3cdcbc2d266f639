/** Contract: what was written is read back, and nothing else is touched. */
import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { IO_OK } from '../../../src/backend/backend.ts';
import { seededRandom } from '../../random.ts';
import { type Bench, bytesOf, GIB, MIB } from './bench.ts';

export function describeTransfers(bench: Bench): void {
  it('reads back what was written at random places, far behind 4 GiB too', async () => {
    const { below, fill, seed } = seededRandom();
    const store = await bench.store({ sizeBytes: 8 * GIB });
    const slot = bench.rig.takeSlot(262144);
    const back = bench.rig.takeSlot(262144);
    const places = [0, 8 * GIB - 262144, 4 * GIB - 4096, 2 * GIB - 4096];
    while (places.length < 40) places.push(below((8 * GIB - 262144) / 512) * 512);
    for (const place of places) {
      const lengthBytes = (below(512) + 1) * 512;
      fill(slot.memory, slot.dataOffset, lengthBytes);
      expect((await store.write(place, lengthBytes, slot)).status).toBe(IO_OK);
      expect((await store.read(place, lengthBytes, back)).status).toBe(IO_OK);
      expect(bytesOf(back, lengthBytes).equals(bytesOf(slot, lengthBytes)), `SEED=${seed} at ${place}`).toBe(true);
    }
    expect(statSync(bench.path).blocks * 512).toBeLessThan(64 * MIB); // sparse
  });

  it('what nobody wrote reads as zeros', async () => {
    const store = await bench.store();
    const slot = bench.rig.takeSlot(262144);
    bytesOf(slot, 262144).fill(0xaa);
    expect((await store.read(MIB, 262144, slot)).status).toBe(IO_OK);
    expect(bytesOf(slot, 262144).every((byte) => byte === 0)).toBe(true);
  });

  it('touches the named bytes of memory and of the store alone', async () => {
    const store = await bench.store();
    const slot = bench.rig.takeSlot(16384);
    bytesOf(slot, 16384).fill(0x11);
    await store.write(0, 16384, slot);
    bytesOf(slot, 16384).fill(0x22);
    await store.write(4096, 512, slot);
    bytesOf(slot, 16384).fill(0x33);
    await store.read(3584, 1536, slot);
    const expected = Buffer.alloc(16384, 0x33).fill(0x11, 0, 1536).fill(0x22, 512, 1024);
    expect(bytesOf(slot, 16384).equals(expected)).toBe(true);
  });

  it('keeps what was written when it is closed and opened again', async () => {
    const first = await bench.backend();
    const slot = bench.rig.takeSlot(4096);
    bytesOf(slot, 4096).fill(0x5a);
    await bench.submitter(first).write(8192, 4096, slot);
    await bench.close(first);
    bytesOf(slot, 4096).fill(0);
    const again = await bench.store({ sizeBytes: null });
    await again.read(8192, 4096, slot);
    expect(bytesOf(slot, 4096).every((byte) => byte === 0x5a)).toBe(true);
  });
}

/** Contract: flush and forced unit access end well, whatever else is going on. What a power cut leaves is not seen here. */
import { expect, it } from 'vitest';
import { IO_OK } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf } from './bench.ts';

export function describeDurability(bench: Bench): void {
  it('flushes, also when there is nothing to flush and when many flush at once', async () => {
    const store = await bench.store();
    const slot = bench.rig.takeSlot(4096);
    expect((await store.flush()).status).toBe(IO_OK);
    const all = [];
    for (let i = 0; i < 50; i++) all.push(store.write(i * 4096, 4096, slot), store.flush());
    for (const io of await Promise.all(all)) expect(io.status).toBe(IO_OK);
  });

  it('a FUA write is seen by plain reads, and a plain write after it is seen by them too', async () => {
    const store = await bench.store();
    const slot = bench.rig.takeSlot(262144);
    const back = bench.rig.takeSlot(262144);
    for (const [fill, isFua] of [
      [1, true],
      [2, false],
      [3, true],
    ] as const) {
      bytesOf(slot, 262144).fill(fill);
      expect((await store.write(4096, 262144, slot, isFua)).status).toBe(IO_OK);
      expect((await store.read(4096, 262144, back)).status).toBe(IO_OK);
      expect(bytesOf(back, 262144).every((byte) => byte === fill)).toBe(true);
    }
  });
}

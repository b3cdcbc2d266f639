/** Contract: flush and forced unit access end well, whatever else is going on. What a power cut leaves is not seen here. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Backend, IO_HARDWARE_ERROR, IO_OK } from '../../../src/backend/backend.ts';
import type { Slot } from '../../../src/util/slot-pool.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';
import type { Submitter } from './rig.ts';
import { CAN_MOUNT_THIN, ThinFileSystem } from './thin-file-system.ts';

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

  // Past the page cache each write tells of itself.
  if (CAN_MOUNT_THIN && bench.subject.spec?.isDirect !== true) {
    it.each(ASKED_MEANWHILE)(
      'writes that the medium has lost are told by the next flush, also behind $what',
      async ({ ask }) => {
        const thin = new ThinFileSystem(bench.rig.folder, 12, 64);
        try {
          const path = join(thin.path, 'disk.img');
          const backend = await bench.backend({ path, sizeBytes: 32 * MIB });
          const store = bench.submitter(backend);
          const slot = bench.rig.takeSlot(262144);
          bytesOf(slot, 262144).fill(0x5a);
          for (let at = 0; at < 16 * MIB; at += 262144)
            expect((await store.write(at, 262144, slot)).status).toBe(IO_OK);
          thin.writeBack(path);
          await ask(store, slot, backend);
          for (let again = 0; again < 2; again++) expect((await store.flush()).status).toBe(IO_HARDWARE_ERROR);
          expect((await store.write(0, 4096, slot, true)).status).toBe(IO_HARDWARE_ERROR);
          await expect(bench.close(backend)).rejects.toThrow(/may be lost/);
          expect(bench.rig.notes.filter((note) => note.includes('did not keep what was written'))).toHaveLength(1);
        } finally {
          thin.remove();
        }
      },
    );
  }
}

/** What has the file system make something durable, and gets to know of an error that is not its own. */
const ASKED_MEANWHILE = [
  { what: 'nothing else', ask: async () => undefined },
  { what: 'a FUA write', ask: async (store: Submitter, slot: Slot) => void (await store.write(0, 4096, slot, true)) },
  {
    what: 'a larger size',
    ask: (_store: Submitter, _slot: Slot, backend: Backend) => backend.measure(33 * MIB).catch((fault: Error) => fault),
  },
];

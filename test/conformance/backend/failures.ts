/** Contract: what the store cannot give or keep is an error with the right name; never zeros, never silence. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { IO_MEDIUM_ERROR, IO_NO_SPACE, IO_OK } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';

/** Mounting needs privileges; where there are none, a full device is covered by the engines' unit tests over /dev/full. */
const CAN_MOUNT = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;

export function describeFailures(bench: Bench): void {
  it('reading what was cut off behind our back is a MEDIUM ERROR, whole or in part, and the rest still reads', async () => {
    const store = await bench.store({ sizeBytes: 4 * MIB });
    const slot = bench.rig.takeSlot(8192);
    truncateSync(bench.path, 2 * MIB);
    expect((await store.read(3 * MIB, 8192, slot)).status).toBe(IO_MEDIUM_ERROR);
    expect((await store.read(2 * MIB - 4096, 8192, slot)).status).toBe(IO_MEDIUM_ERROR);
    expect((await store.read(2 * MIB - 8192, 8192, slot)).status).toBe(IO_OK);
  });

  if (CAN_MOUNT) {
    it('a full file system is NO SPACE, for data and for zeros, and what was written before still reads', async () => {
      const mountPoint = join(bench.rig.folder, 'small');
      mkdirSync(mountPoint);
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mountPoint]).status).toBe(0);
      try {
        const backend = await bench.backend({ path: join(mountPoint, 'disk.img'), sizeBytes: 16 * MIB });
        const store = bench.submitter(backend);
        const slot = bench.rig.takeSlot(262144);
        bytesOf(slot, 262144).fill(0x42);
        expect((await store.write(0, 262144, slot)).status).toBe(IO_OK);
        const writes = await Promise.all(Array.from({ length: 8 }, (_, i) => store.write((i + 4) * MIB, 262144, slot)));
        expect(writes.map((io) => io.status)).toContain(IO_NO_SPACE);
        expect((await store.write(13 * MIB, 262144, slot, true)).status).toBe(IO_NO_SPACE);
        expect((await store.writeZeroes(14 * MIB, 2 * MIB, false)).status).toBe(IO_NO_SPACE);
        bytesOf(slot, 262144).fill(0);
        expect((await store.read(0, 262144, slot)).status).toBe(IO_OK);
        expect(bytesOf(slot, 262144).every((byte) => byte === 0x42)).toBe(true);
        expect((await store.unmap(4 * MIB, 12 * MIB)).status).toBe(IO_OK);
        expect((await store.write(MIB, 262144, slot, true)).status).toBe(IO_OK);
        expect((await store.flush()).status).toBe(IO_OK);
        await bench.close(backend);
      } finally {
        spawnSync('umount', ['-l', mountPoint]);
      }
    });
  }
}

/** Contract: one server at a time writes to a store, whatever engine each of them runs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { openBackend } from '../../../src/backend/registry.ts';
import { type Bench, MIB } from './bench.ts';

export function describeLocks(bench: Bench): void {
  const isLockedForOthers = (): boolean => spawnSync('flock', ['-xn', bench.path, 'true']).status === 1;

  it('a store that is open cannot be opened again, and can when it was closed', async () => {
    const first = await bench.backend();
    await expect(bench.backend()).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringContaining(bench.path),
    });
    await expect(bench.backend({ isReadOnly: true })).rejects.toMatchObject({ code: 'LOCKED' });
    await bench.close(first);
    await bench.backend();
  });

  it('the same file is locked under all its names', async () => {
    await bench.backend();
    const link = `${bench.path}.link`;
    spawnSync('ln', ['-s', bench.path, link]);
    await expect(bench.backend({ path: link })).rejects.toMatchObject({ code: 'LOCKED' });
  });

  it('another process sees the lock while the store is open, and we see that of another process', async () => {
    const first = await bench.backend();
    expect(isLockedForOthers()).toBe(true);
    await bench.close(first);
    expect(isLockedForOthers()).toBe(false);
    const script = 'exec 9<>"$0"; flock -x 9 && echo locked && exec sleep 60';
    const other = spawn('sh', ['-c', script, bench.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    await expect(bench.backend()).rejects.toMatchObject({ code: 'LOCKED' });
    other.kill();
    await once(other, 'close');
    await bench.backend();
  });

  it('a server with the addon and one without it exclude each other', async () => {
    const without = { ...bench.rig.context, native: null, ring: null };
    const first = await bench.backend();
    await expect(openBackend(bench.spec(), without)).rejects.toMatchObject({ code: 'LOCKED' });
    await bench.close(first);
    const second = await openBackend(bench.spec(), without);
    await expect(bench.backend()).rejects.toMatchObject({ code: 'LOCKED' });
    await second.close();
  });

  it('readers share a store and keep writers out', async () => {
    await bench.close(await bench.backend());
    await bench.backend({ isReadOnly: true });
    await bench.backend({ isReadOnly: true });
    await expect(bench.backend()).rejects.toMatchObject({ code: 'LOCKED' });
  });

  it('a refused opening changes nothing in the file', async () => {
    const store = await bench.store({ sizeBytes: 2 * MIB });
    const slot = bench.rig.takeSlot(4096);
    slot.memory.fill(0x61, slot.dataOffset, slot.dataOffset + 4096);
    await store.write(0, 4096, slot);
    await expect(bench.backend({ sizeBytes: 4 * MIB })).rejects.toMatchObject({ code: 'LOCKED' });
    expect(statSync(bench.path).size).toBe(2 * MIB);
    expect(readFileSync(bench.path).subarray(0, 4096).toString('ascii')).toBe('a'.repeat(4096));
  });
}

/** Contract: a store tells what it takes of its file system and what is left there, as the file system itself says. */
import { statfsSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Backend, BackendSpace } from '../../../src/backend/backend.ts';
import { type Bench, bytesOf, MIB } from './bench.ts';

/** What others do to the file system while the test looks. */
const OTHERS_BYTES_MAX = 512 * MIB;

export function describeSpace(bench: Bench): void {
  it('tells what it takes, more after writes and less after unmaps, and what is left', async () => {
    const backend = await bench.backend();
    expect(backend.capabilities.canTellSpace).toBe(true);
    const store = bench.submitter(backend);
    const empty = await spaceOf(backend);
    const slot = bench.rig.takeSlot(262144);
    bytesOf(slot, 262144).fill(1);
    for (let i = 0; i < 8; i++) await store.write(i * 262144, 262144, slot);
    await store.flush();
    const written = await spaceOf(backend);
    expect(written.usedBytes).toBeGreaterThanOrEqual(empty.usedBytes + 2 * MIB);
    expect(written.usedBytes).toBeLessThan(4 * MIB);
    expect(written.usedBytes).toBe(statSync(bench.path).blocks * 512);
    const { bavail, bsize } = statfsSync(bench.path);
    expect(Math.abs(written.availableBytes - bavail * bsize)).toBeLessThan(OTHERS_BYTES_MAX);
    await store.unmap(0, MIB);
    await store.flush();
    expect((await spaceOf(backend)).usedBytes).toBeLessThanOrEqual(written.usedBytes - MIB);
  });

  it('answers after space() has returned, and close() waits for it', async () => {
    const backend = await bench.backend();
    let answers = 0;
    backend.space((space) => {
      expect(space).not.toBeNull();
      answers += 1;
    });
    expect(answers).toBe(0);
    await bench.close(backend);
    expect(answers).toBe(1);
  });
}

async function spaceOf(backend: Backend): Promise<BackendSpace> {
  const space = await new Promise<BackendSpace | null>((resolve) => backend.space(resolve));
  if (space === null) throw new Error('the store does not tell its space');
  return space;
}

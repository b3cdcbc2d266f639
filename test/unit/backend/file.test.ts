/** What the contract cannot provoke: a medium that fails a FUA write, a system without fallocate, a real block device. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IO_HARDWARE_ERROR, IO_MEDIUM_ERROR, IO_OK } from '../../../src/backend/backend.ts';
import { openDiskFile } from '../../../src/backend/disk/disk-file.ts';
import { FileBackend, openFileBackend } from '../../../src/backend/file.ts';
import { BackendRig, Submitter } from '../../conformance/backend/rig.ts';
import { hasLoopDevices } from './loop-devices.ts';

const MIB = 2 ** 20;

describe('file store', () => {
  let rig: BackendRig;
  beforeEach(() => {
    rig = new BackendRig();
  });
  afterEach(() => rig.close());

  it('after a FUA write that the medium failed no flush and no FUA write is good until it is opened again', async () => {
    const disk = await openDiskFile(rig.spec('file', { sizeBytes: MIB }), rig.context);
    const broken = openSync('/proc/self/mem', 'r+'); // there is no memory at address 0: EIO
    const backend = new FileBackend(disk, broken, rig.context);
    const store = new Submitter(backend);
    const slot = rig.takeSlot(4096);
    expect((await store.flush()).status).toBe(IO_OK);
    expect((await store.write(0, 4096, slot, true)).status).toBe(IO_MEDIUM_ERROR);
    expect((await store.flush()).status).toBe(IO_HARDWARE_ERROR);
    expect((await store.write(0, 4096, slot, true)).status).toBe(IO_HARDWARE_ERROR);
    expect((await store.write(0, 4096, slot)).status).toBe(IO_OK);
    expect((await store.read(0, 4096, slot)).status).toBe(IO_OK);
    await expect(backend.close()).rejects.toThrow(/may be lost/);
    expect(rig.notes).toEqual([
      expect.stringMatching(/could not be written/),
      expect.stringMatching(/did not keep what was written/),
    ]);
    closeSync(broken);
    const again = await openFileBackend(rig.spec('file', { sizeBytes: MIB }), rig.context);
    expect((await new Submitter(again).flush()).status).toBe(IO_OK);
    await again.close();
    expect(store.faults).toEqual([]);
  });

  it('without the addon and without fallocate(1) zeros are written', async () => {
    const bin = join(rig.folder, 'bin');
    mkdirSync(bin);
    symlinkSync(spawnSync('which', ['flock'], { encoding: 'utf8' }).stdout.trim(), join(bin, 'flock'));
    const path = join(rig.folder, 'disk.img');
    writeFileSync(path, Buffer.alloc(8 * MIB, 0xcc));
    const { PATH } = process.env;
    Object.assign(process.env, { PATH: bin });
    try {
      const spec = rig.spec('file', { sizeBytes: null });
      const backend = await openFileBackend(spec, { ...rig.context, native: null });
      expect(backend.capabilities.canUnmap).toBe(false);
      const store = new Submitter(backend);
      expect((await store.unmap(512, 3 * MIB)).status).toBe(IO_OK);
      expect((await store.writeZeroes(4 * MIB, 3 * MIB, true)).status).toBe(IO_OK);
      await backend.close();
    } finally {
      Object.assign(process.env, { PATH });
    }
    const expected = Buffer.alloc(8 * MIB, 0xcc)
      .fill(0, 512, 3 * MIB + 512)
      .fill(0, 4 * MIB, 7 * MIB);
    expect(readFileSync(path).equals(expected)).toBe(true);
  });

  if (hasLoopDevices()) {
    it('a block device takes writes, zeros and unmaps, and gives the space below it back', async () => {
      const image = join(rig.folder, 'image');
      writeFileSync(image, Buffer.alloc(16 * MIB, 0xab));
      const loop = spawnSync('losetup', ['--show', '-f', image], { encoding: 'utf8' }).stdout.trim();
      try {
        const backend = await openFileBackend(rig.spec('file', { path: loop, sizeBytes: null }), rig.context);
        const store = new Submitter(backend);
        const slot = rig.takeSlot(4096);
        slot.memory.fill(0x11, slot.dataOffset, slot.dataOffset + 4096);
        const before = statSync(image).blocks;
        expect((await store.write(0, 4096, slot)).status).toBe(IO_OK);
        expect((await store.write(8192, 4096, slot, true)).status).toBe(IO_OK);
        expect((await store.unmap(4 * MIB, 4 * MIB)).status).toBe(IO_OK);
        expect((await store.writeZeroes(10 * MIB, 2 * MIB, false)).status).toBe(IO_OK);
        expect((await store.writeZeroes(13 * MIB, 512, false)).status).toBe(IO_OK);
        expect((await store.flush()).status).toBe(IO_OK);
        await backend.close();
        expect(before - statSync(image).blocks).toBeGreaterThanOrEqual((4 * MIB) / 512);
      } finally {
        spawnSync('losetup', ['-d', loop]);
      }
      const expected = Buffer.alloc(16 * MIB, 0xab)
        .fill(0x11, 0, 4096)
        .fill(0x11, 8192, 12288);
      expected
        .fill(0, 4 * MIB, 8 * MIB)
        .fill(0, 10 * MIB, 12 * MIB)
        .fill(0, 13 * MIB, 13 * MIB + 512);
      expect(readFileSync(image).equals(expected)).toBe(true);
    });
  }
});

import { constants, mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkDirectAlignment, probeAlignment } from '../../../../src/backend/disk/direct-alignment.ts';
import type { DiskFile } from '../../../../src/backend/disk/disk-file.ts';
import { loadNative } from '../../../../src/native/binding.ts';
import type { DirectAlignment, NativeAddon } from '../../../../src/native/native-addon.ts';

const folder = mkdtempSync(join(tmpdir(), 'gotgt-direct-'));
afterAll(() => rmSync(folder, { recursive: true }));
const disk = { path: '/x/disk.img', fd: -1 } as DiskFile;

/** The addon's one answer that matters here. */
function telling(alignment: DirectAlignment): NativeAddon {
  return { directAlignment: () => alignment } as unknown as NativeAddon;
}

describe('alignment of O_DIRECT', () => {
  it.each([
    [512, 512, 512],
    [4096, 512, 512],
    [4096, 4096, 4096],
  ])(
    'blocks of %i bytes are enough for memory of %i and offsets of %i',
    async (blockBytes, memoryBytes, offsetBytes) => {
      await expect(
        checkDirectAlignment(disk, blockBytes, telling({ memoryBytes, offsetBytes })),
      ).resolves.toBeUndefined();
    },
  );

  it('smaller blocks than the device needs are refused, with what would be right', async () => {
    await expect(checkDirectAlignment(disk, 512, telling({ memoryBytes: 512, offsetBytes: 4096 }))).rejects.toThrow(
      'O_DIRECT on /x/disk.img needs blocks of 4096 bytes, the logical unit has 512: raise blockShift or leave out "direct"',
    );
  });

  it('memory aligned to more than pages is refused', async () => {
    await expect(checkDirectAlignment(disk, 512, telling({ memoryBytes: 65536, offsetBytes: 512 }))).rejects.toThrow(
      /65536/,
    );
  });

  it('a file system without O_DIRECT is named', async () => {
    await expect(checkDirectAlignment(disk, 512, telling({ memoryBytes: 0, offsetBytes: 0 }))).rejects.toThrow(
      /has no O_DIRECT/,
    );
  });
});

describe('probing by reads', () => {
  async function openFile(flags: number): Promise<FileHandle> {
    const handle = await open(join(folder, 'disk'), constants.O_RDWR | constants.O_CREAT | flags);
    await handle.truncate(65536);
    return handle;
  }

  it('finds that a descriptor without O_DIRECT takes every sector', async () => {
    const handle = await openFile(0);
    expect(await probeAlignment(handle.fd, Buffer.alloc(4096))).toEqual({ memoryBytes: 512, offsetBytes: 512 });
    await handle.close();
  });

  it('agrees with what the kernel tells, where both answer', async () => {
    const { native, reason } = loadNative();
    if (native === null) {
      expect(reason).not.toBeNull(); // O_DIRECT is the ring's alone: nothing is probed without the addon
      return;
    }
    const handle = await openFile(constants.O_DIRECT).catch(() => null); // a file system without O_DIRECT
    const told = handle === null ? -1 : native.directAlignment(handle.fd);
    if (handle !== null && typeof told !== 'number' && told.offsetBytes > 0) {
      const probed = await probeAlignment(handle.fd, native.createArena(4096).memory);
      expect(probed.offsetBytes).toBe(told.offsetBytes);
    } else {
      expect(handle === null || typeof told === 'number' || told.offsetBytes === 0).toBe(true);
    }
    await handle?.close();
  });
});

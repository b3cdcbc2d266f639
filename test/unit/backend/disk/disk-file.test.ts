import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DiskFile, type DiskFileSpec, openDiskFile } from '../../../../src/backend/disk/disk-file.ts';
import { loadNative } from '../../../../src/native/binding.ts';
import { hasLoopDevices } from '../loop-devices.ts';

const MIB = 2 ** 20;

describe('disk file', () => {
  const { native } = loadNative();
  const disks: DiskFile[] = [];
  const loops: string[] = [];
  let folder = '';
  let notes: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gotgt-disk-'));
    notes = [];
  });
  afterEach(async () => {
    for (const disk of disks.splice(0)) await disk.close();
    for (const loop of loops.splice(0)) spawnSync('losetup', ['-d', loop]);
    rmSync(folder, { recursive: true });
  });

  async function openDisk(changes: Partial<DiskFileSpec> = {}): Promise<DiskFile> {
    const spec: DiskFileSpec = {
      path: join(folder, 'disk'),
      sizeBytes: null,
      blockBytes: 512,
      isReadOnly: false,
      isThin: true,
      isDirect: false,
      ...changes,
    };
    const note = (level: string, message: string): void => {
      notes.push(`${level}: ${message}`);
    };
    const disk = await openDiskFile(spec, { native, note });
    disks.push(disk);
    return disk;
  }

  async function expectFault(changes: Partial<DiskFileSpec>, code: string, ...words: string[]): Promise<void> {
    const fault = (await openDisk(changes).then(
      () => expect.fail('it opened'),
      (error: unknown) => error,
    )) as Error;
    expect(fault).toMatchObject({ name: 'BackendError', code });
    for (const word of words) expect(fault.message).toContain(word);
  }

  it('a file that is not there is created sparse, for its owner alone, when a size is given', async () => {
    const disk = await openDisk({ sizeBytes: 100 * MIB });
    const stats = statSync(disk.path);
    expect([disk.sizeBytes, stats.size, stats.blocks]).toEqual([100 * MIB, 100 * MIB, 0]);
    expect(stats.mode & 0o777).toBe(0o600);
    expect([disk.isBlockDevice, disk.isReadOnly, disk.canUnmap]).toEqual([false, false, true]);
    expect(Math.log2(disk.physicalBlockBytes) % 1).toBe(0);
    expect(disk.physicalBlockBytes).toBe(512);
    expect(disk.transferGranularityBytes).toBeGreaterThanOrEqual(512);
    expect(Math.log2(disk.transferGranularityBytes) % 1).toBe(0);
    expect(disk.unmapGranularityBytes).toBeGreaterThanOrEqual(512);
    expect(disk.logicalBlockBytes).toBeGreaterThanOrEqual(512);
  });

  it('without a size, or read-only, nothing is created', async () => {
    await expectFault({}, 'NOT_FOUND', join(folder, 'disk'), 'size');
    await expectFault({ isReadOnly: true, sizeBytes: MIB }, 'NOT_FOUND');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a file that a power cut left empty gets its size', async () => {
    writeFileSync(join(folder, 'disk'), '');
    expect((await openDisk({ sizeBytes: MIB })).sizeBytes).toBe(MIB);
  });

  it('an empty file without a size is a fault', async () => {
    writeFileSync(join(folder, 'disk'), '');
    await expectFault({}, 'TOO_SMALL', join(folder, 'disk'), 'size');
    await expectFault({ isReadOnly: true }, 'TOO_SMALL');
  });

  it.each([
    ['smaller', MIB / 2],
    ['larger', MIB * 2],
  ])('a file %s than the configured size is a fault that names both, and stays as it is', async (_word, bytes) => {
    const content = Buffer.alloc(bytes, 'data');
    writeFileSync(join(folder, 'disk'), content);
    await expectFault({ sizeBytes: MIB }, 'SIZE_DIFFERS', join(folder, 'disk'), String(bytes), String(MIB));
    expect(readFileSync(join(folder, 'disk')).equals(content)).toBe(true);
    expect((await openDisk()).sizeBytes).toBe(bytes);
  });

  it('the part of a block at the end is not served, and a note says so', async () => {
    writeFileSync(join(folder, 'disk'), Buffer.alloc(10000));
    expect((await openDisk({ blockBytes: 4096 })).sizeBytes).toBe(8192);
    expect(notes).toEqual([expect.stringMatching(/^warn: .*no whole block/)]);
    writeFileSync(join(folder, 'small'), Buffer.alloc(4095));
    await expectFault({ path: join(folder, 'small'), blockBytes: 4096 }, 'TOO_SMALL');
  });

  it.each([0, -512, 1000, 1.5, Number.NaN, 2 ** 53])(
    'a size of %d is a fault and creates nothing',
    async (sizeBytes) => {
      await expectFault({ sizeBytes }, 'INVALID_SIZE', String(sizeBytes));
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('a size that the file system cannot hold is a fault, and the new file is gone again', async () => {
    await expectFault({ sizeBytes: 2 ** 53 - 512 }, 'NO_SPACE', join(folder, 'disk'));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a folder that is not there, a folder, a pipe and a character device are faults', async () => {
    await expectFault({ path: join(folder, 'no/disk'), sizeBytes: MIB }, 'NOT_FOUND', join(folder, 'no/disk'));
    await expectFault({ path: folder }, 'NOT_A_DISK', folder, 'folder');
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    await expectFault({ path: join(folder, 'pipe') }, 'NOT_A_DISK', 'pipe');
    await expectFault({ path: '/dev/null' }, 'NOT_A_DISK', '/dev/null');
    writeFileSync(join(folder, 'file'), 'x');
    await expectFault({ path: join(folder, 'file/disk'), sizeBytes: MIB }, 'NOT_FOUND');
    symlinkSync('circle', join(folder, 'circle'));
    await expectFault({ path: join(folder, 'circle') }, 'NOT_FOUND', 'circle');
  });

  if (process.getuid?.() !== 0) {
    it('a file without permission is a fault', async () => {
      writeFileSync(join(folder, 'disk'), Buffer.alloc(MIB));
      chmodSync(join(folder, 'disk'), 0o400);
      await expectFault({}, 'NOT_PERMITTED', join(folder, 'disk'));
      expect((await openDisk({ isReadOnly: true })).isReadOnly).toBe(true);
    });
  }

  it('the probe for holes changes nothing', async () => {
    const content = Buffer.alloc(3 * MIB, 'kept');
    writeFileSync(join(folder, 'disk'), content);
    const before = statSync(join(folder, 'disk')).blocks;
    await openDisk();
    expect(readFileSync(join(folder, 'disk')).equals(content)).toBe(true);
    expect(statSync(join(folder, 'disk')).blocks).toBe(before);
  });

  it('a thick disk does not unmap; a read-only one is thin when it shall be', async () => {
    expect(await openDisk({ sizeBytes: MIB, isThin: false })).toMatchObject({
      canUnmap: false,
      unmapGranularityBytes: 0,
    });
    await disks.pop()!.close();
    expect(await openDisk({ isReadOnly: true })).toMatchObject({ canUnmap: true });
    expect(await openDisk({ isReadOnly: true, isThin: false })).toMatchObject({ canUnmap: false });
  });

  it('a relative path is served from the working directory', async () => {
    mkdirSync(join(folder, 'sub'));
    const disk = await openDisk({ path: `${join(folder, 'sub')}/../disk`, sizeBytes: MIB });
    expect(disk.path).toBe(join(folder, 'disk'));
  });

  describe('without the addon and without the tools', () => {
    const { PATH } = process.env;
    afterEach(() => {
      Object.assign(process.env, { PATH });
    });

    async function openWithTools(tools: readonly string[]): Promise<DiskFile> {
      const bin = join(folder, 'bin');
      mkdirSync(bin);
      for (const tool of tools)
        symlinkSync(spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim(), join(bin, tool));
      Object.assign(process.env, { PATH: bin });
      const spec = { path: join(folder, 'disk'), sizeBytes: MIB, blockBytes: 512 };
      const disk = await openDiskFile(
        { ...spec, isReadOnly: false, isThin: true, isDirect: false },
        { native: null, note: () => undefined },
      );
      disks.push(disk);
      return disk;
    }

    it('no flock(1) is a fault that says what to install', async () => {
      await expect(openWithTools([])).rejects.toMatchObject({
        code: 'TOOL_MISSING',
        message: expect.stringMatching(/flock.*util-linux/),
      });
    });

    it('no fallocate(1) is a disk that does not unmap', async () => {
      expect(await openWithTools(['flock'])).toMatchObject({ canUnmap: false });
    });
  });

  it('a closed file is locked no more, whoever else holds it open: the kernel may do so for a while', async () => {
    if (native === null) return expectLockGoesWithDescriptor();
    const disk = await openDisk({ sizeBytes: MIB });
    const held = native.duplicate(disk.fd);
    await disk.close();
    await disk.close();
    expect((await openDisk()).sizeBytes).toBe(MIB);
    closeSync(held);
  });

  async function expectLockGoesWithDescriptor(): Promise<void> {
    await (await openDisk({ sizeBytes: MIB })).close();
    expect((await openDisk()).sizeBytes).toBe(MIB);
  }

  if (hasLoopDevices()) describe('block devices', describeBlockDevices);

  function describeBlockDevices(): void {
    function attach(bytes: number, ...options: string[]): string {
      const image = join(folder, 'image');
      writeFileSync(image, Buffer.alloc(bytes, 0xab));
      const loop = spawnSync('losetup', ['--show', ...options, '-f', image], { encoding: 'utf8' }).stdout.trim();
      expect(loop).toMatch(/^\/dev\/loop/);
      loops.push(loop);
      return loop;
    }

    it('are served whole, with the sizes and the unmap of the device', async () => {
      const loop = attach(4 * MIB, '-b', '4096');
      const disk = await openDisk({ path: loop });
      expect(disk).toMatchObject({ sizeBytes: 4 * MIB, isBlockDevice: true, logicalBlockBytes: 4096, canUnmap: true });
    });

    it('are locked, and refused when their size differs from the configured one', async () => {
      const loop = attach(4 * MIB);
      await expectFault({ path: loop, sizeBytes: MIB }, 'SIZE_DIFFERS', loop);
      await openDisk({ path: loop, sizeBytes: 4 * MIB });
      await expectFault({ path: loop }, 'IN_USE', loop);
      expect(spawnSync('flock', ['-xn', loop, 'true']).status).toBe(1);
    });

    it('that somebody lets go of in a moment are waited for', async () => {
      const loop = attach(4 * MIB);
      const claim = openSync(loop, constants.O_RDWR | constants.O_EXCL);
      setTimeout(() => closeSync(claim), 300);
      expect(await openDisk({ path: loop })).toMatchObject({ sizeBytes: 4 * MIB });
    });

    it('that take no writes are served read-only alone', async () => {
      const loop = attach(4 * MIB, '-r');
      await expectFault({ path: loop }, 'WRITE_PROTECTED', loop, 'read-only');
      expect(await openDisk({ path: loop, isReadOnly: true })).toMatchObject({ sizeBytes: 4 * MIB, isReadOnly: true });
    });
  }
});

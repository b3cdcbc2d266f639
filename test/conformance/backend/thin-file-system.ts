/**
 * A file system on a device that has less room than it says, as thin pools do: ext4 on a loop device whose image lies on a
 * small tmpfs. It takes writes into the page cache, and loses them when they are written back.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasLoopDevices } from '../../unit/backend/loop-devices.ts';

export const CAN_MOUNT_THIN = hasLoopDevices() && spawnSync('mkfs.ext4', ['-V']).status === 0;

export class ThinFileSystem {
  /** Where it is mounted. */
  readonly path: string;
  private readonly poolPath: string;
  private loop = '';

  /** @param poolMib what there really is; the file system takes a part of it */
  constructor(folder: string, poolMib: number, pretendedMib: number) {
    this.path = join(folder, 'thin');
    this.poolPath = join(folder, 'pool');
    mkdirSync(this.path);
    mkdirSync(this.poolPath);
    run('mount', '-t', 'tmpfs', '-o', `size=${poolMib}m`, 'tmpfs', this.poolPath);
    const image = join(this.poolPath, 'image');
    try {
      run('truncate', '-s', `${pretendedMib}M`, image);
      this.loop = run('losetup', '--show', '-f', image);
      run('mkfs.ext4', '-q', this.loop);
      run('mount', this.loop, this.path);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Has the page cache of a file written back, as the kernel does by and by; whoever writes to the file is not told how it ended. */
  writeBack(file: string): void {
    spawnSync('sync', ['-d', file]);
  }

  remove(): void {
    spawnSync('umount', ['--lazy', this.path]);
    if (this.loop !== '') spawnSync('losetup', ['-d', this.loop]);
    spawnSync('umount', ['--lazy', this.poolPath]);
  }
}

function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

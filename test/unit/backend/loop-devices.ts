/** Whether this machine lets a test attach a loop device: it needs privileges that a container seldom has. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function hasLoopDevices(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'gotgt-loop-'));
  const image = join(folder, 'image');
  writeFileSync(image, Buffer.alloc(2 ** 20));
  const { status, stdout } = spawnSync('losetup', ['--show', '-f', image], { encoding: 'utf8' });
  if (status === 0) spawnSync('losetup', ['-d', stdout.trim()]);
  rmSync(folder, { recursive: true });
  return status === 0;
}

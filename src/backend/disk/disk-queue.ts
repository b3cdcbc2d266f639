/**
 * What the kernel tells about the request queue of the block device that a disk is, or that the file system of a file lies
 * on: /sys/dev/block/MAJOR:MINOR/queue.
 */
import { readFile } from 'node:fs/promises';

/**
 * A number of the queue's attributes; null where there is none.
 * @param dev as stat(2) tells it
 */
export async function readQueue(dev: number, name: string): Promise<number | null> {
  const device = `/sys/dev/block/${deviceName(dev)}`;
  // A partition has no queue of its own; its disk, the folder above, has.
  return (await readSysNumber(`${device}/queue/${name}`)) ?? (await readSysNumber(`${device}/../queue/${name}`));
}

export async function readSysNumber(path: string): Promise<number | null> {
  let text: string;
  try {
    text = await readFile(path, 'ascii');
  } catch {
    return null; // no such attribute: an older kernel, or a file system without a device
  }
  const number = Number.parseInt(text, 10);
  return Number.isSafeInteger(number) ? number : null;
}

/** "major:minor" as sysfs has it, from dev_t as glibc packs it. */
export function deviceName(dev: number): string {
  const high = Math.floor(dev / 2 ** 32);
  const low = dev >>> 0;
  const major = ((low >>> 8) & 0xfff) | (high & 0xfffff000);
  const minor = (low & 0xff) | ((low >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}

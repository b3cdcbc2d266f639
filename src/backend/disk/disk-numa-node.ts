/**
 * The NUMA node of a file's device, from sysfs: that of a block device itself, or of the one that the file system lies on. A
 * device in layers (a partition, dm, md) has the node of what is below it.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** dm on md on a partition is three; nobody has eight. */
const LAYERS_MAX = 8;

/**
 * @param path a file or block device; its folder when it is not there yet
 * @param sysRoot "/sys" but in tests
 * @returns null where the device tells none (virtual and network devices, machines with one node)
 */
export function nodeOfFile(path: string, sysRoot = '/sys'): number | null {
  const stat = statSync(path, { throwIfNoEntry: false }) ?? statSync(dirname(path), { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return nodeOfDevice(stat.isBlockDevice() ? stat.rdev : stat.dev, sysRoot);
}

/** @param device as stat(2) tells it */
export function nodeOfDevice(device: number, sysRoot: string): number | null {
  const entry = join(sysRoot, 'dev/block', `${majorOf(device)}:${minorOf(device)}`);
  return existsSync(entry) ? nodeOfEntry(realpathSync(entry), realpathSync(sysRoot), 0) : null;
}

function nodeOfEntry(entry: string, sysRoot: string, layer: number): number | null {
  const slaves = join(entry, 'slaves');
  const [below] = existsSync(slaves) ? readdirSync(slaves).sort() : [];
  if (below !== undefined && layer < LAYERS_MAX)
    return nodeOfEntry(realpathSync(join(slaves, below)), sysRoot, layer + 1);
  // The attribute is the bus device's: some folders up from the disk.
  for (let folder = entry; folder.startsWith(`${sysRoot}/`); folder = dirname(folder)) {
    const attribute = join(folder, 'numa_node');
    if (!existsSync(attribute)) continue;
    const node = Number(readFileSync(attribute, 'utf8').trim());
    return Number.isInteger(node) && node >= 0 ? node : null;
  }
  return null;
}

/** As glibc's gnu_dev_major and gnu_dev_minor; Node gives dev_t as a number. */
function majorOf(device: number): number {
  const high = Math.floor(device / 2 ** 32);
  return ((device >>> 8) & 0xfff) + (high >>> 12) * 2 ** 12;
}

function minorOf(device: number): number {
  return (device & 0xff) + ((device >>> 12) & 0xfff00);
}

/** The NUMA node of a device by sysfs, here a folder made for the test. */
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeOfDevice, nodeOfFile } from '../../../src/backend/disk/disk-numa-node.ts';

let sys: string;

beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'gotgt-sys-'));
  mkdirSync(join(sys, 'dev/block'), { recursive: true });
});

afterEach(() => rmSync(sys, { recursive: true }));

/** A device folder below sys/devices, known as major:minor. */
function device(number: string, path: string, slaves: readonly string[] = []): string {
  const folder = join(sys, 'devices', path);
  mkdirSync(join(folder, 'slaves'), { recursive: true });
  symlinkSync(relative(join(sys, 'dev/block'), folder), join(sys, 'dev/block', number));
  for (const slave of slaves) symlinkSync(slave, join(folder, 'slaves', slave.split('/').at(-1) as string));
  return folder;
}

function attribute(path: string, node: string): void {
  mkdirSync(join(sys, 'devices', path), { recursive: true });
  writeFileSync(join(sys, 'devices', path, 'numa_node'), `${node}\n`);
}

const PCI = 'pci0000:00/0000:00:1f.2';

describe('the NUMA node of a device', () => {
  it('is that of its bus device, for a disk and its partition', () => {
    attribute(PCI, '1');
    const disk = `${PCI}/ata1/host0/block/sda`;
    device('8:0', disk);
    device('8:1', `${disk}/sda1`);
    expect(nodeOfDevice(0x800, sys)).toBe(1);
    expect(nodeOfDevice(0x801, sys)).toBe(1);
  });

  it('is that of what lies below, for dm and md', () => {
    attribute(PCI, '3');
    const disk = device('259:0', `${PCI}/nvme/nvme0/nvme0n1`);
    const raid = device('9:0', 'virtual/block/md0', [disk]);
    device('253:300', 'virtual/block/dm-300', [raid]);
    // Minor 300 is cut in two in a dev_t: 0x12c is 0x2c and, above the major, 0x100.
    expect(nodeOfDevice((0x1 << 20) | (253 << 8) | 0x2c, sys)).toBe(3);
  });

  it('is unknown where the kernel says -1, where no bus device is, and where no device is', () => {
    attribute(PCI, '-1');
    device('8:0', `${PCI}/block/sda`);
    device('7:0', 'virtual/block/loop0');
    expect([0x800, 0x700, 0x999].map((number) => nodeOfDevice(number, sys))).toEqual([null, null, null]);
  });

  it('of a file is that of the file system it lies on, or will', () => {
    const { dev } = statSync(sys);
    expect(dev).toBeLessThan(2 ** 32);
    const major = (dev >>> 8) & 0xfff;
    const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
    attribute(PCI, '2');
    device(`${major}:${minor}`, `${PCI}/block/sda`);
    expect(nodeOfFile(sys, sys)).toBe(2);
    expect(nodeOfFile(join(sys, 'not-yet.img'), sys)).toBe(2);
    expect(nodeOfFile(join(sys, 'no/such/folder.img'), sys)).toBe(null);
  });
});

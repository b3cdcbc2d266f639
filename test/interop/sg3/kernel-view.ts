/** What Linux itself concludes from our answers: queue limits, cache, size, and the disc of the drive. */
import { truncateSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Bench, DISK_BYTES, EXIT } from './bench.ts';

const SECTOR_BYTES = 512;
const LIMITS = {
  thin: {
    logical_block_size: '512',
    physical_block_size: '512',
    optimal_io_size: '262144',
    discard_granularity: '4096',
    discard_max_bytes: '536870912',
    write_zeroes_max_bytes: '33554432',
    write_cache: 'write back',
    fua: '1',
    rotational: '0',
  },
  large: { logical_block_size: '4096', physical_block_size: '4096', discard_granularity: '4096', fua: '1' },
  removable: { discard_granularity: '0', discard_max_bytes: '0', write_zeroes_max_bytes: '33554432' },
  // Linux never flushes what it cannot write.
  readOnly: { discard_max_bytes: '0', write_cache: 'write through', fua: '0' },
};
const NAMES: Readonly<Record<keyof typeof LIMITS, string>> = {
  thin: 'a0',
  large: 'a1',
  removable: 'a2',
  readOnly: 'a3',
};

export function kernelView(bench: Bench): void {
  const folder = (name: string) => `/sys/block/$(readlink /dev/block-${name})`;
  const rescan = (name: string) => bench.good(`echo 1 >${folder(name)}/device/rescan`);

  it.each(Object.keys(LIMITS) as (keyof typeof LIMITS)[])('the queue of the %s disk', async (kind) => {
    const limits: Readonly<Record<string, string>> = LIMITS[kind];
    const files = Object.keys(limits).join(' ');
    const output = await bench.good(
      `cd ${folder(NAMES[kind])}/queue && for file in ${files}; do echo $file $(cat $file); done`,
    );
    expect(
      Object.fromEntries(
        output
          .trim()
          .split('\n')
          .map((line) => line.split(/ (.*)/, 2)),
      ),
    ).toEqual(limits);
  });

  it('sd unmaps by UNMAP and zeroes by WRITE SAME, on both paths to one unit', async () => {
    const scsi = `${folder('a0')}/device/scsi_disk/0:0:0:0`;
    const output = await bench.good(`cat ${scsi}/provisioning_mode ${scsi}/zeroing_mode ${scsi}/thin_provisioning`);
    expect(output).toBe('unmap\nwritesame_16_unmap\n1\n');
    const [one, other] = (await bench.good(`cat ${folder('a0')}/device/wwid ${folder('b0')}/device/wwid`))
      .trim()
      .split('\n');
    // To Linux the T10 vendor designator counts more than a locally assigned NAA.
    expect([one, other]).toEqual(Array(2).fill('t10.GOTGT   thin disk       THIN0001'));
    expect(await bench.good(`cat ${folder('a3')}/ro ${folder('a2')}/removable`)).toBe('1\n1\n');
  });

  it('the cache is write-through while WCE is zero', async () => {
    await bench.good('sdparm --clear=WCE /dev/a0');
    await rescan('a0');
    expect(await bench.good(`cat ${folder('a0')}/queue/write_cache`)).toBe('write through\n');
    await bench.good('sdparm --set=WCE /dev/a0');
    await rescan('a0');
    expect(await bench.good(`cat ${folder('a0')}/queue/write_cache`)).toBe('write back\n');
    await bench.settle();
  });

  it('a disk that has grown is as large after a rescan', async () => {
    const grownBytes = DISK_BYTES + 8 * 1048576;
    expect(await bench.good(`cat ${folder('a1')}/size`)).toBe(`${DISK_BYTES / SECTOR_BYTES}\n`);
    truncateSync(bench.folder.join('large.img'), grownBytes);
    await bench.reload('a storage has another size now');
    await bench.attention('/dev/a1', 'Capacity data has changed');
    expect(await bench.good('sg_readcap /dev/a1')).toContain(`Number of logical blocks=${grownBytes / 4096}\n`);
    await rescan('a1');
    expect(await bench.good(`cat ${folder('a1')}/size`)).toBe(`${grownBytes / SECTOR_BYTES}\n`);
    await bench.attention('/dev/b1', 'Capacity data has changed');
  });

  it('blkdiscard gives the space back, and reads zeros', async () => {
    await bench.good('sg_dd if=/host/random.img of=/dev/a1 bs=4096 bpt=32 count=512');
    expect(bench.read('large.img', 0, 4096).some((byte) => byte !== 0)).toBe(true);
    await bench.good('blkdiscard /dev/block-a1');
    expect(bench.read('large.img', 0, 1048576).some((byte) => byte !== 0)).toBe(false);
  });

  it('sg_get_config: the drive is a CD-ROM, and its disc is mounted', async () => {
    const features = await bench.good('sg_get_config /dev/a5');
    expect(features).toContain('Current profile: CD-ROM\n');
    for (const name of [
      'Profile list',
      'Core',
      'Morphing',
      'Removable media',
      'Random readable',
      'CD read',
      'Power management',
    ]) {
      expect(features).toContain(`  ${name} feature\n`);
    }
    await bench.good('mount -t iso9660 -o ro /dev/block-b5 /mnt', 'cmp /mnt/image.bin /host/random.img');
    await bench.refused(
      'sg_start -v --eject /dev/a5',
      EXIT.illegalRequest,
      'Additional sense: Medium removal prevented',
    );
    await bench.good('umount /mnt');
  });
}

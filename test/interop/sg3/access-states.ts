/** Asymmetric logical unit access: two target port groups, and what either path may do in each of their states. */
import { expect, it } from 'vitest';
import { TARGET_NAME } from '../daemon-process.ts';
import { type Bench, EXIT } from './bench.ts';

const READ = 'sg_raw -v -r 512 -o /dev/null';
const READ_CDB = '28 00 00 00 00 00 00 00 01 00';
const CHANGED = 'Asymmetric access state changed';

export function accessStates(bench: Bench): void {
  /** The state of a group, and how it came about, as a path tells. */
  async function expectState(device: string, group: number, state: string, status: string): Promise<void> {
    const output = await bench.good(`sg_rtpg --decode ${device}`);
    const start = output.indexOf(`  target port group id : 0x${group} , Pref=0`);
    const end = output.indexOf('  target port group id', start + 1);
    const said = output.slice(start, end < 0 ? undefined : end);
    expect(said).toContain(`target port group asymmetric access state : ${state}\n`);
    expect(said).toContain('T_SUP : 1, O_SUP : 0, LBD_SUP : 0, U_SUP : 1, S_SUP : 1, AN_SUP : 1, AO_SUP : 1\n');
    expect(said).toContain(`status code : ${status}\n`);
    expect(said).toContain(`target port count : 01\n    Relative target port ids:\n      0x0${group}\n`);
  }

  it('sg_inq, sg_vpd: a target of two ports says so, and each path which one it is', async () => {
    expect(await bench.good('sg_inq /dev/a0')).toMatch(/TPGS=3 .*\n.*MultiP=1 /);
    const ports = await bench.good('sg_vpd --page=sp /dev/a0');
    for (const [device, port] of [['/dev/a0', 1] as const, ['/dev/b0', 2] as const]) {
      expect(ports).toMatch(new RegExp(`Relative port=${port}\\n(?:.*\\n){4} +${TARGET_NAME},t,0x000${port}\\n`));
      const output = await bench.good(`sg_vpd --page=di_port ${device}`);
      expect(output).toContain(`${TARGET_NAME},t,0x000${port}\n`);
      expect(output).toContain(`Relative target port: 0x${port}\n`);
      expect(output).toContain(`Target port group: 0x${port}\n`);
    }
  });

  it('sg_rtpg: both groups are active/optimized', async () => {
    for (const device of ['/dev/a0', '/dev/b0']) {
      for (const group of [1, 2]) await expectState(device, group, OPTIMIZED, '0x00 (no status available)');
    }
    expect(await bench.good('sg_rtpg --extended /dev/b0')).toContain('Implicit transition time: 0\n');
  });

  it.each([
    {
      option: '--standby',
      state: '0x02 (standby)',
      words: 'Logical unit not accessible, target port in standby state',
    },
    {
      option: '--unavailable',
      state: '0x03 (unavailable)',
      words: 'Logical unit not accessible, target port in unavailable state',
    },
  ])('sg_stpg $option: one path refuses, the other goes on', async ({ option, state, words }) => {
    await bench.good(`sg_stpg ${option} --tp=2 /dev/a0`);
    await bench.refused('sg_turs -v /dev/b0', EXIT.unitAttention, `Additional sense: ${CHANGED}\n`);
    await bench.refused('sg_turs -v /dev/b0', EXIT.notReady, `Additional sense: ${words}\n`);
    await bench.refused(`${READ} /dev/b0 ${READ_CDB}`, EXIT.notReady, `Additional sense: ${words}\n`);
    await bench.good(`${READ} /dev/a0 ${READ_CDB}`, 'sg_turs /dev/a0');
    // What a host needs to find its way is answered all the same.
    await bench.good('sg_luns /dev/b0', 'sg_vpd --page=di /dev/b0', 'sg_requests /dev/b0');
    for (const device of ['/dev/a0', '/dev/b0']) await expectState(device, 2, state, BY_COMMAND);
    await expectState('/dev/b0', 1, OPTIMIZED, '0x00 (no status available)');
    await bench.good('sg_stpg --optimized --tp=2 /dev/b0');
    await bench.good(`${READ} /dev/b0 ${READ_CDB}`);
    await bench.settle();
  });

  it('sg_stpg --active: a path that is not optimized reads and writes', async () => {
    await bench.good('sg_stpg --active --tp=2 /dev/a0');
    await bench.attention('/dev/b0', CHANGED);
    await expectState('/dev/a0', 2, '0x01 (active/non optimized)', BY_COMMAND);
    await bench.good(`${READ} /dev/b0 ${READ_CDB}`, 'sg_stpg --optimized --tp=2 /dev/a0');
    await bench.attention('/dev/b0', CHANGED);
  });

  it('dm-multipath: what a path in standby refuses goes by the other one', async () => {
    const paths = '1 round-robin 0 1 1 /dev/block-a0 1 round-robin 0 1 1 /dev/block-b0 1';
    const half = (seek: number) =>
      `dd if=/host/random.img of=/dev/mapper/both bs=64k oflag=direct count=16 skip=${seek} seek=${seek}`;
    await bench.good(
      'modprobe dm-multipath && modprobe dm-round-robin',
      `dmsetup create both --table "0 131072 multipath 0 0 2 ${paths}" && dmsetup mknodes`,
      half(0),
      'sg_stpg --standby --tp=1 /dev/a0',
      half(16),
      'dd if=/dev/mapper/both of=/tmp/both bs=64k iflag=direct count=32',
      'cmp /tmp/both /host/random.img && rm /tmp/both',
    );
    expect(await bench.good('dmsetup status both')).toMatch(/ E 0 1 0 8:0 F \d+ A 0 1 0 \d+:\d+ A 0 /);
    await bench.settle();
    await bench.good('dmsetup remove both', 'sg_stpg --optimized --tp=1 /dev/b0');
    await bench.settle();
  });

  it('sg_stpg: states and groups that there are not are refused, and nothing changes', async () => {
    for (const wrong of ['--offline --tp=2', '--standby --tp=9', '--state=s,14 --tp=1,2']) {
      await bench.refused(
        `sg_stpg -v ${wrong} /dev/a0`,
        REFUSED_EXIT,
        'Additional sense: Invalid field in parameter list\n',
      );
    }
    for (const group of [1, 2]) await expectState('/dev/a0', group, OPTIMIZED, BY_COMMAND);
  });
}

const OPTIMIZED = '0x00 (active/optimized)';
const BY_COMMAND = '0x01 (target port asym. state changed by SET TARGET PORT GROUPS command)';
/** sg_stpg 1.46 ends with 0 when the command was refused. */
const REFUSED_EXIT = 0;

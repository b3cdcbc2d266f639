/** Tools that change what a disk does: modes, stops, media, buffers, clocks, resets, and erasing all of it. */
import { expect, it } from 'vitest';
import { type Bench, EXIT, SMALL_BYTES } from './bench.ts';

const WRITE = 'sg_raw -v -s 512 -i /dev/zero';
const WRITE_CDB = '2a 00 00 00 00 00 00 00 01 00';

export function conditions(bench: Bench): void {
  it('sg_wr_mode, sdparm: WCE changes, now and for good, and the other path is told', async () => {
    const page = '08,12,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00';
    await bench.good(`sg_wr_mode --page=8 --save --contents=${page} /dev/a0`);
    expect(await bench.good('sdparm --long --get=WCE /dev/a0')).toMatch(/WCE +0 {2}\[cha: y, def: {2}1, sav: {2}0\]/);
    await bench.attention('/dev/b0', 'Mode parameters changed');
    await bench.good('sdparm --set=WCE --save /dev/b0');
    expect(await bench.good('sdparm --long --get=WCE /dev/b0')).toMatch(/WCE +1 {2}\[cha: y, def: {2}1, sav: {2}1\]/);
    await bench.attention('/dev/a0', 'Mode parameters changed');
    const fixed = 'sg_wr_mode -v --page=0x0a --contents=0a,0a,ff,ff,ff,ff,ff,ff,ff,ff,ff,ff /dev/a0';
    await bench.refused(fixed, EXIT.illegalRequest, 'Invalid field in parameter list');
  });

  it('sdparm: SWP write-protects, D_SENSE changes the format of sense data', async () => {
    await bench.good('sdparm --set=SWP /dev/a0');
    await bench.refused(`${WRITE} /dev/a0 ${WRITE_CDB}`, EXIT.dataProtect, 'Additional sense: Write protected');
    expect(await bench.good('sg_modes --page=8 /dev/a0')).toContain('WP=1, ');
    await bench.good('sdparm --clear=SWP /dev/a0', `${WRITE} /dev/a0 ${WRITE_CDB}`);
    const behind = 'sg_raw -v -r 512 /dev/a0 88 00 00 00 00 00 00 02 00 00 00 00 00 01 00 00';
    await bench.refused(behind, EXIT.lbaOutOfRange, 'Fixed format, current; Sense key: Illegal Request\n');
    await bench.good('sdparm --set=D_SENSE /dev/a0');
    await bench.refused(behind, EXIT.lbaOutOfRange, 'Descriptor format, current; Sense key: Illegal Request\n');
    await bench.good('sdparm --clear=D_SENSE /dev/a0');
    await bench.settle();
  });

  it('a read-only disk refuses to be written, erased and formatted', async () => {
    for (const command of [`${WRITE} /dev/a3 ${WRITE_CDB}`, 'sg_write_same -v --16 --ndob --lba=0 --num=8 /dev/a3']) {
      await bench.refused(command, EXIT.dataProtect, 'Additional sense: Write protected');
    }
    await bench.refused('sg_format --format --quick --wait -v /dev/a3', EXIT.dataProtect, 'Write protected');
    await bench.refused(
      'sg_sanitize --overwrite --zero --quick --wait -v /dev/a3',
      EXIT.dataProtect,
      'Write protected',
    );
  });

  it('sg_start, sg_turs, sg_requests: stopped, idle, standby', async () => {
    const stopped = 'Additional sense: Logical unit not ready, initializing command required\n';
    await bench.good('sg_start --stop /dev/a0');
    await bench.refused('sg_turs -v /dev/b0', EXIT.notReady, stopped);
    expect(await bench.good('sg_requests /dev/a0')).toContain(stopped);
    await bench.good('sg_start --start /dev/a0', 'sg_turs /dev/b0');
    for (const [condition, words] of [
      [2, 'Idle condition activated by command'],
      [3, 'Standby condition activated by command'],
      [1, 'No additional sense information'],
    ] as const) {
      await bench.good(`sg_start --pc=${condition} /dev/a0`);
      expect(await bench.good('sg_requests /dev/a0')).toContain(`Additional sense: ${words}\n`);
    }
    await bench.refused('sg_start -v --eject /dev/a0', EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_start, sg_prevent: a medium is ejected, loaded and held', async () => {
    await bench.good('sg_start --eject /dev/a2');
    await bench.refused('sg_turs -v /dev/b2', EXIT.notReady, 'Additional sense: Medium not present');
    await bench.good('sg_start --load /dev/a2', 'sg_turs /dev/a2');
    await bench.attention('/dev/b2', 'Not ready to ready change, medium may have changed');
    await bench.good('sg_prevent /dev/a2');
    await bench.refused(
      'sg_start -v --eject /dev/b2',
      EXIT.illegalRequest,
      'Additional sense: Medium removal prevented',
    );
    await bench.good('sg_prevent --allow /dev/a2', 'sg_start --eject /dev/b2', 'sg_start --load /dev/b2');
    await bench.settle();
  });

  it('sdparm: commands of its own', async () => {
    expect(await bench.good('sdparm --command=capacity /dev/a1')).toContain('\nblock_length: 4096\n');
    await bench.good('sdparm --command=sync /dev/a0', 'sdparm --command=stop /dev/a0');
    await bench.refused('sdparm --command=ready /dev/b0', EXIT.notReady, '\nNot ready\n');
    await bench.good('sdparm --command=start /dev/a0');
    expect(await bench.good('sdparm --command=ready /dev/b0')).toContain('\nReady\n');
    expect(await bench.good('sdparm --command=profile /dev/a5')).toContain('    CD-ROM   *\n');
    await bench.good('sdparm --command=eject /dev/a5');
    await bench.refused('sdparm --command=ready /dev/b5', EXIT.notReady, '\nNot ready\n');
    await bench.good('sdparm --command=load /dev/a5');
    await bench.attention('/dev/b5', 'Not ready to ready change, medium may have changed');
  });

  it('sg_write_buffer, sg_test_rwbuf: the echo buffer gives back what it got', async () => {
    await bench.good(
      'head -c 512 /host/random.img >/tmp/random',
      'sg_write_buffer --mode=echo --in=/tmp/random --length=512 /dev/a0',
      // sg_read_buffer 1.46 sends an allocation length of zero, whatever --length says.
      'sg_raw -r 512 -o /tmp/echoed /dev/a0 3c 0a 00 00 00 00 00 02 00 00',
      'cmp /tmp/echoed /tmp/random',
      'sg_read_buffer --mode=echo --length=512 /dev/a0',
    );
    expect(await bench.good('sg_test_rwbuf --size=4096 /dev/a0')).toContain('Success\n');
    const microcode = 'sg_write_buffer -v --mode=dmc_save --in=/tmp/random --length=512 /dev/a0';
    await bench.refused(microcode, EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_timestamp: the clock is set, and the other path is told', async () => {
    const seconds = Number(await bench.good('sg_timestamp /dev/a0')) / 1000;
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(CLOCK_SECONDS_MAX);
    await bench.good('sg_timestamp --milliseconds=1000000 /dev/a0');
    await bench.attention('/dev/b0', 'Timestamp changed');
    const shown = Number(await bench.good('sg_timestamp /dev/b0'));
    expect(shown).toBeGreaterThanOrEqual(1_000_000);
    expect(shown).toBeLessThan(1_000_000 + CLOCK_SECONDS_MAX * 1000);
    expect(await bench.good('sg_timestamp --origin /dev/a0')).toContain(
      'Device clock initialized by SET TIMESTAMP command\n',
    );
  });

  it('sg_senddiag: self-test and the list of pages', async () => {
    expect(await bench.good('sg_senddiag --test /dev/a0')).toContain('Default self-test returned GOOD status\n');
    expect(await bench.good('sg_senddiag --list /dev/a0')).toContain('0x00  Supported diagnostic pages\n');
    await bench.refused('sg_senddiag -v --selftest=2 /dev/a0', EXIT.illegalRequest, 'Invalid field in cdb');
  });

  it('sg_reset: of a unit and of the target', async () => {
    await bench.good('sg_reset --no-esc --device /dev/a0');
    await bench.attention('/dev/a0', 'Bus device reset function occurred');
    await bench.attention('/dev/b0', 'Bus device reset function occurred');
    await bench.good('sg_turs /dev/a1', 'sg_reset --no-esc --target /dev/a0');
    for (const device of ['/dev/a0', '/dev/a1', '/dev/b4']) {
      await bench.attention(device, 'Bus device reset function occurred');
    }
    await bench.settle();
  });

  it('sg_format: nothing is left', async () => {
    expect(bench.read('erased.img', 2048 * 512, 4096).some((byte) => byte !== 0)).toBe(true);
    await bench.good('sg_format --format --quick --wait /dev/a4');
    expect(bench.read('erased.img', 0, SMALL_BYTES).some((byte) => byte !== 0)).toBe(false);
    expect(await bench.good('sg_format /dev/a4')).toContain(
      'Number of logical blocks=32768\n   Logical block size=512 bytes\n',
    );
    for (const other of [
      '--format --quick --wait --size=4096',
      '--format --quick --wait --fmtpinfo=2',
      '--resize --count=16384',
    ]) {
      await bench.refused(`sg_format ${other} /dev/a4`, EXIT.illegalRequest, 'Illegal request');
    }
  });

  it.each(['--block', '--crypto'])('sg_sanitize %s: nothing is left', async (how) => {
    await bench.good('sg_dd if=/host/random.img of=/dev/a4 bs=512 bpt=256 count=512');
    expect(bench.read('erased.img', 0, 4096).some((byte) => byte !== 0)).toBe(true);
    await bench.good(`sg_sanitize ${how} --quick --wait /dev/a4`);
    expect(bench.read('erased.img', 0, SMALL_BYTES).some((byte) => byte !== 0)).toBe(false);
    await bench.refused(`sg_sanitize ${how} --quick --wait -v /dev/a2`, EXIT.illegalRequest, 'Invalid field in cdb');
  });
}

/** Lasts some seconds at the least, in which the rest goes on. */
export function overwriting(bench: Bench): void {
  it('sg_sanitize --overwrite: both paths see its progress', async () => {
    const start = 'sg_sanitize --overwrite --pattern=/tmp/pattern --ipl=2 --quick --early /dev/a4';
    const looks = 'sg_turs -v /dev/b4; sg_requests --progress /dev/a4; sg_readcap /dev/b4; sg_inq /dev/b4';
    await bench.good('printf "\\245\\132" >/tmp/pattern');
    const { output } = await bench.run(`${start} && (${looks})`);
    expect(output).toMatch(
      /Additional sense: Logical unit not ready, sanitize in progress\n {2}Progress indication: \d+\.\d+%/,
    );
    expect(output).toMatch(/^Progress indication: \d+\.\d+% done$/m);
    expect(output).toContain('sg_readcap failed: Device not ready\nstandard INQUIRY:\n');
  });
}

export function overwritten(bench: Bench): void {
  it('sg_sanitize --overwrite: nothing but the pattern is left', async () => {
    await bench.good('until sg_turs /dev/a4; do sleep 0.5; done >/dev/null 2>&1');
    expect(bench.read('erased.img', 0, SMALL_BYTES).equals(Buffer.alloc(SMALL_BYTES, '\xa5\x5a', 'latin1'))).toBe(true);
  });
}

/** That the guest's commands may take on a machine that is busy. */
const CLOCK_SECONDS_MAX = 60;

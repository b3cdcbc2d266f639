/** sg_persist: two paths of one host are two I_T nexuses, so that one can shut the other out. */
import { expect, it } from 'vitest';
import { type Bench, EXIT } from './bench.ts';

const WRITE = 'sg_raw -s 512 -i /dev/zero';
const WRITE_CDB = '2a 00 00 00 00 00 00 00 01 00';
const READ = 'sg_raw -r 512 -o /dev/null';
const READ_CDB = '28 00 00 00 00 00 00 00 01 00';
/** What Linux names itself as SCSI initiator port; its first session has ISID 00023d000001. */
const INITIATOR_PORT = 'iqn.2026-11.org.example:linux,i,0x00023d00000';

/** PR types; who may write and read while another holds the reservation, registered or not. */
const TYPES = [
  { type: 1, name: 'Write Exclusive', registered: 'r', others: 'r', holder: '0xa1' },
  { type: 3, name: 'Exclusive Access', registered: '', others: '', holder: '0xa1' },
  { type: 5, name: 'Write Exclusive, registrants only', registered: 'rw', others: 'r', holder: '0xa1' },
  { type: 6, name: 'Exclusive Access, registrants only', registered: 'rw', others: '', holder: '0xa1' },
  { type: 7, name: 'Write Exclusive, all registrants', registered: 'rw', others: 'r', holder: '0x0' },
  { type: 8, name: 'Exclusive Access, all registrants', registered: 'rw', others: '', holder: '0x0' },
];

export function reservations(bench: Bench): void {
  const out = (device: string, action: string) => bench.good(`sg_persist -n --out ${action} ${device}`);
  const keys = () => bench.good('sg_persist -n --in --read-keys /dev/b0');
  const status = () => bench.good('sg_persist -n --in --read-full-status /dev/b0');

  /** What the second path may do. */
  async function expectAccess(allowed: string): Promise<void> {
    for (const [letter, command] of [
      ['w', `${WRITE} /dev/b0 ${WRITE_CDB}`] as const,
      ['r', `${READ} /dev/b0 ${READ_CDB}`] as const,
    ]) {
      if (allowed.includes(letter)) await bench.good(command);
      else await bench.refused(command, EXIT.reservationConflict, 'SCSI Status: Reservation Conflict');
    }
  }

  it('sg_persist: capabilities', async () => {
    const output = await bench.good('sg_persist -n --in --report-capabilities /dev/a0');
    for (const name of [
      'Specify Initiator Ports Capable(SIP_C)',
      'All Target Ports Capable(ATP_C)',
      'Type Mask Valid(TMV)',
    ]) {
      expect(output).toContain(`  ${name}: 1\n`);
    }
    expect(output).toContain('  Persist Through Power Loss Capable(PTPL_C): 1\n');
    for (const { name } of TYPES) expect(output).toContain(`      ${name}: 1\n`);
  });

  it('sg_persist: both paths register, a wrong key is a conflict', async () => {
    expect(await keys()).toMatch(/PR generation=0x0, there are NO registered reservation keys/);
    await out('/dev/a0', '--register --param-sark=0xa1');
    await out('/dev/b0', '--register --param-sark=0xb1');
    expect(await keys()).toContain('PR generation=0x2, 2 registered reservation keys follow:\n    0xa1\n    0xb1\n');
    const full = await status();
    for (const [port, key] of ['0xa1', '0xb1'].entries()) {
      expect(full).toContain(
        `    Key=${key}\n      All target ports bit clear\n      Relative port address: 0x${port + 1}\n` +
          '      not reservation holder\n      Transport Id of initiator:\n' +
          `        iSCSI world wide unique port id: ${INITIATOR_PORT}${port + 1}\n`,
      );
    }
    const conflict = 'sg_persist -n --out --register --param-rk=0xbad --param-sark=0xb2 /dev/b0';
    await bench.refused(conflict, EXIT.reservationConflict, 'PR out (Register): Reservation conflict');
  });

  it.each(TYPES)('sg_persist: $name, before a path that is registered', async ({ type, name, registered, holder }) => {
    await out('/dev/a0', `--reserve --param-rk=0xa1 --prout-type=${type}`);
    const reservation = await bench.good('sg_persist -n --in --read-reservation /dev/b0');
    expect(reservation).toContain(`Reservation follows:\n    Key=${holder}\n    scope: LU_SCOPE,  type: ${name}\n`);
    await expectAccess(registered);
    await out('/dev/a0', `--release --param-rk=0xa1 --prout-type=${type}`);
    if (type > 3) await bench.attention('/dev/b0', 'Reservations released');
    await expectAccess('rw');
  });

  it('sg_persist: unregisters', async () => {
    await out('/dev/b0', '--register --param-rk=0xb1 --param-sark=0');
    expect(await keys()).toContain('1 registered reservation key follows:\n    0xa1\n');
  });

  it.each(TYPES)('sg_persist: $name, before a path that is not', async ({ type, others }) => {
    await out('/dev/a0', `--reserve --param-rk=0xa1 --prout-type=${type}`);
    await expectAccess(others);
    await out('/dev/a0', `--release --param-rk=0xa1 --prout-type=${type}`);
  });

  it('sg_persist: PREEMPT takes the reservation over and tells who lost it', async () => {
    await out('/dev/b0', '--register-ignore --param-sark=0xb2');
    await out('/dev/a0', '--reserve --param-rk=0xa1 --prout-type=5');
    await out('/dev/b0', '--preempt --param-rk=0xb2 --param-sark=0xa1 --prout-type=1');
    expect(await keys()).toMatch(/1 registered reservation key follows:\n {4}0xb2\n/);
    expect(await status()).toMatch(/Key=0xb2\n(?:.*\n){2} {6}<< Reservation holder >>\n.*type: Write Exclusive\n/);
    await bench.attention('/dev/a0', 'Registrations preempted');
    await bench.refused(`${WRITE} /dev/a0 ${WRITE_CDB}`, EXIT.reservationConflict, 'Reservation Conflict');
  });

  it('sg_persist: PREEMPT AND ABORT takes it back', async () => {
    await out('/dev/a0', '--register --param-sark=0xa2');
    await out('/dev/a0', '--preempt-abort --param-rk=0xa2 --param-sark=0xb2 --prout-type=1');
    await bench.attention('/dev/b0', 'Registrations preempted');
    expect(await status()).toMatch(/Key=0xa2\n(?:.*\n){2} {6}<< Reservation holder >>\n/);
  });

  it('sg_persist: REGISTER AND MOVE gives it to the other path', async () => {
    const to = `--relative-target-port=2 --transport-id=${INITIATOR_PORT}2`;
    await out('/dev/a0', `--register-move --param-rk=0xa2 --param-sark=0xc1 ${to}`);
    expect(await status()).toMatch(/Key=0xc1\n(?:.*\n){2} {6}<< Reservation holder >>\n(?:.*\n){2}.*00023d000002\n/);
    await expectAccess('rw');
    await bench.refused(`${WRITE} /dev/a0 ${WRITE_CDB}`, EXIT.reservationConflict, 'Reservation Conflict');
  });

  it('sg_persist: CLEAR ends it all and tells the others', async () => {
    await out('/dev/b0', '--clear --param-rk=0xc1');
    expect(await keys()).toContain('there are NO registered reservation keys');
    await bench.attention('/dev/a0', 'Reservations preempted');
    await bench.good(`${WRITE} /dev/a0 ${WRITE_CDB}`);
  });
}

/** What is older than persistent reservations, and what is said of more than one port. */
export function otherReservations(bench: Bench): void {
  it('sg_persist: ALL_TG_PT registers at both ports, SPEC_I_PT another initiator', async () => {
    await bench.good('sg_persist -n --out --register --param-sark=0xa1 --param-alltgpt /dev/a0');
    const all = await bench.good('sg_persist -n --in --read-full-status /dev/a0');
    expect(all.match(/Relative port address: 0x[12]\n.*\n.*\n.*00023d000001\n/g)).toHaveLength(2);
    await bench.good('sg_persist -n --out --clear --param-rk=0xa1 /dev/a0');
    const other = 'iqn.2026-11.org.example:other,i,0x00023d000009';
    await bench.good(`sg_persist -n --out --register --param-sark=0xa1 --transport-id=${other} /dev/a0`);
    expect(await bench.good('sg_persist -n --in --read-full-status /dev/a0')).toContain(`port id: ${other}\n`);
    await bench.good('sg_persist -n --out --clear --param-rk=0xa1 /dev/a0');
    const lost = 'sg_persist -n --out --replace-lost --param-rk=0xa1 --param-sark=0xa2 /dev/a0';
    await bench.refused(lost, EXIT.reservationConflict, 'Reservation conflict');
  });

  it('sg_raw: RESERVE(6) holds until RELEASE(6)', async () => {
    await bench.good('sg_raw /dev/a0 16 00 00 00 00 00');
    await bench.refused(`${READ} /dev/b0 ${READ_CDB}`, EXIT.reservationConflict, 'Reservation Conflict');
    await bench.good('sg_raw /dev/a0 17 00 00 00 00 00', `${READ} /dev/b0 ${READ_CDB}`);
  });
}

/** The last of all: it restarts the daemon under the guest's sessions. */
export function persistence(bench: Bench): void {
  it('sg_persist: with APTPL a reservation outlives the daemon', async () => {
    await bench.good('sg_persist -n --out --register --param-sark=0xf1 --param-aptpl /dev/a0');
    await bench.good('sg_persist -n --out --reserve --param-rk=0xf1 --prout-type=3 /dev/a0');
    await bench.restart();
    await bench.good('until sg_turs /dev/a0 && sg_turs /dev/b0; do sleep 0.2; done >/dev/null 2>&1');
    const reservation = await bench.good('sg_persist -n --in --read-reservation /dev/b0');
    expect(reservation).toContain('    Key=0xf1\n    scope: LU_SCOPE,  type: Exclusive Access\n');
    await bench.refused(`${WRITE} /dev/b0 ${WRITE_CDB}`, EXIT.reservationConflict, 'Reservation Conflict');
    await bench.good(`${WRITE} /dev/a0 ${WRITE_CDB}`);
    await bench.good('sg_persist -n --out --clear --param-rk=0xf1 /dev/a0');
  });
}

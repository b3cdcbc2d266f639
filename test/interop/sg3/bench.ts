/**
 * What the matrix of sg3_utils runs against: one daemon with a disk of each kind, its target behind two portals in two target
 * portal groups, and one Linux guest with a session by each, so that /dev/a0 and /dev/b0 are two paths to one disk.
 */
import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { waitUntil } from '../../patience.ts';
import { seededRandom } from '../../random.ts';
import { DaemonProcess, type DaemonSetup, TARGET_NAME, TestFolder } from '../daemon-process.ts';
import { type GuestAnswer, GuestShell } from '../guest-shell.ts';
import { writeIsoImage } from '../iso-image.ts';
import { writeRandomImage } from '../random-image.ts';
import { HOST_ADDRESS, prepareGuestRoot } from '../uml-guest.ts';

/** LUNs. `large` has blocks of 4096 bytes and follows the size of its file. */
export const LUN = { thin: 0, large: 1, removable: 2, readOnly: 3, erased: 4, drive: 5 } as const;
export const BLOCK_BYTES = 512;
export const DISK_BYTES = 64 * 1048576;
export const SMALL_BYTES = 16 * 1048576;
/** Of /host/random.img, and of the file on the disc. */
export const RANDOM_BYTES = 2 * 1048576;
/** Exit codes of sg3_utils, as its manual page has them. */
export const EXIT = {
  syntax: 1,
  notReady: 2,
  illegalRequest: 5,
  unitAttention: 6,
  dataProtect: 7,
  invalidOpcode: 9,
  miscompare: 14,
  lbaOutOfRange: 22,
  reservationConflict: 24,
} as const;

export class Bench {
  readonly folder = new TestFolder();
  daemon!: DaemonProcess;
  private shell: GuestShell | null = null;

  async start(): Promise<void> {
    prepareGuestRoot();
    const { folder } = this;
    writeRandomImage(folder.join('random.img'), RANDOM_BYTES, seededRandom().seed);
    writeIsoImage(folder.join('disc.iso'), this.read('random.img', 0, RANDOM_BYTES));
    writeFileSync(folder.join('read-only.img'), Buffer.alloc(SMALL_BYTES, 0x5a));
    writeFileSync(folder.join('large.img'), '');
    truncateSync(folder.join('large.img'), DISK_BYTES);
    this.daemon = await DaemonProcess.start(folder, setup(folder));
    const portals = this.daemon.addresses.map((address) => `${HOST_ADDRESS}:${address.split(':')[1]}`);
    this.shell = await GuestShell.start(folder, TARGET_NAME, portals, Object.keys(LUN).length);
  }

  async stop(): Promise<void> {
    this.shell?.dispose();
    await this.daemon.stop();
    this.folder.dispose();
  }

  /** Whether the daemon has the addon. */
  get isNative(): boolean {
    return this.daemon.logged('running without the native addon').length === 0;
  }

  /** The same daemon once more, after it has ended. */
  async restart(): Promise<void> {
    const [portal, ...otherPortals] = this.daemon.addresses as [string, ...string[]];
    await this.daemon.stop();
    this.daemon = await DaemonProcess.start(this.folder, { ...setup(this.folder), portal, otherPortals });
  }

  /** Has the configuration read again, and waits until the daemon says `message`. */
  async reload(message: string): Promise<void> {
    const before = this.daemon.logged(message).length;
    this.daemon.signal('SIGHUP');
    await waitUntil(`the log says "${message}"`, () => this.daemon.logged(message).length > before);
  }

  /** Runs a line of shell in the guest, whatever comes of it. */
  run(command: string): Promise<GuestAnswer> {
    if (this.shell === null) throw new Error('there is no guest');
    return this.shell.run(command);
  }

  /** Runs lines that must succeed; returns what they said together. */
  async good(...commands: readonly string[]): Promise<string> {
    let said = '';
    for (const command of commands) {
      const { status, output } = await this.run(command);
      expect(status, `${command}\n${output}`).toBe(0);
      said += output;
    }
    return said;
  }

  /** Runs a line that must end with `exitCode` and say `words`. */
  async refused(command: string, exitCode: number, words: string | RegExp): Promise<void> {
    const { status, output } = await this.run(command);
    expect(status, `${command}\n${output}`).toBe(exitCode);
    expect(output).toMatch(words);
  }

  /** The unit attention condition of a device, which must be there and the only one. */
  async attention(device: string, words: string): Promise<void> {
    await this.refused(
      `sg_turs -v ${device}`,
      EXIT.unitAttention,
      `Sense key: Unit Attention\nAdditional sense: ${words}\n`,
    );
    await this.good(`sg_turs ${device}`);
  }

  /** Takes the unit attention conditions of every path away. */
  async settle(): Promise<void> {
    await this.run('for device in /dev/[ab]?; do sg_turs $device; sg_turs $device; done');
  }

  /** Bytes of a file on the host: of a disk, what a store holds of it. */
  read(name: string, offset: number, lengthBytes: number): Buffer {
    const bytes = Buffer.alloc(lengthBytes);
    const file = openSync(this.folder.join(name), 'r');
    expect(readSync(file, bytes, 0, lengthBytes, offset)).toBe(lengthBytes);
    closeSync(file);
    return bytes;
  }

  /** Blocks of the thin disk. */
  blocks(lba: number, count: number): Buffer {
    return this.read('thin.img', lba * BLOCK_BYTES, count * BLOCK_BYTES);
  }
}

function setup(folder: TestFolder): DaemonSetup {
  const disk = (lun: number, name: string, keys: object) => ({
    deviceID: lun,
    path: `iouring:${folder.join(name)}`,
    ...keys,
  });
  const thin = { thinProvisioning: true };
  return {
    disks: [],
    otherPortals: ['127.0.0.1:0'],
    targetKeys: {
      luns: Object.fromEntries(Object.values(LUN).map((lun) => [lun, lun])),
      tpgts: { 1: [0], 2: [1] },
    },
    keys: {
      storages: [
        disk(LUN.thin, 'thin.img', { size: DISK_BYTES, ...thin, productID: 'thin disk', serial: 'THIN0001' }),
        disk(LUN.large, 'large.img', { ...thin, blockShift: 12 }),
        disk(LUN.removable, 'removable.img', { size: SMALL_BYTES, removable: true }),
        disk(LUN.readOnly, 'read-only.img', { readOnly: true }),
        disk(LUN.erased, 'erased.img', { size: SMALL_BYTES, ...thin }),
        disk(LUN.drive, 'disc.iso', { kind: 'cdrom' }),
      ],
    },
  };
}

/**
 * Linux's own initiator: iscsi_tcp of a kernel in user mode and open-iscsi's iscsid, with mutual CHAP and CRC32C digests.
 * Blocks, an ext4 file system, discards, and restarts of the daemon in the middle of a write load; all data are checked.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { DaemonProcess, type DaemonSetup, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { writeRandomImage } from './random-image.ts';
import { HOST_ADDRESS, prepareGuestRoot, UmlGuest } from './uml-guest.ts';

const GUEST_SCRIPT = fileURLToPath(new URL('kernel-initiator-guest.sh', import.meta.url));
const IMAGE_BYTES = 8 * 1048576;
/** Making the guest's root downloads some 70 MB. */
const PREPARE_MS_MAX = 300_000;
const STEP_MS_MAX = 240_000;
/** Of the write load before the daemon goes away. */
const LOAD_MS = 700;
const STAT_BLOCK_BYTES = 512;

const SETUP: DaemonSetup = {
  disks: [
    { scheme: 'iouring', fileName: 'files.img', size: '128MiB' },
    { scheme: 'file', fileName: 'raw.img', size: `${IMAGE_BYTES}` },
  ],
  // The guest's iscsid.conf knows both secrets: it lets nobody be its target that does not.
  targetKeys: {
    auth: {
      users: [{ user: 'linux', secret: 'the-hosts-secret' }],
      mutual: { user: 'disk', secret: 'what-the-disk-knows' },
      algorithms: ['SHA3-256', 'SHA256'],
    },
  },
};

// Debian has user-mode-linux for this processor.
if (process.arch === 'x64') describe('the Linux kernel as initiator', suite);

function suite(): void {
  const folder = new TestFolder();
  let daemon: DaemonProcess;
  let guest: UmlGuest;
  let allocatedBytes = 0;

  beforeAll(async () => {
    prepareGuestRoot();
    writeRandomImage(folder.join('random.img'), IMAGE_BYTES, seededRandom().seed);
    daemon = await DaemonProcess.start(folder, SETUP);
    const portal = `${HOST_ADDRESS}:${daemon.address.split(':')[1]}`;
    guest = new UmlGuest(folder, GUEST_SCRIPT, { portal, target: TARGET_NAME });
  }, PREPARE_MS_MAX);

  afterAll(async () => {
    guest.dispose();
    await daemon.stop();
    folder.dispose();
  });

  /** Lets the guest go on where it waits for the test. */
  function proceed(step: string): void {
    writeFileSync(folder.join(step), '');
  }

  function filesBytes(): number {
    return statSync(folder.join('files.img')).blocks * STAT_BLOCK_BYTES;
  }

  it('discovers and logs in with mutual CHAP and CRC32C digests', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('raw', STEP_MS_MAX);
    const output = guest.said('login', 'raw');
    expect(output).toContain(`${daemon.address},1 ${TARGET_NAME}\n`);
    expect(output).toContain('iSCSI Session State: LOGGED_IN\n');
    expect(output).toContain('HeaderDigest: CRC32C\n');
    expect(output).toContain('DataDigest: CRC32C\n');
    expect(output).toMatch(/Lun: 0\n\s*Attached scsi disk sd[ab]\s+State: running/);
    expect(output).toMatch(/Lun: 1\n\s*Attached scsi disk sd[ab]\s+State: running/);
  });

  it('an image written to the raw disk is read back, and is the content of the file', {
    timeout: STEP_MS_MAX,
  }, async () => {
    await guest.reach('files', STEP_MS_MAX);
    expect(readFileSync(folder.join('raw.img')).equals(readFileSync(folder.join('random.img')))).toBe(true);
  });

  it('files of an ext4 file system are there after it was mounted again', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('trim', STEP_MS_MAX);
    allocatedBytes = filesBytes();
    expect(allocatedBytes).toBeGreaterThan(IMAGE_BYTES);
    proceed('trim');
  });

  it('fstrim gives the space of a deleted file back', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('trimmed', STEP_MS_MAX);
    expect(filesBytes()).toBeLessThan(allocatedBytes - IMAGE_BYTES / 2);
    proceed('trimmed');
  });

  it.each([
    { way: 'sigterm', end: () => daemon.stop() },
    { way: 'sigkill', end: () => daemon.kill() },
  ])('nothing that is being written is lost by a restart ($way)', { timeout: STEP_MS_MAX }, async ({ way, end }) => {
    await guest.reach(way, STEP_MS_MAX);
    await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
    await end();
    expect(guest.hasReached(`${way}-written`)).toBe(false);
    daemon = await DaemonProcess.start(folder, { ...SETUP, portal: daemon.address });
    await guest.reach(`${way}-written`, STEP_MS_MAX);
    proceed(`${way}-written`);
  });

  it('the file system is clean, no read or write has failed', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('done', STEP_MS_MAX);
    expect(await guest.ended).toBe(0);
    expect(guest.output.match(/is operational after recovery/g)).toHaveLength(2);
    expect(guest.output.match(/^Pass 5: Checking group summary information$/gm)).toHaveLength(3);
    expect(guest.output).not.toMatch(/I\/O error|EXT4-fs (error|warning)|JBD2: .*error|digest (error|mismatch)/i);
  });
}

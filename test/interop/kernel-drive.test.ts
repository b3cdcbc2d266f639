/**
 * Linux's own driver of CD-ROM drives (sr) and its ISO 9660 file system, over its own initiator: a disc is mounted, cannot be
 * changed while it is, and another one is found afterwards.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../patience.ts';
import { DaemonProcess, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { writeIsoImage } from './iso-image.ts';
import { HOST_ADDRESS, prepareGuestRoot, UmlGuest } from './uml-guest.ts';

const GUEST_SCRIPT = fileURLToPath(new URL('kernel-drive-guest.sh', import.meta.url));
const FIRST_BYTES = 3 * 1048576 + 5;
const SECOND_BYTES = 5 * 1048576 - 7;
/** Making the guest's root downloads some 70 MB. */
const PREPARE_MS_MAX = 300_000;
const STEP_MS_MAX = 240_000;

// Debian has user-mode-linux for this processor.
if (process.arch === 'x64') describe('the Linux kernel and a CD-ROM drive', suite);

function suite(): void {
  const folder = new TestFolder();
  let daemon: DaemonProcess;
  let guest: UmlGuest;

  beforeAll(async () => {
    prepareGuestRoot();
    for (const [name, lengthBytes] of [['first', FIRST_BYTES] as const, ['second', SECOND_BYTES] as const]) {
      const content = randomBytes(lengthBytes);
      writeFileSync(folder.join(`${name}.bin`), content);
      writeIsoImage(folder.join(`${name}.iso`), content);
    }
    daemon = await DaemonProcess.start(folder, {
      disks: [],
      targetKeys: { luns: { 0: 0 } },
      keys: { storages: [{ deviceID: 0, kind: 'cdrom', path: `iouring:${folder.join('first.iso')}` }] },
    });
    const portal = `${HOST_ADDRESS}:${daemon.address.split(':')[1]}`;
    guest = new UmlGuest(folder, GUEST_SCRIPT, { portal, target: TARGET_NAME });
  }, PREPARE_MS_MAX);

  afterAll(async () => {
    guest.dispose();
    await daemon.stop();
    folder.dispose();
  });

  /** Has the other image put in the drive; returns what the daemon said of it. */
  async function change(): Promise<string> {
    const file = folder.join('config-any.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('first.iso', 'second.iso'));
    const before = daemon.log.length;
    const said = () => daemon.log.slice(before).find(({ msg }) => msg.startsWith('the medium'))?.msg;
    daemon.signal('SIGHUP');
    await waitUntil('something is said of the medium', () => said() !== undefined);
    return said() as string;
  }

  it('sr finds the drive and what it can do', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('disc', STEP_MS_MAX);
    const info = guest.said('drive', 'disc');
    expect(info).toMatch(/drive name:\s+sr0\n/);
    for (const ability of ['open tray', 'lock tray', 'read DVD']) {
      expect(info).toMatch(new RegExp(`Can ${ability}:\\s+1\\n`));
    }
    for (const ability of ['select disk', 'write CD-R', 'write DVD-R']) {
      expect(info).toMatch(new RegExp(`Can ${ability}:\\s+0\\n`));
    }
  });

  it('a disc that is mounted is held, and its file is whole', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('held', STEP_MS_MAX);
    expect(await change()).toMatch(/^the medium was not changed: an initiator prevents the removal/);
    writeFileSync(folder.join('held'), '');
  });

  it('the next disc is found, and its file is whole', { timeout: STEP_MS_MAX }, async () => {
    await guest.reach('changed', STEP_MS_MAX);
    expect(await change()).toBe('the medium was changed');
    writeFileSync(folder.join('changed'), '');
    await guest.reach('done', STEP_MS_MAX);
    expect(await guest.ended).toBe(0);
    const sectors = statSync(folder.join('second.iso')).size / 512;
    expect(guest.said('changed', 'kernel')).toContain(`\n${sectors}`);
    expect(guest.output).not.toMatch(/I\/O error|ISOFS.*(error|fail)/i);
  });
}

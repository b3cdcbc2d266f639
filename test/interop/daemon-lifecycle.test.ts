/** The life of the daemon as its users and their service managers see it: one holder of a disk, SIGTERM, SIGKILL, starting again. */
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../patience.ts';
import { seededRandom } from '../random.ts';
import { ClientCommand, clientOutput, successfulOutput } from './client-command.ts';
import { DaemonProcess, type DaemonSetup, TestFolder } from './daemon-process.ts';
import { expectIdentical } from './qemu-image.ts';
import { writeRandomImage } from './random-image.ts';

const IMAGE_MIB = 64;
const SCHEMES = ['file', 'iouring'];

const folders: TestFolder[] = [];

afterAll(() => {
  for (const folder of folders) folder.dispose();
});

function newFolder(): TestFolder {
  const folder = new TestFolder();
  folders.push(folder);
  return folder;
}

function oneDisk(scheme: string, portal = '127.0.0.1:0'): DaemonSetup {
  return { disks: [{ scheme, fileName: 'disk.img', size: `${IMAGE_MIB}MiB` }], portal };
}

function sessionsOpened(daemon: DaemonProcess): number {
  return daemon.logged('session opened').length;
}

function readPattern(folder: TestFolder, daemon: DaemonProcess, pattern: string): Promise<string> {
  return clientOutput(folder, 'qemu-io', ['-f', 'raw', '-c', `read -P ${pattern} 1M 1M`, daemon.url(0)]);
}

function writePattern(folder: TestFolder, daemon: DaemonProcess, pattern: string): Promise<string> {
  return clientOutput(folder, 'qemu-io', ['-f', 'raw', '-c', `write -P ${pattern} 1M 1M`, daemon.url(0)]);
}

describe.each(SCHEMES)('the daemon on %s', (scheme) => {
  it('a second one on the same disk says who is in the way and ends', async () => {
    const folder = newFolder();
    const first = await DaemonProcess.start(folder, oneDisk(scheme));
    const second = DaemonProcess.launch(folder, oneDisk(scheme));
    expect(await second.ended).toBe(1);
    expect(second.stderr).toMatch(/^The configuration is not right; nothing was started\.$/m);
    expect(second.stderr).toMatch(/^ {2}key: {3}storages\[0\]\.path$/m);
    expect(second.stderr).toMatch(/^ {2}fault: .*\block.*$/m);
    expect(second.addresses).toEqual([]);
    await clientOutput(folder, 'iscsi-ls', ['-s', first.portalUrl]);
    await first.stop();
  });

  it('SIGTERM ends it in time while a client writes', async () => {
    const folder = newFolder();
    const daemon = await DaemonProcess.start(folder, oneDisk(scheme));
    const args = ['bench', '-f', 'raw', '-w', '-t', 'none', '-c', '100000000', '-d', '32', daemon.url(0)];
    const client = new ClientCommand(folder, 'qemu-img', args);
    await waitUntil('the client has logged in', () => sessionsOpened(daemon) > 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await daemon.stop();
    await client.kill();
  });

  it('SIGTERM ends it in time while sessions and connections are idle', async () => {
    const folder = newFolder();
    const daemon = await DaemonProcess.start(folder, oneDisk(scheme));
    const [host, port] = daemon.address.split(':') as [string, string];
    const silent = connect(Number(port), host);
    const args = ['-f', 'raw', '-c', 'read 0 4k', '-c', 'sleep 60000', daemon.url(0)];
    const client = new ClientCommand(folder, 'qemu-io', args);
    await waitUntil('the client has logged in', () => sessionsOpened(daemon) > 0);
    await daemon.stop();
    silent.destroy();
    await client.kill();
  });

  it('what was written is there after SIGTERM and after SIGKILL, and the disk is free again', async () => {
    const folder = newFolder();
    const first = await DaemonProcess.start(folder, oneDisk(scheme));
    await writePattern(folder, first, '0x11');
    await first.stop();
    const second = await DaemonProcess.start(folder, oneDisk(scheme));
    await readPattern(folder, second, '0x11');
    await writePattern(folder, second, '0x22');
    await second.kill();
    const third = await DaemonProcess.start(folder, oneDisk(scheme));
    await readPattern(folder, third, '0x22');
    await third.stop();
  });

  it.each([
    { way: 'SIGTERM', end: (daemon: DaemonProcess) => daemon.stop() },
    { way: 'SIGKILL', end: (daemon: DaemonProcess) => daemon.kill() },
  ])('an image that is being written arrives whole over a restart by $way', async ({ end }) => {
    const folder = newFolder();
    const { seed } = seededRandom();
    const image = folder.join('random.img');
    writeRandomImage(image, IMAGE_MIB * 1048576, seed);
    const before = await DaemonProcess.start(folder, oneDisk(scheme));
    // At this rate it takes about four seconds.
    const options = ['-n', '-f', 'raw', '-O', 'raw', '-r', `${(IMAGE_MIB * 1048576) / 4}`];
    const client = new ClientCommand(folder, 'qemu-img', ['convert', ...options, image, before.url(0)]);
    await waitUntil('the client has logged in', () => sessionsOpened(before) > 0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await end(before);
    const after = await DaemonProcess.start(folder, oneDisk(scheme, before.address));
    successfulOutput('qemu-img', await client.ended);
    expect(sessionsOpened(after)).toBeGreaterThanOrEqual(1);
    await expectIdentical(folder, image, after.url(0), seed);
    await after.stop();
  });
});

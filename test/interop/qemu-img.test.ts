/**
 * QEMU over iscsi://, with libiscsi below it: whole images with many commands in flight, and single reads, writes, zeros and
 * discards. Everything is compared with what should be there.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../random.ts';
import { type ClientResult, runClient } from './client-command.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { compareImages, convertImage, expectIdentical, expectImageOnDisk } from './qemu-image.ts';
import { writeRandomImage } from './random-image.ts';

const IMAGE_MIB = 256;

const folder = new TestFolder();
const { seed } = seededRandom();
const image = folder.join('random.img');
const otherImage = folder.join('other.img');
const SCHEMES = ['file', 'iouring'];
let daemon: DaemonProcess;

beforeAll(async () => {
  writeRandomImage(image, IMAGE_MIB * 1048576, seed);
  writeRandomImage(otherImage, IMAGE_MIB * 1048576, seed + 1);
  const disks = SCHEMES.map((scheme) => ({ scheme, fileName: `${scheme}.img`, size: `${IMAGE_MIB}MiB` }));
  daemon = await DaemonProcess.start(folder, { disks });
});

afterAll(async () => {
  await daemon.stop();
  folder.dispose();
});

function qemuIo(lun: number, ...commands: string[]): Promise<ClientResult> {
  return runClient(folder, 'qemu-io', ['-f', 'raw', ...commands.flatMap((text) => ['-c', text]), daemon.url(lun)]);
}

/** Every command ends with its count of bytes and nothing is said besides. */
async function expectDone(lun: number, ...commands: string[]): Promise<void> {
  const { end, output } = await qemuIo(lun, ...commands);
  const lines = output.split('\n').filter((line) => line !== '' && !/^[\d.]+ (bytes|KiB|MiB), \d+ ops; /.test(line));
  expect(lines).toEqual(commands.map(completionLine));
  expect(end).toBe(0);
}

/** What qemu-io says after a command of this file, whose last two words are offset and length in KiB. */
function completionLine(command: string): string {
  const words = command.split(' ');
  const [offset, length] = words.slice(-2).map((word) => Number.parseInt(word, 10) * 1024) as [number, number];
  const verb = { write: 'wrote', read: 'read', discard: 'discard' }[words[0] as 'write' | 'read' | 'discard'];
  return `${verb} ${length}/${length} bytes at offset ${offset}`;
}

describe.each(SCHEMES.map((scheme, lun) => ({ scheme, lun })))('qemu on $scheme', ({ lun }) => {
  it(`an image of ${IMAGE_MIB} MiB comes back as it was`, async () => {
    await expectImageOnDisk(folder, image, daemon.url(lun), seed);
    await convertImage(folder, daemon.url(lun), folder.join('back.img'));
    await expectIdentical(folder, image, folder.join('back.img'), seed);
  });

  it('another image is seen to differ', async () => {
    const result = await compareImages(folder, otherImage, daemon.url(lun));
    expect(result).toEqual({ end: 1, output: 'Content mismatch at offset 0!\n' });
  });

  it('16 coroutines that write out of order leave the image', async () => {
    await convertImage(folder, otherImage, daemon.url(lun), ['-n', '-m', '16', '-W']);
    await expectIdentical(folder, otherImage, daemon.url(lun), seed);
  });

  it('patterns, zeros and discards are read back', async () => {
    await expectDone(
      lun,
      'write -P 0x5a 1024k 1024k',
      'read -P 0x5a 1024k 1024k',
      'write -P 0xa5 1500k 4k',
      'read -P 0x5a 1024k 476k',
      'read -P 0xa5 1500k 4k',
      'read -P 0x5a 1504k 544k',
      'write -z 1200k 100k',
      'read -P 0 1200k 100k',
      'read -P 0x5a 1300k 200k',
      'discard 1600k 256k',
      'read -P 0 1600k 256k',
      'read -P 0x5a 1856k 192k',
      'write -z -u 1024k 1024k',
      'read -P 0 1024k 1024k',
    );
  });

  it('a write with FUA is read back', async () => {
    await expectDone(lun, 'write -f -P 0x33 8k 64k', 'read -P 0x33 8k 64k');
  });

  it('a wrong pattern is noticed', async () => {
    const { end, output } = await qemuIo(lun, 'write -P 0x11 0k 4k', 'read -P 0x12 0k 4k');
    expect(end).toBe(1);
    expect(output).toContain('Pattern verification failed at offset 0, 4096 bytes\n');
  });
});

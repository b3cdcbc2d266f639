/**
 * What io_uring does only when it is asked for, through the whole daemon: a submission thread, and completions that are
 * looked for. Where a kernel or a device has neither, the log says so and the same bytes are served.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/binding.ts';
import { seededRandom } from '../random.ts';
import { expectConformance, runFamily } from './conformance-run.ts';
import { DaemonProcess, type LogLine, TestFolder } from './daemon-process.ts';
import { expectImageOnDisk } from './qemu-image.ts';
import { writeRandomImage } from './random-image.ts';

const IMAGE_MIB = 32;
const MEMORY = '/dev/shm';
const NOT_POLLED = 'completions of this storage are not polled';

/** Two disks of one daemon, the second past the page cache where that is possible. */
function describeDaemon(
  name: string,
  performance: object,
  parentFolder: string,
  describeLog: (daemon: () => DaemonProcess) => void,
): void {
  describe(name, () => {
    const folder = new TestFolder(parentFolder);
    const isDirect = hasDirect(folder);
    let daemon: DaemonProcess;

    beforeAll(async () => {
      const disks = [
        { scheme: 'iouring', fileName: 'cached.img', size: `${IMAGE_MIB}MiB` },
        { scheme: 'iouring', fileName: 'direct.img', size: `${IMAGE_MIB}MiB`, blockShift: 12, isDirect },
        { scheme: 'iouring', fileName: 'conformance.img', size: '100MiB' },
      ];
      daemon = await DaemonProcess.start(folder, { disks, keys: { performance }, logLevel: 'debug' });
    });

    afterAll(async () => {
      try {
        await daemon.stop();
      } finally {
        folder.dispose();
      }
    });

    it.each([0, 1])(`an image of ${IMAGE_MIB} MiB comes back as it was, LUN %i`, async (lun) => {
      const { seed } = seededRandom();
      const image = folder.join('random.img');
      writeRandomImage(image, IMAGE_MIB * 1048576, seed);
      await expectImageOnDisk(folder, image, daemon.url(lun), seed);
      await expectImageOnDisk(folder, image, daemon.url(lun), seed); // over what has its space now
    });

    it.each(['ALL.Write10', 'ALL.Unmap'])('iscsi-test-cu %s', async (family) =>
      expectConformance(family, await runFamily(folder, 'iscsi-test-cu', family, [daemon.url(2)])),
    );

    if (loadNative().native !== null) describeLog(() => daemon);
  });
}

function hasDirect(folder: TestFolder): boolean {
  try {
    closeSync(openSync(folder.join('probe'), constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false;
    throw error;
  }
}

function rings(daemon: DaemonProcess): (LogLine & { setupFlags: readonly string[] })[] {
  return daemon.logged('io_uring opened') as (LogLine & { setupFlags: readonly string[] })[];
}

/** How the second disk was opened. */
function directEngine(daemon: DaemonProcess): string {
  const [, direct] = daemon.logged('storage opened') as (LogLine & { engine: string })[];
  return direct?.engine ?? '';
}

describeDaemon('sqPollIdleMs: a thread that is mostly asleep', { sqPollIdleMs: 1 }, tmpdir(), (daemon) => {
  it('the ring has one, or the log says why not', () => {
    const opened = rings(daemon()).filter(({ setupFlags }) => setupFlags.includes('SQPOLL'));
    const refused = daemon().logged('io_uring is not as configured');
    expect(opened.length + refused.length).toBe(rings(daemon()).length);
  });
});

describeDaemon('sqPollIdleMs: a thread that is mostly awake', { sqPollIdleMs: 1000 }, tmpdir(), () => undefined);

describeDaemon('ioPoll on the disk of this machine', { ioPoll: true }, tmpdir(), (daemon) => {
  it('there is a second ring, and the storage past the page cache is polled, or the log says that it is not', () => {
    expect(rings(daemon()).map(({ setupFlags }) => setupFlags.includes('IOPOLL'))).toEqual([false, true]);
    const refused = daemon().logged(NOT_POLLED);
    const isRefusedOrPolled = refused.length > 0 || directEngine(daemon()).endsWith(', polled');
    expect(isRefusedOrPolled).toBe(directEngine(daemon()).includes('O_DIRECT'));
  });
});

describeDaemon('ioPoll on tmpfs, which refuses', { ioPoll: true, sqPollIdleMs: 10 }, MEMORY, (daemon) => {
  it('the log says so once', async () => {
    const isDirect = directEngine(daemon()).includes('O_DIRECT');
    expect(await daemon().loggedSoon(NOT_POLLED, isDirect ? 1 : 0)).toHaveLength(isDirect ? 1 : 0);
  });
});

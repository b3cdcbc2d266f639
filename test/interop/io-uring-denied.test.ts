/**
 * Where io_uring is denied the same daemon serves the same disks through node:fs and says why in one line: by seccomp, as in a
 * container, and by the sysctl kernel.io_uring_disabled.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/binding.ts';
import { seededRandom } from '../random.ts';
import { clientOutput } from './client-command.ts';
import { expectConformance, runFamily } from './conformance-run.ts';
import { DaemonProcess, type LogLine, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { expectImageOnDisk } from './qemu-image.ts';
import { writeRandomImage } from './random-image.ts';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const SYSCTL = '/proc/sys/kernel/io_uring_disabled';
/** Denied to whoever has no CAP_SYS_ADMIN: this value leaves the tests that run at the same time alone. */
const WITHOUT_PRIVILEGE = '1';
const IMAGE_MIB = 32;

/** What the daemon says once, by who is there to say it. */
const EXPECTED =
  loadNative().native === null
    ? { msg: 'running without the native addon', reason: /^GOTGT_NATIVE=off$|^the native addon / }
    : { msg: 'running without io_uring', reason: /^[^\n]*io_uring[^\n]*[^.\n]$/ };

interface Denial {
  readonly name: string;
  readonly wrapper: readonly string[];
  /** Returns what undoes it. */
  readonly begin: () => () => void;
}

const DENIALS: Denial[] = [
  { name: 'seccomp', wrapper: ['python3', join(FOLDER, 'deny-io-uring.py')], begin: () => () => undefined },
];
if (process.getuid?.() === 0 && isWritable(SYSCTL)) {
  const wrapper = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'];
  DENIALS.push({ name: 'kernel.io_uring_disabled', wrapper, begin: disableByKernel });
}

/** Older kernels have no such sysctl, containers show it read-only. */
function isWritable(path: string): boolean {
  try {
    writeFileSync(path, readFileSync(path));
    return true;
  } catch (error) {
    if (['ENOENT', 'EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code as string)) return false;
    throw error;
  }
}

function disableByKernel(): () => void {
  const before = readFileSync(SYSCTL, 'utf8');
  writeFileSync(SYSCTL, WITHOUT_PRIVILEGE);
  const restore = () => writeFileSync(SYSCTL, before);
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}

describe.each(DENIALS)('io_uring denied by $name', ({ wrapper, begin }) => {
  const folder = new TestFolder();
  let daemon: DaemonProcess;
  let undo: () => void;

  beforeAll(async () => {
    undo = begin();
    const disks = [
      { scheme: 'iouring', fileName: 'a.img', size: '100MiB' },
      { scheme: 'iouring', fileName: 'b.img', size: `${IMAGE_MIB}MiB` },
    ];
    daemon = await DaemonProcess.start(folder, { disks, wrapper });
  });

  afterAll(async () => {
    try {
      await daemon.stop();
    } finally {
      undo();
      folder.dispose();
    }
  });

  it('the log says why, in one line', () => {
    const lines = daemon.log.filter(({ msg }) => msg.startsWith('running without'));
    expect(lines).toEqual([expect.objectContaining({ msg: EXPECTED.msg })]);
    expect((lines[0] as LogLine & { reason: string }).reason).toMatch(EXPECTED.reason);
    expect(daemon.logged('storage opened').map(({ engine }) => engine)).toEqual(['node:fs', 'node:fs']);
  });

  it('iscsi-ls finds the disks', async () => {
    const output = await clientOutput(folder, 'iscsi-ls', ['-s', daemon.portalUrl]);
    expect(output).toContain(`Target:${TARGET_NAME} `);
    expect(output.match(/^Lun:\d+ +Type:DIRECT_ACCESS /gm)).toHaveLength(2);
  });

  it(`an image of ${IMAGE_MIB} MiB comes back as it was`, async () => {
    const { seed } = seededRandom();
    const image = folder.join('random.img');
    writeRandomImage(image, IMAGE_MIB * 1048576, seed);
    await expectImageOnDisk(folder, image, daemon.url(1), seed);
  });

  it.each(['ALL.Inquiry', 'ALL.Write10', 'ALL.WriteVerify16'])('iscsi-test-cu %s', async (family) =>
    expectConformance(family, await runFamily(folder, 'iscsi-test-cu', family, [daemon.url(0)])),
  );
});

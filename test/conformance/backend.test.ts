/**
 * One contract over every store. GOTGT_NATIVE=off runs the same suite without the addon; where there is no io_uring,
 * "iouring" is what serves in its place.
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeFileContract, describeForgetfulContract } from './backend-contract.ts';

describeForgetfulContract('null', { scheme: 'null' });
describeFileContract('file', { scheme: 'file' });
// tmpfs has no zero range: zeros are written there.
describeFileContract('file on tmpfs', { scheme: 'file', parentFolder: '/dev/shm' });
describeFileContract('iouring', { scheme: 'iouring' });
describeFileContract('iouring on tmpfs, two I/Os in the ring at once', {
  scheme: 'iouring',
  spec: { queueDepth: 2 },
  parentFolder: '/dev/shm',
});
// The thread goes to sleep between most of the I/O.
describeFileContract('iouring, a submission thread', { scheme: 'iouring', rings: { sqPollIdleMs: 1 } });
if (hasDirect()) {
  const direct = { scheme: 'iouring', spec: { isDirect: true } };
  describeFileContract('iouring, O_DIRECT', direct);
  describeFileContract('iouring, O_DIRECT, a submission thread', { ...direct, rings: { sqPollIdleMs: 1 } });
  describeFileContract('iouring, O_DIRECT, polled where that works', { ...direct, rings: { isPolled: true } });
}
// tmpfs has no device that could tell, and refuses each I/O that is polled for.
if (hasDirect('/dev/shm')) {
  describeFileContract('iouring, O_DIRECT, polled on tmpfs', {
    scheme: 'iouring',
    spec: { isDirect: true },
    parentFolder: '/dev/shm',
    rings: { isPolled: true },
  });
}

/** Whether the file system of the tests' folder knows O_DIRECT. */
function hasDirect(parentFolder = tmpdir()): boolean {
  const folder = mkdtempSync(join(parentFolder, 'gotgt-direct-'));
  try {
    closeSync(openSync(join(folder, 'file'), constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

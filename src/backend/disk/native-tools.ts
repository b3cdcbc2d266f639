/** DiskTools by the addon's system calls. */
import { constants } from 'node:os';
import type { NativeAddon } from '../../native/native-addon.ts';
import { assert } from '../../util/assert.ts';
import { BackendError } from '../backend.ts';
import type { DiskTools, ExtentSeek, FallocateMode, RangeCopy } from './disk-tools.ts';

const { EWOULDBLOCK } = constants.errno;

export class NativeTools implements DiskTools {
  readonly seek: ExtentSeek;
  readonly copyRange: RangeCopy;
  private readonly native: NativeAddon;

  constructor(native: NativeAddon) {
    this.native = native;
    this.seek = {
      data: (fd, offsetBytes) => new Promise((resolve) => native.seekData(fd, offsetBytes, resolve)),
      hole: (fd, offsetBytes) => new Promise((resolve) => native.seekHole(fd, offsetBytes, resolve)),
    };
    this.copyRange = (from, to, lengthBytes, mayPunch, onDone) => {
      native.copyRange(from.fd, from.offsetBytes, to.fd, to.offsetBytes, lengthBytes, mayPunch, onDone);
    };
  }

  async lock(fd: number, isShared: boolean): Promise<boolean> {
    const result = this.native.flock(fd, isShared);
    if (result === -EWOULDBLOCK) return false;
    if (result !== 0) throw new BackendError('LOCK_FAILED', `flock(2) fails with errno ${-result}`);
    return true;
  }

  unlock = (fd: number): void => {
    const result = this.native.unlock(fd);
    assert(result === 0, 'a file that was locked is open');
  };

  fallocate(
    fd: number,
    mode: FallocateMode,
    offsetBytes: number,
    lengthBytes: number,
    onDone: (errno: number) => void,
  ): void {
    this.native.fallocate(fd, mode, offsetBytes, lengthBytes, onDone);
  }
}

/**
 * Copies from file to file inside the kernel (copy_file_range(2)): through its page cache, or by reference where the file
 * system can. Page cache and O_DIRECT descriptors of one file see the same bytes, as the kernel writes back before a direct
 * read and drops pages behind a direct write. What it refuses for two files once (other file systems, a file system that
 * cannot) is not tried again for them. Block devices and stores without the addon have no such call.
 */
import { constants } from 'node:os';
import type { Backend, StoreCopyRange } from '../backend.ts';
import type { InFlight } from '../io/in-flight.ts';
import type { DiskFile } from './disk-file.ts';

/** A store over a disk has one. */
export interface CopiedDisk {
  readonly copier: DiskCopier;
}

export class DiskCopier {
  private readonly disk: DiskFile;
  private readonly inFlight: InFlight;
  private readonly refusing = new WeakSet<DiskCopier>();

  /** @param inFlight the store's: it is not closed while this copies from it or to it */
  constructor(disk: DiskFile, inFlight: InFlight) {
    this.disk = disk;
    this.inFlight = inFlight;
  }

  /** As Backend.copyFrom. */
  copyFrom(source: Backend, range: StoreCopyRange, onCopied: (isCopied: boolean) => void): boolean {
    const { copier } = source as Partial<CopiedDisk>;
    if (!(copier instanceof DiskCopier) || !this.canCopyFrom(copier)) return false;
    this.inFlight.hold();
    copier.inFlight.hold();
    this.copy(copier, range, 0, (isCopied) => {
      this.inFlight.release();
      copier.inFlight.release();
      onCopied(isCopied);
    });
    return true;
  }

  private canCopyFrom(source: DiskCopier): boolean {
    if (this.disk.tools.copyRange === null || this.disk.isReadOnly || this.refusing.has(source)) return false;
    return !this.disk.isBlockDevice && !source.disk.isBlockDevice;
  }

  /** Goes on behind `doneBytes`. */
  private copy(
    source: DiskCopier,
    range: StoreCopyRange,
    doneBytes: number,
    onCopied: (isCopied: boolean) => void,
  ): void {
    const { sourceOffsetBytes, offsetBytes, lengthBytes, mayPunch } = range;
    const from = { fd: source.disk.fd, offsetBytes: sourceOffsetBytes + doneBytes };
    const to = { fd: this.disk.fd, offsetBytes: offsetBytes + doneBytes };
    this.disk.tools.copyRange?.(from, to, lengthBytes - doneBytes, mayPunch, (result) => {
      if (REFUSALS.has(-result)) this.refusing.add(source);
      if (result <= 0) onCopied(false);
      else if (doneBytes + result === lengthBytes) onCopied(true);
      else this.copy(source, range, doneBytes + result, onCopied);
    });
  }
}

const { EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EXDEV } = constants.errno;

/** What copy_file_range(2) says of two files that it never copies; EPERM is a seccomp profile's word. */
const REFUSALS: ReadonlySet<number> = new Set([EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EXDEV]);

/** The storages of a configuration: where each lies, how large it is, and that no two are the same file. */
import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { STORAGE_SCHEMES } from '../../../backend/registry.ts';
import { parseStoragePath } from '../../../backend/storage-path.ts';
import { PERIPHERAL_CD_DVD, PERIPHERAL_DIRECT_ACCESS } from '../../../scsi/constants.ts';
import { parseByteSize } from '../byte-size.ts';
import type { ConfigDocument } from '../config-document.ts';
import type { StorageConfig } from '../configuration.ts';
import { BLOCK_SHIFT_MIN, SIZE_EXPECTED, type StorageEntry, THRESHOLD_EXPECTED } from '../schema/schema.ts';

/** Kinds that gotgt or our plans know, so that the refusal can say "not yet" instead of "unknown". */
const SCHEMES_TO_COME = ['s3', 'ceph', 'ceph-rbd', 'rbd', 'nbd', 'qcow2', 'http', 'https'];

export function readStorages(document: ConfigDocument): StorageConfig[] {
  const { storages = [], performance } = document.content;
  const read: StorageConfig[] = [];
  const filesTaken = new Map<string, StorageConfig>();
  for (const [index, entry] of storages.entries()) {
    const key = `storages[${index}]`;
    if (read.some(({ deviceID }) => deviceID === entry.deviceID)) {
      throw document.fault(
        `${key}.deviceID`,
        entry.deviceID,
        'another storage has this deviceID already; give every storage its own',
      );
    }
    const storage = readStorage(document, key, entry, performance?.ioUringQueueDepth ?? 0);
    takeFile(document, key, entry, storage, filesTaken);
    read.push(storage);
  }
  return read;
}

function readStorage(document: ConfigDocument, key: string, entry: StorageEntry, queueDepth: number): StorageConfig {
  const { scheme, path } = readLocation(document, key, entry);
  const isDrive = entry.kind === 'cdrom';
  if (isDrive) checkDrive(document, key, entry, scheme);
  const isRemovable = isDrive || (entry.removable ?? false);
  const blockShift = isDrive ? DRIVE_BLOCK_SHIFT : entry.blockShift || BLOCK_SHIFT_MIN;
  const blockBytes = 2 ** blockShift;
  return {
    deviceID: entry.deviceID,
    scheme,
    path,
    identityKey: identityOf(entry, scheme, path, isRemovable),
    isOnline: entry.online ?? true,
    numaNode: readNumaNode(entry, document.content.performance?.enableNUMA ?? false),
    deviceType: isDrive ? PERIPHERAL_CD_DVD : PERIPHERAL_DIRECT_ACCESS,
    sizeBytes: readSize(document, key, entry, blockBytes),
    blockShift,
    blockBytes,
    isThin: !isDrive && (entry.thinProvisioning ?? false),
    isReadOnly: isDrive || (entry.readOnly ?? false),
    isRemovable,
    thresholds: {
      availableBytes: readThresholdAvailable(document, key, entry),
      usedPercent: entry.thresholdUsedPercent ?? 0,
    },
    isDirect: entry.direct ?? false,
    vendorID: entry.vendorID ?? null,
    productID: entry.productID ?? null,
    serial: entry.serial ?? null,
    queueDepth: entry.ioUringQueueDepth || queueDepth || null,
  };
}

/** MMC-4: user data of a block on a CD or DVD. */
const DRIVE_BLOCK_SHIFT = 11;

/** The image says how large it is, and it must be one. */
function checkDrive(document: ConfigDocument, key: string, entry: StorageEntry, scheme: string): void {
  const { size, deviceSize, path } = entry;
  if (scheme === 'null')
    throw document.fault(`${key}.path`, path, 'a CD-ROM drive needs an ISO image, a file or a device');
  if (size !== undefined) throw document.fault(`${key}.size`, size, DRIVE_SIZE_FAULT);
  if (deviceSize) throw document.fault(`${key}.deviceSize`, deviceSize, DRIVE_SIZE_FAULT);
}

const DRIVE_SIZE_FAULT = 'a CD-ROM has the size of its image; leave this out';

function identityOf({ deviceID }: StorageEntry, scheme: string, path: string, isRemovable: boolean): string {
  if (isRemovable) return `drive:${deviceID}`;
  return scheme === 'null' ? `null:${deviceID}` : `file:${path}`;
}

function readLocation(document: ConfigDocument, key: string, entry: StorageEntry): { scheme: string; path: string } {
  const parsed = parseStoragePath(entry.path, entry.backendType ?? null);
  if ('fault' in parsed) throw document.fault(`${key}.path`, entry.path, parsed.fault);
  const { scheme } = parsed;
  if (!STORAGE_SCHEMES.includes(scheme)) throw unknownScheme(document, key, entry, scheme);
  return { scheme, path: scheme === 'null' ? '' : resolve(parsed.path) };
}

function unknownScheme(document: ConfigDocument, key: string, { path, backendType }: StorageEntry, scheme: string) {
  const known = STORAGE_SCHEMES.map((name) => `"${name}"`).join(', ');
  const fault = SCHEMES_TO_COME.includes(scheme)
    ? `the storage kind "${scheme}" is not available yet; today there are ${known}`
    : `there is no storage kind "${scheme}"; there are ${known}`;
  return backendType
    ? document.fault(`${key}.backendType`, backendType, fault)
    : document.fault(`${key}.path`, path, fault);
}

function readNumaNode({ enableNUMA, numaNode }: StorageEntry, isNumaEnabled: boolean): StorageConfig['numaNode'] {
  if (!(enableNUMA ?? isNumaEnabled) || numaNode === -1) return null;
  return numaNode ?? 'auto';
}

/** `size`, else gotgt's `deviceSize`, else null. */
function readSize(document: ConfigDocument, key: string, entry: StorageEntry, blockBytes: number): number | null {
  const { size, deviceSize } = entry;
  const [name, written] = size === undefined ? ['deviceSize', deviceSize || undefined] : ['size', size];
  if (written === undefined) return null;
  const sizeBytes = parseByteSize(written);
  if (sizeBytes === null || sizeBytes <= 0) {
    throw document.fault(`${key}.${name}`, written, `expected ${SIZE_EXPECTED}, up to 2^53-1`);
  }
  if (sizeBytes % blockBytes !== 0) {
    const rounded = sizeBytes - (sizeBytes % blockBytes) + blockBytes;
    throw document.fault(
      `${key}.${name}`,
      written,
      `expected a multiple of the block size, ${blockBytes} bytes, such as ${rounded}`,
    );
  }
  if (size !== undefined && deviceSize && deviceSize !== sizeBytes) {
    throw document.fault(
      `${key}.deviceSize`,
      deviceSize,
      `size says ${sizeBytes}; give one of the two, or the same in both`,
    );
  }
  return sizeBytes;
}

function readThresholdAvailable(
  document: ConfigDocument,
  key: string,
  { thresholdAvailable = 0 }: StorageEntry,
): number {
  const bytes = parseByteSize(thresholdAvailable);
  if (bytes !== null && bytes >= 0) return bytes;
  throw document.fault(`${key}.thresholdAvailable`, thresholdAvailable, `expected ${THRESHOLD_EXPECTED}, up to 2^53-1`);
}

/**
 * Throws when the file is another storage's: two writers that know nothing of each other destroy it, and a disk is known by its
 * file. The same disc may lie in several drives.
 */
function takeFile(
  document: ConfigDocument,
  key: string,
  entry: StorageEntry,
  storage: StorageConfig,
  taken: Map<string, StorageConfig>,
): void {
  if (storage.scheme === 'null') return;
  const file = identityOrFault(document, key, entry, storage.path);
  const other = taken.get(file);
  if (other !== undefined && !(isDisc(other) && isDisc(storage))) {
    throw document.fault(
      `${key}.path`,
      entry.path,
      `storage ${other.deviceID} is the same file; export one storage in several targets instead`,
    );
  }
  taken.set(file, storage);
}

function isDisc({ isRemovable, isReadOnly }: StorageConfig): boolean {
  return isRemovable && isReadOnly;
}

function identityOrFault(document: ConfigDocument, key: string, entry: StorageEntry, path: string): string {
  try {
    return fileIdentity(path);
  } catch (error) {
    // No right to search a folder, a circle of links, a name that is too long; that nothing is there is no error.
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw document.fault(`${key}.path`, entry.path, `the file cannot be looked at: ${error.message}`);
  }
}

/** The same for every name of one file: links followed, and block devices by their number. */
function fileIdentity(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return realParent(path);
  return stat.isBlockDevice() ? `device ${stat.rdev}` : `inode ${stat.dev}:${stat.ino}`;
}

/** For a file that does not exist yet: its name below the real path of its directory. */
function realParent(path: string): string {
  const parent = resolve(path, '..');
  const name = path.slice(path.lastIndexOf('/') + 1);
  return `path ${statSync(parent, { throwIfNoEntry: false }) === undefined ? parent : realpathSync(parent)}/${name}`;
}

/** LUN maps of a configuration: which storage stands behind which LUN. */
import type { ConfigDocument } from '../config-document.ts';
import { keyPath } from '../config-json.ts';
import type { LunConfig, StorageConfig } from '../configuration.ts';
import { LUN_MAX } from '../schema/schema.ts';

/**
 * @param key where `luns` stands
 * @returns by LUN, without the storages that are not online
 */
export function readLunMap(
  document: ConfigDocument,
  key: string,
  luns: Readonly<Record<string, number>>,
  storages: readonly StorageConfig[],
): LunConfig[] {
  const taken = new Map<number, number>();
  const read: LunConfig[] = [];
  for (const [lunText, deviceID] of Object.entries(luns)) {
    const lunKey = keyPath(key, lunText);
    const lun = decimal(lunText, LUN_MAX);
    if (lun === null) throw document.fault(lunKey, lunText, `expected a LUN from 0 to ${LUN_MAX}`);
    const storage = findStorage(document, lunKey, deviceID, storages);
    const other = taken.get(deviceID);
    if (other !== undefined) {
      throw document.fault(
        lunKey,
        deviceID,
        `this storage is LUN ${other} of the target already; one LUN per storage and target`,
      );
    }
    taken.set(deviceID, lun);
    if (storage.isOnline) read.push({ lun, storage });
    else document.warn(lunKey, `names storage ${deviceID}, which is not online: the LUN is not exported`);
  }
  return read.sort((a, b) => a.lun - b.lun);
}

function findStorage(
  document: ConfigDocument,
  key: string,
  deviceID: number,
  storages: readonly StorageConfig[],
): StorageConfig {
  const storage = storages.find((candidate) => candidate.deviceID === deviceID);
  if (storage !== undefined) return storage;
  const known = listed(storages.map((candidate) => candidate.deviceID));
  throw document.fault(key, deviceID, `no storage has this deviceID; storages has ${known}`);
}

/** `text` as a whole number without sign or leading zeros, null when it is none up to `max`. */
export function decimal(text: string, max: number): number | null {
  if (!/^(0|[1-9][0-9]{0,8})$/.test(text)) return null;
  return Number(text) <= max ? Number(text) : null;
}

export function listed(ids: readonly number[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}

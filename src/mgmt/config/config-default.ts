/** What is served when nobody configured anything: one sparse disk in the state directory, on this machine only. */
import { join } from 'node:path';
import { ConfigDocument } from './config-document.ts';

export const BUILT_IN_SOURCE = 'built-in default';
export const DEFAULT_TARGET_NAME = 'iqn.2026-11.io.github.gotgt-native:disk0';
export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_DISK_FILE_NAME = 'disk0.img';
export const DEFAULT_DISK_SIZE = '1GiB';

export function builtInConfig(stateDirectory: string): ConfigDocument {
  return new ConfigDocument(BUILT_IN_SOURCE, {
    storages: [
      {
        deviceID: 0,
        path: join(stateDirectory, DEFAULT_DISK_FILE_NAME),
        backendType: 'iouring',
        size: DEFAULT_DISK_SIZE,
        thinProvisioning: true,
      },
    ],
    iscsiportals: [{ id: 0, portal: DEFAULT_HOST }],
    iscsitargets: { [DEFAULT_TARGET_NAME]: { tpgts: { '1': [0] }, luns: { '0': 0 } } },
  });
}

/** The configuration as the daemon works with it: plain data, every default filled in, every reference resolved. */

import type { StorageSpec } from '../../backend/storage-spec.ts';
import type { NegotiationOffers } from '../../iscsi/protocol/login/parameters.ts';
import type { PortalAddress } from './portal-address.ts';

/** What opens the store, and what the logical unit on it is. */
export interface StorageConfig extends StorageSpec {
  readonly deviceID: number;
  /** Absolute; empty for null. */
  readonly path: string;
  /** What the disk is recognised by over restarts, whatever its deviceID or engine: the key of its UUID. */
  readonly identityKey: string;
  readonly isOnline: boolean;
  /** 9 to 12; blockBytes is 2 to its power. */
  readonly blockShift: number;
  /** ASCII, at most 8, 16 and 36 characters; null: the daemon's choice. */
  readonly vendorID: string | null;
  readonly productID: string | null;
  readonly serial: string | null;
}

export interface PortalConfig extends PortalAddress {
  readonly id: number;
}

export interface PortalGroupConfig {
  /** Target portal group tag, 0 to 65535. */
  readonly tag: number;
  /** At least one. */
  readonly portals: readonly PortalConfig[];
}

export interface LunConfig {
  /** 0 to 16383. */
  readonly lun: number;
  readonly storage: StorageConfig;
}

export interface TargetConfig {
  /** In normal form. */
  readonly name: string;
  /** Null: none. */
  readonly alias: string | null;
  /** At least one, no portal in two of them. */
  readonly portalGroups: readonly PortalGroupConfig[];
  /** By LUN; storages that are not online are left out. */
  readonly luns: readonly LunConfig[];
  /** The operator's, and the protocol's defaults where nothing was said. */
  readonly offers: NegotiationOffers;
}

export interface PerformanceConfig {
  /** False: files are served through node:fs, whatever their scheme. */
  readonly isIoUringEnabled: boolean;
}

export interface LimitsConfig {
  readonly loginTimeoutMs: number;
  readonly commandWindow: number;
  /** 0: never. */
  readonly keepaliveMs: number;
}

export interface Configuration {
  /** The file, or BUILT_IN_SOURCE. */
  readonly source: string;
  readonly stateDirectory: string;
  readonly storages: readonly StorageConfig[];
  readonly portals: readonly PortalConfig[];
  readonly targets: readonly TargetConfig[];
  readonly performance: PerformanceConfig;
  readonly limits: LimitsConfig;
  /** Sentences for the log: what was ignored, what is not exported. */
  readonly warnings: readonly string[];
}

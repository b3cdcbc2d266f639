/** The configuration as the daemon works with it: plain data, every default filled in, every reference resolved. */

import type { StorageSpec } from '../../backend/storage-spec.ts';
import type { AccessConditions } from '../../iscsi/protocol/access/access-list.ts';
import type { ChapPolicy } from '../../iscsi/protocol/login/chap.ts';
import type { NegotiationOffers } from '../../iscsi/protocol/login/parameters.ts';
import type { SessionQuota } from '../../iscsi/protocol/session/session-quota.ts';
import type { Redirection } from '../../iscsi/protocol/session/target-node.ts';
import type { DeviceType } from '../../scsi/constants.ts';
import type { ConfiguredAccess } from '../../scsi/port/target-ports.ts';
import type { ThresholdDefaults } from '../../scsi/sbc/provisioning/provisioning.ts';
import type { SlotClass } from '../../util/slot-pool.ts';
import type { PortalAddress } from './portal-address.ts';

/** What opens the store, and what the logical unit on it is. */
export interface StorageConfig extends StorageSpec {
  readonly deviceID: number;
  /** Absolute; empty for null. */
  readonly path: string;
  /**
   * What the unit is recognised by over restarts, the key of its UUID: a disk by its file, whatever its deviceID or engine; a
   * drive, whose medium can be another one, by its deviceID.
   */
  readonly identityKey: string;
  readonly isOnline: boolean;
  /** The NUMA node it is served on; 'auto': that of its device; null: any. */
  readonly numaNode: number | 'auto' | null;
  readonly deviceType: DeviceType;
  /** 9 to 12; blockBytes is 2 to its power. */
  readonly blockShift: number;
  /** The medium can be ejected. */
  readonly isRemovable: boolean;
  /** Of a thin disk, until an initiator changes them. */
  readonly thresholds: ThresholdDefaults;
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
  /** The asymmetric access state that the group is to be in. */
  readonly access: ConfiguredAccess;
}

export interface LunConfig {
  /** 0 to 16383. */
  readonly lun: number;
  readonly storage: StorageConfig;
}

/** One rule of who may log in to a target, and what it gives. */
export interface AccessRuleConfig extends AccessConditions {
  /** By LUN. */
  readonly luns: readonly LunConfig[];
  readonly isReadOnly: boolean;
}

export interface DiscoveryConfig {
  /** Null: discovery sessions need no authentication. */
  readonly auth: ChapPolicy | null;
  /** SendTargets tells of a target only those who may log in to it. */
  readonly isFiltered: boolean;
}

export interface TargetConfig {
  /** In normal form. */
  readonly name: string;
  /** Null: none. */
  readonly alias: string | null;
  /** At least one, no portal in two of them. */
  readonly portalGroups: readonly PortalGroupConfig[];
  /** Initiators may change the access states of the groups. */
  readonly isAccessExplicit: boolean;
  /** By LUN; storages that are not online are left out. */
  readonly luns: readonly LunConfig[];
  /** Null: logins are taken here. */
  readonly redirection: Redirection | null;
  /** The operator's, and the protocol's defaults where nothing was said. */
  readonly offers: NegotiationOffers;
  /** Null: no authentication. */
  readonly auth: ChapPolicy | null;
  /** The first rule that fits decides; null: everyone may log in and sees `luns`. */
  readonly access: readonly AccessRuleConfig[] | null;
}

export interface PerformanceConfig {
  /** False: files are served through node:fs, whatever their scheme. */
  readonly isIoUringEnabled: boolean;
  /** 0 to SQ_POLL_IDLE_MS_MAX; 0: the reactors submit themselves. */
  readonly sqPollIdleMs: number;
  /** Completions of storages past the page cache are looked for. */
  readonly isIoPollEnabled: boolean;
  /** 1 to REACTORS_MAX; 'auto': by the machine's CPUs; null: nothing was said. */
  readonly reactors: number | 'auto' | null;
  /** Storages that say nothing of NUMA nodes are served on their own. */
  readonly isNumaEnabled: boolean;
  /** Further buffers of each reactor, or null. */
  readonly buffers: SlotClass | null;
  /** 0 to BUSY_POLL_US_MAX; 0: threads sleep. */
  readonly busyPollUs: number;
  /** Data memory lies on huge pages where there are some. */
  readonly hasHugePages: boolean;
}

export interface LimitsConfig {
  readonly loginTimeoutMs: number;
  readonly commandWindow: number;
  /** 0: never. */
  readonly keepaliveMs: number;
  readonly sessions: SessionQuota;
}

/** Where the targets are registered (RFC 4171). */
export interface IsnsConfig {
  /** A host, never empty, and a port other than 0. */
  readonly server: PortalAddress;
  /** EID; null: one made from the machine and the state directory. */
  readonly entity: string | null;
  /** Asked for. */
  readonly registrationPeriodS: number;
}

export interface Configuration {
  /** The file, or BUILT_IN_SOURCE. */
  readonly source: string;
  readonly stateDirectory: string;
  readonly storages: readonly StorageConfig[];
  readonly portals: readonly PortalConfig[];
  readonly targets: readonly TargetConfig[];
  readonly discovery: DiscoveryConfig;
  readonly performance: PerformanceConfig;
  readonly limits: LimitsConfig;
  /** Null: nowhere. */
  readonly isns: IsnsConfig | null;
  /** Sentences for the log: what was ignored, what is not exported. */
  readonly warnings: readonly string[];
}

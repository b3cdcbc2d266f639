/** The targets of a configuration: names in normal form, portal groups and LUNs resolved, offers checked. */
import { normalizeIscsiName } from '../../iscsi/codec/iscsi-name.ts';
import { type NegotiationOffers, OFFERS_DEFAULT, type OfferedKey } from '../../iscsi/protocol/login/parameters.ts';
import type { ConfigDocument } from './config-document.ts';
import { keyPath } from './config-json.ts';
import type { LunConfig, PortalConfig, PortalGroupConfig, StorageConfig, TargetConfig } from './configuration.ts';
import {
  ALIAS_BYTES_MAX,
  ALIAS_EXPECTED,
  LUN_MAX,
  type NegotiationEntry,
  type TargetEntry,
  TPGT_MAX,
} from './schema.ts';

export function readTargets(
  document: ConfigDocument,
  storages: readonly StorageConfig[],
  portals: readonly PortalConfig[],
): TargetConfig[] {
  const targets: TargetConfig[] = [];
  for (const [writtenName, entry] of Object.entries(document.content.iscsitargets ?? {})) {
    const key = keyPath('iscsitargets', writtenName);
    const name = readName(document, key, writtenName);
    if (targets.some((other) => other.name === name)) {
      throw document.fault(
        key,
        writtenName,
        `another target has the same name (names are compared as ${name}); give each its own`,
      );
    }
    targets.push({
      name,
      alias: readAlias(document, key, entry),
      portalGroups: readPortalGroups(document, key, entry, portals),
      luns: readLuns(document, key, entry, storages),
      offers: readOffers(document, key, entry),
    });
  }
  return targets;
}

function readName(document: ConfigDocument, key: string, written: string): string {
  const name = normalizeIscsiName(written);
  if (name !== null) return name;
  throw document.fault(
    key,
    written,
    'expected an iSCSI name of at most 223 bytes: "iqn.", year-month, "." and a reversed domain such as "iqn.2026-11.org.example:disk0"; ' +
      'or "eui." and 16 hexadecimal digits; or "naa." and 16 or 32 of them',
  );
}

function readAlias(document: ConfigDocument, key: string, { alias }: TargetEntry): string | null {
  if (alias === undefined) return null;
  if (Buffer.byteLength(alias) <= ALIAS_BYTES_MAX) return alias;
  throw document.fault(`${key}.alias`, alias, `expected ${ALIAS_EXPECTED}`);
}

function readPortalGroups(
  document: ConfigDocument,
  key: string,
  { tpgts }: TargetEntry,
  portals: readonly PortalConfig[],
): PortalGroupConfig[] {
  if (portals.length === 0)
    throw document.fault('iscsiportals', undefined, 'a target needs at least one portal to listen on');
  if (tpgts === undefined) return [{ tag: 1, portals }];
  const taken = new Set<number>();
  const groups = Object.entries(tpgts).map(([tagText, ids]) => {
    const groupKey = keyPath(`${key}.tpgts`, tagText);
    const tag = decimal(tagText, TPGT_MAX);
    if (tag === null)
      throw document.fault(groupKey, tagText, `expected a target portal group tag from 0 to ${TPGT_MAX}`);
    if (ids.length === 0) throw document.fault(groupKey, ids, 'expected at least one portal id');
    return { tag, portals: ids.map((id, i) => readPortal(document, keyPath(groupKey, i), id, portals, taken)) };
  });
  if (groups.length === 0)
    throw document.fault(`${key}.tpgts`, tpgts, 'expected at least one portal group, such as {"1": [0]}');
  return groups;
}

function readPortal(
  document: ConfigDocument,
  key: string,
  id: number,
  portals: readonly PortalConfig[],
  taken: Set<number>,
): PortalConfig {
  const portal = portals.find((candidate) => candidate.id === id);
  if (portal === undefined) {
    throw document.fault(
      key,
      id,
      `no portal has this id; iscsiportals has ${listed(portals.map((known) => known.id))}`,
    );
  }
  // RFC 7143 4.4.1: within a node a portal belongs to exactly one portal group.
  if (taken.has(id))
    throw document.fault(key, id, 'this portal is in the target already; a portal belongs to one group');
  taken.add(id);
  return portal;
}

function readLuns(
  document: ConfigDocument,
  key: string,
  { luns }: TargetEntry,
  storages: readonly StorageConfig[],
): LunConfig[] {
  const taken = new Map<number, number>();
  const read: LunConfig[] = [];
  for (const [lunText, deviceID] of Object.entries(luns ?? {})) {
    const lunKey = keyPath(`${key}.luns`, lunText);
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

function readOffers(document: ConfigDocument, key: string, { negotiation = {} }: TargetEntry): NegotiationOffers {
  const maxBurstLength = negotiation.maxBurstLength ?? OFFERS_DEFAULT.MaxBurstLength;
  const firstBurstLength = negotiation.firstBurstLength ?? Math.min(OFFERS_DEFAULT.FirstBurstLength, maxBurstLength);
  // RFC 7143 13.14: FirstBurstLength MUST NOT exceed MaxBurstLength.
  if (firstBurstLength > maxBurstLength) {
    throw document.fault(
      `${key}.negotiation.firstBurstLength`,
      firstBurstLength,
      `expected at most maxBurstLength, which is ${maxBurstLength}`,
    );
  }
  const given = Object.fromEntries(
    Object.entries(negotiation).map(([name, value]) => [OFFERED_KEYS[name as OfferName], value]),
  );
  return { ...OFFERS_DEFAULT, ...given, FirstBurstLength: firstBurstLength };
}

type OfferName = keyof NegotiationEntry;

/** The names of RFC 7143 13 for ours. */
const OFFERED_KEYS: Readonly<Record<OfferName, OfferedKey>> = {
  headerDigest: 'HeaderDigest',
  dataDigest: 'DataDigest',
  maxConnections: 'MaxConnections',
  initialR2T: 'InitialR2T',
  immediateData: 'ImmediateData',
  maxRecvDataSegmentLength: 'MaxRecvDataSegmentLength',
  maxBurstLength: 'MaxBurstLength',
  firstBurstLength: 'FirstBurstLength',
  maxOutstandingR2T: 'MaxOutstandingR2T',
  defaultTime2Wait: 'DefaultTime2Wait',
  defaultTime2Retain: 'DefaultTime2Retain',
  dataPDUInOrder: 'DataPDUInOrder',
  dataSequenceInOrder: 'DataSequenceInOrder',
  errorRecoveryLevel: 'ErrorRecoveryLevel',
  iSCSIProtocolLevel: 'iSCSIProtocolLevel',
};

/** `text` as a whole number without sign or leading zeros, null when it is none up to `max`. */
function decimal(text: string, max: number): number | null {
  if (!/^(0|[1-9][0-9]{0,8})$/.test(text)) return null;
  return Number(text) <= max ? Number(text) : null;
}

function listed(ids: readonly number[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}

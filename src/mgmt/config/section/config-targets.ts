/** The targets of a configuration: names in normal form, portal groups and LUNs resolved, offers checked. */
import { normalizeIscsiName } from '../../../iscsi/codec/iscsi-name.ts';
import { type NegotiationOffers, OFFERS_DEFAULT, type OfferedKey } from '../../../iscsi/protocol/login/parameters.ts';
import type { Redirection } from '../../../iscsi/protocol/session/target-node.ts';
import type { ConfigDocument } from '../config-document.ts';
import { keyPath } from '../config-json.ts';
import type { PortalConfig, PortalGroupConfig, StorageConfig, TargetConfig } from '../configuration.ts';
import { formatPortalAddress, parsePortalAddress } from '../portal-address.ts';
import {
  ALIAS_BYTES_MAX,
  ALIAS_EXPECTED,
  type NegotiationEntry,
  type TargetEntry,
  TPGT_MAX,
} from '../schema/schema.ts';
import { readAccess } from './config-access.ts';
import { withAccessStates } from './config-alua.ts';
import type { AuthReader } from './config-auth.ts';
import { decimal, listed, readLunMap } from './config-luns.ts';

export function readTargets(
  document: ConfigDocument,
  storages: readonly StorageConfig[],
  portals: readonly PortalConfig[],
  auths: AuthReader,
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
    const luns = readLunMap(document, `${key}.luns`, entry.luns ?? {}, storages);
    const auth = auths.read(`${key}.auth`, entry.auth);
    targets.push({
      name,
      alias: readAlias(document, key, entry),
      portalGroups: withAccessStates(document, key, entry, readPortalGroups(document, key, entry, portals)),
      isAccessExplicit: entry.alua?.explicit ?? true,
      luns,
      redirection: readRedirection(document, key, entry),
      offers: readOffers(document, key, entry),
      auth,
      access: readAccess(document, key, entry, { luns, storages, auth }),
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

function readRedirection(document: ConfigDocument, key: string, { redirect }: TargetEntry): Redirection | null {
  if (redirect === undefined) return null;
  const address = parsePortalAddress(redirect.portal);
  if (address === null || address.host === '' || address.port === 0) {
    const expected = 'expected the host and port of a portal, such as "192.0.2.7:3260" or "[2001:db8::7]:3260"';
    throw document.fault(`${key}.redirect.portal`, redirect.portal, expected);
  }
  return { address: formatPortalAddress(address), isPermanent: redirect.permanent ?? false };
}

function readPortalGroups(
  document: ConfigDocument,
  key: string,
  { tpgts }: TargetEntry,
  portals: readonly PortalConfig[],
): Omit<PortalGroupConfig, 'access'>[] {
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

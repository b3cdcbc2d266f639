/** Access rules of one target: conditions parsed, LUNs resolved. */
import { ADDRESS_EXPECTED, AddressRange } from '../../../iscsi/protocol/access/address-range.ts';
import { INITIATOR_EXPECTED, InitiatorPattern } from '../../../iscsi/protocol/access/initiator-pattern.ts';
import type { ChapPolicy } from '../../../iscsi/protocol/login/chap.ts';
import type { ConfigDocument } from '../config-document.ts';
import { keyPath } from '../config-json.ts';
import type { AccessRuleConfig, LunConfig, StorageConfig } from '../configuration.ts';
import { type AccessRuleEntry, RULE_LUNS_EXPECTED } from '../schema/auth-schema.ts';
import type { TargetEntry } from '../schema/schema.ts';
import { readLunMap } from './config-luns.ts';

/** What the rules of a target refer to. */
export interface AccessSurroundings {
  /** The target's own. */
  readonly luns: readonly LunConfig[];
  readonly storages: readonly StorageConfig[];
  readonly auth: ChapPolicy | null;
}

/** Null: there is no `access`, and everyone may log in. */
export function readAccess(
  document: ConfigDocument,
  targetKey: string,
  entry: TargetEntry,
  surroundings: AccessSurroundings,
): AccessRuleConfig[] | null {
  const { access } = entry;
  if (access === undefined) return null;
  if (access.length === 0) document.warn(`${targetKey}.access`, 'has no rule: nobody may log in to the target');
  let opensToAll: string | null = null;
  return access.map((rule, index) => {
    const key = `${targetKey}.access[${index}]`;
    if (opensToAll !== null) document.warn(key, `never decides: ${opensToAll} fits every initiator`);
    else if (isForAll(rule)) opensToAll = key;
    return {
      initiator: readInitiator(document, key, rule),
      address: readAddress(document, key, rule),
      user: readUser(document, key, rule, surroundings.auth),
      luns: readRuleLuns(document, `${key}.luns`, rule.luns, entry, surroundings),
      isReadOnly: rule.readOnly ?? false,
    };
  });
}

function isForAll({ initiator, address, user }: AccessRuleEntry): boolean {
  return initiator === undefined && address === undefined && user === undefined;
}

function readInitiator(document: ConfigDocument, key: string, { initiator }: AccessRuleEntry): InitiatorPattern | null {
  if (initiator === undefined) return null;
  const pattern = InitiatorPattern.parse(initiator);
  if (pattern === null) throw document.fault(`${key}.initiator`, initiator, `expected ${INITIATOR_EXPECTED}`);
  return pattern;
}

function readAddress(document: ConfigDocument, key: string, { address }: AccessRuleEntry): AddressRange | null {
  if (address === undefined) return null;
  const range = AddressRange.parse(address);
  if (typeof range !== 'string') return range;
  throw document.fault(`${key}.address`, address, range === ADDRESS_EXPECTED ? `expected ${range}` : range);
}

function readUser(
  document: ConfigDocument,
  key: string,
  { user }: AccessRuleEntry,
  auth: ChapPolicy | null,
): string | null {
  if (user === undefined) return null;
  if (auth === null) {
    throw document.fault(
      `${key}.user`,
      user,
      'the target does not demand CHAP, so nobody is this user; configure auth',
    );
  }
  if (auth.users.has(user)) return user;
  throw document.fault(`${key}.user`, user, 'the auth of this target has no user of this name');
}

function readRuleLuns(
  document: ConfigDocument,
  key: string,
  value: unknown,
  entry: TargetEntry,
  { luns, storages }: AccessSurroundings,
): readonly LunConfig[] {
  if (value === undefined) return luns;
  if (Array.isArray(value)) return readLunList(document, key, value, entry, luns);
  if (!isLunMap(value)) throw document.fault(key, value, `expected ${RULE_LUNS_EXPECTED}`);
  return readLunMap(document, key, value, storages);
}

/** LUNs of the target under their own numbers. */
function readLunList(
  document: ConfigDocument,
  key: string,
  list: readonly unknown[],
  entry: TargetEntry,
  luns: readonly LunConfig[],
): LunConfig[] {
  for (const [index, lun] of list.entries()) {
    if (typeof lun !== 'number' || entry.luns?.[String(lun)] === undefined) {
      throw document.fault(
        keyPath(key, index),
        lun,
        'expected a LUN that the target has; {"0": deviceID} makes others',
      );
    }
  }
  return luns.filter(({ lun }) => list.includes(lun));
}

function isLunMap(value: unknown): value is Record<string, number> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).every((deviceID) => Number.isSafeInteger(deviceID));
}

/** Asymmetric access states of one target's portal groups: tags resolved, defaults filled in. */
import { STATE_ACTIVE_NON_OPTIMIZED, STATE_ACTIVE_OPTIMIZED } from '../../../scsi/port/target-port.ts';
import { CONFIGURED_ACCESS_DEFAULT, type ConfiguredAccess } from '../../../scsi/port/target-ports.ts';
import { ACCESS_STATES, type AccessStateName } from '../../access-state-names.ts';
import type { ConfigDocument } from '../config-document.ts';
import { keyPath } from '../config-json.ts';
import type { PortalGroupConfig } from '../configuration.ts';
import { type TargetEntry, TPGT_MAX } from '../schema/schema.ts';
import { decimal, listed } from './config-luns.ts';

/** `groups` with the state that each is to be in; those that `alua` does not name are active/optimized. */
export function withAccessStates(
  document: ConfigDocument,
  targetKey: string,
  { alua }: TargetEntry,
  groups: readonly Omit<PortalGroupConfig, 'access'>[],
): PortalGroupConfig[] {
  const key = `${targetKey}.alua.groups`;
  const tags = groups.map(({ tag }) => tag);
  const accesses = new Map<number, ConfiguredAccess>();
  for (const [tagText, { state, preferred }] of Object.entries(alua?.groups ?? {})) {
    const tag = readTag(document, keyPath(key, tagText), tagText, tags);
    accesses.set(tag, { state: stateOf(state), isPreferred: preferred ?? false });
  }
  const made = groups.map((group) => ({ ...group, access: accesses.get(group.tag) ?? CONFIGURED_ACCESS_DEFAULT }));
  if (!made.some(({ access }) => isActive(access))) {
    document.warn(key, 'has no active group: no initiator can use the disks of the target');
  }
  return made;
}

function readTag(document: ConfigDocument, key: string, tagText: string, tags: readonly number[]): number {
  const tag = decimal(tagText, TPGT_MAX);
  if (tag === null)
    throw document.fault(key, tagText, `expected a target portal group tag from 0 to ${TPGT_MAX}, as in tpgts`);
  if (tags.includes(tag)) return tag;
  throw document.fault(key, tagText, `the target has no portal group with this tag; it has ${listed(tags)}`);
}

/** The schema has seen to it that it is one of the names. */
function stateOf(name: AccessStateName | undefined) {
  return name === undefined ? CONFIGURED_ACCESS_DEFAULT.state : ACCESS_STATES[name];
}

function isActive({ state }: ConfiguredAccess): boolean {
  return state === STATE_ACTIVE_OPTIMIZED || state === STATE_ACTIVE_NON_OPTIMIZED;
}

/**
 * What a text request means in full feature phase (RFC 7143 11.10): SendTargets (appendix C), and the few keys that may
 * still be declared.
 */
import { REJECT_INVALID_PDU_FIELD, REJECT_PROTOCOL_ERROR } from '../../codec/constants.ts';
import { normalizeIscsiName } from '../../codec/iscsi-name.ts';
import type { TextPair } from '../../codec/text.ts';
import type { Asker } from '../access/access-list.ts';
import type { Negotiation } from '../login/negotiation.ts';
import type { Session } from '../session/session.ts';
import type { TargetNode } from '../session/target-node.ts';
import type { TextHandler } from './text-exchange.ts';

/** Appendix C: every target that may be known. Only in a discovery session; elsewhere the session's own, as without a value. */
const ALL_TARGETS = 'All';
const NOT_UNDERSTOOD = 'NotUnderstood';
/** RFC 7143 6.1: whoever sends such a key is ready to hear that it is not understood. */
const EXTENSION_KEY = /^[XYZ][-#]/;

/** Where targets are looked up. */
export interface TargetList {
  readonly targetNames: string[];
  target(name: string): TargetNode | null;
  /** Whether `asker` is told of the target. */
  isVisible(target: TargetNode, asker: Asker): boolean;
}

export class SessionText implements TextHandler {
  private readonly session: Session;
  private readonly negotiation: Negotiation;
  private readonly targets: TargetList;
  private readonly localHost: string;
  private readonly asker: Asker;
  private peerBytes: number;

  /** @param localHost the address that the initiator came by, IPv6 in brackets */
  constructor(session: Session, negotiation: Negotiation, targets: TargetList, localHost: string, asker: Asker) {
    this.session = session;
    this.negotiation = negotiation;
    this.targets = targets;
    this.localHost = localHost;
    this.asker = asker;
    this.peerBytes = negotiation.connectionParameters().peerMaxRecvDataSegmentLength;
  }

  /** The initiator may declare a new MaxRecvDataSegmentLength at any time (13.12). */
  get peerSegmentBytes(): number {
    return this.peerBytes;
  }

  nextTargetTransferTag(): number {
    return this.session.nextTargetTransferTag();
  }

  answer(pairs: readonly TextPair[]): readonly TextPair[] | number {
    const others = pairs.filter(({ key }) => key !== 'SendTargets');
    this.negotiation.restart();
    const { renegotiatedKey, answers } = this.negotiation.respond(others, 'full-feature');
    if (renegotiatedKey !== null) return REJECT_PROTOCOL_ERROR;
    this.peerBytes = this.negotiation.connectionParameters().peerMaxRecvDataSegmentLength;
    const sendTargets = pairs.find(({ key }) => key === 'SendTargets');
    if (sendTargets === undefined) return isMeaningless(pairs, answers) ? REJECT_INVALID_PDU_FIELD : answers;
    const targets = this.sendTargets(sendTargets.value);
    return targets === null ? REJECT_INVALID_PDU_FIELD : [...answers, ...targets];
  }

  /** Null when the value is none that there is. */
  private sendTargets(value: string): TextPair[] | null {
    const isDiscovery = this.session.device === null;
    if (value === '' || value === ALL_TARGETS) {
      if (!isDiscovery) return this.describe(this.session.identity.targetName);
      return value === '' ? null : this.targets.targetNames.flatMap((name) => this.describe(name));
    }
    const name = normalizeIscsiName(value);
    return name === null ? null : this.describe(name);
  }

  private describe(name: string): TextPair[] {
    const target = this.targets.target(name);
    if (target === null) return [];
    const isOwn = this.session.identity.targetName === name;
    if (!isOwn && !this.targets.isVisible(target, this.asker)) return [];
    const addresses = target.addresses(this.localHost).map((value) => ({ key: 'TargetAddress', value }));
    return [{ key: 'TargetName', value: target.name }, ...addresses];
  }
}

/**
 * Whether nothing of the request was understood. RFC 7143 7.13 has a Reject for a negotiation that fails; keys of extensions
 * are probed for, and get their answer.
 */
function isMeaningless(pairs: readonly TextPair[], answers: readonly TextPair[]): boolean {
  if (answers.length === 0 || answers.length < pairs.length) return false;
  return answers.every(({ key, value }) => value === NOT_UNDERSTOOD && !EXTENSION_KEY.test(key));
}

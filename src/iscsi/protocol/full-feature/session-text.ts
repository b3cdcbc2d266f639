/**
 * What a text request means in full feature phase (RFC 7143 11.10): SendTargets (appendix C), and the few keys that may
 * still be declared.
 */
import { REJECT_PROTOCOL_ERROR } from '../../codec/constants.ts';
import { normalizeIscsiName } from '../../codec/iscsi-name.ts';
import type { TextPair } from '../../codec/text.ts';
import type { Asker } from '../access/access-list.ts';
import type { Negotiation } from '../login/negotiation.ts';
import type { Session } from '../session/session.ts';
import type { TargetNode } from '../session/target-node.ts';
import type { TextHandler } from './text-exchange.ts';

/** Appendix C: every target that may be known. Only in a discovery session. */
const ALL_TARGETS = 'All';

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
    return sendTargets === undefined ? answers : [...answers, ...this.sendTargets(sendTargets.value)];
  }

  private sendTargets(value: string): TextPair[] {
    const isDiscovery = this.session.device === null;
    if (value === ALL_TARGETS) {
      if (!isDiscovery) return [{ key: 'SendTargets', value: 'Reject' }];
      return this.targets.targetNames.flatMap((name) => this.describe(name));
    }
    // An empty value asks a normal session for its own target.
    if (value === '') {
      return isDiscovery ? [{ key: 'SendTargets', value: 'Reject' }] : this.describe(this.session.identity.targetName);
    }
    const name = normalizeIscsiName(value);
    return name === null ? [] : this.describe(name);
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

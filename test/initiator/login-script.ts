/**
 * The initiator's side of a login (RFC 7143 6.3): which text to send next, in which stage. What the target answers is
 * collected; another security exchange than AuthMethod=None is another SecurityScript.
 */
import { STAGE_FULL_FEATURE_PHASE, STAGE_LOGIN_OPERATIONAL_NEGOTIATION } from '../../src/iscsi/codec/constants.ts';
import { encodeText, parseText, type TextPair, TextSegmenter } from '../../src/iscsi/codec/text.ts';
import type { IncomingPdu } from './incoming-pdu.ts';
import { type InitiatorSettings, namingKeys, operationalKeys } from './settings.ts';
import { demand } from './violation.ts';

export interface LoginStep {
  readonly csg: number;
  readonly nsg: number;
  readonly isTransit: boolean;
  readonly isContinued: boolean;
  readonly text: Uint8Array;
}

/** The security stage: the keys of each of its texts, null when it has nothing more to say. */
export interface SecurityScript {
  next(answers: ReadonlyMap<string, string>): readonly TextPair[] | null;
}

export const SECURITY_NONE: () => SecurityScript = () => {
  let hasSpoken = false;
  return {
    next: () => {
      if (hasSpoken) return null;
      hasSpoken = true;
      return [{ key: 'AuthMethod', value: 'None' }];
    },
  };
};

export class LoginScript {
  readonly answers = new Map<string, string>();
  private readonly settings: InitiatorSettings;
  private readonly security: SecurityScript;
  private readonly segmenter = new TextSegmenter();
  private readonly pieces: Buffer[] = [];
  private stage: number;
  private hasNamed = false;
  private hasNegotiated = false;

  constructor(settings: InitiatorSettings, security: SecurityScript) {
    this.settings = settings;
    this.security = security;
    this.stage = settings.hasSecurityStage ? 0 : STAGE_LOGIN_OPERATIONAL_NEGOTIATION;
  }

  /** The first request. */
  begin(): LoginStep {
    this.speak();
    return this.step();
  }

  /** The request after `response` (success, not final), or null when the login is over. */
  after(response: IncomingPdu): LoginStep | null {
    const { bhs, data } = response;
    if (this.segmenter.isContinued) {
      demand(data.length === 0 && !bhs.isFinal, '11.12.2: a request with C is answered with an empty response');
      return this.step();
    }
    this.pieces.push(data);
    if (bhs.isContinued) {
      demand(!bhs.isFinal, '11.13.2: C and T do not go together');
      return { csg: this.stage, nsg: 0, isTransit: false, isContinued: false, text: new Uint8Array(0) };
    }
    this.collect();
    if (bhs.isFinal) this.stage = bhs.nsg;
    if (this.stage === STAGE_FULL_FEATURE_PHASE) return null;
    this.speak();
    return this.step();
  }

  private collect(): void {
    const { fault, pairs, duplicateKey } = parseText(Buffer.concat(this.pieces.splice(0)));
    demand(fault === null, `6.1: the text of a login response is malformed: ${fault}`);
    demand(duplicateKey === null, `6.3: ${duplicateKey} came twice`);
    for (const { key, value } of pairs) this.answers.set(key, value);
  }

  private speak(): void {
    const pairs: TextPair[] = this.hasNamed ? [] : namingKeys(this.settings);
    this.hasNamed = true;
    if (this.stage === STAGE_LOGIN_OPERATIONAL_NEGOTIATION) {
      if (!this.hasNegotiated) pairs.push(...operationalKeys(this.settings));
      this.hasNegotiated = true;
    } else {
      pairs.push(...(this.security.next(this.answers) ?? []));
    }
    this.segmenter.start(encodeText(pairs));
  }

  private step(): LoginStep {
    const text = this.segmenter.next(this.settings.loginSegmentBytes);
    const { isContinued } = this.segmenter;
    const { stage } = this;
    const nsg = stage === STAGE_LOGIN_OPERATIONAL_NEGOTIATION ? STAGE_FULL_FEATURE_PHASE : stage + 1;
    return { csg: stage, nsg, isTransit: !isContinued, isContinued, text };
  }
}

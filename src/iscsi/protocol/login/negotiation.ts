/**
 * The responder's side of text negotiation (RFC 7143 6.2, 6.3): the initiator's pairs go in, our answers come out, and the
 * settled values stay here. The rules of each key come from the table in keys.ts; this file knows only the kinds of
 * negotiation. A value that is settled once stays for the login: to negotiate it again is the initiator's error (6.3).
 */
import { assert } from '../../../util/assert.ts';
import type { TextPair } from '../../codec/text.ts';
import { formatBoolean, parseBoolean, parseList, parseNumber } from '../../codec/text-value.ts';
import {
  type BooleanKey,
  IRRELEVANT,
  isKeyName,
  type KeyDefinition,
  type KeyName,
  keyDefinition,
  keyRank,
  type ListKey,
  NOT_UNDERSTOOD,
  type NumberKey,
  REJECT,
} from './keys.ts';
import type {
  ConnectionParameters,
  NegotiationOffers,
  OfferedKey,
  SessionParameters,
  SessionType,
} from './parameters.ts';

export type NegotiationPhase = 'security' | 'operational' | 'full-feature';

export interface NegotiationAnswer {
  /** A key the initiator negotiated a second time, which ends the login (6.3); null when all is well. */
  readonly renegotiatedKey: KeyName | null;
  /** In the order of the pairs that ask for an answer. */
  readonly answers: readonly TextPair[];
}

type Value = number | boolean | string;

export class Negotiation {
  private readonly offers: NegotiationOffers;
  private readonly isLeading: boolean;
  /** Values that are settled or were declared by the initiator; all others have their default. */
  private readonly values = new Map<KeyName, Value>();
  /** Keys the initiator may not negotiate again. */
  private readonly closed = new Set<KeyName>();
  /** Keys that we proposed and whose answer is still to come. */
  private readonly proposed = new Set<KeyName>();
  private readonly wasProposed = new Set<KeyName>();
  private hasDeclaredLength = false;

  /** @param isLeading the login makes a session (TSIH 0); only then may session-wide keys be negotiated */
  constructor(offers: NegotiationOffers, isLeading: boolean) {
    this.offers = offers;
    this.isLeading = isLeading;
  }

  /** A new negotiation in full feature phase: what was declared before may be declared anew. */
  restart(): void {
    this.closed.clear();
    this.values.delete('SendTargets');
  }

  /** Takes the pairs of one complete text. Nothing of it is an exception; a refused value leaves the former one. */
  respond(pairs: readonly TextPair[], phase: NegotiationPhase): NegotiationAnswer {
    const answers: (TextPair | null)[] = new Array(pairs.length).fill(null);
    for (const index of byRank(pairs)) {
      const { key, value } = pairs[index] as TextPair;
      const isAnswer = value === NOT_UNDERSTOOD || value === REJECT || value === IRRELEVANT;
      if (!isKeyName(key)) {
        if (!isAnswer) answers[index] = { key, value: NOT_UNDERSTOOD };
        continue;
      }
      if (this.proposed.delete(key)) {
        this.closed.add(key);
        if (!isAnswer) this.acceptCounter(key, value);
        continue;
      }
      if (isAnswer) continue; // to something we declared, such as TargetAlias
      if (this.isRepeated(key, value)) continue;
      if (this.closed.has(key)) return { renegotiatedKey: key, answers: [] };
      this.closed.add(key);
      const answer = this.negotiate(key, value, phase);
      if (answer !== null) answers[index] = { key, value: answer };
    }
    return { renegotiatedKey: null, answers: answers.filter((answer) => answer !== null) };
  }

  /** Our own declaration of MaxRecvDataSegmentLength, once, in the operational stage (13.12). */
  declareLength(): readonly TextPair[] {
    if (this.hasDeclaredLength) return [];
    this.hasDeclaredLength = true;
    return [{ key: 'MaxRecvDataSegmentLength', value: String(this.offers.MaxRecvDataSegmentLength) }];
  }

  /**
   * Keys the initiator said nothing about although their default is more than we offer, each proposed once. The login
   * waits for one answer; an initiator that gives none keeps the default.
   */
  propose(): readonly TextPair[] {
    this.proposed.clear();
    if (!this.isLeading) return [];
    const pairs: TextPair[] = [];
    for (const name of PROPOSED_KEYS) {
      const key = keyDefinition(name) as NumberKey | BooleanKey;
      if (this.closed.has(name) || this.wasProposed.has(name) || this.isIrrelevant(key)) continue;
      const result = this.combine(name, key, key.default);
      if (result === key.default) continue;
      this.proposed.add(name);
      this.wasProposed.add(name);
      pairs.push({ key: name, value: format(result) });
    }
    return pairs;
  }

  get sessionType(): SessionType {
    return this.text('SessionType') === 'Discovery' ? 'Discovery' : 'Normal';
  }

  /** What the initiator declared under a text key, or null. */
  declared(name: 'InitiatorName' | 'TargetName' | 'InitiatorAlias' | 'SessionType' | 'SendTargets'): string | null {
    return this.values.has(name) ? this.text(name) : null;
  }

  sessionParameters(): SessionParameters {
    const maxBurstLength = this.number('MaxBurstLength');
    return {
      sessionType: this.sessionType,
      maxConnections: this.number('MaxConnections'),
      initialR2T: this.boolean('InitialR2T'),
      immediateData: this.boolean('ImmediateData'),
      maxBurstLength,
      // 13.14: never above MaxBurstLength, which may have been settled later or be under the default.
      firstBurstLength: Math.min(this.number('FirstBurstLength'), maxBurstLength),
      defaultTime2Wait: this.number('DefaultTime2Wait'),
      defaultTime2Retain: this.number('DefaultTime2Retain'),
      maxOutstandingR2T: this.number('MaxOutstandingR2T'),
      dataPDUInOrder: this.boolean('DataPDUInOrder'),
      dataSequenceInOrder: this.boolean('DataSequenceInOrder'),
      errorRecoveryLevel: this.number('ErrorRecoveryLevel'),
      taskReporting: this.text('TaskReporting'),
      iSCSIProtocolLevel: this.number('iSCSIProtocolLevel'),
    };
  }

  connectionParameters(): ConnectionParameters {
    const rfcDefault = (keyDefinition('MaxRecvDataSegmentLength') as NumberKey).default;
    return {
      hasHeaderDigest: this.text('HeaderDigest') === 'CRC32C',
      hasDataDigest: this.text('DataDigest') === 'CRC32C',
      maxRecvDataSegmentLength: this.hasDeclaredLength ? this.offers.MaxRecvDataSegmentLength : rfcDefault,
      peerMaxRecvDataSegmentLength: this.number('MaxRecvDataSegmentLength'),
    };
  }

  /** Settles one key; its answer, or null when a declaration asks for none. */
  private negotiate(name: KeyName, value: string, phase: NegotiationPhase): string | null {
    const key = keyDefinition(name);
    if (key.form === 'obsolete') return key.answer;
    if (!this.isAllowed(key, phase)) return REJECT;
    if (this.isIrrelevant(key)) return IRRELEVANT;
    if (key.negotiation === 'declare') return this.declare(name, key, value);
    const theirs = parseAs(key, value);
    if (theirs === null) return REJECT;
    if (key.form === 'list') return this.select(name, theirs as readonly string[]);
    let result = this.combine(name, key, theirs as number | boolean);
    // 13.14: FirstBurstLength must not exceed MaxBurstLength, which stands above it in the table.
    if (name === 'FirstBurstLength') result = Math.min(Number(result), this.number('MaxBurstLength'));
    this.values.set(name, result);
    return format(result);
  }

  /** libiscsi 1.19 says its names again in the operational stage, when it offered CHAP and None was chosen. */
  private isRepeated(name: KeyName, value: string): boolean {
    return this.closed.has(name) && REPEATED_KEYS.has(name) && this.values.get(name) === value;
  }

  private declare(name: KeyName, key: KeyDefinition, value: string): string | null {
    const declared = key.form === 'number' ? parseWithin(key, value) : value;
    if (declared === null) return REJECT;
    this.values.set(name, declared);
    return null;
  }

  /** 6.2.1: the first of the originator's list that the responder supports. */
  private select(name: KeyName, theirs: readonly string[]): string {
    const ours = this.offers[name as OfferedKey];
    assert(Array.isArray(ours), 'a list key has a list of offers');
    const chosen = theirs.find((value) => ours.includes(value));
    if (chosen === undefined) return REJECT;
    this.values.set(name, chosen);
    return chosen;
  }

  /** 6.2.2: the result of our offer and `theirs`. */
  private combine(name: KeyName, key: NumberKey | BooleanKey, theirs: number | boolean): number | boolean {
    const ours = this.offers[name as OfferedKey];
    assert(typeof ours === typeof theirs, 'an offer has the form of its key');
    switch (key.negotiation) {
      case 'and':
        return Boolean(ours) && Boolean(theirs);
      case 'or':
        return Boolean(ours) || Boolean(theirs);
      case 'maximum':
        return Math.max(Number(ours), Number(theirs));
      default:
        return Math.min(Number(ours), Number(theirs));
    }
  }

  /** The initiator's answer to our proposal. It is the result by definition, as long as our offer allows it. */
  private acceptCounter(name: KeyName, value: string): void {
    const key = keyDefinition(name) as NumberKey | BooleanKey;
    const theirs = parseAs(key, value) as number | boolean | null;
    if (theirs !== null && this.combine(name, key, theirs) === theirs) this.values.set(name, theirs);
  }

  private isAllowed(key: KeyDefinition, phase: NegotiationPhase): boolean {
    if (key.senders === 'target' || key.use === 'SECURITY') return false;
    if (phase === 'full-feature') return key.use === 'ALL' || key.use === 'FFPO';
    if (key.use === 'FFPO' || (key.use === 'LO' && !this.isLeading)) return false;
    return phase === 'operational' || key.isSecurityStage;
  }

  private isIrrelevant(key: KeyDefinition): boolean {
    if (key.irrelevance === 'never') return false;
    if (this.sessionType === 'Discovery') return true;
    const hasUnsolicitedData = !this.boolean('InitialR2T') || this.boolean('ImmediateData');
    return key.irrelevance === 'in-discovery-or-without-unsolicited-data' && !hasUnsolicitedData;
  }

  private number(name: KeyName): number {
    return this.valueOf(name) as number;
  }

  private boolean(name: KeyName): boolean {
    return this.valueOf(name) as boolean;
  }

  private text(name: KeyName): string {
    return this.valueOf(name) as string;
  }

  private valueOf(name: KeyName): Value {
    const key = keyDefinition(name);
    const value = this.values.get(name) ?? (key.form === 'obsolete' ? null : key.default);
    assert(value !== null, 'only keys with a default are asked for without having come');
    return value;
  }
}

/** What an operator sets lower to protect the target, so silence does not undo it. */
const PROPOSED_KEYS = ['ImmediateData', 'MaxBurstLength', 'FirstBurstLength'] as const satisfies readonly KeyName[];

/** Names of the parties: to hear one again, unchanged, negotiates nothing. */
const REPEATED_KEYS: ReadonlySet<KeyName> = new Set(['InitiatorName', 'TargetName', 'SessionType']);

/** Indices of `pairs`, those of known keys by the table's order. */
function byRank(pairs: readonly TextPair[]): number[] {
  const rank = (index: number) => {
    const { key } = pairs[index] as TextPair;
    return isKeyName(key) ? keyRank(key) : -1;
  };
  return pairs.map((_, index) => index).sort((a, b) => rank(a) - rank(b));
}

function parseAs(key: NumberKey | BooleanKey | ListKey, value: string): number | boolean | readonly string[] | null {
  if (key.form === 'number') return parseWithin(key, value);
  return key.form === 'boolean' ? parseBoolean(value) : parseList(value);
}

function parseWithin(key: NumberKey, value: string): number | null {
  const number = parseNumber(value);
  return number !== null && number >= key.low && number <= key.high ? number : null;
}

function format(value: number | boolean): string {
  return typeof value === 'boolean' ? formatBoolean(value) : String(value);
}

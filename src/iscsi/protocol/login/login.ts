/**
 * The target's side of the login phase (RFC 7143 6.3, 11.12, 11.13), without a socket or a clock: Login Requests go in, a
 * LoginReply comes out for each. Stages only go forward, and only when the initiator asks (T) and nothing is left open
 * here. Whatever the initiator does wrong becomes a status, after which the connection is closed.
 */
import { assert } from '../../../util/assert.ts';
import type { Bhs } from '../../codec/bhs.ts';
import {
  ISCSI_VERSION,
  LOGIN_AUTHENTICATION_FAILURE,
  LOGIN_DATA_SEGMENT_BYTES_MAX,
  LOGIN_INITIATOR_ERROR,
  LOGIN_MISSING_PARAMETER,
  LOGIN_SESSION_TYPE_NOT_SUPPORTED,
  LOGIN_SUCCESS,
  LOGIN_TARGET_NOT_FOUND,
  LOGIN_UNSUPPORTED_VERSION,
  STAGE_FULL_FEATURE_PHASE,
  STAGE_LOGIN_OPERATIONAL_NEGOTIATION,
  STAGE_RESERVED,
  STAGE_SECURITY_NEGOTIATION,
} from '../../codec/constants.ts';
import { normalizeIscsiName } from '../../codec/iscsi-name.ts';
import { encodeText, parseText, TextAssembler, type TextPair, TextSegmenter } from '../../codec/text.ts';
import { type Authenticator, isSecurityKey } from './auth.ts';
import {
  type AdmissionWaiter,
  type LoginAdmitted,
  type LoginDirectory,
  type LoginElsewhere,
  type LoginRefusal,
  type LoginTarget,
  refuseLogin,
} from './login-directory.ts';
import { Negotiation } from './negotiation.ts';
import type { ConnectionParameters } from './parameters.ts';

const EMPTY_TEXT = new Uint8Array(0);

/** One Login Response but for its numbers; `text` is its data segment. */
export interface LoginReply {
  /** Status-Class << 8 | Status-Detail. */
  readonly status: number;
  readonly isTransit: boolean;
  readonly isContinued: boolean;
  readonly csg: number;
  /** 0 without isTransit. */
  readonly nsg: number;
  readonly isidHigh: number;
  readonly isidLow: number;
  readonly tsih: number;
  readonly initiatorTaskTag: number;
  readonly text: Uint8Array;
  /** Full feature phase begins once this reply is sent. */
  readonly isFinal: boolean;
  /** The connection is closed once this reply is sent. */
  readonly isFatal: boolean;
}

export class LoginMachine<T extends LoginTarget, S> {
  private readonly directory: LoginDirectory<T, S>;
  private readonly waiter: AdmissionWaiter<S>;
  private readonly assembler = new TextAssembler();
  private readonly segmenter = new TextSegmenter();
  private fields: LoginFields | null = null;
  private stage = STAGE_SECURITY_NEGOTIATION;
  private readonly remoteAddress: string;
  private names: LoginNames = { initiatorName: null, targetName: null };
  private party: LoginParty<T> | null = null;
  private reason: string | null = null;
  private elsewhere: number | null = null;
  /** The answers hold a proposal of ours, so the stage is not left with them. */
  private isHeld = false;
  private isPending = false;
  private isOver = false;
  private request: RequestFields = { csg: 0, nsg: 0, isTransit: false, initiatorTaskTag: 0 };
  private outcome: LoginAdmitted<S> | null = null;
  /** The text of the final reply, while admission is pending. */
  private lastSegment: Uint8Array = EMPTY_TEXT;

  /** @param remoteAddress "address:port" of the initiator's end, IPv6 in brackets */
  constructor(directory: LoginDirectory<T, S>, waiter: AdmissionWaiter<S>, remoteAddress: string) {
    this.directory = directory;
    this.waiter = waiter;
    this.remoteAddress = remoteAddress;
  }

  /** What the directory made of the login; null before the final reply. */
  get admitted(): LoginAdmitted<S> | null {
    return this.outcome;
  }

  /** What was negotiated; it goes on in full feature phase with restart(). */
  get negotiation(): Negotiation {
    assert(this.party !== null, 'the negotiation is asked for after admission');
    return this.party.negotiation;
  }

  /** The connection's parameters; they hold from the PDU after the final reply on. */
  get connectionParameters(): ConnectionParameters {
    return this.negotiation.connectionParameters();
  }

  /** The normal form of the initiator's name, null until its first text is complete. */
  get initiatorName(): string | null {
    return this.names.initiatorName;
  }

  /** The normal form of the target's name; null before, and in a discovery session. */
  get targetName(): string | null {
    return this.names.targetName;
  }

  /** The CHAP name that the initiator has proved, or null. */
  get userName(): string | null {
    return this.party === null ? null : this.party.authenticator.userName;
  }

  /** The first text is complete, and the login goes on here. */
  get isIdentified(): boolean {
    return this.party !== null || (this.isOver && this.elsewhere === null);
  }

  /** What the status of a refusal does not say, for the operator; or null. */
  get refusalReason(): string | null {
    return this.reason;
  }

  /** The reactor that the login belongs to; null: this one, or not known yet. */
  get otherReactor(): number | null {
    return this.elsewhere;
  }

  /**
   * Takes one Login Request whose data segment lies at `dataOffset`; nothing of `header` or `bytes` is kept.
   * @returns the reply, or null when the directory wants time; then onAdmission() gives it. Null as well when the login
   *   belongs to otherReactor, and is over here
   */
  receive(header: Bhs, bytes: Uint8Array, dataOffset: number): LoginReply | null {
    this.request = {
      csg: header.csg,
      nsg: header.nsg,
      isTransit: header.isFinal, // T stands where F does
      initiatorTaskTag: header.initiatorTaskTag,
    };
    this.fields ??= takeFields(header);
    if (this.isPending || this.isOver) return this.refuse(LOGIN_INITIATOR_ERROR);
    const status = this.checkHeader(header, this.fields);
    if (status !== LOGIN_SUCCESS) return this.refuse(status);
    this.stage = header.csg;
    if (this.segmenter.isContinued) {
      // 11.13.2: only an empty request may ask for the rest of our text.
      const isEmpty = header.dataSegmentBytes === 0 && !header.isContinued;
      return isEmpty ? this.reply() : this.refuse(LOGIN_INITIATOR_ERROR);
    }
    if (!this.assembler.append(bytes, dataOffset, header.dataSegmentBytes)) return this.refuse(LOGIN_INITIATOR_ERROR);
    if (header.isContinued) return this.answer(EMPTY_TEXT, false); // 11.12.2: an empty response asks for more
    return this.receiveText(this.assembler.take());
  }

  /**
   * The directory's answer when admit() had none at once.
   * @returns null when the login has failed in the meantime; an admitted session is then the caller's to end
   */
  onAdmission(outcome: LoginAdmitted<S> | LoginRefusal): LoginReply | null {
    if (!this.isPending) return null;
    this.isPending = false;
    if (!outcome.isAdmitted) return this.refuseWith(outcome);
    this.isOver = true;
    this.outcome = outcome;
    return { ...this.answer(this.lastSegment, true), tsih: outcome.tsih, isFinal: true };
  }

  /** Refuses the login for what happened outside it: another PDU (LOGIN_INVALID_DURING_LOGIN), a shutdown. */
  refuse(status: number): LoginReply {
    return this.refuseWith(refuseLogin(status));
  }

  /** 11.12: what every request of a login must keep to. */
  private checkHeader(header: Bhs, fields: LoginFields): number {
    if (header.versionMin > ISCSI_VERSION) return LOGIN_UNSUPPORTED_VERSION;
    if (!isSameLogin(header, fields)) return LOGIN_INITIATOR_ERROR;
    if (header.dataSegmentBytes > LOGIN_DATA_SEGMENT_BYTES_MAX) return LOGIN_INITIATOR_ERROR;
    if (header.csg !== this.stage && !this.isFirst) return LOGIN_INITIATOR_ERROR;
    if (header.csg > STAGE_LOGIN_OPERATIONAL_NEGOTIATION) return LOGIN_INITIATOR_ERROR;
    if (!header.isFinal) return LOGIN_SUCCESS;
    const isForward = header.nsg > header.csg && header.nsg !== STAGE_RESERVED;
    return isForward && !header.isContinued ? LOGIN_SUCCESS : LOGIN_INITIATOR_ERROR;
  }

  /** Nothing but pieces of the first text has come. */
  private get isFirst(): boolean {
    return this.party === null && !this.assembler.isPartial;
  }

  private receiveText(text: Uint8Array): LoginReply | null {
    const { fault, pairs, duplicateKey } = parseText(text);
    if (fault !== null || duplicateKey !== null) return this.refuse(LOGIN_INITIATOR_ERROR);
    const answers: TextPair[] = [];
    if (this.party === null) {
      const party = this.identify(pairs);
      if ('isAdmitted' in party) return this.refuseWith(party);
      if ('reactor' in party) return this.leaveTo(party);
      this.party = party;
      answers.push(...introduce(party));
    }
    const status = this.negotiate(this.party, pairs, answers);
    if (status !== LOGIN_SUCCESS) return this.refuse(status);
    this.segmenter.start(encodeText(answers));
    return this.reply();
  }

  /** 6.3, 13.4, 13.5: the first text says who logs in, and where. */
  private identify(pairs: readonly TextPair[]): LoginParty<T> | LoginRefusal | LoginElsewhere {
    const initiator = findValue(pairs, 'InitiatorName');
    if (initiator === null) return refuseLogin(LOGIN_MISSING_PARAMETER);
    const initiatorName = normalizeIscsiName(initiator);
    if (initiatorName === null) return refuseLogin(LOGIN_INITIATOR_ERROR);
    const sessionType = findValue(pairs, 'SessionType') ?? 'Normal';
    if (sessionType !== 'Normal' && sessionType !== 'Discovery') return refuseLogin(LOGIN_SESSION_TYPE_NOT_SUPPORTED);
    const isDiscovery = sessionType === 'Discovery';
    let targetName: string | null = null;
    if (!isDiscovery) {
      const named = findValue(pairs, 'TargetName');
      if (named === null) return refuseLogin(LOGIN_MISSING_PARAMETER);
      targetName = normalizeIscsiName(named);
      if (targetName === null) return refuseLogin(LOGIN_TARGET_NOT_FOUND);
    }
    this.names = { initiatorName, targetName };
    const target = this.directory.findTarget(targetName, initiatorName, this.remoteAddress);
    if ('isAdmitted' in target || 'reactor' in target) return target;
    const negotiation = new Negotiation(target.offers, this.fields?.tsih === 0);
    return { initiatorName, isDiscovery, target, negotiation, authenticator: target.newAuthenticator(initiatorName) };
  }

  private leaveTo({ reactor }: LoginElsewhere): null {
    this.isOver = true;
    this.elsewhere = reactor;
    return null;
  }

  /** Adds our answers to one text; returns a status. */
  private negotiate(party: LoginParty<T>, pairs: readonly TextPair[], answers: TextPair[]): number {
    const isSecurity = this.stage === STAGE_SECURITY_NEGOTIATION;
    const isSecurityPair = ({ key }: TextPair) => isSecurity && isSecurityKey(key);
    if (isSecurity) {
      const step = party.authenticator.authenticate(pairs.filter(isSecurityPair));
      if (step.status !== LOGIN_SUCCESS) this.reason = step.reason ?? null;
      if (step.status !== LOGIN_SUCCESS) return step.status;
      answers.push(...step.answers);
    } else if (!party.authenticator.isComplete) {
      this.reason = 'the initiator skips the security stage';
      return LOGIN_AUTHENTICATION_FAILURE;
    }
    const others = pairs.filter((pair) => !isSecurityPair(pair));
    const { renegotiatedKey, answers: settled } = party.negotiation.respond(
      others,
      isSecurity ? 'security' : 'operational',
    );
    if (renegotiatedKey !== null) return LOGIN_INITIATOR_ERROR; // 6.3
    answers.push(...settled);
    this.isHeld = false;
    if (!isSecurity) this.addOurs(party.negotiation, answers);
    return LOGIN_SUCCESS;
  }

  /** What the operational stage has us say unasked. */
  private addOurs(negotiation: Negotiation, answers: TextPair[]): void {
    answers.push(...negotiation.declareLength());
    if (!this.request.isTransit) return;
    const proposals = negotiation.propose();
    this.isHeld = proposals.length > 0;
    answers.push(...proposals);
  }

  /** Sends the next piece of our text; with the last, goes on to the next stage when both sides are ready. */
  private reply(): LoginReply | null {
    assert(this.party !== null, 'a text is answered after the first one was understood');
    const segment = this.segmenter.next(LOGIN_DATA_SEGMENT_BYTES_MAX);
    if (this.segmenter.isContinued) return { ...this.answer(segment, false), isContinued: true };
    const isReady = this.request.isTransit && !this.isHeld && this.party.authenticator.isComplete;
    if (!isReady) return this.answer(segment, false);
    if (this.request.nsg === STAGE_FULL_FEATURE_PHASE) return this.admit(this.party, segment);
    this.stage = this.request.nsg;
    return this.answer(segment, true);
  }

  private admit(party: LoginParty<T>, segment: Uint8Array): LoginReply | null {
    const { fields } = this;
    assert(fields !== null, 'fields are taken from the first request');
    this.lastSegment = segment;
    this.isPending = true;
    const outcome = this.directory.admit({
      initiatorName: party.initiatorName,
      initiatorAlias: party.negotiation.declared('InitiatorAlias'),
      remoteAddress: this.remoteAddress,
      userName: party.authenticator.userName,
      target: party.target,
      ...fields,
      session: party.negotiation.sessionParameters(),
      connection: party.negotiation.connectionParameters(),
      waiter: this.waiter,
    });
    return outcome === null ? null : this.onAdmission(outcome);
  }

  private refuseWith(refusal: LoginRefusal): LoginReply {
    this.isOver = true;
    this.isPending = false;
    const { status, targetAddress } = refusal;
    const text = targetAddress === null ? EMPTY_TEXT : encodeText([{ key: 'TargetAddress', value: targetAddress }]);
    return { ...this.answer(text, false), status, isFatal: true };
  }

  private answer(text: Uint8Array, isTransit: boolean): LoginReply {
    const { isidHigh = 0, isidLow = 0, tsih = 0 } = this.fields ?? {};
    const { csg, nsg, initiatorTaskTag } = this.request;
    return {
      status: LOGIN_SUCCESS,
      isTransit,
      isContinued: false,
      csg,
      nsg: isTransit ? nsg : 0,
      isidHigh,
      isidLow,
      tsih,
      initiatorTaskTag,
      text,
      isFinal: false,
      isFatal: false,
    };
  }
}

/** What all requests of a login share, or what its first one says. */
interface LoginFields {
  readonly isidHigh: number;
  readonly isidLow: number;
  readonly tsih: number;
  readonly cid: number;
  readonly cmdSN: number;
  readonly expStatSN: number;
}

/** What the reply repeats of the request it answers. */
interface RequestFields {
  readonly csg: number;
  readonly nsg: number;
  readonly isTransit: boolean;
  readonly initiatorTaskTag: number;
}

/** Normal forms, as far as they are known. */
interface LoginNames {
  readonly initiatorName: string | null;
  readonly targetName: string | null;
}

/** Both ends of the login, once the first text has named them. */
interface LoginParty<T extends LoginTarget> {
  readonly initiatorName: string;
  readonly isDiscovery: boolean;
  readonly target: T;
  readonly negotiation: Negotiation;
  readonly authenticator: Authenticator;
}

function takeFields(header: Bhs): LoginFields {
  const { isidHigh, isidLow, tsih, cid, cmdSN, expStatSN } = header;
  return { isidHigh, isidLow, tsih, cid, cmdSN, expStatSN };
}

function isSameLogin(header: Bhs, fields: LoginFields): boolean {
  const isSameIsid = header.isidHigh === fields.isidHigh && header.isidLow === fields.isidLow;
  return isSameIsid && header.tsih === fields.tsih && header.cid === fields.cid;
}

function findValue(pairs: readonly TextPair[], key: string): string | null {
  return pairs.find((pair) => pair.key === key)?.value ?? null;
}

/** 13.9: the first response of a normal session names the portal group; 13.6: the alias goes along. */
function introduce<T extends LoginTarget>({ isDiscovery, target }: LoginParty<T>): TextPair[] {
  const pairs: TextPair[] = [];
  if (!isDiscovery) pairs.push({ key: 'TargetPortalGroupTag', value: String(target.portalGroupTag) });
  if (target.alias !== null) pairs.push({ key: 'TargetAlias', value: target.alias });
  return pairs;
}

/**
 * An iSNS client (RFC 4171) without a socket: keeps one entity registered as it should be, whatever the server does. What
 * is wanted is a value that may change at any time; what the server has is made to follow it in rounds of requests, one at
 * a time, so nothing queues up. The sink carries bytes and one timer; the client is told what happened and decides.
 *
 *   idle > connecting > updating > checking > registered      any failure: > waiting > connecting
 *                          ^                      |           stop():      > leaving > stopped
 *                          +--- change, refresh --+
 */
import { type Attribute, attributeNumber, findAttribute, operatingAttributes, readAttributes } from './attributes.ts';
import {
  DEV_ATTR_QRY,
  DEV_DEREG,
  RESPONSE_BIT,
  STATUS_ATTRIBUTE_NOT_IMPLEMENTED,
  STATUS_FEATURE_NOT_SUPPORTED,
  STATUS_NO_SUCH_ENTRY,
  STATUS_SOURCE_UNKNOWN,
  STATUS_SUCCESSFUL,
  statusWords,
  TAG_REGISTRATION_PERIOD,
} from './constants.ts';
import { type Message, MessageReader, writeMessage } from './message.ts';
import {
  entityQueryRequest,
  entityRemovalRequest,
  type IsnsNode,
  isSameRegistration,
  NOTHING_REGISTERED,
  type Registration,
  type Request,
  registrationRequests,
  removalRequests,
  removed,
} from './registration.ts';
import { answerTo, namesChanged } from './server-request.ts';

export const CONNECT_TIMEOUT_MS = 5000;
export const ANSWER_TIMEOUT_MS = 10_000;
/** How long the end of the daemon waits for the server to confirm. */
export const LEAVE_TIMEOUT_MS = 1000;
export const RETRY_MS_MIN = 1000;
export const RETRY_MS_MAX = 60_000;
/** So that two in a row may be lost. */
const REFRESHES_PER_PERIOD = 3;
export const REFRESH_MS_MIN = 1000;
export const REFRESH_MS_MAX = 600_000;
const TRANSACTION_ID_MASK = 0xffff;

// 5.7: offsets in the payload of a response
const RESPONSE_STATUS = 0;
const RESPONSE_ATTRIBUTES = 4;

/** The cause of onClosed when the server ended the connection in order, as some do with idle ones. */
export const CLOSED_BY_SERVER = 'closed by the server';

/** What the client does to the world. None of these calls back before it returns. */
export interface IsnsSink {
  /** Opens a connection to the server; onConnected or onClosed follows. */
  connect(): void;
  /** @param bytes given away */
  write(bytes: Uint8Array): void;
  /** Drops the connection, open or not open yet; nothing of it follows. */
  disconnect(): void;
  /** Calls onTimer once, in `ms`; replaces what was armed. */
  armTimer(ms: number): void;
  disarmTimer(): void;
  note(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void;
  /** 0 <= number < 1, so that clients of one server do not all come back at once. */
  random(): number;
  /** The client is done for good. */
  onStopped(): void;
}

export interface IsnsClientOptions {
  readonly entity: string;
  /** Asked for, seconds; the server may choose another. */
  readonly registrationPeriodS: number;
}

export type IsnsState =
  | 'idle'
  | 'waiting'
  | 'connecting'
  | 'updating'
  | 'checking'
  | 'registered'
  | 'leaving'
  | 'stopped';

export class IsnsClient {
  state: IsnsState = 'idle';
  private readonly options: IsnsClientOptions;
  private readonly sink: IsnsSink;
  private reader = new MessageReader();
  private wanted: Registration = NOTHING_REGISTERED;
  /** What the last round led to, or the one under way does. */
  private coming: Registration = NOTHING_REGISTERED;
  /** What the server has confirmed, all of it. */
  private confirmed: Registration = NOTHING_REGISTERED;
  /** `confirmed` was confirmed on this connection: before it, the server may have lost everything. */
  private isFresh = false;
  /** The server may hold what we do not know of: from an earlier run, or from a round that broke off. */
  private isReplacing = true;
  private hasPortalGroups = true;
  /** Queries find the entity; on a server that has its nodes in no discovery domain they do not. */
  private isVisible = false;
  /** To be answered in this round; the first has been sent. */
  private requests: Request[] = [];
  private transactionId = 0;
  private periodS: number;
  private retryMs = RETRY_MS_MIN;
  /** The failure that was told last, so that an absent server is one line and not one for each attempt. */
  private toldFailure: string | null = null;

  constructor(options: IsnsClientOptions, sink: IsnsSink) {
    this.options = options;
    this.sink = sink;
    this.periodS = options.registrationPeriodS;
  }

  /** What shall be registered from now on; a registration without nodes is none. */
  update(registration: Registration): void {
    if (this.state === 'leaving' || this.state === 'stopped') return;
    this.wanted = registration;
    if (this.state === 'registered') this.goOn();
    else if (this.state === 'idle' && registration.nodes.length > 0) this.connect();
  }

  /** Takes the entity off the server if that can be done soon; onStopped follows, perhaps at once. */
  stop(): void {
    if (this.state === 'leaving' || this.state === 'stopped') return;
    const isConnected = this.state === 'registered' || this.state === 'updating' || this.state === 'checking';
    const source = this.knownNode();
    if (!isConnected || source === null) {
      this.finish();
      return;
    }
    this.state = 'leaving';
    this.requests = [entityRemovalRequest(this.options.entity, source.name)];
    this.sendFirst(LEAVE_TIMEOUT_MS);
  }

  onConnected(): void {
    this.reader = new MessageReader();
    this.isFresh = false;
    this.goOn();
  }

  /** @param cause words for the log */
  onClosed(cause: string): void {
    if (this.state === 'leaving') this.finish();
    else this.retry(cause);
  }

  onTimer(): void {
    if (this.state === 'waiting') this.connect();
    else if (this.state === 'registered') this.refresh();
    else if (this.state === 'leaving') this.finish();
    else this.giveUp(this.state === 'connecting' ? 'no connection in time' : 'no answer in time');
  }

  onBytes(chunk: Uint8Array): void {
    const { reader } = this;
    reader.push(chunk, (message) => {
      // A message may end the connection that those behind it came by.
      if (reader === this.reader) this.onMessage(message);
    });
    if (reader === this.reader && reader.fault !== null) this.giveUp(`the server sent ${reader.fault}`);
  }

  private onMessage(message: Message): void {
    if ((message.functionId & RESPONSE_BIT) === 0) this.onServerRequest(message);
    else this.onResponse(message);
  }

  private onServerRequest(request: Message): void {
    const answer = answerTo(request);
    if (answer !== null) this.sink.write(writeMessage(answer));
    // Registering again could bring the next notification, a query cannot.
    if (this.state !== 'registered' || !this.isVisible) return;
    const names = new Set(namesChanged(request));
    if (this.confirmed.nodes.some(({ name }) => names.has(name))) this.check();
  }

  private onResponse({ functionId, transactionId, payload }: Message): void {
    const [request] = this.requests;
    // The answer to what was given up is late, not wrong.
    if (request === undefined || transactionId !== this.transactionId) return;
    const attributes = payload.length < RESPONSE_ATTRIBUTES ? null : readAttributes(payload, RESPONSE_ATTRIBUTES);
    if (functionId !== (request.functionId | RESPONSE_BIT) || attributes === null) {
      this.giveUp('the server sent a response that is none');
      return;
    }
    const status = new DataView(payload.buffer, payload.byteOffset).getUint32(RESPONSE_STATUS);
    if (this.state === 'leaving') this.finish();
    else if (request.functionId === DEV_ATTR_QRY) this.onQueryAnswer(status, attributes);
    else this.onUpdateAnswer(request, status, attributes);
  }

  private onUpdateAnswer({ functionId }: Request, status: number, attributes: readonly Attribute[]): void {
    if (status === STATUS_SUCCESSFUL || functionId === DEV_DEREG) {
      this.learnPeriod(attributes);
      // What is to be removed may be gone, with the source that would remove it; what stays ends with its period.
      if (status !== STATUS_SUCCESSFUL && !isMissing(status)) this.noteRefusal(status);
      this.requests.shift();
      if (this.requests.length > 0) this.sendFirst(ANSWER_TIMEOUT_MS);
      else this.endRound();
    } else if (this.hasPortalGroups && isPortalGroupRefusal(status)) {
      this.hasPortalGroups = false;
      this.startRound();
    } else this.giveUp(`the server refused: ${statusWords(status)}`);
  }

  private noteRefusal(status: number): void {
    const fields = { ...this.fields(), cause: statusWords(status) };
    this.sink.note('warn', 'iSNS: the server keeps what is no longer served', fields);
  }

  private onQueryAnswer(status: number, attributes: readonly Attribute[]): void {
    this.requests = [];
    if (status !== STATUS_SUCCESSFUL && !isMissing(status)) {
      this.giveUp(`the server refused: ${statusWords(status)}`);
      return;
    }
    const isFound = status === STATUS_SUCCESSFUL && operatingAttributes(attributes).length > 0;
    const isLost = this.isVisible && !isFound;
    this.isVisible = isFound;
    this.learnPeriod(attributes);
    if (isLost) {
      this.isFresh = false;
      this.sink.note('info', 'iSNS: the server has lost the registration; registering again', this.fields());
    }
    this.rest();
  }

  /** The server has everything that was wanted when the round began. */
  private endRound(): void {
    const isNews = this.toldFailure !== null || !isSameRegistration(this.confirmed, this.coming);
    this.confirmed = this.coming;
    this.isFresh = true;
    this.isReplacing = false;
    this.isVisible = false;
    this.toldFailure = null;
    this.retryMs = RETRY_MS_MIN;
    const hasNodes = this.confirmed.nodes.length > 0;
    if (isNews) this.sink.note('info', hasNodes ? 'iSNS: registered' : 'iSNS: deregistered', this.fields());
    if (hasNodes) this.check();
    else this.goOn();
  }

  /** Nothing is under way on an open connection: what next? */
  private goOn(): void {
    const isDone = this.isFresh && isSameRegistration(this.confirmed, this.wanted);
    if (this.wanted.nodes.length === 0 && (isDone || this.knownNode() === null)) {
      this.sink.disconnect();
      this.sink.disarmTimer();
      this.state = 'idle';
    } else if (!isDone) this.startRound();
  }

  private rest(): void {
    this.state = 'registered';
    const ms = (this.periodS * 1000) / REFRESHES_PER_PERIOD;
    this.sink.armTimer(Math.min(Math.max(ms, REFRESH_MS_MIN), REFRESH_MS_MAX));
    this.goOn();
  }

  private refresh(): void {
    if (this.isVisible) this.check();
    else this.startRound();
  }

  /** Asks for the entity: it keeps the registration alive and tells whether it is still there. */
  private check(): void {
    this.state = 'checking';
    this.requests = [entityQueryRequest(this.options.entity, (this.confirmed.nodes[0] as IsnsNode).name)];
    this.sendFirst(ANSWER_TIMEOUT_MS);
  }

  private startRound(): void {
    this.state = 'updating';
    this.requests = this.roundRequests();
    this.coming = this.wanted;
    this.sendFirst(ANSWER_TIMEOUT_MS);
  }

  /** 5.6.1: who changes an entity must be one of its nodes, before the change and after it. */
  private roundRequests(): Request[] {
    const { wanted, confirmed, isReplacing } = this;
    const { entity } = this.options;
    const terms = { ...this.options, hasPortalGroups: this.hasPortalGroups };
    const known = this.knownNode();
    const removal = known === null ? [] : [entityRemovalRequest(entity, known.name)];
    const [first] = wanted.nodes;
    if (first === undefined) return removal;
    const names = new Set(wanted.nodes.map(({ name }) => name));
    const kept = [...confirmed.nodes, ...this.coming.nodes].find(({ name }) => names.has(name));
    if (kept === undefined) return [...removal, ...registrationRequests(wanted, terms, first.name, isReplacing)];
    const registering = registrationRequests(wanted, terms, kept.name, isReplacing);
    return isReplacing ? registering : [...registering, ...removalRequests(removed(confirmed, wanted), kept.name)];
  }

  /** A node of the entity as the server has it, as far as we know. */
  private knownNode(): IsnsNode | null {
    return this.confirmed.nodes[0] ?? this.coming.nodes[0] ?? null;
  }

  private sendFirst(timeoutMs: number): void {
    const { functionId, flags, payload } = this.requests[0] as Request;
    this.transactionId = (this.transactionId + 1) & TRANSACTION_ID_MASK;
    this.sink.write(writeMessage({ functionId, flags, transactionId: this.transactionId, payload }));
    this.sink.armTimer(timeoutMs);
  }

  private learnPeriod(attributes: readonly Attribute[]): void {
    const attribute = findAttribute(attributes, TAG_REGISTRATION_PERIOD);
    const periodS = attribute === null ? null : attributeNumber(attribute);
    // 6.2.6: 0 is a registration that does not end; it is refreshed all the same, to see that it is there.
    if (periodS !== null) this.periodS = periodS === 0 ? this.options.registrationPeriodS : periodS;
  }

  private connect(): void {
    this.state = 'connecting';
    this.sink.armTimer(CONNECT_TIMEOUT_MS);
    this.sink.connect();
  }

  private giveUp(cause: string): void {
    this.sink.disconnect();
    this.retry(cause);
  }

  private retry(cause: string): void {
    const isIdleClose = this.state === 'registered' && cause === CLOSED_BY_SERVER;
    if (this.state === 'updating' && !isSameRegistration(this.coming, this.confirmed)) this.isReplacing = true;
    this.state = 'waiting';
    this.requests = [];
    this.reader = new MessageReader();
    // Half of it fixed, half by chance.
    const ms = Math.ceil((this.retryMs * (1 + this.sink.random())) / 2);
    this.retryMs = Math.min(2 * this.retryMs, RETRY_MS_MAX);
    this.sink.armTimer(ms);
    if (isIdleClose || cause === this.toldFailure) return;
    this.toldFailure = cause;
    this.sink.note('warn', 'iSNS: not registered; trying again', { ...this.fields(), cause });
  }

  private finish(): void {
    this.state = 'stopped';
    this.requests = [];
    this.reader = new MessageReader();
    this.sink.disarmTimer();
    this.sink.disconnect();
    this.sink.onStopped();
  }

  private fields(): Readonly<Record<string, unknown>> {
    const { portals, nodes } = this.confirmed;
    return { entity: this.options.entity, targets: nodes.length, portals: portals.length, periodS: this.periodS };
  }
}

function isMissing(status: number): boolean {
  return status === STATUS_NO_SUCH_ENTRY || status === STATUS_SOURCE_UNKNOWN;
}

function isPortalGroupRefusal(status: number): boolean {
  return status === STATUS_FEATURE_NOT_SUPPORTED || status === STATUS_ATTRIBUTE_NOT_IMPLEMENTED;
}

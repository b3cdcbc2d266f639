/**
 * One connection of an initiator without its socket: logs in, numbers what it sends, and checks StatSN, ExpCmdSN and
 * MaxCmdSN of everything that comes (RFC 7143 4.2.2). What the PDUs mean is the session's business.
 */
import {
  LOGIN_SUCCESS,
  NO_TAG,
  OP_DATA_IN,
  OP_LOGIN_RESPONSE,
  OP_NOP_IN,
  OP_R2T,
  STAGE_FULL_FEATURE_PHASE,
} from '../../src/iscsi/codec/constants.ts';
import { writeLoginRequest } from '../../src/iscsi/codec/encode-initiator.ts';
import { serialAdd, serialLess } from '../../src/util/serial32.ts';
import { type IncomingPdu, type PduConsumer, PduReader } from './incoming-pdu.ts';
import type { InitiatorSession } from './initiator-session.ts';
import { LoginScript, type LoginStep, type SecurityScript } from './login-script.ts';
import { OutgoingPdu } from './outgoing-pdu.ts';
import { type InitiatorSettings, negotiated } from './settings.ts';
import { demand, TargetViolation } from './violation.ts';

/** What carries the bytes: a simulated wire, a TCP socket. */
export interface Wire {
  /** `bytes` are the wire's from here. */
  send(bytes: Buffer): void;
  /** Ends the connection; onClosed() follows. */
  close(): void;
}

/** Changes a PDU before it leaves, or replaces it by none or several: how a test breaks a rule. */
export type Tamper = (pdu: OutgoingPdu) => readonly OutgoingPdu[];

export type ConnectionState = 'new' | 'login' | 'open' | 'refused' | 'closed';

export class InitiatorConnection implements PduConsumer {
  readonly session: InitiatorSession;
  readonly settings: InitiatorSettings;
  state: ConnectionState = 'new';
  /** Status-Class << 8 | Status-Detail of the last Login Response, -1 before it. */
  loginStatus = -1;
  /** What the target answered to our login keys. */
  readonly answers: ReadonlyMap<string, string>;
  tamper: Tamper | null = null;
  /** Every PDU that came, when a test wants to look at them. */
  log: IncomingPdu[] | null = null;
  hasHeaderDigest = false;
  hasDataDigest = false;
  hadDigestError = false;
  /** The StatSN that the next PDU with status must carry; null before the first. */
  expStatSN: number | null = null;
  /** The highest that came by this connection; null before the first. */
  private window: { readonly expCmdSN: number; readonly maxCmdSN: number } | null = null;
  private readonly wire: Wire;
  private readonly script: LoginScript;
  private readonly reader = new PduReader(this);

  constructor(session: InitiatorSession, wire: Wire, settings: InitiatorSettings, security: SecurityScript) {
    this.session = session;
    this.settings = settings;
    this.wire = wire;
    this.script = new LoginScript(settings, security);
    this.answers = this.script.answers;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  logIn(): void {
    this.state = 'login';
    this.sendLogin(this.script.begin());
  }

  send(pdu: OutgoingPdu): void {
    const pdus = this.tamper === null ? [pdu] : this.tamper(pdu);
    for (const each of pdus) this.sendBytes(each.encode(this.hasHeaderDigest, this.hasDataDigest));
  }

  sendBytes(bytes: Buffer): void {
    if (this.state !== 'closed') this.wire.send(bytes);
  }

  close(): void {
    this.wire.close();
  }

  // From the wire.

  onBytes(bytes: Buffer): void {
    if (this.state !== 'closed') this.reader.push(bytes);
  }

  onClosed(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.reader.framer.stop();
    this.session.onConnectionClosed(this);
  }

  // PduConsumer

  onPdu(pdu: IncomingPdu): void {
    this.log?.push(pdu);
    try {
      this.take(pdu);
    } catch (error) {
      if (!(error instanceof TargetViolation) || !this.session.hasLossyWires) throw error;
      this.reader.framer.stop();
      this.close();
    }
  }

  onDigestError(): void {
    this.hadDigestError = true;
    this.close();
  }

  private take(pdu: IncomingPdu): void {
    this.checkNumbers(pdu);
    if (this.state === 'login') this.onLoginResponse(pdu);
    else this.session.onPdu(this, pdu);
  }

  private checkNumbers({ bhs, opcode }: IncomingPdu): void {
    if (opcode === OP_DATA_IN && !hasStatus(bhs.flags)) {
      demand(bhs.statSN === 0, '11.7.2: StatSN is reserved in a Data-In without status');
    } else {
      const isAhead = opcode === OP_R2T || (opcode === OP_NOP_IN && bhs.initiatorTaskTag === NO_TAG);
      const { statSN } = bhs;
      const { expStatSN } = this;
      demand(expStatSN === null || statSN === expStatSN, `4.2.2.2: StatSN ${statSN} where ${expStatSN} is next`);
      this.expStatSN = isAhead ? statSN : serialAdd(statSN, 1);
    }
    if (opcode !== OP_LOGIN_RESPONSE || bhs.loginStatus === LOGIN_SUCCESS) {
      this.checkWindow(bhs.expCmdSN, bhs.maxCmdSN);
      this.session.onWindow(bhs.expCmdSN, bhs.maxCmdSN);
    }
  }

  /** 4.2.2.1: what comes by another connection may be older. */
  private checkWindow(expCmdSN: number, maxCmdSN: number): void {
    const { window } = this;
    if (window !== null) {
      demand(!serialLess(expCmdSN, window.expCmdSN), `4.2.2.1: ExpCmdSN goes back to ${expCmdSN}`);
      demand(!serialLess(maxCmdSN, window.maxCmdSN), `4.2.2.1: MaxCmdSN goes back to ${maxCmdSN}`);
    }
    demand(!serialLess(maxCmdSN, serialAdd(expCmdSN, -1)), '4.2.2.1: MaxCmdSN is at least ExpCmdSN - 1');
    this.window = { expCmdSN, maxCmdSN };
  }

  private onLoginResponse(pdu: IncomingPdu): void {
    const { bhs } = pdu;
    demand(pdu.opcode === OP_LOGIN_RESPONSE, '6.3: only Login Responses come during login');
    const { isidHigh, isidLow } = this.settings;
    demand(bhs.isidHigh === isidHigh && bhs.isidLow === isidLow, '11.13: the ISID is repeated');
    this.loginStatus = bhs.loginStatus;
    if (bhs.loginStatus !== LOGIN_SUCCESS) {
      this.state = 'refused';
      return;
    }
    const step = this.script.after(pdu);
    if (step !== null) return this.sendLogin(step);
    demand(bhs.isFinal && bhs.nsg === STAGE_FULL_FEATURE_PHASE, '6.3: the last response leads to full feature phase');
    demand(bhs.tsih !== 0, '11.13.3: the final response has a TSIH');
    this.enterFullFeature(bhs.tsih);
  }

  private enterFullFeature(tsih: number): void {
    const terms = negotiated(this.settings, this.script.answers);
    this.hasHeaderDigest = terms.hasHeaderDigest;
    this.hasDataDigest = terms.hasDataDigest;
    this.reader.framer.hasHeaderDigest = terms.hasHeaderDigest;
    this.reader.framer.hasDataDigest = terms.hasDataDigest;
    this.state = 'open';
    this.session.onLoggedIn(this, terms, tsih);
  }

  private sendLogin({ csg, nsg, isTransit, isContinued, text }: LoginStep): void {
    const { isidHigh, isidLow, cid } = this.settings;
    const { session } = this;
    const pdu = new OutgoingPdu();
    pdu.data = Buffer.from(text);
    writeLoginRequest(
      pdu.view,
      0,
      isTransit,
      isContinued,
      csg,
      nsg,
      0,
      0,
      isidHigh,
      isidLow,
      session.tsih,
      session.loginTag,
      cid,
      session.cmdSN,
      this.expStatSN ?? 0,
      text.length,
    );
    this.send(pdu);
  }
}

function hasStatus(flags: number): boolean {
  return (flags & 0x01) !== 0;
}

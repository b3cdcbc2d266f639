/** The other end of a login in tests: an initiator that writes Login Requests as bytes, and a node with one target. */
import { expect } from 'vitest';
import { BHS_BYTES, Bhs } from '../../../../../src/iscsi/codec/bhs.ts';
import { writeLoginRequest } from '../../../../../src/iscsi/codec/encode-initiator.ts';
import { type Authenticator, NoneAuthenticator } from '../../../../../src/iscsi/protocol/login/auth.ts';
import { LoginMachine, type LoginReply } from '../../../../../src/iscsi/protocol/login/login.ts';
import {
  type LoginAdmission,
  type LoginAdmitted,
  type LoginDirectory,
  type LoginRefusal,
  type LoginTarget,
  refuseLogin,
} from '../../../../../src/iscsi/protocol/login/login-directory.ts';
import type { RefusedLogin } from '../../../../../src/iscsi/protocol/login/login-refusals.ts';
import { type NegotiationOffers, OFFERS_DEFAULT } from '../../../../../src/iscsi/protocol/login/parameters.ts';
import { textBytes } from '../../../../vectors/iscsi/texts.ts';

export const INITIATOR = 'iqn.2001-04.com.example:host';
export const TARGET = 'iqn.2001-04.com.example:disk';
export const NAMES = `InitiatorName=${INITIATOR}|TargetName=${TARGET}|`;
export const TSIH = 0x1234;
export const REMOTE_ADDRESS = '192.0.2.7:40000';

export interface Session {
  readonly of: string;
}
export type Outcome = LoginAdmitted<Session> | LoginRefusal;

/** A node with one target; says yes unless told otherwise. */
export class Node implements LoginDirectory<LoginTarget, Session> {
  readonly admissions: LoginAdmission<LoginTarget, Session>[] = [];
  readonly asked: (readonly [string | null, string])[] = [];
  readonly refused: RefusedLogin[] = [];
  offers: NegotiationOffers = OFFERS_DEFAULT;
  alias: string | null = null;
  outcome: Outcome | null = { isAdmitted: true, tsih: TSIH, session: { of: TARGET } };
  refusal: LoginRefusal | null = null;
  newAuthenticator: () => Authenticator = () => new NoneAuthenticator();

  findTarget(targetName: string | null, initiatorName: string): LoginTarget | LoginRefusal {
    this.asked.push([targetName, initiatorName]);
    if (this.refusal !== null) return this.refusal;
    if (targetName !== null && targetName !== TARGET) return refuseLogin(0x0203);
    return { alias: this.alias, portalGroupTag: 7, offers: this.offers, newAuthenticator: this.newAuthenticator };
  }

  findSession(): Session | null {
    return null;
  }

  admit(admission: LoginAdmission<LoginTarget, Session>): Outcome | null {
    this.admissions.push(admission);
    return this.outcome;
  }

  onRefused(refused: RefusedLogin): void {
    this.refused.push(refused);
  }
}

export interface Request {
  readonly text?: string;
  readonly isTransit?: boolean;
  readonly isContinued?: boolean;
  readonly csg?: number;
  readonly nsg?: number;
  readonly versionMin?: number;
  readonly isidHigh?: number;
  readonly isidLow?: number;
  readonly tsih?: number;
  readonly cid?: number;
  readonly cmdSN?: number;
}

/** One connection that logs in. */
export class Login {
  readonly node = new Node();
  readonly outcomes: Outcome[] = [];
  readonly machine = new LoginMachine<LoginTarget, Session>(
    this.node,
    { onAdmission: (outcome) => this.outcomes.push(outcome) },
    REMOTE_ADDRESS,
  );

  /** Sends one request; a T bit unless the fields say otherwise. */
  send(text: string, fields: Request = {}): LoginReply {
    const reply = this.sendBytes(textBytes(text), fields);
    expect(reply).not.toBeNull();
    return reply as LoginReply;
  }

  sendBytes(data: Uint8Array, fields: Request): LoginReply | null {
    const { isTransit = true, isContinued = false, csg = 1, nsg = 3, versionMin = 0, isidHigh = 0x00023d00 } = fields;
    const { isidLow = 0x0001, tsih = 0, cid = 1, cmdSN = 5 } = fields;
    const bytes = new Uint8Array(BHS_BYTES + data.length).fill(0x5a);
    const view = new DataView(bytes.buffer);
    const length = data.length;
    // writeLoginRequest clears NSG without T; a hostile initiator need not, so it is put back here.
    writeLoginRequest(
      view,
      0,
      isTransit,
      isContinued,
      csg,
      nsg,
      versionMin,
      versionMin,
      isidHigh,
      isidLow,
      tsih,
      42,
      cid,
      cmdSN,
      9,
      length,
    );
    bytes[1]! |= nsg;
    bytes.set(data, BHS_BYTES);
    const header = new Bhs();
    header.decode(bytes, view, 0);
    return this.machine.receive(header, bytes, BHS_BYTES);
  }
}

export function textOf(reply: LoginReply): string {
  return new TextDecoder().decode(reply.text).replaceAll('\0', '|');
}

export function expectRefused(reply: LoginReply | null, status: number): void {
  expect(reply).toMatchObject({ status, isFatal: true, isFinal: false, isTransit: false, isContinued: false, nsg: 0 });
}

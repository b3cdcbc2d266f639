/**
 * The security stage of a login (RFC 7143 6.3.2, 12) as a port: the login hands an Authenticator the security keys of each
 * text and asks whether the initiator may go on. Here stands the method None; CHAP stands in chap-authenticator.ts.
 */
import { LOGIN_AUTHENTICATION_FAILURE, LOGIN_INITIATOR_ERROR, LOGIN_SUCCESS } from '../../codec/constants.ts';
import type { TextPair } from '../../codec/text.ts';
import { parseList } from '../../codec/text-value.ts';
import { NOT_UNDERSTOOD } from './keys.ts';

export interface AuthenticationStep {
  /** LOGIN_SUCCESS to go on, or the login status that ends the login. */
  readonly status: number;
  readonly answers: readonly TextPair[];
  /** Why the login ends, for the operator's log alone: the initiator learns the status and no more. */
  readonly reason?: string;
}

/** One login's authentication; made anew for each. */
export interface Authenticator {
  /** Whether the security stage may be left, or skipped when true from the start. */
  readonly isComplete: boolean;
  /** The CHAP name that the initiator has proved; null before, and without CHAP. */
  readonly userName: string | null;
  /** Takes the security keys of one text, perhaps none. */
  authenticate(pairs: readonly TextPair[]): AuthenticationStep;
}

/** How those who log in to one target, or to discovery, show who they are. */
export interface Authentication {
  newAuthenticator(): Authenticator;
}

/** Whether a key belongs to the security exchange: AuthMethod and the methods' own keys (12.1.1 to 12.1.3). */
export function isSecurityKey(key: string): boolean {
  return key === 'AuthMethod' || METHOD_KEY.test(key);
}

/** AuthMethod=None: everyone may enter, by way of the security stage or around it. */
export class NoneAuthenticator implements Authenticator {
  readonly isComplete = true;
  readonly userName = null;
  private hasChosen = false;

  authenticate(pairs: readonly TextPair[]): AuthenticationStep {
    const answers: TextPair[] = [];
    for (const { key, value } of pairs) {
      if (key !== 'AuthMethod') {
        answers.push({ key, value: NOT_UNDERSTOOD });
        continue;
      }
      if (this.hasChosen) return { status: LOGIN_INITIATOR_ERROR, answers: [] }; // 6.3: not twice in one login
      this.hasChosen = true;
      if (!(parseList(value) ?? []).includes('None')) {
        return {
          status: LOGIN_AUTHENTICATION_FAILURE,
          answers: [],
          reason: 'AuthMethod=None is all that is configured, and the initiator does not offer it',
        };
      }
      answers.push({ key, value: 'None' });
    }
    return { status: LOGIN_SUCCESS, answers };
  }
}

export const NO_AUTHENTICATION: Authentication = { newAuthenticator: () => new NoneAuthenticator() };

const METHOD_KEY = /^(CHAP_[AICNR]|KRB_AP_RE[QP]|SRP_(U|TargetAuth|GROUP|A|B|s|M|HM))$/;

/**
 * The target's side of CHAP in one login (RFC 7143 12.1.3):
 *
 *   initiator                                  target
 *   AuthMethod=CHAP,...                   ->   AuthMethod=CHAP
 *   CHAP_A=<list>                         ->   CHAP_A=<one> CHAP_I=<i> CHAP_C=<challenge>
 *   CHAP_N=<name> CHAP_R=<response>       ->   the stage may be left
 *   the same with CHAP_I and CHAP_C       ->   CHAP_N=<name> CHAP_R=<response>
 *
 * CHAP_A may come with AuthMethod. Every text must take the exchange one step further. A key out of its place ends the
 * login as an initiator error, a proof that fails as an authentication failure, whatever it was that failed.
 */
import { LOGIN_AUTHENTICATION_FAILURE, LOGIN_INITIATOR_ERROR, LOGIN_SUCCESS } from '../../codec/constants.ts';
import type { TextPair } from '../../codec/text.ts';
import { formatBinary, parseBinary, parseList, parseNumber } from '../../codec/text-value.ts';
import type { Authentication, AuthenticationStep, Authenticator } from './auth.ts';
import {
  CHAP_BINARY_BYTES_MAX,
  CHAP_IDENTIFIER_MAX,
  type ChapAlgorithm,
  type ChapCrypto,
  type ChapPolicy,
  ChapSecret,
} from './chap.ts';
import type { OutstandingChallenges } from './chap-challenges.ts';
import { NOT_UNDERSTOOD } from './keys.ts';

/** CHAP for one target, or for discovery; the policy holds for logins that begin from here on. */
export class ChapAuthentication implements Authentication {
  readonly policy: ChapPolicy;
  readonly crypto: ChapCrypto;
  readonly challenges: OutstandingChallenges;
  /** Stands in for the secret of a name nobody has, so that the refusal takes as long as that of a wrong secret. */
  readonly decoy: ChapSecret;

  /** @param challenges shared by everything that authenticates in this process */
  constructor(policy: ChapPolicy, crypto: ChapCrypto, challenges: OutstandingChallenges) {
    this.policy = policy;
    this.crypto = crypto;
    this.challenges = challenges;
    const [first] = policy.users.values();
    this.decoy = new ChapSecret(crypto.randomBytes(first === undefined ? 0 : first.lengthBytes));
  }

  newAuthenticator(): Authenticator {
    return new ChapAuthenticator(this);
  }
}

/** What is expected next. */
type Step = 'method' | 'algorithm' | 'response' | 'nothing';

class ChapAuthenticator implements Authenticator {
  private readonly authentication: ChapAuthentication;
  private step: Step = 'method';
  private hasProposed = false;
  private algorithm: ChapAlgorithm | null = null;
  private identifier = 0;
  private challenge: Uint8Array = NO_BYTES;
  private user: string | null = null;

  constructor(authentication: ChapAuthentication) {
    this.authentication = authentication;
  }

  get isComplete(): boolean {
    return this.step === 'nothing';
  }

  get userName(): string | null {
    return this.user;
  }

  authenticate(pairs: readonly TextPair[]): AuthenticationStep {
    const answers: TextPair[] = [];
    const given = new Map<string, string>();
    for (const { key, value } of pairs) {
      if (key === 'AuthMethod' || key.startsWith('CHAP_')) given.set(key, value);
      else answers.push({ key, value: NOT_UNDERSTOOD }); // another method's key
    }
    switch (this.step) {
      case 'method':
        return this.takeMethod(given, answers);
      case 'algorithm':
        return this.takeAlgorithms(given, answers);
      case 'response':
        return this.takeResponse(given, answers);
      case 'nothing':
        return given.size === 0 ? goOn(answers) : outOfPlace('the CHAP exchange is over');
    }
  }

  /**
   * 6.2.1 lets the responder choose among what it "is allowed to use by the specific originator": CHAP, wherever it stands
   * in the list. An initiator that is silent is asked (6.3.2); one that stays silent is refused.
   */
  private takeMethod(given: Map<string, string>, answers: TextPair[]): AuthenticationStep {
    const method = given.get('AuthMethod');
    if (method === undefined) {
      if (given.size > 0) return outOfPlace('a CHAP key came before AuthMethod');
      if (this.hasProposed) return failed('the initiator does not answer AuthMethod=CHAP');
      this.hasProposed = true;
      answers.push({ key: 'AuthMethod', value: 'CHAP' });
      return goOn(answers);
    }
    if (!(parseList(method) ?? []).includes('CHAP')) return failed('the initiator does not offer AuthMethod=CHAP');
    if (!this.hasProposed) answers.push({ key: 'AuthMethod', value: 'CHAP' });
    this.step = 'algorithm';
    given.delete('AuthMethod');
    return given.size === 0 ? goOn(answers) : this.takeAlgorithms(given, answers);
  }

  /** The first of our own order that the initiator offers: it lists by habit, we list by strength. */
  private takeAlgorithms(given: Map<string, string>, answers: TextPair[]): AuthenticationStep {
    const value = given.get('CHAP_A');
    if (value === undefined || given.size > 1) return outOfPlace('CHAP_A alone is expected');
    const offered = (parseList(value) ?? []).map(parseNumber);
    if (offered.length === 0 || offered.includes(null)) return outOfPlace('CHAP_A is no list of numbers');
    const { policy, crypto, challenges } = this.authentication;
    const algorithm = policy.algorithms.find(({ number }) => offered.includes(number));
    if (algorithm === undefined) return failed('the initiator offers no CHAP algorithm that is allowed here');
    this.algorithm = algorithm;
    this.identifier = crypto.randomBytes(1)[0]!;
    // As long as the digest, as RFC 1994 2.3 advises: 16 to 32 bytes.
    this.challenge = crypto.randomBytes(algorithm.digestBytes);
    challenges.issue(this.challenge);
    this.step = 'response';
    answers.push(
      { key: 'CHAP_A', value: String(algorithm.number) },
      { key: 'CHAP_I', value: String(this.identifier) },
      { key: 'CHAP_C', value: formatBinary(this.challenge) },
    );
    return goOn(answers);
  }

  private takeResponse(given: Map<string, string>, answers: TextPair[]): AuthenticationStep {
    const proof = parseProof(given);
    if (typeof proof === 'string') return outOfPlace(proof);
    const { challenges } = this.authentication;
    const isReflected = proof.challenge !== null && challenges.isOutstanding(proof.challenge);
    challenges.retire(this.challenge);
    if (isReflected) return failed('the initiator reflects a challenge of ours');
    const fault = this.verify(proof);
    if (fault !== null) return failed(fault);
    if (proof.challenge !== null) {
      const { mutual } = this.authentication.policy;
      if (mutual === null) return failed('the initiator wants mutual CHAP, and none is configured');
      const response = mutual.secret.response(
        this.authentication.crypto,
        this.algorithm as ChapAlgorithm,
        proof.identifier,
        proof.challenge,
      );
      answers.push({ key: 'CHAP_N', value: mutual.user }, { key: 'CHAP_R', value: formatBinary(response) });
    }
    this.user = proof.name;
    this.step = 'nothing';
    return goOn(answers);
  }

  /** Null when the initiator has shown that it knows the secret of its name. */
  private verify({ name, response }: Proof): string | null {
    const { policy, crypto, decoy } = this.authentication;
    const secret = policy.users.get(name);
    const expected = (secret ?? decoy).response(
      crypto,
      this.algorithm as ChapAlgorithm,
      this.identifier,
      this.challenge,
    );
    const isRight = crypto.equal(expected, response);
    if (secret === undefined) return `there is no CHAP user ${JSON.stringify(name)}`;
    return isRight ? null : `the secret of CHAP user ${JSON.stringify(name)} is wrong`;
  }
}

/** CHAP_N and CHAP_R, and CHAP_I and CHAP_C when the initiator challenges us. */
interface Proof {
  readonly name: string;
  readonly response: Uint8Array;
  readonly identifier: number;
  readonly challenge: Uint8Array | null;
}

/** What stands in `given`, or what is wrong with it. */
function parseProof(given: ReadonlyMap<string, string>): Proof | string {
  const name = given.get('CHAP_N');
  const responseText = given.get('CHAP_R');
  if (name === undefined || responseText === undefined) return 'CHAP_N and CHAP_R are expected';
  const response = parseBinary(responseText, CHAP_BINARY_BYTES_MAX);
  if (response === null) return 'CHAP_R is no binary value of at most 1024 bytes';
  const identifierText = given.get('CHAP_I');
  const challengeText = given.get('CHAP_C');
  const isMutual = identifierText !== undefined && challengeText !== undefined;
  if (given.size !== (isMutual ? 4 : 2)) return 'CHAP_N, CHAP_R and perhaps both CHAP_I and CHAP_C are expected';
  if (!isMutual) return { name, response, identifier: 0, challenge: null };
  const identifier = parseNumber(identifierText);
  if (identifier === null || identifier > CHAP_IDENTIFIER_MAX) return 'CHAP_I is no number from 0 to 255';
  const challenge = parseBinary(challengeText, CHAP_BINARY_BYTES_MAX);
  return challenge === null
    ? 'CHAP_C is no binary value of at most 1024 bytes'
    : { name, response, identifier, challenge };
}

function goOn(answers: readonly TextPair[]): AuthenticationStep {
  return { status: LOGIN_SUCCESS, answers };
}

function failed(reason: string): AuthenticationStep {
  return { status: LOGIN_AUTHENTICATION_FAILURE, answers: [], reason };
}

/** A key that does not belong where it stands, or that cannot be read. */
function outOfPlace(reason: string): AuthenticationStep {
  return { status: LOGIN_INITIATOR_ERROR, answers: [], reason };
}

const NO_BYTES = new Uint8Array(0);

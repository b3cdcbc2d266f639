/**
 * The initiator's side of CHAP (RFC 7143 12.1.3, RFC 1994 4.1), one-way and mutual, with every algorithm. It computes with
 * node:crypto by itself and shares nothing with the target but the text format.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { TextPair } from '../../src/iscsi/codec/text.ts';
import type { SecurityScript } from './login-script.ts';
import { demand } from './violation.ts';

/** Hash names by CHAP_A. */
export const CHAP_HASHES: Readonly<Record<number, string>> = { 5: 'md5', 6: 'sha1', 7: 'sha256', 8: 'sha3-256' };

/** CHAP_I of the initiator's challenge. */
const OWN_IDENTIFIER = 7;

export interface ChapIdentityText {
  readonly user: string;
  readonly secret: string;
}

export interface ChapScriptOptions {
  /** CHAP_A, in this order. */
  readonly algorithms?: readonly number[];
  /** What the target has to prove; left out, it is not asked. */
  readonly target?: ChapIdentityText;
  /** CHAP_A goes along with AuthMethod. */
  readonly isHasty?: boolean;
  readonly authMethod?: string;
  /** Binary values are base64 constants. */
  readonly isBase64?: boolean;
}

/** RFC 1994 4.1: the digest of identifier, secret, challenge. */
export function chapResponse(algorithm: number, identifier: number, secret: string, challenge: Buffer): Buffer {
  const hash = createHash(CHAP_HASHES[algorithm] as string);
  return hash.update(Buffer.of(identifier)).update(secret).update(challenge).digest();
}

export class ChapScript implements SecurityScript {
  /** What the target chose, 0 before. */
  algorithm = 0;
  private readonly identity: ChapIdentityText;
  private readonly options: ChapScriptOptions;
  private readonly ownChallenge = randomBytes(24);
  private step = 0;

  constructor(identity: ChapIdentityText, options: ChapScriptOptions = {}) {
    this.identity = identity;
    this.options = options;
  }

  next(answers: ReadonlyMap<string, string>): readonly TextPair[] | null {
    this.step += 1;
    const { isHasty = false, authMethod = 'CHAP,None' } = this.options;
    if (this.step === 1) return [{ key: 'AuthMethod', value: authMethod }, ...(isHasty ? this.offer() : [])];
    if (this.step === 2) {
      demand(answers.get('AuthMethod') === 'CHAP', '12: the target chooses CHAP');
      if (!isHasty) return this.offer();
      this.step = 3;
    }
    if (this.step === 3) return this.prove(answers);
    return null;
  }

  /** Whether the target has proved to be `target` of the options; `answers` are those of the whole login. */
  isProvedBy(answers: ReadonlyMap<string, string>): boolean {
    const { target } = this.options;
    if (target === undefined) return false;
    const expected = chapResponse(this.algorithm, OWN_IDENTIFIER, target.secret, this.ownChallenge);
    return answers.get('CHAP_N') === target.user && answers.get('CHAP_R') === `0x${expected.toString('hex')}`;
  }

  private offer(): TextPair[] {
    return [{ key: 'CHAP_A', value: (this.options.algorithms ?? [5, 6, 7, 8]).join() }];
  }

  private prove(answers: ReadonlyMap<string, string>): TextPair[] {
    this.algorithm = Number(answers.get('CHAP_A'));
    demand(
      (this.options.algorithms ?? [5, 6, 7, 8]).includes(this.algorithm),
      '12.1.3: CHAP_A is one of those offered',
    );
    const challenge = Buffer.from((answers.get('CHAP_C') as string).slice(2), 'hex');
    demand(
      challenge.length >= 16 && challenge.length <= 1024,
      '12.1.3: CHAP_C has at most 1024 bytes, ours at least 16',
    );
    const { user, secret } = this.identity;
    const response = chapResponse(this.algorithm, Number(answers.get('CHAP_I')), secret, challenge);
    const pairs = [
      { key: 'CHAP_N', value: user },
      { key: 'CHAP_R', value: this.encode(response) },
    ];
    if (this.options.target === undefined) return pairs;
    return [
      ...pairs,
      { key: 'CHAP_I', value: String(OWN_IDENTIFIER) },
      { key: 'CHAP_C', value: this.encode(this.ownChallenge) },
    ];
  }

  private encode(bytes: Buffer): string {
    return this.options.isBase64 === true ? `0b${bytes.toString('base64')}` : `0x${bytes.toString('hex')}`;
  }
}

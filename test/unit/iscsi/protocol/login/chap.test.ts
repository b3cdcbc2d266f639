/**
 * CHAP in a login (RFC 7143 12.1.3), text by text: what the target answers, and with which status each wrong step ends.
 * Challenges are known here, so that answers can be compared as bytes; digests are computed by the tests themselves.
 */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  CHAP_ALGORITHMS,
  type ChapAlgorithm,
  type ChapCrypto,
  type ChapPolicy,
  ChapSecret,
} from '../../../../../src/iscsi/protocol/login/chap.ts';
import { ChapAuthentication } from '../../../../../src/iscsi/protocol/login/chap-authenticator.ts';
import { CHALLENGES_MAX, ChapChallenges } from '../../../../../src/iscsi/protocol/login/chap-challenges.ts';
import type { LoginReply } from '../../../../../src/iscsi/protocol/login/login.ts';
import { NodeChapCrypto } from '../../../../../src/mgmt/chap-crypto.ts';
import { CHAP_HASHES, chapResponse } from '../../../../initiator/chap-script.ts';
import { expectRefused, Login, NAMES, textOf } from './login-initiator.ts';

const USER = 'alice';
const SECRET = 'a secret of alice';
const TARGET_SECRET = 'what the target knows';
const SECURITY = { csg: 0, nsg: 1, isTransit: false } as const;
const LEAVING = { csg: 0, nsg: 1 } as const;

/** Real digests; random bytes that count up, and a record of what was compared. */
class KnownCrypto implements ChapCrypto {
  readonly digests: number[] = [];
  readonly comparisons: (readonly [number, number])[] = [];
  private readonly real = new NodeChapCrypto();
  private next = 0;

  supports(): boolean {
    return true;
  }

  randomBytes(lengthBytes: number): Uint8Array {
    return Uint8Array.from({ length: lengthBytes }, () => this.next++ & 0xff);
  }

  digest(algorithm: ChapAlgorithm, parts: readonly Uint8Array[]): Uint8Array {
    this.digests.push(parts.reduce((sum, part) => sum + part.length, 0));
    return this.real.digest(algorithm, parts);
  }

  equal(a: Uint8Array, b: Uint8Array): boolean {
    this.comparisons.push([a.length, b.length]);
    return this.real.equal(a, b);
  }
}

function secret(text: string): ChapSecret {
  return new ChapSecret(Buffer.from(text));
}

function policy(overrides: Partial<ChapPolicy> = {}): ChapPolicy {
  return {
    algorithms: CHAP_ALGORITHMS,
    users: new Map([[USER, secret(SECRET)]]),
    mutual: { user: 'disk', secret: secret(TARGET_SECRET) },
    ...overrides,
  };
}

interface Guarded {
  readonly login: Login;
  readonly crypto: KnownCrypto;
  readonly challenges: ChapChallenges;
}

function guarded(overrides: Partial<ChapPolicy> = {}, challenges = new ChapChallenges()): Guarded {
  const login = new Login();
  const crypto = new KnownCrypto();
  const authentication = new ChapAuthentication(policy(overrides), crypto, challenges);
  login.node.newAuthenticator = () => authentication.newAuthenticator();
  return { login, crypto, challenges };
}

function valuesOf(reply: LoginReply): Map<string, string> {
  const pairs = textOf(reply)
    .split('|')
    .filter((pair) => pair !== '');
  return new Map(pairs.map((pair) => pair.split('=', 2) as [string, string]));
}

interface Challenge {
  readonly algorithm: number;
  readonly identifier: number;
  readonly bytes: Buffer;
}

/** AuthMethod and CHAP_A in two texts, as libiscsi and open-iscsi send them. */
function askForChallenge(login: Login, offered = '5'): Challenge {
  expect(textOf(login.send(`${NAMES}AuthMethod=CHAP,None|`, LEAVING))).toBe('TargetPortalGroupTag=7|AuthMethod=CHAP|');
  const reply = login.send(`CHAP_A=${offered}|`, LEAVING);
  expect(reply).toMatchObject({ status: 0, isTransit: false, csg: 0, nsg: 0 });
  return challengeIn(reply);
}

function challengeIn(reply: LoginReply): Challenge {
  const values = valuesOf(reply);
  return {
    algorithm: Number(values.get('CHAP_A')),
    identifier: Number(values.get('CHAP_I')),
    bytes: Buffer.from((values.get('CHAP_C') as string).slice(2), 'hex'),
  };
}

function hexResponse({ algorithm, identifier, bytes }: Challenge, text = SECRET): string {
  return `0x${chapResponse(algorithm, identifier, text, bytes).toString('hex')}`;
}

describe('the response', () => {
  // Identifier 0x2a, secret "0123456789abcdef", challenge 00 01 ... 0f, computed with coreutils and Python.
  const challenge = Uint8Array.from({ length: 16 }, (_, i) => i);
  it.each([
    ['MD5', '0fbee2a235349701655e644832d106bf'],
    ['SHA1', '5617a555f0045171364ed82310b9c08c4d48faeb'],
    ['SHA256', 'd8c3aedd13f3e0017b09becc2da9c74a6d001ab22424256ad456063e668f5d14'],
    ['SHA3-256', '972a2f638a858f5d97206e79fdf525a79b427550f3b79af445c6664fea05b508'],
  ])('of %s is the digest of identifier, secret and challenge', (name, expected) => {
    const algorithm = CHAP_ALGORITHMS.find((known) => known.name === name) as ChapAlgorithm;
    const response = secret('0123456789abcdef').response(new NodeChapCrypto(), algorithm, 0x2a, challenge);
    expect(Buffer.from(response).toString('hex')).toBe(expected);
    expect(response.length).toBe(algorithm.digestBytes);
  });

  it('has the numbers of the IANA registry', () => {
    expect(CHAP_ALGORITHMS.map(({ name, number }) => [name, number])).toEqual([
      ['SHA3-256', 8],
      ['SHA256', 7],
      ['SHA1', 6],
      ['MD5', 5],
    ]);
  });
});

describe('a secret', () => {
  it('is shown by no inspection, text or JSON', () => {
    const shown = [
      inspect(secret(SECRET), { showHidden: true, depth: 9 }),
      JSON.stringify(policy()),
      String(secret(SECRET)),
    ];
    for (const text of shown) {
      expect(text).not.toContain('secret of alice');
      expect(text).not.toContain([...Buffer.from(SECRET)].slice(0, 4).join(','));
    }
  });

  it('keeps its bytes when the memory it came from is used again', () => {
    const memory = Buffer.from(SECRET);
    const kept = new ChapSecret(memory);
    memory.fill(0);
    const [algorithm] = CHAP_ALGORITHMS as [ChapAlgorithm];
    const crypto = new NodeChapCrypto();
    expect(kept.response(crypto, algorithm, 1, memory)).toEqual(secret(SECRET).response(crypto, algorithm, 1, memory));
  });
});

describe('one-way CHAP', () => {
  it.each([5, 6, 7, 8])('with algorithm %i lets the right secret in', (number) => {
    const { login } = guarded();
    const challenge = askForChallenge(login, String(number));
    expect(challenge.algorithm).toBe(number);
    expect(challenge.bytes.length).toBe(createHash(CHAP_HASHES[number] as string).digest().length);
    const reply = login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|`, LEAVING);
    expect(reply).toMatchObject({ status: 0, isTransit: true, csg: 0, nsg: 1, text: new Uint8Array(0) });
    expect(login.machine.userName).toBe(USER);
    expect(login.send('')).toMatchObject({ status: 0, isFinal: true });
    expect(login.node.admissions[0]).toMatchObject({ userName: USER, remoteAddress: '192.0.2.7:40000' });
  });

  it('takes CHAP_A with AuthMethod in one text, as some initiators send it', () => {
    const { login } = guarded();
    const reply = login.send(`${NAMES}AuthMethod=CHAP|CHAP_A=7,5|`, LEAVING);
    expect([...valuesOf(reply).keys()]).toEqual(['TargetPortalGroupTag', 'AuthMethod', 'CHAP_A', 'CHAP_I', 'CHAP_C']);
    const answer = login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challengeIn(reply))}|`, LEAVING);
    expect(answer).toMatchObject({ status: 0, isTransit: true });
  });

  it('goes straight on to full feature phase when the initiator asks for it', () => {
    const { login } = guarded();
    const challenge = askForChallenge(login);
    const reply = login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|`, { csg: 0, nsg: 3 });
    expect(reply).toMatchObject({ status: 0, isTransit: true, nsg: 3, isFinal: true });
  });

  it('stays in the stage without T, and may be left in a text of its own', () => {
    const { login } = guarded();
    const challenge = askForChallenge(login);
    const reply = login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|`, SECURITY);
    expect(reply).toMatchObject({ status: 0, isTransit: false });
    expect(login.send('', LEAVING)).toMatchObject({ status: 0, isTransit: true, nsg: 1 });
  });

  it('takes the response in base64, and hex in capitals', () => {
    for (const encode of [
      (bytes: Buffer) => `0b${bytes.toString('base64')}`,
      (bytes: Buffer) => `0B${bytes.toString('base64')}`,
      (bytes: Buffer) => `0X${bytes.toString('hex').toUpperCase()}`,
    ]) {
      const { login } = guarded();
      const { algorithm, identifier, bytes } = askForChallenge(login);
      const response = encode(chapResponse(algorithm, identifier, SECRET, bytes));
      expect(login.send(`CHAP_N=${USER}|CHAP_R=${response}|`, LEAVING)).toMatchObject({ status: 0, isTransit: true });
    }
  });

  it('never gives the same challenge twice', () => {
    const authentication = new ChapAuthentication(policy(), new NodeChapCrypto(), new ChapChallenges());
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const login = new Login();
      login.node.newAuthenticator = () => authentication.newAuthenticator();
      seen.add(askForChallenge(login).bytes.toString('hex'));
    }
    expect(seen.size).toBe(100);
  });

  it('asks for AuthMethod itself when the initiator names none', () => {
    const { login } = guarded();
    expect(textOf(login.send(NAMES, LEAVING))).toBe('TargetPortalGroupTag=7|AuthMethod=CHAP|');
    expect(textOf(login.send('AuthMethod=CHAP|', LEAVING))).toBe('');
    const challenge = challengeIn(login.send('CHAP_A=5|', LEAVING));
    const reply = login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|`, LEAVING);
    expect(reply).toMatchObject({ status: 0, isTransit: true });
  });

  it('does not understand the keys of other methods, and goes on', () => {
    const { login } = guarded();
    const reply = login.send(`${NAMES}AuthMethod=KRB5,CHAP|KRB_AP_REQ=0x01|`, LEAVING);
    expect(textOf(reply)).toBe('TargetPortalGroupTag=7|KRB_AP_REQ=NotUnderstood|AuthMethod=CHAP|');
  });
});

describe('the choice', () => {
  it.each([
    ['5,6,7,8', 8],
    ['5,7', 7],
    ['5', 5],
    ['0x7,99,5', 7],
    ['1,2,3,6', 6],
  ])('of CHAP_A=%s is the strongest: %i', (offered, number) => {
    expect(askForChallenge(guarded().login, offered).algorithm).toBe(number);
  });

  it('follows the order that is configured', () => {
    const algorithms = [...CHAP_ALGORITHMS].reverse();
    expect(askForChallenge(guarded({ algorithms }).login, '8,7,6,5').algorithm).toBe(5);
  });

  it('refuses what is switched off', () => {
    const { login } = guarded({ algorithms: CHAP_ALGORITHMS.filter(({ name }) => name !== 'MD5') });
    login.send(`${NAMES}AuthMethod=CHAP|`, LEAVING);
    expectRefused(login.send('CHAP_A=5|', LEAVING), 0x0201);
  });

  it('of AuthMethod is CHAP wherever it stands, and nothing else', () => {
    expect(textOf(guarded().login.send(`${NAMES}AuthMethod=None,CHAP|`, LEAVING))).toContain('AuthMethod=CHAP|');
    for (const methods of ['None', 'KRB5', 'SRP,None', 'chap', '', 'CHAP,']) {
      expectRefused(guarded().login.send(`${NAMES}AuthMethod=${methods}|`, LEAVING), 0x0201);
    }
  });

  it("is not the initiator's to avoid: the security stage is not skipped", () => {
    const { login } = guarded();
    expectRefused(login.send(NAMES), 0x0201);
    expect(login.machine.refusalReason).toBe('the initiator skips the security stage');
  });
});

describe('mutual CHAP', () => {
  function prove(login: Login, keys: string, offered = '7'): LoginReply {
    const challenge = askForChallenge(login, offered);
    return login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|${keys}`, LEAVING);
  }

  it.each([5, 6, 7, 8])('with algorithm %i proves the target in the text that lets the initiator on', (number) => {
    const { login } = guarded();
    const theirs = Buffer.from('a challenge of the initiator');
    const reply = prove(login, `CHAP_I=0x80|CHAP_C=0x${theirs.toString('hex')}|`, String(number));
    const expected = chapResponse(number, 0x80, TARGET_SECRET, theirs).toString('hex');
    expect(textOf(reply)).toBe(`CHAP_N=disk|CHAP_R=0x${expected}|`);
    expect(reply).toMatchObject({ status: 0, isTransit: true, nsg: 1 });
  });

  it('takes a challenge of one byte and of 1024, and base64', () => {
    for (const lengthBytes of [1, 1024]) {
      const theirs = Buffer.alloc(lengthBytes, 0xa5);
      const reply = prove(guarded().login, `CHAP_I=255|CHAP_C=0b${theirs.toString('base64')}|`);
      expect(textOf(reply)).toBe(
        `CHAP_N=disk|CHAP_R=0x${chapResponse(7, 255, TARGET_SECRET, theirs).toString('hex')}|`,
      );
    }
  });

  it('is refused where the target has nothing to prove itself with', () => {
    expectRefused(prove(guarded({ mutual: null }).login, 'CHAP_I=1|CHAP_C=0x0102|'), 0x0201);
  });

  it('says nothing about the target to who does not prove himself first', () => {
    const { login, crypto } = guarded();
    askForChallenge(login, '7');
    const reply = login.send(`CHAP_N=${USER}|CHAP_R=0x${'00'.repeat(32)}|CHAP_I=1|CHAP_C=0x0102|`, LEAVING);
    expectRefused(reply, 0x0201);
    expect(reply.text.length).toBe(0);
    expect(crypto.digests.length).toBe(1);
  });

  it('refuses its own challenge reflected, even beside the right response', () => {
    const { login, challenges } = guarded();
    const challenge = askForChallenge(login, '7');
    const keys = `CHAP_N=${USER}|CHAP_R=${hexResponse(challenge)}|CHAP_I=${challenge.identifier}|`;
    expectRefused(login.send(`${keys}CHAP_C=0x${challenge.bytes.toString('hex')}|`, LEAVING), 0x0201);
    expect(login.machine.refusalReason).toContain('reflects');
    expect(challenges.count).toBe(0);
  });

  it('refuses the challenge of another connection reflected, in whatever encoding', () => {
    const challenges = new ChapChallenges();
    const authentication = new ChapAuthentication(policy(), new NodeChapCrypto(), challenges);
    const newLogin = () => {
      const login = new Login();
      login.node.newAuthenticator = () => authentication.newAuthenticator();
      return login;
    };
    const other = askForChallenge(newLogin(), '7');
    const reply = prove(newLogin(), `CHAP_I=1|CHAP_C=0b${other.bytes.toString('base64')}|`);
    expectRefused(reply, 0x0201);
  });
});

describe('proofs that fail', () => {
  it('a wrong secret, an unknown user and an empty name look alike, and cost the same digests', () => {
    const seen: unknown[] = [];
    for (const name of [USER, 'nobody', '']) {
      const { login, crypto } = guarded();
      const challenge = askForChallenge(login);
      const reply = login.send(`CHAP_N=${name}|CHAP_R=${hexResponse(challenge, 'not the secret!!!')}|`, LEAVING);
      expectRefused(reply, 0x0201);
      seen.push([crypto.digests, crypto.comparisons, reply]);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
  });

  it('an unknown user is not let in by whatever stands in for its secret', () => {
    const { login } = guarded();
    const challenge = askForChallenge(login);
    const { decoy } = new ChapAuthentication(policy(), new KnownCrypto(), new ChapChallenges());
    const algorithm = CHAP_ALGORITHMS.find(({ number }) => number === 5) as ChapAlgorithm;
    const response = decoy.response(new NodeChapCrypto(), algorithm, challenge.identifier, challenge.bytes);
    expectRefused(login.send(`CHAP_N=nobody|CHAP_R=0x${Buffer.from(response).toString('hex')}|`, LEAVING), 0x0201);
    expect(login.machine.userName).toBeNull();
  });

  it.each([
    ['the response of another user', (challenge: Challenge) => `CHAP_N=Alice|CHAP_R=${hexResponse(challenge)}|`],
    [
      'a response that is too short',
      (challenge: Challenge) => `CHAP_N=alice|CHAP_R=${hexResponse(challenge).slice(0, -2)}|`,
    ],
    ['a response that is too long', (challenge: Challenge) => `CHAP_N=alice|CHAP_R=${hexResponse(challenge)}00|`],
    [
      'the response to another identifier',
      (challenge: Challenge) =>
        `CHAP_N=alice|CHAP_R=${hexResponse({ ...challenge, identifier: challenge.identifier ^ 1 })}|`,
    ],
    [
      'the response by another algorithm',
      (challenge: Challenge) => `CHAP_N=alice|CHAP_R=${hexResponse({ ...challenge, algorithm: 6 })}|`,
    ],
    ['the secret itself', () => `CHAP_N=alice|CHAP_R=0x${Buffer.from(SECRET).toString('hex')}|`],
  ])('%s', (_, keys) => {
    const { login } = guarded();
    expectRefused(login.send(keys(askForChallenge(login)), LEAVING), 0x0201);
    expect(login.node.admissions).toEqual([]);
  });

  it('a response is not taken a second time', () => {
    const { login } = guarded();
    const keys = `CHAP_N=${USER}|CHAP_R=${hexResponse(askForChallenge(login))}|`;
    login.send(keys, SECURITY);
    expectRefused(login.send(keys, SECURITY), 0x0200);
  });

  it('the response to a challenge of before is of no use in another login', () => {
    const { login } = guarded();
    const first = askForChallenge(login);
    const authentication = new ChapAuthentication(policy(), new NodeChapCrypto(), new ChapChallenges());
    const again = new Login();
    again.node.newAuthenticator = () => authentication.newAuthenticator();
    askForChallenge(again);
    expectRefused(again.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(first)}|`, LEAVING), 0x0201);
  });
});

describe('texts out of place', () => {
  it.each([
    ['CHAP_A before AuthMethod', 'CHAP_A=5|', 0x0200],
    ['CHAP_N and CHAP_R before AuthMethod', 'CHAP_N=alice|CHAP_R=0x00|', 0x0200],
    ['AuthMethod with CHAP_N', 'AuthMethod=CHAP|CHAP_N=alice|', 0x0200],
    ['AuthMethod with CHAP_A and CHAP_R', 'AuthMethod=CHAP|CHAP_A=5|CHAP_R=0x00|', 0x0200],
    ['AuthMethod with CHAP_I and CHAP_C', 'AuthMethod=CHAP|CHAP_I=1|CHAP_C=0x01|', 0x0200],
  ])('first: %s', (_, keys, status) => {
    expectRefused(guarded().login.send(`${NAMES}${keys}`, SECURITY), status);
  });

  it('no AuthMethod although it was asked for', () => {
    const { login } = guarded();
    login.send(NAMES, LEAVING);
    expectRefused(login.send('', LEAVING), 0x0201);
  });

  it.each([
    ['nothing', ''],
    ['another AuthMethod', 'AuthMethod=CHAP|'],
    ['AuthMethod=None', 'AuthMethod=None|'],
    ['CHAP_A with AuthMethod again', 'AuthMethod=CHAP|CHAP_A=5|'],
    ['an empty CHAP_A', 'CHAP_A=|'],
    ['CHAP_A with an empty element', 'CHAP_A=5,,7|'],
    ['CHAP_A that is a name', 'CHAP_A=MD5|'],
    ['CHAP_A that is negative', 'CHAP_A=-5|'],
    ['CHAP_A refused', 'CHAP_A=Reject|'],
    ['CHAP_A with CHAP_N and CHAP_R', 'CHAP_A=5|CHAP_N=alice|CHAP_R=0x00|'],
    ['CHAP_N and CHAP_R without a challenge', 'CHAP_N=alice|CHAP_R=0x00|'],
    ['CHAP_I and CHAP_C', 'CHAP_I=1|CHAP_C=0x01|'],
  ])('where CHAP_A is expected: %s', (_, keys) => {
    const { login } = guarded();
    login.send(`${NAMES}AuthMethod=CHAP|`, SECURITY);
    expectRefused(login.send(keys, SECURITY), 0x0200);
  });

  it('CHAP_A without an algorithm of ours is a failure of authentication', () => {
    const { login } = guarded();
    login.send(`${NAMES}AuthMethod=CHAP|`, SECURITY);
    expectRefused(login.send('CHAP_A=1,99,4294967295|', SECURITY), 0x0201);
  });

  const right = `CHAP_N=${USER}|CHAP_R=0x${'00'.repeat(16)}|`;
  it.each([
    ['nothing', ''],
    ['CHAP_N alone', `CHAP_N=${USER}|`],
    ['CHAP_R alone', 'CHAP_R=0x00|'],
    ['CHAP_R without its prefix', `CHAP_N=${USER}|CHAP_R=${'00'.repeat(16)}|`],
    ['CHAP_R with nothing after its prefix', `CHAP_N=${USER}|CHAP_R=0x|`],
    ['CHAP_R that is empty', `CHAP_N=${USER}|CHAP_R=|`],
    ['CHAP_R that is no hex', `CHAP_N=${USER}|CHAP_R=0x0g|`],
    ['CHAP_R that is no base64', `CHAP_N=${USER}|CHAP_R=0b!!!!|`],
    ['CHAP_R of 1025 bytes', `CHAP_N=${USER}|CHAP_R=0x${'00'.repeat(1025)}|`],
    ['CHAP_R with bare base64 of odd length', `CHAP_N=${USER}|CHAP_R=0bAAA|`],
    ['CHAP_I without CHAP_C', `${right}CHAP_I=1|`],
    ['CHAP_C without CHAP_I', `${right}CHAP_C=0x01|`],
    ['CHAP_I over a byte', `${right}CHAP_I=256|CHAP_C=0x01|`],
    ['CHAP_I that is no number', `${right}CHAP_I=one|CHAP_C=0x01|`],
    ['CHAP_I that is negative', `${right}CHAP_I=-1|CHAP_C=0x01|`],
    ['CHAP_C of nothing', `${right}CHAP_I=1|CHAP_C=0x|`],
    ['CHAP_C of 1025 bytes', `${right}CHAP_I=1|CHAP_C=0x${'00'.repeat(1025)}|`],
    ['CHAP_C that is text', `${right}CHAP_I=1|CHAP_C=challenge|`],
    ['CHAP_A once more', `${right}CHAP_A=5|`],
    ['CHAP_A once more, with CHAP_I and CHAP_C', `${right}CHAP_A=5|CHAP_I=1|CHAP_C=0x01|`],
    ['AuthMethod once more', `${right}AuthMethod=CHAP|`],
    ['the same key twice', `${right}CHAP_N=${USER}|`],
  ])('where the response is expected: %s', (_, keys) => {
    const { login } = guarded();
    askForChallenge(login);
    expectRefused(login.send(keys, SECURITY), 0x0200);
    expect(login.node.admissions).toEqual([]);
  });

  it.each(['AuthMethod=None|', 'CHAP_A=5|', 'CHAP_I=1|CHAP_C=0x01|', 'CHAP_N=bob|CHAP_R=0x00|'])(
    'after the exchange: %s',
    (keys) => {
      const { login } = guarded();
      login.send(`CHAP_N=${USER}|CHAP_R=${hexResponse(askForChallenge(login))}|`, SECURITY);
      expectRefused(login.send(keys, SECURITY), 0x0200);
    },
  );

  it('leaving for the next stage in the middle is not possible', () => {
    const { login } = guarded();
    askForChallenge(login);
    expectRefused(login.send('', { csg: 1, nsg: 3 }), 0x0200);
  });
});

describe('challenges that are out', () => {
  it('are forgotten with their answer, right or wrong', () => {
    const { login, challenges } = guarded();
    askForChallenge(login);
    expect(challenges.count).toBe(1);
    login.send('CHAP_N=nobody|CHAP_R=0x00|', LEAVING);
    expect(challenges.count).toBe(0);
  });

  it('are bounded, the oldest going first', () => {
    const challenges = new ChapChallenges();
    const challenge = (i: number) => Uint8Array.of(i >>> 8, i & 0xff);
    for (let i = 0; i <= CHALLENGES_MAX; i++) challenges.issue(challenge(i));
    expect(challenges.count).toBe(CHALLENGES_MAX);
    expect(challenges.isOutstanding(challenge(0))).toBe(false);
    expect(challenges.isOutstanding(challenge(1))).toBe(true);
    expect(challenges.isOutstanding(challenge(CHALLENGES_MAX))).toBe(true);
    challenges.retire(challenge(1));
    expect(challenges.isOutstanding(challenge(1))).toBe(false);
  });
});

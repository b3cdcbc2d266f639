/** auth and discoveryAuth: users, secrets from three places, what is refused, and that no secret is ever repeated. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAP_ALGORITHMS, type ChapPolicy, type ChapSecret } from '../../../../src/iscsi/protocol/login/chap.ts';
import { NodeChapCrypto } from '../../../../src/mgmt/chap-crypto.ts';
import { resolveConfig } from '../../../../src/mgmt/config/config.ts';
import { parseConfigDocument } from '../../../../src/mgmt/config/config-document.ts';
import { ConfigError } from '../../../../src/mgmt/config/config-error.ts';
import type { Configuration } from '../../../../src/mgmt/config/configuration.ts';

const TARGET = 'iqn.2026-11.org.example:a';
const AUTH = `iscsitargets["${TARGET}"].auth`;
const SECRET = 'correct horse battery';
const OTHER = 'staple of another kind';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gotgt-auth-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function content(auth: unknown, rest: object = {}) {
  return {
    storages: [{ deviceID: 1, path: 'null:' }],
    iscsiportals: [{ id: 0, portal: '127.0.0.1' }],
    iscsitargets: { [TARGET]: { luns: { '0': 1 }, auth } },
    ...rest,
  };
}

function read(auth: unknown, variables: Record<string, string> = {}, rest: object = {}): Configuration {
  return resolveConfig(parseConfigDocument('test.json', JSON.stringify(content(auth, rest))), directory, variables);
}

function faultOf(auth: unknown, variables: Record<string, string> = {}, rest: object = {}): ConfigError {
  try {
    read(auth, variables, rest);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no fault was found');
}

function policyOf(auth: unknown, variables: Record<string, string> = {}): ChapPolicy {
  return read(auth, variables).targets[0]?.auth as ChapPolicy;
}

function file(name: string, bytes: string | Buffer, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}

/** Whether `secret` is `text`, by what it answers. */
function is(secret: ChapSecret | undefined, text: string): boolean {
  const crypto = new NodeChapCrypto();
  const [algorithm] = CHAP_ALGORITHMS;
  if (secret === undefined || algorithm === undefined) return false;
  const expected = crypto.digest(algorithm, [Buffer.of(9), Buffer.from(text), Buffer.of(1, 2)]);
  return crypto.equal(secret.response(crypto, algorithm, 9, Buffer.of(1, 2)), expected);
}

const user = (entry: object) => ({ users: [{ user: 'alice', ...entry }] });

describe('auth', () => {
  it('is nothing unless something is said', () => {
    expect(read(undefined).targets[0]?.auth).toBeNull();
    expect(read(undefined).discovery).toEqual({ auth: null, isFiltered: false });
    expect(policyOf({ method: 'none', ...user({ secret: SECRET }) })).toBeNull();
    expect(policyOf({ method: 'none' })).toBeNull();
  });

  it('has users by name, and all algorithms with the strongest first', () => {
    const policy = policyOf({
      users: [
        { user: 'alice', secret: SECRET },
        { user: 'Bob', secret: OTHER },
      ],
    });
    expect([...policy.users.keys()]).toEqual(['alice', 'Bob']);
    expect(is(policy.users.get('alice'), SECRET)).toBe(true);
    expect(is(policy.users.get('Bob'), OTHER)).toBe(true);
    expect(policy.mutual).toBeNull();
    expect(policy.algorithms.map(({ name }) => name)).toEqual(['SHA3-256', 'SHA256', 'SHA1', 'MD5']);
  });

  it('takes algorithms in the order they stand, and no others', () => {
    const policy = policyOf({ ...user({ secret: SECRET }), algorithms: ['SHA1', 'SHA3-256'] });
    expect(policy.algorithms.map(({ number }) => number)).toEqual([6, 8]);
  });

  it('has the target prove itself with mutual', () => {
    const policy = policyOf({ ...user({ secret: SECRET }), mutual: { user: 'disk', secret: OTHER } });
    expect(policy.mutual?.user).toBe('disk');
    expect(is(policy.mutual?.secret, OTHER)).toBe(true);
  });

  it('of discovery is its own', () => {
    const { discovery, targets } = read(undefined, {}, { discoveryAuth: user({ secret: SECRET }) });
    expect([...(discovery.auth as ChapPolicy).users.keys()]).toEqual(['alice']);
    expect(targets[0]?.auth).toBeNull();
  });

  it('may name one user with one secret on several targets', () => {
    const rest = {
      iscsitargets: Object.fromEntries(['a', 'b'].map((n) => [`${TARGET}${n}`, { auth: user({ secret: SECRET }) }])),
    };
    expect(read(undefined, {}, rest).targets.map(({ auth }) => auth?.users.size)).toEqual([1, 1]);
  });
});

describe('a secret', () => {
  it('is taken as UTF-8, byte by byte', () => {
    expect(is(policyOf(user({ secret: 'ünïcödé: 12' })).users.get('alice'), 'ünïcödé: 12')).toBe(true);
  });

  it.each([
    ['', ''],
    ['a line end', '\n'],
    ['a line end of DOS', '\r\n'],
  ])('comes from a file, without %s', (_, end) => {
    const secretFile = file('plain', SECRET + end);
    expect(is(policyOf(user({ secretFile })).users.get('alice'), SECRET)).toBe(true);
  });

  it('keeps blanks and all but one line end of its file', () => {
    const secretFile = file('blanks', `  ${SECRET} \n\n`);
    expect(is(policyOf(user({ secretFile })).users.get('alice'), `  ${SECRET} \n`)).toBe(true);
  });

  it('may be bytes that are no text', () => {
    const bytes = Buffer.from(Array.from({ length: 16 }, (_, i) => 0xf0 + i));
    const secret = policyOf(user({ secretFile: file('bytes', bytes) })).users.get('alice');
    expect(secret?.lengthBytes).toBe(16);
  });

  it('comes from the environment', () => {
    expect(is(policyOf(user({ secretEnv: 'ALICE' }), { ALICE: SECRET }).users.get('alice'), SECRET)).toBe(true);
  });

  it.each([
    [0o644, true],
    [0o640, true],
    [0o602, true],
    [0o620, true],
    [0o600, false],
    [0o400, false],
    [0o611, false],
  ])('in a file of mode %o warns: %s', (mode, isWarned) => {
    const { warnings } = read(user({ secretFile: file(`mode-${mode}`, SECRET, mode) }));
    expect(warnings.filter((line) => line.includes('secretFile') && line.includes('0600')).length).toBe(
      isWarned ? 1 : 0,
    );
  });

  it.each([12, 255])('may have %i bytes', (lengthBytes) => {
    const text = 'x'.repeat(lengthBytes);
    expect(is(policyOf(user({ secret: text })).users.get('alice'), text)).toBe(true);
  });

  it('may be named in any case, as every key', () => {
    const policy = policyOf({ Users: [{ USER: 'alice', SECRETENV: 'ALICE' }] }, { ALICE: SECRET });
    expect(is(policy.users.get('alice'), SECRET)).toBe(true);
  });
});

describe('faults', () => {
  const right = { user: 'alice', secret: SECRET };

  it.each<[string, unknown, string, string]>([
    ['no users', {}, '.users', 'at least one user'],
    ['an empty list of users', { users: [] }, '.users', 'at least one user'],
    ['a method nobody knows', { method: 'srp', users: [right] }, '.method', '"chap" or "none"'],
    ['a user without a name', { users: [{ secret: SECRET }] }, '.users[0].user', 'missing'],
    ['an empty name', { users: [{ ...right, user: '' }] }, '.users[0].user', '1 to 255 bytes'],
    ['a name of 256 bytes', { users: [{ ...right, user: 'ü'.repeat(128) }] }, '.users[0].user', '1 to 255 bytes'],
    ['a name with a zero byte', { users: [{ ...right, user: 'a\0b' }] }, '.users[0].user', '1 to 255 bytes'],
    ['two users of one name', { users: [right, { ...right, secret: OTHER }] }, '.users[1].user', 'its own'],
    ['no secret', { users: [{ user: 'alice' }] }, '.users[0]', 'exactly one of secret, secretFile and secretEnv'],
    ['two secrets', { users: [{ ...right, secretEnv: 'ALICE' }] }, '.users[0]', 'exactly one'],
    ['11 bytes', user({ secret: 'x'.repeat(11) }), '.users[0].secret', 'has 11 bytes; expected 12 to 255'],
    ['256 bytes', user({ secret: 'x'.repeat(256) }), '.users[0].secret', 'has 256 bytes; expected 12 to 255'],
    ['an empty secret', user({ secret: '' }), '.users[0].secret', 'has 0 bytes'],
    ['no such variable', user({ secretEnv: 'NOBODY' }), '.users[0].secretEnv', 'no variable of this name'],
    ['a short variable', user({ secretEnv: 'SHORT' }), '.users[0].secretEnv', 'has 5 bytes'],
    ['a method of toString', user({ secretEnv: 'toString' }), '.users[0].secretEnv', 'no variable of this name'],
    ['no such file', user({ secretFile: '/nowhere/at/all' }), '.users[0].secretFile', 'ENOENT'],
    ['a secret for both directions', { users: [right], mutual: right }, '.mutual', 'both directions'],
    ['no algorithm', { users: [right], algorithms: [] }, '.algorithms', '"SHA3-256", "SHA256"'],
    ['an unknown algorithm', { users: [right], algorithms: ['SHA512'] }, '.algorithms[0]', '"SHA3-256", "SHA256"'],
    ['an algorithm twice', { users: [right], algorithms: ['MD5', 'MD5'] }, '.algorithms', '"SHA3-256", "SHA256"'],
    ['method none with a bad user', { method: 'none', users: [{ user: 'a', secret: 'x' }] }, '.users[0].secret', '12'],
  ])('%s', (_, auth, key, words) => {
    const fault = faultOf(auth, { SHORT: 'short' });
    expect(fault.key).toBe(`${AUTH}${key}`);
    expect(fault.message).toContain(words);
  });

  it('a file that is a directory, too large, or not ours to read', () => {
    const path = join(directory, 'folder');
    mkdirSync(path);
    expect(faultOf(user({ secretFile: path })).message).toContain('a file of at most 4096 bytes');
    expect(faultOf(user({ secretFile: file('large', 'x'.repeat(4097)) })).message).toContain('a file of at most 4096');
    expect(faultOf(user({ secretFile: '/dev/zero' })).message).toContain('a file of at most 4096');
    expect(faultOf(user({ secretFile: file('short', 'short\n') })).message).toContain('has 5 bytes');
  });

  it('one secret in both directions, on different targets and in discovery', () => {
    const mutual = { user: 'disk', secret: SECRET };
    const discoveryAuth = { users: [{ user: 'x', secret: OTHER }], mutual };
    const fault = faultOf(user({ secret: SECRET }), {}, { discoveryAuth });
    expect(fault.key).toBe('discoveryAuth.mutual');
    expect(fault.message).toContain(`${AUTH}.users[0]`);
    const reverse = { users: [{ user: 'x', secretEnv: 'SAME' }] };
    const auth = { users: [{ user: 'y', secret: OTHER }], mutual };
    expect(faultOf(auth, { SAME: SECRET }, { discoveryAuth: reverse }).key).toBe('discoveryAuth.users[0]');
  });
});

describe('no message repeats a secret', () => {
  const right = { user: 'alice', secret: SECRET };
  it.each<[string, unknown, object?]>([
    ['too long a secret', user({ secret: SECRET.repeat(20) })],
    ['a secret that is a list', user({ secret: [SECRET] })],
    ['users that are an object', { users: right }],
    ['users that are text', { users: SECRET }],
    ['a user that is text', { users: [SECRET] }],
    ['auth that is text', SECRET],
    ['auth that is a list', [right]],
    ['mutual that is text', { users: [right], mutual: SECRET }],
    ['the secret as the name of a file', user({ secretFile: SECRET })],
    ['the secret as the name of a variable', user({ secretEnv: SECRET })],
    ['the same secret twice', { users: [right], mutual: { user: 'disk', secret: SECRET } }],
    ['a list of targets', undefined, { iscsitargets: [{ name: TARGET, auth: { users: [right] } }] }],
    ['targets as a list within a storage', undefined, { storages: { a: { s3SecretKey: SECRET } } }],
    ['a target that is a list', undefined, { iscsitargets: { [TARGET]: [{ auth: { users: [right] } }] } }],
  ])('%s', (_, auth, rest = {}) => {
    const fault = faultOf(auth, {}, rest);
    for (const text of [fault.describe(), inspect(fault, { depth: 9 }), JSON.stringify(fault)]) {
      expect(text).not.toContain('correct horse');
    }
  });

  it('and neither does the configuration that was read', () => {
    const mutual = { user: 'disk', secret: OTHER };
    const configuration = read({ ...user({ secret: SECRET }), mutual });
    const text = inspect(configuration, { depth: 12, showHidden: true }) + JSON.stringify(configuration);
    expect(text).toContain('alice');
    expect(text).not.toContain('correct horse');
    expect(text).not.toContain('staple');
  });

  it('but a method or a name that is wrong is shown', () => {
    expect(faultOf({ method: 'chop', users: [right] }).describe()).toContain('"chop"');
    expect(faultOf({ users: [right, right] }).describe()).toContain('"alice"');
  });
});

/** Authentication as configured (`auth`, `discoveryAuth`): users with their secrets, and what must not be the same. */
import {
  CHAP_ALGORITHMS,
  CHAP_NAME_BYTES_MAX,
  type ChapAlgorithm,
  type ChapCrypto,
  type ChapIdentity,
  type ChapPolicy,
  type ChapSecret,
} from '../../../iscsi/protocol/login/chap.ts';
import type { ConfigDocument } from '../config-document.ts';
import { type AuthEntry, CHAP_NAME_EXPECTED, type IdentityEntry } from '../schema/auth-schema.ts';
import { readSecret, type Variables } from './config-secrets.ts';

/** Reads the authentications of one configuration. */
export class AuthReader {
  private readonly document: ConfigDocument;
  private readonly crypto: ChapCrypto;
  private readonly variables: Variables;
  /** Keys of the initiators' and of our own secrets, by fingerprint. */
  private readonly userSecrets = new Map<string, string>();
  private readonly mutualSecrets = new Map<string, string>();

  constructor(document: ConfigDocument, crypto: ChapCrypto, variables: Variables) {
    this.document = document;
    this.crypto = crypto;
    this.variables = variables;
  }

  /** Null: everyone may log in. */
  read(key: string, entry: AuthEntry | undefined): ChapPolicy | null {
    if (entry === undefined) return null;
    const users = this.readUsers(key, entry);
    const mutual = entry.mutual === undefined ? null : this.readMutual(`${key}.mutual`, entry.mutual);
    const algorithms = this.readAlgorithms(key, entry);
    if (entry.method === 'none') return null;
    if (users.size === 0) {
      throw this.document.fault(`${key}.users`, undefined, 'expected at least one user; "method": "none" does without');
    }
    return { algorithms, users, mutual };
  }

  private readUsers(key: string, { users = [] }: AuthEntry): Map<string, ChapSecret> {
    const secrets = new Map<string, ChapSecret>();
    for (const [index, entry] of users.entries()) {
      const userKey = `${key}.users[${index}]`;
      const { user, secret } = this.readIdentity(userKey, entry);
      if (secrets.has(user)) {
        throw this.document.fault(`${userKey}.user`, user, 'another user here has this name; give each its own');
      }
      secrets.set(user, secret);
      this.keepApart(userKey, secret, this.userSecrets, this.mutualSecrets);
    }
    return secrets;
  }

  private readMutual(key: string, entry: IdentityEntry): ChapIdentity {
    const identity = this.readIdentity(key, entry);
    this.keepApart(key, identity.secret, this.mutualSecrets, this.userSecrets);
    return identity;
  }

  private readIdentity(key: string, entry: IdentityEntry): ChapIdentity {
    const { user } = entry;
    const lengthBytes = Buffer.byteLength(user);
    if (lengthBytes === 0 || lengthBytes > CHAP_NAME_BYTES_MAX || user.includes('\0')) {
      throw this.document.fault(`${key}.user`, user, `expected ${CHAP_NAME_EXPECTED}`);
    }
    return { user, secret: readSecret(this.document, key, entry, this.variables) };
  }

  /**
   * RFC 7143 9.2.1: no secret in both directions, on any target of this node; who knows it could have one target compute
   * what the other asks for.
   */
  private keepApart(key: string, secret: ChapSecret, own: Map<string, string>, others: Map<string, string>): void {
    const print = this.fingerprint(secret);
    const other = others.get(print);
    if (other !== undefined) {
      throw this.document.fault(
        key,
        undefined,
        `its secret is that of ${other} as well; RFC 7143 9.2.1 forbids one secret for both directions: give each its own`,
      );
    }
    own.set(print, key);
  }

  private fingerprint(secret: ChapSecret): string {
    return Buffer.from(secret.response(this.crypto, FINGERPRINT, 0, NO_CHALLENGE)).toString('base64');
  }

  private readAlgorithms(key: string, { algorithms }: AuthEntry): ChapAlgorithm[] {
    if (algorithms === undefined) return CHAP_ALGORITHMS.filter((algorithm) => this.crypto.supports(algorithm));
    return algorithms.map((name, index) => {
      const algorithm = CHAP_ALGORITHMS.find((known) => known.name === name);
      if (algorithm !== undefined && this.crypto.supports(algorithm)) return algorithm;
      const fault = 'the OpenSSL of this Node does not have this digest; leave it out';
      throw this.document.fault(`${key}.algorithms[${index}]`, name, fault);
    });
  }
}

const FINGERPRINT = CHAP_ALGORITHMS.find(({ name }) => name === 'SHA256') as ChapAlgorithm;
const NO_CHALLENGE = new Uint8Array(0);

/**
 * CHAP (RFC 1994, RFC 7143 12.1.3) without its exchange: the algorithms, secrets, and the port to the cryptography, which
 * this layer has none of.
 */

/** A digest that CHAP_A names by number (12.1.3 and IANA's PPP authentication algorithms). */
export interface ChapAlgorithm {
  readonly name: 'SHA3-256' | 'SHA256' | 'SHA1' | 'MD5';
  readonly number: number;
  readonly digestBytes: number;
}

/** Strongest first. The names are open-iscsi's. */
export const CHAP_ALGORITHMS: readonly ChapAlgorithm[] = [
  { name: 'SHA3-256', number: 8, digestBytes: 32 },
  { name: 'SHA256', number: 7, digestBytes: 32 },
  { name: 'SHA1', number: 6, digestBytes: 20 },
  { name: 'MD5', number: 5, digestBytes: 16 },
];

/** 9.2.1: 96 bits; a shorter secret can be found by trying. */
export const CHAP_SECRET_BYTES_MIN = 12;
export const CHAP_SECRET_BYTES_MAX = 255;
/** CHAP_N is a text value (6.1). */
export const CHAP_NAME_BYTES_MAX = 255;
/** 12.1.3: the binary length of CHAP_C and CHAP_R. */
export const CHAP_BINARY_BYTES_MAX = 1024;
/** CHAP_I is one byte (RFC 1994 4.1). */
export const CHAP_IDENTIFIER_MAX = 255;

/** The cryptography of CHAP, from the composition root. */
export interface ChapCrypto {
  supports(algorithm: ChapAlgorithm): boolean;
  /** From a generator fit for keys. */
  randomBytes(lengthBytes: number): Uint8Array;
  /** The digest over `parts` in their order. */
  digest(algorithm: ChapAlgorithm, parts: readonly Uint8Array[]): Uint8Array;
  /** In a time that depends on the lengths alone; false when they differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}

/** A secret that no log, JSON text or inspection shows. */
export class ChapSecret {
  readonly #bytes: Uint8Array;

  /** @param bytes CHAP_SECRET_BYTES_MIN to CHAP_SECRET_BYTES_MAX; copied */
  constructor(bytes: Uint8Array) {
    this.#bytes = Uint8Array.from(bytes);
  }

  get lengthBytes(): number {
    return this.#bytes.length;
  }

  /** RFC 1994 4.1: the digest of identifier, secret and challenge. */
  response(crypto: ChapCrypto, algorithm: ChapAlgorithm, identifier: number, challenge: Uint8Array): Uint8Array {
    return crypto.digest(algorithm, [Uint8Array.of(identifier), this.#bytes, challenge]);
  }
}

/** A name with its secret: what one side proves to the other. */
export interface ChapIdentity {
  readonly user: string;
  readonly secret: ChapSecret;
}

/** Who may log in, and how. */
export interface ChapPolicy {
  /** In our order of preference; at least one, each supported by the cryptography. */
  readonly algorithms: readonly ChapAlgorithm[];
  /** Secrets of the initiators by name; at least one. */
  readonly users: ReadonlyMap<string, ChapSecret>;
  /** What we answer to initiators that challenge us, or null: such a login is refused. */
  readonly mutual: ChapIdentity | null;
}

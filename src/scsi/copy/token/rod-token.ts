/**
 * ROD tokens (SPC-4 5.17.6, SBC-3 4.28): a token stands for the data of some blocks as they were when it was made, "point in
 * time copy - change vulnerable": nothing is copied, and the token is revoked before one of its blocks is written. It is the
 * right to read that data, wherever in this reactor it is shown: who made it had that right, and nobody guesses its
 * RANDOM_BYTES random bytes. So a copy by token reaches from one target device to another.
 *
 *   valid -> revoked (written, reset, medium gone) | deleted (DEL_TKN) | expired -> forgotten
 *   any -> forgotten, when the LUN is removed that it was made by
 */
import type { Backend } from '../../../backend/backend.ts';
import type { Clock } from '../../../util/clock.ts';
import type { LunMap } from '../../lun-map.ts';
import {
  SENSE_INVALID_TOKEN_LENGTH,
  SENSE_TOKEN_CORRUPT,
  SENSE_TOKEN_EXPIRED,
  SENSE_TOKEN_REVOKED,
  SENSE_TOKEN_UNKNOWN,
  SENSE_UNSUPPORTED_TOKEN_TYPE,
} from '../../sense.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { TOKENS_PER_UNIT_MAX } from '../copy-limits.ts';
import {
  encodeRodToken,
  IDENTIFIER_BYTES,
  RANDOM_BYTES,
  ROD_TOKEN_LENGTH,
  ROD_TYPE_CHANGE_VULNERABLE,
  randomPartOf,
  tokenLengthOf,
  tokenTypeOf,
} from './rod-token-format.ts';

/** So many bytes of a cryptographically secure generator. */
export type RandomBytes = (count: number) => Uint8Array;

export interface ByteRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** What a token is made of. */
export interface RodSource {
  readonly unit: LogicalUnit;
  readonly lun: number;
  readonly lunMap: LunMap;
  /** None of them empty, none over another. */
  readonly ranges: readonly ByteRange[];
  readonly targetPortName: string;
  readonly inactivityMs: number;
}

export class RodToken {
  readonly source: RodSource;
  /** The medium that was in the unit. */
  readonly medium: Backend;
  readonly lengthBytes: number;
  readonly bytes: Uint8Array;
  lastUsedMs: number;
  /** Copies under way. */
  useCount = 0;
  /** The sense code that says why it is no longer valid, or 0. */
  endedBy = 0;
  /** All ranges lie in [firstByte, endByte). */
  private readonly firstByte: number;
  private readonly endByte: number;

  constructor(source: RodSource, lengthBytes: number, bytes: Uint8Array, nowMs: number) {
    this.source = source;
    this.medium = source.unit.backend;
    this.lengthBytes = lengthBytes;
    this.bytes = bytes;
    this.lastUsedMs = nowMs;
    this.firstByte = Math.min(...source.ranges.map(({ offsetBytes }) => offsetBytes));
    this.endByte = Math.max(...source.ranges.map((range) => range.offsetBytes + range.lengthBytes));
  }

  get isValid(): boolean {
    return this.endedBy === 0;
  }

  /** Ends it; of several reasons the first stays. */
  end(senseCode: number): void {
    if (this.endedBy === 0) this.endedBy = senseCode;
  }

  touches(offsetBytes: number, lengthBytes: number): boolean {
    const endBytes = offsetBytes + lengthBytes;
    if (offsetBytes >= this.endByte || endBytes <= this.firstByte) return false;
    return this.source.ranges.some((range) => {
      return offsetBytes < range.offsetBytes + range.lengthBytes && range.offsetBytes < endBytes;
    });
  }
}

/** The tokens for data of one logical unit. */
export class UnitRods {
  readonly tokens: RodToken[] = [];

  /** The bytes are about to change. */
  onWrite(offsetBytes: number, lengthBytes: number): void {
    for (const token of this.tokens) {
      if (token.isValid && token.touches(offsetBytes, lengthBytes)) token.end(SENSE_TOKEN_REVOKED);
    }
  }

  revokeAll(): void {
    for (const token of this.tokens) token.end(SENSE_TOKEN_REVOKED);
  }
}

/** All tokens of a reactor. */
export class RodTokens {
  private readonly clock: Clock;
  private readonly randomBytes: RandomBytes;
  private readonly byRandomPart = new Map<string, RodToken>();

  constructor(clock: Clock, randomBytes: RandomBytes) {
    this.clock = clock;
    this.randomBytes = randomBytes;
  }

  /** A new token; null when the unit has TOKENS_PER_UNIT_MAX and all of them are in use. */
  create(source: RodSource): RodToken | null {
    const { unit, ranges } = source;
    this.makeRoom(unit);
    unit.rods ??= new UnitRods();
    if (unit.rods.tokens.length >= TOKENS_PER_UNIT_MAX) return null;
    const lengthBytes = ranges.reduce((sum, range) => sum + range.lengthBytes, 0);
    const random = this.randomBytes(IDENTIFIER_BYTES + RANDOM_BYTES);
    const bytes = encodeRodToken(unit, lengthBytes, source.targetPortName, random);
    const token = new RodToken(source, lengthBytes, bytes, this.clock.nowMs());
    unit.rods.tokens.push(token);
    this.byRandomPart.set(randomPartOf(bytes), token);
    return token;
  }

  /** The valid token that is those bytes, or the sense code that says why there is none. */
  find(bytes: Buffer): RodToken | number {
    if (tokenTypeOf(bytes) !== ROD_TYPE_CHANGE_VULNERABLE) return SENSE_UNSUPPORTED_TOKEN_TYPE;
    if (tokenLengthOf(bytes) !== ROD_TOKEN_LENGTH) return SENSE_INVALID_TOKEN_LENGTH;
    const token = this.byRandomPart.get(randomPartOf(bytes));
    if (token === undefined) return SENSE_TOKEN_UNKNOWN;
    if (!bytes.equals(token.bytes)) return SENSE_TOKEN_CORRUPT;
    if (this.isInactive(token)) token.end(SENSE_TOKEN_EXPIRED);
    if (token.medium !== token.source.unit.backend) token.end(SENSE_TOKEN_REVOKED);
    return token.isValid ? token : token.endedBy;
  }

  /** A copy begins to use `token`. */
  use(token: RodToken): void {
    token.useCount += 1;
  }

  /** The copy has ended; its time runs anew. */
  release(token: RodToken): void {
    token.useCount -= 1;
    token.lastUsedMs = this.clock.nowMs();
  }

  /** The valid tokens for data of `unit`. */
  validOf(unit: LogicalUnit): readonly RodToken[] {
    return unit.rods?.tokens.filter((token) => token.isValid && !this.isInactive(token)) ?? [];
  }

  /** `unit` is no longer `lun` of `lunMap`: what was read by that place cannot be any more. */
  onRemoved(unit: LogicalUnit, lun: number, lunMap: LunMap): void {
    const { rods } = unit;
    if (rods === null) return;
    for (const token of rods.tokens.filter(({ source }) => source.lun === lun && source.lunMap === lunMap)) {
      token.end(SENSE_TOKEN_REVOKED); // for a copy that uses it
      this.forget(rods, token);
    }
    if (rods.tokens.length === 0) unit.rods = null;
  }

  private isInactive(token: RodToken): boolean {
    return token.useCount === 0 && this.clock.nowMs() - token.lastUsedMs > token.source.inactivityMs;
  }

  /** What has had its time is forgotten, whether valid or not; then, when there is no room, the oldest. */
  private makeRoom(unit: LogicalUnit): void {
    const { rods } = unit;
    if (rods === null) return;
    for (const token of rods.tokens.filter((candidate) => this.isInactive(candidate))) this.forget(rods, token);
    if (rods.tokens.length < TOKENS_PER_UNIT_MAX) return;
    const oldest = rods.tokens.find(({ useCount }) => useCount === 0);
    if (oldest !== undefined) this.forget(rods, oldest);
  }

  private forget(rods: UnitRods, token: RodToken): void {
    rods.tokens.splice(rods.tokens.indexOf(token), 1);
    this.byRandomPart.delete(randomPartOf(token.bytes));
  }
}

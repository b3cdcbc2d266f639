/**
 * Goal: whatever stands in a CDB, and whatever buffers come with it, each command of each kind of unit is answered once, with a
 * sense key that the standard has for it; it leaves nothing behind, and changes no block that it does not name. Method: for
 * every entry of the command tables every reserved bit by itself, and every field, of whatever width, at 0, 1 and its maximum,
 * with data buffers that fit, that do not, and that go the wrong way.
 */
import { describe, expect, it } from 'vitest';
import { type CommandEntry, DATA_IN, DATA_OUT, MEDIUM_WRITTEN } from '../../../../src/scsi/command/command-entry.ts';
import { cdbFieldPointer, SENSE_INVALID_FIELD_IN_CDB } from '../../../../src/scsi/sense.ts';
import type { CommandOptions } from '../device-harness.ts';
import {
  emptyCdb,
  entriesOf,
  identifyingBits,
  KIND_NAMES,
  MEDIUM_BLOCKS,
  type Tried,
  TriedUnit,
} from './unit-kinds.ts';

const INVALID_FIELD_IN_CDB = '5/24/0';
const INVALID_OPERATION_CODE = '5/20/0';
const LBA_OUT_OF_RANGE = '5/21/0';

/** Widths of fields that a CDB has, in bytes. */
const FIELD_WIDTHS = [1, 2, 3, 4, 8];
/** ILLEGAL REQUEST, and what some commands end with besides. */
const MORE_KEYS = new Map<number, readonly number[]>([
  [0x2e, [0xe]],
  [0x2f, [0xe]],
  [0xae, [0xe]],
  [0xaf, [0xe]],
  [0x8e, [0xe]],
  [0x8f, [0xe]],
  [0x89, [0xe]],
  [0x7f, [0xe]],
]);
const ILLEGAL_REQUEST = 0x5;
const DATA_PROTECT = 0x7;

/** Where ALLOCATION LENGTH stands: its first byte and its bytes. */
const ALLOCATION_LENGTHS = new Map<number, readonly [number, number]>([
  [0x03, [4, 1]],
  [0x12, [3, 2]],
  [0x1a, [4, 1]],
  [0x1c, [3, 2]],
  [0x37, [7, 2]],
  [0x3c, [6, 3]],
  [0x43, [7, 2]],
  [0x46, [7, 2]],
  [0x4a, [7, 2]],
  [0x4d, [7, 2]],
  [0x51, [7, 2]],
  [0x52, [7, 2]],
  [0x5a, [7, 2]],
  [0x5e, [7, 2]],
  [0x84, [10, 4]],
  [0x9b, [10, 4]],
  [0x9e, [10, 4]],
  [0xa0, [6, 4]],
  [0xa3, [6, 4]],
  [0xad, [8, 2]],
  [0xb7, [6, 4]],
  [0xbd, [8, 2]],
]);
/** READ commands, and READ CAPACITY(10), which has a fixed length. */
const WITHOUT_ALLOCATION_LENGTH = new Set([0x08, 0x28, 0xa8, 0x88, 0x7f, 0xbe, 0x25]);

/** Below these an allocation length is an invalid field (SPC-4 6.33, 6.36). */
const ALLOCATION_LENGTHS_MIN = new Map<string, number>([
  ['REPORT LUNS', 16],
  ['REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS', 4],
]);

interface Range {
  readonly lba: number;
  readonly blocks: number;
}

function be(cdb: readonly number[], at: number, width: number): number {
  return cdb.slice(at, at + width).reduce((value, byte) => value * 256 + byte, 0);
}

/** The blocks that a command names, by the layouts of SBC-3. */
function namedRange(cdb: readonly number[]): Range {
  const [code = 0] = cdb;
  const whole = { lba: 0, blocks: MEDIUM_BLOCKS };
  if (code === 0x04 || code === 0x48 || code === 0x42) return whole;
  if (code === 0x0a) return { lba: be(cdb, 1, 3) & 0x1fffff, blocks: cdb[4] === 0 ? 256 : cdb[4]! };
  if (code === 0x89) return { lba: be(cdb, 2, 8), blocks: cdb[13]! };
  if (code === 0x7f) return { lba: be(cdb, 12, 8), blocks: be(cdb, 28, 4) };
  if (code >>> 5 === 4) return { lba: be(cdb, 2, 8), blocks: be(cdb, 10, 4) };
  if (code >>> 5 === 5) return { lba: be(cdb, 2, 4), blocks: be(cdb, 6, 4) };
  return { lba: be(cdb, 2, 4), blocks: be(cdb, 7, 2) };
}

/** Data buffers that fit one block, cut it, exceed it, or go where the command has none. */
function buffersFor({ direction }: CommandEntry, blockBytes: number): readonly CommandOptions[] {
  const out = (bytes: number) => ({ dataOut: Buffer.alloc(bytes, 0xa5) });
  const right =
    direction === DATA_OUT ? [out(1), out(blockBytes), out(3 * blockBytes)] : [{ dataIn: 1 }, { dataIn: 65536 }];
  const wrong = direction === DATA_OUT ? { dataIn: blockBytes } : out(blockBytes);
  return [{}, ...right, wrong, { dataIn: blockBytes, ...out(blockBytes) }];
}

/** `base` with every field that the usage mask can hold at 1 and at its maximum. */
function* fieldVariants(entry: CommandEntry, base: readonly number[]): Iterable<number[]> {
  for (const width of FIELD_WIDTHS) {
    for (let at = 1; at + width <= base.length; at++) {
      const mask = base.map((_, index) => {
        const isIn = index >= at && index < at + width;
        return isIn ? entry.usage[index]! & ~identifyingBits(entry, index) : 0;
      });
      const isField = width === 1 ? mask[at] !== 0 : mask.slice(at, at + width).every((bits) => bits === 0xff);
      if (!isField) continue;
      yield base.map((byte, index) => (byte & ~mask[index]!) | mask[index]!);
      yield base.map((byte, index) => (byte & ~mask[index]!) | lowestBit(mask, index, at + width - 1));
    }
  }
}

/** The number 1 in the field that ends with byte `last`. */
function lowestBit(mask: readonly number[], index: number, last: number): number {
  return index === last ? mask[index]! & -mask[index]! : 0;
}

function* singleBits(entry: CommandEntry, base: readonly number[]): Iterable<number[]> {
  for (let at = 1; at < base.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const isFree = ((entry.usage[at]! & ~identifyingBits(entry, at)) >>> bit) & 1;
      if (isFree === 1) yield base.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));
    }
  }
}

function told(cdb: readonly number[], options: CommandOptions, { client }: Tried): string {
  const hex = Buffer.from(cdb).toString('hex');
  return `${hex} in ${options.dataIn ?? 0} out ${options.dataOut?.length ?? 0}: ${client.outcome}`;
}

function checkAnswer(harness: TriedUnit, entry: CommandEntry, what: string, tried: Tried): void {
  const { command, outcome } = tried.client;
  expect(tried.client.isDone, what).toBe(true);
  expect(command.isAborted, what).toBe(false);
  expect([0x00, 0x02, 0x04, 0x18], what).toContain(command.status);
  if (command.status === 0x04) expect([0x34, 0x90], what).toContain(entry.operationCode);
  if (command.status === 0x18) expect([0x5f], what).toContain(entry.operationCode);
  if (command.status === 0x02) {
    const isProtected = !harness.isWritable && entry.medium === MEDIUM_WRITTEN;
    const more = isProtected ? [DATA_PROTECT] : (MORE_KEYS.get(entry.operationCode) ?? []);
    expect([ILLEGAL_REQUEST, ...more], what).toContain(command.senseCode >>> 16);
  }
  expect(outcome === 'status 0' || tried.client.data.length === 0, what).toBe(true);
  expect(tried.client.data.length <= command.dataInBytes, what).toBe(true);
  expect(harness.unit.taskCount, what).toBe(0);
  expect(harness.backend.pending.length, what).toBe(0);
}

/** Only a command for it, that ended well, has changed the medium, and only where it says. */
function checkChanges(
  harness: TriedUnit,
  entry: CommandEntry,
  cdb: readonly number[],
  what: string,
  tried: Tried,
): void {
  if (tried.changes.length === 0) return;
  expect(harness.isWritable, what).toBe(true);
  expect(entry.medium, what).toBe(MEDIUM_WRITTEN);
  expect(tried.client.outcome, what).toBe('status 0');
  const { blockBytes } = harness.unit;
  const { lba, blocks } = namedRange(cdb);
  for (const { offsetBytes, lengthBytes } of tried.changes) {
    expect(offsetBytes >= lba * blockBytes, what).toBe(true);
    expect(offsetBytes + lengthBytes <= (lba + blocks) * blockBytes, what).toBe(true);
  }
}

function check(harness: TriedUnit, entry: CommandEntry, cdb: readonly number[], options: CommandOptions): Tried {
  const tried = harness.try(cdb, options);
  const what = told(cdb, options, tried);
  checkAnswer(harness, entry, what, tried);
  checkChanges(harness, entry, cdb, what, tried);
  harness.restore();
  return tried;
}

describe.each(KIND_NAMES)('%s', (kind) => {
  const entries = entriesOf(kind).map((entry) => ({ name: entry.name, entry }));

  it.each(entries)('$name: each reserved bit is INVALID FIELD IN CDB, and the sense data point at it', ({ entry }) => {
    const harness = new TriedUnit(kind);
    const base = emptyCdb(entry);
    let reserved = 0;
    for (let at = 1; at < base.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        if (((entry.usage[at]! | identifyingBits(entry, at)) >>> bit) & 1) continue;
        const cdb = base.map((byte, index) => (index === at ? byte | (1 << bit) : byte));
        const options = { dataIn: entry.direction === DATA_IN ? 4096 : 0, dataOut: Buffer.alloc(512) };
        const { command } = check(harness, entry, cdb, options).client;
        expect([command.senseCode, command.senseFieldPointer], `byte ${at} bit ${bit}`).toEqual([
          SENSE_INVALID_FIELD_IN_CDB,
          cdbFieldPointer(at, bit),
        ]);
        expect(harness.backend.log).toEqual([]);
        reserved += 1;
      }
    }
    expect(reserved).toBeGreaterThan(0);
    expect(harness.isQuiet).toBe(true);
  });

  it.each(entries)('$name: each field at 0, 1 and its maximum, with all sorts of buffers', ({ entry }) => {
    const harness = new TriedUnit(kind);
    const base = emptyCdb(entry);
    const cdbs = [base, ...fieldVariants(entry, base), ...singleBits(entry, base)];
    for (const options of buffersFor(entry, harness.unit.blockBytes)) {
      for (const cdb of cdbs) check(harness, entry, cdb, options);
    }
    expect(harness.isQuiet).toBe(true);
  });

  it.each(entries.filter(({ entry }) => entry.direction === DATA_IN))(
    '$name: an allocation length cuts what is sent, and nothing else',
    ({ entry }) => {
      if (WITHOUT_ALLOCATION_LENGTH.has(entry.operationCode)) return;
      const place = ALLOCATION_LENGTHS.get(entry.operationCode);
      expect(place).toBeDefined();
      const [at, width] = place!;
      const withLength = (length: number) => {
        const bytes = Array.from(
          { length: width },
          (_, index) => Math.floor(length / 256 ** (width - 1 - index)) & 0xff,
        );
        return emptyCdb(entry).map((byte, index) => bytes[index - at] ?? byte);
      };
      const harness = new TriedUnit(kind);
      const max = 256 ** width - 1;
      const whole = check(harness, entry, withLength(max), { dataIn: 65536 }).client;
      for (const length of [0, 1, 2, 3, 7]) {
        const cut = check(harness, entry, withLength(length), { dataIn: 65536 }).client;
        const isTooSmall = length < (ALLOCATION_LENGTHS_MIN.get(entry.name) ?? 0);
        expect(cut.outcome).toBe(isTooSmall ? INVALID_FIELD_IN_CDB : whole.outcome);
        expect(cut.data.equals(whole.data.subarray(0, isTooSmall ? 0 : length))).toBe(true);
        const short = check(harness, entry, withLength(max), { dataIn: length }).client;
        expect(short.data.equals(whole.data.subarray(0, length))).toBe(true);
        if (whole.outcome === 'status 0') expect(short.command.presentedInBytes).toBe(whole.data.length);
      }
    },
  );

  it.each(entries)('$name: a CDB that is cut short is INVALID FIELD IN CDB', ({ entry }) => {
    const harness = new TriedUnit(kind);
    for (let cdbBytes = 1; cdbBytes < entry.cdbBytes; cdbBytes++) {
      const { client } = harness.try(emptyCdb(entry), { cdbBytes, dataIn: 512, dataOut: Buffer.alloc(512) });
      expect(client.outcome).toBe(INVALID_FIELD_IN_CDB);
      expect(harness.backend.log).toEqual([]);
    }
  });

  it('operation codes and service actions that are not there', () => {
    const harness = new TriedUnit(kind);
    const { table, unit } = harness;
    for (let code = 0; code < 256; code++) {
      for (let action = 0; action < 32; action++) {
        const entry = table.hasServiceActions(code) ? table.lookup(code, action) : table.lookup(code, 0);
        if (entry?.isOffered(unit) === true) continue;
        const { client, changes } = harness.try([code, action, ...Array<number>(14).fill(0)], { dataIn: 512 });
        expect(client.outcome).toBe(table.hasServiceActions(code) ? INVALID_FIELD_IN_CDB : INVALID_OPERATION_CODE);
        if (table.hasServiceActions(code) && code !== 0x7f) {
          expect(client.command.senseFieldPointer).toBe(cdbFieldPointer(1, 4));
        }
        expect(changes).toEqual([]);
      }
    }
    expect(harness.isQuiet).toBe(true);
  });

  it('commands of variable length whose service action or length is another', () => {
    const harness = new TriedUnit(kind);
    const { table } = harness;
    const hasAny = table.hasServiceActions(0x7f);
    for (let action = 0; action < 0x40; action++) {
      for (const additional of [0, 1, 16, 23, 24, 25, 255]) {
        const entry = table.lookup(0x7f, action);
        if (hasAny && entry !== null && additional === 24) continue;
        const cdb = [0x7f, 0, 0, 0, 0, 0, 0, additional, 0, action, ...Array<number>(22).fill(0)];
        const { client, changes } = harness.try(cdb, { dataOut: Buffer.alloc(512) });
        expect(client.outcome).toBe(hasAny ? INVALID_FIELD_IN_CDB : INVALID_OPERATION_CODE);
        expect(changes).toEqual([]);
      }
    }
  });

  it('no block behind the last is read or written, by any command that names an LBA', () => {
    const harness = new TriedUnit(kind);
    const { unit } = harness;
    const named = entriesOf(kind).filter(({ operationCode }) => LBA_WIDTHS.has(operationCode));
    for (const entry of named) {
      const [at, width] = LBA_WIDTHS.get(entry.operationCode)!;
      for (const lba of [MEDIUM_BLOCKS, MEDIUM_BLOCKS + 1, 2 ** 31, 2 ** 32 - 1, 2 ** 52, 2 ** 53, 2 ** 64 - 2 ** 12]) {
        if (lba >= 256 ** width) continue;
        const cdb = emptyCdb(entry);
        for (let i = 0; i < width; i++) cdb[at + i] = Math.floor(lba / 256 ** (width - 1 - i)) % 256;
        cdb[LENGTH_BYTES.get(entry.operationCode)!] = 1;
        const tried = check(harness, entry, cdb, { dataIn: 0, dataOut: Buffer.alloc(2 * unit.blockBytes) });
        const isProtected = entry.medium === MEDIUM_WRITTEN && !harness.isWritable;
        expect(tried.client.outcome, told(cdb, {}, tried)).toBe(isProtected ? '7/27/0' : LBA_OUT_OF_RANGE);
        expect(harness.backend.log).toEqual([]);
      }
    }
    expect(named.length).toBeGreaterThan(0);
  });
});

/** Where the LBA stands, of commands that name one and a number of blocks. */
const LBA_WIDTHS = new Map<number, readonly [number, number]>([
  ...[0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41].map((code) => [code, [2, 4]] as const),
  ...[0xa8, 0xaa, 0xae, 0xaf].map((code) => [code, [2, 4]] as const),
  ...[0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0x9c].map((code) => [code, [2, 8]] as const),
  [0x7f, [12, 8]],
]);
/** The last byte of the number of blocks. */
const LENGTH_BYTES = new Map<number, number>([
  ...[0x28, 0x2a, 0x2e, 0x2f, 0x34, 0x35, 0x41].map((code) => [code, 8] as const),
  ...[0xa8, 0xaa, 0xae, 0xaf].map((code) => [code, 9] as const),
  ...[0x88, 0x89, 0x8a, 0x8b, 0x8e, 0x8f, 0x90, 0x91, 0x93, 0x9c].map((code) => [code, 13] as const),
  [0x7f, 31],
]);

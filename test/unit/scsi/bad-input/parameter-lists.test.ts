/**
 * Goal: a parameter list that is cut short, too long, or wrong in any byte is answered, leaves nothing behind, and changes no
 * block unless the command ends well. Method: for each command with a list one that is right, then each of its bytes at its
 * limits, the list cut at each length, and lengths that the CDB, the list and the data-out buffer state differently.
 */
import { describe, expect, it } from 'vitest';
import { DATA_OUT } from '../../../../src/scsi/command/command-entry.ts';
import { seededRandom } from '../../../random.ts';
import { uint32 } from '../device-harness.ts';
import { emptyCdb, entriesOf, KIND_NAMES, MEDIUM_BLOCKS, type Tried, TriedUnit } from './unit-kinds.ts';

const GOOD = 'status 0';
const LIST_LENGTH_ERROR = '5/1a/0';
const WRITE_PROTECTED = '7/27/0';
const LIMITS = [0x00, 0x01, 0x7f, 0x80, 0xff];

interface ListCommand {
  readonly name: string;
  /** The CDB for a list of so many bytes. */
  readonly cdb: (lengthBytes: number) => number[];
  /** A list that the command takes. */
  readonly list: (harness: TriedUnit) => Buffer;
  /** Ends with WRITE PROTECTED where nothing can be written. */
  readonly writes: boolean;
  /** The CDB has no length: the buffer is the list. */
  readonly hasNoLength?: boolean;
  /** Sense keys it may end with besides ILLEGAL REQUEST. */
  readonly keys?: readonly number[];
}

function uint16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

/** What MODE SENSE(10) gives of the pages, as MODE SELECT takes it. */
function modePages(harness: TriedUnit, ...pages: readonly number[]): Buffer {
  return Buffer.concat(
    pages.map((page) => {
      const { data } = harness.run([0x5a, 0x08, page, 0, 0, 0, 0, 0x10, 0, 0], { dataIn: 4096 });
      const bytes = Buffer.from(data.subarray(8));
      bytes[0] = bytes[0]! & 0x7f;
      return bytes;
    }),
  );
}

function range(lba: number, blocks: number): Buffer {
  return Buffer.from([...uint32(0), ...uint32(lba), ...uint32(blocks), ...uint32(0)]);
}

function reserveOutList(key: number): Buffer {
  const list = Buffer.alloc(24);
  list[15] = key;
  return list;
}

function copyDescriptors(harness: TriedUnit): Buffer {
  const page = harness.run([0x12, 1, 0x83, 4, 0, 0], { dataIn: 1024 }).data;
  const cscd = Buffer.alloc(32);
  cscd[0] = 0xe4;
  for (let at = 4; at < page.length; at += 4 + page[at + 3]!) {
    if (page[at + 1] === 3) page.copy(cscd, 4, at, at + 4 + page[at + 3]!);
  }
  const segment = Buffer.alloc(28);
  segment[0] = 0x02;
  segment[3] = 0x18;
  segment[11] = 2; // blocks
  segment[27] = 8; // to
  return Buffer.concat([cscd, segment]);
}

function lid1List(harness: TriedUnit): Buffer {
  const header = Buffer.from([1, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0]);
  return Buffer.concat([header, copyDescriptors(harness)]);
}

function lid4List(harness: TriedUnit): Buffer {
  const header = Buffer.alloc(48);
  header[0] = 0x01;
  header[3] = 32;
  header[16] = 0xff;
  header[23] = 1;
  header[43] = 32;
  header[45] = 28;
  return Buffer.concat([header, copyDescriptors(harness)]);
}

function populateList(): Buffer {
  const header = Buffer.alloc(16);
  header[1] = 30;
  header[15] = 16;
  return Buffer.concat([header, range(4, 4)]);
}

function tokenList(token: Buffer): Buffer {
  const header = Buffer.alloc(536);
  header.writeUInt16BE(550, 0);
  token.copy(header, 16);
  header[535] = 16;
  return Buffer.concat([header, range(32, 4)]);
}

function zeroToken(): Buffer {
  return Buffer.from([0xff, 0xff, 0x00, 0x01, 0, 0, 0x01, 0xf8, ...Array<number>(504).fill(0)]);
}

function madeToken(harness: TriedUnit): Buffer {
  harness.run([0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 9, ...uint32(32), 0, 0], { dataOut: populateList() });
  const { data } = harness.run([0x84, 0x07, 0, 0, 0, 9, 0, 0, 0, 0, ...uint32(1024), 0, 0], { dataIn: 1024 });
  return Buffer.from(data.subarray(data.length - 512));
}

const MODE_SELECT: readonly ListCommand[] = [
  {
    name: 'MODE SELECT(6)',
    cdb: (length) => [0x15, 0x10, 0, 0, length & 0xff, 0],
    list: (harness) => Buffer.concat([Buffer.alloc(4), modePages(harness, 0x08, 0x0a)]),
    writes: false,
  },
  {
    name: 'MODE SELECT(10)',
    cdb: (length) => [0x55, 0x10, 0, 0, 0, 0, 0, ...uint16(length), 0],
    list: (harness) => Buffer.concat([Buffer.alloc(8), modePages(harness, 0x01, 0x0a)]),
    writes: false,
  },
];
const RESERVE: readonly ListCommand[] = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x08].map((action) => ({
  name: `PERSISTENT RESERVE OUT, service action ${action}`,
  cdb: (length) => [0x5f, action, 0x01, 0, 0, ...uint32(length), 0],
  list: () => reserveOutList(7),
  writes: false,
}));
const COPIES: readonly ListCommand[] = [
  {
    name: 'EXTENDED COPY(LID1)',
    cdb: (length) => [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(length), 0, 0],
    list: lid1List,
    writes: false,
    keys: [0xa],
  },
  {
    name: 'EXTENDED COPY(LID4)',
    cdb: (length) => [0x83, 1, 0, 0, 0, 0, 0, 0, 0, 0, ...uint32(length), 0, 0],
    list: lid4List,
    writes: false,
    keys: [0xa],
  },
  {
    name: 'POPULATE TOKEN',
    cdb: (length) => [0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, ...uint32(length), 0, 0],
    list: populateList,
    writes: false,
  },
  {
    name: 'WRITE USING TOKEN of zeros',
    cdb: (length) => [0x83, 0x11, 0, 0, 0, 0, 0, 0, 0, 1, ...uint32(length), 0, 0],
    list: () => tokenList(zeroToken()),
    writes: true,
  },
  {
    name: 'WRITE USING TOKEN of blocks',
    cdb: (length) => [0x83, 0x11, 0, 0, 0, 0, 0, 0, 0, 1, ...uint32(length), 0, 0],
    list: (harness) => tokenList(madeToken(harness)),
    writes: true,
  },
];
const OTHERS: readonly ListCommand[] = [
  {
    name: 'UNMAP',
    cdb: (length) => [0x42, 0, 0, 0, 0, 0, 0, ...uint16(length), 0],
    list: () => Buffer.concat([Buffer.from([0, 38, 0, 32, 0, 0, 0, 0]), range(8, 8), range(32, 8)]),
    writes: true,
  },
  {
    name: 'SANITIZE OVERWRITE',
    cdb: (length) => [0x48, 0x01, 0, 0, 0, 0, 0, ...uint16(length), 0],
    list: () => Buffer.from([0x01, 0, 0, 4, 1, 2, 3, 4]),
    writes: true,
  },
  {
    name: 'FORMAT UNIT with a pattern',
    cdb: () => [0x04, 0x10, 0, 0, 0, 0],
    list: () => Buffer.from([0, 0x08, 0, 0, 0, 0x01, 0, 4, 1, 2, 3, 4]),
    writes: true,
    hasNoLength: true,
  },
  {
    name: 'SET TIMESTAMP',
    cdb: (length) => [0xa4, 0x0f, 0, 0, 0, 0, ...uint32(length), 0, 0],
    list: () => Buffer.from([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0]),
    writes: false,
  },
  {
    name: 'SET TARGET PORT GROUPS',
    cdb: (length) => [0xa4, 0x0a, 0, 0, 0, 0, ...uint32(length), 0, 0],
    list: () => Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
    writes: false,
  },
  {
    name: 'WRITE BUFFER of data',
    cdb: (length) => [0x3b, 0x02, 0, 0, 0, 0, ...uint32(length).slice(1), 0],
    list: () => Buffer.alloc(16, 0x5a),
    writes: false,
  },
  {
    name: 'SEND DIAGNOSTIC',
    cdb: (length) => [0x1d, 0x10, 0, ...uint16(length), 0],
    list: () => Buffer.alloc(4),
    writes: false,
  },
];
const OF_DISKS = [...MODE_SELECT, ...RESERVE, ...COPIES, ...OTHERS];

const ILLEGAL_REQUEST = 0x5;

function run(harness: TriedUnit, command: ListCommand, cdb: readonly number[], dataOut: Buffer): Tried {
  const tried = harness.try(cdb, { dataOut });
  const { client, changes } = tried;
  const what = `${Buffer.from(cdb).toString('hex')} ${dataOut.toString('hex').slice(0, 160)}: ${client.outcome}`;
  expect(client.isDone, what).toBe(true);
  if (client.status === 0x02) {
    const { senseCode } = client.command;
    const keys = [ILLEGAL_REQUEST, ...(command.keys ?? []), ...(harness.isWritable ? [] : [0x7])];
    expect(keys, what).toContain(senseCode >>> 16);
  } else expect(cdb[0] === 0x5f ? [0x00, 0x18] : [0x00], what).toContain(client.status);
  if (client.outcome !== GOOD || !harness.isWritable) expect(changes, what).toEqual([]);
  expect(harness.unit.taskCount, what).toBe(0);
  expect(harness.backend.pending.length, what).toBe(0);
  harness.restore();
  return tried;
}

function isTaken(harness: TriedUnit, command: ListCommand): boolean {
  const entry = harness.table.find(Uint8Array.from(command.cdb(0)));
  return entry?.isOffered(harness.unit) === true;
}

const DISKS = KIND_NAMES.filter((kind) => kind !== 'CD-ROM drive');

describe.each(DISKS)('%s', (kind) => {
  const commands = OF_DISKS.filter((command) => isTaken(new TriedUnit(kind), command));

  it.each(commands)('$name takes the list that is right', (command) => {
    const harness = new TriedUnit(kind);
    const list = command.list(harness);
    const { client, changes } = run(harness, command, command.cdb(list.length), list);
    if (command.writes) {
      expect(client.outcome).toBe(harness.isWritable ? GOOD : WRITE_PROTECTED);
      expect(changes.length > 0).toBe(harness.isWritable);
    } else if (!command.name.startsWith('PERSISTENT') && command.keys === undefined) expect(client.outcome).toBe(GOOD);
  });

  it.each(commands)('$name with each byte of its list at its limits', (command) => {
    const harness = new TriedUnit(kind);
    const list = command.list(harness);
    for (let at = 0; at < list.length; at++) {
      for (const value of LIMITS) {
        const wrong = Buffer.from(list);
        wrong[at] = value;
        run(harness, command, command.cdb(list.length), wrong);
      }
    }
    expect(harness.isQuiet).toBe(true);
  });

  it.each(commands)('$name with a list that is cut, and with lengths that differ', (command) => {
    const harness = new TriedUnit(kind);
    const list = command.list(harness);
    for (let cut = 0; cut < list.length; cut++) {
      const short = list.subarray(0, cut);
      const { outcome } = run(harness, command, command.cdb(cut), short).client;
      if (command.hasNoLength === true) continue;
      expect(run(harness, command, command.cdb(cut), list).client.outcome).toBe(outcome);
      const isProtected = command.writes && !harness.isWritable;
      const { client, changes } = run(harness, command, command.cdb(list.length), short);
      if (cut < list.length) expect(changes).toEqual([]);
      expect([isProtected ? WRITE_PROTECTED : LIST_LENGTH_ERROR, 'status 18']).toContain(client.outcome);
    }
    run(harness, command, command.cdb(list.length + 8), Buffer.concat([list, Buffer.alloc(8)]));
    expect(harness.isQuiet).toBe(true);
  });

  it.each(commands)('$name with a list of zeros, of ones, and of anything', (command) => {
    const { seed, below, fill } = seededRandom();
    const harness = new TriedUnit(kind);
    for (let round = 0; round < 60; round++) {
      const list = Buffer.alloc(below(4) === 0 ? below(2000) : below(64), round % 3 === 1 ? 0xff : 0);
      if (round % 3 === 2) fill(list, 0, list.length);
      expect(() => run(harness, command, command.cdb(list.length), list), `SEED=${seed}`).not.toThrow();
    }
    expect(harness.isQuiet).toBe(true);
  });

  it('every command with data out that is not tried here takes blocks', () => {
    const harness = new TriedUnit(kind);
    const tried = new Set(commands.map((command) => harness.table.find(Uint8Array.from(command.cdb(0)))));
    const rest = entriesOf(kind).filter((entry) => entry.direction === DATA_OUT && !tried.has(entry));
    for (const entry of rest) {
      const { client, changes } = harness.try(emptyCdb(entry), { dataOut: Buffer.alloc(MEDIUM_BLOCKS * 4096, 0xff) });
      expect(client.isDone).toBe(true);
      if (client.outcome !== GOOD) expect(changes).toEqual([]);
    }
    expect(harness.isQuiet).toBe(true);
  });
});

describe('CD-ROM drive', () => {
  const [, command] = MODE_SELECT;

  it('MODE SELECT(10) changes nothing, whatever its list says', () => {
    const harness = new TriedUnit('CD-ROM drive');
    const list = Buffer.concat([Buffer.alloc(8), modePages(harness, 0x01, 0x2a)]);
    expect(run(harness, command!, command!.cdb(list.length), list).client.outcome).toBe(GOOD);
    for (let at = 0; at < list.length; at++) {
      for (const value of LIMITS) {
        const wrong = Buffer.from(list);
        wrong[at] = value;
        run(harness, command!, command!.cdb(list.length), wrong);
      }
      run(harness, command!, command!.cdb(at), list);
      if (at > 0)
        expect(run(harness, command!, command!.cdb(list.length), list.subarray(0, at)).client.outcome).toBe(
          LIST_LENGTH_ERROR,
        );
    }
    expect(harness.backend.log).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });
});

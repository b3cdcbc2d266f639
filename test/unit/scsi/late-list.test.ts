/**
 * What a command has been checked for may be so no more when its parameter list comes: the medium was ejected, or is being erased.
 * And a medium that grows while an erasure waits for its turn is erased whole.
 */
import { describe, expect, it } from 'vitest';
import { IO_READ } from '../../../src/backend/backend.ts';
import { BLOCK_BYTES, BLOCK_COUNT, type Client, cdb10, Harness, nexusOf, pattern, uint32 } from './device-harness.ts';

const MEDIUM_NOT_PRESENT = '2/3a/0';
const SANITIZE_IN_PROGRESS = '2/4/1b';
const IMMED = 0x80;
const BLOCK_ERASE = [0x48, IMMED | 0x02, 0, 0, 0, 0, 0, 0, 0, 0];

function range(lba: number, blocks: number): Buffer {
  return Buffer.from([...uint32(0), ...uint32(lba), ...uint32(blocks), ...uint32(0)]);
}

const UNMAP_LIST = Buffer.concat([Buffer.from([0, 22, 0, 16, 0, 0, 0, 0]), range(8, 8)]);
const POPULATE_LIST = Buffer.concat([Buffer.from([0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16]), range(8, 8)]);
const ERASING = [
  {
    name: 'SANITIZE OVERWRITE',
    cdb: [0x48, 0x01, 0, 0, 0, 0, 0, 0, 8, 0],
    list: Buffer.from([1, 0, 0, 4, 1, 2, 3, 4]),
  },
  { name: 'FORMAT UNIT', cdb: [0x04, 0x10, 0, 0, 0, 0], list: Buffer.from([0, 0x02, 0, 0]) },
];
const OTHERS = [
  { name: 'UNMAP', cdb: [0x42, 0, 0, 0, 0, 0, 0, 0, UNMAP_LIST.length, 0], list: UNMAP_LIST },
  {
    name: 'POPULATE TOKEN',
    cdb: [0x83, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, ...uint32(POPULATE_LIST.length), 0, 0],
    list: POPULATE_LIST,
  },
];

function removable(): Harness {
  const harness = new Harness({ unit: { isRemovable: true } });
  pattern(BLOCK_COUNT).copy(harness.backend.bytes);
  return harness;
}

function startWithoutList(harness: Harness, { cdb, list }: { cdb: readonly number[]; list: Buffer }): Client {
  const client = harness.start(cdb, { dataOut: list, answersDataOut: false });
  expect(client.requests.length).toBe(1);
  harness.backend.log.length = 0;
  return client;
}

describe('a list that comes when the medium is out of the drive', () => {
  it.each([...ERASING, ...OTHERS])('$name: no medium, and nothing is done to it', (command) => {
    const harness = removable();
    const client = startWithoutList(harness, command);
    harness.unit.ejectMedium();
    client.answer();
    harness.settle();
    expect(client.outcome).toBe(MEDIUM_NOT_PRESENT);
    expect(harness.unit.erasure.current).toBeNull();
    expect(harness.unit.rods?.tokens ?? []).toEqual([]);
    expect(harness.backend.log).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('a list that comes while the medium is being erased', () => {
  it.each([...ERASING, ...OTHERS])('$name: not ready', (command) => {
    const harness = removable();
    const client = startWithoutList(harness, command);
    expect(harness.start(BLOCK_ERASE).outcome).toBe('status 0');
    const begun = harness.backend.log.length;
    client.answer();
    expect(client.outcome).toBe(SANITIZE_IN_PROGRESS);
    expect(harness.backend.log.length).toBe(begun);
    harness.settle();
    expect(harness.unit.rods?.tokens ?? []).toEqual([]);
    expect(harness.isQuiet).toBe(true);
  });
});

describe('an erasure that waits for its turn', () => {
  it('waits for writes in what the medium has grown by meanwhile, or they for it', () => {
    const harness = new Harness();
    const first = harness.start(cdb10(0x2a, 0, 1), { dataOut: pattern(1), answersDataOut: false });
    const erase = harness.start(BLOCK_ERASE);
    expect(erase.outcome).toBe('running');
    harness.unit.resize(2 * BLOCK_COUNT * BLOCK_BYTES);
    const nexus = nexusOf('late');
    harness.start([0, 0, 0, 0, 0, 0], { nexus });
    const late = harness.start(cdb10(0x2a, BLOCK_COUNT, 1), { nexus, dataOut: pattern(1), answersDataOut: false });
    first.answer();
    harness.settle();
    if (late.requests.length > 0) late.answer();
    harness.settle();
    expect(erase.outcome).toBe('status 0');
    expect(harness.backend.bytes.every((byte) => byte === 0)).toBe(true);
    expect(harness.backend.log.some(({ op }) => op === IO_READ)).toBe(false);
    expect(harness.isQuiet).toBe(true);
  });
});

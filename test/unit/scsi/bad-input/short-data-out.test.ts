/**
 * A data-out buffer that ends within a block: the initiator does not mean what its CDB says, so nothing is written. One that ends
 * between two blocks cuts the transfer there, where the command is not one piece; and what it has too much is left.
 */
import { describe, expect, it } from 'vitest';
import { cdb10, cdb12, cdb16, uint32 } from '../device-harness.ts';
import { TriedUnit } from './unit-kinds.ts';

const BLOCKS = 4;
const FUA = 0x08;
const BYTCHK_COMPARE = 0x02;
const INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT = '5/e/3';
const INVALID_FIELD_IN_CDB = '5/24/0';

function cdb32(action: number, lba: number, blocks: number): number[] {
  const head = [0x7f, 0, 0, 0, 0, 0, 0, 24, 0, action, 0, 0];
  return [...head, 0, 0, 0, 0, ...uint32(lba), ...Array<number>(8).fill(0), ...uint32(blocks)];
}

/** Written segment by segment. */
const WRITES = [
  { name: 'WRITE(6)', cdb: [0x0a, 0, 0, 8, BLOCKS, 0] },
  { name: 'WRITE(10)', cdb: cdb10(0x2a, 8, BLOCKS) },
  { name: 'WRITE(12)', cdb: cdb12(0xaa, 8, BLOCKS, FUA) },
  { name: 'WRITE(16)', cdb: cdb16(0x8a, 8, BLOCKS) },
  { name: 'WRITE(32)', cdb: cdb32(0x0b, 8, BLOCKS) },
  { name: 'WRITE AND VERIFY(10)', cdb: cdb10(0x2e, 8, BLOCKS) },
  { name: 'WRITE AND VERIFY(12)', cdb: cdb12(0xae, 8, BLOCKS, BYTCHK_COMPARE) },
  { name: 'WRITE AND VERIFY(16)', cdb: cdb16(0x8e, 8, BLOCKS) },
  { name: 'WRITE AND VERIFY(32)', cdb: cdb32(0x0c, 8, BLOCKS) },
  { name: 'ORWRITE(16)', cdb: cdb16(0x8b, 8, BLOCKS) },
];
/** All or nothing. */
const WHOLE = [
  { name: 'COMPARE AND WRITE', cdb: cdb16(0x89, 8, 1), needed: 2, sense: INVALID_FIELD_IN_CDB },
  {
    name: 'WRITE ATOMIC(16)',
    cdb: [0x9c, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, BLOCKS, 0, 0],
    needed: BLOCKS,
    sense: INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT,
  },
  { name: 'WRITE SAME(10)', cdb: cdb10(0x41, 8, BLOCKS), needed: 1, sense: INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT },
  { name: 'WRITE SAME(16)', cdb: cdb16(0x93, 8, BLOCKS), needed: 1, sense: INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT },
];

describe.each(['disk', 'disk of 4096-byte blocks, not thin'])('%s', (kind) => {
  it.each(WRITES)('$name writes nothing of data that end within a block', ({ cdb }) => {
    const harness = new TriedUnit(kind);
    const { blockBytes } = harness.unit;
    for (const bytes of [1, blockBytes - 1, blockBytes + 1, 3 * blockBytes + blockBytes / 2, BLOCKS * blockBytes - 1]) {
      const { client, changes } = harness.try(cdb, { dataOut: Buffer.alloc(bytes, 0xff) });
      expect(client.outcome).toBe(INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);
      expect(client.command.presentedOutBytes).toBe(BLOCKS * blockBytes);
      expect(changes).toEqual([]);
    }
    expect(harness.isQuiet).toBe(true);
  });

  it.each(WRITES)('$name writes the whole blocks that it gets, and never more than it names', ({ cdb }) => {
    for (const held of [0, 1, BLOCKS - 1, BLOCKS, BLOCKS + 1]) {
      const harness = new TriedUnit(kind);
      const { blockBytes } = harness.unit;
      const before = Buffer.from(harness.backend.bytes);
      const written = Math.min(held, BLOCKS);
      const { client } = harness.try(cdb, { dataOut: Buffer.alloc(held * blockBytes, 0xff) });
      expect(client.outcome).toBe('status 0');
      expect(client.command.presentedOutBytes).toBe(BLOCKS * blockBytes);
      before.fill(0xff, 8 * blockBytes, (8 + written) * blockBytes);
      expect(harness.backend.bytes.equals(before)).toBe(true);
    }
  });

  it.each(WHOLE)('$name with less than it needs writes nothing', ({ cdb, needed, sense }) => {
    const harness = new TriedUnit(kind);
    const { blockBytes } = harness.unit;
    for (const bytes of [0, 1, blockBytes - 1, needed * blockBytes - 1]) {
      const { client, changes } = harness.try(cdb, { dataOut: Buffer.alloc(bytes, 0xff) });
      expect([sense, '5/24/0']).toContain(client.outcome); // of 4096-byte blocks less is atomic
      expect(changes).toEqual([]);
    }
  });
});

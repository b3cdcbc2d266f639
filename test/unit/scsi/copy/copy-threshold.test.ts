import { expect, it } from 'vitest';
import { BLOCK_BYTES, BLOCK_COUNT } from '../device-harness.ts';
import { GOOD, Pair } from './copy-pair.ts';
import { CopyingBackend } from './copying-backend.ts';

const MIB = 2 ** 20;

it('a provisioning threshold that a copy from store to store reaches is told', () => {
  const thresholds = { availableBytes: 10 * MIB, usedPercent: 0 };
  const pair = new Pair({ thresholds }, BLOCK_BYTES * BLOCK_COUNT, (bytes) => new CopyingBackend(bytes));
  const destination = pair.otherBackend as CopyingBackend;
  const answer = (availableBytes: number) => {
    destination.spaceNow = { usedBytes: 0, availableBytes };
    expect(destination.questions).toHaveLength(1);
    destination.questions.shift()?.();
  };
  pair.device.logicalUnit(1)?.provisioning.lookIfWatched();
  answer(11 * MIB);
  const client = pair.startCopy([{ blocks: MIB / BLOCK_BYTES + 1 }]);
  expect(destination.questions).toHaveLength(0);
  destination.endCopy();
  pair.settle();
  expect(client.outcome).toBe(GOOD);
  answer(9 * MIB);
  expect(pair.run([0, 0, 0, 0, 0, 0], { lun: 1 }).outcome).toBe('6/38/7');
  expect(pair.run([0, 0, 0, 0, 0, 0]).outcome).toBe(GOOD);
  expect(pair.isQuiet).toBe(true);
});

/**
 * What every store has to do, whatever it is made of: one suite, run over each of them. It asks through the Backend
 * interface alone, and looks at the file from outside where the contract speaks of space and of other servers.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { describeAllocation } from './backend/allocation.ts';
import { Bench, type ContractSubject } from './backend/bench.ts';
import { describeCompletion, describeReadOnly } from './backend/completion.ts';
import { describeCopies } from './backend/copies.ts';
import { describeDurability } from './backend/durability.ts';
import { describeFailures } from './backend/failures.ts';
import { describeLocks } from './backend/locks.ts';
import { describeModel } from './backend/model.ts';
import { describeSizes } from './backend/sizes.ts';
import { describeSpace } from './backend/space.ts';
import { describeTransfers } from './backend/transfers.ts';
import { describeZeros } from './backend/zeros.ts';

/** Registers the whole suite for a store that keeps its data in a file. */
export function describeFileContract(name: string, subject: ContractSubject): void {
  describe(name, () => {
    const bench = prepare(subject);
    describeTransfers(bench);
    describeZeros(bench);
    describeDurability(bench);
    describeCompletion(bench);
    describeReadOnly(bench);
    describeFailures(bench);
    describeLocks(bench);
    describeAllocation(bench);
    describeSpace(bench);
    describeSizes(bench);
    describeCopies(bench);
    describeModel(bench);
  });
}

/** Registers what holds for a store that keeps nothing; its exceptions are the parts left out here. */
export function describeForgetfulContract(name: string, subject: ContractSubject): void {
  describe(name, () => {
    const bench = prepare(subject);
    describeCompletion(bench);
    describeReadOnly(bench);
  });
}

function prepare(subject: ContractSubject): Bench {
  const bench = new Bench(subject);
  beforeEach(() => bench.begin());
  afterEach(() => bench.end());
  return bench;
}

/** When a loop polls for the next command, against a loop whose polls run out when the test says so. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BusyPoll } from '../../../src/native/busy-poll.ts';

const WINDOW_US = 100;

class Loop {
  polls = 0;
  isOver = false;
  isClosed = false;

  pollFor(microseconds: number): void {
    expect(microseconds).toBe(WINDOW_US);
    this.polls += 1;
    this.isOver = false;
  }

  hasRunOut(): boolean {
    return this.isOver;
  }

  close(): void {
    this.isClosed = true;
  }
}

describe('a loop that polls', () => {
  let loop: Loop;
  let poll: BusyPoll;
  beforeEach(() => {
    loop = new Loop();
    poll = new BusyPoll(loop, WINDOW_US);
  });

  /** Reads of one command each; with `isLate` every one comes when the poll for it has run out. */
  function singles(count: number, isLate = false): number {
    const before = loop.polls;
    for (let i = 0; i < count; i++) {
      loop.isOver = isLate;
      poll.onRead(1);
    }
    return loop.polls - before;
  }

  it('does so once an initiator has sent one command at a time for a while', () => {
    expect(singles(63)).toBe(0);
    expect(singles(1)).toBe(1);
    expect(singles(10)).toBe(10);
  });

  it('sleeps again after a read that brought several, until there was one at a time for as long', () => {
    singles(100);
    poll.onRead(2);
    expect(singles(63)).toBe(0);
    expect(singles(1)).toBe(1);
  });

  it('takes a read in the middle of a large data segment for no command', () => {
    singles(100);
    poll.onRead(0);
    expect(loop.polls).toBe(37);
    expect(singles(1)).toBe(1);
  });

  it('waits from the answer on when the store took its time', () => {
    poll.onWrite();
    singles(63);
    poll.onWrite();
    expect(loop.polls).toBe(0);
    singles(1);
    loop.isOver = true;
    poll.onWrite();
    expect([loop.polls, loop.isOver]).toEqual([2, false]);
    poll.onRead(1);
    expect(loop.polls).toBe(3); // it was not in vain
  });

  it('tries ever more rarely what is in vain', () => {
    singles(64);
    const tries: number[] = [];
    for (let reads = 1; tries.length < 14; reads++) if (singles(1, true) === 1) tries.push(reads);
    const gaps = tries.map((at, index) => at - (tries[index - 1] ?? 0));
    expect(gaps).toEqual([2, 3, 5, 9, 17, 33, 65, 129, 257, 513, 1025, 1025, 1025, 1025]);
  });

  it('is back at once when one try was not in vain', () => {
    singles(64);
    while (singles(1, true) === 0);
    singles(5000, true);
    while (singles(1) === 0);
    expect(singles(10)).toBe(10);
  });

  it('closes what it polls with', () => {
    poll.close();
    expect(loop.isClosed).toBe(true);
  });
});

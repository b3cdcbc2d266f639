/** When a loop polls for the next command, against a loop that says what the test tells it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { BusyPoll } from '../../../src/native/busy-poll.ts';

const WINDOW_US = 100;
const RUN_OUT = -1;
const SOON = 20;

class Loop {
  polls = 0;
  looksUntilRead = SOON;
  isClosed = false;

  pollFor(microseconds: number): void {
    expect(microseconds).toBe(WINDOW_US);
    this.polls += 1;
  }

  looks(): number {
    return this.looksUntilRead;
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

  function read(pduCount: number, looks = SOON): void {
    loop.looksUntilRead = looks;
    poll.beginRead();
    poll.endRead(pduCount);
  }

  /** Reads of one command each. @relooks for how many of them it polled */
  function singles(count: number, looks = SOON): number {
    const before = loop.polls;
    for (let i = 0; i < count; i++) read(1, looks);
    return loop.polls - before;
  }

  it('does so once an initiator has sent one command at a time for a while', () => {
    expect(singles(63)).toBe(0);
    expect(singles(1)).toBe(1);
    expect(singles(10)).toBe(10);
  });

  it('sleeps again after a read that brought several, until there was one at a time for as long', () => {
    singles(100);
    read(2);
    expect(singles(63)).toBe(0);
    expect(singles(1)).toBe(1);
  });

  it.each([0, 1, 2])('sleeps again when the next command is there after %d looks: it was not waited for', (looks) => {
    singles(100);
    expect(singles(64, looks)).toBe(1); // the last of them
    expect(singles(10, 3)).toBe(10);
  });

  it('goes on while the data of a command takes a few reads, and sleeps when it takes more', () => {
    singles(100);
    for (let i = 0; i < 4; i++) read(0);
    expect(singles(1)).toBe(1);
    for (let i = 0; i < 5; i++) read(0);
    expect(singles(63)).toBe(0);
    expect(singles(1)).toBe(1);
  });

  it('waits from the answer on when the store took its time', () => {
    poll.onWrite();
    singles(63);
    poll.onWrite();
    expect(loop.polls).toBe(0);
    singles(1);
    poll.onWrite();
    expect(loop.polls).toBe(2);
    poll.beginRead();
    poll.onWrite(); // at once: endRead will poll
    expect(loop.polls).toBe(2);
    poll.endRead(1);
    expect(loop.polls).toBe(3);
  });

  it('tries ever more rarely what is in vain', () => {
    singles(64);
    const tries: number[] = [];
    for (let reads = 1; tries.length < 14; reads++) if (singles(1, RUN_OUT) === 1) tries.push(reads);
    const gaps = tries.map((at, index) => at - (tries[index - 1] ?? 0));
    expect(gaps).toEqual([2, 3, 5, 9, 17, 33, 65, 129, 257, 513, 1025, 1025, 1025, 1025]);
  });

  it('is back at once when one try was not in vain', () => {
    singles(64);
    singles(5000, RUN_OUT);
    while (singles(1, RUN_OUT) === 0);
    expect(singles(10)).toBe(10);
  });

  it('closes what it polls with', () => {
    poll.close();
    expect(loop.isClosed).toBe(true);
  });
});

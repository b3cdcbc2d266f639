/** A loop that polls, seen from what it does with its time, and how it ends. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { NativeBusyPoll } from '../../src/native/native-addon.ts';
import { addonPath, describeNative, runChild } from './native-suite.ts';

const SECOND_US = 1_000_000;
const WAIT_MS = 200;

describeNative('a busy poll', (native) => {
  function create(): NativeBusyPoll {
    const poll = native.createBusyPoll();
    if (typeof poll === 'number') throw new Error(`no busy poll: ${poll}`);
    return poll;
  }

  /** Of the next WAIT_MS, in which there is nothing to do, the share that the loop sleeps. */
  async function sleptShare(): Promise<number> {
    const before = performance.eventLoopUtilization();
    await delay(WAIT_MS);
    const { idle, active } = performance.eventLoopUtilization(before);
    return idle / (idle + active);
  }

  it('keeps the loop awake until its time is over, or it is closed', async () => {
    const poll = create();
    expect(await sleptShare()).toBeGreaterThan(0);
    poll.pollFor(10 * SECOND_US);
    expect(poll.looks()).toBe(0);
    expect(await sleptShare()).toBe(0);
    expect(poll.looks()).toBeGreaterThan(10);
    poll.pollFor(1);
    while (poll.looks() >= 0) await delay(1);
    expect(await sleptShare()).toBeGreaterThan(0);
    poll.pollFor(10 * SECOND_US);
    poll.close();
    poll.close();
    poll.pollFor(10 * SECOND_US);
    expect(await sleptShare()).toBeGreaterThan(0);
  });

  it('serves timers, I/O and messages meanwhile', async () => {
    const poll = create();
    poll.pollFor(10 * SECOND_US);
    const { end, stdout } = await runChild(`console.log('here')`);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'here' });
    poll.close();
  });

  it('does not keep a process alive, nor a worker that is stopped in the middle of it', async () => {
    const { end, stderr } = await runChild(`
      const { Worker } = require('node:worker_threads');
      native.createBusyPoll().pollFor(3_600_000_000);
      globalThis.kept = native.createBusyPoll();
      const worker = new Worker(
        \`const { parentPort, workerData } = require('node:worker_threads');
        const native = require(workerData);
        setInterval(() => {}, 1000);
        globalThis.kept = native.createBusyPoll();
        globalThis.kept.pollFor(3_600_000_000);
        parentPort.postMessage('polls');\`,
        { eval: true, workerData: ${JSON.stringify(addonPath())} },
      );
      worker.once('message', () => worker.terminate());
    `);
    expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  });
});

/**
 * Beginnings and ends: environments that load the addon at once, that stop with I/O in flight, and what is left behind.
 * Each runs in a process of its own, since a failure here is a crash or a hang.
 */
import { expect, it } from 'vitest';
import { describeRing, runChild } from './native-suite.ts';

/** Reads that stay in flight: nobody ever writes to the other end of this pipe. */
const OPEN_PIPE = `
  const { execFileSync } = require('node:child_process');
  const fs = require('node:fs'), os = require('node:os'), path = require('node:path');
  function openPipe() {
    const fifo = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'gotgt-fifo-')), 'fifo');
    execFileSync('mkfifo', [fifo]);
    const fd = fs.openSync(fifo, fs.constants.O_RDWR);
    fs.rmSync(path.dirname(fifo), { recursive: true });
    return fd;
  }
`;

/** Through the page cache, which nothing polls, where the file system has no O_DIRECT. */
const DIRECT_FILE = `
  const fs = require('node:fs'), os = require('node:os'), path = require('node:path');
  function openDirect() {
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'gotgt-direct-')), 'file');
    fs.writeFileSync(file, Buffer.alloc(65536, 1));
    const { O_RDWR, O_DIRECT } = fs.constants;
    let fd;
    try {
      fd = fs.openSync(file, O_RDWR | O_DIRECT);
    } catch {
      fd = fs.openSync(file, O_RDWR);
    }
    fs.rmSync(path.dirname(file), { recursive: true });
    return fd;
  }
`;

const OPEN_RING = `
  function openRing(onCompletions = () => {}, options = {}) {
    const arena = native.createArena(65536);
    const ring = native.openRing(arena, { depth: 32, ...options }, onCompletions);
    if (typeof ring === 'number') throw new Error('no ring: ' + ring);
    const words = new Int32Array(ring.submissions), doubles = new Float64Array(ring.submissions);
    const start = (opcode, fd, length, token) => {
      words.set([opcode, fd, length, token]);
      doubles.set([0, 0], 2);
      return ring.enter(1);
    };
    return { ring, start, arena };
  }
`;

describeRing('the life of a ring', () => {
  it('an open idle ring does not keep the process alive', async () => {
    const { end, stderr } = await runChild(`${OPEN_RING} globalThis.kept = openRing();`);
    expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
  });

  it('I/O in flight keeps the process alive until it is done', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      const fd = openPipe();
      const kept = openRing((count) => console.log('completed ' + count));
      kept.start(1, fd, 16, 0);
      setTimeout(() => fs.writeSync(fd, 'x'), 100).unref();
    `);
    // The timer is unreferenced: only the read keeps the loop turning until it fires.
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'completed 1' });
  });

  it.each(['{ sqPollIdleMs: 60000 }', '{ isPolled: true }'])(
    'an open idle ring with %s does not either',
    async (options) => {
      const { end, stderr } = await runChild(`${OPEN_RING} globalThis.kept = openRing(() => {}, ${options});`);
      expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
    },
  );

  it('a submission thread does the same, and wakes the loop', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      const fd = openPipe();
      const kept = openRing((count) => console.log('completed ' + count), { sqPollIdleMs: 1 });
      kept.start(1, fd, 16, 0);
      setTimeout(() => fs.writeSync(fd, 'x'), 100).unref();
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'completed 1' });
  });

  it('a polled ring is looked at until it has nothing in flight, also by the turns of an idle loop', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${DIRECT_FILE}
      let seen = 0;
      const kept = openRing((count) => { seen += count; }, { isPolled: true });
      const fd = openDirect();
      const atOnce = kept.start(2, fd, 4096, 0);
      if (atOnce < 0) throw new Error('enter: ' + atOnce);
      process.on('exit', () => console.log(seen + atOnce, kept.ring.inFlight()));
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: '1 0' });
  });

  it.each(['{ sqPollIdleMs: 1 }', '{ isPolled: true }'])(
    'a ring with %s closes with I/O in flight',
    async (options) => {
      const { end, stdout } = await runChild(`${OPEN_RING} ${DIRECT_FILE}
      const kept = openRing(() => console.log('told'), ${options});
      const fd = openDirect();
      for (let token = 0; token < 16; token++) kept.start(2, fd, 4096, token);
      kept.ring.close();
      console.log(kept.ring.inFlight());
    `);
      expect({ end, stdout }).toEqual({ end: 0, stdout: '0' });
    },
  );

  it('process.exit with I/O in flight ends at once', async () => {
    const { end } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      openRing().start(1, openPipe(), 16, 0);
      setTimeout(() => process.exit(5), 50);
    `);
    expect(end).toBe(5);
  });

  it('closing a ring with I/O in flight cancels it, tells nobody and frees it', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      const { ring, start } = openRing(() => console.log('told'));
      start(1, openPipe(), 16, 0);
      console.log(ring.inFlight());
      ring.close();
      console.log(ring.inFlight());
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: '1\n0' });
  });

  it('a ring may be closed from its own callback', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      const fd = openPipe();
      const kept = openRing((count) => { kept.ring.close(); console.log('closed'); });
      kept.start(1, fd, 16, 0);
      fs.writeSync(fd, 'x');
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'closed' });
  });

  it('what the callback throws is an uncaught exception', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      process.on('uncaughtException', (e) => console.log('caught ' + e.message));
      const fd = openPipe();
      const kept = openRing(() => { throw new Error('mine'); });
      kept.start(1, fd, 16, 0);
      fs.writeSync(fd, 'x');
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'caught mine' });
  });

  it('process.nextTick runs after the callback: batches of a wake are flushed', async () => {
    const { end, stdout } = await runChild(`${OPEN_RING} ${OPEN_PIPE}
      const fd = openPipe();
      const kept = openRing(() => process.nextTick(() => console.log('ticked')));
      kept.start(1, fd, 16, 0);
      fs.writeSync(fd, 'x');
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'ticked' });
  });

  it('loads in several workers at once, each with a ring of its own', async () => {
    const { end, stdout } = await runChild(
      inWorkers(`
      const fd = fs.openSync('/proc/self/exe', 'r');
      const kept = openRing((count) => parentPort.postMessage(count));
      const count = kept.start(1, fd, 4096, 0);
      if (count > 0) parentPort.postMessage(count);
    `),
    );
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'messages 8, exits 0' });
  });

  it('workers that are terminated with I/O in flight leave no crash and no hang', async () => {
    const { end, stdout } = await runChild(
      inWorkers(
        `
      openRing().start(1, openPipe(), 16, 0);
      const base = openRing(() => {}, { baseOpsOnly: true });
      base.start(6, openPipe(), 0, 1);
      openRing(() => {}, { sqPollIdleMs: 1 }).start(1, openPipe(), 16, 0);
      openRing(() => {}, { isPolled: true }).start(1, fs.openSync('/proc/self/exe', 'r'), 4096, 0);
      native.listen({ address: '127.0.0.1', port: 0 }, () => {}, () => {});
      parentPort.postMessage(1);
      setInterval(() => {}, 1000);
    `,
        true,
      ),
    );
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'messages 8, exits 1' });
  });

  it('rings and arenas that were opened and closed leave neither descriptors nor memory', async () => {
    const { end, stdout, stderr } = await runChild(
      `${OPEN_RING}
      const fs = require('node:fs');
      const descriptors = () => fs.readdirSync('/proc/self/fd').length;
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      async function open(times) {
        for (let i = 0; i < times; i++) {
          const { ring, start, arena } = openRing(() => {}, { depth: 1024 });
          arena.memory.fill(1);
          start(0, -1, 0, 0);
          ring.close();
          await turn();
          if (i % 20 === 0) { global.gc(); await turn(); }
        }
        for (let i = 0; i < 5; i++) { global.gc(); await turn(); }
      }
      (async () => {
        await open(50);
        const before = { descriptors: descriptors(), rss: process.memoryUsage.rss() };
        await open(400);
        console.log(descriptors() - before.descriptors, (process.memoryUsage.rss() - before.rss) / 2 ** 20);
      })();`,
      ['--expose-gc'],
    );
    expect({ end, stderr }).toEqual({ end: 0, stderr: '' });
    const [descriptors, mebibytes] = stdout.split(' ').map(Number) as [number, number];
    expect(descriptors).toBe(0);
    // 400 rings and arenas are 50 MiB when they stay.
    expect(mebibytes).toBeLessThan(15);
  });
});

/** Runs `script` in eight workers at once; with `isTerminated` each is terminated when it has spoken. */
function inWorkers(script: string, isTerminated = false): string {
  return `
    const { Worker } = require('node:worker_threads');
    const path = require.cache[Object.keys(require.cache).find((name) => name.endsWith('.node'))].filename;
    const source = "const native = require(" + JSON.stringify(path) + "); const { parentPort } = require('node:worker_threads');"
      + ${JSON.stringify(OPEN_RING + OPEN_PIPE + script)};
    let messages = 0, exits = [];
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(source, { eval: true });
      worker.on('message', () => { messages++; if (${isTerminated}) setTimeout(() => worker.terminate(), 20); });
      worker.on('error', (error) => { console.error(error); });
      worker.on('exit', (code) => {
        exits.push(code);
        if (exits.length === 8) console.log('messages ' + messages + ', exits ' + [...new Set(exits)]);
      });
    }
  `;
}

/**
 * What polled-device.test.ts runs in its guest: the daemon with an NVMe disk, past the page cache; qemu-img writes random bytes
 * to it and reads them back. Once for each way to use io_uring. One line of JSON for the test, after "== ".
 */
import { execFile } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { openBackend } from '/dist/backend/registry.js';
import { startDaemon } from '/dist/daemon.js';
import { configurationOf } from '/dist/mgmt/config/config.js';
import { createLogger } from '/dist/mgmt/logging.js';
import { loadNative } from '/dist/native/binding.js';
import { openRing } from '/dist/native/ring.js';
import { TickBatch } from '/dist/util/tick-batch.js';

const NAME = 'iqn.2026-11.org.example:nvme';
const URL = `iscsi://127.0.0.1/${NAME}/0`;
const DISK_BYTES = 16 << 20;
const DISK = '/dev/nvme0n1';
const WRITTEN = '/tmp/written.img';
const READ_BACK = '/tmp/read.img';
const WAYS = { interrupts: {}, polled: { ioPoll: true }, thread: { sqPollIdleMs: 5 } };

const logger = await createLogger('debug', false);
const runs = {};
for (const [way, performance] of Object.entries(WAYS)) runs[way] = await run(way, performance);
const isPolled = Number(readFileSync('/sys/block/nvme0n1/queue/io_poll', 'utf8'));
const reopened = { device: await reopen(DISK, true), file: await reopen(WRITTEN, false) };
console.log(`== ${JSON.stringify({ isPolled, runs, reopened })}`);
process.exit(0);

async function run(way, performance) {
  writeFileSync(WRITTEN, randomBytes(way));
  const before = interrupts();
  const daemon = await startDaemon(source(performance), configurationOf(source(performance)), logger);
  await convert('-n', WRITTEN, URL);
  await convert(URL, READ_BACK);
  const rings = (await daemon.status()).map(({ ring, polledRing }) => [ring, polledRing]);
  const isDrained = await daemon.stop();
  const expected = readFileSync(WRITTEN);
  return {
    isDrained,
    flags: rings.flat().map((ring) => ring?.setupFlags ?? null),
    interrupts: interrupts() - before,
    isOnDisk: readDisk().equals(expected),
    isBack: readFileSync(READ_BACK).equals(expected),
  };
}

/** Opens a store that was just closed, while its ring goes on: "opened", or why not. */
async function reopen(path, isDirect) {
  const { native } = loadNative();
  const batch = new TickBatch((work) => process.nextTick(work));
  const { ring, reason } = openRing({ native, arena: native.createArena(1 << 20), batch, depth: 32 });
  const spec = {
    scheme: 'iouring',
    path,
    sizeBytes: null,
    blockBytes: 4096,
    isReadOnly: false,
    isThin: true,
    isDirect,
  };
  const context = { batch, native, ring, polledRing: null, ringReason: reason, note: () => undefined };
  const open = () => openBackend({ ...spec, queueDepth: null }, context);
  await (await open()).close();
  try {
    await (await open()).close();
    return 'opened';
  } catch (error) {
    return error.message;
  } finally {
    ring.close();
  }
}

function source(performance) {
  const text = JSON.stringify({
    storages: [{ deviceID: 0, path: `iouring:${DISK}`, blockShift: 12, direct: true }],
    iscsiportals: [{ id: 0, portal: '127.0.0.1:3260' }],
    iscsitargets: { [NAME]: { luns: { 0: 0 } } },
    performance,
  });
  const file = { path: '/tmp/config.json', text };
  return { stateDirectory: '/tmp/state', file, host: null, port: null, blocksMultipleHosts: false };
}

/** Different for each way, and the same in each run of this test. */
function randomBytes(way) {
  const key = Buffer.alloc(16, way);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(DISK_BYTES));
}

function readDisk() {
  const bytes = Buffer.alloc(DISK_BYTES);
  const fd = openSync(DISK);
  for (let done = 0; done < DISK_BYTES; ) done += readSync(fd, bytes, done, DISK_BYTES - done, done);
  return bytes;
}

/** That the disk has raised for I/O. */
function interrupts() {
  const lines = readFileSync('/proc/interrupts', 'utf8').split('\n');
  const ours = lines.filter((line) => /nvme0q[1-9]/.test(line));
  return ours
    .flatMap((line) => [...line.matchAll(/\s(\d+)(?=\s)/g)])
    .reduce((sum, [, count]) => sum + Number(count), 0);
}

function convert(...args) {
  return new Promise((resolve, reject) => {
    execFile('/usr/bin/qemu-img', ['convert', '-f', 'raw', '-O', 'raw', ...args], (error, stdout, stderr) => {
      if (error === null && stdout === '' && stderr === '') resolve();
      else reject(new Error(`qemu-img: ${error?.message} ${stdout} ${stderr}`));
    });
  });
}

/**
 * What a READ and a WRITE of 4 KiB leave on the JavaScript heap of the daemon once it has warmed up: nothing that survives,
 * and little that has to be collected. With the limits raised, a change that allocates per command shows here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadNative } from '../../src/native/binding.ts';
import { read10, write10 } from '../initiator/cdb.ts';
import { waitUntil } from '../patience.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { TcpSession } from './tcp-session.ts';

const REPORT = fileURLToPath(new URL('heap-report.cjs', import.meta.url));
const DEPTH = 32;
const WARM_COMMANDS = 40_000;
const COMMANDS = 20_000;
const BLOCK_BYTES = 512;
const DATA_BLOCKS = 8;
const DISK_BLOCKS = 131_072;
/** Bytes per command: with the addon, and by Node's own calls, which make a request, a view and a callback for each. */
const ALLOCATED_MAX = 200;
const ALLOCATED_PORTABLE_MAX = 1500;
/**
 * What is allocated for each read of a socket, each turn of the event loop, and each write that a busy disk makes wait, is shared by
 * more commands or fewer, as the machine has time: then another window is looked at. What every command allocates shows in all.
 */
const WINDOWS_MAX = 4;
/** Of all COMMANDS: less than the smallest object each; the compiler keeps some, whatever is served. */
const SURVIVING_MAX = COMMANDS * 20;

const folders: TestFolder[] = [];
afterAll(() => {
  for (const folder of folders) folder.dispose();
});

interface HeapReport {
  readonly allocatedBytes: number;
  readonly survivingBytes: number;
}

/** The least of each figure over windows, until both are below `enough`. */
async function measure(scheme: string, isRead: boolean, enough: HeapReport): Promise<HeapReport> {
  const folder = new TestFolder();
  folders.push(folder);
  const file = folder.join('heap');
  const wrapper = ['env', `NODE_OPTIONS=--require=${REPORT}`, `HEAP_FILE=${file}`];
  const disks = [{ scheme, fileName: 'disk', size: '64MiB' }];
  const daemon = await DaemonProcess.start(folder, { disks, wrapper });
  const client = await TcpSession.open(daemon);
  await client.execute(0, read10(0, 1), { dataIn: BLOCK_BYTES }); // takes the unit attention of a new nexus
  await run(client, isRead, WARM_COMMANDS);
  await report(daemon, file, 1);
  let best: HeapReport = { allocatedBytes: Infinity, survivingBytes: Infinity };
  const isEnough = () => best.allocatedBytes < enough.allocatedBytes && best.survivingBytes < enough.survivingBytes;
  for (let window = 1; window <= WINDOWS_MAX && !isEnough(); window++) {
    await run(client, isRead, COMMANDS);
    const { allocatedBytes, survivingBytes } = await report(daemon, file, 1 + window);
    best = {
      allocatedBytes: Math.min(best.allocatedBytes, allocatedBytes),
      survivingBytes: Math.min(best.survivingBytes, survivingBytes),
    };
  }
  await client.close();
  await daemon.stop();
  return best;
}

async function report(daemon: DaemonProcess, file: string, lines: number): Promise<HeapReport> {
  daemon.signal('SIGUSR2');
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  await waitUntil('the daemon tells of its heap', () => text().split('\n').length > lines);
  return JSON.parse(text().split('\n')[lines - 1] as string) as HeapReport;
}

/** `count` commands, DEPTH of them at a time. */
async function run(client: TcpSession, isRead: boolean, count: number): Promise<void> {
  const dataOut = Buffer.alloc(DATA_BLOCKS * BLOCK_BYTES, 7);
  let started = 0;
  const worker = async () => {
    while (started < count) {
      started += 1;
      const lba = (started * 7919 * DATA_BLOCKS) % DISK_BLOCKS;
      const task = isRead
        ? await client.execute(0, read10(lba, DATA_BLOCKS), { dataIn: dataOut.length })
        : await client.execute(0, write10(lba, DATA_BLOCKS), { dataOut });
      expect(task.status).toBe(0);
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, worker));
}

describe('the heap of a daemon at work', () => {
  const hasNative = loadNative().native !== null;
  it.each([
    ['READ', 'null', true],
    ['WRITE', 'null', false],
    ['READ', 'iouring', true],
    ['WRITE', 'iouring', false],
  ])('%s of the store "%s" leaves nothing, and little to collect', async (name, scheme, isRead) => {
    const most = hasNative ? ALLOCATED_MAX : ALLOCATED_PORTABLE_MAX;
    const enough = { allocatedBytes: most * COMMANDS, survivingBytes: SURVIVING_MAX };
    const { allocatedBytes, survivingBytes } = await measure(scheme, isRead, enough);
    const perCommand = allocatedBytes / COMMANDS;
    console.log(`${name} of ${scheme}: ${perCommand.toFixed(0)} bytes allocated per command`);
    expect(perCommand).toBeGreaterThan(0);
    expect(perCommand).toBeLessThan(most);
    expect(survivingBytes).toBeLessThan(SURVIVING_MAX);
  });
});

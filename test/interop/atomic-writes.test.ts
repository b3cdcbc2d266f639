/** Atomic writes of the daemon as it is built: SIGKILL under a stream of them, and what a start does with a journal it finds. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import { encodeAtomicRecord, NO_ATOMIC_RECORD } from '../../src/mgmt/state/atomic-record.ts';
import { waitUntil } from '../patience.ts';
import { seededRandom } from '../random.ts';
import { DaemonProcess, type DaemonSetup, TestFolder } from './daemon-process.ts';
import { TcpSession } from './tcp-session.ts';

const BLOCK_BYTES = 512;
/** Each is written whole by one WRITE ATOMIC, again and again, with the number of the write in each byte. */
const REGION_BLOCKS = [16, 255, 256, 1024];
const REGION_STEP = 1100;
const KILLS = 4;
const GOOD = 0;
const CHECK_CONDITION = 2;

const folders: TestFolder[] = [];

afterAll(() => {
  for (const folder of folders) folder.dispose();
});

function newFolder(): TestFolder {
  const folder = new TestFolder();
  folders.push(folder);
  return folder;
}

function oneDisk(scheme: string): DaemonSetup {
  return { disks: [{ scheme, fileName: 'disk.img', size: '8MiB' }] };
}

function lbaOf(region: number): number {
  return region * REGION_STEP + region;
}

function writeAtomic(lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x9c;
  cdb.writeUInt32BE(lba, 6);
  cdb.writeUInt16BE(blocks, 12);
  return cdb;
}

function read(lba: number, blocks: number): Buffer {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x88;
  cdb.writeUInt32BE(lba, 6);
  cdb.writeUInt32BE(blocks, 10);
  return cdb;
}

async function openSession(daemon: DaemonProcess, isidLow = 1): Promise<TcpSession> {
  const session = await TcpSession.open(daemon, isidLow);
  await session.execute(0, Buffer.alloc(16)); // the power on condition
  return session;
}

async function contentOf(session: TcpSession, lba: number, blocks: number): Promise<Buffer> {
  const task = await session.execute(0, read(lba, blocks), { dataIn: blocks * BLOCK_BYTES });
  expect(task.status).toBe(GOOD);
  return Buffer.from(task.dataIn);
}

/** Writes regions from number `from` on until the connection ends; tells the last that was GOOD, and the last that was sent. */
async function stream(
  session: TcpSession,
  region: number,
  from: number,
  onGood: () => void,
): Promise<{ good: number; sent: number }> {
  const blocks = REGION_BLOCKS[region] as number;
  for (let number = from; ; number++) {
    const dataOut = Buffer.alloc(blocks * BLOCK_BYTES, number & 0xff);
    const { status } = await session.execute(0, writeAtomic(lbaOf(region), blocks), { dataOut });
    if (status !== GOOD) return { good: number - 1, sent: number };
    onGood();
  }
}

describe.each(['file', 'iouring'])('atomic writes on %s', (scheme) => {
  it('are there whole or not at all after SIGKILL, and whole when they were GOOD', async () => {
    const random = seededRandom();
    const folder = newFolder();
    const numbers = REGION_BLOCKS.map(() => 0);
    for (let kill = 0; kill < KILLS; kill++) {
      const daemon = await DaemonProcess.start(folder, oneDisk(scheme));
      const sessions = await Promise.all(REGION_BLOCKS.map((_, region) => openSession(daemon, region + 1)));
      const written = new Set<number>();
      const streams = sessions.map((session, region) =>
        stream(session, region, (numbers[region] as number) + 1, () => written.add(region)),
      );
      await waitUntil('every region is written', () => written.size === REGION_BLOCKS.length);
      await new Promise((resolve) => setTimeout(resolve, random.below(100)));
      await daemon.kill();
      const ends = await Promise.all(streams);
      const next = await DaemonProcess.start(folder, oneDisk(scheme));
      const session = await openSession(next);
      for (const [region, blocks] of REGION_BLOCKS.entries()) {
        const { good, sent } = ends[region] as { good: number; sent: number };
        const bytes = await contentOf(session, lbaOf(region), blocks);
        const found = bytes[0] as number;
        expect([good & 0xff, sent & 0xff], `SEED=${random.seed} kill ${kill} region ${region}`).toContain(found);
        expect(
          bytes.every((byte) => byte === found),
          `SEED=${random.seed} kill ${kill} region ${region}`,
        ).toBe(true);
        numbers[region] = found === (sent & 0xff) ? sent : good;
      }
      await session.close();
      await next.stop();
    }
    expect(Math.min(...numbers), 'every region was written').toBeGreaterThanOrEqual(KILLS);
  });

  it('what was interrupted is undone before anybody is served', async () => {
    const { folder, journal, before, after } = await halfDone(scheme);
    const daemon = await DaemonProcess.start(folder, oneDisk(scheme));
    expect(daemon.logged('an atomic write that was interrupted has been undone')).toHaveLength(1);
    const session = await openSession(daemon);
    expect((await contentOf(session, 5, 256)).equals(before)).toBe(true);
    expect(readFileSync(journal).subarray(0, 512).equals(NO_ATOMIC_RECORD)).toBe(true);
    const plain = await session.execute(0, writeAtomic(5, 256), { dataOut: after });
    expect(plain.status).toBe(GOOD);
    await session.close();
    await daemon.stop();
    const again = await DaemonProcess.start(folder, oneDisk(scheme));
    const other = await openSession(again);
    expect((await contentOf(other, 5, 256)).equals(after)).toBe(true);
    await other.close();
    await again.stop();
  });

  it('a journal of another store changes nothing and closes the disk', async () => {
    const { folder } = await halfDone(scheme);
    const image = folder.join('disk.img');
    const foreign = Buffer.alloc(readFileSync(image).length, 0x77);
    writeFileSync(image, foreign);
    const daemon = await DaemonProcess.start(folder, oneDisk(scheme));
    const session = await openSession(daemon);
    const task = await session.execute(0, read(5, 1), { dataIn: BLOCK_BYTES });
    expect(task.status).toBe(CHECK_CONDITION);
    await session.close();
    expect(
      daemon.log
        .filter(({ level }) => level >= 50)
        .map(({ msg }) => msg)
        .join(),
    ).toMatch(/neither before nor after/);
    await daemon.kill();
    expect(readFileSync(image).equals(foreign)).toBe(true);
  });
});

/** A disk and its journal as a crash in the middle of an atomic write leaves them. */
async function halfDone(scheme: string) {
  const folder = newFolder();
  const first = await DaemonProcess.start(folder, oneDisk(scheme));
  const session = await openSession(first);
  const before = Buffer.alloc(256 * BLOCK_BYTES, 1);
  await session.execute(0, writeAtomic(5, 256), { dataOut: before });
  await session.close();
  await first.stop();
  const name = readdirSync(folder.join('state')).find((file) => file.endsWith('.journal')) as string;
  const journal = folder.join(`state/${name}`);
  const image = folder.join('disk.img');
  const after = Buffer.alloc(before.length, 2);
  const bytes = readFileSync(image);
  after.copy(bytes, 5 * BLOCK_BYTES, 0, 100 * BLOCK_BYTES);
  writeFileSync(image, bytes);
  const record = { medium: image, offsetBytes: 5 * BLOCK_BYTES, before, after };
  writeFileSync(journal, Buffer.concat(encodeAtomicRecord(record, crc32cPortable)));
  return { folder, journal, before, after };
}

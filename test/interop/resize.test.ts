/**
 * Disks that grow and shrink under a running daemon: by themselves, by SIGHUP, by the configuration. libiscsi sees the new
 * size, a session that stays open hears of it (CAPACITY DATA HAS CHANGED) and uses it.
 */
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read10, write10 } from '../initiator/cdb.ts';
import { waitUntil } from '../patience.ts';
import { clientOutput } from './client-command.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { TcpSession } from './tcp-session.ts';

const MIB = 2 ** 20;
const BLOCK_BYTES = 512;
const READ_AGAIN = /^the configuration was read again/;
const OTHER_SIZE = 'a storage has another size now';
const CAPACITY_DATA_HAS_CHANGED = 0x062a09;
const LBA_OUT_OF_RANGE = 0x052100;
const TEST_UNIT_READY = [0x00];
const GOOD = 0;

const folder = new TestFolder();
let daemon: DaemonProcess;
let session: TcpSession;

/** LUN, file and engine; the first two are as large as their files are, the others as the configuration says. */
const FOLLOWING = [
  { lun: 0, file: 'follows-uring.img', scheme: 'iouring' },
  { lun: 1, file: 'follows-file.img', scheme: 'file' },
];
const CONFIGURED = [
  { lun: 2, file: 'configured-uring.img', scheme: 'iouring' },
  { lun: 3, file: 'configured-file.img', scheme: 'file' },
];

beforeAll(async () => {
  for (const { file } of FOLLOWING) makeFile(file, MIB);
  daemon = await DaemonProcess.start(folder, {
    disks: [
      ...FOLLOWING.map(({ scheme, file }) => ({ scheme, fileName: file })),
      ...CONFIGURED.map(({ scheme, file }) => ({ scheme, fileName: file, size: '1MiB' })),
    ],
  });
  session = await TcpSession.open(daemon);
  for (const { lun } of [...FOLLOWING, ...CONFIGURED]) await session.execute(lun, TEST_UNIT_READY); // power on
});

afterAll(async () => {
  await session.close();
  await daemon.stop();
  folder.dispose();
});

function makeFile(name: string, sizeBytes: number): void {
  closeSync(openSync(folder.join(name), 'wx'));
  truncateSync(folder.join(name), sizeBytes);
}

/** Has the configuration read again, after giving the disk of `lun` this size. */
async function reload(lun?: number, size?: string): Promise<void> {
  const file = folder.join('config-any.json');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  if (lun !== undefined) document.storages[lun].size = size;
  writeFileSync(file, JSON.stringify(document));
  const count = () => daemon.log.filter(({ msg }) => READ_AGAIN.test(msg)).length;
  const before = count();
  daemon.signal('SIGHUP');
  await waitUntil('the configuration was read again', () => count() > before);
}

async function bytesAsLibiscsiSees(lun: number): Promise<number> {
  const output = await clientOutput(folder, 'iscsi-readcapacity16', [daemon.url(lun)]);
  return Number(/^Total size:(\d+)$/m.exec(output)?.[1]);
}

/** Sense code of TEST UNIT READY, 0 when it is GOOD. */
async function testUnitReady(lun: number): Promise<number> {
  const task = await session.execute(lun, TEST_UNIT_READY);
  return task.status === GOOD ? 0 : task.senseCode;
}

/** The disk ends where it should: its last block takes data and gives it back, and nothing is behind it. */
async function expectEnd(lun: number, sizeBytes: number, fill: number): Promise<void> {
  const blocks = sizeBytes / BLOCK_BYTES;
  const dataOut = Buffer.alloc(BLOCK_BYTES, fill);
  expect((await session.execute(lun, write10(blocks - 1, 1), { dataOut })).status).toBe(GOOD);
  const read = await session.execute(lun, read10(blocks - 1, 1), { dataIn: BLOCK_BYTES });
  expect([read.status, read.dataIn.equals(dataOut)]).toEqual([GOOD, true]);
  const behind = await session.execute(lun, read10(blocks, 1), { dataIn: BLOCK_BYTES });
  expect(behind.senseCode).toBe(LBA_OUT_OF_RANGE);
  expect(await bytesAsLibiscsiSees(lun)).toBe(sizeBytes);
}

describe.each(FOLLOWING)('a $scheme disk as large as its file', ({ lun, file }) => {
  const path = folder.join(file);

  it('grows with it, noticed by the daemon itself', async () => {
    truncateSync(path, 2 * MIB);
    const isNoted = () =>
      daemon.logged(OTHER_SIZE).some(({ deviceID, sizeBytes }) => deviceID === lun && sizeBytes === 2 * MIB);
    await waitUntil('the daemon notices', isNoted);
    expect([await testUnitReady(lun), await testUnitReady(lun)]).toEqual([CAPACITY_DATA_HAS_CHANGED, 0]);
    await expectEnd(lun, 2 * MIB, 0x5a);
  });

  it('grows with it at once by SIGHUP', async () => {
    truncateSync(path, 3 * MIB);
    await reload();
    expect(await testUnitReady(lun)).toBe(CAPACITY_DATA_HAS_CHANGED);
    await expectEnd(lun, 3 * MIB, 0xa5);
    const kept = await session.execute(lun, read10((2 * MIB) / BLOCK_BYTES - 1, 1), { dataIn: BLOCK_BYTES });
    expect(kept.dataIn.equals(Buffer.alloc(BLOCK_BYTES, 0x5a))).toBe(true);
  });

  it('shrinks with it, and nothing is written behind its end', async () => {
    truncateSync(path, MIB);
    await reload();
    expect(await testUnitReady(lun)).toBe(CAPACITY_DATA_HAS_CHANGED);
    await expectEnd(lun, MIB, 0x11);
    const dataOut = Buffer.alloc(BLOCK_BYTES);
    expect((await session.execute(lun, write10(MIB / BLOCK_BYTES, 1), { dataOut })).senseCode).toBe(LBA_OUT_OF_RANGE);
    expect(statSync(path).size).toBe(MIB);
  });

  it('is in use while it grows', async () => {
    const dataOut = Buffer.alloc(MIB / 2, 0x77);
    const busy = async () => {
      for (let turn = 0; turn < 8; turn++) {
        let task = await session.execute(lun, write10(0, dataOut.length / BLOCK_BYTES), { dataOut });
        while (task.senseCode === CAPACITY_DATA_HAS_CHANGED) {
          task = await session.execute(lun, write10(0, dataOut.length / BLOCK_BYTES), { dataOut });
        }
        expect(task.status).toBe(GOOD);
      }
    };
    const work = Promise.all([busy(), busy()]);
    for (const sizeMiB of [2, 3, 4]) {
      truncateSync(path, sizeMiB * MIB);
      await reload();
    }
    await work;
    await testUnitReady(lun);
    await expectEnd(lun, 4 * MIB, 0x22);
  });
});

describe.each(CONFIGURED)('a $scheme disk with a configured size', ({ lun, file }) => {
  const path = folder.join(file);

  it('grows with the configuration, without taking space', async () => {
    await reload(lun, '8MiB');
    expect(statSync(path).size).toBe(8 * MIB);
    expect(statSync(path).blocks * 512).toBeLessThan(MIB);
    expect(await testUnitReady(lun)).toBe(CAPACITY_DATA_HAS_CHANGED);
    await expectEnd(lun, 8 * MIB, 0x33);
  });

  it('is not made smaller by it; the log says so', async () => {
    await reload(lun, '2MiB');
    expect(await testUnitReady(lun)).toBe(0);
    await expectEnd(lun, 8 * MIB, 0x44);
    expect(statSync(path).size).toBe(8 * MIB);
    const complaints = daemon.log.filter(({ msg, deviceID }) => deviceID === lun && /^the size stays/.test(msg));
    expect(complaints.map(({ msg }) => msg)).toEqual([expect.stringContaining('its configured size is 2097152')]);
  });

  it('follows its file once no size is configured any more', async () => {
    truncateSync(path, 9 * MIB);
    await reload(lun, undefined);
    expect(await testUnitReady(lun)).toBe(CAPACITY_DATA_HAS_CHANGED);
    await expectEnd(lun, 9 * MIB, 0x55);
  });
});

it('a disk that a thread of its own serves grows as well', async () => {
  const place = new TestFolder();
  const path = place.join('threaded.img');
  closeSync(openSync(path, 'wx'));
  truncateSync(path, MIB);
  const threaded = await DaemonProcess.start(place, {
    disks: [{ scheme: 'iouring', fileName: 'threaded.img' }],
    keys: { performance: { reactors: 2 } },
  });
  const user = await TcpSession.open(threaded);
  await user.execute(0, TEST_UNIT_READY);
  truncateSync(path, 2 * MIB);
  threaded.signal('SIGHUP');
  await waitUntil('the thread notices', () => threaded.logged(OTHER_SIZE).length > 0);
  expect((await user.execute(0, TEST_UNIT_READY)).senseCode).toBe(CAPACITY_DATA_HAS_CHANGED);
  const task = await user.execute(0, read10((2 * MIB) / BLOCK_BYTES - 1, 1), { dataIn: BLOCK_BYTES });
  expect(task.status).toBe(GOOD);
  await user.close();
  await threaded.stop();
  place.dispose();
});

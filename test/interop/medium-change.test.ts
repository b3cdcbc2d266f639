/**
 * Media that are changed while they are served (SIGHUP): in a CD-ROM drive, whose image QEMU reads, and in a removable disk. A
 * session that stays open hears of it, is asked to let go of what it holds, and finds the other medium.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read10, write10 } from '../initiator/cdb.ts';
import { waitUntil } from '../patience.ts';
import { clientOutput } from './client-command.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { writeRandomImage } from './random-image.ts';
import { TcpSession } from './tcp-session.ts';

const DISC_BLOCK_BYTES = 2048;
const DISK_BLOCK_BYTES = 512;
const FIRST_BLOCKS = 512;
const SECOND_BLOCKS = 1024;
const DISK_BYTES = 1048576;
const GOOD = 0;
const MEDIUM_MAY_HAVE_CHANGED = 0x062800;
const MEDIUM_NOT_PRESENT = 0x023a00;
const MEDIUM_REMOVAL_PREVENTED = 0x055302;
const LBA_OUT_OF_RANGE = 0x052100;
const TEST_UNIT_READY = [0x00];
const EJECT = [0x1b, 0, 0, 0, 0x02, 0];
const READ_AGAIN = /^the configuration was read again/;
const DRIVE = 0;
const DISK = 1;

describe.each(['file', 'iouring'])('by %s', (scheme) => {
  const folder = new TestFolder();
  const storages = [
    { deviceID: 0, kind: 'cdrom', path: `${scheme}:${folder.join('first.iso')}` },
    { deviceID: 1, removable: true, path: `${scheme}:${folder.join('first.img')}` },
  ];
  let daemon: DaemonProcess;
  let session: TcpSession;

  beforeAll(async () => {
    writeRandomImage(folder.join('first.iso'), FIRST_BLOCKS * DISC_BLOCK_BYTES, 1);
    writeRandomImage(folder.join('second.iso'), SECOND_BLOCKS * DISC_BLOCK_BYTES, 2);
    writeRandomImage(folder.join('first.img'), DISK_BYTES, 3);
    writeRandomImage(folder.join('second.img'), 2 * DISK_BYTES, 4);
    daemon = await DaemonProcess.start(folder, {
      disks: [],
      targetKeys: { luns: { 0: 0, 1: 1 } },
      keys: { storages },
    });
    session = await TcpSession.open(daemon);
    for (const lun of [DRIVE, DISK]) await session.execute(lun, TEST_UNIT_READY); // power on
  });

  afterAll(async () => {
    await session.close();
    await daemon.stop();
    folder.dispose();
  });

  /** Has the configuration read again, with another file for the storage of `lun`; returns what was said of media. */
  async function reload(lun?: number, fileName?: string): Promise<string[]> {
    const file = folder.join('config-any.json');
    const document = JSON.parse(readFileSync(file, 'utf8'));
    if (lun !== undefined && fileName !== undefined) document.storages[lun].path = `${scheme}:${folder.join(fileName)}`;
    writeFileSync(file, JSON.stringify(document));
    const before = daemon.log.length;
    const since = () => daemon.log.slice(before).map(({ msg }) => msg);
    daemon.signal('SIGHUP');
    await waitUntil('the configuration was read again', () => since().some((text) => READ_AGAIN.test(text)));
    return since().filter((text) => text.startsWith('the medium'));
  }

  /** Sense code, 0 when it is GOOD. */
  async function senseOf(lun: number, cdb: readonly number[] | Buffer): Promise<number> {
    const task = await session.execute(lun, cdb);
    return task.status === GOOD ? 0 : task.senseCode;
  }

  async function isImage(fileName: string): Promise<boolean> {
    const copy = folder.join('copy.iso');
    await clientOutput(folder, 'qemu-img', ['convert', '-f', 'raw', '-O', 'raw', daemon.url(DRIVE), copy]);
    return readFileSync(copy).equals(readFileSync(folder.join(fileName)));
  }

  async function mediaEvent(): Promise<string> {
    const poll = [0x4a, 0x01, 0, 0, 0x10, 0, 0, 0, 8, 0];
    return (await session.execute(DRIVE, poll, { dataIn: 8 })).dataIn.toString('hex');
  }

  it('QEMU reads the image in the drive, libiscsi sees a CD', async () => {
    expect(await isImage('first.iso')).toBe(true);
    const inquiry = await clientOutput(folder, 'iscsi-inq', [daemon.url(DRIVE)]);
    expect(inquiry).toMatch(/Peripheral Device Type:.*\(?(MMC|CD)/);
    expect(inquiry).toContain('Removable:1');
  });

  it('another image takes its place, and every session hears of it', async () => {
    expect(await reload(DRIVE, 'second.iso')).toEqual(['the medium was changed']);
    expect(await mediaEvent()).toBe('0006045602020000');
    expect(await senseOf(DRIVE, TEST_UNIT_READY)).toBe(MEDIUM_MAY_HAVE_CHANGED);
    const capacity = await session.execute(DRIVE, [0x25], { dataIn: 8 });
    expect([capacity.dataIn.readUInt32BE(0), capacity.dataIn.readUInt32BE(4)]).toEqual([
      SECOND_BLOCKS - 1,
      DISC_BLOCK_BYTES,
    ]);
    const last = await session.execute(DRIVE, read10(SECOND_BLOCKS - 1, 1), { dataIn: DISC_BLOCK_BYTES });
    expect(last.dataIn.equals(readFileSync(folder.join('second.iso')).subarray(-DISC_BLOCK_BYTES))).toBe(true);
    expect(await senseOf(DRIVE, read10(SECOND_BLOCKS, 1))).toBe(LBA_OUT_OF_RANGE);
    expect(await isImage('second.iso')).toBe(true);
  });

  it('a file that is not there leaves the drive as it was', async () => {
    const [said] = await reload(DRIVE, 'missing.iso');
    expect(said).toMatch(/^the medium was not changed: .*missing\.iso does not exist/);
    expect(await senseOf(DRIVE, TEST_UNIT_READY)).toBe(0);
    expect(await isImage('second.iso')).toBe(true);
  });

  it('what an initiator holds stays, and it is asked to let go', async () => {
    expect(await senseOf(DRIVE, [0x1e, 0, 0, 0, 1])).toBe(0);
    expect(await senseOf(DRIVE, EJECT)).toBe(MEDIUM_REMOVAL_PREVENTED);
    const [said] = await reload(DRIVE, 'first.iso');
    expect(said).toMatch(/^the medium was not changed: an initiator prevents the removal/);
    expect(await mediaEvent()).toBe('0006045601020000');
    expect(await senseOf(DRIVE, [0x1e, 0, 0, 0, 0])).toBe(0);
    expect(await reload()).toEqual(['the medium was changed']);
    expect(await senseOf(DRIVE, TEST_UNIT_READY)).toBe(MEDIUM_MAY_HAVE_CHANGED);
    expect(await isImage('first.iso')).toBe(true);
  });

  it('what was ejected is loaded again', async () => {
    expect(await senseOf(DRIVE, EJECT)).toBe(0);
    expect(await senseOf(DRIVE, TEST_UNIT_READY)).toBe(MEDIUM_NOT_PRESENT);
    expect(await reload()).toEqual([]);
    expect([await senseOf(DRIVE, TEST_UNIT_READY), await senseOf(DRIVE, TEST_UNIT_READY)]).toEqual([
      MEDIUM_MAY_HAVE_CHANGED,
      0,
    ]);
  });

  it('each medium of a removable disk keeps what was written to it', async () => {
    const [first, second] = [Buffer.alloc(DISK_BLOCK_BYTES, 0x11), Buffer.alloc(DISK_BLOCK_BYTES, 0x22)];
    expect((await session.execute(DISK, write10(7, 1), { dataOut: first })).status).toBe(GOOD);
    expect(await reload(DISK, 'second.img')).toEqual(['the medium was changed']);
    expect(await senseOf(DISK, TEST_UNIT_READY)).toBe(MEDIUM_MAY_HAVE_CHANGED);
    const lastBlock = (2 * DISK_BYTES) / DISK_BLOCK_BYTES - 1;
    expect((await session.execute(DISK, write10(lastBlock, 1), { dataOut: second })).status).toBe(GOOD);
    expect(await reload(DISK, 'first.img')).toEqual(['the medium was changed']);
    expect(readFileSync(folder.join('second.img')).subarray(-DISK_BLOCK_BYTES).equals(second)).toBe(true);
    await session.execute(DISK, TEST_UNIT_READY);
    const block = await session.execute(DISK, read10(7, 1), { dataIn: DISK_BLOCK_BYTES });
    expect(block.dataIn.equals(first)).toBe(true);
  });

  it('media go in and out under reads that never stop, and no block is of another than was there', async () => {
    const images = ['first.iso', 'second.iso'].map((name) => readFileSync(folder.join(name)));
    let isOver = false;
    let goodReads = 0;
    const reading = (async () => {
      for (let lba = 0; !isOver; lba = (lba + 1) % FIRST_BLOCKS) {
        const task = await session.execute(DRIVE, read10(lba, 1), { dataIn: DISC_BLOCK_BYTES });
        if (task.status === GOOD) {
          const at = lba * DISC_BLOCK_BYTES;
          expect(images.some((image) => image.subarray(at, at + DISC_BLOCK_BYTES).equals(task.dataIn))).toBe(true);
          goodReads += 1;
        } else expect([MEDIUM_MAY_HAVE_CHANGED, MEDIUM_NOT_PRESENT]).toContain(task.senseCode);
      }
    })();
    for (const fileName of ['second.iso', 'first.iso', 'second.iso', 'first.iso']) {
      expect(await reload(DRIVE, fileName)).toEqual(['the medium was changed']);
    }
    isOver = true;
    await reading;
    expect(goodReads).toBeGreaterThan(0);
  });

  it('the drive is the same after a restart with another medium in it', async () => {
    const serial = async () =>
      /Unit Serial Number:\[(.*)\]/.exec(
        await clientOutput(folder, 'iscsi-inq', ['-e', '1', '-c', '128', daemon.url(DRIVE)]),
      )?.[1];
    const before = await serial();
    await session.close();
    await daemon.stop();
    const [drive, disk] = storages;
    daemon = await DaemonProcess.start(folder, {
      disks: [],
      targetKeys: { luns: { 0: 0, 1: 1 } },
      keys: { storages: [{ ...drive, path: `${scheme}:${folder.join('second.iso')}` }, disk] },
    });
    session = await TcpSession.open(daemon);
    expect([before?.length, await serial()]).toEqual([32, before]);
  });
});

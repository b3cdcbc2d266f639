/** Read-only storages: the file is opened for reading alone, by as many daemons as like; initiators are told and cannot write. */
import { chmodSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read10, write10 } from '../initiator/cdb.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { writeRandomImage } from './random-image.ts';
import { TcpSession } from './tcp-session.ts';

const IMAGE_BYTES = 1048576;
const BLOCK_BYTES = 512;
const GOOD = 0;
const WRITE_PROTECTED = 0x072700;
const WP = 0x80;
const ACCESS_MODE = 0o3;
const READ_ONLY_MODE = 0o444;

describe.each(['file', 'iouring'])('by %s', (scheme) => {
  const folders = [new TestFolder(), new TestFolder()] as const;
  const image = folders[0].join('image.img');
  const daemons: DaemonProcess[] = [];
  const sessions: TcpSession[] = [];

  beforeAll(async () => {
    writeRandomImage(image, IMAGE_BYTES, 7);
    chmodSync(image, READ_ONLY_MODE);
    for (const folder of folders) {
      const storages = [{ deviceID: 0, readOnly: true, path: `${scheme}:${image}` }];
      const daemon = await DaemonProcess.start(folder, {
        disks: [],
        targetKeys: { luns: { 0: 0 } },
        keys: { storages },
      });
      daemons.push(daemon);
      const session = await TcpSession.open(daemon);
      sessions.push(session);
      await session.execute(0, [0x00]); // power on
    }
  });

  afterAll(async () => {
    for (const session of sessions) await session.close();
    for (const daemon of daemons) await daemon.stop();
    for (const folder of folders) folder.dispose();
  });

  /** The access modes of all descriptors of the image. */
  function accessModes(pid: number): number[] {
    const modes: number[] = [];
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== image) continue;
      const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
      modes.push(Number.parseInt(flags as string, 8) & ACCESS_MODE);
    }
    return modes;
  }

  it('two daemons serve one file that nobody may write, and have it open for reading alone', async () => {
    for (const [index, session] of sessions.entries()) {
      const read = await session.execute(0, read10(9, 1), { dataIn: BLOCK_BYTES });
      expect(read.dataIn.equals(readFileSync(image).subarray(9 * BLOCK_BYTES, 10 * BLOCK_BYTES))).toBe(true);
      expect(accessModes((daemons[index] as DaemonProcess).pid)).toEqual([0]);
    }
  });

  it('MODE SENSE says write protected, writes are refused, SYNCHRONIZE CACHE is GOOD', async () => {
    const [session] = sessions as [TcpSession];
    const modes = await session.execute(0, [0x1a, 0x08, 0x3f, 0, 0xff, 0], { dataIn: 255 });
    expect((modes.dataIn[2] as number) & WP).toBe(WP);
    const write = await session.execute(0, write10(9, 1), { dataOut: Buffer.alloc(BLOCK_BYTES, 1) });
    expect(write.senseCode).toBe(WRITE_PROTECTED);
    expect((await session.execute(0, [0x35])).status).toBe(GOOD);
  });
});

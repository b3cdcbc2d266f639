/** A daemon whose medium has lost what its page cache had taken: the initiator is told, and so is the operator, to the very end. */
import { afterEach, describe, expect, it } from 'vitest';
import { CAN_MOUNT_THIN, ThinFileSystem } from '../conformance/backend/thin-file-system.ts';
import { DaemonProcess, type DaemonSetup, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { TcpSession } from './tcp-session.ts';

const GOOD = 0;
const INTERNAL_TARGET_FAILURE = 0x044400;
const BLOCK_BYTES = 512;
const WRITE_BLOCKS = 512;
const WRITES = 64;
const LEVEL_ERROR = 50;
const TEST_UNIT_READY = Buffer.alloc(6);
const SYNCHRONIZE_CACHE = Buffer.from([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const OTHER_TARGET = 'iqn.2026-11.org.example:other';

const REACTORS = [
  { threads: 'on the main thread', keys: {} },
  {
    threads: 'in two reactors',
    keys: {
      performance: { reactors: 2 },
      iscsitargets: { [TARGET_NAME]: { luns: { 0: 0 } }, [OTHER_TARGET]: { luns: { 0: 1 } } },
    },
  },
];

describe.runIf(CAN_MOUNT_THIN).each(['file', 'iouring'])('lost writes on %s', (scheme) => {
  let folder: TestFolder;
  let thin: ThinFileSystem | null = null;
  afterEach(() => {
    thin?.remove();
    folder.dispose();
  });

  it.each(REACTORS)('$threads: no flush is good any more, and the end is not one in order', async ({ keys }) => {
    folder = new TestFolder();
    thin = new ThinFileSystem(folder.path, 12, 64);
    const disks = ['thin/disk.img', 'other.img'].map((fileName) => ({ scheme, fileName, size: '32MiB' }));
    const setup: DaemonSetup = { disks, keys };
    const daemon = await DaemonProcess.start(folder, setup);
    const session = await TcpSession.open(daemon);
    await session.execute(0, TEST_UNIT_READY); // the power on condition
    for (let i = 0; i < WRITES; i++) expect((await session.execute(0, ...write(i * WRITE_BLOCKS))).status).toBe(GOOD);
    thin.writeBack(folder.join('thin/disk.img'));
    for (let again = 0; again < 2; again++) {
      expect((await session.execute(0, SYNCHRONIZE_CACHE)).senseCode).toBe(INTERNAL_TARGET_FAILURE);
    }
    await session.close();
    daemon.signal('SIGTERM');
    expect(await daemon.ended).toBe(1);
    const errors = daemon.log.filter(({ level }) => level >= LEVEL_ERROR).map(({ msg }) => msg);
    expect(errors).toEqual([
      expect.stringMatching(/did not keep what was written/),
      expect.stringMatching(/thin\/disk\.img may be lost/),
    ]);
    expect(daemon.logged('stopped: every store is flushed')).toEqual([]);
    expect(daemon.stderr).toMatch(
      /^gotgt-native: stopped, and not everything written is on its disk; the log says what\n$/,
    );
  });
});

function write(lba: number): [Buffer, { dataOut: Buffer }] {
  const cdb = Buffer.alloc(16);
  cdb[0] = 0x8a;
  cdb.writeUInt32BE(lba, 6);
  cdb.writeUInt32BE(WRITE_BLOCKS, 10);
  return [cdb, { dataOut: Buffer.alloc(WRITE_BLOCKS * BLOCK_BYTES, 0x5a) }];
}

/** Initiators that read nothing of what they asked for, as many as it takes to keep every large slot of the daemon. */
import { afterAll, expect, it } from 'vitest';
import { read10 } from '../initiator/cdb.ts';
import { waitUntil } from '../patience.ts';
import { DaemonProcess, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { TcpInitiator } from './tcp-initiator.ts';

const KEEPERS = 16;
const DEPTH = 16;
const READ_BLOCKS = 4096;
const SEGMENT_BLOCKS = 512;
const BLOCK_BYTES = 512;

const folder = new TestFolder();
afterAll(() => folder.dispose());

it('others get what they read, and those who keep slots and do not move are closed', async () => {
  const daemon = await DaemonProcess.start(folder, {
    disks: [{ scheme: 'iouring', fileName: 'disk.img', size: '16MiB' }],
    logLevel: 'debug',
  });
  const open = async (isidLow: number): Promise<TcpInitiator> => {
    const initiator = await TcpInitiator.open(daemon.address, { targetName: TARGET_NAME, isidLow });
    await initiator.execute(Buffer.alloc(16)); // the unit attention
    return initiator;
  };
  const healthy = await open(KEEPERS);
  const keepers = await Promise.all(Array.from({ length: KEEPERS }, (_, i) => open(i)));
  for (const keeper of keepers) {
    keeper.stopReading();
    for (let i = 0; i < DEPTH; i++) {
      keeper.session.execute(read10(0, READ_BLOCKS), { dataIn: READ_BLOCKS * BLOCK_BYTES });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  let goodReads = 0;
  const closed = () => daemon.logged('connection closed').filter(({ cause }) => cause === 'keepalive-timeout').length;
  const reading = (async () => {
    while (closed() === 0 || goodReads < 100) {
      const task = await healthy.execute(read10(0, SEGMENT_BLOCKS), { dataIn: SEGMENT_BLOCKS * BLOCK_BYTES });
      expect(task.status).toBe(0);
      goodReads += 1;
    }
  })();
  await waitUntil('a keeper is closed', () => closed() > 0);
  await reading;
  expect(healthy.session.isOpen).toBe(true);
  await Promise.all([healthy, ...keepers].map((initiator) => initiator.close()));
  await daemon.stop();
});

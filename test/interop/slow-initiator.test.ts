/** An initiator that reads slowly, over two connections of one session, as only TCP shows it: what it is sent is few long writes. */
import { afterAll, expect, it } from 'vitest';
import { TMF_ABORT_TASK_SET, TMF_RESPONSE_COMPLETE } from '../../src/iscsi/codec/constants.ts';
import { read10 } from '../initiator/cdb.ts';
import type { InitiatorTask } from '../initiator/initiator-task.ts';
import { describeNative } from '../native/native-suite.ts';
import { waitUntil } from '../patience.ts';
import { DaemonProcess, TestFolder } from './daemon-process.ts';
import { TcpInitiator } from './tcp-initiator.ts';

const DISK = 'iqn.2026-11.org.example:disk';
const READ_BLOCKS = 4096;
const READS = 8;
/** One read of 64 KiB each: all comes in 12 s. */
const READ_INTERVAL_MS = 45;

const folder = new TestFolder();
afterAll(() => folder.dispose());

describeNative('over TCP', () => {
  it('a Response Fence waits for a connection whose initiator reads slowly', async () => {
    const disks = [{ scheme: 'file', fileName: 'disk.img', size: '16MiB' }];
    const iscsitargets = { [DISK]: { luns: { '0': 0 }, negotiation: { maxConnections: 2 } } };
    const daemon = await DaemonProcess.start(folder, { disks, wrapper: [], keys: { iscsitargets } });
    const initiator = await TcpInitiator.open(daemon.address, { targetName: DISK, maxConnections: 2 });
    for (let i = 0; i < 2; i++) await initiator.execute(Buffer.alloc(16)); // unit attentions
    const { session } = initiator;
    const { connection: first } = session;
    const second = await initiator.connect({
      settings: { cid: 1, isLeading: false },
      readIntervalMs: READ_INTERVAL_MS,
    });
    const options = { connection: second, dataIn: READ_BLOCKS * 512 };
    const tasks: InitiatorTask[] = [];
    for (let i = 0; i < READS; i++) tasks.push(session.execute(read10(0, READ_BLOCKS), options));
    await waitUntil('data is on its way', () => tasks.some(({ dataInCount }) => dataInCount > 0));
    const request = session.manage(TMF_ABORT_TASK_SET, { connection: first });
    await waitUntil('the response comes', () => request.isAnswered);
    expect(request.response).toBe(TMF_RESPONSE_COMPLETE);
    expect(second.isOpen).toBe(true);
    const ping = session.ping(Buffer.alloc(0), { connection: second });
    await waitUntil('the slow connection answers', () => ping.isAnswered);
    await initiator.close();
    await daemon.stop();
  });
});

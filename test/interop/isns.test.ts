/** The daemon and its iSNS client with Debian's iSNS server (open-isns): what others find there. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IsnsNode, IsnsPortal } from '../../src/isns/registration.ts';
import { TcpIsnsClient } from '../../src/isns/tcp-client.ts';
import { PATIENCE_MS } from '../patience.ts';
import { DaemonProcess, type DaemonSetup, TARGET_NAME, TestFolder } from './daemon-process.ts';
import { IsnsServer } from './isns-server.ts';

/** What the server grants; the client asks three times as often. */
const PERIOD_S = 9;

const folder = new TestFolder();
let server: IsnsServer;

beforeAll(async () => {
  server = await IsnsServer.create(folder, PERIOD_S);
});
afterAll(async () => {
  await server.dispose();
  folder.dispose();
});
beforeEach(() => server.start());
afterEach(() => server.stop());

/** Asks until `expected` is the answer, and shows the last one when it is not. */
async function expectSoon<T>(ask: () => Promise<T>, expected: T): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (JSON.stringify(answer) === JSON.stringify(expected) || performance.now() > deadline) {
      expect(answer).toEqual(expected);
      return;
    }
    await pause(100);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('the daemon', () => {
  const setup = (): DaemonSetup => ({
    disks: [{ scheme: 'file', fileName: 'disk.img', size: '1MiB' }],
    isns: { server: server.address },
  });

  it('is found while it serves: after the server has forgotten it too, and no longer after SIGTERM', async () => {
    const daemon = await DaemonProcess.start(folder, setup());
    const port = `${daemon.address.split(':')[1]}/tcp`;
    await expectSoon(() => server.targets(), [TARGET_NAME]);
    expect(await server.portals()).toEqual([`127.0.0.1 ${port}`]);
    expect(await server.portalGroups()).toEqual([`${TARGET_NAME} 127.0.0.1 ${port} 1`]);
    await server.stop();
    await server.start();
    await expectSoon(() => server.targets(), [TARGET_NAME]);
    await daemon.stop();
    expect(await server.targets()).toEqual([]);
    expect(await server.portals()).toEqual([]);
  });

  it('stays registered beyond the period, and is dropped after it when the daemon is killed', async () => {
    const daemon = await DaemonProcess.start(folder, setup());
    await expectSoon(() => server.targets(), [TARGET_NAME]);
    await pause(PERIOD_S * 2000);
    expect(await server.targets()).toEqual([TARGET_NAME]);
    expect(daemon.logged('iSNS: registered')).toHaveLength(1);
    await daemon.kill();
    await expectSoon(() => server.targets(), []);
  });

  it('serves without the server, and is registered when it comes', async () => {
    await server.stop();
    const daemon = await DaemonProcess.start(folder, setup());
    await server.start();
    await expectSoon(() => server.targets(), [TARGET_NAME]);
    await daemon.stop();
  });
});

describe('the client', () => {
  const A: IsnsPortal = { address: '192.0.2.1', port: 3260 };
  const B: IsnsPortal = { address: '2001:db8::1', port: 3261 };
  const name = (word: string) => `iqn.2026-11.org.example:${word}`;
  const node = (word: string, portalGroups: IsnsNode['portalGroups']): IsnsNode => ({
    name: name(word),
    alias: `alias of ${word}`,
    portalGroups,
  });
  let client: TcpIsnsClient;

  beforeEach(() => {
    client = new TcpIsnsClient(
      { host: '127.0.0.1', port: server.port },
      { entity: 'isns-client.example.org', registrationPeriodS: 300 },
      () => undefined,
    );
  });
  afterEach(() => client.stop());

  it('portal groups say which way leads to which target, and changes arrive', async () => {
    const a = node('a', [
      { tag: 1, portals: [A] },
      { tag: 2, portals: [B] },
    ]);
    client.update({ portals: [A, B], nodes: [a, node('b', [{ tag: 3, portals: [A] }])] });
    const before = [`${name('a')} 192.0.2.1 3260/tcp 1`, `${name('a')} 2001:db8::1 3261/tcp 2`];
    await expectSoon(() => server.portalGroups(), [...before, `${name('b')} 192.0.2.1 3260/tcp 3`]);
    expect(await server.admin('--list', 'nodes')).toContain('iSCSI alias = "alias of a"');
    client.update({
      portals: [A],
      nodes: [node('b', [{ tag: 4, portals: [A] }]), node('c', [{ tag: 5, portals: [A] }])],
    });
    const after = [`${name('b')} 192.0.2.1 3260/tcp 4`, `${name('c')} 192.0.2.1 3260/tcp 5`];
    await expectSoon(() => server.portalGroups(), after);
    expect(await server.targets()).toEqual([name('b'), name('c')]);
    expect(await server.portals()).toEqual(['192.0.2.1 3260/tcp']);
  });

  it('where no target stays, none of the old ones is left', async () => {
    client.update({ portals: [A, B], nodes: [node('a', [{ tag: 1, portals: [A, B] }])] });
    await expectSoon(() => server.targets(), [name('a')]);
    client.update({ portals: [B], nodes: [node('b', [{ tag: 1, portals: [B] }])] });
    await expectSoon(() => server.targets(), [name('b')]);
    expect(await server.portals()).toEqual(['2001:db8::1 3261/tcp']);
    client.update({ portals: [], nodes: [] });
    await expectSoon(() => server.targets(), []);
  });

  it('a hundred targets arrive in several messages', async () => {
    const words = Array.from({ length: 100 }, (_, i) => `${i}-`.padEnd(120, 'x'));
    client.update({ portals: [A, B], nodes: words.map((word) => node(word, [{ tag: 1, portals: [A, B] }])) });
    await expectSoon(() => server.targets(), words.map(name).sort());
  });
});

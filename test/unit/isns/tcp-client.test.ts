/** The client on real sockets, with the server in memory behind a port. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeMessage } from '../../../src/isns/message.ts';
import type { Registration } from '../../../src/isns/registration.ts';
import { TcpIsnsClient } from '../../../src/isns/tcp-client.ts';
import { PATIENCE_MS } from '../../patience.ts';
import { MiniServer } from './mini-server.ts';

const A = { address: '192.0.2.1', port: 3260 };
const REGISTRATION: Registration = {
  portals: [A],
  nodes: [{ name: 'iqn.2026-11.org.example:a', alias: null, portalGroups: [{ tag: 1, portals: [A] }] }],
};

let brain: MiniServer;
let listener: Server;
let port: number;
let sockets: Socket[];
let notes: string[];
let client: TcpIsnsClient;

beforeEach(async () => {
  brain = new MiniServer();
  sockets = [];
  notes = [];
  port = await listen(0);
  client = new TcpIsnsClient(
    { host: '127.0.0.1', port },
    { entity: 'e', registrationPeriodS: 300 },
    (_level, message, { cause, targets, server }) => notes.push(`${message} ${cause ?? targets} at ${server}`),
  );
});

afterEach(async () => {
  await client.stop();
  await close();
});

function listen(wanted: number): Promise<number> {
  listener = createServer((socket) => {
    sockets.push(socket);
    brain.reset();
    socket.on('data', (bytes) => {
      for (const answer of brain.receive(bytes as Uint8Array)) socket.write(answer);
    });
    socket.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => {
    listener.listen(wanted, '127.0.0.1', () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function close(): Promise<unknown> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => listener.close(resolve));
}

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: PATIENCE_MS, interval: 10 }).toBe(true);
}

describe('the client on TCP', () => {
  it('registers, comes back after the server was away, and takes the registration back', async () => {
    client.update(REGISTRATION);
    await until(() => brain.entities.size === 1);
    await close();
    await until(() => notes.length === 2);
    brain.entities.clear();
    await listen(port);
    // The server knows it before the client hears of that.
    await until(() => brain.entities.size === 1 && notes.length === 3);
    await client.stop();
    expect(brain.entities.size).toBe(0);
    expect(notes).toEqual([
      `iSNS: registered 1 at 127.0.0.1:${port}`,
      // Cut off while it asked, or refused when it came back.
      expect.stringMatching(/^iSNS: not registered; trying again (closed by the server|ECONN\w+) at /),
      `iSNS: registered 1 at 127.0.0.1:${port}`,
    ]);
  });

  it('a server that asks without end and never reads is given up', async () => {
    client.update(REGISTRATION);
    await until(() => notes.length === 1);
    const [socket] = sockets as [Socket];
    socket.pause();
    const inquiry = writeMessage({ functionId: 0x0d, flags: 0x4000, transactionId: 1, payload: Buffer.alloc(60_000) });
    const flood = setInterval(() => {
      if (!socket.destroyed && socket.writableLength < 1e6) for (let i = 0; i < 20; i++) socket.write(inquiry);
    }, 1);
    await until(() => notes.some((note) => note.includes('the server does not read'))).finally(() =>
      clearInterval(flood),
    );
  });

  it('the end does not wait for a server that is silent', async () => {
    client.update(REGISTRATION);
    await until(() => notes.length === 1);
    brain.isMute = true;
    await client.stop();
    await client.stop();
  });
});

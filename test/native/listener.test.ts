import { connect, Socket } from 'node:net';
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import type { NativeListener } from '../../src/native/native-addon.ts';
import { describeNative, runChild } from './native-suite.ts';

const { EADDRINUSE, EINVAL } = constants.errno;

describeNative('a listener', (native) => {
  function listen(address: string, port: number, onConnection: (...ends: unknown[]) => void): NativeListener {
    const listener = native.listen({ address, port }, onConnection, () => undefined);
    if (typeof listener === 'number') throw new Error(`does not listen: ${listener}`);
    return listener;
  }

  it.each(['127.0.0.1', '::1'])('hands over descriptors that net.Socket takes, on %s', async (address) => {
    const ends: unknown[] = [];
    const listener = listen(address, 0, (fd, ...rest) => {
      ends.push(...rest);
      const socket = new Socket({ fd: fd as number, readable: true, writable: true });
      socket.on('data', (data) => socket.end(`echo ${data}`));
    });
    const client = connect({ host: address, port: listener.port });
    client.write('hello');
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      client.on('data', (data) => {
        text += data;
      });
      client.once('end', () => resolve(text));
      client.once('error', reject);
    });
    expect(answer).toBe('echo hello');
    expect(ends).toEqual([address, expect.any(Number), address, listener.port]);
    listener.close();
  });

  it('[::] is IPv6 alone, so 0.0.0.0 has its own listener on the same port', () => {
    const ipv6 = listen('::', 0, () => undefined);
    const ipv4 = listen('0.0.0.0', ipv6.port, () => undefined);
    expect([ipv6.address, ipv4.address]).toEqual(['::', '0.0.0.0']);
    ipv4.close();
    ipv6.close();
  });

  it('answers with an errno where it cannot listen', () => {
    const listener = listen('127.0.0.1', 0, () => undefined);
    const again = (address: string, port: number) =>
      native.listen(
        { address, port },
        () => undefined,
        () => undefined,
      );
    expect(again('127.0.0.1', listener.port)).toBe(-EADDRINUSE);
    expect(again('example', 0)).toBe(-EINVAL);
    expect(again('127.0.0.1', 65536)).toBe(-EINVAL);
    listener.close();
    listener.close();
  });

  it('frees its port when it is closed', async () => {
    const { end, stdout } = await runChild(`
      const first = native.listen({ address: '127.0.0.1', port: 0 }, () => {}, () => {});
      first.close();
      setImmediate(() => setImmediate(() => {
        const second = native.listen({ address: '127.0.0.1', port: first.port }, () => {}, () => {});
        console.log(typeof second);
        second.close();
      }));
    `);
    expect({ end, stdout }).toEqual({ end: 0, stdout: 'object' });
  });

  it('takes a hundred connections that come at once', async () => {
    let count = 0;
    const listener = listen('127.0.0.1', 0, (fd) => {
      count += 1;
      new Socket({ fd: fd as number }).destroy();
    });
    const clients = Array.from({ length: 100 }, () => connect(listener.port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('close', resolve).resume())));
    expect(count).toBe(100);
    listener.close();
  });

  it('without descriptors tells so once in a while, and goes on when there are some again', async () => {
    const { end, stdout } = await runChild(
      `
      const fs = require('node:fs'), net = require('node:net');
      const taken = [];
      console.log('listening');
      const started = process.cpuUsage();
      let errors = 0;
      const listener = native.listen({ address: '127.0.0.1', port: 0 }, (fd) => {
        console.log('connected', errors >= 2, errors < 20, process.cpuUsage(started).user < 400000);
        fs.closeSync(fd);
        listener.close();
        client.destroy();
      }, (errno) => {
        errors += 1;
        if (errors === 1) console.log(errno);
        if (errors === 3) for (const fd of taken) fs.closeSync(fd);
      });
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { if (error.code !== 'EMFILE') throw error; }
      fs.closeSync(taken.pop()); // for the client's own socket
      const client = net.connect(listener.port, '127.0.0.1');
      client.on('error', () => {});
    `,
      [],
      '-n 64',
    );
    expect({ end, stdout }).toEqual({
      end: 0,
      stdout: `listening\n${-constants.errno.EMFILE}\nconnected true true true`,
    });
  });
});

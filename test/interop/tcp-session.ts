/** Our own initiator over TCP: one session that stays open, which command line clients do not keep. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { InitiatorConnection } from '../initiator/initiator-connection.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import type { InitiatorTask, TaskOptions } from '../initiator/initiator-task.ts';
import { PATIENCE_MS } from '../patience.ts';
import { type DaemonProcess, TARGET_NAME } from './daemon-process.ts';

const CDB_BYTES = 16;

export class TcpSession {
  readonly session: InitiatorSession;
  private readonly socket: Socket;

  private constructor(session: InitiatorSession, socket: Socket) {
    this.session = session;
    this.socket = socket;
  }

  /** @param isidLow tells the sessions of one host apart */
  static async open(daemon: DaemonProcess, isidLow = 1): Promise<TcpSession> {
    const separator = daemon.address.lastIndexOf(':');
    const socket = connect(Number(daemon.address.slice(separator + 1)), daemon.address.slice(0, separator));
    await once(socket, 'connect');
    const session = new InitiatorSession({ targetName: TARGET_NAME, isidLow });
    const wire = { send: (bytes: Buffer) => socket.write(bytes), close: () => socket.destroy() };
    const connection: InitiatorConnection = session.connect(wire);
    socket.on('data', (bytes: Buffer) => connection.onBytes(bytes));
    socket.on('close', () => connection.onClosed());
    // A daemon that is killed resets the connection; 'close' follows, and ends every command.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error;
    });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no login within time')), PATIENCE_MS);
      session.onLogin = () => {
        clearTimeout(timer);
        resolve();
      };
      connection.logIn();
    });
    return new TcpSession(session, socket);
  }

  /** Executes one command on `lun`; resolves when it has ended, however. */
  execute(lun: number, cdb: readonly number[] | Buffer, options: TaskOptions = {}): Promise<InitiatorTask> {
    const padded = Buffer.alloc(CDB_BYTES);
    padded.set(cdb);
    return new Promise((resolve) => {
      const task = this.session.execute(padded, { ...options, lunHigh: lun << 16 });
      task.onDone = () => resolve(task);
    });
  }

  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }
}

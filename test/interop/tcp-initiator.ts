/** Our own initiator over TCP: a session of one or several connections, each login as the test wants it. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { InitiatorConnection } from '../initiator/initiator-connection.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import type { InitiatorTask, TaskOptions } from '../initiator/initiator-task.ts';
import type { SecurityScript } from '../initiator/login-script.ts';
import type { InitiatorSettings } from '../initiator/settings.ts';
import { waitUntil } from '../patience.ts';

export interface ConnectOptions {
  readonly settings?: Partial<InitiatorSettings>;
  readonly security?: SecurityScript;
  /** Writes to the socket carry so many bytes, each in a segment of its own; Infinity when left out. */
  readonly bytesPerWrite?: number;
  /** After each read from the socket it rests for so long; not at all when left out. */
  readonly readIntervalMs?: number;
}

export class TcpInitiator {
  readonly session: InitiatorSession;
  private readonly address: string;
  private readonly sockets: Socket[] = [];

  /** @param address "address:port" */
  constructor(address: string, settings: Partial<InitiatorSettings>) {
    this.address = address;
    this.session = new InitiatorSession(settings);
  }

  /** A session that has logged in. Rejects when it is refused. */
  static async open(
    address: string,
    settings: Partial<InitiatorSettings>,
    options: ConnectOptions = {},
  ): Promise<TcpInitiator> {
    const initiator = new TcpInitiator(address, settings);
    const connection = await initiator.connect(options);
    if (!connection.isOpen) throw new Error(`the login was refused: 0x${connection.loginStatus.toString(16)}`);
    return initiator;
  }

  /** Adds a connection and logs in; resolves when it is open, refused or closed. */
  async connect(options: ConnectOptions = {}): Promise<InitiatorConnection> {
    const { settings = {}, security, bytesPerWrite, readIntervalMs } = options;
    const separator = this.address.lastIndexOf(':');
    const host = this.address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
    const socket = connect({ host, port: Number(this.address.slice(separator + 1)), noDelay: true });
    this.sockets.push(socket);
    await once(socket, 'connect');
    socket.on('error', () => socket.destroy()); // a reset: onClosed() follows
    const wire = { send: (bytes: Buffer) => write(socket, bytes, bytesPerWrite), close: () => socket.destroy() };
    const connection = this.session.connect(wire, settings, ...(security === undefined ? [] : [security]));
    socket.on('data', (bytes: Buffer) => connection.onBytes(bytes));
    if (readIntervalMs !== undefined) socket.on('data', () => rest(socket, readIntervalMs));
    socket.on('close', () => connection.onClosed());
    connection.logIn();
    await waitUntil('the login ends', () => connection.state !== 'login');
    return connection;
  }

  /** Resolves when the command has ended, however. */
  execute(cdb: Buffer, options: TaskOptions = {}): Promise<InitiatorTask> {
    return new Promise((resolve) => {
      const task = this.session.execute(cdb, options);
      task.onDone = () => resolve(task);
    });
  }

  /** From here on nothing is taken from the sockets. */
  stopReading(): void {
    for (const socket of this.sockets) socket.pause();
  }

  async close(): Promise<void> {
    const open = this.sockets.filter(({ closed }) => !closed);
    const closing = open.map((socket) => once(socket, 'close'));
    for (const socket of open) socket.destroy();
    await Promise.all(closing);
  }
}

function rest(socket: Socket, ms: number): void {
  socket.pause();
  setTimeout(() => socket.resume(), ms);
}

/** A pause between two writes lets each arrive by itself; later writes wait in the same order. */
function write(socket: Socket, bytes: Buffer, bytesPerWrite = Number.POSITIVE_INFINITY): void {
  if (bytes.length <= bytesPerWrite) {
    socket.write(bytes);
    return;
  }
  socket.write(bytes.subarray(0, bytesPerWrite));
  setTimeout(() => write(socket, bytes.subarray(bytesPerWrite), bytesPerWrite), 1);
}

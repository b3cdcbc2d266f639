/** The iSNS client on a TCP connection: sockets and the timer for the state machine. */
import { connect, type Socket } from 'node:net';
import { CLOSED_BY_SERVER, IsnsClient, type IsnsClientOptions, type IsnsSink } from './client.ts';
import type { Registration } from './registration.ts';

/** Unsent bytes after which a server that asks and does not read is given up; two of our largest rounds fit. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;

export interface IsnsServerAddress {
  /** An address or a name, looked up at every attempt. */
  readonly host: string;
  readonly port: number;
}

export type IsnsNote = IsnsSink['note'];

export class TcpIsnsClient implements IsnsSink {
  private readonly server: IsnsServerAddress;
  private readonly client: IsnsClient;
  private readonly noteTo: IsnsNote;
  private socket: Socket | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopped: Promise<void> | null = null;
  private resolveStopped: (() => void) | null = null;

  constructor(server: IsnsServerAddress, options: IsnsClientOptions, note: IsnsNote) {
    this.server = server;
    this.noteTo = note;
    this.client = new IsnsClient(options, this);
  }

  /** What shall be registered from now on. */
  update(registration: Registration): void {
    this.client.update(registration);
  }

  /** Deregisters if the server answers within a second, and ends. */
  stop(): Promise<void> {
    this.stopped ??= new Promise((resolve) => {
      this.resolveStopped = resolve;
      this.client.stop();
    });
    return this.stopped;
  }

  // IsnsSink

  connect(): void {
    const socket = connect({ ...this.server, noDelay: true });
    let cause = CLOSED_BY_SERVER;
    this.socket = socket;
    socket.on('connect', () => this.isCurrent(socket) && this.client.onConnected());
    socket.on('data', (chunk: Buffer) => this.isCurrent(socket) && this.client.onBytes(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      cause = error.code ?? error.message; // 'close' follows
    });
    socket.on('close', () => {
      if (!this.isCurrent(socket)) return;
      this.socket = null;
      this.client.onClosed(cause);
    });
  }

  write(bytes: Uint8Array): void {
    const { socket } = this;
    if (socket === null) return;
    socket.write(bytes);
    if (socket.writableLength > UNSENT_BYTES_MAX) socket.destroy(new Error('the server does not read'));
  }

  disconnect(): void {
    const { socket } = this;
    this.socket = null;
    socket?.destroy();
  }

  armTimer(ms: number): void {
    this.disarmTimer();
    this.timer = setTimeout(() => this.client.onTimer(), ms);
  }

  disarmTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  note(level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void {
    const { host, port } = this.server;
    this.noteTo(level, message, { server: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, ...fields });
  }

  random(): number {
    return Math.random();
  }

  onStopped(): void {
    this.resolveStopped?.();
  }

  private isCurrent(socket: Socket): boolean {
    return socket === this.socket;
  }
}

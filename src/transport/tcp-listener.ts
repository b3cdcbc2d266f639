/**
 * Listens on one portal's address. With the addon, accepted descriptors become sockets that read where we say; without it
 * node:net accepts.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { NativeAddon, NativeListener } from '../native/native-addon.ts';
import type { LentMemory } from './lent-memory.ts';
import { TcpConnection } from './tcp-connection.ts';

export interface ListenAddress {
  /** Numeric IPv4 or IPv6. */
  readonly host: string;
  /** 0: the kernel chooses. */
  readonly port: number;
}

/**
 * A new connection. Call accept() at once to take it, or nothing and it is closed.
 * Addresses are "address:port", IPv6 in brackets.
 */
export type OnConnection = (connection: TcpConnection, remoteAddress: string, localAddress: string) => void;

export interface ListenerOptions {
  readonly native: NativeAddon | null;
  readonly lent: LentMemory;
  /** Connections may be handed over: what they receive is kept until it is known. Needs `native`. */
  readonly mayHandOver: boolean;
  /** Connections of this listener at one time; more are closed at once. */
  readonly connectionsMax: number;
  readonly onConnection: OnConnection;
  /** Accepting failed for now (too many open files); it goes on by itself. */
  readonly onAcceptError: (message: string) => void;
}

export class TcpListener {
  readonly host: string;
  readonly port: number;
  private readonly connections: Set<TcpConnection>;
  private readonly stop: () => void;

  constructor(host: string, port: number, connections: Set<TcpConnection>, stop: () => void) {
    this.host = host;
    this.port = port;
    this.connections = connections;
    this.stop = stop;
  }

  /** Rejects with an Error whose message says why the address cannot be listened on. */
  static open(address: ListenAddress, options: ListenerOptions): Promise<TcpListener> {
    return options.native === null ? listenPortable(address, options) : listenNative(address, options, options.native);
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** Accepts nothing more; connections go on. */
  close(): void {
    this.stop();
  }

  /** Tears down what is still connected. */
  destroyConnections(): void {
    for (const connection of [...this.connections]) connection.destroy();
  }
}

async function listenNative(
  { host, port }: ListenAddress,
  options: ListenerOptions,
  native: NativeAddon,
): Promise<TcpListener> {
  const connections = new Set<TcpConnection>();
  const accept = (fd: number, remoteHost: string, remotePort: number, localHost: string, localPort: number) => {
    const connection = TcpConnection.fromDescriptor(fd, options.lent, (ended) => connections.delete(ended));
    if (options.mayHandOver) connection.keepReceived();
    admit(connection, connections, options, endpoint(remoteHost, remotePort), endpoint(localHost, localPort));
  };
  const listener: NativeListener | number = native.listen({ address: host, port }, accept, (errno) =>
    options.onAcceptError(getSystemErrorName(errno)),
  );
  if (typeof listener === 'number') throw new Error(getSystemErrorName(listener));
  return new TcpListener(host, listener.port, connections, () => listener.close());
}

async function listenPortable({ host, port }: ListenAddress, options: ListenerOptions): Promise<TcpListener> {
  const connections = new Set<TcpConnection>();
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket: Socket) => {
    const remote = endpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    const local = endpoint(socket.localAddress ?? host, socket.localPort ?? port);
    const connection = TcpConnection.fromSocket(socket, (ended) => connections.delete(ended));
    admit(connection, connections, options, remote, local);
  });
  await listening(server, host, port);
  server.on('error', (error) => options.onAcceptError(error.message));
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  return new TcpListener(host, boundPort, connections, () => {
    server.close();
  });
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    server.listen({ host, port, ipv6Only: true }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function admit(
  connection: TcpConnection,
  connections: Set<TcpConnection>,
  options: ListenerOptions,
  remoteAddress: string,
  localAddress: string,
): void {
  if (connections.size >= options.connectionsMax) {
    connection.destroy();
    return;
  }
  connections.add(connection);
  options.onConnection(connection, remoteAddress, localAddress);
}

/** "address:port", IPv6 in brackets. */
export function endpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Connections that another reactor's listener has accepted and that were handed over during their login: a descriptor, and
 * every byte that was received. The login begins here once more with those bytes.
 */
import type { LentMemory } from './lent-memory.ts';
import { TcpConnection } from './tcp-connection.ts';
import type { OnConnection } from './tcp-listener.ts';

/** A connection on its way from one reactor to another; plain data, for a message. */
export interface HandedConnection {
  /** Connected, and the receiver's to close. */
  readonly fd: number;
  readonly received: Uint8Array;
  /** Login Requests that were answered before; see ConnectionMover. */
  readonly answeredCount: number;
  /** Which of the configuration's portals it came by. */
  readonly portal: number;
  /** "address:port", IPv6 in brackets. */
  readonly remoteAddress: string;
  readonly localAddress: string;
}

export class HandedConnections {
  private readonly lent: LentMemory;
  private readonly connectionsMax: number;
  /** By portal. */
  private readonly connections = new Map<number, Set<TcpConnection>>();

  /** @param connectionsMax of one portal at one time; more are closed at once */
  constructor(lent: LentMemory, connectionsMax: number) {
    this.lent = lent;
    this.connectionsMax = connectionsMax;
  }

  adopt({ fd, portal, remoteAddress, localAddress }: HandedConnection, onConnection: OnConnection): void {
    const others = this.connections.get(portal) ?? new Set();
    this.connections.set(portal, others);
    const connection = TcpConnection.fromDescriptor(fd, this.lent, (ended) => others.delete(ended));
    if (others.size >= this.connectionsMax) {
      connection.destroy();
      return;
    }
    others.add(connection);
    onConnection(connection, remoteAddress, localAddress);
  }

  /** Tears down what is still connected. */
  destroyConnections(): void {
    for (const others of this.connections.values()) for (const connection of [...others]) connection.destroy();
  }
}

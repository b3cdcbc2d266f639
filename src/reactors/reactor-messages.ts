/**
 * What the main thread and the reactors in threads of their own say to each other: one row per message. Messages of one
 * direction arrive in the order they were sent; those of one kind are answered in that order.
 */
import type { RefusedLogin } from '../iscsi/protocol/login/login-refusals.ts';
import type { ConfigSource } from '../mgmt/config/config.ts';
import type { LogLevel } from '../mgmt/daemon-options.ts';
import type { HandedConnection } from '../transport/handed-connections.ts';
import type { ReactorPlan, ReactorStatus } from './served-reactor.ts';

/** What a thread is started with. */
export interface ReactorStart {
  readonly plan: ReactorPlan;
  readonly source: ConfigSource;
  readonly logLevel: LogLevel;
}

/** To a reactor. */
export type ReactorRequest =
  /** Where the portals listen, in the order of the configuration. Comes once, before any connection. */
  | { readonly kind: 'ports'; readonly ports: readonly number[] }
  /** The descriptor is the reactor's from now on. */
  | { readonly kind: 'connection'; readonly connection: HandedConnection }
  /** Take over what can be (reload.ts). Answered by 'takenOver'. */
  | { readonly kind: 'takeOver'; readonly source: ConfigSource }
  /** Answered by 'status'. */
  | { readonly kind: 'status' }
  /** End in order. Answered by 'closed', after which the thread ends. */
  | { readonly kind: 'close' };

/** A line of the log, as pino takes it. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A ConfigError on its way. */
export interface ConfigFault {
  readonly file: string;
  readonly key: string;
  readonly value: unknown;
  readonly message: string;
}

/** From a reactor. Its end by a bug is no message: the thread ends, and the daemon with it. */
export type ReactorReply =
  /** Its stores are open. */
  | { readonly kind: 'serving' }
  /** It cannot start, and holds nothing open. */
  | { readonly kind: 'fault'; readonly fault: ConfigFault }
  | { readonly kind: 'log'; readonly line: LogLine }
  | { readonly kind: 'refused'; readonly refused: RefusedLogin }
  | { readonly kind: 'takenOver' }
  | { readonly kind: 'status'; readonly status: ReactorStatus }
  | { readonly kind: 'closed'; readonly isInOrder: boolean };

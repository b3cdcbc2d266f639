/** A reactor in a thread of its own, as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import type { RefusedLogin } from '../iscsi/protocol/login/login-refusals.ts';
import type { ConfigSource } from '../mgmt/config/config.ts';
import { ConfigError } from '../mgmt/config/config-error.ts';
import type { Log } from '../mgmt/logging.ts';
import type { HandedConnection } from '../transport/handed-connections.ts';
import type { ReactorReply, ReactorRequest, ReactorStart } from './reactor-messages.ts';
import type { ReactorStatus } from './served-reactor.ts';

export interface RemoteReactorHandler {
  readonly log: Log;
  readonly onRefused: (refused: RefusedLogin) => void;
  /** The thread has ended and was not asked to: its targets are gone. */
  readonly onCrash: (reactor: number, cause: Error) => void;
}

/** Beside the compiled main program; a thread cannot start from TypeScript. */
const THREAD = new URL('./reactor-thread.js', import.meta.url);

type Answer = Extract<ReactorReply, { kind: 'takenOver' | 'status' | 'closed' }>;
type AnswerOf<Kind extends Answer['kind']> = Extract<Answer, { kind: Kind }>;
type Waiters = { readonly [Kind in Answer['kind']]: ((answer: Answer) => void)[] };

export class RemoteReactor {
  readonly number: number;
  private readonly worker: Worker;
  private readonly handler: RemoteReactorHandler;
  /** Who waits for an answer of a kind, oldest first. */
  private readonly waiters = { takenOver: [], status: [], closed: [] } as Waiters;
  /** What becomes of the start; null once it has become something. */
  private starting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null = null;
  private mayEnd = false;
  private hasEnded = false;

  private constructor(start: ReactorStart, handler: RemoteReactorHandler) {
    this.number = start.plan.reactor;
    this.handler = handler;
    this.worker = new Worker(THREAD, { workerData: start, name: `reactor ${this.number}` });
    this.worker.on('message', (reply: ReactorReply) => this.hear(reply));
    this.worker.on('messageerror', (error) => this.onEnd(error));
    this.worker.on('error', (error) => this.onEnd(error));
    this.worker.on('exit', (code) => this.onEnd(new Error(`its thread ended with ${code}`)));
  }

  /** Resolves once its stores are open. Rejects with ConfigError; nothing is left of it then. */
  static start(start: ReactorStart, handler: RemoteReactorHandler): Promise<RemoteReactor> {
    const remote = new RemoteReactor(start, handler);
    return new Promise((resolve, reject) => {
      remote.starting = { resolve: () => resolve(remote), reject };
    });
  }

  setPorts(ports: readonly number[]): void {
    this.ask({ kind: 'ports', ports });
  }

  adopt(connection: HandedConnection): void {
    this.ask({ kind: 'connection', connection });
  }

  async takeOver(source: ConfigSource): Promise<void> {
    await this.answerTo('takenOver', { kind: 'takeOver', source });
  }

  async status(): Promise<ReactorStatus> {
    return (await this.answerTo('status', { kind: 'status' })).status;
  }

  /** Ends in order; false when a store did not answer in time, or has lost writes. */
  async close(): Promise<boolean> {
    return (await this.answerTo('closed', { kind: 'close' })).isInOrder;
  }

  private ask(request: ReactorRequest): void {
    this.worker.postMessage(request);
  }

  private answerTo<Kind extends Answer['kind']>(kind: Kind, request: ReactorRequest): Promise<AnswerOf<Kind>> {
    return new Promise((resolve) => {
      this.waiters[kind].push((answer) => resolve(answer as AnswerOf<Kind>));
      this.ask(request);
    });
  }

  private hear(reply: ReactorReply): void {
    switch (reply.kind) {
      case 'serving':
        this.starting?.resolve();
        this.starting = null;
        return;
      case 'fault': {
        const { file, key, value, message } = reply.fault;
        this.mayEnd = true;
        this.starting?.reject(new ConfigError(file, key, value, message));
        this.starting = null;
        return;
      }
      case 'log': {
        const { level, fields, message } = reply.line;
        return this.handler.log[level]({ ...fields, reactor: this.number }, message);
      }
      case 'refused':
        return this.handler.onRefused(reply.refused);
      default:
        if (reply.kind === 'closed') this.mayEnd = true;
        this.waiters[reply.kind].shift()?.(reply);
    }
  }

  /** 'error' and 'exit' both come when a thread dies of an exception. */
  private onEnd(cause: Error): void {
    if (this.mayEnd || this.hasEnded) return;
    this.hasEnded = true;
    if (this.starting !== null) this.starting.reject(cause);
    else this.handler.onCrash(this.number, cause);
  }
}

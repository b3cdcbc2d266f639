/**
 * An initiator that does what comes to its mind: reads, writes, zeroes, aborts, resets, loses its connection and logs in
 * again. What it reads is held against the model, and what becomes of its writes is told to it.
 */
import {
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_WARM_RESET,
} from '../../src/iscsi/codec/constants.ts';
import { read10, synchronizeCache10, unmap, write10, writeSame10 } from '../initiator/cdb.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import type { InitiatorTask, TaskOptions } from '../initiator/initiator-task.ts';
import { pattern } from '../initiator/pattern.ts';
import type { InitiatorSettings } from '../initiator/settings.ts';
import { demand } from '../initiator/violation.ts';
import type { SeededRandom } from '../random.ts';
import { type DiskModel, type ModelWrite, stamp, type WriteKind } from './disk-model.ts';
import { type SimulatedTarget, TEST_UNIT_READY } from './simulated-target.ts';
import type { SimulatedWire, WireOptions } from './simulated-wire.ts';

/** What an initiator waits for an answer before it asks what became of the command. */
const COMMAND_TIMEOUT_MS = 5000;
const STATUS_TASK_SET_FULL = 0x28;
const UNIT_ATTENTION = 6;
/** Blocks that most commands are about, so that they meet. */
const HOT_BLOCKS = 64;

const SET_FUNCTIONS = [TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET, TMF_LOGICAL_UNIT_RESET, TMF_TARGET_WARM_RESET];

export interface ClientWorld {
  readonly target: SimulatedTarget;
  readonly model: DiskModel;
  readonly random: SeededRandom;
  readonly blockCount: number;
  readonly wireOptions: Partial<WireOptions>;
}

export class RandomClient {
  loginCount = 0;
  private readonly world: ClientWorld;
  private readonly settings: Partial<InitiatorSettings>;
  private readonly depth: number;
  private opsLeft: number;
  private session: InitiatorSession | null = null;
  private wire: SimulatedWire | null = null;
  /** Commands whose end is not known. */
  private openCount = 0;
  /** Writes of connections that are gone: they may still reach the store until the next login is over. */
  private lostWrites: ModelWrite[] = [];
  private isLeaving = false;

  constructor(world: ClientWorld, settings: Partial<InitiatorSettings>, depth: number, ops: number) {
    this.world = world;
    this.settings = settings;
    this.depth = depth;
    this.opsLeft = ops;
  }

  /** Null when it has done all it wanted and is logged out, else where it hangs. */
  get unfinished(): string | null {
    if (this.opsLeft > 0) return `${this.opsLeft} commands were not sent`;
    if (this.openCount > 0) return `${this.openCount} commands never ended`;
    return this.session === null ? null : 'it could not log out';
  }

  logIn(): void {
    const { target, wireOptions } = this.world;
    const session = new InitiatorSession(this.settings);
    const [connection, wire] = target.connect(session, wireOptions);
    this.session = session;
    this.wire = wire;
    // What is lost from here on belongs to the session that this login replaces as well.
    session.onLogin = () => this.onLogin(session);
    session.onLoss = () => this.onLoss(session);
    session.onRejected = () => wire.cut();
    connection.logIn();
  }

  private chance(percent: number): boolean {
    return this.world.random.below(100) < percent;
  }

  private later(run: () => void, maxMs = 5): void {
    this.world.target.time.schedule(this.world.random.below(maxMs + 1), run);
  }

  private onLogin(session: InitiatorSession): void {
    if (session !== this.session) return;
    this.loginCount += 1;
    // The target admits nobody before the former session's commands are out of the store (6.3.5).
    for (const write of this.lostWrites.splice(0)) this.world.model.endWrite(write, 'unknown');
    for (let i = 0; i < this.depth; i++) this.later(() => this.next(session));
  }

  private onLoss(session: InitiatorSession): void {
    if (session !== this.session) return;
    this.session = null;
    if (!this.isLeaving) this.later(() => this.logIn(), 40);
  }

  /** One of `depth` strands of work on `session`. */
  private next(session: InitiatorSession): void {
    if (session !== this.session || !session.isOpen || this.isLeaving) return;
    if (this.opsLeft === 0) {
      if (this.openCount === 0) this.leave(session);
      return;
    }
    this.opsLeft -= 1;
    if (this.chance(2)) return this.break(session);
    if (this.chance(4)) this.disturb(session);
    this.command(session);
  }

  private leave(session: InitiatorSession): void {
    this.isLeaving = true;
    session.logOut();
  }

  private break(session: InitiatorSession): void {
    if (this.chance(50)) this.wire?.cut();
    else {
      // The target does not know yet that this connection is dead.
      this.session = null;
      const wire = this.wire as SimulatedWire;
      this.later(() => wire.cut(), 100);
      this.later(() => this.logIn());
      for (const task of session.tasks.values()) task.onDone?.();
    }
  }

  private disturb(session: InitiatorSession): void {
    const { random } = this.world;
    switch (random.below(5)) {
      case 0:
        session.ping(pattern(random.below(3000)), { isImmediate: this.chance(50) });
        return;
      case 1:
        session.manage(SET_FUNCTIONS[random.below(SET_FUNCTIONS.length)]!);
        return;
      case 2:
        this.stall();
        return;
      default: {
        const sent = [...session.tasks.values()].filter(({ isSent }) => isSent);
        if (sent.length > 0) session.manage(TMF_ABORT_TASK, { task: sent[random.below(sent.length)]! });
      }
    }
  }

  /** Reads nothing for a while. */
  private stall(): void {
    const wire = this.wire as SimulatedWire;
    wire.isStalled = true;
    this.world.target.time.schedule(this.world.random.below(50), () => wire.resume());
  }

  private command(session: InitiatorSession): void {
    const { random, blockCount } = this.world;
    const isLarge = this.chance(4);
    const blocks = isLarge ? 1 + random.below(700) : 1 + random.below(12);
    const lba = random.below(isLarge ? blockCount - blocks : HOT_BLOCKS);
    const kind = random.below(100);
    if (kind < 42) return this.read(session, lba, blocks);
    if (kind < 84) return this.write(session, 'data', lba, blocks);
    if (kind < 89) return this.write(session, 'same', lba, blocks);
    if (kind < 94) return this.write(session, 'zeros', lba, blocks);
    this.run(
      session,
      session.execute(kind < 97 ? synchronizeCache10() : TEST_UNIT_READY, this.options()),
      () => undefined,
    );
  }

  private options(): TaskOptions {
    return { attribute: this.chance(90) ? 1 : 1 + this.world.random.below(3), isImmediate: this.chance(3) };
  }

  private read(session: InitiatorSession, lba: number, blocks: number): void {
    const { model } = this.world;
    const from = model.tick();
    const task = session.execute(read10(lba, blocks), { ...this.options(), dataIn: blocks * 512 });
    this.run(session, task, () => {
      if (task.status !== 0) return;
      const fault = model.fault(lba, task.dataIn, from);
      demand(fault === null, `a READ of ${blocks} blocks at ${lba}: ${fault}`);
    });
  }

  private write(session: InitiatorSession, kind: WriteKind, lba: number, blocks: number): void {
    const { model, random } = this.world;
    const write = model.beginWrite(kind, lba, blocks);
    const options: TaskOptions = {
      ...this.options(),
      segmentBytes: this.chance(50) ? 1 << 24 : 1 + random.below(9000),
    };
    const task = session.execute(...this.request(write, lba, blocks, options));
    this.run(session, task, (isLost) => {
      if (isLost) {
        model.endWrite(write, null);
        this.lostWrites.push(write);
      } else if (task.status === 0) {
        model.endWrite(write, 'good');
      } else {
        const isVoid = task.status === STATUS_TASK_SET_FULL || task.senseCode >>> 16 === UNIT_ATTENTION;
        model.endWrite(write, isVoid ? 'void' : 'unknown');
      }
    });
  }

  private request(write: ModelWrite, lba: number, blocks: number, options: TaskOptions): [Buffer, TaskOptions] {
    if (write.kind === 'zeros') {
      const { cdb, dataOut } = unmap(lba, blocks);
      return [cdb, { ...options, dataOut }];
    }
    if (write.kind === 'same') return [writeSame10(lba, blocks), { ...options, dataOut: stamp(write, lba, 1) }];
    return [write10(lba, blocks), { ...options, dataOut: stamp(write, lba, blocks) }];
  }

  /** @param onEnd told once; `isLost` when its connection is gone, or given up, before it has ended */
  private run(session: InitiatorSession, task: InitiatorTask, onEnd: (isLost: boolean) => void): void {
    const { time } = this.world.target;
    this.openCount += 1;
    const ask = (): void => {
      timeout = time.schedule(COMMAND_TIMEOUT_MS, ask);
      this.askFor(session, task);
    };
    let timeout = time.schedule(COMMAND_TIMEOUT_MS, ask);
    task.onDone = () => {
      task.onDone = null;
      time.cancel(timeout);
      this.openCount -= 1;
      onEnd(session !== this.session || !session.isOpen);
      this.later(() => this.next(session));
    };
  }

  /** A reset by somebody else ends commands without a word: the initiator has to ask. */
  private askFor(session: InitiatorSession, task: InitiatorTask): void {
    if (session !== this.session || task.isDone || !task.isSent) return;
    const request = session.manage(TMF_ABORT_TASK, { task });
    request.onAnswer = () => {
      if (request.response === 1) session.forget(task);
    };
  }
}

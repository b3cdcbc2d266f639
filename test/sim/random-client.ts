/**
 * An initiator that does what comes to its mind: reads, writes, zeroes, aborts, resets, loses its connection and logs in
 * again, over one connection or several that come and go. What it reads is held against the model, and what becomes of its writes is told to it.
 */
import {
  TMF_ABORT_TASK,
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_COLD_RESET,
  TMF_TARGET_WARM_RESET,
} from '../../src/iscsi/codec/constants.ts';
import { read10, synchronizeCache10, unmap, write10, writeSame10 } from '../initiator/cdb.ts';
import type { InitiatorConnection } from '../initiator/initiator-connection.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import type { InitiatorTask, TaskOptions } from '../initiator/initiator-task.ts';
import { pattern } from '../initiator/pattern.ts';
import type { InitiatorSettings } from '../initiator/settings.ts';
import { type DiskModel, type ModelWrite, stamp, type WriteKind } from './disk-model.ts';
import { type Link, type LinkWorld, RandomLinks } from './random-links.ts';
import { TEST_UNIT_READY } from './simulated-target.ts';

/** What an initiator waits for an answer before it asks what became of the command. */
const COMMAND_TIMEOUT_MS = 5000;
const STATUS_TASK_SET_FULL = 0x28;
const UNIT_ATTENTION = 6;
/** Blocks that most commands are about, so that they meet. */
const HOT_BLOCKS = 64;

const FENCED_FUNCTIONS = [
  TMF_ABORT_TASK_SET,
  TMF_CLEAR_ACA,
  TMF_CLEAR_TASK_SET,
  TMF_LOGICAL_UNIT_RESET,
  TMF_TARGET_WARM_RESET,
];

/** How often a command is asked for before the session is given up, where PDUs get lost. */
const ASKS_MAX = 2;

export interface ClientWorld extends LinkWorld {
  readonly model: DiskModel;
  readonly blockCount: number;
  /** PDUs get lost, or come twice. */
  readonly isLossy: boolean;
  /** How many of a hundred commands go with something that disturbs others. */
  readonly restlessness: number;
}

/** A write of a connection that is gone. */
interface LostWrite {
  readonly write: ModelWrite;
  readonly cid: number;
}

export class RandomClient {
  loginCount = 0;
  /** Further connections, and those that took another's place. */
  joinCount = 0;
  private readonly world: ClientWorld;
  private readonly settings: Partial<InitiatorSettings>;
  private readonly depth: number;
  private opsLeft: number;
  private session: InitiatorSession | null = null;
  private links: RandomLinks | null = null;
  /** Commands whose end is not known. */
  private openCount = 0;
  /**
   * Writes of connections that are gone: they may still reach the store until the next login, of the
   * session or of the same CID, is over.
   */
  private lostWrites: LostWrite[] = [];
  private isLeaving = false;
  /** The connection of the next command. */
  private by: InitiatorConnection | null = null;

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
    const session = new InitiatorSession(this.settings);
    session.hasLossyWires = this.world.isLossy;
    const links = new RandomLinks(this.world, session);
    this.session = session;
    this.links = links;
    // What is lost from here on belongs to the session that this login replaces as well.
    session.onLogin = (connection) => {
      if (session === this.session) this.onLogin(session, links, connection);
      else links.cut(connection); // its session was given up meanwhile
    };
    session.onLoss = (connection) => this.onLoss(session, links, connection);
    session.onRejected = (connection) => links.cut(connection);
    links.open(0);
  }

  private chance(percent: number): boolean {
    return this.world.random.below(100) < percent;
  }

  private later(run: () => void, maxMs = 5): void {
    this.world.target.time.schedule(this.world.random.below(maxMs + 1), run);
  }

  private onLogin(session: InitiatorSession, links: RandomLinks, connection: InitiatorConnection): void {
    if (!connection.settings.isLeading) return this.onJoined(links, connection.settings.cid);
    this.loginCount += 1;
    // The target admits nobody before the former session's commands are out of the store (6.3.5).
    this.settleLost(() => true);
    for (let i = 0; i < this.depth; i++) this.later(() => this.next(session));
    const { maxConnections } = session.settings;
    for (let cid = 1; cid < maxConnections; cid++) this.later(() => this.join(session, cid), 60);
  }

  private onJoined(links: RandomLinks, cid: number): void {
    this.joinCount += 1;
    this.settleLost((lost) => lost.cid === cid);
    links.plug();
  }

  /** They can reach the store no more. */
  private settleLost(isMeant: (lost: LostWrite) => boolean): void {
    for (const { write } of this.lostWrites.filter(isMeant)) this.world.model.endWrite(write, 'unknown');
    this.lostWrites = this.lostWrites.filter((lost) => !isMeant(lost));
  }

  private join(session: InitiatorSession, cid: number): void {
    if (session === this.session && session.isOpen && !this.isLeaving) this.links?.open(cid);
  }

  private onLoss(session: InitiatorSession, links: RandomLinks, connection: InitiatorConnection): void {
    if (session !== this.session) return;
    if (!session.isOpen) {
      this.session = null;
      if (!this.isLeaving) this.later(() => this.logIn(), 40);
      return;
    }
    links.plug();
    const { cid } = connection.settings;
    if (this.isLeaving) this.later(() => this.leave(session), 20);
    else if (this.chance(80)) {
      this.later(() => {
        if (!links.has(cid)) this.join(session, cid);
      }, 60);
    }
  }

  /** One of `depth` strands of work on `session`. */
  private next(session: InitiatorSession): void {
    if (session !== this.session || !session.isOpen || this.isLeaving) return;
    if (this.opsLeft === 0) {
      if (this.openCount === 0 && !this.isLeaving) this.leave(session);
      return;
    }
    const links = this.links as RandomLinks;
    const link = links.pick();
    if (link === null) return this.later(() => this.next(session), 20);
    this.opsLeft -= 1;
    if (this.chance(2)) return this.break(session, links);
    if (session.settings.maxConnections > 1 && this.chance(3)) this.change(session, links, link);
    if (this.chance(this.world.restlessness)) this.disturb(session);
    this.command(session);
  }

  private leave(session: InitiatorSession): void {
    if (session !== this.session || !session.isOpen) return;
    this.isLeaving = true;
    const link = this.links?.pick() ?? null;
    if (link === null) return this.later(() => this.leave(session), 20);
    session.plug(link.connection);
    session.logOut(0, link.cid, { connection: link.connection });
    const { links } = this;
    if (this.world.isLossy) this.world.target.time.schedule(COMMAND_TIMEOUT_MS, () => links?.cutAll());
  }

  private break(session: InitiatorSession, links: RandomLinks): void {
    if (this.chance(50)) links.cutAll();
    else {
      // The target does not know yet that these connections are dead.
      this.session = null;
      this.later(() => links.cutAll(), 100);
      this.later(() => this.logIn());
      for (const task of session.tasks.values()) task.onDone?.();
    }
  }

  /** One of several connections goes, or is replaced while it lives. */
  private change(session: InitiatorSession, links: RandomLinks, link: Link): void {
    switch (this.world.random.below(4)) {
      case 0:
        return link.wire.cut();
      case 1:
        this.later(() => this.join(session, link.cid), 60);
        return links.forsake(link);
      case 2:
        return this.join(session, link.cid);
      default:
        return links.logOut(link, () => this.settleLost((lost) => lost.cid === link.cid && session === this.session));
    }
  }

  private disturb(session: InitiatorSession): void {
    const { random } = this.world;
    const link = this.links?.pick() ?? null;
    if (link === null) return;
    const { connection } = link;
    switch (random.below(5)) {
      case 0:
        session.ping(pattern(random.below(3000)), { connection, isImmediate: this.chance(50) });
        return;
      case 1:
        session.manage(this.fencedFunction(), { connection, isImmediate: this.chance(50) });
        return;
      case 2:
        this.stall(link);
        return;
      default: {
        const sent = [...session.tasks.values()].filter((task) => task.isSent && task.connection === connection);
        if (sent.length > 0) session.manage(TMF_ABORT_TASK, { connection, task: sent[random.below(sent.length)]! });
      }
    }
  }

  private fencedFunction(): number {
    if (this.chance(2)) return TMF_TARGET_COLD_RESET;
    return FENCED_FUNCTIONS[this.world.random.below(FENCED_FUNCTIONS.length)]!;
  }

  /** Reads nothing for a while. */
  private stall({ wire }: Link): void {
    wire.isStalled = true;
    this.world.target.time.schedule(this.world.random.below(50), () => wire.resume());
  }

  private command(session: InitiatorSession): void {
    const { random, blockCount } = this.world;
    const link = this.links?.pick() ?? null;
    if (session !== this.session || link === null) return this.later(() => this.next(session), 20);
    this.by = link.connection;
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
    const connection = this.by as InitiatorConnection;
    // One that came twice, and both times out of order, could not be told from two.
    const isImmediate = this.chance(3) && !this.world.isLossy;
    return { connection, attribute: this.chance(90) ? 1 : 1 + this.world.random.below(3), isImmediate };
  }

  private read(session: InitiatorSession, lba: number, blocks: number): void {
    const { model } = this.world;
    const from = model.tick();
    const task = session.execute(read10(lba, blocks), { ...this.options(), dataIn: blocks * 512 });
    this.run(session, task, (isLost) => {
      if (task.status !== 0 || isLost) return;
      const fault = model.fault(lba, task.dataIn, from);
      if (fault !== null) throw new Error(`a READ of ${blocks} blocks at ${lba}: ${fault}`);
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
        this.lostWrites.push({ write, cid: task.connection.settings.cid });
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
    let askCount = 0;
    const ask = (): void => {
      timeout = time.schedule(COMMAND_TIMEOUT_MS, ask);
      askCount += 1;
      if (this.world.isLossy && askCount > ASKS_MAX) this.links?.cutAll();
      else this.askFor(session, task);
    };
    let timeout = time.schedule(COMMAND_TIMEOUT_MS, ask);
    task.onDone = () => {
      task.onDone = null;
      time.cancel(timeout);
      this.openCount -= 1;
      onEnd(session !== this.session || !task.connection.isOpen);
      this.later(() => this.next(session));
    };
  }

  /** A reset by somebody else ends commands without a word: the initiator has to ask. */
  private askFor(session: InitiatorSession, task: InitiatorTask): void {
    this.links?.plug();
    if (session !== this.session || task.isDone || !task.isSent) return;
    const request = session.manage(TMF_ABORT_TASK, { connection: task.connection, task });
    request.onAnswer = () => {
      if (request.response === 1) session.forget(task);
    };
  }
}

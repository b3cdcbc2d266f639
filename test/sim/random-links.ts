/** The connections of one random session: which are there, which a request may go by, and how each comes and goes. */
import { BHS_INITIATOR_TASK_TAG } from '../../src/iscsi/codec/bhs.ts';
import { NO_TAG, OP_NOP_OUT } from '../../src/iscsi/codec/constants.ts';
import type { InitiatorConnection } from '../initiator/initiator-connection.ts';
import type { InitiatorSession } from '../initiator/initiator-session.ts';
import type { SecurityScript } from '../initiator/login-script.ts';
import type { OutgoingPdu } from '../initiator/outgoing-pdu.ts';
import type { SeededRandom } from '../random.ts';
import type { SimulatedTarget } from './simulated-target.ts';
import type { SimulatedWire, WireOptions } from './simulated-wire.ts';

/** What a connection that is logged out gets before its initiator cuts it. */
const LOGOUT_TIMEOUT_MS = 5000;
/** What a late answer to a ping of the target's may take; some are too late for it. */
const LATENESS_MS = 12_000;
/** How long a peer may stay without knowing that its connection is dead. */
const HALF_OPEN_MS = 100;
const LOGOUT_CLOSE_CONNECTION = 1;

export interface LinkWorld {
  readonly target: SimulatedTarget;
  readonly random: SeededRandom;
  /** Of the next connection's wire. */
  readonly wireOptions: () => Partial<WireOptions>;
  readonly security: () => SecurityScript;
}

export interface Link {
  readonly cid: number;
  readonly connection: InitiatorConnection;
  readonly wire: SimulatedWire;
  /** It is logged out: nothing more is sent by it. */
  isLeaving: boolean;
}

export class RandomLinks {
  private readonly world: LinkWorld;
  private readonly session: InitiatorSession;
  private readonly links: Link[] = [];

  constructor(world: LinkWorld, session: InitiatorSession) {
    this.world = world;
    this.session = session;
  }

  /** Adds a connection `cid`; one that is there is taken for dead by the target. */
  open(cid: number): void {
    const { target, wireOptions, security } = this.world;
    const [connection, wire] = target.connect(this.session, wireOptions(), { cid }, security());
    this.links.push({ cid, connection, wire, isLeaving: false });
    connection.tamper = (pdu) => (this.isLate(pdu) ? this.sendLate(connection, pdu) : [pdu]);
    connection.logIn();
  }

  /** One that requests may go by; null when none is there. */
  pick(): Link | null {
    const usable = this.links.filter(({ connection, isLeaving }) => connection.isOpen && !isLeaving);
    return usable.length === 0 ? null : usable[this.world.random.below(usable.length)]!;
  }

  /** Whether a connection `cid` is there or under way. */
  has(cid: number): boolean {
    return this.links.some((link) => link.cid === cid && /^(login|open)$/.test(link.connection.state));
  }

  cut(connection: InitiatorConnection): void {
    this.links.find((link) => link.connection === connection)?.wire.cut();
  }

  cutAll(): void {
    for (const { wire } of this.links) wire.cut();
  }

  /** The initiator takes `link` for dead; the target learns of it later, or by another login. */
  forsake({ connection, wire }: Link): void {
    this.world.target.time.schedule(this.world.random.below(HALF_OPEN_MS), () => wire.cut());
    connection.onClosed();
  }

  /** Logs `link` out by itself or by another connection. */
  logOut(link: Link, onAnswer: () => void): void {
    const by = this.pick() ?? link;
    link.isLeaving = true;
    const request = this.session.logOut(LOGOUT_CLOSE_CONNECTION, link.cid, { connection: by.connection });
    request.onAnswer = onAnswer;
    this.world.target.time.schedule(LOGOUT_TIMEOUT_MS, () => link.wire.cut());
  }

  private isLate(pdu: OutgoingPdu): boolean {
    const isAnswer = pdu.opcode === OP_NOP_OUT && pdu.view.getUint32(BHS_INITIATOR_TASK_TAG) === NO_TAG;
    return isAnswer && this.world.random.below(8) === 0;
  }

  private sendLate(connection: InitiatorConnection, pdu: OutgoingPdu): readonly OutgoingPdu[] {
    const { random, target } = this.world;
    const bytes = pdu.encode(connection.hasHeaderDigest, connection.hasDataDigest);
    const delayMs = random.below(20) === 0 ? random.below(LATENESS_MS) : random.below(50);
    target.time.schedule(delayMs, () => connection.sendBytes(bytes));
    return [];
  }

  /** Has the target count as received what was lost with connections. */
  plug(): void {
    const link = this.pick();
    if (link !== null) this.session.plug(link.connection);
  }
}

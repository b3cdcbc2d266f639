/**
 * A whole target in one thread of virtual time: registry, target device, logical unit and store, put together as the
 * reactor does it, with wires instead of sockets. Initiators connect to it; at the end nothing may be left.
 */
import { randomBytes } from 'node:crypto';
import { crc32cPortable, sealPortable } from '../../src/iscsi/codec/digest.ts';
import { Connection } from '../../src/iscsi/protocol/connection/connection.ts';
import { OutputStore } from '../../src/iscsi/protocol/connection/output.ts';
import type { ProtocolLimits, ProtocolServices } from '../../src/iscsi/protocol/connection/services.ts';
import { LoginPhase } from '../../src/iscsi/protocol/login/login-phase.ts';
import { type NegotiationOffers, OFFERS_DEFAULT } from '../../src/iscsi/protocol/login/parameters.ts';
import {
  OPEN_TARGET,
  type Portal,
  type TargetGuard,
  TargetNode,
} from '../../src/iscsi/protocol/session/target-node.ts';
import { TargetRegistry } from '../../src/iscsi/protocol/session/target-registry.ts';
import { TaskStore } from '../../src/iscsi/protocol/session/task.ts';
import { DeviceServerContext } from '../../src/scsi/device-server.ts';
import { TargetDevice } from '../../src/scsi/target-device.ts';
import { LogicalUnit } from '../../src/scsi/unit/logical-unit.ts';
import { arenaBytes, SEGMENT_BYTES_MAX, type SlotClass, SlotPool } from '../../src/util/slot-pool.ts';
import { TickBatch } from '../../src/util/tick-batch.ts';
import type { InitiatorConnection } from '../initiator/initiator-connection.ts';
import { InitiatorSession } from '../initiator/initiator-session.ts';
import { SECURITY_NONE, type SecurityScript } from '../initiator/login-script.ts';
import { type InitiatorSettings, SETTINGS_DEFAULT } from '../initiator/settings.ts';
import { SimulatedBackend } from './simulated-backend.ts';
import { SimulatedTime } from './simulated-time.ts';
import { SimulatedWire, type WireOptions } from './simulated-wire.ts';

export const BLOCK_BYTES = 512;

/** Little enough to run out of. */
export const SLOT_CLASSES: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 48 },
  { capacityBytes: 65536, count: 16 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 8 },
];

export interface SimulatedTargetOptions {
  readonly blockCount?: number;
  readonly offers?: Partial<NegotiationOffers>;
  readonly limits?: Partial<ProtocolLimits>;
  readonly slotClasses?: readonly SlotClass[];
  /** Further targets without logical units, for discovery. */
  readonly otherTargets?: readonly string[];
  readonly guard?: TargetGuard;
}

export const LIMITS: ProtocolLimits = {
  commandWindow: 16,
  loginTimeoutMs: 15_000,
  keepaliveMs: 0,
  sessions: { perTargetMax: 64, perInitiatorMax: 64, isOneHost: false },
};

export class SimulatedTarget {
  readonly time: SimulatedTime;
  readonly backend: SimulatedBackend;
  readonly pool: SlotPool;
  readonly context: DeviceServerContext;
  readonly device: TargetDevice;
  readonly unit: LogicalUnit;
  readonly registry: TargetRegistry;
  readonly services: ProtocolServices;
  readonly wires: SimulatedWire[] = [];
  /** Free slots when nothing is going on. */
  private readonly idleSlots: number;
  private readonly portal: Portal = { host: '192.0.2.1', port: 3260, isWildcard: false };

  constructor(options: SimulatedTargetOptions = {}, time = new SimulatedTime()) {
    const { slotClasses = SLOT_CLASSES, blockCount = 8192 } = options;
    this.time = time;
    const batch = new TickBatch(time.defer);
    this.pool = new SlotPool(Buffer.alloc(arenaBytes(slotClasses), 0xee), slotClasses, batch);
    this.services = {
      pool: this.pool,
      batch,
      outputs: new OutputStore(sealPortable),
      tasks: new TaskStore(),
      clock: time,
      crc32c: crc32cPortable,
      limits: { ...LIMITS, ...options.limits },
      observer: { note: () => undefined },
    };
    const clock = { epochMs: () => time.nowMs(), nowMs: () => time.nowMs() };
    this.context = new DeviceServerContext(this.pool, clock, randomBytes);
    this.idleSlots = this.pool.freeCount(0);
    this.backend = new SimulatedBackend(time, blockCount * BLOCK_BYTES);
    this.unit = unitOn(this.backend);
    this.device = new TargetDevice(this.context);
    this.device.addLogicalUnit(0, this.unit);
    this.registry = new TargetRegistry(this.services, OFFERS_DEFAULT);
    const offers = { ...OFFERS_DEFAULT, ...options.offers };
    const groups = [{ tag: 1, portals: [this.portal] }];
    const { guard = OPEN_TARGET } = options;
    const name = SETTINGS_DEFAULT.targetName as string;
    this.registry.addTarget(new TargetNode(name, null, offers, groups, this.device, guard));
    for (const name of options.otherTargets ?? []) {
      this.registry.addTarget(new TargetNode(name, null, offers, groups, new TargetDevice(this.context)));
    }
  }

  /** A connection of the target's with its wire; the other end is the caller's to attach. */
  accept(wire: SimulatedWire): Connection {
    const connection = new Connection(this.services, wire, '192.0.2.9:40000', '192.0.2.1:3260');
    connection.enter(new LoginPhase(connection, this.registry.directory(this.portal), this.registry));
    this.wires.push(wire);
    return connection;
  }

  /** A further connection of `session`, not logged in yet. */
  connect(
    session: InitiatorSession,
    wireOptions: Partial<WireOptions> = {},
    overrides: Partial<InitiatorSettings> = {},
    security: SecurityScript = SECURITY_NONE(),
  ): [InitiatorConnection, SimulatedWire] {
    const wire = new SimulatedWire(this.time, wireOptions);
    const initiator = session.connect(wire, overrides, security);
    wire.attach(this.accept(wire), initiator);
    return [initiator, wire];
  }

  /** A session that has logged in, with its unit attention out of the way. */
  logIn(settings: Partial<InitiatorSettings> = {}, wireOptions: Partial<WireOptions> = {}): InitiatorSession {
    const session = new InitiatorSession(settings);
    const [connection] = this.connect(session, wireOptions);
    connection.logIn();
    this.time.settle();
    if (!session.isOpen) throw new Error(`login status ${connection.loginStatus.toString(16)}`);
    if (session.settings.targetName === null) return session;
    session.execute(TEST_UNIT_READY);
    this.time.settle();
    return session;
  }

  get freeSlots(): number {
    return this.pool.freeCount(0);
  }

  /** Slots that somebody holds besides the one that is set aside. */
  get heldSlots(): number {
    return this.idleSlots - this.freeSlots;
  }

  /** Null when nothing is left of all sessions, else what is. */
  get leftover(): string | null {
    if (this.backend.inFlight > 0) return `${this.backend.inFlight} ios are in the store`;
    if (this.device.taskCount > 0) return `${this.device.taskCount} tasks are in the task set`;
    if (this.registry.sessionCount > 0) return `${this.registry.sessionCount} sessions are registered`;
    for (const wire of this.wires) {
      if (wire.armedTimerCount > 0) return 'a timer is armed';
    }
    if (this.time.timerCount > 0) return 'a timer is left';
    this.context.close(); // asserts that every task record is back
    return this.pool.isIdle ? null : `${this.heldSlots} slots are held`;
  }
}

export const TEST_UNIT_READY = Buffer.alloc(16);

function unitOn(backend: SimulatedBackend): LogicalUnit {
  return new LogicalUnit({
    uuid: '0f0e0d0c-0b0a-4908-8706-050403020100',
    backend,
    blockShift: 9,
    isReadOnly: false,
    isThin: true,
    vendor: 'GOTGT',
    product: 'DISK',
    revision: '0100',
  });
}

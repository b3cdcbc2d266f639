/**
 * A target device with one memory store, and an application client on the other side of the CommandOwner port: it answers
 * requests for Data-Out, collects Data-In, and checks what the port promises.
 */

import { randomBytes } from 'node:crypto';
import type { CommandOwner, TaskAttribute } from '../../../src/scsi/command/command.ts';
import { ScsiCommand, STATUS_CHECK_CONDITION, TASK_SIMPLE } from '../../../src/scsi/command/command.ts';
import { DeviceServerContext } from '../../../src/scsi/device-server.ts';
import { encodeLunHigh } from '../../../src/scsi/lun-map.ts';
import { Nexus } from '../../../src/scsi/nexus.ts';
import type { TargetPort } from '../../../src/scsi/port/target-port.ts';
import { TargetPorts } from '../../../src/scsi/port/target-ports.ts';
import { TargetDevice } from '../../../src/scsi/target-device.ts';
import type { TaskManagementFunction } from '../../../src/scsi/task/task-management.ts';
import { TaskManagementRequest } from '../../../src/scsi/task/task-management.ts';
import type { LogicalUnitOptions } from '../../../src/scsi/unit/logical-unit.ts';
import { LogicalUnit } from '../../../src/scsi/unit/logical-unit.ts';
import type { WallClock } from '../../../src/util/clock.ts';
import type { Slot, SlotClass } from '../../../src/util/slot-pool.ts';
import { arenaBytes, SEGMENT_BYTES_MAX, SlotHolder, SlotPool } from '../../../src/util/slot-pool.ts';
import { TickBatch } from '../../../src/util/tick-batch.ts';
import { MemoryBackend } from './memory-backend.ts';

export const BLOCK_BYTES = 512;
export const BLOCK_COUNT = 8192;
export const UUID = '0f0e0d0c-0b0a-4908-8706-050403020100';

const SLOT_CLASSES: readonly SlotClass[] = [
  { capacityBytes: 4096, count: 16 },
  { capacityBytes: 65536, count: 8 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 8 },
];

/** One command as its application client sees it. */
export class Client implements CommandOwner {
  readonly command: ScsiCommand;
  readonly dataOut: Buffer;
  readonly pieces: Buffer[] = [];
  readonly requests: { bufferOffset: number; lengthBytes: number }[] = [];
  isDone = false;
  /** False: requests stay open until the test answers them. */
  answersDataOut = true;
  private readonly harness: Harness;

  constructor(harness: Harness, nexus: Nexus, holder: SlotHolder, dataOut: Buffer) {
    this.harness = harness;
    this.dataOut = dataOut;
    this.command = new ScsiCommand(this, nexus, holder);
  }

  receiveDataOut(_command: ScsiCommand, bufferOffset: number, lengthBytes: number): void {
    if (bufferOffset % SEGMENT_BYTES_MAX !== 0 || lengthBytes > SEGMENT_BYTES_MAX) throw new Error('a bad segment');
    this.requests.push({ bufferOffset, lengthBytes });
    if (this.requests.length > 2) throw new Error('more than two requests are open');
    if (this.answersDataOut) this.answer();
  }

  /** Delivers the oldest open request. */
  answer(): void {
    if (!this.tryAnswer()) throw new Error('no slot for Data-Out');
  }

  /** As answer; false, and the request stays open, when there is no slot for the data now. */
  tryAnswer(): boolean {
    const [request] = this.requests;
    if (request === undefined) throw new Error('no open request');
    const { bufferOffset, lengthBytes } = request;
    const slot = this.harness.pool.take(lengthBytes, this.command.holder);
    if (slot === null) return false;
    this.requests.shift();
    this.dataOut.copy(slot.memory, slot.dataOffset, bufferOffset, bufferOffset + lengthBytes);
    this.harness.device.deliverDataOut(this.command, slot, bufferOffset, lengthBytes);
    return true;
  }

  sendDataIn(_command: ScsiCommand, slot: Slot, lengthBytes: number): void {
    this.collect(slot, lengthBytes);
  }

  onCommandDone(command: ScsiCommand): void {
    if (this.isDone) throw new Error('a command ends once');
    if (command.task !== null) throw new Error('an ended command has no task');
    this.isDone = true;
    if (command.finalSlot !== null) this.collect(command.finalSlot, command.finalBytes);
    this.harness.ended.push(this);
  }

  get data(): Buffer {
    return Buffer.concat(this.pieces);
  }

  get status(): number {
    return this.command.status;
  }

  /** "key/asc/ascq" in hexadecimal, or the status when it is not CHECK CONDITION. */
  get outcome(): string {
    if (!this.isDone) return 'running';
    if (this.command.isAborted) return 'aborted';
    if (this.command.status !== STATUS_CHECK_CONDITION) return `status ${this.command.status.toString(16)}`;
    const { senseCode } = this.command;
    return [senseCode >>> 16, (senseCode >>> 8) & 0xff, senseCode & 0xff].map((part) => part.toString(16)).join('/');
  }

  private collect(slot: Slot, lengthBytes: number): void {
    if (lengthBytes <= 0 || lengthBytes > slot.capacityBytes) throw new Error('a piece has bytes, within its slot');
    this.pieces.push(Buffer.from(slot.memory.subarray(slot.dataOffset, slot.dataOffset + lengthBytes)));
    slot.release();
  }
}

export interface CommandOptions {
  readonly lun?: number;
  readonly lunHigh?: number;
  readonly lunLow?: number;
  readonly nexus?: Nexus;
  readonly attribute?: TaskAttribute;
  readonly dataIn?: number;
  readonly dataOut?: Buffer;
  readonly answersDataOut?: boolean;
  /** CDB length as the transport states it. */
  readonly cdbBytes?: number;
}

export interface HarnessOptions {
  readonly sizeBytes?: number;
  readonly storedBytes?: number;
  readonly capabilities?: ConstructorParameters<typeof MemoryBackend>[1];
  readonly unit?: Partial<LogicalUnitOptions>;
  readonly nexus?: Nexus;
  readonly slotClasses?: readonly SlotClass[];
  /** Instead of one of sizeBytes, storedBytes and capabilities. */
  readonly backend?: MemoryBackend;
  /** Leaves the power on condition pending. */
  readonly keepsAttention?: boolean;
}

export class Harness {
  readonly pool: SlotPool;
  readonly context: DeviceServerContext;
  readonly device: TargetDevice;
  readonly backend: MemoryBackend;
  readonly unit: LogicalUnit;
  readonly nexus: Nexus;
  readonly holder = new SlotHolder();
  readonly ended: Client[] = [];
  /** Milliseconds of the time of day, and of the monotonic clock. */
  epochMs = 1_800_000_000_000;
  nowMs = 5000;
  private readonly clock: WallClock = { epochMs: () => this.epochMs, nowMs: () => this.nowMs };
  private readonly deferred: (() => void)[] = [];

  constructor(options: HarnessOptions = {}) {
    const classes = options.slotClasses ?? SLOT_CLASSES;
    this.nexus = options.nexus ?? nexusOf('a');
    const batch = new TickBatch((work) => this.deferred.push(work));
    this.pool = new SlotPool(Buffer.alloc(arenaBytes(classes), 0xee), classes, batch);
    this.context = new DeviceServerContext(this.pool, this.clock, randomBytes);
    this.device = new TargetDevice(this.context);
    const sizeBytes = options.sizeBytes ?? BLOCK_BYTES * BLOCK_COUNT;
    this.backend =
      options.backend ?? new MemoryBackend(sizeBytes, options.capabilities, options.storedBytes ?? sizeBytes);
    this.unit = unitOn(this.backend, options.unit);
    this.device.addLogicalUnit(0, this.unit);
    this.device.openNexus(this.nexus);
    if (options.keepsAttention !== true) this.clearAttention(this.nexus);
  }

  /** Executes and leaves the command where it stands. */
  start(cdb: readonly number[], options: CommandOptions = {}): Client {
    const dataOut = options.dataOut ?? Buffer.alloc(0);
    const client = new Client(this, options.nexus ?? this.nexus, this.holder, dataOut);
    const { command } = client;
    client.answersDataOut = options.answersDataOut ?? true;
    command.cdb.set(cdb);
    command.cdbBytes = options.cdbBytes ?? Math.max(16, cdb.length);
    command.lunHigh = options.lunHigh ?? encodeLunHigh(options.lun ?? 0);
    command.lunLow = options.lunLow ?? 0;
    command.attribute = options.attribute ?? TASK_SIMPLE;
    command.dataOutBytes = dataOut.length;
    command.dataInBytes = options.dataIn ?? 0;
    this.device.execute(command);
    return client;
  }

  /** Executes and lets the store answer until nothing is left to do. */
  run(cdb: readonly number[], options: CommandOptions = {}): Client {
    const client = this.start(cdb, options);
    this.settle();
    return client;
  }

  /** Completes every io, oldest first, and does all deferred work. */
  settle(): void {
    for (;;) {
      this.tick();
      const answer = this.backend.questions.shift();
      if (answer !== undefined) answer();
      else if (this.backend.pending.length > 0) this.backend.complete();
      else return;
    }
  }

  /** Does the deferred work of this tick. */
  tick(): void {
    for (let work = this.deferred.shift(); work !== undefined; work = this.deferred.shift()) work();
  }

  manage(fn: TaskManagementFunction, options: { nexus?: Nexus; lun?: number; target?: Client } = {}): Management {
    const management = new Management();
    const lunHigh = encodeLunHigh(options.lun ?? 0);
    const { nexus = this.nexus, target } = options;
    const command = target === undefined ? null : target.command;
    this.device.manageTasks(new TaskManagementRequest(management, nexus, fn, lunHigh, 0, command));
    return management;
  }

  clearAttention(nexus: Nexus, lun = 0): void {
    this.run([0x00], { nexus, lun });
    this.ended.length = 0;
  }

  /** True when nothing holds a slot but what the context sets aside. */
  get isQuiet(): boolean {
    this.context.close();
    return this.pool.isIdle;
  }
}

export class Management {
  response = -1;
  doneCount = 0;

  onTaskManagementDone(request: TaskManagementRequest): void {
    this.doneCount += 1;
    this.response = request.response;
  }
}

export function nexusOf(initiator: string): Nexus {
  return new Nexus(`iqn.2000-01.test:${initiator},i,0x00023d000001`, portOf(1));
}

/** A target port of the disk that no other test's nexus is on. */
export function portOf(tag: number): TargetPort {
  return new TargetPorts().add(`iqn.2000-01.test:disk,t,0x${tag.toString(16).padStart(4, '0')}`, tag);
}

export function unitOn(backend: MemoryBackend, options: Partial<LogicalUnitOptions> = {}): LogicalUnit {
  return new LogicalUnit({
    uuid: UUID,
    backend,
    blockShift: 9,
    isReadOnly: false,
    isThin: true,
    vendor: 'GOTGT',
    product: 'DISK',
    revision: '0100',
    ...options,
  });
}

/** `count` blocks whose every byte tells block and place. */
export function pattern(count: number, seed = 1, blockBytes = BLOCK_BYTES): Buffer {
  const bytes = Buffer.alloc(count * blockBytes);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >>> 9) * 13 + seed * 29) & 0xff;
  return bytes;
}

/** CDBs of READ(10), WRITE(10) and their kind: flags, LBA, length. */
export function cdb10(operationCode: number, lba: number, blocks: number, flags = 0): number[] {
  return [operationCode, flags, ...uint32(lba), 0, blocks >>> 8, blocks & 0xff, 0];
}

export function cdb12(operationCode: number, lba: number, blocks: number, flags = 0): number[] {
  return [operationCode, flags, ...uint32(lba), ...uint32(blocks), 0, 0];
}

export function cdb16(operationCode: number, lba: number, blocks: number, flags = 0): number[] {
  return [
    operationCode,
    flags,
    ...uint32(Math.floor(lba / 2 ** 32)),
    ...uint32(lba % 2 ** 32),
    ...uint32(blocks),
    0,
    0,
  ];
}

export function uint32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

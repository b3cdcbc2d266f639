/**
 * A store in memory that answers when, in what order and how the simulation says. It holds its user to the port: the
 * memory of a write does not change while the store has it.
 */
import {
  type Backend,
  type BackendCapabilities,
  type BackendIo,
  IO_FLUSH,
  IO_OK,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_ZEROES,
  type IoStatus,
  type OnExtents,
  type OnSpace,
} from '../../src/backend/backend.ts';
import { crc32cPortable } from '../../src/iscsi/codec/digest.ts';
import { demand } from '../initiator/violation.ts';
import type { SimulatedTime } from './simulated-time.ts';

const CAPABILITIES: BackendCapabilities = {
  isReadOnly: false,
  canUnmap: true,
  isWriteThrough: false,
  physicalBlockBytes: 512,
  transferGranularityBytes: 512,
  unmapGranularityBytes: 512,
  optimalIoBytes: 0,
  canTellSpace: true,
  engine: 'simulated',
};

export interface BackendFaults {
  readonly delayMs: (io: BackendIo) => number;
  readonly status: (io: BackendIo) => IoStatus;
  /** Of a write that fails: how much is done all the same. */
  readonly doneBytes: (io: BackendIo) => number;
}

export const NO_FAULTS: BackendFaults = {
  delayMs: () => 0,
  status: () => IO_OK,
  doneBytes: () => 0,
};

interface Held {
  readonly io: BackendIo;
  readonly crc: number;
}

export class SimulatedBackend implements Backend {
  readonly capabilities = CAPABILITIES;
  readonly sizeBytes: number;
  readonly bytes: Buffer;
  faults: BackendFaults = NO_FAULTS;
  /** Ios stay here until release(). */
  isHolding = false;
  readonly held: Held[] = [];
  inFlight = 0;
  private readonly time: SimulatedTime;

  constructor(time: SimulatedTime, sizeBytes: number) {
    this.time = time;
    this.sizeBytes = sizeBytes;
    this.bytes = Buffer.alloc(sizeBytes);
  }

  submit(io: BackendIo): void {
    demand(io.offsetBytes >= 0 && io.offsetBytes + io.lengthBytes <= this.sizeBytes, 'an io stays within the store');
    this.inFlight += 1;
    const held = { io, crc: crcOf(io) };
    if (this.isHolding) this.held.push(held);
    else this.time.schedule(this.faults.delayMs(io), () => this.finish(held));
  }

  /** Lets the oldest io that is held end, or all. */
  releaseOne(): void {
    const held = this.held.shift();
    if (held === undefined) throw new Error('no io is held');
    this.time.schedule(0, () => this.finish(held));
  }

  release(): void {
    this.isHolding = false;
    while (this.held.length > 0) this.releaseOne();
  }

  allocation(offsetBytes: number, lengthBytes: number, _countMax: number, onExtents: OnExtents): void {
    this.time.schedule(0, () => onExtents([{ offsetBytes, lengthBytes, isAllocated: true }]));
  }

  space(onSpace: OnSpace): void {
    this.time.schedule(0, () => onSpace({ usedBytes: this.sizeBytes, availableBytes: this.sizeBytes }));
  }

  measure(): Promise<number> {
    return Promise.resolve(this.sizeBytes);
  }

  resize(): void {
    throw new Error('a simulated store keeps its size');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private finish({ io, crc }: Held): void {
    demand(io.op === IO_READ || crc === crcOf(io), 'the memory of a write is the store’s until it is done');
    this.inFlight -= 1;
    io.status = this.faults.status(io);
    const { memory, memoryOffset, offsetBytes, lengthBytes } = io;
    const doneBytes = io.status === IO_OK ? lengthBytes : Math.min(lengthBytes, this.faults.doneBytes(io));
    const end = offsetBytes + doneBytes;
    if (io.op === IO_READ) this.bytes.copy(memory!, memoryOffset, offsetBytes, end);
    else if (io.op === IO_WRITE) memory!.copy(this.bytes, offsetBytes, memoryOffset, memoryOffset + doneBytes);
    else if (io.op === IO_UNMAP || io.op === IO_WRITE_ZEROES) this.bytes.fill(0, offsetBytes, end);
    else demand(io.op === IO_FLUSH, 'an io has an operation');
    io.owner.onIoDone(io);
  }
}

function crcOf({ op, memory, memoryOffset, lengthBytes }: BackendIo): number {
  return op === IO_WRITE ? crc32cPortable(0, memory!, memoryOffset, lengthBytes) : 0;
}

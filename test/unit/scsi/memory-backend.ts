/**
 * A store in memory at the Backend port. Completions stand in a queue until the test lets them go, in any order, and any
 * io can be made to fail.
 */
import type {
  AllocationExtent,
  Backend,
  BackendCapabilities,
  BackendIo,
  BackendSpace,
  IoStatus,
  OnExtents,
  OnSpace,
} from '../../../src/backend/backend.ts';
import {
  IO_FLUSH,
  IO_OK,
  IO_OUT_OF_RANGE,
  IO_READ,
  IO_UNMAP,
  IO_WRITE,
  IO_WRITE_ZEROES,
} from '../../../src/backend/backend.ts';
import { SEGMENT_BYTES_MAX } from '../../../src/util/slot-pool.ts';

export const CAPABILITIES: BackendCapabilities = {
  isReadOnly: false,
  canUnmap: true,
  isWriteThrough: false,
  physicalBlockBytes: 4096,
  transferGranularityBytes: 4096,
  unmapGranularityBytes: 4096,
  optimalIoBytes: 0,
  canTellSpace: true,
  engine: 'memory',
};

/** What the test may look at of an io after it was submitted. */
export interface Submitted {
  readonly op: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly isFua: boolean;
  readonly mayUnmap: boolean;
}

/** BackendIo.token of an io that was submitted for bytes that are not there any more. */
const BEYOND_THE_END = 1;

export class MemoryBackend implements Backend {
  readonly capabilities: BackendCapabilities;
  sizeBytes: number;
  bytes: Buffer;
  /** The most that was ever served. */
  private reachBytes: number;
  /** What measure() finds; null: what is served. */
  isBytes: number | null = null;
  readonly log: Submitted[] = [];
  readonly pending: BackendIo[] = [];
  /** Questions for the allocation that were not answered yet. */
  readonly questions: (() => void)[] = [];
  /** The answer to them; all is allocated without it. */
  extents: (offsetBytes: number, lengthBytes: number) => readonly AllocationExtent[] = (offsetBytes, lengthBytes) => [
    { offsetBytes, lengthBytes, isAllocated: true },
  ];
  /** What it tells of its space; null: it cannot now. */
  spaceNow: BackendSpace | null = { usedBytes: 0, availableBytes: 2 ** 40 };
  /** Decides how an io ends; everything is well without it. */
  fault: (io: BackendIo) => IoStatus = () => IO_OK;

  /** @param storedBytes what is really kept; ios beyond it fail the test. Smaller than sizeBytes for huge units. */
  constructor(sizeBytes: number, capabilities: Partial<BackendCapabilities> = {}, storedBytes = sizeBytes) {
    this.sizeBytes = sizeBytes;
    this.reachBytes = sizeBytes;
    this.capabilities = { ...CAPABILITIES, ...capabilities };
    this.bytes = Buffer.alloc(storedBytes);
  }

  submit(io: BackendIo): void {
    const { op, offsetBytes, lengthBytes, isFua, mayUnmap } = io;
    if (op === IO_READ || op === IO_WRITE) {
      if (lengthBytes <= 0 || lengthBytes > SEGMENT_BYTES_MAX || io.memory === null) throw new Error('a bad data io');
    } else if (io.memory !== null || (op !== IO_FLUSH && lengthBytes <= 0)) throw new Error('a bad range io');
    if (offsetBytes + lengthBytes > this.reachBytes) throw new Error('an io beyond the end of the store');
    this.log.push({ op, offsetBytes, lengthBytes, isFua, mayUnmap });
    io.token = offsetBytes + lengthBytes > this.sizeBytes ? BEYOND_THE_END : 0;
    this.pending.push(io);
  }

  /** Completes the io at `index` of `pending`. */
  complete(index = 0): void {
    const [io] = this.pending.splice(index, 1);
    if (io === undefined) throw new Error('no io to complete');
    io.status = io.token === BEYOND_THE_END ? IO_OUT_OF_RANGE : this.fault(io);
    if (io.status === IO_OK) this.perform(io);
    io.owner.onIoDone(io);
  }

  allocation(offsetBytes: number, lengthBytes: number, countMax: number, onExtents: OnExtents): void {
    this.questions.push(() => onExtents(this.extents(offsetBytes, lengthBytes).slice(0, countMax)));
  }

  space(onSpace: OnSpace): void {
    this.questions.push(() => onSpace(this.spaceNow));
  }

  measure(wantedBytes: number | null): Promise<number> {
    if (wantedBytes !== null) this.isBytes = Math.max(this.isBytes ?? this.sizeBytes, wantedBytes);
    return Promise.resolve(this.isBytes ?? this.sizeBytes);
  }

  resize(sizeBytes: number): void {
    this.sizeBytes = sizeBytes;
    this.reachBytes = Math.max(this.reachBytes, sizeBytes);
    if (sizeBytes > this.bytes.length) this.bytes = Buffer.concat([this.bytes], sizeBytes);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private perform(io: BackendIo): void {
    const { offsetBytes, lengthBytes, memory, memoryOffset } = io;
    const end = offsetBytes + lengthBytes;
    if (io.op === IO_READ) this.bytes.copy(memory!, memoryOffset, offsetBytes, end);
    else if (io.op === IO_WRITE) memory!.copy(this.bytes, offsetBytes, memoryOffset, memoryOffset + lengthBytes);
    else if (io.op === IO_UNMAP || io.op === IO_WRITE_ZEROES) this.bytes.fill(0, offsetBytes, end);
  }
}

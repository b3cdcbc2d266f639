/**
 * The store that keeps nothing: reads give zeros, writes vanish. It shows what everything above a store costs, and it is
 * the one store that may lose data.
 */
import { assert } from '../util/assert.ts';
import type { TickBatch } from '../util/tick-batch.ts';
import {
  type Backend,
  type BackendCapabilities,
  BackendError,
  type BackendIo,
  IO_FLUSH,
  IO_OK,
  IO_OUT_OF_RANGE,
  IO_READ,
  IO_WRITE_PROTECTED,
  type OnExtents,
  type OnSpace,
} from './backend.ts';
import { InFlight } from './io/in-flight.ts';
import { LateCompletion } from './io/late-completion.ts';

/** 1 TiB: large enough for every READ(16) and every random offset, and nothing has to be kept for it. */
export const NULL_SIZE_BYTES_DEFAULT = 2 ** 40;

export interface NullBackendSpec {
  /** null: NULL_SIZE_BYTES_DEFAULT. */
  readonly sizeBytes: number | null;
  readonly blockBytes: number;
  readonly isReadOnly: boolean;
  readonly isThin: boolean;
}

export class NullBackend implements Backend {
  readonly capabilities: BackendCapabilities;
  sizeBytes: number;
  /** The most that was ever served: an io beyond it is a bug. */
  private reachBytes: number;
  private readonly inFlight = new InFlight();
  private readonly late: LateCompletion;

  /** Throws BackendError when the size is no number of blocks. */
  constructor(spec: NullBackendSpec, batch: TickBatch) {
    const sizeBytes = spec.sizeBytes ?? NULL_SIZE_BYTES_DEFAULT;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % spec.blockBytes !== 0) {
      throw new BackendError(
        'INVALID_SIZE',
        `a null store of ${sizeBytes} bytes is not possible: the size must be a multiple of the block size (${spec.blockBytes}) above 0`,
      );
    }
    this.sizeBytes = sizeBytes;
    this.reachBytes = sizeBytes;
    this.late = new LateCompletion(batch, this.inFlight);
    this.capabilities = {
      isReadOnly: spec.isReadOnly,
      canUnmap: spec.isThin, // it never holds any space
      isWriteThrough: true, // a flush would change nothing
      physicalBlockBytes: 512,
      transferGranularityBytes: 4096,
      unmapGranularityBytes: 0,
      optimalIoBytes: 0,
      canTellSpace: true,
      engine: 'null',
    };
  }

  submit(io: BackendIo): void {
    this.inFlight.begin(io, this.reachBytes);
    if (io.offsetBytes + io.lengthBytes > this.sizeBytes) {
      this.late.end(io, IO_OUT_OF_RANGE);
      return;
    }
    if (io.op === IO_READ) {
      assert(io.memory !== null, 'a read names its memory');
      io.memory.fill(0, io.memoryOffset, io.memoryOffset + io.lengthBytes);
    } else if (io.op !== IO_FLUSH && this.capabilities.isReadOnly) {
      this.late.end(io, IO_WRITE_PROTECTED);
      return;
    }
    this.late.end(io, IO_OK);
  }

  allocation(offsetBytes: number, lengthBytes: number, _countMax: number, onExtents: OnExtents): void {
    this.inFlight.hold();
    queueMicrotask(() => {
      this.inFlight.release();
      onExtents([{ offsetBytes, lengthBytes, isAllocated: false }]);
    });
  }

  /** Nothing is ever taken, and there is room for all that will not be. */
  space(onSpace: OnSpace): void {
    this.inFlight.hold();
    queueMicrotask(() => {
      this.inFlight.release();
      onSpace({ usedBytes: 0, availableBytes: this.sizeBytes });
    });
  }

  /** It is as large as anybody wants. */
  measure(wantedBytes: number | null): Promise<number> {
    return Promise.resolve(wantedBytes ?? this.sizeBytes);
  }

  resize(sizeBytes: number): void {
    this.sizeBytes = sizeBytes;
    this.reachBytes = Math.max(this.reachBytes, sizeBytes);
  }

  close(): Promise<void> {
    return this.inFlight.idle();
  }
}

/**
 * Moves bytes between memory of ours and a store, through one slot of the reactor's arena, for work that is no command's own
 * and goes on when its command is aborted. One thing at a time; `onDone` is called later, never from the call itself.
 */
import type { Backend, IoOp, IoOwner } from '../../../backend/backend.ts';
import { BackendIo, IO_FLUSH, IO_OK, IO_READ, IO_WRITE } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot, SlotWaiter } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX, SlotHolder } from '../../../util/slot-pool.ts';
import type { DeviceServerContext } from '../../device-server.ts';

/** @param io how the last piece ended: all is done when it is IO_OK */
export type OnMoved = (io: BackendIo) => void;

/** The least that a slot has; no logical block is larger. */
const SLOT_BYTES_MIN = 4096;

export class StoreMover implements IoOwner, SlotWaiter {
  readonly backend: Backend;
  readonly context: DeviceServerContext;
  private readonly holder = new SlotHolder();
  private readonly io = new BackendIo(this);
  private slot: Slot | null = null;
  private bytes: Buffer = NO_BYTES;
  private offsetBytes = 0;
  private doneBytes = 0;
  private onDone: OnMoved | null = null;
  private onReady: (() => void) | null = null;
  private isStopped = false;

  constructor(context: DeviceServerContext, backend: Backend) {
    this.context = context;
    this.backend = backend;
  }

  /** Takes a slot, which everything else needs, then calls `onReady`, perhaps at once. */
  open(onReady: () => void): void {
    this.context.movers.add(this);
    this.onReady = onReady;
    this.takeSlot();
  }

  /** Reads `into.length` bytes from `offsetBytes` of the store on. */
  read(offsetBytes: number, into: Buffer, onDone: OnMoved): void {
    this.move(IO_READ, offsetBytes, into, onDone);
  }

  write(offsetBytes: number, from: Buffer, onDone: OnMoved): void {
    this.move(IO_WRITE, offsetBytes, from, onDone);
  }

  /** Makes durable what was written. */
  flush(onDone: OnMoved): void {
    assert(this.onDone === null, 'a mover does one thing at a time');
    this.onDone = onDone;
    this.submit(IO_FLUSH, 0, 0);
  }

  /** Gives the slot back. */
  close(): void {
    assert(this.onDone === null, 'a mover is closed when nothing moves');
    this.context.movers.delete(this);
    this.slot?.release();
    this.slot = null;
  }

  /** The reactor ends with this undone: nothing more is submitted, and nobody is told. */
  stop(): void {
    this.isStopped = true;
    this.context.pool.stopWaiting(this);
  }

  onSlotReady(): void {
    this.takeSlot();
  }

  onIoDone(io: BackendIo): void {
    if (this.isStopped) return;
    if (io.status === IO_OK && io.op !== IO_FLUSH) {
      if (io.op === IO_READ) this.copyOut(io.lengthBytes);
      this.doneBytes += io.lengthBytes;
      if (this.doneBytes < this.bytes.length) {
        this.movePiece(io.op === IO_READ ? IO_READ : IO_WRITE);
        return;
      }
    }
    const { onDone } = this;
    assert(onDone !== null, 'somebody waits for what is moved');
    this.onDone = null;
    this.bytes = NO_BYTES;
    onDone(io);
  }

  private takeSlot(): void {
    const { pool } = this.context;
    this.slot = pool.take(SEGMENT_BYTES_MAX, this.holder) ?? pool.take(SLOT_BYTES_MIN, this.holder);
    if (this.slot === null) pool.wait(this);
    else this.onReady?.();
  }

  private move(op: typeof IO_READ | typeof IO_WRITE, offsetBytes: number, bytes: Buffer, onDone: OnMoved): void {
    assert(this.onDone === null, 'a mover does one thing at a time');
    assert(bytes.length > 0, 'something is moved');
    this.onDone = onDone;
    this.bytes = bytes;
    this.offsetBytes = offsetBytes;
    this.doneBytes = 0;
    this.movePiece(op);
  }

  private movePiece(op: typeof IO_READ | typeof IO_WRITE): void {
    const { memory, dataOffset, capacityBytes } = this.openSlot;
    const { bytes, doneBytes } = this;
    const lengthBytes = Math.min(capacityBytes, bytes.length - doneBytes);
    if (op === IO_WRITE) bytes.copy(memory, dataOffset, doneBytes, doneBytes + lengthBytes);
    this.submit(op, this.offsetBytes + doneBytes, lengthBytes);
  }

  private copyOut(lengthBytes: number): void {
    const { memory, dataOffset } = this.openSlot;
    memory.copy(this.bytes, this.doneBytes, dataOffset, dataOffset + lengthBytes);
  }

  private get openSlot(): Slot {
    assert(this.slot !== null, 'a mover is opened first');
    return this.slot;
  }

  private submit(op: IoOp, offsetBytes: number, lengthBytes: number): void {
    if (this.isStopped) return;
    const { io } = this;
    const { memory, dataOffset } = this.openSlot;
    io.op = op;
    io.offsetBytes = offsetBytes;
    io.lengthBytes = lengthBytes;
    io.memory = op === IO_FLUSH ? null : memory;
    io.memoryOffset = op === IO_FLUSH ? 0 : dataOffset;
    io.isFua = false;
    io.mayUnmap = false;
    io.status = IO_OK;
    this.backend.submit(io);
  }
}

const NO_BYTES = Buffer.alloc(0);

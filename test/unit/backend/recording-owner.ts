/** An IoOwner that lets a test wait for the ends of its I/Os, and remembers their order. */
import { BackendIo, type IoOp, type IoOwner } from '../../../src/backend/backend.ts';

export class RecordingOwner implements IoOwner {
  readonly ended: BackendIo[] = [];
  private waiters: { count: number; resolve: () => void }[] = [];

  io(op: IoOp, offsetBytes: number, lengthBytes: number, memory: Buffer | null = null): BackendIo {
    const io = new BackendIo(this);
    io.op = op;
    io.offsetBytes = offsetBytes;
    io.lengthBytes = lengthBytes;
    io.memory = memory;
    return io;
  }

  onIoDone(io: BackendIo): void {
    this.ended.push(io);
    for (const waiter of this.waiters.filter(({ count }) => count <= this.ended.length)) waiter.resolve();
  }

  /** Resolves once `count` I/Os have ended in all. */
  endOf(count: number): Promise<void> {
    if (this.ended.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ count, resolve }));
  }
}

/**
 * One transfer through node:fs, pooled: its callback is made once. It goes on until all bytes are moved: a short write is
 * continued, and a read that meets the end of the file is an error, never zeros.
 */
import { read, write } from 'node:fs';
import { constants } from 'node:os';
import { assert } from '../util/assert.ts';
import { type BackendIo, IO_READ, IO_WRITE } from './backend.ts';
import { END_OF_FILE } from './io/failure-news.ts';

/** A transfer that a signal interrupted is tried again, but not for ever. */
const RETRIES_MAX = 16;

const { EAGAIN, EINTR } = constants.errno;

/** The descriptors of one file, and zeros to write. */
export interface FileDescriptors {
  readonly fd: number;
  /** The same inode opened O_DSYNC, -1 when the store is read-only. */
  readonly dsyncFd: number;
  readonly zeros: Buffer;
}

export interface FileOperationOwner {
  onOperationDone(operation: FileOperation, io: BackendIo): void;
  /** @param errno negative, or END_OF_FILE */
  onOperationFailed(operation: FileOperation, io: BackendIo, errno: number): void;
}

export class FileOperation {
  private readonly file: FileDescriptors;
  private readonly owner: FileOperationOwner;
  private io: BackendIo | null = null;
  private readonly onMoved: (error: NodeJS.ErrnoException | null, movedBytes: number) => void;

  constructor(file: FileDescriptors, owner: FileOperationOwner) {
    this.file = file;
    this.owner = owner;
    this.onMoved = (error, movedBytes) => this.go(error, movedBytes);
  }

  /** Reads or writes what `io` says; any other op is done by writing zeros. */
  start(io: BackendIo): void {
    assert(this.io === null, 'an operation does one I/O at a time');
    this.io = io;
    io.token = 0; // counts the retries
    this.step(io);
  }

  private step(io: BackendIo): void {
    const { file, onMoved } = this;
    const { memory, doneBytes } = io;
    const leftBytes = io.lengthBytes - doneBytes;
    const position = io.offsetBytes + doneBytes;
    if (io.op === IO_READ) {
      read(file.fd, memory as Buffer, io.memoryOffset + doneBytes, leftBytes, position, onMoved);
    } else if (io.op === IO_WRITE) {
      const fd = io.isFua ? file.dsyncFd : file.fd;
      write(fd, memory as Buffer, io.memoryOffset + doneBytes, leftBytes, position, onMoved);
    } else {
      write(file.fd, file.zeros, 0, Math.min(leftBytes, file.zeros.length), position, onMoved);
    }
  }

  private go(error: NodeJS.ErrnoException | null, movedBytes: number): void {
    const io = this.io as BackendIo;
    if (error !== null) {
      this.fail(io, error.errno as number);
    } else if (movedBytes === 0) {
      this.giveUp(io, END_OF_FILE);
    } else {
      io.doneBytes += movedBytes;
      if (io.doneBytes < io.lengthBytes) return this.step(io);
      this.io = null;
      this.owner.onOperationDone(this, io);
    }
  }

  private fail(io: BackendIo, errno: number): void {
    if ((errno === -EINTR || errno === -EAGAIN) && io.token < RETRIES_MAX) {
      io.token += 1;
      this.step(io);
    } else {
      this.giveUp(io, errno);
    }
  }

  private giveUp(io: BackendIo, errno: number): void {
    this.io = null;
    this.owner.onOperationFailed(this, io, errno);
  }
}

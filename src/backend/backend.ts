/**
 * What a store is (DESIGN: the interface between SCSI and storage). The control plane answers by promise; the data plane
 * has none: submit(io), and later io.owner.onIoDone(io). A store knows bytes, never blocks or CDBs.
 */
import type { Slot } from '../util/slot-pool.ts';

/** What a BackendIo asks for. */
export const IO_READ = 0;
export const IO_WRITE = 1;
/** Everything whose write completed before the flush was submitted is on stable storage when it completes. */
export const IO_FLUSH = 2;
/** Gives the range's space back where the store can; the range reads as zeros afterwards. */
export const IO_UNMAP = 3;
/** The range reads as zeros afterwards; space is given back only when `mayUnmap`. */
export const IO_WRITE_ZEROES = 4;
export type IoOp = typeof IO_READ | typeof IO_WRITE | typeof IO_FLUSH | typeof IO_UNMAP | typeof IO_WRITE_ZEROES;

/** How a BackendIo ended. Anything but IO_OK may have done a part of a write, and leaves the memory of a read undefined. */
export const IO_OK = 0;
/** The store could not read or keep these bytes (EIO, a short read or write). */
export const IO_MEDIUM_ERROR = 1;
/** The store as a whole failed (device gone, file descriptor broken, connection lost). */
export const IO_HARDWARE_ERROR = 2;
/** No space left in the store (ENOSPC, EDQUOT, EFBIG). */
export const IO_NO_SPACE = 3;
/** The store, or the medium below it, does not take writes (EROFS, EPERM, EACCES). */
export const IO_WRITE_PROTECTED = 4;
/** The store has become smaller since the io was made, and has not all of its bytes any more. Nothing was done. */
export const IO_OUT_OF_RANGE = 5;
export type IoStatus =
  | typeof IO_OK
  | typeof IO_MEDIUM_ERROR
  | typeof IO_HARDWARE_ERROR
  | typeof IO_NO_SPACE
  | typeof IO_WRITE_PROTECTED
  | typeof IO_OUT_OF_RANGE;

export interface IoOwner {
  /** Called once for each submitted io, never before submit() has returned. The io may be submitted again from here. */
  onIoDone(io: BackendIo): void;
}

/**
 * One request to a store. The submitter owns the record and fills it; from submit() to onIoDone() the store owns it and
 * the memory it names.
 */
export class BackendIo {
  op: IoOp = IO_READ;
  /** Bytes from the start of the store; a multiple of the logical unit's block size. */
  offsetBytes = 0;
  /** 0 < lengthBytes; for reads and writes at most SEGMENT_BYTES_MAX. 0 for a flush of everything. */
  lengthBytes = 0;
  /** For reads and writes: the reactor's arena (SlotPool.memory), else null. */
  memory: Buffer | null = null;
  /** Where the data starts in `memory`. */
  memoryOffset = 0;
  /** Write: stable before it completes (force unit access). */
  isFua = false;
  /** IO_WRITE_ZEROES: the range may become a hole. */
  mayUnmap = false;
  status: IoStatus = IO_OK;
  owner: IoOwner;
  /** The submitter's: the slot that `memory` lies in. */
  slot: Slot | null = null;
  /** The submitter's: where these bytes belong in its transfer. */
  transferOffset = 0;
  /** The store's: bytes done so far, and a number of its own. */
  doneBytes = 0;
  token = 0;

  constructor(owner: IoOwner) {
    this.owner = owner;
  }
}

/** What a store can do; declared at open, never found out by failing. */
export interface BackendCapabilities {
  readonly isReadOnly: boolean;
  /** IO_UNMAP gives space back (LBPME, SBC-4 4.7). It always reads zeros afterwards (LBPRZ). */
  readonly canUnmap: boolean;
  /** A write that completed is stable without a flush (no volatile cache: WCE is reported as 0). */
  readonly isWriteThrough: boolean;
  /** A power of two >= 512: what the medium writes without reading first. */
  readonly physicalBlockBytes: number;
  /** A power of two >= physicalBlockBytes: transfers of multiples of it, aligned to it, are the fastest. */
  readonly transferGranularityBytes: number;
  /** 0, or the length in bytes at which unmap frees whole units. */
  readonly unmapGranularityBytes: number;
  /** 0, or the transfer length in bytes at which the store is fastest. */
  readonly optimalIoBytes: number;
  /** space() answers: the store lies on a medium that it shares, and takes of it only what it needs. */
  readonly canTellSpace: boolean;
  /** How it does its work, for logs and the API: e.g. "io_uring, O_DIRECT" or "node:fs". */
  readonly engine: string;
}

/** A piece of a store that is all allocated or all not, for GET LBA STATUS. */
export interface AllocationExtent {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly isAllocated: boolean;
}

/** At least one extent, or null. */
export type OnExtents = (extents: readonly AllocationExtent[] | null) => void;

/** What a store takes of the medium below it, which may be shared with others. */
export interface BackendSpace {
  /** Bytes that it takes. */
  readonly usedBytes: number;
  /** Bytes that it may still take before IO_NO_SPACE. */
  readonly availableBytes: number;
}

export type OnSpace = (space: BackendSpace | null) => void;

/** Bytes of one store that are to be copied to another, or to another place of the same. */
export interface StoreCopyRange {
  readonly sourceOffsetBytes: number;
  readonly offsetBytes: number;
  /** Above 0; the two ranges do not overlap, and lie in their stores. */
  readonly lengthBytes: number;
  /** What is not allocated in the source need not be here. */
  readonly mayPunch: boolean;
}

/** An open store. All its methods are called on its reactor's thread. */
export interface Backend {
  readonly capabilities: BackendCapabilities;
  /** Bytes, 0 < sizeBytes <= 2^53-1. resize() alone changes it. */
  readonly sizeBytes: number;
  /** Takes `io`; never refuses, never throws, completes later. Batches by itself: what one tick submits goes in one go. */
  submit(io: BackendIo): void;
  /**
   * Finds the extents of [offsetBytes, offsetBytes + lengthBytes), in order and without gaps, at most `countMax`. Calls
   * `onExtents` once, after allocation() has returned; with null when the store cannot tell.
   */
  allocation(offsetBytes: number, lengthBytes: number, countMax: number, onExtents: OnExtents): void;
  /**
   * Copies from `source` what never passes through our memory; a store of which no kind can be copied like that has no such
   * method. Calls `onCopied` once, after copyFrom() has returned: whether all of the range is copied, as by a write that is
   * not stable yet. When not, some of it may be, and another try is not forbidden.
   * @returns false when it cannot be done from that source; then nothing happens
   */
  copyFrom?(source: Backend, range: StoreCopyRange, onCopied: (isCopied: boolean) => void): boolean;
  /** Calls `onSpace` once, after space() has returned; with null when the store cannot tell. */
  space(onSpace: OnSpace): void;
  /**
   * How many bytes are there now, whatever is served of them; perhaps 0. What is smaller than `wantedBytes` is made so large
   * first, on stable storage, where the store can. Nothing is ever made smaller. Rejects with BackendError.
   */
  measure(wantedBytes: number | null): Promise<number>;
  /**
   * Serves `sizeBytes` from now on, which measure() has found. What is in flight goes on; ios for bytes that were served
   * before and are not any more end with IO_OUT_OF_RANGE.
   */
  resize(sizeBytes: number): void;
  /** Waits for what was submitted, flushes, gives up descriptors and locks. Nothing is submitted afterwards. */
  close(): Promise<void>;
}

/** The control plane's failure: a sentence for the operator. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly code: string;

  /** @param code an upper-snake word for programs, e.g. 'NOT_FOUND', 'LOCKED', 'TOO_SMALL', 'NOT_SUPPORTED' */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

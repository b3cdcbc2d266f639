/**
 * A copy under way: the copy manager is an application client inside the target device (SPC-4 5.17.1) that sends READ(16)
 * and WRITE(16) to the units in the initiator's name. So reservations, write protection, the state of the medium and the
 * range locks of both ends hold as for the initiator's own commands; unit attention conditions stay pending for it.
 *
 *   copy thread -> both ranges held -> store to store ...                                     (in-store-piece.ts), else
 *   copy buffer -> READ of the source -> slot -> WRITE to the destination -> next piece ... -> end
 *
 * Pieces go one after another. Where source and destination overlap the copy is as of the data before it: from the end
 * backward when the destination lies above. With a token that cannot be, as such a copy revokes its own token; there the
 * pieces are always in order, so that what has been copied is all in front. An end waits for one piece at the most.
 */
import { assert } from '../../../util/assert.ts';
import type { Slot } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../../util/slot-pool.ts';
import type { CommandOwner } from '../../command/command.ts';
import { NO_SENSE_VALUE, ScsiCommand, STATUS_CHECK_CONDITION, STATUS_GOOD } from '../../command/command.ts';
import type { CommandEntry } from '../../command/command-entry.ts';
import type { DeviceServerContext } from '../../device-server.ts';
import type { Nexus } from '../../nexus.ts';
import { writeSameBlocksMax } from '../../sbc/sbc-vpd.ts';
import {
  parameterFieldPointer,
  SENSE_COPY_ABORTED,
  SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE,
  SENSE_THIRD_PARTY_DEVICE_FAILURE,
} from '../../sense.ts';
import { COPY_READ, COPY_TOKEN_READ, COPY_WRITE, COPY_ZERO, NDOB, UNMAP } from '../copy-entries.ts';
import { IN_STORE_BYTES_MAX } from '../copy-limits.ts';
import type { CopyFailure, CopyLog, CopyRecord, CopyStatus } from '../copy-log.ts';
import { COPY_COMPLETED, COPY_COMPLETED_WITH_ERRORS, COPY_TERMINATED } from '../copy-log.ts';
import type { CopyEnd, CopySegment } from '../copy-parameters.ts';
import { isThere } from '../copy-parameters.ts';
import type { CopyBuffers, CopyBufferUser } from './copy-buffers.ts';
import type { PieceOutcome, PieceOwner } from './in-store-piece.ts';
import { InStorePiece, PIECE_ABORTED, PIECE_UNDONE } from './in-store-piece.ts';

export interface CopyJob {
  readonly context: DeviceServerContext;
  /** In whose name. */
  readonly nexus: Nexus;
  readonly segments: readonly CopySegment[];
  /** Begun in `log`, which is null when nobody may ask for it. */
  readonly record: CopyRecord;
  readonly log: CopyLog | null;
}

export interface CopyOwner {
  /** The copy is to end without more being copied. */
  readonly isEnding: boolean;
  /** Called once: nothing of the copy is under way any more. Null: everything was copied. */
  onCopyEnded(failure: CopyFailure | null): void;
}

/** What the command on its way is for. */
const READING = 0;
const WRITING = 1;

export class CopyRun implements CommandOwner, CopyBufferUser, PieceOwner {
  private readonly job: CopyJob;
  private readonly owner: CopyOwner;
  private readonly command: ScsiCommand;
  private segmentIndex = 0;
  /** Of the segment, copied. */
  private doneBytes = 0;
  private pieceBytes = 0;
  private direction = READING;
  /** What was read and is not the destination's yet. */
  private slot: Slot | null = null;
  /** Where this has taken its turn for the present piece, or waits for it. */
  private turns: CopyBuffers | null = null;
  private inStore: InStorePiece | null = null;
  /** Up to here in the segment the stores have been tried, without success. */
  private inMemoryUntil = 0;

  constructor(job: CopyJob, owner: CopyOwner) {
    this.job = job;
    this.owner = owner;
    this.command = new ScsiCommand(this, job.nexus, job.context.copyBuffers.holder);
  }

  /** Copies everything and tells the owner, perhaps before this returns. */
  start(): void {
    this.nextPiece();
  }

  /** What it has sent ends as soon as the stores have answered, whatever it waits for otherwise. */
  abortCommands(): void {
    this.command.task?.abort(null);
    this.inStore?.abortCommands();
  }

  onCopyBuffer(): void {
    if (!this.mayGoOn()) return;
    if (this.turns === this.job.context.copyThreads) this.copyInStore();
    else this.readPiece();
  }

  onPieceEnded(outcome: PieceOutcome): void {
    if (outcome === PIECE_ABORTED) this.failEnd(SENSE_THIRD_PARTY_DEVICE_FAILURE);
    else if (outcome === PIECE_UNDONE) this.retryInMemory();
    else if (this.mayGoOn()) this.finishPiece(); // a token that was revoked meanwhile may have brought newer bytes
  }

  receiveDataOut(command: ScsiCommand, bufferOffset: number, lengthBytes: number): void {
    const { slot } = this;
    assert(slot !== null && command.task !== null, 'a piece is written once, after it was read');
    assert(bufferOffset === 0 && lengthBytes === this.pieceBytes, 'a piece is one segment of the transfer');
    this.slot = null;
    command.task.deliverDataOut(slot, bufferOffset, lengthBytes);
  }

  sendDataIn(): void {
    assert(false, 'a piece is one segment of the transfer');
  }

  onCommandDone(command: ScsiCommand): void {
    if (command.finalSlot !== null) this.slot = command.finalSlot;
    if (command.isAborted || command.status !== STATUS_GOOD) this.failCommand(command);
    else if (this.direction === WRITING) this.finishPiece();
    else if (this.mayGoOn()) this.writePiece();
  }

  private get segment(): CopySegment {
    const segment = this.job.segments[this.segmentIndex];
    assert(segment !== undefined, 'there is a segment under way');
    return segment;
  }

  private nextPiece(): void {
    const { segments, record, context } = this.job;
    while (this.segmentIndex < segments.length && this.doneBytes === this.segment.lengthBytes) {
      this.segmentIndex += 1;
      this.doneBytes = 0;
      this.inMemoryUntil = 0;
      record.segmentsProcessed += 1;
    }
    if (this.segmentIndex === segments.length) this.end(COPY_COMPLETED, null);
    else if (this.segment.source === null) this.zeroPiece();
    else this.takeTurn(this.isForStores() ? context.copyThreads : context.copyBuffers);
  }

  private retryInMemory(): void {
    this.inMemoryUntil = this.doneBytes + this.pieceBytes;
    this.endTurn();
    this.nextPiece();
  }

  /**
   * Not where the destination has to be written through, nor over what the source or the token stands for. Whether the two
   * stores can is found out by asking them.
   */
  private isForStores(): boolean {
    const { source, destination, lengthBytes, token } = this.segment;
    if (source === null || this.doneBytes < this.inMemoryUntil || destination.unit.writesThrough) return false;
    if (destination.medium.copyFrom === undefined || !isThere(source) || !isThere(destination)) return false;
    if (source.unit !== destination.unit) return true;
    if (token?.touches(destination.offsetBytes, lengthBytes) === true) return false;
    return Math.abs(source.offsetBytes - destination.offsetBytes) >= lengthBytes;
  }

  private copyInStore(): void {
    const { source, destination, lengthBytes, token } = this.segment;
    assert(source !== null, 'what is copied has a source');
    const { context, nexus } = this.job;
    this.inStore ??= new InStorePiece(context, nexus, this);
    this.pieceBytes = Math.min(IN_STORE_BYTES_MAX, lengthBytes - this.doneBytes);
    if (!isThere(source)) this.retryInMemory();
    else this.inStore.start(source, destination, this.doneBytes, this.pieceBytes, token !== null);
  }

  private takeTurn(turns: CopyBuffers): void {
    this.turns = turns;
    if (turns.acquire(this)) this.onCopyBuffer();
  }

  private readPiece(): void {
    const { source, token, lengthBytes } = this.segment;
    assert(source !== null, 'what is read has a source');
    this.pieceBytes = Math.min(SEGMENT_BYTES_MAX, lengthBytes - this.doneBytes);
    this.direction = READING;
    this.command.reset();
    this.command.dataInBytes = this.pieceBytes;
    this.send(token === null ? COPY_READ : COPY_TOKEN_READ, source);
  }

  private writePiece(): void {
    this.direction = WRITING;
    this.command.reset();
    this.command.dataOutBytes = this.pieceBytes;
    this.send(COPY_WRITE, this.segment.destination);
  }

  private zeroPiece(): void {
    if (!this.mayGoOn()) return;
    const { destination, lengthBytes } = this.segment;
    const { unit } = destination;
    this.pieceBytes = Math.min(writeSameBlocksMax(unit) * unit.blockBytes, lengthBytes - this.doneBytes);
    this.direction = WRITING;
    this.command.reset();
    this.command.cdb[FLAGS] = unit.isThin ? NDOB | UNMAP : NDOB;
    this.send(COPY_ZERO, destination);
  }

  private send(entry: CommandEntry, end: CopyEnd): void {
    const { command } = this;
    const { lunMap, unit } = end;
    if (!isThere(end)) {
      this.failEnd(SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE);
      return;
    }
    const lba = unit.lbaOf(end.offsetBytes + this.pieceOffset());
    command.cdb[0] = entry.operationCode;
    command.cdbView.setUint32(LBA, Math.floor(lba / 0x100000000));
    command.cdbView.setUint32(LBA + 4, lba % 0x100000000);
    command.cdbView.setUint32(TRANSFER_LENGTH, this.pieceBytes / unit.blockBytes);
    command.cdbBytes = entry.cdbBytes;
    this.job.context.executeOwn(command, entry, unit, lunMap);
  }

  private pieceOffset(): number {
    const { source, destination, lengthBytes, token } = this.segment;
    if (source === null || token !== null || source.unit !== destination.unit) return this.doneBytes;
    const isAbove = destination.offsetBytes > source.offsetBytes;
    const isOverlapping = destination.offsetBytes < source.offsetBytes + lengthBytes;
    return isAbove && isOverlapping ? lengthBytes - this.doneBytes - this.pieceBytes : this.doneBytes;
  }

  private finishPiece(): void {
    const { record } = this.job;
    this.doneBytes += this.pieceBytes;
    record.copiedBytes += this.pieceBytes;
    record.operations += 1;
    this.endTurn();
    this.nextPiece();
  }

  /** Whether there is still somebody who wants it, and what the token stands for; else this has ended. */
  private mayGoOn(): boolean {
    const { record } = this.job;
    const { token } = this.segment;
    if (this.owner.isEnding || record.isAborted) {
      this.end(COPY_TERMINATED, { senseCode: SENSE_COPY_ABORTED, ...NO_DETAILS });
      return false;
    }
    if (token === null || token.isValid) return true;
    this.end(COPY_COMPLETED_WITH_ERRORS, { senseCode: token.endedBy, ...NO_DETAILS });
    return false;
  }

  /** A WRITE USING TOKEN tells what went wrong as a WRITE would (SBC-3 5.48), EXTENDED COPY that it was a third party. */
  private failCommand(command: ScsiCommand): void {
    const { source, token } = this.segment;
    const isOwn =
      !command.isAborted && command.status === STATUS_CHECK_CONDITION && (token !== null || source === null);
    if (isOwn) this.end(COPY_COMPLETED_WITH_ERRORS, { senseCode: command.senseCode, ...NO_DETAILS });
    else this.failEnd(SENSE_THIRD_PARTY_DEVICE_FAILURE);
  }

  /** SPC-4 5.17.7.4: INFORMATION is what is missing of the segment, in blocks of the destination. */
  private failEnd(senseCode: number): void {
    const { source, destination, lengthBytes, token } = this.segment;
    const { listByte } = this.direction === READING && source !== null ? source : destination;
    const information = (lengthBytes - this.doneBytes) / destination.unit.blockBytes;
    const fieldPointer = parameterFieldPointer(listByte, NO_SENSE_VALUE);
    const isListed = token === null && source !== null;
    this.end(
      COPY_COMPLETED_WITH_ERRORS,
      isListed ? { senseCode, information, fieldPointer } : { senseCode, ...NO_DETAILS },
    );
  }

  /** Gives back what this holds, and tells everybody who waits. */
  private end(status: CopyStatus, failure: CopyFailure | null): void {
    const { record, log } = this.job;
    if (this.slot !== null) this.slot.release();
    this.slot = null;
    this.endTurn();
    record.end(status, failure);
    log?.end(record);
    this.owner.onCopyEnded(failure);
    record.tellWaiting();
  }

  private endTurn(): void {
    const { turns } = this;
    this.turns = null;
    turns?.release();
  }
}

const NO_DETAILS = { information: NO_SENSE_VALUE, fieldPointer: NO_SENSE_VALUE };

// SBC-3 5.11, 5.35, 5.44
const FLAGS = 1;
const LBA = 2;
const TRANSFER_LENGTH = 10;

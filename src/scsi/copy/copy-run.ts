/**
 * A copy under way: the copy manager is an application client inside the target device (SPC-4 5.17.1) that sends READ(16)
 * and WRITE(16) to the units in the initiator's name. So reservations, write protection, the state of the medium and the
 * range locks of both ends hold as for the initiator's own commands; unit attention conditions stay pending for it.
 *
 *   copy buffer -> READ of the source -> slot -> WRITE to the destination -> next piece ... -> GOOD
 *
 * Pieces go one after another. Where source and destination overlap the copy is as of the data before it: from the end
 * backward when the destination lies above. The task waits for one piece at the most when it is aborted.
 */
import { assert } from '../../util/assert.ts';
import type { Slot } from '../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX } from '../../util/slot-pool.ts';
import type { CommandOwner } from '../command.ts';
import { NO_SENSE_VALUE, ScsiCommand, STATUS_GOOD } from '../command.ts';
import type { CommandEntry } from '../command-entry.ts';
import {
  parameterFieldPointer,
  SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE,
  SENSE_THIRD_PARTY_DEVICE_FAILURE,
} from '../sense.ts';
import type { Task } from '../task.ts';
import type { CopyBufferUser } from './copy-buffers.ts';
import { COPY_READ, COPY_WRITE } from './copy-entries.ts';
import type { CopyLog, CopyRecord } from './copy-log.ts';
import { COPY_COMPLETED, COPY_COMPLETED_WITH_ERRORS } from './copy-log.ts';
import type { CopyEnd, CopySegment } from './copy-parameters.ts';

/** What the command on its way is for. */
const READING = 0;
const WRITING = 1;

export class CopyRun implements CommandOwner, CopyBufferUser {
  private readonly task: Task;
  private readonly segments: readonly CopySegment[];
  private readonly log: CopyLog | null;
  private readonly record: CopyRecord;
  private readonly command: ScsiCommand;
  private segmentIndex = 0;
  /** Of the segment, copied. */
  private doneBytes = 0;
  private pieceBytes = 0;
  private direction = READING;
  /** What was read and is not the destination's yet. */
  private slot: Slot | null = null;

  /** @param log where `record` begins and ends, or null when nobody may ask for it */
  constructor(task: Task, segments: readonly CopySegment[], log: CopyLog | null, record: CopyRecord) {
    this.task = task;
    this.segments = segments;
    this.log = log;
    this.record = record;
    this.command = new ScsiCommand(this, task.command.nexus, task.context.copyBuffers.holder);
  }

  /** Copies everything and ends the task. */
  start(): void {
    this.log?.begin(this.record);
    this.task.beginWork();
    this.nextPiece();
  }

  onCopyBuffer(): void {
    this.readPiece();
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
    if (command.isAborted || command.status !== STATUS_GOOD) this.fail(SENSE_THIRD_PARTY_DEVICE_FAILURE);
    else if (this.task.isEnding) this.leave(COPY_COMPLETED_WITH_ERRORS);
    else if (this.direction === READING) this.writePiece();
    else this.finishPiece();
  }

  private get segment(): CopySegment {
    const segment = this.segments[this.segmentIndex];
    assert(segment !== undefined, 'there is a segment under way');
    return segment;
  }

  private nextPiece(): void {
    while (this.segmentIndex < this.segments.length && this.doneBytes === this.segment.lengthBytes) {
      this.segmentIndex += 1;
      this.doneBytes = 0;
      this.record.segmentsProcessed += 1;
    }
    const { copyBuffers } = this.task.context;
    if (this.segmentIndex === this.segments.length) this.succeed();
    else if (copyBuffers.acquire(this)) this.readPiece();
  }

  private readPiece(): void {
    if (this.task.isEnding) {
      this.leave(COPY_COMPLETED_WITH_ERRORS);
      return;
    }
    this.pieceBytes = Math.min(SEGMENT_BYTES_MAX, this.segment.lengthBytes - this.doneBytes);
    this.direction = READING;
    this.command.reset();
    this.command.dataInBytes = this.pieceBytes;
    this.send(COPY_READ, this.segment.source);
  }

  private writePiece(): void {
    this.direction = WRITING;
    this.command.reset();
    this.command.dataOutBytes = this.pieceBytes;
    this.send(COPY_WRITE, this.segment.destination);
  }

  /** A unit that is no longer exported may have lost its store; another medium in it is none of this copy's. */
  private send(entry: CommandEntry, end: CopyEnd): void {
    const { command, task } = this;
    const { lun, unit, medium } = end;
    if (task.lunMap.get(lun) !== unit || unit.backend !== medium) {
      this.fail(SENSE_COPY_TARGET_DEVICE_NOT_REACHABLE);
      return;
    }
    const lba = unit.lbaOf(end.offsetBytes + this.pieceOffset());
    command.cdb[0] = entry.operationCode;
    command.cdbView.setUint32(LBA, Math.floor(lba / 0x100000000));
    command.cdbView.setUint32(LBA + 4, lba % 0x100000000);
    command.cdbView.setUint32(TRANSFER_LENGTH, this.pieceBytes / unit.blockBytes);
    command.cdbBytes = entry.cdbBytes;
    task.context.executeOwn(command, entry, unit, task.lunMap);
  }

  private pieceOffset(): number {
    const { source, destination, lengthBytes } = this.segment;
    const isAbove = destination.offsetBytes > source.offsetBytes;
    const isOverlapping =
      source.unit === destination.unit && destination.offsetBytes < source.offsetBytes + lengthBytes;
    return isAbove && isOverlapping ? lengthBytes - this.doneBytes - this.pieceBytes : this.doneBytes;
  }

  private finishPiece(): void {
    this.doneBytes += this.pieceBytes;
    this.record.copiedBytes += this.pieceBytes;
    this.task.context.copyBuffers.release();
    this.nextPiece();
  }

  private succeed(): void {
    this.end(COPY_COMPLETED);
    if (this.task.endWork()) this.task.good();
  }

  /** SPC-4 5.17.7.4: INFORMATION is what is missing of the segment, in blocks of the destination. */
  private fail(senseCode: number): void {
    const { task, segment, doneBytes } = this;
    const { source, destination, lengthBytes } = segment;
    const { listByte } = this.direction === READING ? source : destination;
    const residual = (lengthBytes - doneBytes) / destination.unit.blockBytes;
    if (!task.isEnding) task.checkWith(senseCode, residual, parameterFieldPointer(listByte, NO_SENSE_VALUE));
    this.leave(COPY_COMPLETED_WITH_ERRORS);
  }

  /** Ends what this holds, and with it a task that is ending. */
  private leave(status: typeof COPY_COMPLETED_WITH_ERRORS): void {
    if (this.slot !== null) this.slot.release();
    this.slot = null;
    this.end(status);
    this.task.context.copyBuffers.release();
    this.task.endWork();
  }

  private end(status: typeof COPY_COMPLETED | typeof COPY_COMPLETED_WITH_ERRORS): void {
    this.record.status = status;
    this.log?.end(this.record);
  }
}

// SBC-3 5.11, 5.35
const LBA = 2;
const TRANSFER_LENGTH = 10;

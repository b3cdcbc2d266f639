/**
 * A piece of a copy that goes from store to store, and never through our memory: one task at each end holds its range and has
 * passed the checks of a READ and of a WRITE, as long as the stores copy.
 *
 *   source range held -> destination range held -> Backend.copyFrom -> both given back
 *
 * Who waits for a range holds none (range-locks.ts). So the source may wait, but where the destination is another's at that
 * moment the piece ends undone; and so it does when anything else stands in its way, which a READ or WRITE will tell better.
 */
import { assert } from '../../../util/assert.ts';
import { lba64 } from '../../command/cdb.ts';
import type { CommandOwner } from '../../command/command.ts';
import { ScsiCommand } from '../../command/command.ts';
import {
  ACCESS_ACTIVE,
  ATTENTION_LEFT_PENDING,
  CommandEntry,
  DATA_NONE,
  MEDIUM_READ,
  MEDIUM_WRITTEN,
  NO_SERVICE_ACTION,
  RESERVATION_NEVER_CONFLICTS,
  RESERVATION_OF_READS,
  RESERVATION_OF_WRITES,
} from '../../command/command-entry.ts';
import type { DeviceServerContext } from '../../device-server.ts';
import type { Nexus } from '../../nexus.ts';
import { setRange, takeRange } from '../../sbc/transfer/block-range.ts';
import type { Task } from '../../task/task.ts';
import { ADDRESSED_DISK } from '../../task/task.ts';
import type { CopyEnd } from '../copy-parameters.ts';
import { isThere } from '../copy-parameters.ts';

export const PIECE_UNDONE = 0;
export const PIECE_COPIED = 1;
/** A task management function ended it. */
export const PIECE_ABORTED = 2;
export type PieceOutcome = typeof PIECE_UNDONE | typeof PIECE_COPIED | typeof PIECE_ABORTED;

export interface PieceOwner {
  /** Called once for each start(), perhaps before that returns. */
  onPieceEnded(outcome: PieceOutcome): void;
}

export class InStorePiece implements CommandOwner {
  private readonly context: DeviceServerContext;
  private readonly owner: PieceOwner;
  private readonly sourceCommand: ScsiCommand;
  private readonly destinationCommand: ScsiCommand;
  private sourceTask: Task | null = null;
  private destination: CopyEnd | null = null;
  private offsetBytes = 0;
  private lengthBytes = 0;
  private isCopied = false;
  private isAborted = false;

  constructor(context: DeviceServerContext, nexus: Nexus, owner: PieceOwner) {
    this.context = context;
    this.owner = owner;
    this.sourceCommand = new ScsiCommand(this, nexus, context.copyBuffers.holder);
    this.destinationCommand = new ScsiCommand(this, nexus, context.copyBuffers.holder);
  }

  /**
   * Copies `lengthBytes`, `offsetBytes` behind where both ends begin; the ranges do not overlap.
   * @param isByToken the source is read whatever has been reserved
   */
  start(source: CopyEnd, destination: CopyEnd, offsetBytes: number, lengthBytes: number, isByToken: boolean): void {
    this.destination = destination;
    this.offsetBytes = offsetBytes;
    this.lengthBytes = lengthBytes;
    this.isCopied = false;
    this.isAborted = false;
    this.send(this.sourceCommand, isByToken ? COPIED_TOKEN_SOURCE : COPIED_SOURCE, source);
  }

  /** As CopyRun.abortCommands. */
  abortCommands(): void {
    this.destinationCommand.task?.abort(null);
    this.sourceCommand.task?.abort(null);
  }

  /** The source's task holds its range. */
  onSourceHeld(task: Task): void {
    const { destination } = this;
    assert(destination !== null, 'a piece has a destination');
    task.beginWork();
    this.sourceTask = task;
    this.send(this.destinationCommand, COPIED_DESTINATION, destination);
  }

  /** The destination's, too. */
  onDestinationHeld(task: Task): void {
    const { sourceTask, destination } = this;
    const { unit } = task;
    assert(sourceTask !== null && destination !== null, 'the source is held before the destination');
    if (!isThere(destination)) {
      task.good();
      return;
    }
    unit.rods?.onWrite(task.offsetBytes, task.lengthBytes);
    task.beginWork();
    const range = {
      sourceOffsetBytes: sourceTask.offsetBytes,
      offsetBytes: task.offsetBytes,
      lengthBytes: task.lengthBytes,
      mayPunch: unit.isThin,
    };
    const end = (isCopied: boolean) => {
      this.isCopied = isCopied;
      if (isCopied) unit.provisioning.noteWritten(range.lengthBytes);
      if (task.endWork()) task.good();
    };
    if (unit.backend.copyFrom?.(sourceTask.unit.backend, range, end) !== true) end(false);
  }

  receiveDataOut(): void {
    unexpected();
  }

  sendDataIn(): void {
    unexpected();
  }

  onCommandDone(command: ScsiCommand): void {
    this.isAborted ||= command.isAborted;
    if (command === this.destinationCommand) this.releaseSource();
    else this.owner.onPieceEnded(this.isAborted ? PIECE_ABORTED : this.isCopied ? PIECE_COPIED : PIECE_UNDONE);
  }

  private releaseSource(): void {
    const { sourceTask } = this;
    assert(sourceTask !== null, 'the source is held as long as the destination');
    this.sourceTask = null;
    if (sourceTask.endWork()) sourceTask.good();
  }

  private send(command: ScsiCommand, entry: CommandEntry, { unit, lunMap, offsetBytes }: CopyEnd): void {
    const lba = unit.lbaOf(offsetBytes + this.offsetBytes);
    command.reset();
    command.cdb[0] = entry.operationCode;
    command.cdbView.setUint32(LBA, Math.floor(lba / 0x100000000));
    command.cdbView.setUint32(LBA + 4, lba % 0x100000000);
    command.cdbView.setUint32(TRANSFER_LENGTH, this.lengthBytes / unit.blockBytes);
    command.cdbBytes = entry.cdbBytes;
    this.context.executeOwn(command, entry, unit, lunMap);
  }
}

// As in READ(16) and WRITE(16), whose CDBs these commands have.
const LBA = 2;
const TRANSFER_LENGTH = 10;
const USAGE = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00];

const SOURCE = {
  name: 'source of a copy from store to store',
  serviceAction: NO_SERVICE_ACTION,
  usage: [0x88, ...USAGE],
  direction: DATA_NONE,
  medium: MEDIUM_READ,
  attention: ATTENTION_LEFT_PENDING,
  access: ACCESS_ACTIVE,
  reach: ADDRESSED_DISK,
  isOffered: () => true,
  handler: holdSource,
} as const;

const COPIED_SOURCE = new CommandEntry({ ...SOURCE, reservation: RESERVATION_OF_READS });
const COPIED_TOKEN_SOURCE = new CommandEntry({ ...SOURCE, reservation: RESERVATION_NEVER_CONFLICTS });
const COPIED_DESTINATION = new CommandEntry({
  ...SOURCE,
  name: 'destination of a copy from store to store',
  usage: [0x8a, ...USAGE],
  medium: MEDIUM_WRITTEN,
  reservation: RESERVATION_OF_WRITES,
  handler: holdDestination,
});

function holdSource(task: Task): void {
  const { cdbView } = task.command;
  if (takeRange(task, lba64(cdbView, LBA), cdbView.getUint32(TRANSFER_LENGTH))) pieceOf(task).onSourceHeld(task);
}

function holdDestination(task: Task): void {
  const { cdbView } = task.command;
  if (!setRange(task, lba64(cdbView, LBA), cdbView.getUint32(TRANSFER_LENGTH))) return;
  if (task.unit.ranges.shareAtOnce(task)) pieceOf(task).onDestinationHeld(task);
  else task.good();
}

function pieceOf(task: Task): InStorePiece {
  const { owner } = task.command;
  assert(owner instanceof InStorePiece, 'these commands are sent by a piece');
  return owner;
}

function unexpected(): never {
  assert(false, 'no data goes through memory');
}

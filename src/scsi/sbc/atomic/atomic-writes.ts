/**
 * Atomic writes of a logical unit that take more than a physical block (SBC-4 5.48): all or nothing over a crash and over a
 * loss of power, by a journal. One at a time; whoever asks holds the range against all others until the end.
 *
 *   flush -> read what is there -> record it in the journal -> write -> flush -> clear the journal -> done
 *                                                       \ failed -> write what was there, flush -> clear -> failed
 *
 * A record that outlived its command would undo at the next start what was written after it. So no command ends before the
 * journal is clear; where that fails, or the undoing does, the medium is not accessible until that is mended: at a start, or
 * without one when the store or the journal works again (a store that was cut, a full file system). Both look first at what is
 * there, and leave a store alone that holds something else.
 */
import type { BackendIo } from '../../../backend/backend.ts';
import { IO_OK } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { DeviceServerContext } from '../../device-server.ts';
import {
  SENSE_INTERNAL_TARGET_FAILURE,
  SENSE_MANUAL_INTERVENTION_REQUIRED,
  SENSE_MEDIUM_MAY_HAVE_CHANGED,
  senseOfIo,
} from '../../sense.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { AtomicJournal, AtomicRecord } from './atomic-journal.ts';
import { UNDO_FOREIGN, UNDONE, type UndoEnd, undoAtomicWrite } from './atomic-undo.ts';
import { StoreMover } from './store-mover.ts';

/** What one WRITE ATOMIC writes at the most; eight at once in a reactor have twice that in memory each. */
export const ATOMIC_BYTES_MAX = 1048576;

/** How long what could not be mended is left before it is tried again. */
export const MEND_RETRY_MS = 5000;

/** @param senseCode 0: all is written, on stable storage. Otherwise nothing is, or the medium is not accessible */
export type OnAtomicWritten = (senseCode: number) => void;

export class AtomicWrites {
  private readonly unit: LogicalUnit;
  private readonly journal: AtomicJournal | null;
  private readonly waiting: (() => void)[] = [];
  private isBusy = false;
  private isHalfDone = false;

  constructor(unit: LogicalUnit, journal: AtomicJournal | null) {
    this.unit = unit;
    this.journal = journal;
  }

  get hasJournal(): boolean {
    return this.journal !== null;
  }

  /** A write may be there in part: the medium is not to be accessed. */
  get isBroken(): boolean {
    return this.isHalfDone;
  }

  /**
   * Writes `after` at `offsetBytes`; it stays as it is from here on.
   * @param onWritten called once, later or at once
   */
  write(context: DeviceServerContext, offsetBytes: number, after: Buffer, onWritten: OnAtomicWritten): void {
    this.inTurn(() => {
      if (this.isHalfDone) {
        this.end(SENSE_MANUAL_INTERVENTION_REQUIRED, null, onWritten);
        return;
      }
      const { backend, mediumName: medium } = this.unit;
      const record = { medium, offsetBytes, before: Buffer.allocUnsafe(after.length), after };
      const mover = new StoreMover(context, backend);
      mover.open(() => this.look(mover, record, onWritten));
    });
  }

  /** Undoes the write that a crash has interrupted, before anything is served. Calls `onRecovered` once, later or at once. */
  recover(context: DeviceServerContext, record: AtomicRecord, onRecovered: () => void): void {
    const mover = new StoreMover(context, this.unit.backend);
    mover.open(() => {
      undoAtomicWrite(mover, record, this.unit.blockBytes, false, (end) => {
        if (end === UNDONE) this.clear(0, mover, onRecovered);
        else this.leaveHalfDone(end, 0, mover, record, onRecovered);
      });
    });
  }

  /** What is known of the medium cannot be mended from here: it is not to be accessed. */
  breakOff(fault: string): void {
    this.isHalfDone = true;
    this.openJournal.complain(fault);
  }

  /** What is read back is on the medium: a crash finds each sector as before or as written, and nothing else. */
  private look(mover: StoreMover, record: AtomicRecord, onWritten: OnAtomicWritten): void {
    mover.flush((flush) => {
      if (flush.status !== IO_OK) {
        this.end(this.senseOf(flush), mover, onWritten);
        return;
      }
      mover.read(record.offsetBytes, record.before, (io) => {
        if (io.status === IO_OK) this.keep(mover, record, onWritten);
        else this.end(this.senseOf(io), mover, onWritten);
      });
    });
  }

  private keep(mover: StoreMover, record: AtomicRecord, onWritten: OnAtomicWritten): void {
    this.openJournal.keep(record, (isKept) => {
      // What could not be kept may be found all the same.
      if (isKept) this.put(mover, record, onWritten);
      else this.clear(SENSE_INTERNAL_TARGET_FAILURE, mover, onWritten);
    });
  }

  private put(mover: StoreMover, record: AtomicRecord, onWritten: OnAtomicWritten): void {
    const { unit } = this;
    const { offsetBytes, after } = record;
    unit.rods?.onWrite(offsetBytes, after.length);
    mover.write(offsetBytes, after, (io) => {
      if (io.status === IO_OK) this.flush(mover, record, onWritten);
      else this.undo(this.senseOf(io), mover, record, onWritten);
    });
  }

  private flush(mover: StoreMover, record: AtomicRecord, onWritten: OnAtomicWritten): void {
    this.unit.provisioning.noteWritten(record.after.length);
    mover.flush((io) => {
      if (io.status === IO_OK) this.clear(0, mover, onWritten);
      else this.undo(this.senseOf(io), mover, record, onWritten);
    });
  }

  private undo(senseCode: number, mover: StoreMover, record: AtomicRecord, onWritten: OnAtomicWritten): void {
    undoAtomicWrite(mover, record, this.unit.blockBytes, true, (end) => {
      if (end === UNDONE) this.clear(senseCode, mover, onWritten);
      else this.leaveHalfDone(end, senseCode, mover, record, onWritten);
    });
  }

  private leaveHalfDone(
    end: UndoEnd,
    senseCode: number,
    mover: StoreMover,
    record: AtomicRecord,
    onWritten: OnAtomicWritten,
  ): void {
    this.breakOff(end === UNDO_FOREIGN ? FAULT_FOREIGN : FAULT_UNDO);
    if (end !== UNDO_FOREIGN) this.mendLater(mover.context, record);
    this.end(senseCode, mover, onWritten);
  }

  private clear(senseCode: number, mover: StoreMover, onWritten: OnAtomicWritten): void {
    this.openJournal.clear((isCleared) => {
      if (!isCleared) {
        this.breakOff(FAULT_CLEAR);
        this.mendLater(mover.context, null);
      }
      this.end(isCleared ? senseCode : SENSE_INTERNAL_TARGET_FAILURE, mover, onWritten);
    });
  }

  /** @param record what is to be undone; null: the journal alone is to be cleared */
  private mendLater(context: DeviceServerContext, record: AtomicRecord | null): void {
    context.delay?.(MEND_RETRY_MS, () => {
      if (!context.isStopped) this.inTurn(() => this.mend(context, record));
    });
  }

  /** As a start would, without a command that waits for it. */
  private mend(context: DeviceServerContext, record: AtomicRecord | null): void {
    if (record === null) {
      this.mendJournal(context);
      return;
    }
    const mover = new StoreMover(context, this.unit.backend);
    mover.open(() => {
      undoAtomicWrite(mover, record, this.unit.blockBytes, false, (end) => {
        mover.close();
        if (end === UNDONE) {
          this.mendJournal(context);
          return;
        }
        if (end === UNDO_FOREIGN) this.openJournal.complain(FAULT_FOREIGN);
        else this.mendLater(context, record);
        this.endTurn();
      });
    });
  }

  /** Every initiator is told that it had no access to the medium for a while. */
  private mendJournal(context: DeviceServerContext): void {
    this.openJournal.clear((isCleared) => {
      if (isCleared) {
        this.isHalfDone = false;
        this.openJournal.tellMended(NEWS_MENDED);
        this.unit.establishAttention(SENSE_MEDIUM_MAY_HAVE_CHANGED, null);
      } else {
        this.mendLater(context, null);
      }
      this.endTurn();
    });
  }

  private end(senseCode: number, mover: StoreMover | null, onWritten: OnAtomicWritten): void {
    mover?.close();
    onWritten(senseCode);
    this.endTurn();
  }

  private endTurn(): void {
    this.isBusy = false;
    this.nextTurn();
  }

  private inTurn(work: () => void): void {
    this.waiting.push(work);
    this.nextTurn();
  }

  private nextTurn(): void {
    if (this.isBusy) return;
    const work = this.waiting.shift();
    if (work === undefined) return;
    this.isBusy = true;
    work();
  }

  private senseOf(io: BackendIo): number {
    this.unit.counters.countFailure(io);
    return senseOfIo(io);
  }

  private get openJournal(): AtomicJournal {
    assert(this.journal !== null, 'only what has a journal is written by it');
    return this.journal;
  }
}

const FAULT_UNDO =
  'an atomic write was done in part and could not be undone; the disk is not accessible until that has been done, which is tried ' +
  'again and again, and at a start';
const FAULT_CLEAR =
  'the journal of atomic writes cannot be cleared; the disk is not accessible until that has been done, which is tried again and ' +
  'again, and at a start';
const NEWS_MENDED = 'the disk is accessible again: no atomic write is there in part';
const FAULT_FOREIGN =
  'the journal tells of an atomic write that was interrupted, but what lies there is of neither before nor after it: this is ' +
  'another store, or something else has written to it. Nothing was changed, and the disk is not accessible; put the right ' +
  'store back, or remove the journal, and start again';

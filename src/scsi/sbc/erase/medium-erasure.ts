/**
 * An operation of SANITIZE or FORMAT UNIT over the whole medium (SBC-3 4.11, 4.34): it belongs to the unit, not to the
 * command that began it, so no reset ends it, and one that a restart interrupts begins anew. While it runs, and after it
 * failed, the medium cannot be accessed. It takes one slot and has one io in the store, so the other units go on.
 *
 *   none -> running -> none | failed -> running (again) | none (EXIT FAILURE MODE)
 */
import type { IoOwner } from '../../../backend/backend.ts';
import { BackendIo, IO_FLUSH, IO_OK, IO_WRITE, IO_WRITE_ZEROES } from '../../../backend/backend.ts';
import { assert } from '../../../util/assert.ts';
import type { Slot, SlotWaiter } from '../../../util/slot-pool.ts';
import { SEGMENT_BYTES_MAX, SlotHolder } from '../../../util/slot-pool.ts';
import type { CommandEntry } from '../../command/command-entry.ts';
import type { DeviceServerContext } from '../../device-server.ts';
import {
  SENSE_FORMAT_COMMAND_FAILED,
  SENSE_FORMAT_IN_PROGRESS,
  SENSE_SANITIZE_COMMAND_FAILED,
  SENSE_SANITIZE_IN_PROGRESS,
} from '../../sense.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import { ERASED_MEDIA_MAX } from '../../unit/unit-state.ts';

export interface ErasurePlan {
  readonly isFormat: boolean;
  /** Repeated in every logical block; null: zeros, and the space is given back where the unit is thin. */
  readonly pattern: Uint8Array | null;
  /** How often the medium is written. */
  readonly passes: number;
  /** Every other pass writes the pattern inverted. */
  readonly isInverting: boolean;
  /** AUSE: after a failure EXIT FAILURE MODE makes the medium accessible. */
  readonly mayExitFailure: boolean;
}

export interface ErasureState {
  readonly plan: ErasurePlan;
  /** LogicalUnit.mediumName: what is in a drive after a restart may be another medium, which nobody wants erased. */
  readonly medium: string;
  readonly isFailed: boolean;
}

/** Told how the operation ended. */
export type OnErased = (isErased: boolean) => void;

/** PROGRESS INDICATION counts in parts of this (SPC-4 4.5.2.4.4). */
export const PROGRESS_WHOLE = 65536;

/**
 * An overwriting of SANITIZE lasts so long at least that an initiator which looks a few seconds later, after resets and a new
 * login, finds it in progress, on the smallest disk too: libiscsi's suite does so, and takes none for one that never began.
 */
export const OVERWRITE_MS_MIN = 8000;

export class MediumErasure implements IoOwner, SlotWaiter {
  private readonly unit: LogicalUnit;
  private state: ErasureState | null;
  private readonly io = new BackendIo(this);
  private readonly holder = new SlotHolder();
  /** Where the unit is served; null before it is. */
  private reactor: DeviceServerContext | null = null;
  /** Null while nothing runs here. */
  private context: DeviceServerContext | null = null;
  private slot: Slot | null = null;
  private onErased: OnErased = ignoreEnd;
  private pass = 0;
  private doneBytes = 0;
  private startedMs = 0;
  private isIoInFlight = false;
  private isWaitingForSlot = false;
  private isStopped = false;

  /** @param unit its state says whether an operation was interrupted */
  constructor(unit: LogicalUnit) {
    this.unit = unit;
    this.state = savedErasure(unit);
  }

  get isRunning(): boolean {
    return this.state !== null && !this.state.isFailed;
  }

  /** Null when the medium is whole. */
  get current(): ErasureState | null {
    return this.state;
  }

  /** Why the medium cannot be accessed, or 0. */
  get senseCode(): number {
    if (this.state === null) return 0;
    const { isFailed, plan } = this.state;
    if (plan.isFormat) return isFailed ? SENSE_FORMAT_COMMAND_FAILED : SENSE_FORMAT_IN_PROGRESS;
    return isFailed ? SENSE_SANITIZE_COMMAND_FAILED : SENSE_SANITIZE_IN_PROGRESS;
  }

  /** 0 to PROGRESS_WHOLE - 1 while it runs. */
  get progress(): number {
    assert(this.isRunning, 'what runs makes progress');
    const { sizeBytes } = this.unit;
    const passes = this.state?.plan.passes ?? 1;
    const part = (this.pass * sizeBytes + this.doneBytes) / (passes * sizeBytes);
    return Math.min(Math.floor(part * PROGRESS_WHOLE), PROGRESS_WHOLE - 1);
  }

  /**
   * Begins; the medium is inaccessible from here on. No other command may be at work on it.
   * @param onBegun called once: whether it is known for good that the medium is being erased; when not, nothing happens
   * @param onErased called once at the end, after onBegun
   */
  begin(
    plan: ErasurePlan,
    context: DeviceServerContext,
    onBegun: (hasBegun: boolean) => void,
    onErased: OnErased,
  ): void {
    assert(!this.isRunning, 'one operation runs at a time');
    this.unit.rods?.revokeAll();
    const before = this.state;
    const erasure: ErasureState = { plan, medium: this.unit.mediumName, isFailed: false };
    this.state = erasure;
    this.save(erasure, (isSaved) => {
      if (!isSaved) this.state = before;
      onBegun(isSaved);
      if (isSaved) this.start(context, onErased);
      else onErased(false);
    });
  }

  /** Goes on with what a restart interrupted, from the beginning. */
  resume(context: DeviceServerContext): void {
    this.reactor = context;
    if (this.isRunning && this.context === null) this.start(context, ignoreEnd);
  }

  /** Another medium is in the unit; it may be the one whose erasure a restart has interrupted. */
  takeMedium(): void {
    assert(!this.isRunning, 'an erasure ends on the medium that it was begun on');
    this.state = savedErasure(this.unit);
    if (this.reactor !== null) this.resume(this.reactor);
  }

  /** EXIT FAILURE MODE. `onExited`: whether the medium is accessible for good. */
  exitFailure(onExited: (isExited: boolean) => void): void {
    assert(this.state?.isFailed === true, 'only a failure is left');
    this.save(null, (isSaved) => {
      if (isSaved) this.state = null;
      onExited(isSaved);
    });
  }

  /** The reactor ends: nothing more is submitted. The operation begins anew after the restart. */
  stop(): void {
    this.isStopped = true;
    if (this.isWaitingForSlot) this.context?.pool.stopWaiting(this);
    this.isWaitingForSlot = false;
    if (!this.isIoInFlight) this.giveBackSlot();
  }

  onSlotReady(): void {
    this.isWaitingForSlot = false;
    this.next();
  }

  onIoDone(io: BackendIo): void {
    this.isIoInFlight = false;
    if (this.isStopped) {
      this.giveBackSlot();
      return;
    }
    if (io.status !== IO_OK) {
      this.fail();
      return;
    }
    if (io.op === IO_FLUSH) {
      this.finish();
      return;
    }
    this.doneBytes += io.lengthBytes;
    this.next();
  }

  private start(context: DeviceServerContext, onErased: OnErased): void {
    this.context = context;
    context.erasures.add(this);
    this.onErased = onErased;
    this.pass = 0;
    this.doneBytes = 0;
    this.startedMs = context.wallClock.nowMs();
    if (!this.isStopped) this.next();
  }

  private get plan(): ErasurePlan {
    assert(this.state !== null, 'what is erased has a plan');
    return this.state.plan;
  }

  /** The next piece of the medium, the next pass, or the flush behind the last. */
  private next(): void {
    const { plan, unit } = this;
    if (this.doneBytes === unit.sizeBytes) {
      this.pass += 1;
      this.doneBytes = 0;
      this.giveBackSlot();
    }
    if (this.pass === plan.passes) this.endPasses();
    else if (plan.pattern === null) {
      this.submit(IO_WRITE_ZEROES, this.doneBytes, Math.min(ZEROED_BYTES_MAX, unit.sizeBytes - this.doneBytes));
    } else this.writePattern(plan.pattern);
  }

  /** The flush that is left makes all durable. */
  private endPasses(): void {
    const { context, plan } = this;
    assert(context !== null, 'what runs has a clock');
    const isOverwriting = plan.pattern !== null && !plan.isFormat;
    const restMs = this.startedMs + OVERWRITE_MS_MIN - context.wallClock.nowMs();
    if (context.delay === null || !isOverwriting || restMs <= 0) this.submit(IO_FLUSH, 0, 0);
    else context.delay(restMs, () => this.flushUnlessStopped());
  }

  private flushUnlessStopped(): void {
    if (!this.isStopped) this.submit(IO_FLUSH, 0, 0);
  }

  private writePattern(pattern: Uint8Array): void {
    if (this.slot === null && !this.takeSlot(pattern)) return;
    assert(this.slot !== null, 'the pattern lies in a slot');
    const lengthBytes = Math.min(this.slot.capacityBytes, SEGMENT_BYTES_MAX, this.unit.sizeBytes - this.doneBytes);
    this.submit(IO_WRITE, this.doneBytes, lengthBytes);
  }

  /** Takes the largest slot that can be had and fills it for this pass; false when it has to wait. */
  private takeSlot(pattern: Uint8Array): boolean {
    const { context, unit } = this;
    assert(context !== null, 'what runs has a pool');
    const { pool } = context;
    this.slot = pool.take(SEGMENT_BYTES_MAX, this.holder) ?? pool.take(unit.blockBytes, this.holder);
    if (this.slot === null) {
      this.isWaitingForSlot = true;
      pool.wait(this);
      return false;
    }
    const { memory, dataOffset, capacityBytes } = this.slot;
    const mask = this.plan.isInverting && this.pass % 2 === 1 ? 0xff : 0;
    const block = Uint8Array.from({ length: unit.blockBytes }, (_, at) => pattern[at % pattern.length]! ^ mask);
    for (let at = 0; at < capacityBytes; at += unit.blockBytes) memory.set(block, dataOffset + at);
    return true;
  }

  private submit(op: typeof IO_FLUSH | typeof IO_WRITE | typeof IO_WRITE_ZEROES, offset: number, length: number): void {
    const { io, slot } = this;
    const isWrite = op === IO_WRITE;
    io.op = op;
    io.offsetBytes = offset;
    io.lengthBytes = length;
    io.memory = isWrite && slot !== null ? slot.memory : null;
    io.memoryOffset = isWrite && slot !== null ? slot.dataOffset : 0;
    io.isFua = false;
    io.mayUnmap = op === IO_WRITE_ZEROES && this.unit.isThin;
    io.status = IO_OK;
    this.isIoInFlight = true;
    this.unit.backend.submit(io);
  }

  /** When that it is over cannot be saved, it has failed: after a restart it would begin anew, over new data. */
  private finish(): void {
    this.save(null, (isSaved) => {
      if (!isSaved) {
        this.fail();
        return;
      }
      this.state = null;
      this.end(true);
    });
  }

  private fail(): void {
    const failed: ErasureState = { plan: this.plan, medium: this.unit.mediumName, isFailed: true };
    this.save(failed, () => {
      this.state = failed; // also when it could not be saved: the next start then erases once more
      this.end(false);
    });
  }

  /** Keeps `erasure` for the medium that is in the unit, null: it is whole. What is kept of other media stays. */
  private save(erasure: ErasureState | null, onSaved: (isSaved: boolean) => void): void {
    const { state, mediumName } = this.unit;
    const isOther = ({ medium }: ErasureState): boolean => medium !== mediumName;
    if (erasure !== null && state.current.erasures.filter(isOther).length >= ERASED_MEDIA_MAX) {
      onSaved(false);
      return;
    }
    const own = erasure === null ? [] : [erasure];
    state.update(({ erasures }) => ({ erasures: [...erasures.filter(isOther), ...own] }), onSaved);
  }

  private end(isErased: boolean): void {
    this.giveBackSlot();
    this.context?.erasures.delete(this);
    this.context = null;
    const { onErased } = this;
    this.onErased = ignoreEnd;
    onErased(isErased);
  }

  private giveBackSlot(): void {
    this.slot?.release();
    this.slot = null;
  }
}

/**
 * SBC-3 4.11, 4.34: while the medium is being erased only what does not concern it; after a failure also what mends it.
 */
export function isAllowedOnErased(entry: CommandEntry, isRunning: boolean): boolean {
  const { operationCode } = entry;
  return ALLOWED_ALWAYS.has(operationCode) || (!isRunning && ALLOWED_AFTER_FAILURE.has(operationCode));
}

/** REQUEST SENSE, INQUIRY, REPORT LUNS, MAINTENANCE IN */
const ALLOWED_ALWAYS: ReadonlySet<number> = new Set([0x03, 0x12, 0xa0, 0xa3]);
/** FORMAT UNIT, SANITIZE */
const ALLOWED_AFTER_FAILURE: ReadonlySet<number> = new Set([0x04, 0x48]);

/** What was begun on the medium that is in `unit` and has not come to its end, or null. */
function savedErasure({ state, mediumName }: LogicalUnit): ErasureState | null {
  return state.current.erasures.find(({ medium }) => medium === mediumName) ?? null;
}

/** Zeros go in pieces, so that progress shows and the store's queue stays short. */
const ZEROED_BYTES_MAX = 268435456;

function ignoreEnd(): void {
  return;
}

/**
 * A logical unit (SAM-5 4.6): a disk or a CD-ROM drive on top of one store, with its task set, its identity and what it
 * keeps for each I_T nexus. A thousand of them in one reactor cost little: working records, scratch memory and slots
 * are the reactor's (DeviceServerContext), and a nexus costs nothing here before its first command.
 */
import type { Backend } from '../../backend/backend.ts';
import { assert } from '../../util/assert.ts';
import type { ScsiCommand } from '../command/command.ts';
import type { CommandEntry } from '../command/command-entry.ts';
import { ATTENTION_REPORTED, MEDIUM_UNTOUCHED, MEDIUM_WRITTEN } from '../command/command-entry.ts';
import type { DeviceType } from '../constants.ts';
import { PERIPHERAL_DIRECT_ACCESS } from '../constants.ts';
import type { CopyLog } from '../copy/copy-log.ts';
import type { UnitRods } from '../copy/token/rod-token.ts';
import type { MediaEvent } from '../mmc/media-event.ts';
import { MEDIA_EJECT_REQUEST, MEDIA_NEW, MEDIA_NO_CHANGE, MEDIA_REMOVAL } from '../mmc/media-event.ts';
import type { Nexus } from '../nexus.ts';
import type { TargetPort } from '../port/target-port.ts';
import type { SavedReservations } from '../reservations/machine/reservation-state.ts';
import { isRefusedToReaders } from '../reservations/reader-access.ts';
import { type ReservationStore, UnitReservations } from '../reservations/unit-reservations.ts';
import type { AtomicJournal } from '../sbc/atomic/atomic-journal.ts';
import { AtomicWrites } from '../sbc/atomic/atomic-writes.ts';
import { isAllowedOnErased, MediumErasure } from '../sbc/erase/medium-erasure.ts';
import { POWER_ACTIVE } from '../sbc/power-condition.ts';
import type { OnThresholdReached, ThresholdDefaults } from '../sbc/provisioning/provisioning.ts';
import { NO_THRESHOLDS, Provisioning } from '../sbc/provisioning/provisioning.ts';
import {
  SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED,
  SENSE_CAPACITY_DATA_HAS_CHANGED,
  SENSE_INITIALIZING_COMMAND_REQUIRED,
  SENSE_MANUAL_INTERVENTION_REQUIRED,
  SENSE_MEDIUM_MAY_HAVE_CHANGED,
  SENSE_MEDIUM_NOT_PRESENT,
  SENSE_MODE_PARAMETERS_CHANGED,
  SENSE_POWER_ON_OR_RESET_OCCURRED,
  SENSE_WRITE_PROTECTED,
} from '../sense.ts';
import { TaskSet } from '../task/task-set.ts';
import { CacheFlush } from './cache-flush.ts';
import { DeviceClock } from './device-clock.ts';
import type { ModeParameters } from './mode-parameters.ts';
import { defaultModes, withDefaultsOf } from './mode-parameters.ts';
import { RangeLocks } from './range-locks.ts';
import { UnitAttentions } from './unit-attention.ts';
import { UnitCounters } from './unit-counters.ts';
import type { UnitState, UnitStateStore } from './unit-state.ts';
import { NO_UNIT_STATE, UnitStateKeeper } from './unit-state.ts';

/** Logical blocks of 512 to 4096 bytes. */
export const BLOCK_SHIFT_MIN = 9;
export const BLOCK_SHIFT_MAX = 12;
export const VENDOR_BYTES = 8;
export const PRODUCT_BYTES = 16;
export const REVISION_BYTES = 4;

export interface LogicalUnitOptions {
  /** 16 bytes, or their text form with or without hyphens; persisted by whoever made the unit, never reused. */
  readonly uuid: string | Uint8Array;
  /** A disk when left out. */
  readonly deviceType?: DeviceType;
  readonly backend: Backend;
  /** Tells the media of a drive apart; empty when left out: there is only one. */
  readonly mediumName?: string;
  readonly blockShift: number;
  /** Write protected by configuration; a read-only store is write protected anyway. */
  readonly isReadOnly: boolean;
  readonly isRemovable?: boolean;
  /** Offers UNMAP and says so, when the store can give space back. */
  readonly isThin: boolean;
  /** ASCII; longer ones are cut to VENDOR_BYTES, PRODUCT_BYTES and REVISION_BYTES. */
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  /** ASCII; the UUID's 32 hexadecimal digits when left out. */
  readonly serial?: string;
  /** Of a thin unit, until MODE SELECT changes them; none when left out. */
  readonly thresholds?: ThresholdDefaults;
  readonly onThresholdReached?: OnThresholdReached;
  /** Where what UnitState holds outlives a restart; without one it does not. */
  readonly stateStore?: UnitStateStore;
  /** What that store has kept; null: nothing. */
  readonly savedState?: UnitState | null;
  /** With it atomic writes may be longer than a physical block. Whoever opened it has AtomicWrites.recover() undo what it tells. */
  readonly atomicJournal?: AtomicJournal;
  /** Where reservations outlive a loss of power; without one they do not, and the unit says so. */
  readonly reservationStore?: ReservationStore;
  /** What that store has kept; null: nothing. */
  readonly savedReservations?: SavedReservations | null;
}

/** What a logical unit keeps for one I_T nexus. */
export class NexusState {
  readonly attentions = new UnitAttentions();
  preventsRemoval = false;
  /** The persistent kind of MMC-6, set and cleared by itself. */
  preventsPersistently = false;
  /** What GET EVENT STATUS NOTIFICATION has not told yet. */
  mediaEvent: MediaEvent = MEDIA_NO_CHANGE;
  /** And that with the medium the features of the drive have changed. */
  hasFeatureChange = false;
  /** Third-party copies; made with the first. */
  copies: CopyLog | null = null;
  /** What WRITE BUFFER has written in echo mode; null: nothing. */
  echoBuffer: Buffer | null = null;
}

export class LogicalUnit {
  readonly uuid: Uint8Array;
  readonly serial: string;
  readonly vendor: string;
  readonly product: string;
  readonly revision: string;
  readonly deviceType: DeviceType;
  readonly blockShift: number;
  readonly blockBytes: number;
  readonly isRemovable: boolean;
  // The medium's; changeMedium() and resize() alone change them.
  backend: Backend;
  mediumName: string;
  blockCount: number;
  /** Whole blocks only; the store may have a rest. */
  sizeBytes: number;
  /** The most that sizeBytes ever was: commands that began then may still be at work there. */
  reachBytes: number;
  isReadOnly: boolean;
  /** Logical block provisioning management is enabled (LBPME, SBC-3 4.7.3). */
  isThin: boolean;
  readonly taskSet = new TaskSet();
  readonly ranges = new RangeLocks(this.taskSet);
  readonly reservations: UnitReservations;
  readonly state: UnitStateKeeper;
  readonly erasure: MediumErasure;
  readonly atomicWrites: AtomicWrites;
  readonly provisioning: Provisioning;
  readonly counters = new UnitCounters();
  readonly cacheFlush = new CacheFlush(this);
  private currentModes: ModeParameters;
  /** WCE is zero over a volatile cache, or about to be: each write is stable before its command ends. */
  writesThrough = false;
  readonly deviceClock = new DeviceClock();
  /** What WRITE BUFFER writes in data mode; made when it first does. */
  dataBuffer: Buffer | null = null;
  /** In the stopped power condition (SBC-3 4.20). */
  isStopped = false;
  /** POWER_ACTIVE, or what REQUEST SENSE reports of an idle or standby power condition. */
  lowPowerCondition = POWER_ACTIVE;
  isMediumPresent = true;
  /** The operator is putting another medium in: nobody loads the old one again. */
  isMediumChanging = false;
  /** ROD tokens for its data; null before the first. */
  rods: UnitRods | null = null;
  private readonly nexusStates = new Map<Nexus, NexusState>();
  // The state found last: most commands in a row come from one nexus.
  private lastNexus: Nexus | null = null;
  private lastState: NexusState | null = null;

  constructor(options: LogicalUnitOptions) {
    const { backend, blockShift } = options;
    assert(blockShift >= BLOCK_SHIFT_MIN && blockShift <= BLOCK_SHIFT_MAX, 'blocks have 512 to 4096 bytes');
    this.uuid = uuidBytes(options.uuid);
    this.serial = options.serial ?? Buffer.from(this.uuid).toString('hex');
    this.vendor = options.vendor;
    this.product = options.product;
    this.revision = options.revision;
    this.deviceType = options.deviceType ?? PERIPHERAL_DIRECT_ACCESS;
    this.blockShift = blockShift;
    this.blockBytes = 2 ** blockShift;
    this.isRemovable = options.isRemovable ?? false;
    this.backend = backend;
    this.mediumName = options.mediumName ?? '';
    this.blockCount = wholeBlocks(backend, this.blockBytes);
    this.sizeBytes = this.blockCount * this.blockBytes;
    this.reachBytes = this.sizeBytes;
    this.isReadOnly = options.isReadOnly || backend.capabilities.isReadOnly;
    this.isThin = options.isThin && backend.capabilities.canUnmap;
    this.state = new UnitStateKeeper(options.stateStore ?? null, options.savedState ?? NO_UNIT_STATE);
    this.erasure = new MediumErasure(this);
    this.atomicWrites = new AtomicWrites(this, options.atomicJournal ?? null);
    this.provisioning = new Provisioning(
      this,
      options.thresholds ?? NO_THRESHOLDS,
      options.onThresholdReached ?? ignoreThreshold,
    );
    this.currentModes = this.savedModes;
    this.provisioning.rearm();
    this.setModes(this.currentModes);
    this.reservations = new UnitReservations(options.reservationStore ?? null, options.savedReservations ?? null);
  }

  /** Commands in the task set; zero when it has been drained. */
  get taskCount(): number {
    return this.taskSet.count;
  }

  get modes(): ModeParameters {
    return this.currentModes;
  }

  /** The saved values, and the defaults of what nobody has saved. */
  get savedModes(): ModeParameters {
    return { ...defaultModes(this), ...this.state.current.savedModes };
  }

  /** What was cached must be on the medium when this ends the write cache. */
  setModes(modes: ModeParameters): void {
    this.provisioning.onModesChanged(this.currentModes, modes);
    this.currentModes = modes;
    const isCached = modes.isWriteCacheEnabled && !this.cacheFlush.isEndingCache;
    this.writesThrough = !isCached && !this.backend.capabilities.isWriteThrough;
  }

  lbaOf(offsetBytes: number): number {
    return Math.floor(offsetBytes / this.blockBytes);
  }

  /** `nexus` as this unit knows it; a new one finds the power on condition pending (SAM-5 5.14). */
  nexusState(nexus: Nexus): NexusState {
    if (this.lastNexus === nexus && this.lastState !== null) return this.lastState;
    let state = this.nexusStates.get(nexus);
    if (state === undefined) {
      state = new NexusState();
      state.attentions.establish(SENSE_POWER_ON_OR_RESET_OCCURRED);
      this.nexusStates.set(nexus, state);
    }
    this.lastNexus = nexus;
    this.lastState = state;
    return state;
  }

  /** I_T nexus loss: all that was kept for `nexus` is gone. */
  forgetNexus(nexus: Nexus): void {
    this.reservations.releaseLegacy(nexus);
    if (this.taskSet.faultedNexus === nexus) this.taskSet.clearAca();
    this.nexusStates.get(nexus)?.copies?.abandon();
    this.nexusStates.delete(nexus);
    if (this.lastNexus === nexus) {
      this.lastNexus = null;
      this.lastState = null;
    }
  }

  /** A unit attention condition for every known nexus but `except`; the others have power on pending, which says more. */
  establishAttention(senseCode: number, except: Nexus | null): void {
    for (const [nexus, state] of this.nexusStates) {
      if (nexus !== except) state.attentions.establish(senseCode);
    }
  }

  /** As establishAttentionFor, for whoever is connected by the name of Nexus.name. */
  establishAttentionByName(name: string, senseCode: number): void {
    for (const [nexus, state] of this.nexusStates) {
      if (nexus.name === name) state.attentions.establish(senseCode);
    }
  }

  /** PREVENT ALLOW MEDIUM REMOVAL with PREVENT zero, from the nexus of that name. */
  allowRemovalByName(name: string): void {
    for (const [nexus, state] of this.nexusStates) {
      if (nexus.name === name) allowRemoval(state);
    }
  }

  /** Names of the initiator ports that are connected and known to this unit; may repeat. */
  *initiatorPortNames(): Iterable<string> {
    for (const { initiatorPortName } of this.nexusStates.keys()) yield initiatorPortName;
  }

  /** The target ports that lead to this unit, as far as `nexus` is to know. */
  portsSeenBy(nexus: Nexus): TargetPort[] {
    return [...this.reservations.targetPorts].filter((port) => nexus.sees(port, this));
  }

  /** A unit attention condition for one nexus; one that is not known (any more) will have power on pending. */
  establishAttentionFor(nexus: Nexus, senseCode: number): void {
    this.nexusStates.get(nexus)?.attentions.establish(senseCode);
  }

  /** Clears a condition without reporting it; nothing is made for a nexus that is not known yet. */
  clearAttention(nexus: Nexus, senseCode: number): void {
    this.nexusStates.get(nexus)?.attentions.clear(senseCode);
  }

  /**
   * The logical unit reset condition (SAM-5 6.3.3), without its effect on the task set.
   * @param onReset called once, perhaps at once: what was cached is on the medium, where the saved mode parameters want that
   */
  reset(onReset: () => void): void {
    this.establishAttention(SENSE_BUS_DEVICE_RESET_FUNCTION_OCCURRED, null);
    this.reservations.releaseLegacy(null);
    this.taskSet.clearAca();
    this.rods?.revokeAll();
    this.lowPowerCondition = POWER_ACTIVE;
    for (const state of this.nexusStates.values()) {
      allowRemoval(state);
      state.copies?.abandon();
      state.copies = null;
      state.echoBuffer = null;
    }
    this.restoreModes(onReset);
  }

  /** Before the first command: nobody has flushed what was written under other mode parameters than the saved ones. */
  powerOn(onReady: () => void): void {
    if (this.currentModes.isWriteCacheEnabled || this.backend.capabilities.isWriteThrough) onReady();
    else this.cacheFlush.begin(true, onReady);
  }

  /** SPC-4 5.11: the saved values hold again. */
  private restoreModes(onRestored: () => void): void {
    const { savedModes, currentModes } = this;
    const isCached = currentModes.isWriteCacheEnabled && !this.backend.capabilities.isWriteThrough;
    const endsCache = isCached && !savedModes.isWriteCacheEnabled;
    const protects = savedModes.isWriteProtected && !currentModes.isWriteProtected;
    this.setModes(endsCache ? { ...savedModes, isWriteCacheEnabled: true } : savedModes);
    if (endsCache || (isCached && protects)) this.cacheFlush.begin(endsCache, onRestored);
    else onRestored();
  }

  get isRemovalPrevented(): boolean {
    for (const state of this.nexusStates.values()) {
      if (state.preventsRemoval || state.preventsPersistently) return true;
    }
    return false;
  }

  /** The medium leaves the drive; its store stays open, so that it can come back. */
  ejectMedium(): void {
    if (!this.isMediumPresent) return;
    this.isMediumPresent = false;
    this.rods?.revokeAll();
    this.establishMediumChange(MEDIA_REMOVAL);
  }

  /** @param by who knows of it, and needs no unit attention; null: nobody */
  loadMedium(by: Nexus | null): void {
    if (this.isMediumPresent || this.isMediumChanging) return;
    this.isMediumPresent = true;
    this.establishAttention(SENSE_MEDIUM_MAY_HAVE_CHANGED, by);
    this.establishMediumChange(MEDIA_NEW);
  }

  /** The operator wants the medium out, which initiators prevent: they are asked (MMC-6, EjectRequest). */
  requestEject(): void {
    for (const state of this.nexusStates.values()) state.mediaEvent = MEDIA_EJECT_REQUEST;
  }

  /**
   * Puts another medium in the drive and loads it. No command is in the task set, and none of the old store's blocks is held
   * by anybody; whoever opened that store closes it.
   * @param options as in LogicalUnitOptions, of the new medium
   */
  changeMedium(
    backend: Backend,
    options: Required<Pick<LogicalUnitOptions, 'mediumName' | 'isReadOnly' | 'isThin'>>,
  ): void {
    const defaults = defaultModes(this);
    assert(this.isRemovable && !this.isMediumPresent, 'a medium is changed while the drive is empty');
    assert(this.taskCount === 0, 'no command goes on from one medium to the next');
    assert(!this.atomicWrites.isBroken, 'what is half done is mended on the medium that it was begun on');
    this.backend = backend;
    this.mediumName = options.mediumName;
    this.blockCount = wholeBlocks(backend, this.blockBytes);
    this.sizeBytes = this.blockCount * this.blockBytes;
    this.reachBytes = this.sizeBytes;
    this.isReadOnly = options.isReadOnly || backend.capabilities.isReadOnly;
    this.isThin = options.isThin && backend.capabilities.canUnmap;
    this.setModes(withDefaultsOf(this.currentModes, defaults, defaultModes(this)));
    this.provisioning.rearm();
    this.isStopped = false;
    this.isMediumChanging = false;
    this.erasure.takeMedium();
    this.loadMedium(null);
  }

  /**
   * The store has become larger or smaller: it is served so from now on, and every initiator is told. Commands that have begun
   * go on; what they do behind a new end is LBA OUT OF RANGE.
   * @param sizeBytes as the store has measured it: at least one block
   */
  resize(sizeBytes: number): void {
    assert(!this.erasure.isRunning, 'an erasure ends where it has begun to');
    const { usedThresholdCount } = defaultModes(this);
    // What is cut off is lost, also when the store grows again.
    if (sizeBytes < this.sizeBytes) this.rods?.onWrite(sizeBytes, this.sizeBytes - sizeBytes);
    this.backend.resize(sizeBytes);
    this.blockCount = wholeBlocks(this.backend, this.blockBytes);
    this.sizeBytes = this.blockCount * this.blockBytes;
    this.reachBytes = Math.max(this.reachBytes, this.sizeBytes);
    this.establishAttention(SENSE_CAPACITY_DATA_HAS_CHANGED, null);
    if (this.currentModes.usedThresholdCount === usedThresholdCount) this.followDefaultThreshold();
  }

  /** A threshold that is a part of the size changes with it, unless somebody has chosen another. */
  private followDefaultThreshold(): void {
    const { usedThresholdCount } = defaultModes(this);
    if (usedThresholdCount === this.currentModes.usedThresholdCount) return;
    this.setModes({ ...this.currentModes, usedThresholdCount });
    this.establishAttention(SENSE_MODE_PARAMETERS_CHANGED, null);
  }

  /**
   * What ends a command that has become enabled before it begins, in the order of the standards: unit attention,
   * asymmetric access state, reservation, medium, write protection.
   * @returns a sense code, OBSTACLE_RESERVATION_CONFLICT, or 0 when nothing does
   */
  obstacleTo(entry: CommandEntry, command: ScsiCommand): number {
    const { nexus } = command;
    if (entry.attention === ATTENTION_REPORTED) {
      const { attentions } = this.nexusState(nexus);
      if (attentions.isPending) return attentions.take();
    }
    if (entry.access < nexus.targetPort.restriction) return nexus.targetPort.senseCode;
    const reserved = this.reservations.obstacleTo(entry, command);
    if (reserved !== 0) return reserved;
    const erased = this.erasure.senseCode;
    if (erased !== 0 && !isAllowedOnErased(entry, this.erasure.isRunning)) return erased;
    if (entry.medium === MEDIUM_UNTOUCHED) return isRefused(entry, command) ? SENSE_WRITE_PROTECTED : 0;
    const notReady = this.notReady();
    if (notReady !== 0) return notReady;
    this.lowPowerCondition = POWER_ACTIVE;
    return entry.medium === MEDIUM_WRITTEN && this.isWriteProtectedFor(nexus) ? SENSE_WRITE_PROTECTED : 0;
  }

  /** Whether `nexus` may only read: by the unit itself, or by what the initiator was granted. */
  isWriteProtectedFor(nexus: Nexus): boolean {
    return this.isReadOnly || nexus.isReadOnly || this.currentModes.isWriteProtected;
  }

  private establishMediumChange(event: MediaEvent): void {
    for (const state of this.nexusStates.values()) {
      state.mediaEvent = event;
      state.hasFeatureChange = true;
    }
  }

  /** Why the medium cannot be accessed now, an erasure included, or 0. */
  inaccessible(): number {
    const erased = this.erasure.senseCode;
    return erased === 0 ? this.notReady() : erased;
  }

  /** Why the medium cannot be accessed now, or 0. */
  notReady(): number {
    if (!this.isMediumPresent) return SENSE_MEDIUM_NOT_PRESENT;
    if (this.atomicWrites.isBroken) return SENSE_MANUAL_INTERVENTION_REQUIRED;
    return this.isStopped ? SENSE_INITIALIZING_COMMAND_REQUIRED : 0;
  }
}

function isRefused(entry: CommandEntry, command: ScsiCommand): boolean {
  return command.nexus.isReadOnly && isRefusedToReaders(entry, command);
}

function wholeBlocks(backend: Backend, blockBytes: number): number {
  const blockCount = Math.floor(backend.sizeBytes / blockBytes);
  assert(blockCount > 0, 'a logical unit has at least one block');
  return blockCount;
}

function allowRemoval(state: NexusState): void {
  state.preventsRemoval = false;
  state.preventsPersistently = false;
}

function uuidBytes(uuid: string | Uint8Array): Uint8Array {
  const bytes = typeof uuid === 'string' ? Buffer.from(uuid.replaceAll('-', ''), 'hex') : uuid;
  assert(bytes.length === 16, 'a UUID has 16 bytes');
  return Uint8Array.from(bytes);
}

function ignoreThreshold(): void {
  return;
}

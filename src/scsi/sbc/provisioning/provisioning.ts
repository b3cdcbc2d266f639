/**
 * The LBA mapping resources of a thin unit (SBC-3 4.7.3): what its store takes of the medium below it and what is left
 * there, counted in threshold sets, and the thresholds of which initiators are told. The store is looked at when somebody
 * asks, from time to time by whoever runs the unit, and after writes: the sooner the nearer a threshold is, never for
 * each write.
 *
 * A threshold is told once when it is reached, and once more only after the resources have gone one threshold set back
 * (SBC-3 4.7.3.7: the threshold range).
 */
import type { BackendSpace } from '../../../backend/backend.ts';
import { NO_SENSE_VALUE } from '../../command/command.ts';
import { SENSE_THIN_PROVISIONING_SOFT_THRESHOLD_REACHED } from '../../sense.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { ModeParameters } from '../../unit/mode-parameters.ts';
import { AVAILABLE_THRESHOLD_DESCRIPTOR, USED_THRESHOLD_DESCRIPTOR } from '../../unit/mode-parameters.ts';

/** Thresholds until MODE SELECT changes them; 0 is none. */
export interface ThresholdDefaults {
  /** Told when no more than this is left. */
  readonly availableBytes: number;
  /** Told when the store takes so much of the unit's size, 0 to 100. */
  readonly usedPercent: number;
}

/** For the operator; initiators are told besides. */
export type OnThresholdReached = (space: BackendSpace) => void;

export const NO_THRESHOLDS: ThresholdDefaults = { availableBytes: 0, usedPercent: 0 };

/** Parameter codes of the Logical Block Provisioning log page, and THRESHOLD RESOURCE of threshold descriptors. */
export const AVAILABLE_LBA_MAPPING_RESOURCE = 0x01;
export const USED_LBA_MAPPING_RESOURCE = 0x02;
/** RESOURCE COUNT and THRESHOLD COUNT have four bytes. */
export const RESOURCE_COUNT_MAX = 0xffffffff;

/** A threshold set is at least so large: finer than anybody counts space in, and enough for 4 PiB. */
const THRESHOLD_SET_BYTES_MIN = 1048576;
/** Written without a look at the store at the most. */
const UNSEEN_BYTES_MAX = 67108864;

const THRESHOLD_MODES = [
  'isThresholdReported',
  'isAvailableThresholdEnabled',
  'availableThresholdCount',
  'isUsedThresholdEnabled',
  'usedThresholdCount',
] as const;

export type OnSpaceSeen = (space: BackendSpace | null) => void;

export class Provisioning {
  private readonly unit: LogicalUnit;
  private readonly defaults: ThresholdDefaults;
  private readonly onReached: OnThresholdReached;
  /** May be written before the next look. */
  private unseenBytes = 0;
  private isAvailableArmed = true;
  private isUsedArmed = true;
  private lastReached = AVAILABLE_THRESHOLD_DESCRIPTOR;
  private isLooking = false;
  private waiting: OnSpaceSeen[] = [];

  constructor(unit: LogicalUnit, defaults: ThresholdDefaults, onReached: OnThresholdReached) {
    this.unit = unit;
    this.defaults = defaults;
    this.onReached = onReached;
  }

  /** Thin, on a store that tells of its space. */
  get hasThresholds(): boolean {
    const { isThin, backend } = this.unit;
    return isThin && backend.capabilities.canTellSpace;
  }

  /** THRESHOLD EXPONENT (SBC-3 6.6.4): logical blocks in a threshold set as a power of two; 0 without thresholds. */
  get thresholdExponent(): number {
    if (!this.hasThresholds) return 0;
    const { blockShift, blockCount } = this.unit;
    let exponent = Math.log2(THRESHOLD_SET_BYTES_MIN) - blockShift;
    while (blockCount / 2 ** exponent > RESOURCE_COUNT_MAX) exponent += 1;
    return exponent;
  }

  get thresholdSetBytes(): number {
    return 2 ** this.thresholdExponent * this.unit.blockBytes;
  }

  get availableThresholdCount(): number {
    return this.defaultCount(this.defaults.availableBytes);
  }

  get usedThresholdCount(): number {
    return this.defaultCount((this.unit.sizeBytes / 100) * this.defaults.usedPercent);
  }

  /** INFORMATION for `senseCode`: of a threshold its descriptor's place in the mode page (SBC-3 4.7.3.7.6), else none. */
  informationOf(senseCode: number): number {
    return senseCode === SENSE_THIN_PROVISIONING_SOFT_THRESHOLD_REACHED ? this.lastReached : NO_SENSE_VALUE;
  }

  /** Other thresholds than before are armed. */
  onModesChanged(before: ModeParameters, after: ModeParameters): void {
    if (THRESHOLD_MODES.some((name) => before[name] !== after[name])) this.rearm();
  }

  /** The thresholds or the store are others: what is reached is told anew. */
  rearm(): void {
    this.isAvailableArmed = true;
    this.isUsedArmed = true;
    this.unseenBytes = 0;
  }

  /** So much has been written; on the hot path. */
  noteWritten(lengthBytes: number): void {
    this.unseenBytes -= lengthBytes;
    if (this.unseenBytes < 0) this.lookIfWatched();
  }

  /** A look for the thresholds' sake, when there are any. */
  lookIfWatched(): void {
    const { isThresholdReported, isAvailableThresholdEnabled, isUsedThresholdEnabled } = this.unit.modes;
    this.unseenBytes = UNSEEN_BYTES_MAX;
    const isWatched = isThresholdReported && (isAvailableThresholdEnabled || isUsedThresholdEnabled);
    if (isWatched && this.hasThresholds && !this.isLooking) this.look(ignoreSpace);
  }

  /** Asks the store, and calls `onSeen` later with what it says: null when it cannot tell now. */
  look(onSeen: OnSpaceSeen): void {
    this.waiting.push(onSeen);
    if (!this.isLooking) this.ask();
  }

  /** Who comes while it is asked waits for the next answer: this one may be of a time before his last write. */
  private ask(): void {
    const { backend } = this.unit;
    const asking = this.waiting;
    this.waiting = [];
    this.isLooking = true;
    backend.space((space) => {
      this.isLooking = false;
      if (this.unit.backend === backend) this.tell(asking, space);
      else this.waiting.unshift(...asking); // it told of the medium that was in the drive before
      if (this.waiting.length > 0 && !this.isLooking) this.ask();
    });
  }

  private tell(asking: readonly OnSpaceSeen[], space: BackendSpace | null): void {
    if (space !== null && this.hasThresholds) this.compare(space);
    for (const onSeen of asking) onSeen(space);
  }

  private defaultCount(bytes: number): number {
    if (bytes === 0 || !this.hasThresholds) return 0;
    return Math.min(Math.max(1, Math.round(bytes / this.thresholdSetBytes)), RESOURCE_COUNT_MAX);
  }

  private compare(space: BackendSpace): void {
    const { modes } = this.unit;
    const setBytes = this.thresholdSetBytes;
    const available = space.availableBytes / setBytes - modes.availableThresholdCount;
    const used = modes.usedThresholdCount - space.usedBytes / setBytes;
    let nearest = Number.POSITIVE_INFINITY;
    if (!modes.isThresholdReported) return;
    if (modes.isAvailableThresholdEnabled) {
      this.isAvailableArmed = this.settle(available, this.isAvailableArmed, AVAILABLE_THRESHOLD_DESCRIPTOR, space);
      if (this.isAvailableArmed) nearest = available;
    }
    if (modes.isUsedThresholdEnabled) {
      this.isUsedArmed = this.settle(used, this.isUsedArmed, USED_THRESHOLD_DESCRIPTOR, space);
      if (this.isUsedArmed) nearest = Math.min(nearest, used);
    }
    this.unseenBytes = Math.min(Math.max(nearest, 1) * setBytes, UNSEEN_BYTES_MAX);
  }

  /**
   * Tells of a threshold that has been reached.
   * @param distance threshold sets that are left before it
   * @returns whether it is armed from now on
   */
  private settle(distance: number, isArmed: boolean, descriptor: number, space: BackendSpace): boolean {
    if (!isArmed) return distance >= 1;
    if (distance > 0) return true;
    this.lastReached = descriptor;
    this.unit.establishAttention(SENSE_THIN_PROVISIONING_SOFT_THRESHOLD_REACHED, null);
    this.onReached(space);
    return false;
  }
}

function ignoreSpace(): void {
  return;
}

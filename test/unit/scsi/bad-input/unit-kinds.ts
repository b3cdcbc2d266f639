/** The kinds of logical unit that commands are tried on, each with a pattern on a small medium. */
import { IO_UNMAP, IO_WRITE, IO_WRITE_ZEROES } from '../../../../src/backend/backend.ts';
import { type CommandEntry, NO_SERVICE_ACTION } from '../../../../src/scsi/command/command-entry.ts';
import type { CommandTable } from '../../../../src/scsi/command/command-table.ts';
import { PERIPHERAL_CD_DVD } from '../../../../src/scsi/constants.ts';
import { CLEAR_ACA } from '../../../../src/scsi/task/task-management.ts';
import { SEGMENT_BYTES_MAX } from '../../../../src/util/slot-pool.ts';
import { type Client, type CommandOptions, Harness, type HarnessOptions, pattern } from '../device-harness.ts';

export const MEDIUM_BLOCKS = 64;
const VARIABLE_LENGTH = 0x7f;
/** A few of each class: what a command does not give back is missed soon. */
const SLOT_CLASSES = [
  { capacityBytes: 4096, count: 4 },
  { capacityBytes: 65536, count: 4 },
  { capacityBytes: SEGMENT_BYTES_MAX, count: 2 },
];

interface KindOptions {
  readonly blockShift: number;
  readonly isWritable: boolean;
  readonly options: HarnessOptions;
}

const KINDS: Readonly<Record<string, KindOptions>> = {
  disk: { blockShift: 9, isWritable: true, options: {} },
  'disk of 4096-byte blocks, not thin': { blockShift: 12, isWritable: true, options: { unit: { isThin: false } } },
  'removable disk': { blockShift: 9, isWritable: true, options: { unit: { isRemovable: true } } },
  'read-only disk': { blockShift: 9, isWritable: false, options: { unit: { isReadOnly: true } } },
  'CD-ROM drive': {
    blockShift: 11,
    isWritable: false,
    options: {
      capabilities: { isReadOnly: true, canUnmap: false },
      unit: { deviceType: PERIPHERAL_CD_DVD, isReadOnly: true, isRemovable: true, isThin: false },
    },
  },
};

export const KIND_NAMES = Object.keys(KINDS);

export class TriedUnit extends Harness {
  readonly isWritable: boolean;

  constructor(kind: string) {
    const { blockShift, isWritable, options } = KINDS[kind]!;
    const sizeBytes = MEDIUM_BLOCKS << blockShift;
    super({ ...options, sizeBytes, slotClasses: SLOT_CLASSES, unit: { ...options.unit, blockShift } });
    this.isWritable = isWritable;
    pattern(MEDIUM_BLOCKS, 5, 1 << blockShift).copy(this.backend.bytes);
  }

  get table(): CommandTable {
    return this.context.tableOf(this.unit);
  }

  /** Runs one command and takes what the store was asked to change by it. */
  try(cdb: readonly number[], options: CommandOptions = {}): Tried {
    this.backend.log.length = 0;
    const client = this.run(cdb, options);
    this.manage(CLEAR_ACA); // NACA may have been one of the bits
    const changes = this.backend.log.filter(({ op }) => op === IO_WRITE || op === IO_UNMAP || op === IO_WRITE_ZEROES);
    return { client, changes };
  }

  /** A unit that takes every command again, whatever the last one has done. */
  restore(): void {
    const { unit } = this;
    if (unit.isRemovalPrevented) for (const prevent of [0, 2]) this.run([0x1e, 0, 0, 0, prevent, 0]);
    if (unit.isStopped || !unit.isMediumPresent) this.run([0x1b, 0, 0, 0, unit.isRemovable ? 3 : 1, 0]);
    unit.setModes(unit.savedModes);
  }
}

export interface Tried {
  readonly client: Client;
  readonly changes: readonly { readonly offsetBytes: number; readonly lengthBytes: number }[];
}

export function entriesOf(kind: string): readonly CommandEntry[] {
  const { table, unit } = new TriedUnit(kind);
  return table.entries.filter((entry) => entry.isOffered(unit));
}

/** The CDB of `entry` with nothing in it but what tells it apart. */
export function emptyCdb({ operationCode, serviceAction, cdbBytes }: CommandEntry): number[] {
  const cdb = Array<number>(cdbBytes).fill(0);
  cdb[0] = operationCode;
  if (operationCode === VARIABLE_LENGTH) cdb.splice(7, 3, cdbBytes - 8, serviceAction >>> 8, serviceAction & 0xff);
  else if (serviceAction !== NO_SERVICE_ACTION) cdb[1] = serviceAction;
  return cdb;
}

/** The bits of byte `at` that tell the command apart. */
export function identifyingBits({ operationCode, serviceAction }: CommandEntry, at: number): number {
  if (at === 0) return 0xff;
  if (operationCode === VARIABLE_LENGTH) return at >= 7 && at <= 9 ? 0xff : 0;
  return at === 1 && serviceAction !== NO_SERVICE_ACTION ? 0x1f : 0;
}

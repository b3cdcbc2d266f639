/** The log pages, and those of them that every unit has: error counters, general statistics, informational exceptions. */

import { LOGICAL_BLOCK_PROVISIONING } from '../../sbc/provisioning/sbc-log.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';
import type { Count } from '../../unit/unit-counters.ts';
import {
  COUNT_BLOCKS_READ,
  COUNT_BLOCKS_WRITTEN,
  COUNT_IDLE_MS,
  COUNT_READ_COMMANDS,
  COUNT_READ_ERRORS,
  COUNT_READ_MS,
  COUNT_WRITE_COMMANDS,
  COUNT_WRITE_ERRORS,
  COUNT_WRITE_MS,
} from '../../unit/unit-counters.ts';
import type { LogPage, LogParameter } from './log-page.ts';
import { CONTROL_BINARY_LIST, CONTROL_VOLATILE_COUNTER, writeUint64 } from './log-page.ts';

const WRITE_ERROR_COUNTERS: LogPage = {
  pageCode: 0x02,
  needsSpace: false,
  isOffered: onEveryUnit,
  parameters: errorCounters(COUNT_BLOCKS_WRITTEN, COUNT_WRITE_ERRORS),
};

const READ_ERROR_COUNTERS: LogPage = {
  pageCode: 0x03,
  needsSpace: false,
  isOffered: onEveryUnit,
  parameters: errorCounters(COUNT_BLOCKS_READ, COUNT_READ_ERRORS),
};

/**
 * SPC-4 7.3.20, of what there is: how often a fixed disk was stopped and a removable medium unloaded. A store has no date of
 * manufacture and wears out by neither.
 */
const START_STOP_CYCLE_COUNTER: LogPage = {
  pageCode: 0x0e,
  needsSpace: false,
  isOffered: onEveryUnit,
  parameters: [
    { code: 0x0004, control: CONTROL_BINARY_LIST, lengthBytes: 4, write: writeStops },
    { code: 0x0006, control: CONTROL_BINARY_LIST, lengthBytes: 4, write: writeUnloads },
  ],
};

/** SPC-4 7.3.9 */
const GENERAL_STATISTICS_AND_PERFORMANCE: LogPage = {
  pageCode: 0x19,
  needsSpace: false,
  isOffered: onEveryUnit,
  parameters: [
    { code: 0x0001, control: CONTROL_VOLATILE_COUNTER, lengthBytes: 64, write: writeStatistics },
    { code: 0x0002, control: CONTROL_VOLATILE_COUNTER, lengthBytes: 8, write: writeIdleTime },
    { code: 0x0003, control: CONTROL_BINARY_LIST, lengthBytes: 8, write: writeTimeInterval },
  ],
};

/** SPC-4 7.3.11: nothing is ever predicted or warned of, and a store has no temperature. */
const INFORMATIONAL_EXCEPTIONS: LogPage = {
  pageCode: 0x2f,
  needsSpace: false,
  isOffered: onEveryUnit,
  parameters: [{ code: 0x0000, control: CONTROL_BINARY_LIST, lengthBytes: 4, write: writeNoException }],
};

/** In ascending order of page codes; without those that list them. */
export const LOG_PAGES: readonly LogPage[] = [
  WRITE_ERROR_COUNTERS,
  READ_ERROR_COUNTERS,
  LOGICAL_BLOCK_PROVISIONING,
  START_STOP_CYCLE_COUNTER,
  GENERAL_STATISTICS_AND_PERFORMANCE,
  INFORMATIONAL_EXCEPTIONS,
];

/** SPC-4 7.3.5: total bytes processed (0005h) and total uncorrected errors (0006h). */
function errorCounters(blocks: Count, errors: Count): LogParameter[] {
  return [
    {
      code: 0x0005,
      control: CONTROL_VOLATILE_COUNTER,
      lengthBytes: 8,
      write: ({ counters, blockBytes }, out, at) => writeUint64(counters.get(blocks) * blockBytes, out, at),
    },
    {
      code: 0x0006,
      control: CONTROL_VOLATILE_COUNTER,
      lengthBytes: 8,
      write: ({ counters }, out, at) => writeUint64(counters.get(errors), out, at),
    },
  ];
}

/** The two weighted fields at the end stay zero: what they would say needs the whole history of the queue. */
function writeStatistics({ counters }: LogicalUnit, out: Buffer, at: number): void {
  const RECEIVED = 16;
  const TRANSMITTED = 24;
  const READ_INTERVALS = 32;
  const WRITE_INTERVALS = 40;
  writeUint64(counters.get(COUNT_READ_COMMANDS), out, at);
  writeUint64(counters.get(COUNT_WRITE_COMMANDS), out, at + 8);
  writeUint64(counters.get(COUNT_BLOCKS_WRITTEN), out, at + RECEIVED);
  writeUint64(counters.get(COUNT_BLOCKS_READ), out, at + TRANSMITTED);
  writeUint64(intervals(counters.get(COUNT_READ_MS)), out, at + READ_INTERVALS);
  writeUint64(intervals(counters.get(COUNT_WRITE_MS)), out, at + WRITE_INTERVALS);
}

function writeIdleTime({ counters }: LogicalUnit, out: Buffer, at: number): void {
  writeUint64(intervals(counters.get(COUNT_IDLE_MS)), out, at);
}

/** A time interval is 1 × 10^-6 s. */
function writeTimeInterval(_unit: LogicalUnit, out: Buffer, at: number): void {
  const NEGATIVE_EXPONENT = 6;
  out.writeUInt32BE(NEGATIVE_EXPONENT, at);
  out.writeUInt32BE(1, at + 4);
}

function intervals(ms: number): number {
  return Math.round(ms * 1000);
}

function writeStops({ state }: LogicalUnit, out: Buffer, at: number): void {
  out.writeUInt32BE(Math.min(state.current.cycles?.stops ?? 0, UINT32_MAX), at);
}

function writeUnloads({ state }: LogicalUnit, out: Buffer, at: number): void {
  out.writeUInt32BE(Math.min(state.current.cycles?.unloads ?? 0, UINT32_MAX), at);
}

const UINT32_MAX = 0xffffffff;

function writeNoException(_unit: LogicalUnit, out: Buffer, at: number): void {
  const MOST_RECENT_TEMPERATURE_READING = 2;
  /** Vendor specific; sg3_utils and smartmontools take it for the highest temperature allowed. */
  const TEMPERATURE_THRESHOLD = 3;
  const NO_TEMPERATURE = 0xff;
  out[at + MOST_RECENT_TEMPERATURE_READING] = NO_TEMPERATURE;
  out[at + TEMPERATURE_THRESHOLD] = NO_TEMPERATURE;
}

function onEveryUnit(): boolean {
  return true;
}

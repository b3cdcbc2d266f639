/** What a log page is made of (SPC-4 7.3.2): a header, and parameters in ascending order of their codes. */
import type { BackendSpace } from '../../../backend/backend.ts';
import type { LogicalUnit } from '../../unit/logical-unit.ts';

export interface LogPage {
  readonly pageCode: number;
  /** The store's space has to be asked for before its parameters are written. */
  readonly needsSpace: boolean;
  readonly isOffered: (unit: LogicalUnit) => boolean;
  /** At least one. */
  readonly parameters: readonly LogParameter[];
}

export interface LogParameter {
  readonly code: number;
  readonly control: LogParameterControl;
  /** PARAMETER LENGTH: bytes behind the parameter's header. */
  readonly lengthBytes: number;
  /**
   * Writes the value at `at`, where `lengthBytes` zeros are.
   * @param space what the store has told; null unless the page needs it
   */
  readonly write: (unit: LogicalUnit, out: Buffer, at: number, space: BackendSpace | null) => void;
}

// Parameter control byte (SPC-4 7.3.2.2.2): DU, ETC and TMC zero; FORMAT AND LINKING.
/** Unbounded data counter, kept only as long as the daemon runs (TSD one). */
export const CONTROL_VOLATILE_COUNTER = 0x22;
export const CONTROL_BINARY_LIST = 0x03;
export type LogParameterControl = typeof CONTROL_VOLATILE_COUNTER | typeof CONTROL_BINARY_LIST;

const PARAMETER_HEADER_BYTES = 4;

/**
 * Writes the page's parameters from code `firstCode` on at `at`; returns where they end.
 * @param isDefault counters have their default, zero
 */
export function writeParameters(
  page: LogPage,
  unit: LogicalUnit,
  space: BackendSpace | null,
  firstCode: number,
  isDefault: boolean,
  out: Buffer,
  at: number,
): number {
  let end = at;
  for (const { code, control, lengthBytes, write } of page.parameters) {
    if (code < firstCode) continue;
    const valueAt = end + PARAMETER_HEADER_BYTES;
    out.fill(0, end, valueAt + lengthBytes);
    out.writeUInt16BE(code, end);
    out[end + 2] = control;
    out[end + 3] = lengthBytes;
    if (!isDefault || control !== CONTROL_VOLATILE_COUNTER) write(unit, out, valueAt, space);
    end = valueAt + lengthBytes;
  }
  return end;
}

/** @param value a safe integer */
export function writeUint64(value: number, out: Buffer, at: number): void {
  out.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  out.writeUInt32BE(value % 2 ** 32, at + 4);
}
